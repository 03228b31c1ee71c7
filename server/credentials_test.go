package server

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// Section 5: every source, their order, and every error.
func TestCredentialSources(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	dana, shop := bare(f.asDana(t)), bare(f.asShop(t))
	const path = "/acme/shop/tokens" // application access
	bearer, challenge := `Bearer realm="writ", error="invalid_token"`, `Basic realm="writ"`
	says := func(header string) map[string]string { return map[string]string{"WWW-Authenticate": header} }
	corrupt := fails("auth_bad_access_token", "Unable to authenticate due to corrupt access token")
	client := fails("invalid_client", "Unable to authenticate (OAuth)")
	basicWrong := fails("auth_invalid_credentials", "Unable to authenticate due to invalid client credentials")
	noAccess := fails("unauthorized", "No application access authorized")
	query := "client_id=" + f.shopID + "&client_secret=" + f.shopSecret
	f.run(t, []scenario{
		{name: "token in the query", method: "GET", path: path + "?access_token=" + shop, wantStatus: 200},
		{name: "token in a form", method: "DELETE", path: path, body: "access_token=" + shop, wantStatus: 200},
		{name: "Bearer", method: "GET", path: path, headers: []string{"Authorization: Bearer " + shop}, wantStatus: 200},
		{name: "bearer in lower case", method: "GET", path: path, headers: []string{"authorization: bEARER " + shop}, wantStatus: 200},
		{name: "client in the query", method: "GET", path: path + "?" + query, wantStatus: 200},
		{name: "client in the query, grant_type beside it", method: "GET", path: path + "?" + query + "&grant_type=password", wantStatus: 200},
		{name: "client in a form", method: "DELETE", path: path, body: query, wantStatus: 200},
		{name: "organization client", method: "GET", path: path + "?client_id=" + f.acmeID + "&client_secret=" + f.acmeSecret, wantStatus: 200},
		{name: "Basic client", method: "GET", path: path, headers: []string{basic(f.shopID, f.shopSecret)}, wantStatus: 200},
		{name: "Basic client, form-url-encoded", method: "GET", path: path, headers: []string{basic(f.shopID, strings.ReplaceAll(f.shopSecret, "A", "%41"))}, wantStatus: 200},
		// SEC-08: a password with %, + and : works raw and encoded.
		{name: "superuser, raw", method: "GET", path: path, headers: []string{basic("superuser", superuserPassword)}, wantStatus: 200},
		{name: "superuser, encoded", method: "GET", path: path, headers: []string{basic("superuser", url.QueryEscape(superuserPassword))}, wantStatus: 200},
		{name: "superuser in any case", method: "GET", path: path, headers: []string{basic("SuperUser", superuserPassword)}, wantStatus: 200},

		{name: "the parameter goes before the header", method: "GET", path: path + "?access_token=" + dana, headers: []string{"Authorization: Bearer " + shop}, wantStatus: 401, wantBody: noAccess, wantHeader: says(bearer)},
		{name: "garbage parameter, good header", method: "GET", path: path + "?access_token=garbage", headers: []string{"Authorization: Bearer " + shop}, wantStatus: 401, wantBody: corrupt, wantHeader: says(bearer)},
		{name: "empty parameter is absent", method: "GET", path: path + "?access_token=", headers: []string{"Authorization: Bearer " + shop}, wantStatus: 200},
		{name: "Bearer goes before the client", method: "GET", path: path + "?" + query, headers: []string{"Authorization: Bearer " + dana}, wantStatus: 401, wantBody: noAccess},
		{name: "the client goes before Basic", method: "GET", path: path + "?" + query, headers: []string{basic("superuser", "wrong")}, wantStatus: 200},
		{name: "the client goes before another scheme", method: "GET", path: path + "?" + query, headers: []string{"Authorization: Digest x"}, wantStatus: 200},
		{name: "client_id alone is none", method: "GET", path: path + "?client_id=" + f.shopID, headers: []string{basic(f.shopID, f.shopSecret)}, wantStatus: 200},

		{name: "guest", method: "GET", path: path, wantStatus: 401, wantBody: noAccess, wantHeader: says(`Bearer realm="writ"`)},
		{name: "garbage token", method: "GET", path: path, headers: []string{"Authorization: Bearer garbage"}, wantStatus: 401, wantBody: corrupt, wantHeader: says(bearer)},
		{name: "empty Bearer", method: "GET", path: path, headers: []string{"Authorization: Bearer"}, wantStatus: 401, wantBody: corrupt},
		{name: "wrong client in the query", method: "GET", path: path + "?client_id=" + f.shopID + "&client_secret=x", wantStatus: 401, wantBody: client, wantHeader: says(`Bearer realm="writ"`)},
		{name: "unknown client in the query", method: "GET", path: path + "?client_id=x&client_secret=x", wantStatus: 401, wantBody: client},
		{name: "client in a JSON body is none", method: "DELETE", path: path, body: `{"client_id":"` + f.shopID + `","client_secret":"` + f.shopSecret + `"}`, wantStatus: 401, wantBody: noAccess},
		{name: "wrong Basic", method: "GET", path: path, headers: []string{basic(f.shopID, "x")}, wantStatus: 401, wantBody: basicWrong, wantHeader: says(challenge)},
		{name: "a user by Basic", method: "GET", path: path, headers: []string{basic("dana", userPassword)}, wantStatus: 401, wantBody: basicWrong, wantHeader: says(challenge)},
		{name: "an admin by Basic", method: "GET", path: path, headers: []string{basic("olga", adminPassword)}, wantStatus: 401, wantBody: basicWrong},
		{name: "malformed Basic", method: "GET", path: path, headers: []string{"Authorization: Basic !!"}, wantStatus: 401, wantBody: basicWrong, wantHeader: says(challenge)},
		{name: "Basic without a colon", method: "GET", path: path, headers: []string{"Authorization: Basic eA=="}, wantStatus: 401, wantBody: basicWrong},
		{name: "Basic with an empty part", method: "GET", path: path, headers: []string{basic(f.shopID, "")}, wantStatus: 401, wantBody: basicWrong},
		{name: "superuser with a wrong password", method: "GET", path: path, headers: []string{basic("superuser", "wrong")}, wantStatus: 401, wantBody: fails("unauthorized", "No system access authorized"), wantHeader: says(challenge)},
		{name: "another scheme", method: "GET", path: path, headers: []string{"Authorization: Digest x"}, wantStatus: 401, wantBody: basicWrong, wantHeader: says(`Bearer realm="writ"`)},
		{name: "two headers", method: "GET", path: path, headers: []string{"Authorization: Bearer " + shop, "Authorization: Bearer " + dana}, wantStatus: 401, wantBody: basicWrong},
		{name: "invalid is never a guest", method: "GET", path: "/acme/sandbox/roles", headers: []string{"Authorization: Bearer x"}, wantStatus: 401, wantBody: corrupt},
		{name: "repeated token", method: "GET", path: path + "?access_token=" + shop + "&access_token=" + shop, wantStatus: 400, wantBody: fails("illegal_argument", "duplicate parameter: access_token")},
		{name: "token in query and form", method: "DELETE", path: path + "?access_token=" + shop, body: "access_token=" + shop, wantStatus: 400, wantBody: fails("illegal_argument", "duplicate parameter: access_token")},
		{name: "repeated client_id", method: "GET", path: path + "?" + query + "&client_id=x", wantStatus: 400, wantBody: fails("illegal_argument", "duplicate parameter: client_id")},
		{name: "credentials are not looked at", method: "GET", path: "/status?access_token=x&access_token=y", headers: []string{"Authorization: Bearer x"}, wantStatus: 200},
	})
}

// Section 5: what becomes of a token whose subject changes.
func TestTokenChecks(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	asDana := f.asDana(t)
	path := "/acme/shop/users/dana/tokens"
	try := func(name string, status int, code, description string) {
		t.Helper()
		a := f.do(t, "GET", path, "", asDana)
		if a.Code != status || code != "" && (a.body["error"] != code || a.body["error_description"] != description) {
			t.Errorf("%s: %d %s", name, a.Code, a.text)
		}
	}
	try("live", 200, "", "")
	f.changeDana(t, func(u *models.User) { u.Disabled = true })
	try("disabled", 401, "authentication", "Disabled identity")
	f.changeDana(t, func(u *models.User) { u.Disabled, u.Activated = false, false })
	try("not activated", 401, "authentication", "Unactivated identity")
	f.changeDana(t, func(u *models.User) { u.Activated = true })
	try("active again", 401, "auth_invalid", "Unable to authenticate") // §6.2
	f.danaToken = ""
	asDana = f.asDana(t)
	try("another login", 200, "", "")
	f.changeDana(t, func(u *models.User) { u.Generation++ })
	try("generation raised", 401, "auth_invalid", "Unable to authenticate")
	f.danaToken = ""
	asDana = f.asDana(t)
	try("a login right afterwards", 200, "", "") // §6.2: no clocks are compared
	other := f.do(t, "GET", "/acme/sandbox/users/x/tokens", "", asDana)
	other.check(t, scenario{wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}})
	f.clock.advance(25 * time.Hour)
	try("expired", 401, "expired_token", "Unable to authenticate due to expired access token")
	f.clock.advance(-25 * time.Hour)
	_, err := f.store.DeleteUser(t.Context(), f.shop.ID, f.dana.ID)
	must(t, err)
	try("deleted", 401, "auth_bad_access_token", "Unable to authenticate due to corrupt access token")
}

// A valid token of another application, organization or level has no right here. SEC-22
func TestLevelsAtEveryProtectedPlace(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	callers := map[string]string{
		"guest": "X-None: x", "user": f.asDana(t), "application": f.asShop(t), "organization": f.asAcme(t), "admin": f.asOlga(t),
		"superuser": f.asSuperuser(t), "foreign admin": f.asRita(t),
		"foreign application":  "Authorization: Bearer " + f.tokenOf(t, "/rival/stall/token", clientForm(f.stallID, f.stallSecret)),
		"foreign organization": "Authorization: Bearer " + f.tokenOf(t, "/management/token", clientForm(f.rivalID, f.rivalSecret)),
	}
	for path, allowed := range map[string]string{
		"/acme/shop/tokens":              "application organization admin superuser",
		"/acme/shop/users/dana/tokens":   "user application organization admin superuser",
		"/acme/sandbox/tokens":           "organization admin superuser",
		"/management/orgs/acme/tokens":   "organization admin superuser",
		"/management/orgs/rival/tokens":  "superuser foreign admin foreign organization",
		"/management/users/olga/tokens":  "admin superuser",
		"/management/users/rita/tokens":  "superuser foreign admin",
		"/management/users/me/tokens":    "admin superuser foreign admin",
		"/management/orgs/nobody/tokens": "", "/management/users/nobody/tokens": "",
	} {
		for name, header := range callers {
			want := 401
			for known := range callers {
				if name == known && containsPhrase(allowed, name) {
					want = 200
				}
			}
			if want == 401 && name == "superuser" {
				want = 404 // §1.6: only the superuser learns that something does not exist
			}
			if a := f.do(t, "GET", path, "", header); a.Code != want {
				t.Errorf("%s by %s: %d, want %d: %s", path, name, a.Code, want, a.text)
			}
		}
	}
	f.run(t, []scenario{
		{name: "unknown organization", method: "GET", path: "/management/orgs/nobody/tokens", headers: []string{f.asSuperuser(t)}, wantStatus: 404, wantBody: fails("organization_not_found", "Could not find organization for name: nobody")},
		{name: "unknown organization, admin", method: "GET", path: "/management/orgs/nobody/tokens", headers: []string{f.asOlga(t)}, wantStatus: 401, wantBody: fails("unauthorized", "No organization access authorized")},
		{name: "unknown admin", method: "GET", path: "/management/users/nobody/tokens", headers: []string{f.asSuperuser(t)}, wantStatus: 404, wantBody: fails("user_not_found", "Could not find user for username: nobody")},
		{name: "another admin", method: "GET", path: "/management/users/rita/tokens", headers: []string{f.asOlga(t)}, wantStatus: 401, wantBody: fails("unauthorized", "No admin user access authorized")},
		{name: "me without admin", method: "GET", path: "/management/users/me/tokens", headers: []string{f.asAcme(t)}, wantStatus: 401, wantBody: fails("unauthorized", "No admin identity for access credentials provided")},
		{name: "superuser needed", method: "GET", path: "/management/orgs", headers: []string{f.asOlga(t)}, wantStatus: 401, wantBody: fails("unauthorized", "No system access authorized")},
	})
}

// containsPhrase: "admin" is not in "foreign admin".
func containsPhrase(list, phrase string) bool {
	if strings.HasPrefix(phrase, "foreign") {
		return strings.Contains(list, phrase)
	}
	for word := range strings.SplitSeq(strings.NewReplacer("foreign admin", "", "foreign organization", "").Replace(list), " ") {
		if word == phrase {
			return true
		}
	}
	return false
}

// §6.3: RFC 7009.
func TestRevoke(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	fresh := func() string {
		return f.tokenOf(t, "/acme/shop/token", "grant_type=password&username=dana&password=quiet-harbor-7")
	}
	alive := func(token string) bool {
		return f.do(t, "GET", "/acme/shop/users/dana/tokens", "", "Authorization: Bearer "+token).Code == 200
	}
	empty := scenario{wantStatus: 200, wantBody: map[string]any{"timestamp": nil}, wantHeader: map[string]string{"Content-Type": "application/json", "Pragma": "no-cache"}}
	for name, request := range map[string]func(token string) *answer{
		"form": func(token string) *answer { return f.do(t, "POST", "/acme/shop/revoke", "token="+token) },
		"hint": func(token string) *answer {
			return f.do(t, "POST", "/acme/shop/revoke", "token_type_hint=refresh_token&token="+token)
		},
		"JSON": func(token string) *answer { return f.do(t, "POST", "/acme/shop/revoke", `{"token":"`+token+`"}`) },
		"client, Basic": func(token string) *answer {
			return f.do(t, "POST", "/acme/shop/revoke", "token="+token, basic(f.shopID, f.shopSecret))
		},
	} {
		token, other := fresh(), fresh()
		a := request(token)
		a.check(t, empty)
		if a.text != "{}" || alive(token) || !alive(other) {
			t.Errorf("%s: %q; alive %v, other alive %v", name, a.text, alive(token), alive(other))
		}
		request(token).check(t, empty) // again
	}
	token := fresh()
	invalid := with(fails("invalid_request", "missing parameter: token"), map[string]any{"timestamp": nil, "exception": nil})
	f.run(t, []scenario{
		{name: "garbage", method: "POST", path: "/acme/shop/revoke", body: "token=garbage", wantStatus: 200}, // SEC-60
		{name: "at another application", method: "POST", path: "/acme/sandbox/revoke", body: "token=" + token, wantStatus: 200},
		{name: "at management", method: "POST", path: "/management/revoke", body: "token=" + token, wantStatus: 200},
		{name: "no token", method: "POST", path: "/acme/shop/revoke", body: "x=y", wantStatus: 400, wantBody: invalid},
		{name: "empty token", method: "POST", path: "/acme/shop/revoke", body: "token=", wantStatus: 400, wantBody: invalid},
		{name: "no body", method: "POST", path: "/acme/shop/revoke", wantStatus: 400, wantBody: invalid},
		{name: "token only in the query", method: "POST", path: "/acme/shop/revoke?token=" + token, wantStatus: 400, wantBody: invalid},
		{name: "repeated", method: "POST", path: "/acme/shop/revoke", body: "token=a&token=b", wantStatus: 400, wantBody: map[string]any{"error": "invalid_request", "timestamp": nil}},
		{name: "repeated in JSON", method: "POST", path: "/acme/shop/revoke", body: `{"token":"a","token":"b"}`, wantStatus: 400, wantBody: map[string]any{"error": "json_parse"}},
		{name: "wrong client", method: "POST", path: "/acme/shop/revoke", body: "token=" + token + "&client_id=" + f.shopID + "&client_secret=x", wantStatus: 401, wantBody: map[string]any{"error": "invalid_client", "timestamp": nil}},
		{name: "wrong client by Basic", method: "POST", path: "/acme/shop/revoke", body: "token=" + token, headers: []string{basic(f.shopID, "x")}, wantStatus: 401, wantHeader: map[string]string{"WWW-Authenticate": `Basic realm="writ"`}},
		{name: "GET", method: "GET", path: "/acme/shop/revoke", wantStatus: 405, wantBody: map[string]any{"error": "not_allowed", "exception": "NotAllowedException"}, wantHeader: map[string]string{"Allow": "POST"}},
		{name: "other body", method: "POST", path: "/acme/shop/revoke", body: "<x/>", headers: []string{"Content-Type: ", "Content-Type: text/xml"}, wantStatus: 415},
	})
	if !alive(token) {
		t.Error("the token died somewhere above")
	}
	admin := bare(f.asOlga(t))
	f.do(t, "POST", "/acme/shop/revoke", "token="+admin)
	if f.do(t, "GET", "/management/users/olga/tokens", "", f.asOlga(t)).Code != 200 {
		t.Error("an admin's token died at an application")
	}
	f.do(t, "POST", "/management/revoke", "token="+admin)
	f.do(t, "GET", "/management/users/olga/tokens", "", "Authorization: Bearer "+admin).check(t, scenario{wantStatus: 401, wantBody: fails("auth_invalid", "Unable to authenticate")})
}

// §6.3: RFC 7662.
func TestIntrospect(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	token := bare(f.asDana(t))
	olga, acme := bare(f.asOlga(t)), bare(f.asAcme(t))
	rivalUser := f.newUser(t, f.stall, "sam", "Sam")
	sam := f.tokenOf(t, "/rival/stall/token", "grant_type=password&username="+rivalUser.Username+"&password="+userPassword)
	active := map[string]any{"active": true, "token_type": "Bearer", "username": "dana", "level": "application_user", "sub": f.dana.ID, "timestamp": nil}
	inactive := map[string]any{"active": false, "sub": nil, "error": nil}
	client := map[string]any{"error": "invalid_client", "timestamp": nil}
	const path, management = "/acme/shop/introspect", "/management/introspect"
	shop, own := basic(f.shopID, f.shopSecret), "&client_id="+f.shopID+"&client_secret="+f.shopSecret
	f.run(t, []scenario{
		{name: "Basic", method: "POST", path: path, body: "token=" + token, headers: []string{shop}, wantStatus: 200, wantBody: active, wantHeader: map[string]string{"Cache-Control": "no-store"}},
		{name: "body", method: "POST", path: path, body: "token=" + token + own, wantStatus: 200, wantBody: active},
		{name: "JSON", method: "POST", path: path, body: `{"token":"` + token + `"}`, headers: []string{shop}, wantStatus: 200, wantBody: active},
		{name: "Bearer", method: "POST", path: path, body: "token=" + token, headers: []string{f.asShop(t)}, wantStatus: 200, wantBody: active},
		{name: "owner", method: "POST", path: path, body: "token=" + token, headers: []string{basic(f.acmeID, f.acmeSecret)}, wantStatus: 200, wantBody: active},
		{name: "admin", method: "POST", path: path, body: "token=" + token, headers: []string{f.asOlga(t)}, wantStatus: 200, wantBody: active},
		{name: "superuser", method: "POST", path: path, body: "token=" + token, headers: []string{f.asSuperuser(t)}, wantStatus: 200, wantBody: active},
		// SEC-63
		{name: "guest", method: "POST", path: path, body: "token=" + token, wantStatus: 401, wantBody: client},
		{name: "application user", method: "POST", path: path, body: "token=" + token, headers: []string{f.asDana(t)}, wantStatus: 401, wantBody: client},
		{name: "wrong client", method: "POST", path: path, body: "token=" + token, headers: []string{basic(f.shopID, "x")}, wantStatus: 401, wantBody: client, wantHeader: map[string]string{"WWW-Authenticate": `Basic realm="writ"`}},
		{name: "client of another application", method: "POST", path: path, body: "token=" + token, headers: []string{basic(f.sandboxID, f.sandboxSecret)}, wantStatus: 401, wantBody: client},
		{name: "admin of another organization", method: "POST", path: path, body: "token=" + token, headers: []string{f.asRita(t)}, wantStatus: 401, wantBody: client},
		{name: "superuser Basic is no client", method: "POST", path: path, body: "token=" + token, headers: []string{basic("superuser", superuserPassword)}, wantStatus: 401, wantBody: client},
		{name: "two methods", method: "POST", path: path, body: "token=" + token + own, headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "invalid_request"}},
		{name: "no token", method: "POST", path: path, body: "x=y", headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "invalid_request"}},
		{name: "repeated token", method: "POST", path: path, body: "token=a&token=b", headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "invalid_request"}},
		{name: "garbage", method: "POST", path: path, body: "token=garbage", headers: []string{shop}, wantStatus: 200, wantBody: inactive},
		{name: "of another issuer", method: "POST", path: path, body: "token=" + olga, headers: []string{shop}, wantStatus: 200, wantBody: inactive},
		{name: "of another application", method: "POST", path: path, body: "token=" + sam, headers: []string{f.asSuperuser(t)}, wantStatus: 200, wantBody: inactive},

		{name: "management, organization client, own", method: "POST", path: management, body: "token=" + acme, headers: []string{basic(f.acmeID, f.acmeSecret)}, wantStatus: 200, wantBody: map[string]any{"active": true, "level": "organization"}},
		{name: "management, organization client, its application's user", method: "POST", path: management, body: "token=" + token, headers: []string{basic(f.acmeID, f.acmeSecret)}, wantStatus: 200, wantBody: active},
		{name: "management, organization client, foreign", method: "POST", path: management, body: "token=" + sam, headers: []string{basic(f.acmeID, f.acmeSecret)}, wantStatus: 200, wantBody: inactive},
		{name: "management, organization client, admin", method: "POST", path: management, body: "token=" + olga, headers: []string{basic(f.acmeID, f.acmeSecret)}, wantStatus: 200, wantBody: inactive},
		{name: "management, admin, own", method: "POST", path: management, body: "token=" + olga, headers: []string{f.asOlga(t)}, wantStatus: 200, wantBody: map[string]any{"active": true, "username": "olga"}},
		{name: "management, admin, his organization's", method: "POST", path: management, body: "token=" + acme, headers: []string{f.asOlga(t)}, wantStatus: 200, wantBody: map[string]any{"active": true}},
		{name: "management, admin, foreign", method: "POST", path: management, body: "token=" + olga, headers: []string{f.asRita(t)}, wantStatus: 200, wantBody: inactive},
		{name: "management, superuser", method: "POST", path: management, body: "token=" + sam, headers: []string{f.asSuperuser(t)}, wantStatus: 200, wantBody: map[string]any{"active": true}},
		{name: "management, application client", method: "POST", path: management, body: "token=" + token, headers: []string{shop}, wantStatus: 401, wantBody: client},
	})
	// §13: all claims of the token.
	a := f.do(t, "POST", path, "token="+token, shop)
	delete(a.body, "active")
	delete(a.body, "token_type")
	want, err := json.Marshal(claimsOf(t, token))
	must(t, err)
	var members map[string]any
	must(t, json.Unmarshal(want, &members))
	if !same(any(a.body), any(members)) {
		t.Errorf("claims %v, want %v", a.body, members)
	}
	f.changeDana(t, func(u *models.User) { u.Disabled = true })
	f.do(t, "POST", path, "token="+token, shop).check(t, scenario{wantStatus: 200, wantBody: inactive})
}
