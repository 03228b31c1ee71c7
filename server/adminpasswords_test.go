package server

import (
	"strconv"
	"testing"
	"time"
)

func TestTheOldPasswordIsTheProof(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := f.asOlga(t)
	const path = "/management/users/olga/password"
	wrong := fails("auth_invalid_username_or_password", "Unable to authenticate due to username or password being incorrect")
	body := func(old, next string) string { return `{"oldpassword":"` + old + `","newpassword":"` + next + `"}` }
	f.refuse(t, []scenario{
		{name: "both missing", method: "POST", path: path, body: `{}`, wantStatus: 400, wantBody: fails("illegal_argument", "oldpassword and newpassword are both required")},
		{name: "old missing", method: "POST", path: path, body: body("", newPassword), headers: []string{olga}, wantStatus: 400, wantBody: fails("illegal_argument", "oldpassword and newpassword are both required")},
		{name: "new missing", method: "POST", path: path, body: body(adminPassword, ""), wantStatus: 400, wantBody: fails("illegal_argument", "newpassword is required")},
		{name: "only in the query", method: "POST", path: path + "?oldpassword=" + adminPassword + "&newpassword=" + newPassword, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "wrong", method: "PUT", path: path, body: body("wrong-water-1", newPassword), wantStatus: 400, wantBody: wrong},
		{name: "unknown admin", method: "PUT", path: "/management/users/nobody/password", body: body(adminPassword, newPassword), wantStatus: 400, wantBody: wrong},
		{name: "another admin's right does not help", method: "PUT", path: path, body: body("wrong-water-1", newPassword), headers: []string{f.asRita(t)}, wantStatus: 400, wantBody: wrong},
		{name: "nor the organization's client", method: "PUT", path: path, body: body("wrong-water-1", newPassword), headers: []string{f.asAcme(t)}, wantStatus: 400, wantBody: wrong},
		{name: "policy", method: "POST", path: path, body: body(adminPassword, "short"), wantStatus: 400, wantBody: fails("error_password_policy_violation", "error_length_policy: must be at least 8 characters")},
		{name: "common", method: "POST", path: path, body: body(adminPassword, "password1"), wantStatus: 400, wantBody: map[string]any{"error": "error_password_policy_violation"}},
		{name: "me as a guest", method: "POST", path: "/management/users/me/password", body: body(adminPassword, newPassword), wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}},
		{
			name: "superuser: unknown admin", method: "PUT", path: "/management/users/nobody/password", body: body("", newPassword), headers: []string{f.asSuperuser(t)},
			wantStatus: 404, wantBody: fails("user_not_found", "Could not find user for username: nobody"),
		},
		{name: "superuser: new missing", method: "PUT", path: path, body: `{}`, headers: []string{f.asSuperuser(t)}, wantStatus: 400, wantBody: fails("illegal_argument", "newpassword is required")},
	})
	f.run(t, []scenario{
		{name: "guest", method: "POST", path: path, body: body(adminPassword, newPassword), wantStatus: 200, wantBody: map[string]any{"action": "set user password"}, wantNotBody: []string{newPassword}},
		{name: "older tokens die", method: "GET", path: "/management/users/me", headers: []string{olga}, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}},
		{name: "the old one is gone", method: "POST", path: "/management/token", body: `{"grant_type":"password","username":"olga","password":"` + adminPassword + `"}`, wantStatus: 400},
		{name: "as a form by e-mail", method: "PUT", path: "/management/users/olga@example.com/password", body: "oldpassword=" + newPassword + "&newpassword=third-lantern-5", wantStatus: 200},
		{name: "superuser", method: "PUT", path: path, body: `{"newpassword":"` + adminPassword + `"}`, headers: []string{f.asSuperuser(t)}, wantStatus: 200},
	})
	f.olgaToken = ""
	f.status(t, 200, "PUT", "/management/users/me/password", body(adminPassword, newPassword), f.asOlga(t))
}

// §13: N refuses the current and the N-1 passwords before it; of several organizations the largest N counts.
func TestRecentPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	superuser := f.asSuperuser(t)
	f.status(t, 200, "PUT", "/management/orgs/acme", `{"properties":{"passwordHistorySize":1}}`, superuser)
	f.status(t, 200, "POST", "/management/orgs", `{"organization":"globex","email":"olga@example.com","properties":{"passwordHistorySize":3}}`, superuser)
	password := func(n int) string { return "broad-meadow-" + strconv.Itoa(n) }
	set := func(n, want int) {
		t.Helper()
		f.clock.advance(time.Second)
		f.status(t, want, "PUT", "/management/users/olga/password", `{"newpassword":"`+password(n)+`"}`, superuser)
	}
	for n := range 4 {
		set(n, 200)
	}
	for n := 1; n < 4; n++ {
		set(n, 409)
	}
	set(0, 200)
	a := f.status(t, 409, "PUT", "/management/users/olga/password", `{"oldpassword":"`+password(0)+`","newpassword":"`+password(0)+`"}`)
	a.check(t, scenario{wantStatus: 409, wantBody: map[string]any{"error": "recently_used_password"}})
}

// SEC-28
func TestGuessingOldPasswordsIsSlowedDown(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	for range 10 {
		f.status(t, 400, "PUT", "/management/users/olga/password", `{"oldpassword":"wrong-water-1","newpassword":"`+newPassword+`"}`)
	}
	a := f.status(t, 429, "PUT", "/management/users/olga/password", `{"oldpassword":"`+adminPassword+`","newpassword":"`+newPassword+`"}`)
	a.check(t, scenario{wantStatus: 429, wantBody: fails("too_many_requests", "Too many attempts"), wantHeader: map[string]string{"Retry-After": "1"}})
}
