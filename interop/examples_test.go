package interop

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// example is a folder of examples. Those that verify have what the proxy has not: answers of their own, and a bound for old knowledge.
type example struct {
	prepare func(*testing.T) launch
	rules   bool          // decides by the application's rules
	proxy   bool          // Writ decides about each request
	keyed   time.Duration // how long it may keep from asking for a new key
}

func examples() map[string]example {
	return map[string]example{
		"gohttp": {prepare: goServer(gohttpProgram), rules: true, keyed: 5 * time.Second},
		"goecho": {prepare: goServer(goechoProgram), rules: true, keyed: 5 * time.Second},
		"node":   {prepare: nodeServer, keyed: 2 * time.Second},
		"python": {prepare: pythonServer, keyed: 2 * time.Second},
		"nginx":  {prepare: nginxServer, rules: true, proxy: true},
	}
}

// orderWorld is a world in which dana is a reader, who may see orders, and erik is nothing.
func orderWorld(t *testing.T) (*world, *mortal) {
	t.Helper()
	w, m := mortalWorld(t)
	w.set(t, "POST", "/acme/shop/roles", `{"name":"reader","title":"Reader"}`)
	w.set(t, "POST", "/acme/shop/roles/reader/users/dana", ``)
	for _, rule := range []string{"get:/whoami", "get:/orders/*", "get:/reports/**", "post:/orders"} {
		w.set(t, "POST", "/acme/shop/roles/reader/permissions", `{"permission":"`+rule+`"}`)
	}
	w.set(t, "POST", "/acme/shop/roles/guest/permissions", `{"permission":"get:/catalogue/*"}`)
	w.addUser(t, "erik", "Erik Lund")
	return w, m
}

// settings are the environment of an example that is a client and trusts admins and organizations, too.
func (w *world) settings() []string {
	return []string{
		"WRIT_ISSUER=" + w.issuer(), "WRIT_MANAGEMENT_ISSUER=" + w.managementIssuer(), "WRIT_ORGANIZATION=acme",
		"WRIT_CLIENT_ID=" + w.acme.ID, "WRIT_CLIENT_SECRET=" + w.acme.Secret,
	}
}

func (w *world) login(t *testing.T, issuer, username, password string, more ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return w.token(t, issuer, form)
}

// TestExamples starts each example and attacks it.
//
// SEC-34, SEC-36, SEC-37, SEC-44, SEC-61
func TestExamples(t *testing.T) {
	t.Parallel()
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := e.prepare(t)
			w, m := orderWorld(t)
			s := start(t, w.settings()...)
			e.wantServed(t, w, s)
			if e.rules {
				wantRules(t, w, s)
			}
			e.wantRefused(t, w, s)
			if e.proxy {
				wantNotFooled(t, w, s)
			}
			e.wantRevoked(t, w, m, s)
		})
	}
}

const order = "/orders/7"

// wantServed is who may do what.
func (e example) wantServed(t *testing.T, w *world, s *service) {
	t.Helper()
	tokens := map[string]string{
		"dana": w.userToken(t), "erik": w.login(t, "/acme/shop", "erik", userPassword), "application": w.clientToken(t, "/acme/shop", w.shop),
		"organization": w.clientToken(t, "/management", w.acme), "admin": w.adminToken(t), "forever": w.clientToken(t, "/acme/shop", w.shop, "ttl", "0"),
	}
	for _, row := range []struct {
		who, method, path string
		status            int
	}{
		{"dana", "GET", order, 200},
		{"dana", "HEAD", order, 200},
		{"dana", "GET", "/whoami", 200},
		{"dana", "POST", "/jobs", 403},
		{"erik", "GET", order, 403},
		{"erik", "HEAD", order, 403},
		{"application", "GET", order, 200},
		{"application", "POST", "/jobs", 200},
		{"organization", "GET", order, 200},
		{"organization", "POST", "/jobs", 200},
		{"admin", "GET", order, 200},
		{"forever", "GET", order, 200},
		{"", "GET", "/catalogue/tea", 200},
		{"", "GET", order, 401},
		{"", "HEAD", order, 401},
		{"", "POST", "/jobs", 401},
	} {
		got := s.want(t, row.who, row.method, row.path, tokens[row.who], row.status)
		if row.status == http.StatusUnauthorized && (!strings.HasPrefix(got.challenge, "Bearer ") || strings.Contains(got.challenge, "error=")) {
			t.Errorf("%s %s without a token: challenge %q", row.method, row.path, got.challenge)
		}
		if row.status == http.StatusForbidden && !e.proxy && !strings.Contains(got.challenge, `error="insufficient_scope"`) {
			t.Errorf("%s %s by %s: challenge %q", row.method, row.path, row.who, got.challenge)
		}
	}
	if e.proxy {
		return
	}
	me := s.ask(t, "GET", "/whoami", tokens["dana"]).decoded(t)
	if me["level"] != "application_user" || me["username"] != "dana" || me["subject"] != claimsOf(t, tokens["dana"])["sub"] {
		t.Errorf("dana is %v", me)
	}
	if got := s.ask(t, "GET", "/catalogue/tea", "").decoded(t); got["guest"] != true {
		t.Errorf("a guest is answered %v", got)
	}
}

// wantRules is what only the application's rules allow.
func wantRules(t *testing.T, w *world, s *service) {
	t.Helper()
	dana, erik := w.userToken(t), w.login(t, "/acme/shop", "erik", userPassword)
	s.want(t, "dana", "POST", "/orders", dana, 200)
	s.want(t, "dana", "GET", "/reports/may", dana, 200)
	s.want(t, "erik", "POST", "/orders", erik, 403)
	s.want(t, "erik", "GET", "/reports/may", erik, 403)
	s.want(t, "a guest", "GET", "/reports/may", "", 401)
	s.becomes(t, "before the guests' rule goes", "GET", "/catalogue/tea", "", 200, promised)
	w.set(t, "DELETE", "/acme/shop/roles/guest/permissions?permission="+url.QueryEscape("get:/catalogue/*"), "")
	s.becomes(t, "when the guests' rule has gone", "GET", "/catalogue/tea", "", 401, promised)
}

// wantRefused shows the service what nobody may accept.
func (e example) wantRefused(t *testing.T, w *world, s *service) {
	t.Helper()
	genuine := w.userToken(t)
	tokens := forgeries(t, genuine, string(w.raw(t, w.url+"/.well-known/jwks.json")))
	maps.Copy(tokens, w.strangers(t))
	maps.Copy(tokens, w.documents(t))
	maps.Copy(tokens, map[string]string{
		"garbage": "nothing", "two dots": "..", "deeply nested": strings.Repeat("W1tb", 900) + ".e30.AA", "without a kid": withoutKid(t, genuine),
		"half of it": genuine[:len(genuine)/2], "twice": genuine + "." + genuine,
	})
	for name, token := range tokens {
		got := s.want(t, name, "GET", order, token, 401)
		if !strings.Contains(got.challenge, `error="invalid_token"`) {
			t.Errorf("%s: challenge %q", name, got.challenge)
		}
	}
	s.want(t, "a token in the query", "GET", order+"?access_token="+genuine, "", 401)
	s.want(t, "a token in a cookie", "GET", order, "", 401, "Cookie", "access_token="+genuine)
	s.want(t, "another scheme", "GET", order, "", 401, "Authorization", "Basic "+genuine)
	for what, status := range map[string]int{
		"two tokens, the good one first": s.ask(t, "GET", order, genuine, "Authorization", "Bearer nothing").status,
		"two tokens, the good one last":  s.ask(t, "GET", order, "nothing", "Authorization", "Bearer "+genuine).status,
	} {
		if status != http.StatusUnauthorized && status != http.StatusBadRequest {
			t.Errorf("%s: %d", what, status)
		}
	}
	short := w.login(t, "/acme/shop", "dana", userPassword, "ttl", "1000")
	s.becomes(t, "expired", "GET", order, short, 401, 15*time.Second)
	s.want(t, "the genuine token after all that", "GET", order, genuine, 200)
}
