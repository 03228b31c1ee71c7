package server

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// §6.1: all tokens of a user, and who may do it.
func TestRevokeTokensOfUser(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	done := map[string]any{"action": "revoked user tokens", "path": "/users/dana/revoketokens", "applicationName": "shop"}
	login := func() string {
		return f.tokenOf(t, "/acme/shop/token", "grant_type=password&username=dana&password=quiet-harbor-7")
	}
	erik := f.newUser(t, f.shop, "erik", "Erik")
	for name, header := range map[string]func() string{
		"himself":             func() string { return "Authorization: Bearer " + login() },
		"application client":  func() string { return f.asShop(t) },
		"organization client": func() string { return f.asAcme(t) },
		"admin":               func() string { return f.asOlga(t) },
		"superuser":           func() string { return basic("superuser", superuserPassword) },
	} {
		for _, method := range []string{"POST", "PUT"} {
			token, as := login(), header()
			f.do(t, method, "/acme/shop/users/dana/revoketokens", "", as).check(t, scenario{name: name, wantStatus: 200, wantBody: done})
			a := f.do(t, "GET", "/acme/shop/users/dana/tokens", "", "Authorization: Bearer "+token)
			a.check(t, scenario{wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}})
		}
	}
	token := login()
	f.run(t, []scenario{
		{name: "body is ignored", method: "POST", path: "/acme/shop/users/erik/revoketokens", body: `{"x":`, headers: []string{f.asShop(t)}, wantStatus: 200},
		{name: "body of any type", method: "POST", path: "/acme/shop/users/erik/revoketokens", body: "<x/>", headers: []string{f.asShop(t), "Content-Type: ", "Content-Type: text/xml"}, wantStatus: 200},
		{name: "query token authenticates", method: "PUT", path: "/acme/shop/users/me/revoketokens?access_token=" + token, wantStatus: 200},
		{name: "guest", method: "POST", path: "/acme/shop/users/dana/revoketokens", wantStatus: 401, wantBody: fails("unauthorized", "Subject does not have permission to access this resource")},
		{name: "guest, unknown user", method: "POST", path: "/acme/shop/users/nobody/revoketokens", wantStatus: 401},
		{name: "unknown user", method: "POST", path: "/acme/shop/users/nobody/revoketokens", headers: []string{f.asShop(t)}, wantStatus: 404, wantBody: map[string]any{"error": "service_resource_not_found"}},
		{name: "GET", method: "GET", path: "/acme/shop/users/dana/revoketokens", wantStatus: 405, wantHeader: map[string]string{"Allow": "POST, PUT"}},
		{name: "wrong credential", method: "POST", path: "/acme/shop/users/dana/revoketokens", headers: []string{"Authorization: Bearer x"}, wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"}},
	})
	asErik := "Authorization: Bearer " + f.tokenOf(t, "/acme/shop/token", "grant_type=password&username=erik&password="+userPassword)
	a := f.do(t, "POST", "/acme/shop/users/dana/revoketokens", "", asErik)
	a.check(t, scenario{wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}})
	_, err := f.store.AddRules(t.Context(), f.shop.ID, "user", erik.ID, []string{"post:/users/dana/revoketokens"})
	must(t, err)
	f.do(t, "POST", "/acme/shop/users/"+f.dana.ID.String()+"/revoketokens", "", asErik).check(t, scenario{wantStatus: 200, name: "by a rule, in another spelling"})
	f.do(t, "PUT", "/acme/shop/users/dana/revoketokens", "", asErik).check(t, scenario{wantStatus: 401, name: "the rule is for POST"})
}

// §6.1: one token, on the word of whoever holds it.
func TestRevokeOneToken(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	erik := f.newUser(t, f.shop, "erik", "Erik")
	login := func() string {
		return f.tokenOf(t, "/acme/shop/token", "grant_type=password&username=dana&password=quiet-harbor-7")
	}
	alive := func(token string) bool {
		return f.do(t, "GET", "/acme/shop/users/dana/tokens", "", "Authorization: Bearer "+token).Code == http.StatusOK
	}
	for _, path := range []string{"/acme/shop/users/dana/revoketokens?token=", "/acme/shop/users/dana/revoketoken?token=", "/acme/shop/users/me/revoketoken?token="} {
		for _, header := range []string{"X-None: x", "Authorization: Bearer garbage", basic("superuser", "wrong")} {
			token, other := login(), login()
			f.do(t, "PUT", path+token, "", header).check(t, scenario{
				wantStatus: 200, wantBody: map[string]any{"action": "revoked user token"}, wantNotBody: []string{token},
			})
			if alive(token) || !alive(other) {
				t.Errorf("%s: alive %v, other alive %v", path, alive(token), alive(other))
			}
		}
	}
	erikToken := f.tokenOf(t, "/acme/shop/token", "grant_type=password&username="+erik.Username+"&password="+userPassword)
	short := f.tokenOf(t, "/acme/shop/token?ttl=1000", "grant_type=password&username=dana&password=quiet-harbor-7")
	f.clock.advance(10 * time.Second)
	dead := login()
	f.do(t, "POST", "/acme/shop/users/dana/revoketoken?token="+dead, "")
	used := login()
	noMatch := fails("token", "Could not match token")
	scenarios := []scenario{
		{name: "missing", method: "POST", path: "/acme/shop/users/dana/revoketoken", wantStatus: 400, wantBody: fails("illegal_argument", "token is required")},
		{name: "missing, with a wrong credential", method: "POST", path: "/acme/shop/users/dana/revoketoken", headers: []string{"Authorization: Bearer x"}, wantStatus: 400, wantBody: fails("illegal_argument", "token is required")},
		{name: "empty", method: "POST", path: "/acme/shop/users/dana/revoketokens?token=", headers: []string{f.asShop(t)}, wantStatus: 400, wantBody: fails("illegal_argument", "token is required")},
		{name: "garbage", method: "POST", path: "/acme/shop/users/dana/revoketoken?token=garbage", wantStatus: 400, wantBody: fails("illegal_argument", "token is malformed")},
		{name: "of another user", method: "POST", path: "/acme/shop/users/dana/revoketoken?token=" + erikToken, wantStatus: 400, wantBody: noMatch},
		{name: "of another kind", method: "POST", path: "/acme/shop/users/dana/revoketoken?token=" + bare(f.asShop(t)), wantStatus: 400, wantBody: noMatch},
		{name: "of an admin", method: "POST", path: "/acme/shop/users/dana/revoketoken?token=" + bare(f.asOlga(t)), wantStatus: 400, wantBody: noMatch},
		{name: "at another application", method: "POST", path: "/acme/sandbox/users/dana/revoketoken?token=" + used, wantStatus: 400, wantBody: noMatch},
		{name: "unknown user", method: "POST", path: "/acme/shop/users/nobody/revoketoken?token=" + used, wantStatus: 400, wantBody: noMatch},
		{name: "expired", method: "POST", path: "/acme/shop/users/dana/revoketoken?token=" + short, wantStatus: 400, wantBody: fails("expired_token", "Unable to authenticate due to expired access token")},
		{name: "already revoked", method: "POST", path: "/acme/shop/users/dana/revoketoken?token=" + dead, wantStatus: 400, wantBody: fails("auth_bad_access_token", "Unable to authenticate due to corrupt access token")},
		{name: "repeated", method: "POST", path: "/acme/shop/users/dana/revoketoken?token=a&token=b", wantStatus: 400, wantBody: fails("illegal_argument", "duplicate parameter: token")},
		{name: "AA may, whoever is in the path", method: "POST", path: "/acme/shop/users/dana/revoketoken?token=" + erikToken, headers: []string{f.asShop(t)}, wantStatus: 200},
		{name: "second question mark", method: "PUT", path: "/acme/shop/users/dana/revoketoken?token=" + used + "?access_token=" + bare(f.asShop(t)), wantStatus: 200, wantBody: map[string]any{"action": "revoked user token", "params": map[string]any{}}},
	}
	for i := range scenarios {
		scenarios[i].wantNotBody = []string{erikToken, short, dead, used}
	}
	f.run(t, scenarios)
	if alive(used) {
		t.Error("the token behind the second question mark lives")
	}
}

func TestRevokeTokensOfAdmin(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	login := func() string {
		return f.tokenOf(t, "/management/token", "grant_type=password&username=olga&password=slow-river-92")
	}
	first, second := login(), login()
	rita := bare(f.asRita(t))
	f.run(t, []scenario{
		{name: "one", method: "POST", path: "/management/users/olga/revoketoken?token=" + first, wantStatus: 200, wantBody: map[string]any{"action": "revoked user token", "application": nil}},
		{name: "one is dead", method: "GET", path: "/management/me", headers: []string{"Authorization: Bearer " + first}, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}},
		{name: "the other lives", method: "GET", path: "/management/me", headers: []string{"Authorization: Bearer " + second}, wantStatus: 200},
		{name: "another admin's", method: "POST", path: "/management/users/olga/revoketoken?token=" + rita, wantStatus: 400, wantBody: map[string]any{"error": "token"}},
		{name: "another admin's, superuser", method: "POST", path: "/management/users/olga/revoketoken?token=" + rita, headers: []string{f.asSuperuser(t)}, wantStatus: 200},
		{name: "application user's", method: "POST", path: "/management/users/olga/revoketoken?token=" + bare(f.asDana(t)), wantStatus: 400, wantBody: map[string]any{"error": "token"}},
		{name: "guest", method: "POST", path: "/management/users/olga/revoketokens", wantStatus: 401, wantBody: fails("unauthorized", "No admin user access authorized")},
		{name: "another admin", method: "POST", path: "/management/users/olga/revoketokens", headers: []string{f.asRita(t)}, wantStatus: 401},
		{name: "organization client", method: "POST", path: "/management/users/olga/revoketokens", headers: []string{f.asAcme(t)}, wantStatus: 401},
		{name: "all, himself", method: "PUT", path: "/management/users/me/revoketokens", headers: []string{"Authorization: Bearer " + second}, wantStatus: 200, wantBody: map[string]any{"action": "revoked user tokens"}},
		{name: "all are dead", method: "GET", path: "/management/me", headers: []string{"Authorization: Bearer " + second}, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}},
		{name: "all, superuser", method: "POST", path: "/management/users/olga/revoketokens", headers: []string{f.asSuperuser(t)}, wantStatus: 200},
	})
}

func TestRevokeTokensOfClients(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	for _, tc := range []struct{ path, client, action string }{
		{"/management/orgs/acme/credentials/revoketokens", clientForm(f.acmeID, f.acmeSecret), "revoked organization client tokens"},
		{"/management/orgs/acme/apps/shop/credentials/revoketokens", clientForm(f.shopID, f.shopSecret), "revoked application client tokens"},
		{"/acme/shop/credentials/revoketokens", clientForm(f.shopID, f.shopSecret), "revoked application client tokens"},
	} {
		for _, method := range []string{"POST", "PUT"} {
			old := "Authorization: Bearer " + f.tokenOf(t, "/management/token", tc.client)
			f.do(t, method, tc.path, "", f.asDana(t)).check(t, scenario{wantStatus: 401})
			f.do(t, method, tc.path, "", f.asOlga(t)).check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": tc.action}})
			probe := "/acme/shop/tokens"
			f.do(t, "GET", probe, "", old).check(t, scenario{wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}})
			fresh := "Authorization: Bearer " + f.tokenOf(t, "/management/token", tc.client)
			f.do(t, "GET", probe, "", fresh).check(t, scenario{wantStatus: 200})
		}
	}
	f.do(t, "POST", "/management/orgs/acme/apps/stall/credentials/revoketokens", "", f.asOlga(t)).check(t, scenario{
		wantStatus: 404, wantBody: fails("entity_not_found", "Application stall does not exist for organization acme"),
	})
}

// §6.4: non-expiring tokens are registered, listed and revoked.
func TestRegisteredTokens(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	dana := f.do(t, "POST", "/acme/shop/token?ttl=0", `{"grant_type":"password","username":"dana","password":"quiet-harbor-7","label":"till 4"}`)
	f.clock.advance(time.Second)
	shop := f.do(t, "POST", "/acme/shop/token?ttl=0", clientForm(f.shopID, f.shopSecret), "Remote: [2001:db8::1]:99")
	acme := f.do(t, "POST", "/management/token?ttl=0", clientForm(f.acmeID, f.acmeSecret))
	olga := f.do(t, "POST", "/management/token?ttl=0", `{"grant_type":"password","username":"olga","password":"slow-river-92"}`)
	_ = f.do(t, "POST", "/acme/shop/token", clientForm(f.shopID, f.shopSecret))             // short-lived ones are never stored
	id := func(a *answer) string { return claimsOf(t, a.body["access_token"].(string)).ID } //nolint:forcetypeassert // a test
	f.run(t, []scenario{
		{
			name: "application, newest first", method: "GET", path: "/acme/shop/tokens", headers: []string{f.asShop(t)}, wantStatus: 200,
			wantBody: map[string]any{
				"action": "get", "count": 2, "cursor": nil, "data.0.jti": id(shop), "data.0.subject": f.shop.ID, "data.0.level": "application",
				"data.0.organization": "acme", "data.0.application": "shop", "data.0.issued": 1795000001250, "data.0.issuedBy": f.shop.ID,
				"data.0.issuedFrom": "2001:db8::1", "data.0.revoked": nil, "data.0.label": nil, "path": "/tokens",
			},
		},
		{
			name: "user", method: "GET", path: "/acme/shop/users/dana/tokens", headers: []string{f.asDana(t)}, wantStatus: 200,
			wantBody: map[string]any{"count": 1, "data.0.jti": id(dana), "data.0.label": "till 4", "data.0.issuedBy": f.dana.ID, "data.0.issuedFrom": "192.0.2.1"},
		},
		{name: "organization", method: "GET", path: "/management/orgs/acme/tokens", headers: []string{f.asAcme(t)}, wantStatus: 200, wantBody: map[string]any{"count": 1, "data.0.jti": id(acme), "data.0.application": nil}},
		{name: "admin", method: "GET", path: "/management/users/olga/tokens", headers: []string{f.asOlga(t)}, wantStatus: 200, wantBody: map[string]any{"count": 1, "data.0.jti": id(olga), "data.0.level": "admin_user"}},
		{name: "limit", method: "GET", path: "/acme/shop/tokens?limit=0", headers: []string{f.asShop(t)}, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "unknown jti", method: "DELETE", path: "/acme/shop/tokens/x", headers: []string{f.asShop(t)}, wantStatus: 404, wantBody: fails("entity_not_found", "Cannot find entity with name: x")},
		{name: "jti of another list", method: "DELETE", path: "/acme/shop/tokens/" + id(olga), headers: []string{f.asShop(t)}, wantStatus: 404},
		{name: "jti of another user", method: "DELETE", path: "/acme/shop/users/dana/tokens/" + id(shop), headers: []string{f.asDana(t)}, wantStatus: 404},
		{name: "one", method: "DELETE", path: "/acme/shop/users/dana/tokens/" + id(dana), headers: []string{f.asDana(t)}, wantStatus: 200, wantBody: map[string]any{"action": "revoked token"}},
		{name: "again", method: "DELETE", path: "/acme/shop/users/dana/tokens/" + id(dana), headers: []string{f.asDana(t)}, wantStatus: 200, wantBody: map[string]any{"action": "revoked token"}},
		{name: "it is refused", method: "GET", path: "/acme/shop/users/dana/tokens", headers: []string{"Authorization: Bearer " + dana.body["access_token"].(string)}, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}}, //nolint:forcetypeassert // a test
		{name: "it is listed as revoked", method: "GET", path: "/acme/shop/users/dana/tokens", headers: []string{f.asDana(t)}, wantStatus: 200, wantBody: map[string]any{"count": 1, "data.0.revoked": 1795000001250}},
		{name: "all", method: "DELETE", path: "/management/users/olga/tokens", headers: []string{f.asOlga(t)}, wantStatus: 200, wantBody: map[string]any{"action": "revoked tokens"}},
		{name: "they are refused", method: "GET", path: "/management/me", headers: []string{"Authorization: Bearer " + olga.body["access_token"].(string)}, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}}, //nolint:forcetypeassert // a test
		{name: "others live", method: "GET", path: "/management/orgs/acme/tokens", headers: []string{"Authorization: Bearer " + acme.body["access_token"].(string)}, wantStatus: 200},                                           //nolint:forcetypeassert // a test
	})
	page := f.do(t, "GET", "/acme/shop/tokens?limit=1", "", f.asShop(t))
	cursor, _ := page.get("cursor").(string)
	if cursor == "" || page.get("data.0.jti") != id(shop) {
		t.Fatalf("first page: %s", page.text)
	}
	page = f.do(t, "GET", "/acme/shop/tokens?limit=1&cursor="+cursor, "", f.asShop(t))
	page.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"count": 1, "data.0.jti": id(dana), "cursor": nil}})
	if strings.Contains(page.text, "secret") {
		t.Error(page.text)
	}
}
