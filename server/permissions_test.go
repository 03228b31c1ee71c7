package server

import (
	"strings"
	"testing"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	as := []string{shop}
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff/north"}`, shop)
	missing := fails("illegal_argument", "You must supply a 'permission' property")
	argument := map[string]any{"error": "illegal_argument"}
	for _, holder := range []string{"/roles/admin", "/users/dana", "/groups/staff/north"} {
		t.Run(holder, func(t *testing.T) {
			path := "/acme/shop" + holder + "/permissions"
			f.run(t, []scenario{
				{name: "none", method: "GET", path: path, headers: as, wantStatus: 200, wantBody: map[string]any{"action": "get", "data": []any{}, "entities": nil, "path": holder + "/permissions"}},
				{name: "one", method: "POST", path: path, body: `{"permission":" GET,Put:/A "}`, headers: as, wantStatus: 200, wantBody: map[string]any{"action": "post", "data": []any{"get,put:/a"}}},
				{name: "an array, one of them known", method: "PUT", path: path, body: `{"permission":["get:/b","get,put:/a","/c"]}`, headers: as, wantStatus: 200, wantBody: map[string]any{"action": "put", "data": []any{"get,put:/a", "get:/b", "/c"}}},
				{name: "a form", method: "POST", path: path, body: "permission=get:/d&permission=get:/e&permission=", headers: as, wantStatus: 200, wantBody: map[string]any{"data": []any{"get,put:/a", "get:/b", "/c", "get:/d", "get:/e"}}},
				{name: "nothing", method: "POST", path: path, headers: as, wantStatus: 400, wantBody: missing},
				{name: "in the query", method: "POST", path: path + "?permission=get:/x", headers: as, wantStatus: 400, wantBody: missing},
				{name: "empty", method: "POST", path: path, body: `{"permission":""}`, headers: as, wantStatus: 400, wantBody: missing},
				{name: "null", method: "PUT", path: path, body: `{"permission":null}`, headers: as, wantStatus: 400, wantBody: missing},
				{name: "empty array", method: "PUT", path: path, body: `{"permission":[]}`, headers: as, wantStatus: 400, wantBody: missing},
				{name: "array of empty ones", method: "PUT", path: path, body: `{"permission":[""]}`, headers: as, wantStatus: 400, wantBody: missing},
				{name: "blank", method: "PUT", path: path, body: `{"permission":"  "}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "a number", method: "PUT", path: path, body: `{"permission":1}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "array of numbers", method: "PUT", path: path, body: `{"permission":["get:/x",1]}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "array with null", method: "PUT", path: path, body: `{"permission":["get:/x",null]}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "object", method: "PUT", path: path, body: `{"permission":{}}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "array body", method: "PUT", path: path, body: `[{"permission":"get:/x"}]`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "unknown operation", method: "PUT", path: path, body: `{"permission":["get:/x","patch:/y"]}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "second colon", method: "PUT", path: path, body: `{"permission":"get:/x:y"}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "NUL", method: "PUT", path: path, body: `{"permission":"get:/x\u0000"}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "long", method: "PUT", path: path, body: `{"permission":"get:/` + strings.Repeat("x", 2000) + `"}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "wrong case", method: "PUT", path: path, body: `{"Permission":"get:/x"}`, headers: as, wantStatus: 400, wantBody: argument},
				{name: "nothing of the refused came through", method: "GET", path: path, headers: as, wantStatus: 200, wantBody: map[string]any{"data": []any{"get,put:/a", "get:/b", "/c", "get:/d", "get:/e"}}},
				{name: "removed by nothing", method: "DELETE", path: path, headers: as, wantStatus: 400, wantBody: missing},
				{name: "removed in the body", method: "DELETE", path: path, body: `{"permission":"get:/b"}`, headers: as, wantStatus: 400, wantBody: missing},
				{name: "removed by an empty one", method: "DELETE", path: path + "?permission=", headers: as, wantStatus: 400, wantBody: missing},
				{name: "removed by no rule", method: "DELETE", path: path + "?permission=patch:/x", headers: as, wantStatus: 400, wantBody: argument},
				{name: "removed", method: "DELETE", path: path + "?permission=GET,put:/a", headers: as, wantStatus: 200, wantBody: map[string]any{"action": "delete", "data": []any{"get:/b", "/c", "get:/d", "get:/e"}, "params": map[string]any{"permission": []any{"GET,put:/a"}}}},
				{name: "removed twice", method: "DELETE", path: path + "?permission=get,put:/a", headers: as, wantStatus: 200, wantBody: map[string]any{"data": []any{"get:/b", "/c", "get:/d", "get:/e"}}},
				{name: "several removed", method: "DELETE", path: path + "?permission=get:/d&permission=get%3A%2Fe", body: `{}`, headers: as, wantStatus: 200, wantBody: map[string]any{"data": []any{"get:/b", "/c"}, "params": map[string]any{"permission": []any{"get:/d", "get:/e"}}}},
			})
		})
	}
	f.run(t, []scenario{
		{name: "unknown role", method: "GET", path: "/acme/shop/roles/void/permissions", headers: as, wantStatus: 404, wantBody: map[string]any{"error": "entity_not_found"}},
		{name: "unknown group", method: "POST", path: "/acme/shop/groups/void/permissions", body: `{"permission":"/x"}`, headers: as, wantStatus: 404, wantBody: map[string]any{"error": "entity_not_found"}},
		{name: "unknown user", method: "DELETE", path: "/acme/shop/users/void/permissions?permission=/x", headers: as, wantStatus: 404, wantBody: map[string]any{"error": "service_resource_not_found"}},
		{name: "no PATCH", method: "PATCH", path: "/acme/shop/users/dana/permissions", headers: as, wantStatus: 405, wantHeader: map[string]string{"Allow": "DELETE, GET, HEAD, POST, PUT"}},
	})
}

// §9.1: a rule that names somebody permits every spelling of the path, and the other way round.
func TestRulesPermitEverySpelling(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, dana := f.asShop(t), f.asDana(t)
	erik := f.newUser(t, f.shop, "erik", "")
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"Staff/North"}`, shop)
	role, err := f.store.Role(t.Context(), f.shop.ID, "admin")
	must(t, err)
	group, err := f.store.Group(t.Context(), f.shop.ID, "staff/north")
	must(t, err)
	users := []string{"erik", "ERIK", erik.ID.String(), strings.ToUpper(erik.ID.String()), "erik@example.com"}
	roles := []string{"admin", "Admin", role.ID.String()}
	groups := []string{"staff/north", "Staff%2fNorth", group.ID.String()}
	f.status(t, 200, "POST", "/acme/shop/users/erik/roles/admin", "", shop)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/north/users/erik", "", shop)
	for _, tc := range []struct {
		rules []string
		paths []string
	}{
		{[]string{"get:/users/erik", "get:/users/" + erik.ID.String(), "get:/users/*", "get:/users/er?k"}, prefixed("/users/", users)},
		{[]string{"get:/roles/admin", "get:/roles/" + role.ID.String()}, prefixed("/roles/", roles)},
		{[]string{"get:/groups/staff/north", "get:/groups/" + group.ID.String(), "get:/groups/*/*", "get:/groups/*"}, prefixed("/groups/", groups)},
		{[]string{"get:/roles/admin/users/erik", "get:/roles/" + role.ID.String() + "/users/" + erik.ID.String(), "get:/roles/" + role.ID.String() + "/users/erik"}, append(prefixed("/roles/admin/users/", users), prefixed("/role/"+role.ID.String()+"/user/", users)...)},
		{[]string{"get:/groups/staff/north/users/erik", "get:/groups/" + group.ID.String() + "/users/" + erik.ID.String()}, append(prefixed("/groups/staff/north/users/", users), prefixed("/groups/"+group.ID.String()+"/users/", users)...)},
	} {
		for _, rule := range tc.rules {
			for _, path := range tc.paths {
				f.status(t, 401, "GET", "/acme/shop"+path, "", dana)
			}
			f.status(t, 200, "POST", "/acme/shop/users/dana/permissions", asText(t, map[string]any{"permission": rule}), shop)
			for _, path := range tc.paths {
				if a := f.do(t, "GET", "/acme/shop"+path, "", dana); a.Code != 200 {
					t.Errorf("%s: GET %s: %d %s", rule, path, a.Code, a.text)
				}
				f.status(t, 401, "PUT", "/acme/shop/users/erik", "{}", dana)
			}
			f.status(t, 200, "DELETE", "/acme/shop/users/dana/permissions?permission="+rule, "", shop)
		}
	}
}

func prefixed(prefix string, names []string) []string {
	list := make([]string, 0, len(names))
	for _, name := range names {
		list = append(list, prefix+name)
	}
	return list
}

// An e-mail address may have a slash. It must not read like a path below another user.
func TestEmailAddressWithASlashIsNoPath(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.status(t, 200, "POST", "/acme/shop/users", `{"username":"erik","email":"dana/roles@example.com"}`)
	f.status(t, 401, "GET", "/acme/shop/users/dana%2Froles@example.com", "", f.asDana(t))
	f.status(t, 200, "GET", "/acme/shop/users/dana%2Froles@example.com", "", f.asShop(t))
}

// A username cannot be somebody else's e-mail address, and the address names its owner for rules, too.
//
// SEC-70, SEC-73
func TestUsernameThatIsAnothersEmailAddressOpensNothing(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.newUser(t, f.shop, "erik", "")
	erik := f.asUser(t, "shop", "erik")
	f.status(t, 400, "PUT", "/acme/shop/users/me", `{"username":"dana@example.com"}`, erik)
	for _, tc := range []struct{ method, path, body string }{
		{"GET", "/users/dana@example.com", ""},
		{"PUT", "/users/dana@example.com", `{"email":"erik@example.org"}`},
		{"PUT", "/users/DANA@example.com?force=email", `{"email":"erik@example.org"}`},
		{"GET", "/users/dana@example.com/permissions", ""},
		{"GET", "/users/dana@example.com/roles", ""},
		{"GET", "/users/dana@example.com/tokens", ""},
		{"PUT", "/users/dana@example.com/revoketokens", ""},
	} {
		f.status(t, 401, tc.method, "/acme/shop"+tc.path, tc.body, erik)
	}
	f.status(t, 200, "GET", "/acme/shop/users/me", "", erik)
	f.status(t, 200, "GET", "/acme/shop/users/dana@example.com", "", f.asDana(t))
}
