package server

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

const danasLogins = "/acme/shop/users/dana/logins"

// signIn gives the two tokens of a new login of dana.
func (f *fixture) signIn(t *testing.T) (access, refresh string) {
	t.Helper()
	a := f.status(t, 200, "POST", "/acme/shop/token", "grant_type=password&username=dana&password="+userPassword)
	access, _ = a.get("access_token").(string)
	refresh, _ = a.get("refresh_token").(string)
	if access == "" || refresh == "" {
		t.Fatalf("no tokens: %s", a.text)
	}
	return "Authorization: Bearer " + access, refresh
}

// loginsOf are the identifiers that the list shows.
func (f *fixture) loginsOf(t *testing.T, as string) (ids []string) {
	t.Helper()
	list, _ := f.status(t, 200, "GET", danasLogins, "", as).get("data").([]any)
	for _, element := range list {
		one, _ := element.(map[string]any)
		id, _ := one["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

// A login that is ended cannot be gone on with; its access tokens live to their end, and other logins are untouched.
func TestAnEndedLoginIsNotGoneOnWith(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.RefreshTokens = true })
	_, first := f.signIn(t)
	f.clock.advance(time.Second)
	access, second := f.signIn(t)
	ids := f.loginsOf(t, f.asShop(t))
	if len(ids) != 2 {
		t.Fatalf("logins %v", ids)
	}
	ended := map[string]any{"action": "ended login"}
	bad := fails("invalid_grant", "invalid refresh token")
	f.run(t, []scenario{
		{name: "of one", method: "DELETE", path: danasLogins + "/" + ids[0], headers: []string{f.asShop(t)}, wantStatus: 200, wantBody: ended},
		{name: "its refresh token", method: "POST", path: "/acme/shop/token", body: "grant_type=refresh_token&refresh_token=" + second, wantStatus: 400, wantBody: bad},
		{name: "its access token", method: "GET", path: "/acme/shop/users/me", headers: []string{access}, wantStatus: 200},
		{name: "again", method: "DELETE", path: danasLogins + "/" + ids[0], headers: []string{f.asShop(t)}, wantStatus: 404},
		{name: "the other one", method: "POST", path: "/acme/shop/token", body: "grant_type=refresh_token&refresh_token=" + first, wantStatus: 200},
	})
	if left := f.loginsOf(t, f.asShop(t)); len(left) != 1 || left[0] != ids[1] {
		t.Errorf("logins %v of %v", left, ids)
	}
	f.run(t, []scenario{
		{name: "all", method: "DELETE", path: danasLogins, headers: []string{f.asOlga(t)}, wantStatus: 200, wantBody: map[string]any{"action": "ended logins"}},
		{name: "of all, the access tokens", method: "GET", path: "/acme/shop/users/me", headers: []string{access}, wantStatus: 200},
		{name: "none left", method: "DELETE", path: danasLogins, headers: []string{f.asOlga(t)}, wantStatus: 200},
	})
	if left := f.loginsOf(t, f.asShop(t)); len(left) != 0 {
		t.Errorf("logins %v", left)
	}
}

// A login that nobody has used for as long as the application allows is over, and not in the list.
//
// SEC-58
func TestIdleLoginsAreNotListed(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	idle := time.Minute.Milliseconds()
	f.settings(t, func(s *models.Settings) { s.RefreshTokens, s.RefreshTokenIdleTTL = true, &idle })
	f.signIn(t)
	f.clock.advance(time.Minute - time.Second)
	if ids := f.loginsOf(t, f.asShop(t)); len(ids) != 1 {
		t.Errorf("logins %v", ids)
	}
	f.clock.advance(time.Second)
	if ids := f.loginsOf(t, f.asShop(t)); len(ids) != 0 {
		t.Errorf("logins %v", ids)
	}
}

// Users see and end their own logins and nobody else's, and a tenant knows nothing of another's.
//
// SEC-22, SEC-70
func TestLoginsOfOthersAreOutOfReach(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.RefreshTokens = true })
	erik, carl := f.newUser(t, f.shop, "erik", "Erik"), f.newUser(t, f.stall, "carl", "Carl")
	dana, refresh := f.signIn(t)
	asErik := f.asUser(t, "shop", "erik")
	ids := f.loginsOf(t, dana)
	if len(ids) != 1 {
		t.Fatalf("dana's own logins %v", ids)
	}
	one, unknown := "/"+ids[0], map[string]any{"error": "service_resource_not_found"}
	f.refuse(t, []scenario{
		{name: "of another user", method: "GET", path: danasLogins, headers: []string{asErik}, wantStatus: 401},
		{name: "all of another user", method: "DELETE", path: danasLogins, headers: []string{asErik}, wantStatus: 401},
		{name: "one of another user", method: "DELETE", path: danasLogins + one, headers: []string{asErik}, wantStatus: 401},
		{name: "of another user as one's own", method: "DELETE", path: "/acme/shop/users/" + erik.ID.String() + "/logins" + one, headers: []string{asErik}, wantStatus: 404},
		{name: "of another user as one's own, by me", method: "DELETE", path: "/acme/shop/users/me/logins" + one, headers: []string{asErik}, wantStatus: 404},
		{name: "of another user by the client", method: "DELETE", path: "/acme/shop/users/erik/logins" + one, headers: []string{f.asShop(t)}, wantStatus: 404},
		{name: "a guest", method: "GET", path: danasLogins, wantStatus: 401},
		{name: "another tenant's client", method: "GET", path: danasLogins, headers: []string{f.asRival(t)}, wantStatus: 401},
		{name: "another tenant's admin", method: "DELETE", path: danasLogins + one, headers: []string{f.asRita(t)}, wantStatus: 401},
		{name: "a user of another tenant", method: "GET", path: "/acme/shop/users/" + carl.ID.String() + "/logins", headers: []string{f.asShop(t)}, wantStatus: 404, wantBody: unknown},
		{name: "through another tenant", method: "DELETE", path: "/rival/stall/users/" + f.dana.ID.String() + "/logins" + one, headers: []string{f.asRival(t)}, wantStatus: 404, wantBody: unknown},
		{name: "nobody's", method: "DELETE", path: danasLogins + "/" + uuid.NewString(), headers: []string{f.asShop(t)}, wantStatus: 404},
		{name: "no identifier", method: "DELETE", path: danasLogins + "/x", headers: []string{f.asShop(t)}, wantStatus: 404},
	})
	if left := f.loginsOf(t, dana); len(left) != 1 {
		t.Errorf("logins %v", left)
	}
	if text := f.status(t, 200, "GET", danasLogins, "", dana).text; len(refresh) < 20 || strings.Contains(text, refresh) {
		t.Errorf("the list has the refresh token: %s", text)
	}
	f.status(t, 200, "DELETE", "/acme/shop/users/me/logins"+one, "", dana)
	f.status(t, 400, "POST", "/acme/shop/token", "grant_type=refresh_token&refresh_token="+refresh)
}

// SEC-80
func TestEndedLoginsAreAudited(t *testing.T) {
	t.Parallel()
	f := newAudited(t, options{})
	f.settings(t, func(s *models.Settings) { s.RefreshTokens = true })
	f.signIn(t)
	f.status(t, 200, "DELETE", danasLogins+"/"+f.loginsOf(t, f.asShop(t))[0], "", f.asOlga(t))
	f.status(t, 200, "DELETE", danasLogins, "", f.asShop(t))
	for action, actor := range map[string]string{"login.end": "olga", "logins.end": "acme/shop"} {
		rows := f.trail(t, models.AuditFilter{Action: action, Target: f.dana.ID.String(), OrganizationID: f.acme.ID, ApplicationID: f.shop.ID})
		if len(rows) != 1 || rows[0].Action != action || rows[0].ActorName != actor || rows[0].Result != models.AuditOK || rows[0].TargetName != "dana" {
			t.Errorf("%s: %+v", action, rows)
		}
	}
}
