package server

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

// Every pair of §8.3 from both sides: idempotent, the last of the path is answered, and both sides tell the same.
func TestPairs(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	as := []string{shop}
	f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"clerk"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff/north"}`, shop)
	for _, tc := range []struct{ left, right, there, back, last, lastBack, typeLast, typeBack, leftList, rightList string }{
		{"/users/dana", "/roles/clerk", "/users/dana/roles/clerk", "/roles/clerk/users/dana", "clerk", "dana", "role", "user", "/users/dana/roles", "/roles/clerk/users"},
		{"/groups/staff/north", "/roles/clerk", "/groups/staff/north/roles/clerk", "/roles/clerk/groups/staff/north", "clerk", "staff/north", "role", "group", "/groups/staff/north/roles", "/roles/clerk/groups"},
		{"/groups/staff/north", "/users/dana", "/groups/staff/north/users/dana", "/users/dana/groups/staff/north", "dana", "staff/north", "user", "group", "/groups/staff/north/users", "/users/dana/groups"},
	} {
		t.Run(tc.there, func(t *testing.T) {
			shows := func(name, action, kind string) map[string]any {
				member := map[string]string{"role": "name", "user": "username", "group": "path"}[kind]
				return map[string]any{"action": action, "entities.0.type": kind, "entities.0." + member: name, "count": nil}
			}
			absent := func(name string) map[string]any {
				return fails("entity_not_found", "Cannot find entity with name: "+name)
			}
			count := func(n int) map[string]any { return map[string]any{"count": n, "action": "get", "cursor": nil} }
			for _, side := range []struct{ path, last, kind string }{{tc.there, tc.last, tc.typeLast}, {tc.back, tc.lastBack, tc.typeBack}} {
				path := "/acme/shop" + side.path
				f.run(t, []scenario{
					{name: "not assigned", method: "GET", path: path, headers: as, wantStatus: 404, wantBody: absent(side.last)},
					{name: "removing nothing", method: "DELETE", path: path, headers: as, wantStatus: 200, wantBody: shows(side.last, "delete", side.kind)},
					{name: "assigned", method: "POST", path: path, headers: as, wantStatus: 200, wantBody: shows(side.last, "post", side.kind)},
					{name: "again, with a body", method: "POST", path: path + "/", body: `{}`, headers: as, wantStatus: 200, wantBody: shows(side.last, "post", side.kind)},
					{name: "there", method: "GET", path: "/acme/shop" + tc.there, headers: as, wantStatus: 200, wantBody: shows(tc.last, "get", tc.typeLast)},
					{name: "back", method: "GET", path: "/acme/shop" + tc.back, headers: as, wantStatus: 200, wantBody: shows(tc.lastBack, "get", tc.typeBack)},
					{name: "listed left", method: "GET", path: "/acme/shop" + tc.leftList, headers: as, wantStatus: 200, wantBody: with(count(1), map[string]any{"path": tc.leftList})},
					{name: "listed right", method: "GET", path: "/acme/shop" + tc.rightList, headers: as, wantStatus: 200, wantBody: with(count(1), map[string]any{"path": tc.rightList})},
					{name: "no PUT", method: "PUT", path: path, headers: as, wantStatus: 405, wantHeader: map[string]string{"Allow": "DELETE, GET, HEAD, POST"}},
					{name: "removed", method: "DELETE", path: path, headers: as, wantStatus: 200, wantBody: shows(side.last, "delete", side.kind)},
					{name: "listed no more", method: "GET", path: "/acme/shop" + tc.leftList, headers: as, wantStatus: 200, wantBody: count(0)},
					{name: "no POST to the list", method: "POST", path: "/acme/shop" + tc.leftList, body: `{}`, headers: as, wantStatus: 405},
				})
			}
		})
	}
	user, entity := map[string]any{"error": "service_resource_not_found"}, map[string]any{"error": "entity_not_found"}
	for _, method := range []string{"GET", "POST", "DELETE"} {
		f.run(t, []scenario{
			{name: method + " unknown user", method: method, path: "/acme/shop/roles/clerk/users/nobody", headers: as, wantStatus: 404, wantBody: user},
			{name: method + " unknown user first", method: method, path: "/acme/shop/users/nobody/roles/clerk", headers: as, wantStatus: 404, wantBody: user},
			{name: method + " unknown role", method: method, path: "/acme/shop/users/dana/roles/boss", headers: as, wantStatus: 404, wantBody: entity},
			{name: method + " unknown group", method: method, path: "/acme/shop/users/dana/groups/staff/south", headers: as, wantStatus: 404, wantBody: entity},
			{name: method + " unknown group and role", method: method, path: "/acme/shop/groups/x/roles/clerk", headers: as, wantStatus: 404, wantBody: entity},
		})
	}
	// What belongs to another application is unknown here. SEC-22
	sam := f.newUser(t, f.sandbox, "sam", "")
	role, err := f.store.Role(t.Context(), f.sandbox.ID, "admin")
	must(t, err)
	f.status(t, 404, "POST", "/acme/shop/roles/clerk/users/"+sam.ID.String(), "", shop)
	f.status(t, 404, "POST", "/acme/shop/users/dana/roles/"+role.ID.String(), "", shop)
}

func TestListsOfPairsToTheEnd(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"g"}`, shop)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		f.status(t, 200, "POST", "/acme/shop/users", `{"username":"`+name+`"}`, shop)
		f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"`+name+`"}`, shop)
		f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"`+name+`"}`, shop)
		for _, pair := range []string{
			"/groups/g/users/" + name, "/roles/admin/users/" + name, "/roles/admin/groups/" + name, "/users/dana/roles/" + name,
			"/users/dana/groups/" + name, "/groups/g/roles/" + name,
		} {
			f.status(t, 200, "POST", "/acme/shop"+pair, "", shop)
		}
	}
	for _, list := range []string{"/groups/g/users", "/roles/admin/users", "/roles/admin/groups", "/users/dana/roles", "/users/dana/groups", "/groups/g/roles"} {
		seen, cursor := map[string]bool{}, ""
		for range 4 {
			a := f.status(t, 200, "GET", "/acme/shop"+list+"?limit=2&cursor="+cursor, "", shop)
			for _, id := range a.names("uuid") {
				seen[id] = true
			}
			cursor, _ = a.body["cursor"].(string)
			if cursor == "" {
				break
			}
		}
		if len(seen) != 5 || cursor != "" {
			t.Errorf("%s: %d of 5, cursor %q", list, len(seen), cursor)
		}
		f.status(t, 400, "GET", "/acme/shop"+list+"?limit=1001", "", shop)
	}
}

// Whoever has only the role default changes himself and nothing else: no role, no rule, no group, nobody else.
//
// SEC-70, SEC-73
func TestDefaultUserGainsNothing(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, dana := f.asShop(t), f.asDana(t)
	f.newUser(t, f.shop, "erik", "")
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/roles/admin/permissions", `{"permission":"/**"}`, shop)
	none := fails("unauthorized", "Subject does not have permission to access this resource")
	id := f.dana.ID.String()
	before := f.written(t)
	for _, tc := range []struct{ method, path, body string }{
		{"POST", "/users/dana/roles/admin", ""},
		{"POST", "/users/me/roles/admin", ""},
		{"POST", "/users/" + id + "/roles/admin", ""},
		{"POST", "/user/dana/role/admin", ""},
		{"POST", "/roles/admin/users/dana", ""},
		{"POST", "/roles/admin/users/me", ""},
		{"POST", "/users/dana/groups/staff", ""},
		{"POST", "/groups/staff/users/dana", ""},
		{"POST", "/groups/staff/roles/admin", ""},
		{"POST", "/users/dana/permissions", `{"permission":"/**"}`},
		{"PUT", "/users/me/permissions", `{"permission":"/**"}`},
		{"POST", "/roles/default/permissions", `{"permission":"/**"}`},
		{"POST", "/groups/staff/permissions", `{"permission":"/**"}`},
		{"DELETE", "/roles/default/permissions?permission=x", ""},
		{"DELETE", "/users/dana/permissions?permission=x", ""},
		{"POST", "/roles", `{"name":"boss"}`},
		{"PUT", "/roles", `{"name":"boss"}`},
		{"PUT", "/roles/default", `{"title":"x"}`},
		{"DELETE", "/roles/guest", ""},
		{"POST", "/groups", `{"path":"x"}`},
		{"PUT", "/groups/staff", `{"title":"x"}`},
		{"DELETE", "/groups/staff", ""},
		{"GET", "/users", ""},
		{"POST", "/users", `{"username":"x"}`}, // a guest may, she not
		{"GET", "/users/erik", ""},
		{"PUT", "/users/erik", `{"name":"x"}`},
		{"DELETE", "/users/erik", ""},
		{"DELETE", "/users/dana", ""},
		{"POST", "/users/erik/deactivate", ""},
		{"POST", "/users/dana/deactivate", ""},
		{"PUT", "/users/erik/setpin", `{"pin":"1"}`},
		{"PUT", "/users/erik/revoketokens", ""},
		{"GET", "/users/erik/roles", ""},
		{"GET", "/users/erik/rolenames", ""},
		{"GET", "/users/dana/../erik", ""},
		{"GET", "/users/dana%2F..%2Ferik", ""},
		{"GET", "/users/dana%2Froles/roles", ""},
		{"GET", "/things", ""},
	} {
		a := f.do(t, tc.method, "/acme/shop"+tc.path, tc.body, dana)
		if strings.HasPrefix(tc.path, "/users/dana/..") || strings.HasPrefix(tc.path, "/users/dana%2F") {
			a.check(t, scenario{wantStatus: 404}) // nobody is called so
			continue
		}
		a.check(t, scenario{wantStatus: 401, wantBody: none})
		if a.Code != 401 {
			t.Errorf("%s %s: %d", tc.method, tc.path, a.Code)
		}
	}
	f.status(t, 401, "PUT", "/acme/shop/users/dana/credentials", `{"credentials":{"cipher":"bcrypt","secret":"$2b$"}}`, dana)
	f.status(t, 403, "GET", "/acme/shop/users/dana/token", "", dana)
	f.status(t, 200, "PUT", "/acme/shop/users/dana", `{"roles":["admin"],"permissions":["/**"],"groups":["staff"],"generation":0,"superuser":true,"password":"x"}`, dana)
	if after := f.written(t); after != before+1 {
		t.Errorf("%d changes were written", after-before)
	}
	rights, err := f.store.Rights(t.Context(), f.shop.ID, f.dana.ID)
	must(t, err)
	if len(rights.Rules) != 2 || len(rights.Roles) != 1 || len(rights.Groups) != 0 {
		t.Errorf("%+v", rights)
	}
}

// §13: nobody hands out more than he holds, by whatever way.
//
// SEC-73
func TestNobodyHandsOutMoreThanHeHolds(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, dana := f.asShop(t), f.asDana(t)
	f.newUser(t, f.shop, "erik", "")
	grant := func(holder, rules string) {
		t.Helper()
		f.status(t, 200, "POST", "/acme/shop"+holder+"/permissions", `{"permission":`+rules+`}`, shop)
	}
	for _, name := range []string{"small", "large"} {
		f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"`+name+`"}`, shop)
	}
	for _, path := range []string{"staff", "staff/north", "plain"} {
		f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"`+path+`"}`, shop)
	}
	grant("/roles/small", `"get:/boxes/*"`)
	grant("/roles/large", `["get:/boxes/*","delete:/boxes/*"]`)
	grant("/groups/staff", `"put:/boxes/1"`)
	// dana may administer roles, groups and rules, and holds something herself.
	grant("/users/dana", `["get,post,put,delete:/roles/**","get,post,put,delete:/groups/**","post,delete:/users/*/roles/*","post:/users/*/groups/**","post,put:/users/*/permissions","get:/boxes/**"]`)
	for _, tc := range []struct {
		path, body string
		want       int
	}{
		{"/users/erik/permissions", `{"permission":"get:/boxes/7"}`, 200},
		{"/users/erik/permissions", `{"permission":"get:/boxes/**"}`, 200},
		{"/users/erik/permissions", `{"permission":"put:/boxes/7"}`, 401},
		{"/users/erik/permissions", `{"permission":"get,put:/boxes/7"}`, 401},
		{"/users/erik/permissions", `{"permission":["get:/boxes/7","get:/users"]}`, 401},
		{"/users/erik/permissions", `{"permission":"/boxes/7"}`, 401},
		{"/users/erik/permissions", `{"permission":"get:/boxes/7,/users"}`, 401},
		{"/users/dana/permissions", `{"permission":"/**"}`, 401},
		{"/roles/default/permissions", `{"permission":"get:/users/*"}`, 401},
		{"/roles/guest/permissions", `{"permission":"get:/boxes/*"}`, 200},
		{"/groups/plain/permissions", `{"permission":"*"}`, 401},
		{"/users/erik/roles/small", "", 200},
		{"/users/erik/roles/large", "", 401},
		{"/roles/large/users/erik", "", 401},
		{"/groups/plain/roles/large", "", 401},
		{"/roles/large/groups/plain", "", 401},
		{"/roles/small/groups/plain", "", 200},
		{"/groups/plain/users/erik", "", 200}, // get:/boxes/* through the role small: she holds get:/boxes/**
		{"/users/erik/groups/staff", "", 401},
		{"/users/erik/groups/staff/north", "", 401}, // by the parent
	} {
		if a := f.do(t, "POST", "/acme/shop"+tc.path, tc.body, dana); a.Code != tc.want {
			t.Errorf("POST %s %s: %d, want %d: %s", tc.path, tc.body, a.Code, tc.want, a.text)
		}
	}
	rights, err := f.store.Rights(t.Context(), f.shop.ID, f.userID(t, "erik"))
	must(t, err)
	for _, rule := range rights.Rules {
		switch rule {
		case "get,put:/users/${user}", "get:/users/${user}/**", "get:/boxes/7", "get:/boxes/**", "get:/boxes/*":
		default:
			t.Errorf("erik gained %s", rule)
		}
	}
	// Taking away needs no more than the rule for the path.
	f.status(t, 200, "DELETE", "/acme/shop/users/erik/roles/large", "", dana)
	f.status(t, 200, "DELETE", "/acme/shop/roles/large/permissions?permission=delete:/boxes/*", "", dana)
	f.status(t, 200, "POST", "/acme/shop/users/erik/roles/large", "", dana)
	// In an application that is open to guests, guests hold everything.
	f.newUser(t, f.sandbox, "sam", "")
	f.status(t, 200, "POST", "/acme/sandbox/users/sam/permissions", `{"permission":"get:/**"}`)
	f.status(t, 200, "POST", "/acme/sandbox/users/sam/roles/admin", "")
}

func (f *fixture) userID(t testing.TB, username string) uuid.UUID {
	t.Helper()
	user, err := f.store.User(t.Context(), f.shop.ID, username)
	must(t, err)
	return user.ID
}

// Whatever is changed about a user holds for his tokens from the very next request on. SEC-61
func TestChangesHoldForIssuedTokens(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		code, description        string
	}{
		{"deactivated", "POST", "/deactivate", "", 401, "authentication", "Unactivated identity"},
		{"not activated", "PUT", "", `{"activated":false}`, 401, "authentication", "Unactivated identity"},
		{"disabled", "PUT", "", `{"disabled":"true"}`, 401, "authentication", "Disabled identity"},
		{"disabled as a form", "PUT", "", `disabled=true`, 401, "authentication", "Disabled identity"},
		{"deleted", "DELETE", "", "", 401, "auth_bad_access_token", "Unable to authenticate due to corrupt access token"},
		{"revoked", "PUT", "/revoketokens", "", 401, "auth_invalid", "Unable to authenticate"},
		{"new password", "PUT", "/password", `{"newpassword":"broad-meadow-3"}`, 401, "auth_invalid", "Unable to authenticate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			user := f.newUser(t, f.shop, "u-"+uuid.NewString()[:8], "")
			token := f.asUser(t, "shop", user.Username)
			me, path := "/acme/shop/users/me", "/acme/shop/users/"+user.Username
			f.status(t, 200, "GET", me, "", token)
			f.status(t, 200, tc.method, path+tc.path, tc.body, shop)
			f.do(t, "GET", me, "", token).check(t, scenario{wantStatus: tc.status, wantBody: fails(tc.code, tc.description)})
			if tc.code != "authentication" {
				return
			}
			f.status(t, 400, "POST", "/acme/shop/token", `{"grant_type":"password","username":"`+user.Username+`","password":"`+userPassword+`"}`)
			// Let in again: he logs in again, the old tokens stay dead.
			f.do(t, "PUT", path, `{"activated":true,"disabled":false}`, shop).check(t, scenario{
				wantStatus: 200, wantBody: map[string]any{"entities.0.activated": true, "entities.0.disabled": nil, "entities.0.deactivated": nil},
			})
			f.do(t, "GET", me, "", token).check(t, scenario{wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}})
			f.status(t, 200, "GET", me, "", f.asUser(t, "shop", user.Username))
		})
	}
}

func TestDeactivateUser(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	f.run(t, []scenario{
		{
			name: "deactivated", method: "POST", path: "/acme/shop/users/dana/deactivate", headers: []string{shop}, wantStatus: 200,
			wantBody: map[string]any{
				"action": "Deactivate user", "entities.0.activated": false, "entities.0.deactivated": f.clock.now().UnixMilli(),
				"entities.0.username": "dana", "path": "/users/dana/deactivate",
			},
		},
		{name: "again", method: "POST", path: "/acme/shop/users/dana/deactivate", body: `{}`, headers: []string{shop}, wantStatus: 200},
		{name: "unknown", method: "POST", path: "/acme/shop/users/nobody/deactivate", headers: []string{shop}, wantStatus: 404, wantBody: map[string]any{"error": "service_resource_not_found"}},
		{name: "no PUT", method: "PUT", path: "/acme/shop/users/dana/deactivate", headers: []string{shop}, wantStatus: 405, wantHeader: map[string]string{"Allow": "POST"}},
		{name: "deleted", method: "DELETE", path: "/acme/shop/users/dana@example.com", headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"action": "delete", "path": "/users", "entities.0.username": "dana", "entities.0.activated": false}},
		{name: "deleted twice", method: "DELETE", path: "/acme/shop/users/dana", headers: []string{shop}, wantStatus: 404, wantBody: map[string]any{"error": "service_resource_not_found"}},
		{name: "the name is free", method: "POST", path: "/acme/shop/users", body: `{"username":"dana","email":"dana@example.com"}`, wantStatus: 200},
	})
}

// Roles, rules and memberships count from the next request on, given and taken.
func TestRightsHoldForIssuedTokens(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, dana := f.asShop(t), f.asDana(t)
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/permissions", `{"permission":"get:/roles"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/roles/admin/permissions", `{"permission":"get:/roles"}`, shop)
	for _, tc := range []struct{ give, body, take, method string }{
		{"/users/dana/roles/admin", "", "/users/dana/roles/admin", "DELETE"},
		{"/roles/admin/users/dana", "", "/roles/admin/users/dana", "DELETE"},
		{"/users/dana/permissions", `{"permission":"get:/roles"}`, "/users/dana/permissions?permission=get:/roles", "DELETE"},
		{"/roles/default/permissions", `{"permission":"get:/*"}`, "/roles/default/permissions?permission=get:/*", "DELETE"},
		{"/groups/staff/users/dana", "", "/users/dana/groups/staff", "DELETE"},
		{"/users/dana/roles/admin", "", "/roles/admin/permissions?permission=get:/roles", "DELETE"},
		{"/roles/admin/permissions", `{"permission":"get:/roles"}`, "/roles/admin", "DELETE"},
		{"/groups/staff/users/dana", "", "/groups/staff", "DELETE"},
	} {
		f.status(t, 401, "GET", "/acme/shop/roles", "", dana)
		f.status(t, 200, "POST", "/acme/shop"+tc.give, tc.body, shop)
		if a := f.do(t, "GET", "/acme/shop/roles", "", dana); a.Code != 200 {
			t.Errorf("after POST %s: %d %s", tc.give, a.Code, a.text)
		}
		f.status(t, 200, tc.method, "/acme/shop"+tc.take, "", shop)
		if a := f.do(t, "GET", "/acme/shop/roles", "", dana); a.Code != 401 {
			t.Errorf("after %s %s: %d %s", tc.method, tc.take, a.Code, a.text)
		}
	}
}
