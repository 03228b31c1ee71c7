package server

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

const never = 2147483647

// The table of section 3, row by row. SEC-18 SEC-19
// SEC-4: only ttl is read from query and body, and the body goes before.
func TestLifetimes(t *testing.T) {
	t.Parallel()
	const user = `"grant_type":"password","username":"dana","password":"quiet-harbor-7"`
	const userForm = "grant_type=password&username=dana&password=quiet-harbor-7"
	const admin = `"grant_type":"password","username":"olga","password":"slow-river-92"`
	const adminForm = "grant_type=password&username=olga&password=slow-river-92"
	const shop, management = "/acme/shop/token", "/management/token"
	ttl := func(ms int64) *int64 { return &ms }
	tooLong := func(ceiling int64) string {
		return "Your token age cannot be more than the maximum age of " + strconv.FormatInt(ceiling, 10) + " milliseconds"
	}
	const malformed = "ttl must be a number >= 0"
	for _, tc := range []struct {
		row          string
		app          *int64 // accesstokenttl
		deny         bool   // nonexpiring=deny
		method       string
		path, body   string
		client       string // "app" or "org": client credentials instead of the body's grant
		as           string // "admin", "app": the caller's token
		wantSeconds  int64
		wantError    string // the description; its code follows from the dialect
		wantOAuth    bool
		wantNoExpiry bool
	}{
		{row: "1", method: "POST", path: shop, body: "{" + user + "}", wantSeconds: 86400},
		{row: "2", method: "POST", path: shop, body: `{"ttl":1800000,` + user + "}", wantSeconds: 1800},
		{row: "3", method: "POST", path: shop + "?ttl=1800000", body: "{" + user + "}", wantSeconds: 1800},
		{row: "4", method: "POST", path: shop + "?ttl=1800000", body: `{"ttl":60000,` + user + "}", wantSeconds: 60},
		{row: "4, form", method: "POST", path: shop + "?ttl=1800000", body: "ttl=60000&" + userForm, wantSeconds: 60},
		{row: "4, null in the body", method: "POST", path: shop + "?ttl=1800000", body: `{"ttl":null,` + user + "}", wantSeconds: 1800},
		{row: "5", method: "POST", path: shop, body: "ttl=86400001&" + userForm, wantError: tooLong(86400000), wantOAuth: true},
		{row: "6", method: "POST", path: shop + "?ttl=0", body: "{" + user + "}", wantSeconds: never, wantNoExpiry: true},
		{row: "7", deny: true, method: "POST", path: shop, body: `{"ttl":0,` + user + "}", wantError: tooLong(86400000)},
		{row: "8", app: ttl(1800000), method: "GET", path: shop + "?" + userForm, wantSeconds: 1800},
		{row: "9", app: ttl(1800000), method: "POST", path: shop, body: `{"ttl":0,` + user + "}", wantError: tooLong(1800000)},
		{row: "10", app: ttl(1000), method: "POST", path: shop, body: `"ttl":1001`, client: "app", wantError: tooLong(1000)},
		{row: "11", app: ttl(31536000000), method: "POST", path: shop, body: "", client: "app form", wantSeconds: 31536000},
		{row: "12", app: ttl(0), method: "POST", path: shop, body: "{" + user + "}", wantSeconds: never, wantNoExpiry: true},
		{row: "13", app: ttl(0), method: "POST", path: shop, body: `{"ttl":172800000,` + user + "}", wantSeconds: 172800},
		{row: "14", app: ttl(0), method: "POST", path: shop, body: `{"ttl":"9223372036854775807",` + user + "}", wantError: tooLong(3153600000000)},
		{row: "15", app: ttl(0), deny: true, method: "POST", path: shop, body: "{" + user + "}", wantSeconds: 86400},
		{row: "16", app: ttl(1800000), method: "POST", path: shop, client: "org", wantSeconds: 86400},
		{row: "17, derp", method: "GET", path: management + "?ttl=derp&" + adminForm, wantError: malformed},
		{row: "17, -1", method: "POST", path: management, body: `{"ttl":-1,` + admin + "}", wantError: malformed},
		{row: "17, 1.5", method: "POST", path: management, body: `{"ttl":1.5,` + admin + "}", wantError: malformed},
		{row: "17, 1e3", method: "POST", path: management, body: `{"ttl":"1e3",` + admin + "}", wantError: malformed},
		{row: "17, number 1e3", method: "POST", path: management, body: `{"ttl":1e3,` + admin + "}", wantError: malformed},
		{row: "17, true", method: "POST", path: management, body: `{"ttl":true,` + admin + "}", wantError: malformed},
		{row: "17, 2^63", method: "POST", path: management, body: `{"ttl":9223372036854775808,` + admin + "}", wantError: malformed},
		{row: "17, before the credentials", method: "POST", path: management, body: "ttl=x&grant_type=password", wantError: malformed, wantOAuth: true},
		{row: "18", method: "GET", path: management + "?ttl=2000", as: "admin", wantSeconds: 2},
		{row: "19", method: "POST", path: shop, body: `{"ttl":999,` + user + "}", wantSeconds: 0},
		{row: "20", app: ttl(600000), method: "GET", path: "/acme/shop/users/dana/token?ttl=600001", as: "app", wantError: tooLong(600000)},
		{row: "20, at the limit", app: ttl(600000), method: "GET", path: "/acme/shop/users/dana/token?ttl=600000", as: "app", wantSeconds: 600},
	} {
		t.Run(tc.row, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, options{noNonExpiring: tc.deny})
			f.settings(t, func(s *models.Settings) { s.AccessTokenTTL = tc.app })
			body, path := tc.body, tc.path
			switch tc.client {
			case "app":
				body = `{"grant_type":"client_credentials","client_id":"` + f.shopID + `","client_secret":"` + f.shopSecret + `",` + body + `}`
			case "app form":
				body = clientForm(f.shopID, f.shopSecret)
			case "org":
				body = `{"grant_type":"client_credentials","client_id":"` + f.acmeID + `","client_secret":"` + f.acmeSecret + `"}`
			}
			var headers []string
			switch tc.as {
			case "admin":
				path += "&access_token=" + bare(f.asOlga(t))
			case "app":
				headers = []string{f.asAcme(t)}
			}
			a := f.do(t, tc.method, path, body, headers...)
			if tc.wantError != "" {
				code, exception := "illegal_argument", any("IllegalArgumentException")
				if tc.wantOAuth {
					code, exception = "invalid_request", nil
				}
				a.check(t, scenario{wantStatus: 400, wantBody: with(fails(code, tc.wantError), map[string]any{"exception": exception})})
				return
			}
			a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"expires_in": tc.wantSeconds}})
			token, _ := a.get("access_token").(string)
			if noExpiry := claimsOf(t, token).Expires == nil; noExpiry != tc.wantNoExpiry {
				t.Errorf("no exp: %v", noExpiry)
			}
		})
	}
}

// exp is never earlier than promised and less than a second later (section 3).
func TestTokenLivesAsLongAsPromised(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	token := f.tokenOf(t, "/acme/shop/token?ttl=999", "grant_type=password&username=dana&password=quiet-harbor-7")
	me := func() int {
		return f.do(t, "GET", "/acme/shop/tokens", "", "Authorization: Bearer "+token).Code
	}
	f.clock.advance(999 * time.Millisecond)
	if a := f.do(t, "GET", "/acme/shop/users/dana/tokens", "", "Authorization: Bearer "+token); a.Code != 200 {
		t.Errorf("after 999 ms: %d %s", a.Code, a.text)
	}
	f.clock.advance(time.Second)
	a := f.do(t, "GET", "/acme/shop/users/dana/tokens", "", "Authorization: Bearer "+token)
	a.check(t, scenario{wantStatus: 401, wantBody: fails("expired_token", "Unable to authenticate due to expired access token")})
	if me() != 401 {
		t.Error("an expired token was accepted")
	}
}

// §13: nonexpiringexp writes exp for readers that insist on one; the token is non-expiring all the same.
func TestNonExpiringExp(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.NonExpiringExp = true })
	a := f.do(t, "POST", "/acme/shop/token?ttl=0", "grant_type=password&username=dana&password=quiet-harbor-7")
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"expires_in": never}})
	if exp := claimsOf(t, a.get("access_token").(string)).Expires; exp == nil || *exp != 253402300799 { //nolint:forcetypeassert // a test
		t.Errorf("exp %v", exp)
	}
}

// §2.4: re-issue and /management/me.
func TestReissue(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := f.asOlga(t)
	old := bare(olga)
	expired := f.tokenOf(t, "/management/token?ttl=1000", `{"grant_type":"password","username":"olga","password":"slow-river-92"}`)
	f.clock.advance(10 * time.Second)
	noAdmin := fails("unauthorized", "No admin identity for access credentials provided")
	iup := with(fails("invalid_grant", "invalid username or password"), map[string]any{"timestamp": nil})
	missing := fails("illegal_argument", "missing json post data")
	renewed := map[string]any{"expires_in": 86400, "user.username": "olga", "token_type": "Bearer"}
	f.run(t, []scenario{
		{name: "GET, query", method: "GET", path: "/management/token?access_token=" + old, wantStatus: 200, wantBody: renewed, wantNotBody: []string{old}},
		{name: "GET, Bearer", method: "GET", path: "/management/token", headers: []string{olga}, wantStatus: 200, wantBody: renewed, wantNotBody: []string{old}},
		{name: "POST without body", method: "POST", path: "/management/token", headers: []string{olga}, wantStatus: 200, wantBody: renewed, wantNotBody: []string{old}},
		{name: "POST, ttl in JSON", method: "POST", path: "/management/token", body: `{"ttl":5000}`, headers: []string{olga}, wantStatus: 200, wantBody: map[string]any{"expires_in": 5}},
		{name: "POST, token in the query", method: "POST", path: "/management/token?access_token=" + old, body: `{}`, wantStatus: 200, wantBody: renewed},
		{name: "POST to me", method: "POST", path: "/management/me", headers: []string{olga}, wantStatus: 200, wantBody: renewed, wantNotBody: []string{old}},
		{name: "the old one lives", method: "GET", path: "/management/users/olga/tokens", headers: []string{olga}, wantStatus: 200},
		{name: "not in a form", method: "POST", path: "/management/token", body: "ttl=5", headers: []string{olga}, wantStatus: 400, wantBody: map[string]any{"error": "invalid_request", "timestamp": nil}},
		{name: "garbage", method: "GET", path: "/management/token?access_token=garbage", wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"}},
		{name: "expired", method: "GET", path: "/management/token?access_token=" + expired, wantStatus: 401, wantBody: map[string]any{"error": "expired_token"}},
		{name: "empty Bearer", method: "GET", path: "/management/token", headers: []string{"Authorization: Bearer "}, wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"}},
		{name: "another level", method: "GET", path: "/management/token", headers: []string{f.asAcme(t)}, wantStatus: 401, wantBody: noAdmin},
		{name: "application user", method: "POST", path: "/management/token", headers: []string{f.asDana(t)}, wantStatus: 401, wantBody: noAdmin},
		{name: "nothing at all", method: "POST", path: "/management/token", wantStatus: 400, wantBody: missing},
		{name: "nothing at all, labelled JSON", method: "POST", path: "/management/token", headers: []string{"Content-Type: application/json"}, wantStatus: 400, wantBody: missing},
		{name: "nothing at all, labelled form", method: "POST", path: "/management/token", headers: []string{"Content-Type: application/x-www-form-urlencoded"}, wantStatus: 400, wantBody: map[string]any{"error": "invalid_request", "timestamp": nil}},
		{name: "a body without grant", method: "POST", path: "/management/token", body: "{}", wantStatus: 400, wantBody: iup},
		{name: "GET without anything", method: "GET", path: "/management/token", wantStatus: 400, wantBody: iup},
		{name: "no re-issue at applications, GET", method: "GET", path: "/acme/shop/token", headers: []string{f.asDana(t)}, wantStatus: 400, wantBody: iup},
		{name: "no re-issue at applications, POST", method: "POST", path: "/acme/shop/token", headers: []string{f.asDana(t)}, wantStatus: 400, wantBody: missing},
		{name: "scope", method: "GET", path: "/management/token?scope=x", headers: []string{olga}, wantStatus: 400, wantBody: map[string]any{"error": "invalid_scope"}},

		{name: "me", method: "GET", path: "/management/me?access_token=" + old, wantStatus: 200, wantBody: map[string]any{"access_token": old, "expires_in": 86391, "user.username": "olga", "passwordChanged": 1795000000250}},
		{name: "me, Bearer", method: "GET", path: "/management/me", headers: []string{olga}, wantStatus: 200, wantBody: map[string]any{"access_token": old}},
		{name: "me with a grant", method: "GET", path: "/management/me?grant_type=password&username=olga&password=slow-river-92", wantStatus: 200, wantBody: renewed, wantNotBody: []string{old}},
		{name: "me with a grant and a token", method: "GET", path: "/management/me?grant_type=password&username=olga&password=x&access_token=" + old, wantStatus: 400, wantBody: iup},
		{name: "me, another level", method: "GET", path: "/management/me", headers: []string{f.asDana(t)}, wantStatus: 401, wantBody: noAdmin},
		{name: "me, garbage", method: "GET", path: "/management/me?access_token=garbage", wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"}},
		{name: "me, nothing", method: "GET", path: "/management/me", wantStatus: 400, wantBody: iup},
		{name: "me, bad ttl", method: "GET", path: "/management/me?ttl=x", headers: []string{olga}, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
	})
	forever := f.tokenOf(t, "/management/token?ttl=0", `{"grant_type":"password","username":"olga","password":"slow-river-92"}`)
	f.do(t, "GET", "/management/me?access_token="+forever, "").check(t, scenario{wantStatus: 200, wantBody: map[string]any{"expires_in": never, "access_token": forever}})
}

// §2.5: impersonation.
func TestImpersonation(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	erik := f.newUser(t, f.shop, "erik", "Erik")
	_, err := f.store.UpdateUser(t.Context(), f.shop.ID, erik.ID, func(u *models.User) error { u.Activated = false; return nil })
	must(t, err)
	path := "/acme/shop/users/dana/token"
	dana := map[string]any{"user.username": "dana", "expires_in": 86400, "timestamp": nil, "user.metadata": nil}
	noAccess := fails("unauthorized", "No application access authorized")
	f.run(t, []scenario{
		{name: "application client", method: "GET", path: path, headers: []string{f.asShop(t)}, wantStatus: 200, wantBody: dana, wantHeader: map[string]string{"Pragma": "no-cache"}},
		{name: "organization client", method: "GET", path: path, headers: []string{f.asAcme(t)}, wantStatus: 200, wantBody: dana},
		{name: "admin", method: "GET", path: path + "?ttl=60000&label=x", headers: []string{f.asOlga(t)}, wantStatus: 200, wantBody: map[string]any{"expires_in": 60}},
		{name: "superuser", method: "GET", path: path, headers: []string{f.asSuperuser(t)}, wantStatus: 200, wantBody: dana},
		{name: "by e-mail", method: "GET", path: "/acme/shop/users/" + url.PathEscape("dana@example.com") + "/token", headers: []string{f.asShop(t)}, wantStatus: 200, wantBody: dana},
		{name: "himself", method: "GET", path: path, headers: []string{f.asDana(t)}, wantStatus: 403, wantBody: map[string]any{"error": nil}},
		{name: "as me", method: "GET", path: "/acme/shop/users/me/token", headers: []string{f.asDana(t)}, wantStatus: 403},
		{name: "guest", method: "GET", path: path, wantStatus: 401, wantBody: noAccess, wantHeader: map[string]string{"WWW-Authenticate": `Bearer realm="writ"`}},
		{name: "admin of another organization", method: "GET", path: path, headers: []string{f.asRita(t)}, wantStatus: 401, wantBody: noAccess},
		{name: "invalid token", method: "GET", path: path, headers: []string{"Authorization: Bearer x"}, wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"}},
		{name: "unknown user", method: "GET", path: "/acme/shop/users/nobody/token", headers: []string{f.asShop(t)}, wantStatus: 404, wantBody: fails("service_resource_not_found", "Service resource not found")},
		{name: "unknown user, guest", method: "GET", path: "/acme/shop/users/nobody/token", wantStatus: 401},
		{name: "inactive user", method: "GET", path: "/acme/shop/users/erik/token", headers: []string{f.asShop(t)}, wantStatus: 400, wantBody: with(fails("invalid_grant", "user not activated"), map[string]any{"timestamp": nil})},
		{name: "bad ttl before bad credentials", method: "GET", path: path + "?ttl=x", wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "scope", method: "GET", path: path + "?scope=x", headers: []string{f.asShop(t)}, wantStatus: 400, wantBody: map[string]any{"error": "invalid_scope"}},
		{name: "POST", method: "POST", path: path, headers: []string{f.asShop(t)}, wantStatus: 405, wantHeader: map[string]string{"Allow": "GET, HEAD"}},
	})
	if a := f.do(t, "GET", path, "", f.asDana(t)); strings.TrimSpace(a.text) != "{}" {
		t.Errorf("the 403 says %q", a.text)
	}
	a := f.do(t, "GET", path+"?ttl=0", "", f.asShop(t))
	list := f.do(t, "GET", "/acme/shop/tokens", "", f.asShop(t))
	list.check(t, scenario{wantBody: map[string]any{"data.0.issuedBy": f.shop.ID, "data.0.subject": f.dana.ID, "data.0.jti": claimsOf(t, a.get("access_token").(string)).ID}, wantStatus: 200}) //nolint:forcetypeassert // a test
}
