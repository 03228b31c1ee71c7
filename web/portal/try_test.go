package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

const (
	shopAt   = "/portal/organizations/acme/applications/shop"
	rolesAt  = shopAt + "/roles"
	groupsAt = shopAt + "/groups"
	mayAt    = shopAt + "/may"
)

func (w *world) newRole(t *testing.T, name string, rules ...string) models.Role {
	t.Helper()
	role, err := models.NewRole(w.shop.ID, name, "", w.clock.now())
	must(t, err)
	must(t, w.store.CreateRole(t.Context(), role))
	w.rule(t, models.HolderRole, role.ID, rules...)
	return role
}

func (w *world) newGroup(t *testing.T, path string, rules ...string) models.Group {
	t.Helper()
	group, err := models.NewGroup(w.shop.ID, path, "", "", w.clock.now())
	must(t, err)
	must(t, w.store.CreateGroup(t.Context(), group))
	w.rule(t, models.HolderGroup, group.ID, rules...)
	return group
}

func (w *world) rule(t *testing.T, kind models.HolderKind, holder uuid.UUID, rules ...string) {
	t.Helper()
	if len(rules) > 0 {
		_, err := w.store.AddRules(t.Context(), w.shop.ID, kind, holder, rules)
		must(t, err)
	}
}

func (w *world) role(t *testing.T, name string) models.Role {
	t.Helper()
	role, err := w.store.Role(t.Context(), w.shop.ID, name)
	must(t, err)
	return role
}

// furnished is a world with rules of every kind: of roles, users, groups and the groups above, placeholders among them.
func furnished(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, options{})
	w.rule(t, models.HolderRole, w.role(t, "guest").ID, "get:/public/**")
	clerk := w.newRole(t, "clerk", "get,put:/orders/*", "get:/files/me/**", "delete:/carts/${user},/baskets/${user}/*")
	boss := w.newRole(t, "boss", "*:/orders/**", "get:/reports/202?")
	staff, north := w.newGroup(t, "staff", "post:/notes"), w.newGroup(t, "staff/north", "put:/notes/*/${user}")
	must(t, w.store.AssignRole(t.Context(), w.shop.ID, boss.ID, models.HolderGroup, staff.ID))
	dana, erik, mona := w.newUser(t, "dana"), w.newUser(t, "erik"), w.newUser(t, "mona")
	w.rule(t, models.HolderUser, erik.ID, "delete:/orders/7", "get:/users/dana")
	must(t, w.store.AssignRole(t.Context(), w.shop.ID, clerk.ID, models.HolderUser, dana.ID))
	must(t, w.store.AddGroupMember(t.Context(), w.shop.ID, north.ID, mona.ID))
	return w
}

// userToken logs a user in.
func (w *world) userToken(t *testing.T, username string) string {
	t.Helper()
	return w.token(t, "/acme/shop/token", "", "", "grant_type", "password", "username", username, "password", userPassword)
}

// authorize is what a proxy is told about a request.
func (w *world) authorize(t *testing.T, token, method, path string) int {
	t.Helper()
	headers := []string{}
	if token != "" {
		headers = append(headers, "Authorization: Bearer "+token)
	}
	return w.browser(t).send(t, http.MethodGet, "/acme/shop/authorize?method="+method+"&path="+url.QueryEscape(path), "", headers...).StatusCode
}

func tried(at, method, path, as, who string) string {
	return at + "?" + url.Values{"method": {method}, "path": {path}, "as": {as}, "who": {who}}.Encode()
}

// The live test and {issuer}/authorize never differ, whoever asks and for whatever.
func TestTheLiveTestAgreesWithTheServer(t *testing.T) {
	t.Parallel()
	w := furnished(t)
	gone := w.newUser(t, "gone")
	b := w.as(t, "olga")
	dana := w.user(t, func() uuid.UUID { u, err := w.store.User(t.Context(), w.shop.ID, "dana"); must(t, err); return u.ID }())
	askers := []struct{ as, who, token, name string }{
		{"guest", "", "", ""},
		{"client", "", w.shopToken(t), ""},
		{"user", "dana", w.userToken(t, "dana"), "dana"},
		{"user", "erik@example.com", w.userToken(t, "erik"), "erik"},
		{"user", "mona", w.userToken(t, "mona"), "mona"},
		{"user", "gone", w.userToken(t, "gone"), "gone"},
		{"role", "clerk", w.userToken(t, "dana"), "dana"}, // dana has nothing else
		{"group", "staff/north", w.userToken(t, "mona"), "mona"},
	}
	_, err := w.store.UpdateUser(t.Context(), w.shop.ID, gone.ID, func(u *models.User) error { u.Disabled = true; return nil })
	must(t, err)
	paths := []string{
		"/", "/public", "/public/a/b", "/publicity", "/orders", "/orders/7", "/orders/7/", "/orders/7/items", "/Orders/7", "/orders/7?x=1",
		"/files/${user}", "/files/${user}/a/b", "/files/me/a", "/files/erik/a", "/carts/${user}", "/carts/dana", "/baskets/${user}/x", "/baskets/mona/x",
		"/notes", "/notes/1/${user}", "/notes/1/erik", "/reports/2026", "/reports/20266", "/users/me", "/users/dana", "/users/" + dana.ID.String(), "/users/${user}",
		"/a//b", "/a/../b", "/a%2fb", "/a%20b", "a", "/%zz", "/%252e",
	}
	allowed, refused := 0, 0
	for _, asker := range askers {
		for i, path := range paths {
			for j, method := range []string{"GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"} {
				if j > 3 && i%5 != 0 {
					continue // a few are enough
				}
				// The imagined holder of a role has no name; ${user} stands for it.
				actual := path
				if asker.name != "" {
					actual = strings.ReplaceAll(path, "${user}", asker.name)
				}
				given := actual
				if asker.as == "role" || asker.as == "group" {
					given = path
					if actual == path && (strings.Contains(path, asker.name) || strings.Contains(path, dana.ID.String())) {
						continue // the imagined one is not dana
					}
				}
				want := w.authorize(t, asker.token, method, actual)
				got := statusShown(t, b, tried(mayAt, method, given, asker.as, asker.who)+"&part=answer")
				if got != want && (want != http.StatusBadRequest || got != 0) {
					t.Errorf("%s %s as %s %s: %d, the server answers %d\n%s", method, given, asker.as, asker.who, got, want, b.last.text)
				}
				if shown := strings.Contains(b.last.text, ">allows it<"); shown != (want == http.StatusOK && asker.as != "client") && asker.who != "gone" {
					t.Errorf("%s %s as %s %s: a rule is named: %t\n%s", method, given, asker.as, asker.who, shown, b.last.text)
				}
				if want == http.StatusOK {
					allowed++
				} else {
					refused++
				}
			}
		}
	}
	if allowed < 200 || refused < 200 {
		t.Errorf("%d allowed, %d refused: that tests little", allowed, refused)
	}
}

// statusShown is what the answer says that the server would answer; 0 if it has a complaint alone.
func statusShown(t *testing.T, b *browser, at string) int {
	t.Helper()
	r := b.open(t, at)
	want(t, r, http.StatusOK, "data-part", "!<main")
	_, after, found := strings.Cut(r.text, "/authorize answers ")
	if !found {
		return 0
	}
	status, err := strconv.Atoi(after[:3])
	must(t, err)
	if (status == http.StatusOK) != strings.Contains(r.text, "Allowed.") || (status != http.StatusOK) != strings.Contains(r.text, "Refused.") {
		t.Errorf("%s: %d, and\n%s", at, status, r.text)
	}
	return status
}

func TestTheLiveTestNamesWhatDecides(t *testing.T) {
	t.Parallel()
	w := furnished(t)
	b := w.as(t, "olga")
	clerk, staff := w.role(t, "clerk"), w.newGroup(t, "staff/south")
	want(t, b.open(t, mayAt), http.StatusOK, "Live test", "a member of the group", "!Allowed.", "!Refused.")
	want(t, b.open(t, tried(mayAt, "PUT", "/orders/7", "user", "dana")), http.StatusOK, "Allowed.", "get,put:/orders/*", `value="/orders/7"`,
		"/authorize answers 200", "Role clerk", `href="`+rolesAt+"/"+clerk.ID.String()+`"`, "Role default, which everybody has", "2 rules, none fits",
		"Rules of dana alone", "Everybody's right to read himself")
	want(t, b.open(t, tried(mayAt, "DELETE", "/orders/7", "user", "dana")), http.StatusOK, "Refused.", "No rule permits DELETE /orders/7", "answers 403",
		"3 rules, none fits")
	want(t, b.open(t, tried(mayAt, "DELETE", "/orders/7", "user", "mona")), http.StatusOK, "Allowed.", "Role boss, by the group staff", "*:/orders/**")
	want(t, b.open(t, tried(mayAt, "POST", "/notes", "group", "staff/south")), http.StatusOK, "Allowed.", "Group staff", "post:/notes",
		`href="`+groupsAt+"/"+staff.ID.String()+`"`)
	want(t, b.open(t, tried(mayAt, "GET", "/carts", "client", "")), http.StatusOK, "Allowed.", "no rule is needed", "!What was looked at")
	want(t, b.open(t, tried(mayAt, "PATCH", "/public/x", "guest", "")), http.StatusOK, "Refused.", "No rule can permit PATCH", "answers 401")
	want(t, b.open(t, tried(mayAt, "GET", "/a/../b", "guest", "")), http.StatusOK, "Refused.", "ambiguous", "answers 403")
	want(t, b.open(t, tried(mayAt, "GET", "orders", "guest", "")), http.StatusOK, "Enter a path as it stands in a request", "!Refused.")
	for _, as := range []string{"user", "role", "group"} {
		want(t, b.open(t, tried(mayAt, "GET", "/x", as, "nobody")), http.StatusOK, "Nothing in this application has the name “nobody”")
		want(t, b.open(t, tried(mayAt, "GET", "/x", as, "")), http.StatusOK, "Enter whom you mean")
	}
	want(t, b.open(t, tried(mayAt, "GET", "/x", "superuser", "")), http.StatusOK, "!Allowed.")
	want(t, b.open(t, rolesAt+"/"+clerk.ID.String()), http.StatusOK, `value="clerk"`, `<option value="role" selected>`)
	want(t, b.open(t, tried(rolesAt+"/"+clerk.ID.String(), "GET", "/orders/1", "role", "clerk")), http.StatusOK, "Allowed.", "<main")
	want(t, b.open(t, rolesAt+"/"+w.role(t, "guest").ID.String()), http.StatusOK, `<option value="guest" selected>`)
	must(t, w.store.DeleteRole(t.Context(), w.shop.ID, w.role(t, "guest").ID))
	want(t, b.open(t, tried(mayAt, "GET", "/public", "guest", "")), http.StatusOK, "The role guest is deleted", "answers 401")
}

func TestRulesInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	v := &visit{Portal: New(Config{PublicURL: w.URL, Now: w.clock.now})}
	for rule, want := range map[string]string{
		"get,put:/users/me/**":      "GET and PUT on /users/‹the caller› and everything below.",
		"get:/orders":               "GET on /orders exactly.",
		"GET:Orders/*":              "GET on /orders and one level below.",
		"post,get,delete:/a/**":     "GET, POST and DELETE on /a and everything below.",
		"/orders/**":                "Everything (GET, POST, PUT and DELETE) on /orders and everything below.",
		"access:/x":                 "Everything (GET, POST, PUT and DELETE) on /x exactly.",
		"get:/**":                   "GET on every path.",
		"*":                         "Everything (GET, POST, PUT and DELETE) on every path.",
		"get:/*":                    "GET on / and one level below.",
		"get:/users/${user}":        "GET on /users/‹the caller› exactly.",
		"get:/a,/b/*":               "GET on /a exactly and /b and one level below.",
		"get:/a/*/items":            "GET on /a/*/items exactly (* is any name, ? any character, ** any number of levels).",
		"get:/users/me":             "GET on /users/me exactly.",
		"get,put:/users/${user}/**": "GET and PUT on /users/‹the caller› and everything below.",
	} {
		view := v.explainRule(rule)
		if view.Words != want {
			t.Errorf("%s: %q, want %q", rule, view.Words, want)
		}
		permits := slices.ContainsFunc(view.Samples, func(s ruleSample) bool { return s.Methods != "nothing" })
		if !permits || len(view.Samples) > 8 {
			t.Errorf("%s: samples %v", rule, view.Samples)
		}
	}
	for rule, samples := range map[string][]ruleSample{
		"get,put:/users/me/*": {{"/users/dana", "GET, PUT"}, {"/users/dana/7", "GET, PUT"}, {"/users/dana/7/items", "nothing"}, {"/users/erik", "nothing"}},
		"delete:/a/?/**":      {{"/a/x", "DELETE"}, {"/a/x/7", "DELETE"}, {"/a/x/7/items", "DELETE"}},
		"get:/**":             {{"/", "GET"}, {"/orders", "GET"}, {"/orders/7", "GET"}},
	} {
		if got := v.explainRule(rule).Samples; !slices.Equal(got, samples) {
			t.Errorf("%s: %v, want %v", rule, got, samples)
		}
	}
	for rule, reason := range map[string]string{
		"patch:/a": "unknown operation 'patch'", "get:put:/a": "more than one ':'", "get:": "empty path", "get:/a, /b": "white space around path ' /b'", "": "empty path",
	} {
		if view := v.explainRule(rule); !strings.Contains(view.Illegal, reason) || view.Words != "" {
			t.Errorf("%q: %+v", rule, view)
		}
	}
	b := w.as(t, "olga")
	want(t, b.open(t, mayAt+"?rule=get:/orders/*"), http.StatusOK, "GET on /orders and one level below.", "/orders/7/items")
	want(t, b.open(t, mayAt+"?part=rule&rule=get:/orders/*"), http.StatusOK, "GET on /orders and one level below.", "!<main")
	want(t, b.open(t, mayAt+"?part=rule&rule=patch:/orders"), http.StatusOK, "This is no rule: unknown operation 'patch'.")
}
