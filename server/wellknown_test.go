package server

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/models"
)

// §11.1. SEC-48 SEC-50
func TestJWKS(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	a := f.do(t, "GET", "/.well-known/jwks.json", "", "Origin: https://anybody.example", "Authorization: Bearer x")
	a.check(t, scenario{
		wantStatus: 200, wantBody: map[string]any{"keys.0.use": "sig", "keys.0.kty": "EC", "keys.0.alg": "ES256", "keys.0.crv": "P-256"},
		wantHeader: map[string]string{
			"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*", "Content-Type": "application/json",
			"X-Content-Type-Options": "nosniff", "Pragma": "", "Vary": "",
		},
		wantNotBody: []string{`"d"`, `"k"`},
	})
	etag := a.Header().Get("ETag")
	for _, header := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
		again := f.do(t, "GET", "/.well-known/jwks.json", "", "If-None-Match: "+header)
		if again.Code != 304 || again.text != "" || again.Header().Get("ETag") != etag {
			t.Errorf("If-None-Match %s: %d %q", header, again.Code, again.text)
		}
	}
	if again := f.do(t, "GET", "/.well-known/jwks.json", "", `If-None-Match: "x"`); again.Code != 200 {
		t.Errorf("another tag: %d", again.Code)
	}
}

// §11.2. SEC-16
func TestMetadata(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.RefreshTokens, s.Scopes = true, []string{"orders.read", "orders.write"} })
	const want = `{"issuer":"https://id.example.com/acme/shop","token_endpoint":"https://id.example.com/acme/shop/token",` +
		`"jwks_uri":"https://id.example.com/.well-known/jwks.json","revocation_endpoint":"https://id.example.com/acme/shop/revoke",` +
		`"introspection_endpoint":"https://id.example.com/acme/shop/introspect","response_types_supported":[],` +
		`"grant_types_supported":["password","client_credentials","refresh_token"],"scopes_supported":["orders.read","orders.write"],` +
		`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","none"],` +
		`"revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","none"],` +
		`"introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],` +
		`"introspection_signing_alg_values_supported":["ES256"],` +
		`"writ_revocations_uri":"https://id.example.com/acme/shop/revocations","writ_policy_uri":"https://id.example.com/acme/shop/policy"}`
	for _, path := range []string{
		"/.well-known/oauth-authorization-server/acme/shop", "/acme/shop/.well-known/oauth-authorization-server",
		"/.well-known/oauth-authorization-server/ACME/shop/", "/" + f.shop.ID.String() + "/.well-known/oauth-authorization-server",
	} {
		a := f.do(t, "GET", path, "")
		if a.Code != 200 || a.text != want || a.Header().Get("Cache-Control") != "public, max-age=300" || a.Header().Get("ETag") == "" {
			t.Errorf("%s: %d %v\n%s\n%s", path, a.Code, a.Header(), a.text, want)
		}
		if again := f.do(t, "GET", path, "", "If-None-Match: "+a.Header().Get("ETag")); again.Code != 304 {
			t.Errorf("%s: %d with its tag", path, again.Code)
		}
	}
	for _, path := range []string{"/.well-known/oauth-authorization-server/management", "/management/.well-known/oauth-authorization-server"} {
		f.do(t, "GET", path, "").check(t, scenario{wantStatus: 200, wantBody: map[string]any{
			"issuer": publicURL + "/management", "token_endpoint": publicURL + "/management/token", "scopes_supported": nil,
			"grant_types_supported": []any{"password", "client_credentials"},
		}})
	}
	f.do(t, "GET", "/.well-known/oauth-authorization-server/acme/void", "").check(t, scenario{
		wantStatus: 404, wantBody: map[string]any{"error": "organization_application_not_found"}, wantHeader: map[string]string{"Cache-Control": "no-store"},
	})
	off := false
	f.settings(t, func(s *models.Settings) { s.RefreshTokens, s.PasswordGrant, s.Scopes = false, &off, nil })
	f.do(t, "GET", "/acme/shop/.well-known/oauth-authorization-server", "").check(t, scenario{
		wantStatus: 200, wantBody: map[string]any{"grant_types_supported": []any{"client_credentials"}, "scopes_supported": nil},
	})
	strict := newServer(t, options{strict: true})
	for _, path := range []string{"/acme/shop/.well-known/oauth-authorization-server", "/management/.well-known/oauth-authorization-server"} {
		strict.do(t, "GET", path, "").check(t, scenario{wantStatus: 200, wantBody: map[string]any{"grant_types_supported": []any{"client_credentials"}}})
	}
}

// §11.3.
func TestStatus(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.clock.advance(1500 * 1000 * 1000)
	f.run(t, []scenario{
		{name: "home", method: "GET", path: "/", wantStatus: 307, wantHeader: map[string]string{"Location": "/status"}},
		{name: "status", method: "GET", path: "/status", wantStatus: 200, wantBody: map[string]any{
			"timestamp": 1795000001750, "duration": 0, "action": nil, "status.started": 1795000000250, "status.uptime": 1500, "status.version": "test", "status.databaseAvailable": true,
		}},
		{name: "metrics from elsewhere", method: "GET", path: "/metrics", wantStatus: 404, wantBody: map[string]any{"error": "not_found"}},
	})
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := f.do(t, "GET", path, "", "Authorization: Bearer x"); a.Code != 200 || a.text != "ok" {
			t.Errorf("%s: %d %q", path, a.Code, a.text)
		}
	}
	for _, remote := range []string{"127.0.0.1:1", "[::1]:1"} {
		a := f.do(t, "GET", "/metrics", "", "Remote: "+remote, "Host: localhost:8080")
		if a.Code != 200 || !strings.Contains(a.text, `writ_legacy_requests_total{feature="pin_grant"} 0`) {
			t.Errorf("metrics for %s: %d %s", remote, a.Code, a.text)
		}
	}
	must(t, f.store.Close())
	f.do(t, "GET", "/status", "").check(t, scenario{wantStatus: 200, wantBody: map[string]any{"status.databaseAvailable": false}})
	if a := f.do(t, "GET", "/readyz", ""); a.Code != 503 || a.Header().Get("Retry-After") == "" {
		t.Errorf("readyz without database: %d", a.Code)
	}
	if a := f.do(t, "GET", "/healthz", ""); a.Code != 200 {
		t.Errorf("healthz without database: %d", a.Code)
	}
}

func TestMetricsCountWhatTheyName(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.asShop(t)
	f.do(t, "POST", "/acme/shop/token", "grant_type=magic")
	f.do(t, "GET", "/acme/shop/tokens", "", "Authorization: Bearer x")
	f.do(t, "POST", "/acme/shop/users/dana/revoketokens", "", f.asShop(t))
	for _, want := range [][2]string{
		{"writ_tokens_issued_total", "client_credentials"},
		{"writ_token_errors_total", "unsupported_grant_type"},
		{"writ_tokens_refused_total", "auth_bad_access_token"},
		{"writ_revocations_total", "user"},
	} {
		if got := f.counter(t, want[0], want[1]); got != 1 {
			t.Errorf("%s{%s} is %v", want[0], want[1], got)
		}
	}
}

// §1.6. SEC-23
func TestCORS(t *testing.T) {
	t.Parallel()
	const listed, server, foreign = "https://app.example.com", "https://all.example.com", "https://evil.example.com"
	f := newServer(t, options{origins: []string{server}})
	f.settings(t, func(s *models.Settings) { s.AllowedOrigins = []string{listed} })
	echoed := func(origin string) map[string]string {
		return map[string]string{"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Allow-Credentials": ""}
	}
	none := map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "", "Access-Control-Allow-Methods": ""}
	preflight := func(origin string) []string {
		return []string{"Origin: " + origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"}
	}
	allows := func(origin string) map[string]string {
		headers := echoed(origin)
		headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE"
		headers["Access-Control-Allow-Headers"] = "authorization, content-type"
		return headers
	}
	body := clientForm(f.shopID, f.shopSecret)
	f.run(t, []scenario{
		{name: "application's list", method: "POST", path: "/acme/shop/token", body: body, headers: []string{"Origin: " + listed}, wantStatus: 200, wantHeader: echoed(listed)},
		{name: "errors too", method: "POST", path: "/acme/shop/token", body: "x=y", headers: []string{"Origin: " + listed}, wantStatus: 400, wantHeader: echoed(listed)},
		{name: "server's list", method: "POST", path: "/acme/shop/token", body: body, headers: []string{"Origin: " + server}, wantStatus: 200, wantHeader: echoed(server)},
		{name: "server's list, management", method: "POST", path: "/management/token", body: body, headers: []string{"Origin: " + server}, wantStatus: 200, wantHeader: echoed(server)},
		{name: "application's list is not management's", method: "POST", path: "/management/token", body: body, headers: []string{"Origin: " + listed}, wantStatus: 200, wantHeader: none},
		{name: "not another application's", method: "GET", path: "/acme/sandbox/token", headers: []string{"Origin: " + listed}, wantStatus: 400, wantHeader: none},
		{name: "not listed", method: "POST", path: "/acme/shop/token", body: body, headers: []string{"Origin: " + foreign}, wantStatus: 200, wantHeader: none},
		{name: "suffix of a listed one", method: "POST", path: "/acme/shop/token", body: body, headers: []string{"Origin: " + listed + ".evil.example"}, wantStatus: 200, wantHeader: none},
		{name: "null", method: "POST", path: "/acme/shop/token", body: body, headers: []string{"Origin: null"}, wantStatus: 200, wantHeader: none},
		{name: "preflight", method: "OPTIONS", path: "/acme/shop/token", headers: preflight(listed), wantStatus: 204, wantHeader: allows(listed)},
		{name: "preflight, server's list", method: "OPTIONS", path: "/management/token", headers: preflight(server), wantStatus: 204, wantHeader: allows(server)},
		{name: "preflight looks at no credentials", method: "OPTIONS", path: "/acme/shop/tokens?access_token=x", headers: append(preflight(listed), "Authorization: Bearer x"), wantStatus: 204, wantHeader: allows(listed)},
		{name: "preflight, not listed", method: "OPTIONS", path: "/acme/shop/token", headers: preflight(foreign), wantStatus: 204, wantHeader: none},
		{name: "preflight, unknown collection", method: "OPTIONS", path: "/acme/shop/things/x", headers: append(preflight(listed), "Authorization: Bearer x"), wantStatus: 204, wantHeader: allows(listed)},
		{name: "preflight, unknown collection, not listed", method: "OPTIONS", path: "/acme/shop/things", headers: preflight(foreign), wantStatus: 204, wantHeader: none},
		{name: "preflight, unknown collection of an unknown application", method: "OPTIONS", path: "/acme/void/things", headers: preflight(server), wantStatus: 404},
		{name: "preflight, unknown path", method: "OPTIONS", path: "/nothing", headers: preflight(server), wantStatus: 404},
		{name: "preflight, unknown application", method: "OPTIONS", path: "/acme/void/token", headers: preflight(server), wantStatus: 404},
		{name: "OPTIONS without origin", method: "OPTIONS", path: "/acme/shop/token", wantStatus: 405, wantHeader: map[string]string{"Allow": "GET, HEAD, POST"}},
	})
	f.settings(t, func(s *models.Settings) { s.AllowedOrigins = []string{"*"} })
	a := f.do(t, "POST", "/acme/shop/token", body, "Origin: "+foreign)
	a.check(t, scenario{wantStatus: 200, wantHeader: map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": ""}})
}

// The rendering of entities keeps secrets and imitations out. SEC-69 SEC-70
func TestEntitiesShowNoSecrets(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	user := f.dana
	user.Properties = models.Properties{"password": "x", "pin": "y", "uuid": "forged", "username": "forged", "disabled": false, "picture": "mine", "shoe": json.Number("43")}
	entity := userEntity(&user)
	for _, secret := range []string{"password", "pin", "disabled"} {
		if _, shown := entity[secret]; shown {
			t.Errorf("%s is shown", secret)
		}
	}
	if entity["uuid"] != user.ID || entity["username"] != "dana" || entity["picture"] != "mine" || entity["shoe"] != json.Number("43") {
		t.Errorf("entity %v", entity)
	}
	admin := f.olga
	admin.Name = `<script>alert("x")</script>`
	object := newAdminObject(&admin)
	if strings.Contains(object.HTMLDisplayEmailAddress, "<script") || !slices.Contains([]string{admin.Name + " <olga@example.com>"}, object.DisplayEmailAddress) {
		t.Errorf("admin %+v", object)
	}
	admin.Name = ""
	if got := newAdminObject(&admin).DisplayEmailAddress; got != "olga@example.com" {
		t.Errorf("without a name: %s", got)
	}
}
