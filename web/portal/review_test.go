package portal

import (
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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
		"tests":       {applicationFacts{SecretCreated: now, Users: []userFacts{{"test1", "", true, now, uuid.Nil}}}, []string{"testusers"}},
		"unused":      {applicationFacts{SecretCreated: now, Users: []userFacts{{"dana", "", false, now - 31*dayLong, uuid.Nil}}}, []string{"unusedusers"}},
		"plain":       {applicationFacts{SecretCreated: now, Plain: true}, []string{"plainissuer"}},
		"legacy":      {applicationFacts{SecretCreated: now, Legacy: []string{"PIN grant"}}, []string{"legacy"}},
		"user rules":  {applicationFacts{SecretCreated: now, UserRules: []ruleFacts{{"dana", "", []string{"get:/orders"}}}}, []string{"userrules"}},
		"wide user":   {applicationFacts{SecretCreated: now, UserRules: []ruleFacts{{"dana", "", []string{"get:/a", "*:/**"}}}}, []string{"wideuserrules", "userrules"}},
		"wide group":  {applicationFacts{SecretCreated: now, GroupRules: []ruleFacts{{"staff", "", []string{"*:/**"}}}}, []string{"widegrouprules", "grouprules"}},
		"worst first": {applicationFacts{SecretCreated: now, Passwords: true, Users: []userFacts{{"demo", "", true, now, uuid.Nil}}}, []string{"testusers", "passwords"}},
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
		"legacy":     {func(f *serverFacts) { f.Legacy = []string{"PIN grant"} }, []string{"legacy"}},
		"feed":       {func(f *serverFacts) { f.OpenFeed = true }, []string{"openfeed"}},
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

// Whoever reads a finding must not be left alone with it: it leads to a page, or names a setting that there is.
func TestFindingsSayWhereTheyAreMended(t *testing.T) {
	t.Parallel()
	const now = 1000 * dayLong
	settings, err := os.ReadFile(filepath.Join("..", "..", "cmd", "writ", "testdata", "serve-help.golden"))
	must(t, err)
	application := &applicationFacts{
		Now: now, Address: "/app", Plain: true, Passwords: true, Endless: 1, Legacy: []string{"PIN grant"},
		Settings:  models.Settings{AccessTokenTTL: new(int64(0)), AllowedOrigins: []string{"http://shop.b"}},
		Users:     []userFacts{{"test", "", false, 0, uuid.Nil}},
		Roles:     []roleFacts{{"guest", []string{"*:/**"}, false}, {"clerk", []string{"get:/a"}, false}},
		RoleAt:    map[string]string{"guest": "/guest", "clerk": "/clerk"},
		UserRules: []ruleFacts{{"dana", "/dana", []string{"*:/**"}}}, GroupRules: []ruleFacts{{"staff", "/staff", []string{"*:/**"}}},
	}
	admins := []adminFacts{{"test", false, 0}}
	all := slices.Concat(
		reviewApplication(application),
		reviewOrganization(&organizationFacts{Now: now, Address: "/org", Endless: 1, Plain: true, Admins: admins, Legacy: []string{"PIN grant"}}),
		reviewServer(&serverFacts{Now: now, NonExpiring: true, Admins: admins, Keys: []keyFacts{{"a", "ordinary", 0, false}}, OpenFeed: true, Legacy: []string{"PIN grant"}}),
	)
	if len(all) < 25 {
		t.Errorf("%d findings: %q", len(all), keysOf(all))
	}
	for _, f := range all {
		name, value, _ := strings.Cut(f.Setting, "=")
		switch {
		case f.Setting == "" && f.Link == "":
			t.Errorf("%s leads nowhere", f.Key)
		case f.Setting != "" && (value == "" || !strings.Contains(string(settings), "WRIT_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"\n")):
			t.Errorf("%s: %q is no setting of writ serve", f.Key, f.Setting)
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
	want(t, b.open(t, page), http.StatusOK, "Callers without credentials may do post:/users", "Users may log in with a password", "Go to Settings", "state: 0 (the first 500 at most)")
	w.endless(t, "nightly")
	want(t, b.open(t, page), http.StatusOK, "Tokens without an end that are alive: 1 (", "Go to Tokens")
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

func TestReviewOfAnOrganization(t *testing.T) {
	t.Parallel()
	const now = 1000 * dayLong
	two := []adminFacts{{"olga", false, now}, {"nils", false, now}}
	for name, c := range map[string]struct {
		facts organizationFacts
		want  []string
	}{
		"nothing":    {organizationFacts{SecretCreated: now, Admins: two}, []string{}},
		"alone":      {organizationFacts{SecretCreated: now, Admins: two[:1]}, []string{"soleadmin"}},
		"old secret": {organizationFacts{SecretCreated: now - 366*dayLong, Admins: two}, []string{"oldsecret"}},
		"endless":    {organizationFacts{SecretCreated: now, Admins: two, Endless: 1}, []string{"orgendless"}},
		"plain":      {organizationFacts{SecretCreated: now, Admins: two, Plain: true, Legacy: []string{"PIN grant"}}, []string{"plainissuer", "legacy"}},
		"admins": {
			organizationFacts{SecretCreated: now, Admins: []adminFacts{{"demo", false, now}, {"ines", false, 0}, {"gone", true, 0}}},
			[]string{"testadmins", "neveradmins"},
		},
	} {
		c.facts.Now = now
		if got := keysOf(reviewOrganization(&c.facts)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What the pages find is what is there, and each finding leads to a page that is there, too.
func TestReviewsFindWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.bustle(t)
	user := w.newUser(t, "erik")
	_, err := w.store.AddRules(t.Context(), w.shop.ID, models.HolderUser, user.ID, []string{"get,put:/**"})
	must(t, err)
	group, err := models.NewGroup(w.shop.ID, "staff/north", "", "", w.clock.now())
	must(t, err)
	must(t, w.store.CreateGroup(t.Context(), group))
	_, err = w.store.AddRules(t.Context(), w.shop.ID, models.HolderGroup, group.ID, []string{"get:/orders"})
	must(t, err)
	w.clock.advance(366 * 24 * time.Hour)
	olga, root := w.as(t, "olga"), w.as(t, "superuser")
	const shop = "/portal/organizations/acme/applications/shop"
	want(t, olga.open(t, shop+"/review"), http.StatusOK, "The user erik reaches every path: get,put:/**", "Groups have rules of their own: staff/north",
		"Token in the address (1×)", "Password grant (2×)", "plain HTTP", "public-url=https://…", "is stored nowhere")
	leadsSomewhere(t, olga)
	want(t, olga.open(t, "/portal/organizations/acme/review"), http.StatusOK, "The client secret is 366 days old", "There is only one administrator: olga",
		"Password grant (2×)", "!neveradmins", "Mended by whoever runs the server", "public-url=https://…", `/applications/shop/review`)
	leadsSomewhere(t, olga)
	want(t, root.open(t, "/portal/review"), http.StatusOK, "feed-access=client", "compat=strict", "nonexpiring=deny", "smtp-url=smtp://…", "public-url=https://…", "Password grant (2×)")
	leadsSomewhere(t, root)
}

// leadsSomewhere follows the links of the page shown last.
func leadsSomewhere(t *testing.T, b *browser) {
	t.Helper()
	_, content, _ := strings.Cut(b.last.text, `id="findings"`)
	links := regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(content, -1)
	if len(links) < 2 {
		t.Errorf("%d links", len(links))
	}
	for _, found := range links {
		want(t, b.open(t, html.UnescapeString(found[1])), http.StatusOK)
	}
}
