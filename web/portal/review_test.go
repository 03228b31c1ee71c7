package portal

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

func keysOf(found []finding) []string {
	keys := []string{}
	for _, f := range found {
		keys = append(keys, f.Key)
	}
	return keys
}

func TestReviewOfAnApplication(t *testing.T) {
	t.Parallel()
	const now = 1000 * dayLong
	ms := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		facts applicationFacts
		want  []string
	}{
		"nothing":         {applicationFacts{SecretCreated: now}, []string{}},
		"default roles":   {applicationFacts{SecretCreated: now, Roles: []roleFacts{{"admin", nil, false}, {"default", []string{"get,put:/users/${user}"}, false}}}, []string{}},
		"registration":    {applicationFacts{SecretCreated: now, Roles: []roleFacts{{"guest", []string{"post:/users"}, false}}}, []string{"guest"}},
		"sandbox":         {applicationFacts{SecretCreated: now, Roles: []roleFacts{{"guest", []string{"get,post,put,delete:/**"}, false}}}, []string{"openguest"}},
		"open default":    {applicationFacts{SecretCreated: now, Roles: []roleFacts{{"default", []string{"*:/**"}, true}}}, []string{"opendefault"}},
		"wide":            {applicationFacts{SecretCreated: now, Roles: []roleFacts{{"boss", []string{"*:/**"}, true}}}, []string{"wide"}},
		"not wide":        {applicationFacts{SecretCreated: now, Roles: []roleFacts{{"clerk", []string{"*:/orders/**"}, true}}}, []string{}},
		"unheld":          {applicationFacts{SecretCreated: now, Roles: []roleFacts{{"clerk", []string{"get:/orders"}, false}}}, []string{"unheld"}},
		"passwords":       {applicationFacts{SecretCreated: now, Passwords: true}, []string{"passwords"}},
		"old secret":      {applicationFacts{SecretCreated: now - 366*dayLong}, []string{"oldsecret"}},
		"endless":         {applicationFacts{SecretCreated: now, Endless: 2}, []string{"endless"}},
		"endless default": {applicationFacts{SecretCreated: now, Settings: models.Settings{AccessTokenTTL: ms(0)}}, []string{"endlessdefault"}},
		"long life":       {applicationFacts{SecretCreated: now, Settings: models.Settings{AccessTokenTTL: ms(31 * dayLong)}}, []string{"longlife"}},
		"short life":      {applicationFacts{SecretCreated: now, Settings: models.Settings{AccessTokenTTL: ms(1000)}}, []string{}},
		"origins": {applicationFacts{SecretCreated: now, Settings: models.Settings{
			AllowedOrigins: []string{"https://a.b", "http://localhost:3000", "http://shop.b"},
		}}, []string{"origin"}},
		"own machine": {applicationFacts{SecretCreated: now, Settings: models.Settings{AllowedOrigins: []string{"http://127.0.0.1:3000"}}}, []string{}},
		"tests":       {applicationFacts{SecretCreated: now, Users: []userFacts{{"test1", "", true, now}}}, []string{"testusers"}},
		"unused":      {applicationFacts{SecretCreated: now, Users: []userFacts{{"dana", "", false, now - 31*dayLong}}}, []string{"unusedusers"}},
		"worst first": {applicationFacts{SecretCreated: now, Passwords: true, Users: []userFacts{{"demo", "", true, now}}}, []string{"testusers", "passwords"}},
	} {
		c.facts.Now = now
		if got := keysOf(reviewApplication(&c.facts)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestReviewOfTheServer(t *testing.T) {
	t.Parallel()
	const now = 1000 * dayLong
	safe := serverFacts{Now: now, Secure: true, Strict: true, SendsMail: true}
	for name, c := range map[string]struct {
		change func(*serverFacts)
		want   []string
	}{
		"nothing": {func(*serverFacts) {}, []string{}},
		"default": {func(f *serverFacts) { f.Strict, f.NonExpiring, f.SendsMail = false, true, false }, []string{"compat", "nonexpiring", "nomail"}},
		"plain":   {func(f *serverFacts) { f.Secure, f.Strict = false, false }, []string{"plainhttp", "compat"}},
		"admins": {func(f *serverFacts) {
			f.Admins = []adminFacts{{"olga", false, now}, {"nils", false, 0}, {"ines", false, now - 91*dayLong}, {"gone", true, 0}}
		}, []string{"neveradmins", "oldadmins"}},
		"test admin": {func(f *serverFacts) { f.Admins = []adminFacts{{"demo", false, now}} }, []string{"testadmins"}},
		"keys": {func(f *serverFacts) {
			f.Keys = []keyFacts{{"a", "ordinary", now - 400*dayLong, true}, {"b", "nonexpiring", now - 400*dayLong, false}, {"c", "ordinary", now, false}}
		}, []string{"oldkey"}},
	} {
		facts := safe
		c.change(&facts)
		if got := keysOf(reviewServer(&facts)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTestLikeNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"test", "Test1", "test.user", "demo-3", "foo@bar.com", "x@example.com", "x@mail.example.org", "x@shop.test", "tmp"} {
		if !isTestLike(name) {
			t.Errorf("%q is not", name)
		}
	}
	for _, name := range []string{"", "olga", "testarossa", "contest", "barbara", "x@contest.com", "template", "x@notexample.com", "demosthenes"} {
		if isTestLike(name) {
			t.Errorf("%q is", name)
		}
	}
}

func TestReviewPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	const page = "/portal/organizations/acme/applications/shop/review"
	b := w.as(t, "olga")
	want(t, b.open(t, page), http.StatusOK, "Callers without credentials may do post:/users", "Users may log in with a password", "Go to Settings", "0 users")
	w.endless(t, "nightly")
	want(t, b.open(t, page), http.StatusOK, "1 tokens without an end", "Go to Tokens")
	w.clock.advance(400 * 24 * time.Hour)
	want(t, w.as(t, "olga").open(t, page), http.StatusOK, "The client secret is 400 days old", "Go to Credentials")
	must(t, w.audit.Flush(t.Context()))
	b = w.as(t, "superuser")
	want(t, b.open(t, "/portal/review"), http.StatusOK, "plain HTTP", "has signed for 400 days", "none in the trail", "rita", "Go to Signing keys", "No login in the audit trail: ")
}

// SEC-69, SEC-70
func TestReviewsAreSafe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	const evil = `"\'><script>alert(1)</script><img src=x onerror=alert(1)>`
	const page = "/portal/organizations/acme/applications/shop/review"
	user, err := models.NewUser(w.shop.ID, "test-x", "", "", w.clock.now())
	must(t, err)
	user.Username = "test-" + evil
	must(t, w.store.CreateUsers(t.Context(), []models.User{user}))
	_, err = w.store.UpdateAdmin(t.Context(), w.rita.ID, func(a *models.Admin) error {
		a.Username = "test-" + evil
		return nil
	})
	must(t, err)
	want(t, w.as(t, "olga").open(t, page), http.StatusOK, "!<script>alert", "!<img src=x", "<script>alert")
	want(t, w.as(t, "superuser").open(t, "/portal/review"), http.StatusOK, "!<script>alert", "!<img src=x", "<script>alert")
	rita := w.browser(t).signIn(t, w.rita.ID.String(), adminPassword)
	want(t, rita.open(t, page), http.StatusNotFound, "!Findings")
	want(t, rita.open(t, "/portal/review"), http.StatusNotFound, "!Findings")
}
