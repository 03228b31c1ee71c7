package interop

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// elsewhere is a site on another origin whose page the test decides.
type elsewhere struct {
	*httptest.Server

	mu   sync.Mutex
	page string
}

func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	e := &elsewhere{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = rw.Write([]byte("<!doctype html><h1>evil</h1>" + e.page))
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *elsewhere) shows(page string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.page = page
}

// origins are two of this site: another port of the portal's own site, to which cookies go along, and another site.
func (e *elsewhere) origins() []string {
	return []string{e.URL, strings.Replace(e.URL, "127.0.0.1", "localhost", 1)}
}

// TestNoFormWorksFromElsewhere finds every form of the portal and sends each from pages of other origins, with a session in the browser: by fetch, by
// a form that sends itself into a frame, and for one of them by a form that takes the whole window. Nothing happens.
//
// SEC-67
func TestNoFormWorksFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	w.furnish(t)
	p := newTab(t, w.browser)
	p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
	p.signInWith(t, superuser, superuserPassword, "Organizations")
	var forms []shownForm
	found := map[string]bool{}
	for _, shown := range p.crawl(t, w.url, "/portal", "/portal/organizations/acme/applications/shop/users/"+w.dana) {
		for _, form := range shown.Forms {
			if shape := shapeOf(&url.URL{Path: form.Action}); !found[shape] {
				found[shape] = true
				// What a page has typed in by its visitor an attacker knows, too.
				if _, typed := form.Fields["name"]; typed && form.Fields["name"] == "" {
					form.Fields["name"] = nameIn(form.Action)
				}
				forms = append(forms, form)
			}
		}
	}
	if len(forms) < 25 {
		t.Errorf("only %d forms were found", len(forms))
	}
	before := w.trail(t)
	evil := newElsewhere(t)
	evil.shows(attackPage(t, w.url, forms))
	for _, origin := range evil.origins() {
		p.open(t, origin, http.StatusOK, "evil")
		if sent := asked[int](t, p, "1 * document.querySelectorAll('iframe').length"); sent != len(forms) {
			t.Fatalf("%d forms sent", sent)
		}
		// Every request was answered, in a way that a script of another origin cannot read.
		if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("window.answers >= 3 * "+asJSON(t, len(forms)))); err != nil {
			t.Fatalf("%s: %v, %s", origin, err, asked[string](t, p, "String(window.answers) + window.problem"))
		}
		evil.shows(`<form method="post" action="` + w.url + forms[0].Action + `"><button>win a prize</button></form>`)
		p.open(t, origin, http.StatusOK, "evil")
		p.click(t, "button", http.StatusForbidden, "Not from here")
		evil.shows(attackPage(t, w.url, forms))
	}
	if after := w.trail(t); after != before {
		t.Errorf("the trail was %s and is %s", before, after)
	}
	p.open(t, w.url+"/portal/organizations/acme", http.StatusOK, "acme") // still signed in
}

// attackPage sends every form at once, three times.
func attackPage(t *testing.T, to string, forms []shownForm) string {
	t.Helper()
	var page strings.Builder
	for i, form := range forms {
		name := "f" + asJSON(t, i)
		page.WriteString(`<iframe name="` + name + `"></iframe><form method="post" target="` + name + `" action="` + to + html.EscapeString(form.Action) + `">`)
		for field, value := range form.Fields {
			page.WriteString(`<input name="` + html.EscapeString(field) + `" value="` + html.EscapeString(value) + `">`)
		}
		page.WriteString(`</form>`)
	}
	page.WriteString(`<script>
		window.answers = 0; window.problem = '';
		for (const frame of document.querySelectorAll('iframe')) frame.addEventListener('load', () => window.answers++);
		for (const form of document.forms) {
			const body = new URLSearchParams(new FormData(form));
			// The answer is none that a script of another origin may have, so the promise fails once it is there.
			const request = mode => fetch(form.getAttribute('action'), { method: 'POST', body, credentials: 'include', mode })
				.then(() => { window.problem += 'read: ' + form.getAttribute('action'); }, () => { window.answers++; });
			request('no-cors');
			request('cors');
			HTMLFormElement.prototype.submit.call(form);
		}
	</script>`)
	return page.String()
}

// nameIn is what an action deletes or revokes.
func nameIn(action string) string {
	switch {
	case strings.Contains(action, "/users/"):
		return "dana"
	case strings.Contains(action, "/applications/"):
		return "shop"
	}
	return "acme"
}

// trail is how much was done so far, by anybody.
func (w *portalWorld) trail(t *testing.T) string {
	t.Helper()
	answer := w.set(t, "GET", "/management/audit?limit=1&result=ok", "")
	return asJSON(t, answer["data"])
}

// TestNoPageCanBeFramed has pages of other origins frame every page of the portal.
//
// SEC-68
func TestNoPageCanBeFramed(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	p := newTab(t, w.browser)
	p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
	p.signInWith(t, superuser, superuserPassword, "Organizations")
	pages := append(p.crawl(t, w.url, "/portal"), sight{address: w.url + "/portal/sign-in"}, sight{address: w.url + "/portal/nothing"})
	var frames strings.Builder
	for _, shown := range pages {
		frames.WriteString(`<iframe src="` + html.EscapeString(shown.address) + `"></iframe>`)
	}
	evil := newElsewhere(t)
	evil.shows(frames.String())
	for _, origin := range evil.origins() {
		framing := newTab(t, w.browser)
		// In the same browser without history nobody is signed in; cookies of the portal's are set as its own pages do.
		framing.open(t, w.url+"/portal", http.StatusOK, "Sign in")
		framing.signInWith(t, superuser, superuserPassword, "Organizations")
		framing.console = chromedp.Console(framing.ctx)
		framing.open(t, origin, http.StatusOK, "evil")
		refused := 0
		for message, err := range framing.console {
			if err != nil {
				t.Fatalf("%s: %d of %d pages were refused: %v", origin, refused, len(pages), err)
			}
			if strings.Contains(message.Text, "frame-ancestors") || strings.Contains(message.Text, "X-Frame-Options") {
				refused++
			}
			if refused == len(pages) {
				break
			}
		}
	}
}

// A session that somebody else has put into the browser is worth nothing after the sign-in, the identifier changes with every password, and no script
// sees it. What was shown is gone after signing out, for the button "back" as well.
//
// SEC-66
func TestTheSessionOfABrowser(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	p := newTab(t, w.browser)
	planted := strings.Repeat("A", 43)
	_, err := chromedp.Call(p.ctx, network.SetCookie, network.SetCookieParams{Name: "writ-portal", Value: planted, URL: w.url, Path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	p.open(t, w.url+"/portal/organizations/acme/credentials", http.StatusOK, "Sign in")
	p.signIn(t, "olga", "Credentials")
	first := p.sessionCookie(t)
	if first.Value == planted || !first.HTTPOnly || first.SameSite != network.CookieSameSiteLax || first.Path != "/" || first.Session {
		t.Errorf("cookie %+v", first)
	}
	if seen := asked[string](t, p, "document.cookie"); seen != "" {
		t.Errorf("scripts see %q", seen)
	}
	w.forgetPasswords(t)
	p.click(t, `form[action$="/reveal"] button`, http.StatusForbidden, confirmHeading)
	p.confirms(t, adminPassword, "Credentials")
	second := p.sessionCookie(t)
	for name, id := range map[string]string{"planted": planted, "former": first.Value} {
		if status := w.withCookie(t, id); second.Value == id || status != http.StatusSeeOther {
			t.Errorf("the %s identifier: %d", name, status)
		}
	}
	if status := w.withCookie(t, second.Value); status != http.StatusOK {
		t.Errorf("the session: %d", status)
	}

	if shown := p.text(t, "code.secret"); shown != w.acme.Secret {
		t.Errorf("secret %q", shown)
	}
	p.click(t, ".bar button", http.StatusOK, "Sign in")
	if status := w.withCookie(t, second.Value); status != http.StatusSeeOther {
		t.Errorf("the session after signing out: %d", status)
	}
	// The page was the answer to a form and is kept nowhere, so the browser has nothing to show.
	if err := chromedp.Do(p.ctx, chromedp.NavigateBack()); err != nil && !strings.Contains(err.Error(), "ERR_CACHE_MISS") {
		t.Fatal(err)
	}
	if shown := asked[string](t, p, "document.documentElement.outerHTML"); strings.Contains(shown, w.acme.Secret) || strings.Contains(shown, w.acme.ID) {
		t.Errorf("the button back shows %s", shown)
	}
}

// sessionCookie is the one cookie of the portal.
func (p *tab) sessionCookie(t *testing.T) *network.Cookie {
	t.Helper()
	found, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil || len(found.Cookies) != 1 {
		t.Fatalf("cookies %v, %v", found.Cookies, err)
	}
	return found.Cookies[0]
}

// withCookie is the answer to who has nothing but an identifier.
func (w *portalWorld) withCookie(t *testing.T, id string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/portal/account", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.AddCookie(&http.Cookie{Name: "writ-portal", Value: id}) //nolint:gosec // a request has names and values alone
	client := http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
