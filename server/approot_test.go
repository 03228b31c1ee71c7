package server

import (
	"strings"
	"testing"
)

func TestApplicationRoot(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, none := f.asShop(t), fails("unauthorized", "No application access authorized")
	f.run(t, []scenario{
		{name: "guest", method: "GET", path: "/acme/shop", wantStatus: 401, wantBody: none, wantHeader: map[string]string{"WWW-Authenticate": `Bearer realm="writ"`}},
		{
			name: "application user", method: "GET", path: "/acme/shop", headers: []string{f.asDana(t)}, wantStatus: 401, wantBody: none,
			wantHeader: map[string]string{"WWW-Authenticate": `Bearer realm="writ", error="invalid_token"`},
		},
		{name: "guest changes", method: "PUT", path: "/acme/shop", body: `{"scopes":["x"]}`, wantStatus: 401, wantBody: none},
		{name: "foreign admin", method: "GET", path: "/acme/shop", headers: []string{f.asRita(t)}, wantStatus: 401, wantBody: none},
		{
			name: "its client", method: "GET", path: "/acme/shop", headers: []string{shop}, wantStatus: 200,
			wantBody: map[string]any{
				"action": "get", "application": f.shop.ID, "applicationName": "shop", "organization": "acme", "path": "/",
				"uri": publicURL + "/acme/shop", "entities.0.uuid": f.shop.ID, "entities.0.type": "application", "entities.0.name": "acme/shop",
				"entities.0.organizationName": "acme", "entities.0.applicationName": "shop", "entities.0.metadata.collections.users": "/users",
				"count": nil, "status": nil,
			},
		},
		{
			name: "credentials in the query are not repeated", method: "GET", path: "/acme/shop?client_id=" + f.shopID + "&client_secret=" + f.shopSecret + "&a=1&a=2",
			wantStatus: 200, wantBody: map[string]any{"params": map[string]any{"a": []any{"1", "2"}}}, wantNotBody: []string{f.shopSecret},
		},
		{
			name: "no DELETE", method: "DELETE", path: "/acme/shop", headers: []string{shop}, wantStatus: 405,
			wantBody: map[string]any{"error": "not_allowed"}, wantHeader: map[string]string{"Allow": "GET, HEAD, PUT"},
		},
		{
			name: "unknown", method: "PUT", path: "/acme/void", headers: []string{shop}, wantStatus: 404,
			wantBody: fails("organization_application_not_found", "Could not find application for acme/void from URI: /acme/void"),
		},
	})
}

// Every spelling of an application's root gives the same answer (§1.3).
func TestApplicationRootInEverySpelling(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, id := f.asShop(t), f.shop.ID.String()
	roots := []string{"/" + id, "/applications/" + id, "/apps/" + id, "/a/" + strings.ToUpper(id)}
	for _, organization := range []string{"acme", "ACME", f.acme.ID.String()} {
		for _, before := range []string{"", "/organizations", "/orgs", "/o"} {
			for _, between := range []string{"/", "/applications/", "/apps/", "/a/"} {
				for _, application := range []string{"shop", "Shop", id} {
					roots = append(roots, before+"/"+organization+between+application)
				}
			}
		}
	}
	for _, path := range []string{"", "/users", "/users/dana", "/user/DANA/roles", "/role/default/permissions"} {
		want := f.do(t, "GET", "/acme/shop"+path, "", shop)
		for _, root := range roots {
			for _, end := range []string{"", "/"} {
				got := f.do(t, "GET", root+path+end, "", shop)
				if got.Code != 200 || got.text != want.text {
					t.Fatalf("GET %s: %d %s\nwant %s", root+path+end, got.Code, got.text, want.text)
				}
			}
		}
	}
}

func TestApplicationPropertiesAreMergedAllOrNothing(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	put := func(body string) *answer { return f.do(t, "PUT", "/acme/shop", body, shop) }
	shown := func() string {
		entity, _ := f.do(t, "GET", "/acme/shop", "", shop).get("entities.0").(map[string]any)
		delete(entity, "modified")
		return asText(t, entity)
	}
	for _, step := range []struct {
		body string
		want map[string]any
	}{
		{`{"accesstokenttl":"1800000","refreshtokens":true,"refreshtokenidlettl":"60000","scopes":["a","b"],"theme":{"colour":"red"},"n":1.50}`, map[string]any{
			"entities.0.accesstokenttl": 1_800_000, "entities.0.refreshtokens": true, "entities.0.refreshtokenidlettl": 60_000, "entities.0.scopes": []any{"a", "b"},
			"entities.0.theme.colour": "red", "action": "put", "path": "/",
		}},
		{`{"theme":"dark"}`, map[string]any{"entities.0.theme": "dark", "entities.0.accesstokenttl": 1_800_000, "entities.0.n": 1.5}},
		{`{"n":null,"accesstokenttl":null,"scopes":null}`, map[string]any{
			"entities.0.n": nil, "entities.0.accesstokenttl": nil, "entities.0.scopes": nil, "entities.0.theme": "dark",
		}},
		{`passwordgrant=false&colour=blue&access_token=&empty=`, map[string]any{
			"entities.0.passwordgrant": false, "entities.0.colour": "blue", "entities.0.access_token": nil, "entities.0.empty": nil,
		}},
		{`{}`, map[string]any{"entities.0.colour": "blue"}},
		{``, map[string]any{"entities.0.colour": "blue"}},
		// What Writ writes itself, and what authenticates, is no property. SEC-70
		{`{"uuid":"x","type":"x","name":"x","organizationName":"x","applicationName":"x","created":1,"metadata":1,"access_token":"x","client_secret":"x"}`, map[string]any{
			"entities.0.uuid": f.shop.ID, "entities.0.type": "application", "entities.0.name": "acme/shop", "entities.0.organizationName": "acme",
			"entities.0.applicationName": "shop", "entities.0.created": f.shop.Created, "entities.0.client_secret": nil, "entities.0.access_token": nil,
		}},
	} {
		put(step.body).check(t, scenario{wantStatus: 200, wantBody: step.want})
	}
	before := shown()
	for _, tc := range []struct {
		body, code string
		status     int
	}{
		{`{"aaa":1,"accesstokenttl":"1e3"}`, "illegal_argument", 400},
		{`{"aaa":1,"accesstokenttl":-1}`, "illegal_argument", 400},
		{`{"aaa":1,"accesstokenttl":3153600000001}`, "illegal_argument", 400},
		{`{"aaa":1,"accesstokenttl":{}}`, "illegal_argument", 400},
		{`{"aaa":1,"refreshtokens":"yes"}`, "illegal_argument", 400},
		{`{"aaa":1,"scopes":"a b"}`, "illegal_argument", 400},
		{`{"aaa":1,"allowedorigins":["x"]}`, "illegal_argument", 400},
		{`{"aaa":1,"AccessTokenTTL":1}`, "illegal_argument", 400},
		{`{"aaa":1,"Name":"x"}`, "illegal_argument", 400},
		{`[{"aaa":1}]`, "illegal_argument", 400},
		{`{"aaa":1,"aaa":2}`, "json_parse", 400},
		{`{"aaa":1}x`, "json_parse", 400},
		{"{\"aaa\":\"\xff\"}", "json_parse", 400},
		{`{"aaa":"` + strings.Repeat("x", 100_000) + `"}`, "request_too_large", 413},
	} {
		put(tc.body).check(t, scenario{wantStatus: tc.status, wantBody: map[string]any{"error": tc.code}})
		if after := shown(); after != before {
			t.Fatalf("%.80s changed the application:\n%s\n%s", tc.body, before, after)
		}
	}
	f.do(t, "PUT", "/acme/shop", `aaa`, shop, "Content-Type: ", "Content-Type: text/plain").check(t, scenario{
		wantStatus: 415, wantBody: map[string]any{"error": "unsupported_media_type"},
	})
}

// Custom properties grow by merging; their bound counts them all.
func TestCustomPropertiesOfAnApplicationAreBounded(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	half := strings.Repeat("x", 40<<10)
	f.status(t, 200, "PUT", "/acme/shop", `{"a":"`+half+`"}`, shop)
	f.do(t, "PUT", "/acme/shop", `{"b":"`+half+`"}`, shop).check(t, scenario{wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}})
	f.status(t, 200, "PUT", "/acme/shop", `{"a":null,"b":"`+half+`"}`, shop)
}

// Settings count from the next request on.
func TestApplicationSettingsHoldAtOnce(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	login := `{"grant_type":"password","username":"dana","password":"` + userPassword + `","scope":"orders.read"}`
	f.do(t, "POST", "/acme/shop/token", login).check(t, scenario{wantStatus: 400, wantBody: map[string]any{"error": "invalid_scope"}})
	f.status(t, 200, "PUT", "/acme/shop", `{"scopes":["orders.read"],"accesstokenttl":"2000"}`, f.asOlga(t))
	f.do(t, "POST", "/acme/shop/token", login).check(t, scenario{wantStatus: 200, wantBody: map[string]any{"scope": "orders.read", "expires_in": 2}})
	f.status(t, 200, "PUT", "/acme/shop", `{"registration_requires_admin_approval":true}`, f.asOlga(t))
	f.do(t, "POST", "/acme/shop/users", `{"username":"erik","activated":true}`).check(t, scenario{
		wantStatus: 200, wantBody: map[string]any{"entities.0.activated": false},
	})
	f.status(t, 200, "PUT", "/acme/shop", `{"passwordgrant":false}`, f.asOlga(t))
	f.do(t, "POST", "/acme/shop/token", login).check(t, scenario{wantStatus: 400, wantBody: map[string]any{"error": "invalid_grant"}})
}
