package grants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-auth/writ/models"
)

// withRecorder gives the service an audit trail; the recorder writes when the test says so.
func withRecorder(t testing.TB, changes ...func(*Config)) (*fixture, *Recorder) {
	t.Helper()
	f := newFixture(t, changes...)
	recorder := NewRecorder(f.store, f.clock.now, slog.New(slog.DiscardHandler))
	f.Audit = recorder
	return f, recorder
}

// trail writes what the recorder holds and gives the whole trail behind the set-up, oldest first, as "action code target count".
func (f *fixture) trail(t *testing.T, recorder *Recorder) []string {
	t.Helper()
	must(t, recorder.Flush(t.Context()))
	rows, _, err := f.store.Audit(t.Context(), models.AuditFilter{}, models.Page{Limit: models.MaxLimit})
	must(t, err)
	slices.Reverse(rows)
	lines := []string{}
	for _, row := range rows {
		if row.ActorLevel != models.AuditSystem {
			lines = append(lines, fmt.Sprintf("%s %s %s %q %d", row.Action, row.Code, row.TargetKind, row.TargetName, row.Count))
		}
	}
	return lines
}

func TestEveryKindOfAuthenticationFailureIsRecorded(t *testing.T) { // SEC-80
	t.Parallel()
	f, recorder := withRecorder(t)
	ctx := t.Context()
	refused := func(err error) {
		t.Helper()
		if err == nil {
			t.Error("that should have failed")
		}
	}
	ask := func(req TokenRequest) {
		t.Helper()
		req.Source = "192.0.2.7"
		_, err := f.Token(ctx, req)
		refused(err)
	}
	shop := f.shop
	ask(TokenRequest{Tenant: shop, GrantType: "password", Username: "dana", Password: "wrong"})
	ask(TokenRequest{Tenant: shop, GrantType: "password", Username: "hunter2-canary", Password: "wrong"})
	ask(TokenRequest{Tenant: shop, GrantType: "pin", Username: "dana", PIN: "1"})
	ask(TokenRequest{GrantType: "password", Username: "OLGA", Password: "wrong"})
	ask(TokenRequest{GrantType: "client_credentials", Client: PresentedClient{ID: shop.clientID, Secret: "wrong"}})
	ask(TokenRequest{GrantType: "client_credentials", Client: PresentedClient{ID: "canary", Secret: "wrong"}})
	_, err := f.AuthenticateBasic(ctx, "SuperUser", "wrong", "192.0.2.7")
	refused(err)
	_, err = f.AuthenticateClient(ctx, f.shop.clientID, "wrong", "192.0.2.8")
	refused(err)
	refused(f.ChangeUserPassword(ctx, shop, &Caller{}, "dana", "wrong", "new-harbor-9", "192.0.2.7"))
	refused(f.ChangeAdminPassword(ctx, &Caller{}, "olga", "wrong", "new-harbor-9", "192.0.2.7"))
	// None of these is about credentials.
	ask(TokenRequest{Tenant: shop, GrantType: "password", Username: "dana"})
	ask(TokenRequest{Tenant: shop, GrantType: "weird"})
	ask(TokenRequest{Tenant: shop, GrantType: "password", Username: "dana", Password: userPassword, Scope: "none"})

	want := []string{
		`login.failed invalid_grant user "dana" 1`, // password
		`login.failed invalid_grant user "" 1`,
		`login.failed invalid_grant user "dana" 1`, // PIN
		`login.failed invalid_grant admin "olga" 1`,
		`login.failed invalid_client client "` + shop.clientID + `" 1`,
		`login.failed invalid_client client "" 1`,
		`login.failed unauthorized admin "superuser" 1`,
		`login.failed invalid_client client "` + shop.clientID + `" 1`, // from another address
		`login.failed auth_invalid_username_or_password user "dana" 1`,
		`login.failed auth_invalid_username_or_password admin "olga" 1`,
	}
	if got := f.trail(t, recorder); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	rows, _, err := f.store.Audit(ctx, models.AuditFilter{Target: "olga", Action: "login.failed", OrganizationID: shop.Organization.ID}, models.Page{})
	must(t, err)
	if len(rows) != 2 || rows[0].ActorLevel != "guest" || rows[0].Source != "192.0.2.7" || rows[0].Result != models.AuditRefused {
		t.Errorf("the organization of the admin sees %+v", rows)
	}
}

func TestLoginsAreRecordedButNoTokenIs(t *testing.T) { // SEC-80
	t.Parallel()
	for _, logins := range []bool{false, true} {
		t.Run(fmt.Sprint(logins), func(t *testing.T) {
			t.Parallel()
			f, recorder := withRecorder(t, func(c *Config) { c.AuditUserLogins = logins })
			issue := func(req TokenRequest) {
				t.Helper()
				req.Source = "192.0.2.7"
				_, err := f.Token(t.Context(), req)
				must(t, err)
			}
			for range 100 {
				issue(TokenRequest{Tenant: f.shop, GrantType: "client_credentials", Client: PresentedClient{ID: f.shop.clientID, Secret: f.shopSecret}})
			}
			for range 3 {
				issue(TokenRequest{Tenant: f.shop, GrantType: "password", Username: "dana", Password: userPassword})
				issue(TokenRequest{GrantType: "password", Username: "olga", Password: adminPassword})
			}
			_, err := f.AuthenticateBasic(t.Context(), "superuser", rootPassword, "192.0.2.7")
			must(t, err)
			want := []string{`admin.login  admin "olga" 3`, `admin.login  admin "superuser" 1`}
			if logins {
				want = append([]string{`user.login  user "dana" 3`}, want...)
			}
			if got := f.trail(t, recorder); !slices.Equal(got, want) {
				t.Errorf("got\n%q\nwant\n%q", got, want)
			}
		})
	}
}

func TestNonExpiringTokensAreAudited(t *testing.T) { // SEC-19
	t.Parallel()
	f, recorder := withRecorder(t)
	zero, err := ParseTTL("0")
	must(t, err)
	_, err = f.Token(t.Context(), TokenRequest{
		Tenant: f.shop, GrantType: "client_credentials", Client: PresentedClient{ID: f.shop.clientID, Secret: f.shopSecret}, TTL: zero, Label: "robot",
	})
	must(t, err)
	admin, err := f.adminCaller(t.Context(), &f.olga)
	must(t, err)
	_, err = f.Impersonate(t.Context(), admin, f.shop, "dana", zero, "", "report", "192.0.2.1")
	must(t, err)
	want := []string{`token.register  token "robot" 1`, `token.register  token "report" 1`}
	if got := f.trail(t, recorder); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	rows, _, err := f.store.Audit(t.Context(), models.AuditFilter{Action: "token.register", OrganizationID: f.shop.Organization.ID}, models.Page{})
	must(t, err)
	if len(rows) != 2 || rows[0].ActorName != "olga" || rows[1].ActorName != "acme/shop" {
		t.Errorf("%+v", rows)
	}
}

func TestAStolenRefreshTokenAndARevocationAreRecorded(t *testing.T) { // SEC-80
	t.Parallel()
	f, recorder := withRecorder(t)
	_, err := f.store.UpdateApplication(t.Context(), f.shop.Application.ID, func(a *models.Application) error {
		a.Settings.RefreshTokens = true
		return nil
	})
	must(t, err)
	shop, err := f.Tenant(t.Context(), "acme", "shop")
	must(t, err)
	login, err := f.Token(t.Context(), TokenRequest{Tenant: shop, GrantType: "password", Username: "dana", Password: userPassword})
	must(t, err)
	refresh := TokenRequest{Tenant: shop, GrantType: "refresh_token", RefreshToken: login.RefreshToken}
	next, err := f.Token(t.Context(), refresh)
	must(t, err)
	must(t, f.Revoke(t.Context(), shop, PresentedClient{}, next.AccessToken, "192.0.2.1"))
	must(t, f.Revoke(t.Context(), shop, PresentedClient{}, next.RefreshToken, "192.0.2.1"))
	must(t, f.Revoke(t.Context(), shop, PresentedClient{}, "garbage", "192.0.2.1"))
	must(t, recorder.Flush(t.Context()))
	login, err = f.Token(t.Context(), TokenRequest{Tenant: shop, GrantType: "password", Username: "dana", Password: userPassword})
	must(t, err)
	refresh.RefreshToken = login.RefreshToken
	_, err = f.Token(t.Context(), refresh)
	must(t, err)
	if _, err = f.Token(t.Context(), refresh); err == nil {
		t.Error("a spent refresh token was accepted")
	}
	if _, err = f.Token(t.Context(), TokenRequest{Tenant: shop, GrantType: "refresh_token", RefreshToken: "canary"}); err == nil {
		t.Error("an unknown refresh token was accepted")
	}
	want := []string{`token.revoke  token "" 1`, `token.revoke  refresh family "" 1`, `refresh.reused invalid_grant user "" 1`, `login.failed invalid_grant user "" 1`}
	if got := f.trail(t, recorder); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestAFloodOfFailuresStaysBounded(t *testing.T) { // SEC-80
	t.Parallel()
	f := newFixture(t)
	recorder := NewRecorder(f.store, f.clock.now, slog.New(slog.DiscardHandler))
	refused := models.AuditEvent{Action: "login.failed", Result: models.AuditRefused, Source: "192.0.2.7"}
	for range 10_000 {
		recorder.Record(refused)
	}
	if got := f.trail(t, recorder); !slices.Equal(got, []string{`login.failed   "" 10000`}) {
		t.Errorf("equal failures: %q", got)
	}
	for i := range 10_000 {
		refused.Source = fmt.Sprint("2001:db8::", i)
		recorder.Record(refused)
	}
	recorder.Record(models.AuditEvent{Action: "admin.login"})
	f.clock.advance(2 * time.Second)
	refused.Source = "later"
	recorder.Record(refused)
	must(t, recorder.Flush(t.Context()))
	rows, _, err := f.store.Audit(t.Context(), models.AuditFilter{}, models.Page{Limit: models.MaxLimit})
	must(t, err)
	// Keys, one of before, the burst less that one, the login, the later one and the event about the rest.
	if newest := rows[0]; newest.Action != "audit.dropped" || newest.Count != 10_000-refusalBurst+1 || rows[1].Source != "later" || rows[2].Action != "admin.login" {
		t.Errorf("%+v\n%+v", newest, rows[1])
	}
	if len(rows) > refusalBurst+10 {
		t.Errorf("%d rows", len(rows))
	}
	for i := range 2 * maxRecorded {
		recorder.Record(models.AuditEvent{Action: fmt.Sprint(i)})
	}
	if len(recorder.events) != maxRecorded || recorder.dropped != maxRecorded {
		t.Errorf("%d events, %d dropped", len(recorder.events), recorder.dropped)
	}
}

// failingStore cannot write until it is told to.
type failingStore struct {
	sync.Mutex

	fail   bool
	events []models.AuditEvent
}

func (s *failingStore) AppendAudit(_ context.Context, events []models.AuditEvent) error {
	s.Lock()
	defer s.Unlock()
	if s.fail {
		return errors.New("no database")
	}
	s.events = append(s.events, events...)
	return nil
}

func TestWhatCannotBeWrittenIsKept(t *testing.T) {
	t.Parallel()
	database := &failingStore{fail: true}
	recorder := NewRecorder(database, time.Now, slog.New(slog.DiscardHandler))
	recorder.Record(models.AuditEvent{Action: "a"})
	if recorder.Flush(t.Context()) == nil {
		t.Error("the failure was hidden")
	}
	recorder.Record(models.AuditEvent{Action: "b"})
	recorder.Record(models.AuditEvent{Action: "a"})
	database.fail = false
	must(t, recorder.Flush(t.Context()))
	must(t, recorder.Flush(t.Context()))
	if len(database.events) != 2 || database.events[0].Action != "a" || database.events[0].Count != 2 || database.events[1].Action != "b" {
		t.Errorf("%+v", database.events)
	}
}

func TestTheRecorderWritesWithinASecondAndAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		database := &failingStore{}
		recorder := NewRecorder(database, time.Now, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- recorder.Run(ctx) }()
		recorder.Record(models.AuditEvent{Action: "a"})
		<-time.After(time.Second)
		synctest.Wait()
		if len(database.events) != 1 {
			t.Errorf("%d events after a second", len(database.events))
		}
		recorder.Record(models.AuditEvent{Action: "b"})
		cancel()
		must(t, <-ended)
		if len(database.events) != 2 {
			t.Errorf("%d events after the end", len(database.events))
		}
	})
}
