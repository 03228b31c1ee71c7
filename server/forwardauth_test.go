package server

import (
	"net/http"
	"net/url"
	pathpkg "path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/models"
)

// forwarding is a server whose application shop protects a service: guests may read below /public, users write their own files, and the role
// clerk reads orders.
func forwarding(t *testing.T, opts options) *fixture {
	t.Helper()
	f := newServer(t, opts)
	root := f.asAcme(t)
	for path, rule := range map[string]string{
		"/roles/guest/permissions":   "get:/public/**",
		"/roles/default/permissions": "get,put:/files/${user}/*",
	} {
		f.status(t, 200, "POST", "/acme/shop"+path, `{"permission":"`+rule+`"}`, root)
	}
	f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"clerk"}`, root)
	f.status(t, 200, "POST", "/acme/shop/roles/clerk/permissions", `{"permission":"get:/orders/*"}`, root)
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff/north"}`, root)
	return f
}

// ask asks about a request; the path is encoded as it must be.
func (f *fixture) ask(t *testing.T, method, path string, headers ...string) *answer {
	t.Helper()
	return f.do(t, "GET", "/acme/shop/authorize?method="+method+"&path="+url.QueryEscape(path), "", headers...)
}

func TestForwardAuthDecidesByTheRules(t *testing.T) {
	t.Parallel()
	f := forwarding(t, options{})
	dana, self := f.asDana(t), "/files/"+f.dana.ID.String()+"/a"
	f.newUser(t, f.sandbox, "sam", "")
	for _, c := range []struct {
		name, method, path, auth string
		want                     int
	}{
		{"guest, permitted", "GET", "/public/a", "X: guest", 200},
		{"guest, HEAD is GET", "HEAD", "/public/a", "X: guest", 200},
		{"guest, final slash", "GET", "/public/a/", "X: guest", 200},
		{"guest, the root of a run", "GET", "/public", "X: guest", 200},
		{"guest, a name that only begins so", "GET", "/publicity", "X: guest", 401},
		{"guest, another method", "POST", "/public/a", "X: guest", 401},
		{"guest, method without operation", "PATCH", "/public/a", "X: guest", 401},
		{"guest, elsewhere", "GET", "/orders/7", "X: guest", 401},
		{"user has not the role guest", "GET", "/public/a", dana, 403},
		{"user, own", "GET", "/files/dana/a", dana, 200},
		{"user, own by uuid", "PUT", self, dana, 200},
		{"user, case does not matter", "GET", "/Files/DANA/a", dana, 200},
		{"user, method in lower case", "put", "/files/dana/a", dana, 200},
		{"user, somebody else's", "GET", "/files/erik/a", dana, 403},
		{"user, deeper than the rule", "GET", "/files/dana/a/b", dana, 403},
		{"user, another method", "DELETE", "/files/dana/a", dana, 403},
		{"user, the rule everybody has about himself", "GET", "/users/" + f.dana.ID.String(), dana, 200},
		{"user, the service's /users/me is nobody", "GET", "/users/me", dana, 403},
		{"user, query is cut off", "GET", "/files/dana/a?x=/../..", dana, 200},
		{"user without the role", "GET", "/orders/7", dana, 403},
		{"client", "DELETE", "/orders/7", f.asShop(t), 200},
		{"client, method without operation", "PATCH", "/orders/7", f.asShop(t), 200},
		{"client by Basic", "DELETE", "/orders/7", basic(f.shopID, f.shopSecret), 200},
		{"organization", "DELETE", "/orders/7", f.asAcme(t), 200},
		{"organization by Basic", "DELETE", "/orders/7", basic(f.acmeID, f.acmeSecret), 200},
		{"member", "DELETE", "/orders/7", f.asOlga(t), 200},
		{"superuser", "DELETE", "/orders/7", f.asSuperuser(t), 200},
		{"user of another application", "GET", "/public/a", f.asUser(t, "sandbox", "sam"), 401},
		{"client of another application", "GET", "/public/a", basic(f.sandboxID, f.sandboxSecret), 401},
		{"another organization", "GET", "/public/a", f.asRival(t), 401},
		{"another organization's member", "GET", "/public/a", f.asRita(t), 401},
		{"garbage is no guest", "GET", "/public/a", "Authorization: Bearer x", 401},
		{"empty Bearer is no guest", "GET", "/public/a", "Authorization: Bearer", 401},
		{"wrong Basic is no guest", "GET", "/public/a", basic(f.shopID, "x"), 401},
		{"another scheme is no guest", "GET", "/public/a", "Authorization: Digest x", 401},
	} {
		a := f.ask(t, c.method, c.path, c.auth)
		if a.Code != c.want || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", c.name, a.Code, a.text)
		}
		challenge := a.Header().Get("WWW-Authenticate")
		if (challenge != "") != (c.want == 401) || strings.HasPrefix(challenge, "Basic") != (c.want == 401 && strings.Contains(c.auth, "Basic")) {
			t.Errorf("%s: challenge %q", c.name, challenge)
		}
		if c.want == 200 && a.text != "" || c.want != 200 && a.Header().Get("X-Auth-Level") != "" {
			t.Errorf("%s: body %q, level %q", c.name, a.text, a.Header().Get("X-Auth-Level"))
		}
	}
}

// What changes holds for the next question, with tokens that were issued before.
func TestForwardAuthDecidesOnLiveData(t *testing.T) {
	t.Parallel()
	f := forwarding(t, options{})
	dana, root := f.asDana(t), f.asAcme(t)
	status := func(want int, method, path, auth string) {
		t.Helper()
		if a := f.ask(t, method, path, auth); a.Code != want {
			t.Errorf("%s %s: %d %s", method, path, a.Code, a.text)
		}
	}
	status(403, "GET", "/orders/7", dana)
	f.status(t, 200, "POST", "/acme/shop/roles/clerk/users/dana", "", root)
	status(200, "GET", "/orders/7", dana)
	f.status(t, 200, "DELETE", "/acme/shop/roles/guest/permissions?permission="+url.QueryEscape("get:/public/**"), "", root)
	status(401, "GET", "/public/a", "X: guest")
	f.status(t, 200, "DELETE", "/acme/shop/roles/guest", "", root)
	status(401, "GET", "/public/a", "X: guest")
	f.status(t, 200, "POST", "/acme/shop/users/dana/revoketokens", "", root)
	status(401, "GET", "/orders/7", dana)
	f.status(t, 200, "DELETE", "/management/orgs/acme/apps/shop?confirm_application_identifier=shop", "", root)
	status(404, "GET", "/orders/7", root)
}

func TestForwardAuthTellsWhoCalls(t *testing.T) {
	t.Parallel()
	f := forwarding(t, options{})
	root := f.asAcme(t)
	f.settings(t, func(s *models.Settings) { s.Scopes = []string{"orders.read", "orders.write"} })
	f.status(t, 200, "POST", "/acme/shop/users", `{"username":"zoë o'neil","password":"`+userPassword+`"}`, root)
	user, err := f.store.User(t.Context(), f.shop.ID, "zoë o'neil")
	must(t, err)
	f.status(t, 200, "POST", "/acme/shop/roles/clerk/users/"+user.ID.String(), "", root)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/north/users/"+user.ID.String(), "", root)
	zoe := f.tokenOf(t, "/acme/shop/token", "grant_type=password&scope=orders.read+orders.write&username="+url.QueryEscape(user.Username)+"&password="+userPassword)
	for name, c := range map[string]struct {
		auth, path string
		want       map[string]string
	}{
		"guest": {"X: guest", "/public/a", map[string]string{"Level": "guest"}},
		"user": {"Authorization: Bearer " + zoe, "/orders/7", map[string]string{
			"Level": "application_user", "Subject": user.ID.String(), "Username": "zo%C3%AB%20o%27neil", "Roles": "clerk,default", "Groups": "staff/north",
			"Scope": "orders.read orders.write", "Org": "acme", "App": "shop", "Client": f.shopID,
		}},
		"client": {basic(f.shopID, f.shopSecret), "/orders/7", map[string]string{
			"Level": "application", "Subject": f.shop.ID.String(), "Org": "acme", "App": "shop", "Client": f.shopID,
		}},
		"organization": {root, "/orders/7", map[string]string{
			"Level": "organization", "Subject": f.acme.ID.String(), "Org": "acme", "App": "shop", "Client": f.acmeID,
		}},
		"admin": {f.asOlga(t), "/orders/7", map[string]string{
			"Level": "admin_user", "Subject": f.olga.ID.String(), "Username": "olga", "Org": "acme", "App": "shop", "Client": "management",
		}},
		"superuser by Basic": {basic("superuser", superuserPassword), "/orders/7", map[string]string{
			"Level": "admin_user", "Subject": f.superuser.ID.String(), "Username": "superuser", "Org": "acme", "App": "shop",
		}},
	} {
		a := f.ask(t, "GET", c.path, c.auth)
		if a.Code != 200 {
			t.Fatalf("%s: %d %s", name, a.Code, a.text)
		}
		for _, member := range []string{"Level", "Subject", "Username", "Roles", "Groups", "Scope", "Org", "App", "Client"} {
			if got := a.Header().Get("X-Auth-" + member); got != c.want[member] {
				t.Errorf("%s: X-Auth-%s is %q, want %q", name, member, got, c.want[member])
			}
		}
	}
}

// FuzzHeaderText: whatever a name has in it, a header has letters, digits and harmless signs, and nothing is lost.
func FuzzHeaderText(f *testing.F) {
	f.Add("a\r\nX-Auth-Level: admin_user")
	f.Add("zoë,\x00%2C")
	f.Fuzz(func(t *testing.T, text string) {
		safe := headerText(text)
		for _, b := range []byte(safe) {
			if b <= ' ' || b >= 0x7f || b == ',' || b == ';' || b == '"' {
				t.Fatalf("%q has %q", safe, b)
			}
		}
		if back, err := url.PathUnescape(safe); err != nil || back != text {
			t.Fatalf("%q comes back as %q, %v", text, back, err)
		}
	})
}

func TestForwardAuthReadsQueryOrOnePairOfHeaders(t *testing.T) {
	t.Parallel()
	f := forwarding(t, options{})
	nginx := func(method, path string) []string {
		return []string{"X-Original-Method: " + method, "X-Original-URI: " + path}
	}
	traefik := func(method, path string) []string {
		return []string{"X-Forwarded-Method: " + method, "X-Forwarded-Uri: " + path}
	}
	both := append(nginx("GET", "/public/a"), traefik("GET", "/public/a")...)
	for _, c := range []struct {
		name, query string
		headers     []string
		want        int
	}{
		{"nginx", "", nginx("GET", "/public/a?x=1"), 200},
		{"Traefik and Caddy", "", traefik("GET", "/public/a?x=1"), 200},
		{"nginx, not permitted", "", nginx("GET", "/orders/7"), 401},
		{"the query wins", "?method=GET&path=/public/a", nginx("GET", "/orders/7"), 200},
		{"the query wins over what would be permitted", "?method=GET&path=/orders/7", traefik("GET", "/public/a"), 401},
		{"half a query is not filled up", "?method=GET", nginx("GET", "/public/a"), 400},
		{"the other half", "?path=/public/a", nginx("GET", "/public/a"), 400},
		{"empty parameters are there", "?method=&path=", nginx("GET", "/public/a"), 400},
		{"both pairs", "", both, 403},
		{"a client adds half of the other pair", "", append(traefik("DELETE", "/orders/7"), "X-Original-URI: /public/a"), 403},
		{"a client adds the other half", "", append(nginx("DELETE", "/orders/7"), "X-Forwarded-Method: GET"), 403},
		{"a header twice", "", append(nginx("GET", "/public/a"), "X-Original-URI: /orders/7"), 403},
		{"a method twice", "", append(traefik("DELETE", "/public/a"), "X-Forwarded-Method: GET"), 403},
		{"a pair without a path", "", []string{"X-Original-Method: GET"}, 400},
		{"a pair without a method", "", []string{"X-Forwarded-Uri: /public/a"}, 400},
		{"nothing", "", nil, 400},
		{"a parameter twice", "?method=GET&method=GET&path=/public/a", nil, 400},
		{"a path twice", "?method=GET&path=/public/a&path=/orders/7", nil, 400},
		{"a method that is none", "?method=GET%20/&path=/public/a", nil, 400},
		{"a very long method", "?method=" + strings.Repeat("A", 33) + "&path=/public/a", nil, 400},
	} {
		if a := f.do(t, "GET", "/acme/shop/authorize"+c.query, "", c.headers...); a.Code != c.want {
			t.Errorf("%s: %d %s", c.name, a.Code, a.text)
		}
	}
	for _, root := range []string{"/acme/shop", "/o/ACME/a/shop", "/" + f.shop.ID.String(), "/orgs/acme/applications/shop"} {
		if a := f.do(t, "GET", root+"/authorize/?method=GET&path=/public/a", ""); a.Code != 200 {
			t.Errorf("at %s: %d %s", root, a.Code, a.text)
		}
		if a := f.do(t, "HEAD", root+"/authorize?method=GET&path=/orders/7", ""); a.Code != 401 {
			t.Errorf("HEAD at %s: %d %s", root, a.Code, a.text)
		}
	}
	f.status(t, 405, "POST", "/acme/shop/authorize", "")
	f.status(t, 404, "GET", "/acme/void/authorize?method=GET&path=/public/a", "")
}

// Only the header counts, in both modes: what stands in a query is not Writ's own request.
func TestForwardAuthIgnoresCredentialsInTheQuery(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		f := forwarding(t, options{strict: strict})
		shop := bare(f.asShop(t))
		for query, want := range map[string]int{
			"&access_token=" + shop: 401,
			"&client_id=" + f.shopID + "&client_secret=" + f.shopSecret: 401,
		} {
			if a := f.do(t, "GET", "/acme/shop/authorize?method=GET&path=/orders/7"+query, ""); a.Code != want {
				t.Errorf("strict %t, %s: %d %s", strict, query, a.Code, a.text)
			}
			if a := f.do(t, "GET", "/acme/shop/authorize?method=GET&path=/public/a"+query, ""); a.Code != 200 || a.Header().Get("X-Auth-Level") != "guest" {
				t.Errorf("strict %t, a guest with %s: %d", strict, query, a.Code)
			}
		}
		if a := f.ask(t, "GET", "/orders/7?access_token="+shop); a.Code != 401 {
			t.Errorf("strict %t, in the service's query: %d", strict, a.Code)
		}
		if a := f.ask(t, "GET", "/orders/7", "Authorization: Bearer "+shop); a.Code != 200 {
			t.Errorf("strict %t, in the header: %d %s", strict, a.Code, a.text)
		}
		body := f.do(t, "GET", "/acme/shop/authorize?method=GET&path=/orders/7", "access_token="+shop)
		if body.Code != 401 {
			t.Errorf("strict %t, in a body: %d", strict, body.Code)
		}
	}
}

// attacks are paths that proxies and services read in different ways, behind a prefix that guests may read; 403 refuses, 400 is no path.
func attacks() map[string]int {
	return map[string]int{
		"/public/../orders": 403, "/public/..": 403, "/public/.": 403, "/public/./a": 403, "/..": 403, "/.": 403,
		"/public/%2e%2e/orders": 403, "/public/.%2E/orders": 403, "/public/%2e": 403, "/public/%2E%2e": 403,
		"/public//orders": 403, "//public/a": 403, "/public///": 403, "//": 403,
		"/public/..%2forders": 403, "/public%2Forders": 403, "/public/a%2f": 403,
		"/public/..%5corders": 403, `/public\..\orders`: 403, "/public/%5c": 403,
		"/public/%252e%252e/orders": 403, "/public/%252forders": 403, "/public/%25%32%65": 403, "/public/a%2541": 403,
		"/public/a%00": 403, "/public/%00/../a": 403, "/public/a%0d%0aX-Auth-Level:x": 403, "/public/%7f": 403, "/public/%1f": 403,
		"/public/..;/orders": 403, "/public/..;a=b/orders": 403, "/public/.;/a": 403, "/public/;/a": 403, "/public/;": 403, "/public/%2e%2e;/a": 403,
		"/public/%3fa": 403, "/public/%23a": 403, "/public/a#b": 403,
		"/public/%20/a": 403, "/public/..%20/a": 403, "/public/%20../a": 403, "/public/%c2%a0": 403,
		"/public/%ff": 403, "/public/%c0%ae%c0%ae/a": 403, "/public/%c0%af": 403, "/public/%ed%a0%80": 403, "/public/\xff": 403,
		"/public/%e2%80%ae": 403, "/public/%e2%80%a8": 403, "/public/%c2%85": 403,
		"/public/" + strings.Repeat("a", maxServicePath): 403,
		"/public/%": 400, "/public/%2": 400, "/public/%zz": 400, "/public/%u002e%u002e/a": 400,
		"public/a": 400, "": 400, "*": 400, "?x": 400, "https://x/public/a": 400, `\public`: 400,
		"/public/a b": 400, "/public/a\tb": 400, "/public/a\r\nb": 400, "/public/\x00": 400, " /public/a": 400,
	}
}

func TestForwardAuthRefusesAmbiguousPaths(t *testing.T) {
	t.Parallel()
	f := forwarding(t, options{})
	for path, want := range attacks() {
		// Whoever asks: an ambiguous path is refused to those who may do everything, too.
		for _, auth := range []string{"X: guest", f.asShop(t)} {
			a := f.ask(t, "GET", path, auth)
			if !utf8.ValidString(path) {
				a = f.do(t, "GET", "/acme/shop/authorize", "", auth, "X-Forwarded-Method: GET", "X-Forwarded-Uri: "+path)
			}
			if a.Code != want || a.Header().Get("X-Auth-Level") != "" {
				t.Errorf("%q: %d %s", path, a.Code, a.text)
			}
			if strings.ContainsAny(path, "\r\n\x00\t") || strings.HasPrefix(path, " ") {
				continue // no header can hold it
			}
			if a := f.do(t, "GET", "/acme/shop/authorize", "", auth, "X-Original-Method: GET", "X-Original-URI: "+path); a.Code != want && path != "" {
				t.Errorf("%q in a header: %d %s", path, a.Code, a.text)
			}
		}
	}
	for path, clean := range map[string]string{
		"/": "/", "/public/a": "/public/a", "/public/a/": "/public/a/", "/public/a?b=/../%00": "/public/a", "/public/a%20b": "/public/a b",
		"/public/caf%C3%A9": "/public/café", "/public/café": "/public/café", "/public/...": "/public/...", "/public/.hidden": "/public/.hidden",
		"/public/a..b": "/public/a..b", "/public/100%25": "/public/100%", "/public/a+b": "/public/a+b", "/public/%2Ba": "/public/+a",
		"/public/a;v=1": "/public/a;v=1", "/public/%41": "/public/A", "/public/a%25x": "/public/a%x", "/public/*": "/public/*",
	} {
		if got, err := servicePath(path); err != nil || got != clean {
			t.Errorf("%q is %q, %v", path, got, err)
		}
		want := 200
		if path == "/" {
			want = 401
		}
		if a := f.ask(t, "GET", path); a.Code != want {
			t.Errorf("%q: %d %s", path, a.Code, a.text)
		}
	}
}

// FuzzServicePath: what is accepted says the same to everybody: cleaning it again, decoding it again or merging its slashes changes nothing.
func FuzzServicePath(f *testing.F) {
	for path := range attacks() {
		f.Add(path)
	}
	f.Add("/public/a%20b/")
	guests := permission.Compile([]string{"get:/public/**"})
	f.Fuzz(func(t *testing.T, target string) {
		path, err := servicePath(target)
		if err != nil {
			return
		}
		if again, err := url.PathUnescape(strings.ReplaceAll(path, "%", "%25")); err != nil || again != path {
			t.Fatalf("%q: %q decodes to %q, %v", target, path, again, err)
		}
		cleaned := pathpkg.Clean(path)
		if strings.ContainsAny(path, "\x00\r\n\\?#") || !strings.HasPrefix(path, "/") || cleaned != path && cleaned+"/" != path {
			t.Fatalf("%q: %q, cleaned %q", target, path, cleaned)
		}
		if guests.Allows(permission.Request{Method: http.MethodGet, Paths: []string{path}}, permission.Subject{}) && !strings.HasPrefix(strings.ToLower(path)+"/", "/public/") {
			t.Fatalf("%q: %q is let in", target, path)
		}
	})
}
