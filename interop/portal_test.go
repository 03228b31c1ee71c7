package interop

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	_ "github.com/mattn/go-sqlite3" // to age a session: the clock of a program cannot be moved
)

// portalWorld is a world, its database, and a browser.
type portalWorld struct {
	*world

	database string
	browser  context.Context
	olga     string // uuid
	dana     string
	clerk    string // a role
	staff    string // a group
}

func newPortalWorld(t *testing.T) *portalWorld {
	t.Helper()
	w := &portalWorld{browser: newBrowser(t), database: filepath.Join(t.TempDir(), "writ.db")}
	w.world = newWorld(t, "--database=sqlite:"+w.database)
	w.olga = text(w.set(t, "GET", "/management/users/olga", ""), "data", "uuid")
	w.dana = text(w.set(t, "GET", "/acme/shop/users/dana", ""), "entities", 0, "uuid")
	w.clerk = text(w.set(t, "GET", "/acme/shop/roles/clerk", ""), "entities", 0, "uuid")
	w.staff = text(w.set(t, "GET", "/acme/shop/groups/staff/north", ""), "entities", 0, "uuid")
	return w
}

// rule gives the role clerk, and its rules, to dana.
func (w *portalWorld) rule(t *testing.T, rules ...string) {
	t.Helper()
	for _, rule := range rules {
		w.set(t, "POST", "/acme/shop/roles/clerk/permissions", `{"permission":"`+rule+`"}`)
	}
	w.set(t, "POST", "/acme/shop/roles/clerk/users/dana", "")
}

// TestPortalInABrowser does in Chromium what an administrator does, with scripts and without: sign in, see a secret, use it, sign out.
//
// SEC-66, SEC-68, SEC-72
func TestPortalInABrowser(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	for _, scripts := range []bool{true, false} {
		name := "with scripts"
		if !scripts {
			name = "without scripts"
		}
		t.Run(name, func(t *testing.T) {
			p := newTab(t, w.browser)
			if !scripts {
				p.withoutScripts(t)
			}
			w.worksThrough(t, p, scripts)
			p.wantQuietConsole(t)
		})
	}
}

func (w *portalWorld) worksThrough(t *testing.T, p *tab, scripts bool) {
	t.Helper()
	p.open(t, w.url+"/portal/organizations/acme", http.StatusOK, "Sign in")
	p.enter(t, "#username", "olga")
	p.enter(t, "#password", "wrong-"+adminPassword)
	p.click(t, "main button", http.StatusBadRequest, "Sign in")
	if problem := p.text(t, "#problem"); !strings.Contains(problem, "password is wrong") {
		t.Errorf("problem %q", problem)
	}
	p.signIn(t, "olga", "acme")
	p.click(t, `a[href="/portal/organizations/acme/applications/shop"]`, http.StatusOK, "shop")
	if shown := p.text(t, "main"); strings.Contains(shown, w.shop.Secret) || !strings.Contains(shown, w.shop.ID) || !strings.Contains(shown, w.issuer()) {
		t.Errorf("page: %s", shown)
	}
	w.forgetPasswords(t)
	p.click(t, "main button.main", http.StatusForbidden, "Confirm that it is you")
	p.enter(t, "#confirm_password", adminPassword)
	p.click(t, "main button", http.StatusOK, "shop")
	if shown := p.text(t, "code.secret"); shown != w.shop.Secret {
		t.Errorf("secret %q", shown)
	}
	if buttons := asked[int](t, p, "document.querySelectorAll('button.copy').length"); (buttons > 0) != scripts {
		t.Errorf("%d buttons that copy", buttons)
	}
	if scripts {
		p.copies(t)
	}
	p.click(t, ".bar button", http.StatusOK, "Sign in")
	p.open(t, w.url+"/portal/organizations/acme", http.StatusOK, "Sign in")
}

// signIn fills in the form that is shown, which leads to a page with this heading.
func (p *tab) signIn(t *testing.T, username, heading string) {
	t.Helper()
	p.signInWith(t, username, adminPassword, heading)
}

func (p *tab) signInWith(t *testing.T, username, password, heading string) {
	t.Helper()
	p.do(t, chromedp.Evaluate[chromedp.Void]("document.querySelector('#username').value = ''"))
	p.enter(t, "#username", username)
	p.enter(t, "#password", password)
	p.click(t, "main button", http.StatusOK, heading)
}

// copies presses the first of the buttons that copy. Pages of this machine may write to the clipboard in any case; a browser without a window has
// none, so a stand-in takes what is written.
func (p *tab) copies(t *testing.T) {
	t.Helper()
	want := asked[string](t, p, "document.querySelector('[data-copy]').textContent")
	p.do(t, chromedp.Evaluate[chromedp.Void](`navigator.clipboard.writeText = async text => { window.copied = text; }`))
	shown, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`(async () => {
		const button = document.querySelector('button.copy');
		button.click();
		await new Promise(next => setTimeout(next));
		return button.textContent;
	})()`, awaited))
	if err != nil {
		t.Fatal(err)
	}
	if got := asked[string](t, p, "window.copied"); got != want || shown != "Copied" {
		t.Errorf("copied %q, want %q; the button says %q", got, want, shown)
	}
}

// awaited is for expressions that give a promise.
func awaited(params *runtime.EvaluateParams) { params.AwaitPromise = new(true) }

// forgetPasswords makes every session one whose password was given a while ago.
func (w *portalWorld) forgetPasswords(t *testing.T) {
	t.Helper()
	w.alter(t, "UPDATE portal_sessions SET proven = 0")
}

// Pages of other sites can neither frame the portal nor send its forms, with a session in the browser.
//
// SEC-67, SEC-68
func TestOtherSitesCannotUseThePortal(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	evil := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/frame" {
			_, _ = rw.Write([]byte(`<h1>evil</h1><iframe id="frame" src="` + w.url + `/portal/organizations/acme"></iframe>`))
			return
		}
		_, _ = rw.Write([]byte(`<h1>evil</h1><form method="post" action="` + w.url +
			`/portal/organizations/acme/applications"><input name="name" value="evil"><button>win a prize</button></form>`))
	}))
	t.Cleanup(evil.Close)
	// Another name for this machine is another site.
	site := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)

	p := newTab(t, w.browser)
	p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
	p.signIn(t, "olga", "Organizations")
	for _, at := range []string{site, evil.URL} { // another site, and another port of the same
		p.open(t, at+"/form", http.StatusOK, "evil")
		p.click(t, "button", http.StatusForbidden, "Not from here")
	}
	p.open(t, w.url+"/portal/organizations/acme", http.StatusOK, "acme")
	if shown := p.text(t, "main"); strings.Contains(shown, "evil") {
		t.Errorf("the form of another site worked: %s", shown)
	}
	p.open(t, evil.URL+"/frame", http.StatusOK, "evil")
	for message, err := range p.console {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(message.Text, "frame") {
			return
		}
	}
}

// portalPage is one that everything can be said of without an argument.
type portalPage struct {
	name, path string
	heading    string
	form       string // a button that leads to the page in the end
	status     int64
}

func (w *portalWorld) pages() []portalPage {
	const acme, shop = "/portal/organizations/acme", "/portal/organizations/acme/applications/shop"
	get := func(name, path, heading string) portalPage { return portalPage{name, path, heading, "", http.StatusOK} }
	return []portalPage{
		get("organizations", "/portal", "Organizations"),
		get("account", "/portal/account", "Your account"),
		get("organization", acme, "acme"),
		get("credentials", acme+"/credentials", "Credentials"),
		{"credentials-revealed", acme + "/credentials", "Credentials", `form[action$="/reveal"] button`, http.StatusOK},
		{"credentials-renewed", acme + "/credentials", "Credentials", `form[action$="/renew"] button`, http.StatusOK},
		get("administrators", acme+"/administrators", "Administrators"),
		get("administrator-remove", acme+"/administrators/"+w.olga+"/remove", "Remove olga"),
		get("activity", acme+"/activity", "Activity"),
		get("activity-filtered", acme+"/activity?kind=application.&result=ok", "Activity"),
		get("activity-empty", acme+"/activity?who=nobody", "Activity"),
		get("organization-settings", acme+"/settings", "Settings"),
		get("organization-delete", acme+"/settings/delete", "Delete acme"),
		get("start", shop, "shop"),
		{"start-revealed", shop, "shop", `form[action$="/reveal"] button`, http.StatusOK},
		get("application-credentials", shop+"/credentials", "Credentials"),
		get("users", shop+"/users", "Users"),
		get("users-nobody", shop+"/users?search=nobody", "Users"),
		get("user", shop+"/users/"+w.dana, "dana"),
		get("user-logins", shop+"/users/"+w.dana+"/logins", "Logins"),
		get("users-import", shop+"/users/import", "Import users"),
		get("user-delete", shop+"/users/"+w.dana+"/delete", "Delete dana"),
		get("groups", shop+"/groups", "Groups"),
		get("group", shop+"/groups/"+w.staff, "staff/north"),
		get("group-delete", shop+"/groups/"+w.staff+"/delete", "Delete the group staff/north"),
		get("roles", shop+"/roles", "Roles"),
		get("role", shop+"/roles/"+w.clerk, "clerk"),
		get("role-tried", shop+"/roles/"+w.clerk+"?method=PUT&path=/orders/7&as=user&who=dana", "clerk"),
		get("role-delete", shop+"/roles/"+w.clerk+"/delete", "Delete the role clerk"),
		get("live-test", shop+"/may", "Who may do what"),
		get("live-test-refused", shop+"/may?method=DELETE&path=/orders/7&as=group&who=staff/north", "Who may do what"),
		get("rule-explained", shop+"/may?rule=get,put:/users/me/**,/orders/*", "Who may do what"),
		get("application-settings", shop+"/settings", "Settings"),
		{"application-settings-wrong", shop + "/settings", "Settings", `form[action$="/save"] button`, http.StatusBadRequest},
		get("application-delete", shop+"/settings/delete", "Delete shop"),
		get("application-activity", shop+"/activity", "Activity"),
		get("application-tokens", shop+"/tokens", "Tokens"),
		get("application-tokens-revoke", shop+"/tokens/all", "Revoke the tokens of shop"),
		get("application-review", shop+"/review", "Security review"),
		get("application-insight", shop+"/insight", "Insight"),
		get("application-insight-day", shop+"/insight?window=day", "Insight"),
		get("organization-insight", acme+"/insight", "Insight"),
		get("organization-review", acme+"/review", "Security review"),
		get("organization-tokens", acme+"/tokens", "Tokens"),
		get("token", "/portal/token", "Examine a token"),
		{"missing", "/portal/nothing", "Nothing here", "", http.StatusNotFound},
	}
}

// TestPortalLooksWell opens every page in both color schemes, on a phone and on a desk: nothing is wider than the screen, the style is there, and
// axe finds nothing serious. With -screenshots it takes pictures.
func TestPortalLooksWell(t *testing.T) {
	onlyLooks(t)
	t.Parallel()
	w := newPortalWorld(t)
	axe := w.axe(t)
	w.furnish(t)
	for _, view := range views() {
		t.Run(view.name, func(t *testing.T) {
			p := newTab(t, w.browser)
			p.sees(t, view)
			p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
			p.examine(t, axe, "sign-in", view.name, view.width)
			p.signIn(t, "olga", "Organizations")
			for _, page := range w.pages() {
				if page.form == "" {
					p.open(t, w.url+page.path, page.status, page.heading)
				} else {
					p.open(t, w.url+page.path, http.StatusOK, page.heading)
					if page.status == http.StatusBadRequest {
						p.do(t, chromedp.Evaluate[chromedp.Void]("document.querySelector('#origins').value = 'shop.example.com'"))
					}
					p.click(t, page.form, page.status, page.heading)
				}
				p.examine(t, axe, page.name, view.name, view.width)
			}
			w.looksAtImports(t, p, axe, view.name, view.width)
			w.forgetPasswords(t)
			p.open(t, w.url+"/portal/organizations/acme/credentials", http.StatusOK, "Credentials")
			p.click(t, `form[action$="/renew"] button`, http.StatusForbidden, "Confirm that it is you")
			p.examine(t, axe, "confirm", view.name, view.width)
			p.wantQuietConsole(t)
		})
	}
}

// furnish makes pages that have something on them, long names among it.
func (w *portalWorld) furnish(t *testing.T) {
	t.Helper()
	long := "warehouse-" + strings.Repeat("x", 50)
	w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"club"}`)
	w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"`+long+`"}`)
	w.set(t, "DELETE", "/management/orgs/acme/apps/club?confirm_application_identifier=club", "")
	w.set(t, "POST", "/management/orgs/acme/users", `{"email":"nils.a.very.long.address.indeed@warehouse.example.com","name":"Nils Östergård"}`)
	w.set(t, "PUT", "/management/orgs/acme", `{"properties":{"department":"sales","passwordHistorySize":3}}`)
	w.clientToken(t, "/acme/shop", w.shop, "ttl", "0", "label", "nightly report of the warehouse")
	w.set(t, "PUT", "/acme/shop", `{"accesstokenttl":5400000,"refreshtokens":true,"allowedorigins":["https://shop.example.com"]}`)
	w.set(t, "POST", "/management/orgs", `{"organization":"olgas-bakery","email":"olga@example.com"}`)
	w.clientToken(t, "/acme/shop", w.shop, "ttl", "3600000")
	w.rule(t, "get,put:/orders/*", "get:/files/${user}/**", "post:/notes")
	w.set(t, "PUT", "/acme/shop/groups/staff/north", `{"title":"Staff in the north"}`)
	w.set(t, "POST", "/acme/shop/groups/staff/north/users/dana", "")
	w.set(t, "POST", "/acme/shop/groups/staff/north/roles/clerk", "")
	w.set(t, "POST", "/acme/shop/groups/staff/north/permissions", `{"permission":"get:/warehouse/*/shelves/**"}`)
	w.set(t, "POST", "/acme/shop/users/dana/permissions", `{"permission":"delete:/orders/7"}`)
	status, _ := w.do(t, "POST", "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"wrong-one-77"}`)
	if status != http.StatusBadRequest {
		t.Fatal(status)
	}
}
