package grants

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

func TestRevokedGenerationsAreRefusedAndLaterLoginsAreNot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	admin := TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga", Password: adminPassword}
	org := TokenRequest{
		Dialect: Usergrid, GrantType: "client_credentials", Client: PresentedClient{ID: f.organizationID(f.shop), Secret: f.acmeSecret},
	}
	for name, c := range map[string]struct {
		req    TokenRequest
		revoke func() error
	}{
		"user":         {f.login(), func() error { return f.RevokeUserTokens(t.Context(), f.shop, f.dana.ID) }},
		"admin":        {admin, func() error { return f.RevokeAdminTokens(t.Context(), f.olga.ID) }},
		"application":  {f.own(f.shop, f.shopSecret), func() error { return f.RevokeClientTokens(t.Context(), f.shop.Application.ID) }},
		"organization": {org, func() error { return f.RevokeClientTokens(t.Context(), orgOf(f.shop)) }},
	} {
		t.Run(name, func(t *testing.T) {
			before := f.token(t, c.req)
			lasting := f.token(t, with(c.req, func(r *TokenRequest) { r.TTL = TTL{set: true} }))
			must(t, c.revoke())
			if err := f.accepted(t.Context(), before.AccessToken); !errors.Is(err, ErrRevoked) {
				t.Errorf("the older token: %v", err)
			}
			if err := f.accepted(t.Context(), lasting.AccessToken); !errors.Is(err, ErrRevoked) {
				t.Errorf("the older non-expiring token: %v", err)
			}
			// The very same millisecond: no clock is compared. SEC-62
			f.shop = f.configure(t, f.shop, func(*models.Settings) {})
			if c.req.Tenant != nil {
				c.req.Tenant = f.shop
			}
			must(t, f.accepted(t.Context(), f.token(t, c.req).AccessToken))
		})
	}
}

func TestDenialsSurviveARestart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, all := f.token(t, f.login()), f.token(t, f.own(f.shop, f.shopSecret))
	must(t, f.RevokePresented(t.Context(), f.shop, "dana", one.AccessToken, nil))
	must(t, f.RevokeClientTokens(t.Context(), f.shop.Application.ID))
	again, err := New(t.Context(), f.Config)
	must(t, err)
	for _, token := range []*Token{one, all} {
		if _, err := again.AuthenticateToken(t.Context(), token.AccessToken); !errors.Is(err, ErrRevoked) {
			t.Errorf("after a restart: %v", err)
		}
	}
	if again.denylist.size() != 2 {
		t.Errorf("%d denials, want 2", again.denylist.size())
	}
}

func TestRevokePresented(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.user(t, "erik", func(*models.User) {})
	eriksRow, err := f.store.User(t.Context(), f.shop.Application.ID, "erik")
	must(t, err)
	app, err := f.AuthenticateClient(t.Context(), f.clientID(f.shop), f.shopSecret, "")
	must(t, err)
	foreign, err := f.AuthenticateClient(t.Context(), f.clientID(f.depot), f.depotSecret, "")
	must(t, err)
	root, err := f.AuthenticateBasic(t.Context(), "SuperUser", rootPassword, "192.0.2.1")
	must(t, err)
	olga := TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga", Password: adminPassword}
	for name, c := range map[string]struct {
		token  string
		tenant *Tenant
		user   string
		extra  *Caller
		want   string
	}{
		"holder":                      {f.token(t, f.login()).AccessToken, f.shop, "dana", nil, ""},
		"holder by uuid":              {f.token(t, f.login()).AccessToken, f.shop, f.dana.ID.String(), nil, ""},
		"holder by me":                {f.token(t, f.login()).AccessToken, f.shop, "me", nil, ""},
		"another user's path":         {f.token(t, f.login()).AccessToken, f.shop, "erik", nil, "token"},
		"me of another user":          {f.token(t, f.login()).AccessToken, f.shop, "me", &Caller{Level: "application_user", User: &eriksRow}, "token"},
		"unknown user's path":         {f.token(t, f.login()).AccessToken, f.shop, "nobody", nil, "token"},
		"application access":          {f.token(t, f.login()).AccessToken, f.shop, "erik", app, ""},
		"another application's":       {f.token(t, f.login()).AccessToken, f.shop, "erik", foreign, "token"},
		"at another application":      {f.token(t, f.login()).AccessToken, f.depot, "dana", foreign, "token"},
		"client token":                {f.token(t, f.own(f.shop, f.shopSecret)).AccessToken, f.shop, "dana", app, "token"},
		"admin":                       {f.token(t, olga).AccessToken, nil, "olga", nil, ""},
		"admin, another's path":       {f.token(t, olga).AccessToken, nil, "superuser", nil, "token"},
		"admin by the superuser":      {f.token(t, olga).AccessToken, nil, "superuser", root, ""},
		"user token under management": {f.token(t, f.login()).AccessToken, nil, "olga", root, "token"},
		"none":                        {"", f.shop, "dana", nil, "illegal_argument"},
		"garbage":                     {"abc", f.shop, "dana", app, "illegal_argument"},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.RevokePresented(t.Context(), c.tenant, c.user, c.token, c.extra)
			if got := code(t, err, Usergrid); got != c.want {
				t.Fatalf("code %q, want %q", got, c.want)
			}
			if err != nil {
				return
			}
			if err := f.accepted(t.Context(), c.token); !errors.Is(err, ErrRevoked) {
				t.Errorf("the token afterwards: %v", err)
			}
			err = f.RevokePresented(t.Context(), c.tenant, c.user, c.token, c.extra)
			if got := code(t, err, Usergrid); got != "auth_bad_access_token" || err.(*Error).Status != 400 { //nolint:errorlint,forcetypeassert // code has checked it
				t.Errorf("revoking it again: %v", err)
			}
		})
	}
	short := f.token(t, with(f.login(), func(r *TokenRequest) { r.TTL = TTL{set: true, millis: 1000} }))
	f.clock.advance(2 * time.Second)
	err = f.RevokePresented(t.Context(), f.shop, "dana", short.AccessToken, nil)
	if got := code(t, err, Usergrid); got != "expired_token" {
		t.Errorf("an expired one: %q", got)
	}
}

// SEC-60
func TestRevocationEndpointTellsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine, other := f.token(t, f.login()), f.token(t, f.own(f.depot, f.depotSecret))
	for _, raw := range []string{"garbage", other.AccessToken, mine.AccessToken, mine.AccessToken} {
		must(t, f.Revoke(t.Context(), f.shop, PresentedClient{}, raw, ""))
	}
	if err := f.accepted(t.Context(), mine.AccessToken); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	must(t, f.accepted(t.Context(), other.AccessToken))
	err := f.Revoke(t.Context(), f.shop, PresentedClient{ID: f.clientID(f.shop), Secret: "wrong"}, mine.AccessToken, "")
	if got := code(t, err, RFC6749); got != "invalid_client" {
		t.Errorf("a wrong client: %q", got)
	}
}

// SEC-63
func TestIntrospection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	client := func(id, secret string) *Caller {
		t.Helper()
		caller, err := f.AuthenticateClient(t.Context(), id, secret, "")
		must(t, err)
		return caller
	}
	shop, acme := client(f.clientID(f.shop), f.shopSecret), client(f.organizationID(f.shop), f.acmeSecret)
	depot, rival := client(f.clientID(f.depot), f.depotSecret), client(f.organizationID(f.stall), f.rivalSecret)
	dana := f.token(t, f.login())
	asDana, err := f.AuthenticateToken(t.Context(), dana.AccessToken)
	must(t, err)
	olga := f.token(t, TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga", Password: adminPassword})
	asOlga, err := f.AuthenticateToken(t.Context(), olga.AccessToken)
	must(t, err)
	revoked := f.token(t, f.login())
	must(t, f.RevokePresented(t.Context(), f.shop, "me", revoked.AccessToken, nil))
	for name, c := range map[string]struct {
		tenant *Tenant
		caller *Caller
		raw    string
		active bool
		want   string
	}{
		"application client":        {f.shop, shop, dana.AccessToken, true, ""},
		"owner's client":            {f.shop, acme, dana.AccessToken, true, ""},
		"admin":                     {f.shop, asOlga, dana.AccessToken, true, ""},
		"another application":       {f.shop, depot, dana.AccessToken, false, "invalid_client"},
		"guest":                     {f.shop, &Caller{}, dana.AccessToken, false, "invalid_client"},
		"user":                      {f.shop, asDana, dana.AccessToken, false, "invalid_client"},
		"token of another issuer":   {f.depot, depot, dana.AccessToken, false, ""},
		"revoked":                   {f.shop, shop, revoked.AccessToken, false, ""},
		"garbage":                   {f.shop, shop, "garbage", false, ""},
		"management, own":           {nil, asOlga, olga.AccessToken, true, ""},
		"management, application's": {nil, acme, dana.AccessToken, true, ""},
		"management, foreign":       {nil, rival, dana.AccessToken, false, ""},
		"management, admin's token": {nil, acme, olga.AccessToken, false, ""},
		"management, application":   {nil, shop, dana.AccessToken, false, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := f.Introspect(t.Context(), c.tenant, c.caller, c.raw)
			if got := code(t, err, RFC6749); got != c.want || (set != nil) != c.active {
				t.Errorf("claims %v, code %q", set, got)
			}
		})
	}
}

func TestOldTokensStayDeadAfterARestore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	user, app := f.token(t, f.login()), f.token(t, f.own(f.shop, f.shopSecret))
	must(t, f.store.DeleteApplication(t.Context(), f.shop.Application.ID))
	for _, token := range []*Token{user, app} {
		if err := f.accepted(t.Context(), token.AccessToken); code(t, err, Usergrid) != "auth_bad_access_token" {
			t.Errorf("while deleted: %v", err)
		}
	}
	_, err := f.store.RestoreApplication(t.Context(), f.shop.Application.ID)
	must(t, err)
	for _, token := range []*Token{user, app} {
		if err := f.accepted(t.Context(), token.AccessToken); !errors.Is(err, ErrRevoked) {
			t.Errorf("after the restore: %v", err)
		}
	}
	f.shop, err = f.Tenant(t.Context(), "acme", "shop")
	must(t, err)
	must(t, f.accepted(t.Context(), f.token(t, f.login()).AccessToken))
}

func TestLosingAnOrganizationHoldsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	olga := f.token(t, TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga", Password: adminPassword})
	second := f.admin(t, "nils", "nils@example.com", adminPassword)
	must(t, f.store.CreateAdmin(t.Context(), second, orgOf(f.shop)))
	must(t, f.store.RemoveMember(t.Context(), f.olga.ID, orgOf(f.shop)))
	caller, err := f.AuthenticateToken(t.Context(), olga.AccessToken)
	must(t, err)
	if caller.OrganizationAccess(orgOf(f.shop)) || caller.ApplicationAccess(f.shop) {
		t.Error("a former member still has access")
	}
}

func TestRegeneratedSecretFailsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.token(t, f.own(f.shop, f.shopSecret))
	var fresh string
	_, err := f.store.UpdateClient(t.Context(), f.shop.Application.ID, func(c *models.Client) (err error) {
		fresh, err = f.Secrets.Renew(c, f.clock.now())
		return err
	})
	must(t, err)
	f.shop, err = f.Tenant(t.Context(), "acme", "shop")
	must(t, err)
	_, err = f.Token(t.Context(), f.own(f.shop, f.shopSecret))
	if got := code(t, err, RFC6749); got != "invalid_client" {
		t.Errorf("the old secret: %q", got)
	}
	f.token(t, f.own(f.shop, fresh))
}

// A load that began before a change must not put the old state into the cache after it.
func TestTenantCacheKeepsNothingThatWasInvalidatedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	slow := &slowStore{Store: f.store, loaded: make(chan struct{}), goOn: make(chan struct{})}
	cache := newTenants(slow, f.PublicURL)
	done := make(chan error)
	go func() {
		_, err := cache.byApplication(t.Context(), f.shop.Application.ID)
		done <- err
	}()
	<-slow.loaded
	_, err := f.store.UpdateApplication(t.Context(), f.shop.Application.ID, func(a *models.Application) error {
		a.Settings.PermissionClaims = true
		return nil
	})
	must(t, err)
	cache.invalidate(f.shop.Application.ID)
	close(slow.goOn)
	must(t, <-done)
	tenant, err := cache.find(t.Context(), "acme", "shop")
	must(t, err)
	if !tenant.Application.Settings.PermissionClaims {
		t.Error("the cache kept the state before the change")
	}
}

// slowStore is the real store with a pause between reading the application and its client.
type slowStore struct {
	*store.Store

	loaded, goOn chan struct{}
	paused       bool
}

func (s *slowStore) Client(ctx context.Context, owner uuid.UUID) (models.Client, error) {
	if !s.paused {
		s.paused = true
		close(s.loaded)
		<-s.goOn
	}
	return s.Store.Client(ctx, owner)
}
