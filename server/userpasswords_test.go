package server

import (
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/writ-auth/writ/models"
)

func TestChangeUserPassword(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	const path = "/acme/shop/users/dana/password"
	dana, shop := f.asDana(t), f.asShop(t)
	both := fails("illegal_argument", "oldpassword and newpassword are both required")
	missing := fails("illegal_argument", "newpassword is required")
	wrong := fails("auth_invalid_username_or_password", "Unable to authenticate due to username or password being incorrect")
	short := fails("error_password_policy_violation", "error_length_policy: must be at least 8 characters")
	f.refuse(t, []scenario{
		{name: "nothing", method: "PUT", path: path, wantStatus: 400, wantBody: both},
		{name: "only the old one", method: "PUT", path: path, body: `{"oldpassword":"` + userPassword + `"}`, wantStatus: 400, wantBody: missing},
		{name: "only the new one", method: "POST", path: path, body: `{"newpassword":"broad-meadow-3"}`, wantStatus: 400, wantBody: both},
		{name: "only the new one, by herself", method: "POST", path: path, body: `{"newpassword":"broad-meadow-3"}`, headers: []string{dana}, wantStatus: 400, wantBody: both},
		{name: "empty is absent", method: "POST", path: path, body: `{"oldpassword":"","newpassword":"broad-meadow-3"}`, wantStatus: 400, wantBody: both},
		{name: "odd", method: "POST", path: path, body: `{"oldpassword":{},"newpassword":[]}`, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "in the query", method: "POST", path: path + "?oldpassword=" + userPassword + "&newpassword=broad-meadow-3", wantStatus: 400, wantBody: both, wantNotBody: []string{userPassword}},
		{name: "wrong", method: "PUT", path: path, body: `{"oldpassword":"x","newpassword":"broad-meadow-3"}`, wantStatus: 400, wantBody: wrong},
		{name: "unknown user", method: "PUT", path: "/acme/shop/users/nobody/password", body: `{"oldpassword":"x","newpassword":"broad-meadow-3"}`, wantStatus: 400, wantBody: wrong},
		{name: "me, a guest", method: "PUT", path: "/acme/shop/users/me/password", body: `{"oldpassword":"x","newpassword":"broad-meadow-3"}`, wantStatus: 400, wantBody: wrong},
		{name: "policy", method: "PUT", path: path, body: `{"oldpassword":"` + userPassword + `","newpassword":"short"}`, wantStatus: 400, wantBody: short},
		{name: "the proof goes before the policy", method: "PUT", path: path, body: `{"oldpassword":"x","newpassword":"short"}`, wantStatus: 400, wantBody: wrong},
		{name: "with access: missing", method: "PUT", path: path, body: `{}`, headers: []string{shop}, wantStatus: 400, wantBody: missing},
		{name: "with access: policy", method: "PUT", path: path, body: `{"newpassword":"short"}`, headers: []string{shop}, wantStatus: 400, wantBody: short},
		{name: "with access: unknown user", method: "PUT", path: "/acme/shop/users/nobody/password", body: `{"newpassword":"broad-meadow-3"}`, headers: []string{shop}, wantStatus: 404, wantBody: map[string]any{"error": "service_resource_not_found"}},
		{name: "foreign client", method: "PUT", path: path, body: `{"newpassword":"broad-meadow-3"}`, headers: []string{f.asRival(t)}, wantStatus: 400, wantBody: both},
		{name: "wrong credential", method: "PUT", path: path, body: `{"oldpassword":"` + userPassword + `","newpassword":"broad-meadow-3"}`, headers: []string{"Authorization: Bearer x"}, wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"}},
		{name: "GET", method: "GET", path: path, wantStatus: 405, wantHeader: map[string]string{"Allow": "POST, PUT"}},
	})
	done := map[string]any{"action": "set user password", "entities": nil, "data": nil, "path": "/users/dana/password"}
	f.run(t, []scenario{
		{name: "without a token", method: "PUT", path: path, body: `{"oldpassword":"` + userPassword + `","newpassword":"broad-meadow-3"}`, wantStatus: 200, wantBody: done},
		{name: "issued tokens die", method: "GET", path: "/acme/shop/users/me", headers: []string{dana}, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}},
		{name: "the old password is over", method: "POST", path: "/acme/shop/token", body: `{"grant_type":"password","username":"dana","password":"` + userPassword + `"}`, wantStatus: 400},
		{name: "the new one counts", method: "POST", path: "/acme/shop/token", body: `{"grant_type":"password","username":"dana","password":"broad-meadow-3"}`, wantStatus: 200},
		{name: "as a form, by e-mail address", method: "POST", path: "/acme/shop/user/DANA@example.com/password/", body: "oldpassword=broad-meadow-3&newpassword=" + userPassword, wantStatus: 200, wantBody: map[string]any{"action": "set user password"}},
		{name: "with access, no old one", method: "POST", path: path, body: `{"newpassword":"broad-meadow-3"}`, headers: []string{shop}, wantStatus: 200},
		{name: "with access, a wrong old one", method: "POST", path: path, body: `{"oldpassword":"x","newpassword":"` + userPassword + `"}`, headers: []string{f.asOlga(t)}, wantStatus: 200},
		{name: "by uuid, as the Node client saves", method: "PUT", path: "/acme/shop/users/" + f.dana.ID.String() + "/password?access_token=" + bare(f.asUser(t, "shop", "dana")), body: `{"oldpassword":"` + userPassword + `","newpassword":"broad-meadow-3"}`, wantStatus: 401},
	})
	f.asUser(t, "shop", "dana")
	f.do(t, "PUT", "/acme/shop/users/me/password", `{"oldpassword":"`+userPassword+`","newpassword":"broad-meadow-3"}`, f.asUser(t, "shop", "dana")).
		check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "set user password"}})
}

// §13: the organization's passwordHistorySize counts for application users too.
func TestRecentUserPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	_, err := f.store.UpdateOrganization(t.Context(), f.acme.ID, func(o *models.Organization) error {
		o.PasswordHistorySize = 2
		return nil
	})
	must(t, err)
	change := func(status int, to string) {
		t.Helper()
		a := f.status(t, status, "PUT", "/acme/shop/users/dana/password", `{"newpassword":"`+to+`"}`, f.asShop(t))
		if status == 409 && a.body["error"] != "recently_used_password" {
			t.Error(a.text)
		}
	}
	change(409, userPassword)
	change(200, "broad-meadow-3")
	change(409, userPassword)
	change(409, "broad-meadow-3")
	change(200, "steep-valley-4")
	change(200, userPassword)
}

func TestSetPIN(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	const path = "/acme/shop/users/dana/setpin"
	shop := f.asShop(t)
	missing := fails("illegal_argument", "pin is required")
	f.refuse(t, []scenario{
		{name: "no body", method: "PUT", path: path, headers: []string{shop}, wantStatus: 400, wantBody: missing},
		{name: "empty", method: "POST", path: path, body: `{"pin":""}`, headers: []string{shop}, wantStatus: 400, wantBody: missing},
		{name: "null", method: "POST", path: path, body: `{"pin":null}`, headers: []string{shop}, wantStatus: 400, wantBody: missing},
		{name: "odd", method: "POST", path: path, body: `{"pin":{}}`, headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "wrong case", method: "POST", path: path, body: `{"PIN":"1"}`, headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "unknown user", method: "PUT", path: "/acme/shop/users/nobody/setpin", body: `{"pin":"1"}`, headers: []string{shop}, wantStatus: 404},
		{name: "herself without a rule", method: "PUT", path: path, body: `{"pin":"1"}`, headers: []string{f.asDana(t)}, wantStatus: 401},
		{name: "guest", method: "PUT", path: path, body: `{"pin":"1"}`, wantStatus: 401},
		{name: "GET", method: "GET", path: path, headers: []string{shop}, wantStatus: 405},
	})
	f.do(t, "PUT", path, `{"pin":9218}`, shop).check(t, scenario{
		wantStatus: 200, wantBody: map[string]any{"action": "set user pin", "entities": nil}, wantNotBody: []string{"9218"},
	})
	f.status(t, 200, "POST", "/acme/shop/token", `{"grant_type":"pin","username":"dana","pin":"9218"}`)
	f.status(t, 400, "POST", "/acme/shop/token", `{"grant_type":"pin","username":"dana","pin":"`+userPIN+`"}`)
	f.status(t, 200, "GET", "/acme/shop/users/me", "", f.asDana(t))
}

func TestImportHash(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	const path = "/acme/shop/users/dana/credentials"
	hash, err := bcrypt.GenerateFromPassword([]byte("imported-river-5"), bcrypt.MinCost)
	must(t, err)
	body := `{"credentials":{"cipher":"bcrypt","secret":"` + string(hash) + `"}}`
	dana, superuser := f.asDana(t), f.asSuperuser(t)
	illegal := map[string]any{"error": "illegal_argument"}
	none := fails("unauthorized", "No system access authorized")
	f.refuse(t, []scenario{
		{name: "herself", method: "PUT", path: path, body: body, headers: []string{dana}, wantStatus: 401, wantBody: none},
		{name: "application client", method: "PUT", path: path, body: body, headers: []string{f.asShop(t)}, wantStatus: 401, wantBody: none},
		{name: "organization admin", method: "PUT", path: path, body: body, headers: []string{f.asOlga(t)}, wantStatus: 401, wantBody: none},
		{name: "nothing", method: "PUT", path: path, headers: []string{superuser}, wantStatus: 400, wantBody: illegal},
		{name: "no object", method: "PUT", path: path, body: `{"credentials":"x"}`, headers: []string{superuser}, wantStatus: 400, wantBody: illegal},
		{name: "array", method: "PUT", path: path, body: `[]`, headers: []string{superuser}, wantStatus: 400, wantBody: illegal},
		{name: "another cipher", method: "PUT", path: path, body: `{"credentials":{"cipher":"sha1","secret":"` + string(hash) + `"}}`, headers: []string{superuser}, wantStatus: 400, wantBody: illegal},
		{
			name: "key in wrong case", method: "PUT", path: path, headers: []string{superuser}, wantStatus: 400,
			body: `{"credentials":{"cipher":"bcrypt","Cipher":"sha1","secret":"` + string(hash) + `"}}`, wantBody: fails("illegal_argument", "parameter in wrong case: Cipher must be written cipher"),
		},
		{name: "no hash", method: "PUT", path: path, body: `{"credentials":{"cipher":"bcrypt","secret":"$2b$"}}`, headers: []string{superuser}, wantStatus: 400, wantBody: illegal},
		{name: "an argon2 hash", method: "PUT", path: path, body: `{"credentials":{"cipher":"bcrypt","secret":"` + f.dana.PasswordHash + `"}}`, headers: []string{superuser}, wantStatus: 400, wantBody: illegal},
		{name: "unknown user", method: "PUT", path: "/acme/shop/users/nobody/credentials", body: body, headers: []string{superuser}, wantStatus: 404, wantBody: map[string]any{"error": "service_resource_not_found"}},
	})
	f.do(t, "PUT", path, body, superuser).check(t, scenario{
		wantStatus: 200, wantBody: map[string]any{"action": "put", "entities": nil}, wantNotBody: []string{"$2"},
	})
	f.status(t, 401, "GET", "/acme/shop/users/me", "", dana)
	f.status(t, 400, "POST", "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"`+userPassword+`"}`)
	for range 2 { // the second time with the hash it was replaced by
		f.status(t, 200, "POST", "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"imported-river-5"}`)
	}
}
