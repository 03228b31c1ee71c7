package portal

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// crawler opens every page that links lead to, from the first one on.
type crawler struct {
	*browser

	pages  map[string]string            // by address: on which page its link stands
	routes map[string]bool              // that have been opened
	forms  map[string]map[string]string // by action: page, and the values of hidden fields
}

var (
	linkShown   = regexp.MustCompile(`href="([^"]*)"`)
	formShown   = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	actionShown = regexp.MustCompile(` action="([^"]*)"`)
	hiddenShown = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	idShown     = regexp.MustCompile(` id="([^"]+)"`)
	refShown    = regexp.MustCompile(` (?:aria-labelledby|aria-describedby|for)="([^"]+)"`)
)

// TestEveryLinkLeadsSomewhere follows every link of every page, as an administrator of an organization and as the superuser: none leads to an error,
// every form is sent to where something takes it, and the way back from the question for the password is a page. A page that no link leads to is
// an error, too, so whoever adds one and forgets its link hears of it here.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{mail: true})
	w.crowd(t)
	p := New(Config{PublicURL: w.URL, Now: w.clock.now})
	opened := map[string]bool{}
	for _, username := range []string{"olga", "superuser"} {
		c := &crawler{w.as(t, username), map[string]string{"/portal": "nowhere"}, opened, map[string]map[string]string{}}
		c.crawl(t, p)
		c.sendForms(t, p)
	}
	for _, rt := range p.routes() {
		unlinked := []string{root + "/{$}", everything, root + "/sign-in"} // other spellings, and what nobody who is signed in needs
		// Scripts ask for the first, and the second is there after an import that has refused something: the tests of imports open it.
		ofImport := strings.HasSuffix(rt.path, "/import/progress") || strings.HasSuffix(rt.path, "/import/refused")
		if rt.method == http.MethodGet && !opened[rt.method+" "+rt.path] && !slices.Contains(unlinked, rt.path) && !ofImport {
			t.Errorf("no link leads to %s", rt.path)
		}
	}
}

// crowd makes one of everything that has a page.
func (w *world) crowd(t *testing.T) {
	t.Helper()
	dana := w.newUser(t, "dana")
	w.newGroup(t, "staff")
	for i := range 30 {
		w.clock.advance(time.Millisecond)
		w.newUser(t, "clerk-"+strconv.Itoa(i))
	}
	club, _ := w.newApplication(t, w.acme, "club")
	must(t, w.store.DeleteApplication(t.Context(), club.ID))
	w.endless(t, "nightly")
	w.token(t, "/management/token", models.ClientID(models.OrganizationClient, w.acme.ID), w.acmeSecret, "ttl", "0")
	form := url.Values{"grant_type": {"password"}, "username": {"clerk-0"}, "password": {userPassword}, "ttl": {"0"}}
	want(t, w.browser(t).send(t, http.MethodPost, "/acme/shop/token", form.Encode()), http.StatusOK)
	form.Set("username", "olga")
	form.Set("password", adminPassword)
	want(t, w.browser(t).send(t, http.MethodPost, "/management/token", form.Encode()), http.StatusOK)
	nils := w.newAdmin(t, "nils", adminPassword)
	nils.Activated, nils.PasswordHash = false, ""
	must(t, w.store.CreateAdmin(t.Context(), nils, w.acme.ID))
	_, err := w.store.UpdateUser(t.Context(), w.shop.ID, dana.ID, func(u *models.User) error {
		u.Disabled = true
		return nil
	})
	must(t, err)
}

func (c *crawler) crawl(t *testing.T, p *Portal) {
	t.Helper()
	for waiting := []string{"/portal"}; len(waiting) > 0; waiting = waiting[1:] {
		if len(c.pages) > 1000 {
			t.Fatalf("pages without end: %s", waiting[len(waiting)-1])
		}
		at := waiting[0]
		r := c.send(t, http.MethodGet, at, "")
		if r.StatusCode != http.StatusOK {
			t.Errorf("%s, linked on %s: %d", at, c.pages[at], r.StatusCode)
			continue
		}
		_, pattern := p.mux.Handler(r.Request)
		c.routes[pattern] = true
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			continue
		}
		c.wantWhole(t, at, r.text)
		for _, link := range c.links(t, p, at, r.text) {
			if _, known := c.pages[link]; !known {
				c.pages[link] = at
				waiting = append(waiting, link)
			}
		}
	}
}

// wantWhole checks what refers to other parts of the page.
func (c *crawler) wantWhole(t *testing.T, at, page string) {
	t.Helper()
	ids := map[string]bool{}
	for _, found := range idShown.FindAllStringSubmatch(page, -1) {
		if ids[found[1]] {
			t.Errorf("%s: the id %s twice", at, found[1])
		}
		ids[found[1]] = true
	}
	for _, found := range refShown.FindAllStringSubmatch(page, -1) {
		for id := range strings.FieldsSeq(found[1]) {
			if !ids[id] {
				t.Errorf("%s: nothing has the id %s", at, id)
			}
		}
	}
}

// links are the addresses that the page leads to: of links, and of forms that only look for something. Other forms are kept for later.
func (c *crawler) links(t *testing.T, p *Portal, at, page string) (links []string) {
	t.Helper()
	for _, found := range linkShown.FindAllStringSubmatch(page, -1) {
		link := html.UnescapeString(found[1])
		switch {
		case strings.HasPrefix(link, "#"):
			if !strings.Contains(page, `id="`+link[1:]+`"`) {
				t.Errorf("%s: nothing at %s", at, link)
			}
		case link == root || strings.HasPrefix(link, root+"/") || strings.HasPrefix(link, root+"?"):
			links = append(links, link)
		case strings.HasPrefix(link, "/"):
			links = append(links, link) // of the server itself, such as the form for a forgotten password
		default:
			t.Errorf("%s: a link to %s", at, link)
		}
	}
	for _, found := range formShown.FindAllStringSubmatch(page, -1) {
		action := actionShown.FindStringSubmatch(found[1])
		if action == nil {
			t.Errorf("%s: a form goes nowhere", at)
			continue
		}
		to := html.UnescapeString(action[1])
		if strings.Contains(found[1], `method="get"`) {
			links = append(links, to)
			continue
		}
		request := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: to}}
		if _, pattern := p.mux.Handler(request); pattern == "" || strings.HasSuffix(pattern, everything) {
			t.Errorf("%s: nothing takes the form for %s", at, to)
		}
		c.forms[to] = map[string]string{"": at}
		for _, hidden := range hiddenShown.FindAllStringSubmatch(found[2], -1) {
			c.forms[to][hidden[1]] = html.UnescapeString(hidden[2])
		}
	}
	return links
}

// sendForms sends those that ask for the password, without one: nothing happens, and the page in between leads back.
func (c *crawler) sendForms(t *testing.T, p *Portal) {
	t.Helper()
	c.world.clock.advance(provenLife + time.Second)
	guarded := map[string]bool{}
	for _, rt := range p.routes() {
		guarded[rt.method+" "+rt.path] = rt.needs == password
	}
	asked := 0
	for to, fields := range c.forms {
		if _, pattern := p.mux.Handler(&http.Request{Method: http.MethodPost, URL: &url.URL{Path: to}}); !guarded[pattern] {
			continue
		}
		asked++
		form := url.Values{formName: {c.form}}
		for name, value := range fields {
			if name != "" && name != formName {
				form.Set(name, value)
			}
		}
		r := c.send(t, http.MethodPost, to, form.Encode())
		want(t, r, http.StatusForbidden, "Confirm that it is you")
		_, back, _ := strings.Cut(r.text, `<div class="actions">`)
		found := linkShown.FindStringSubmatch(back)
		if found == nil {
			t.Errorf("%s, sent from %s: no way back", to, fields[""])
			continue
		}
		if r := c.send(t, http.MethodGet, html.UnescapeString(found[1]), ""); r.StatusCode != http.StatusOK {
			t.Errorf("%s, sent from %s: back at %s is %d", to, fields[""], found[1], r.StatusCode)
		}
	}
	if asked < 10 {
		t.Errorf("only %d forms ask for the password", asked)
	}
}
