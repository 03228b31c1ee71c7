package portal

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/models"
)

// everyRoute is every page and form of routes(), filled with what a world has. A route with a parameter that is not known here fails the test, and so does
// a page that the superuser cannot open: nobody adds a page and forgets to have it attacked.
type everyRoute struct {
	route

	address string
}

func jtiOf(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %s", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	var set struct {
		JTI string `json:"jti"`
	}
	must(t, json.Unmarshal(text, &set))
	return set.JTI
}

// tokenOfPassword is one without an end.
func (w *world) tokenOfPassword(t *testing.T, path, username, password string) string {
	t.Helper()
	return w.token(t, path, "", "", "grant_type", "password", "username", username, "password", password, "ttl", "0")
}

func (w *world) everyRoute(t *testing.T) (all []everyRoute) {
	t.Helper()
	const acme = root + "/organizations/{org}"
	dana := w.newUser(t, "dana")
	_, ofShop := w.endless(t, "nightly")
	jtis := map[string]string{ // by what a path begins with, the longest first
		acme + "/applications/{app}/users/{user}": jtiOf(t, w.tokenOfPassword(t, "/acme/shop/token", "dana", userPassword)),
		acme + "/applications/{app}":              ofShop,
		acme:                                      jtiOf(t, w.token(t, "/management/token", models.ClientID(models.OrganizationClient, w.acme.ID), w.acmeSecret, "ttl", "0")),
		root + "/administrators/{admin}":          jtiOf(t, w.tokenOfPassword(t, "/management/token", "olga", adminPassword)),
		root + "/account":                         jtiOf(t, w.tokenOfPassword(t, "/management/token", "superuser", rootPassword)),
	}
	fill := strings.NewReplacer("{$}", "", "{org}", "acme", "{app}", "shop", "{admin}", w.olga.ID.String(), "{user}", dana.ID.String(),
		"{role}", w.newRole(t, "clerk").ID.String(), "{group}", w.newGroup(t, "staff").ID.String(), "{kid}", w.kids(t, "signing")["ordinary"], "{name}", "none")
	for _, rt := range New(Config{PublicURL: w.URL, Now: w.clock.now}).routes() {
		path := rt.path
		longest := ""
		for begin := range jtis {
			if strings.HasPrefix(path, begin) && len(begin) > len(longest) {
				longest = begin
			}
		}
		if path = fill.Replace(strings.ReplaceAll(path, "{jti}", jtis[longest])); strings.ContainsAny(path, "{}") || strings.Contains(path, "//") {
			t.Errorf("%s: nothing to fill it with: %s", rt.path, path)
		}
		all = append(all, everyRoute{rt, path})
	}
	return all
}

// isOpen tells of routes that have no page of their own, or one for everybody.
func (r *everyRoute) isOpen() bool { return r.needs == nothing || r.path == everything }

// ofAll tells of routes that every administrator has.
func (r *everyRoute) ofAll() bool {
	return r.isOpen() || slices.Contains([]string{root, root + "/{$}", root + "/organizations", root + "/sign-out", root + "/token", root + "/token/examine"}, r.path) ||
		strings.HasPrefix(r.path, root+"/account")
}

// Whatever page there is, somebody who is signed in elsewhere finds nothing there, and its forms do nothing for him.
//
// SEC-22, SEC-70
func TestEveryRouteOfOthersIsOutOfReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{mail: true})
	all := w.everyRoute(t)
	superuser, rita := w.as(t, "superuser"), w.as(t, "rita")
	tried := 0
	for _, rt := range all {
		if rt.method == http.MethodGet && !rt.isOpen() && !strings.HasSuffix(rt.path, "/import/progress") && !strings.HasSuffix(rt.path, "/import/refused") {
			want(t, superuser.open(t, rt.address), http.StatusOK)
		}
		if rt.ofAll() {
			continue
		}
		tried++
		var r *reply
		if rt.method == http.MethodGet {
			r = rita.send(t, rt.method, rt.address, "")
		} else if r = rita.sendSealed(t, rt); rt.needs == upload {
			continue // its form is another one, and its own test has it
		}
		if r.StatusCode != http.StatusNotFound && r.StatusCode != http.StatusForbidden || strings.Contains(r.text, "Confirm that it is you") {
			t.Errorf("%s %s: %d", rt.method, rt.address, r.StatusCode)
		}
	}
	if tried < 90 {
		t.Errorf("only %d of %d routes were tried", tried, len(all))
	}
	for _, rt := range all {
		if rt.method == http.MethodGet && !rt.isOpen() && !strings.Contains(rt.path, "/import/") {
			want(t, superuser.open(t, rt.address), http.StatusOK) // still there
		}
	}
}

// sendSealed sends a form with the seal and the password of who is signed in, and every other field that anything could want.
func (b *browser) sendSealed(t *testing.T, rt everyRoute) *reply {
	t.Helper()
	b.open(t, "/portal")
	form := url.Values{formName: {b.form}, passwordField: {adminPassword}, "name": {"shop"}, "to": {"disabled"}, "remove": {"yes"}, "rule": {"get:/**"}, "do": {"add"}}
	return b.send(t, rt.method, rt.address, form.Encode())
}

// No form does anything without the seal of the session, or for a page of another site.
//
// SEC-67
func TestEveryFormNeedsItsSealAndItsOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{mail: true})
	all := w.everyRoute(t)
	b := w.as(t, "superuser")
	b.open(t, "/portal")
	for _, rt := range all {
		if rt.method != http.MethodPost || rt.isOpen() {
			continue
		}
		form := url.Values{formName: {b.form}, passwordField: {rootPassword}, "name": {"acme"}}
		want(t, b.send(t, rt.method, rt.address, form.Encode(), "Sec-Fetch-Site: cross-site"), http.StatusForbidden, "This form was not sent by a page of the portal")
		if rt.needs == upload {
			continue // its seal is in another kind of form, and the tests of imports have it
		}
		for _, seal := range []string{"", b.form + "x"} {
			form.Set(formName, seal)
			want(t, b.send(t, rt.method, rt.address, form.Encode()), http.StatusForbidden, "from an earlier session")
		}
	}
	for _, rt := range all {
		if rt.method == http.MethodGet && !rt.isOpen() && !strings.Contains(rt.path, "/import/") {
			want(t, b.open(t, rt.address), http.StatusOK) // nothing was deleted, signed out or revoked
		}
	}
}

// Names are text on every page that there is.
//
// SEC-69
func TestNamesAreTextOnEveryPage(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	w := newWorld(t, options{mail: true})
	all := w.everyRoute(t)
	user, err := w.store.User(t.Context(), w.shop.ID, "dana")
	must(t, err)
	_, err = w.store.UpdateUser(t.Context(), w.shop.ID, user.ID, func(u *models.User) error {
		u.Name, u.Properties = evil, models.Properties{evil: evil}
		return nil
	})
	must(t, err)
	_, err = w.store.UpdateRole(t.Context(), w.shop.ID, w.role(t, "clerk").ID, func(r *models.Role) error { r.Title = evil; return nil })
	must(t, err)
	_, err = w.store.UpdateAdmin(t.Context(), w.olga.ID, func(a *models.Admin) error { a.Name = evil; return nil })
	must(t, err)
	_, err = w.store.UpdateOrganization(t.Context(), w.acme.ID, func(o *models.Organization) error { o.Properties = models.Properties{evil: evil}; return nil })
	must(t, err)
	group, err := w.store.Group(t.Context(), w.shop.ID, "staff")
	must(t, err)
	_, err = w.store.UpdateGroup(t.Context(), w.shop.ID, group.ID, func(g *models.Group) error { g.Title = evil; return nil })
	must(t, err)
	w.endless(t, evil)
	b, shown := w.as(t, "superuser"), 0
	for _, rt := range all {
		if rt.method != http.MethodGet || rt.isOpen() {
			continue
		}
		r := b.open(t, rt.address+"?search="+url.QueryEscape(evil)+"&who="+url.QueryEscape(evil)+"&cursor="+url.QueryEscape(evil)+"&window="+url.QueryEscape(evil))
		if r.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: %d", rt.address, r.StatusCode)
		}
		want(t, r, r.StatusCode, "!<script>alert", "!<img src=x", "!onerror=alert(1)>")
		r = b.open(t, rt.address)
		want(t, r, r.StatusCode, "!<script>alert", "!<img src=x", "!onerror=alert(1)>")
		if strings.Contains(r.text, "script&gt;alert") {
			shown++
		}
	}
	if shown < 6 {
		t.Errorf("only %d pages show such a name at all", shown)
	}
}
