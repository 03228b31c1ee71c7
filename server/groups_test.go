package server

import (
	"strings"
	"testing"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	as := []string{shop}
	missing := func(name string) map[string]any {
		return fails("entity_not_found", "Cannot find entity with name: "+name)
	}
	required := fails("illegal_argument", "You must provide a 'path' property when creating a group")
	illegal := func(path string) map[string]any {
		return fails("illegal_argument", "Illegal characters found in group name: "+path)
	}
	argument := map[string]any{"error": "illegal_argument"}
	f.run(t, []scenario{
		{
			name: "created", method: "POST", path: "/acme/shop/groups", body: `{"path":"Staff/North","name":"North","title":"The North"}`, headers: as, wantStatus: 200,
			wantBody: map[string]any{
				"action": "post", "path": "/groups", "entities.0.type": "group", "entities.0.path": "Staff/North", "entities.0.name": "North",
				"entities.0.title": "The North", "entities.0.created": f.clock.now().UnixMilli(),
			},
		},
		{name: "as a form", method: "POST", path: "/acme/shop/group", body: "path=%2Fstaff%2F&name=", headers: as, wantStatus: 200, wantBody: map[string]any{"entities.0.path": "staff", "entities.0.name": nil, "entities.0.title": nil}},
		{name: "fixed members are ignored", method: "POST", path: "/acme/shop/groups", body: `{"path":"odd","uuid":"` + someUUID + `","created":1,"x":1}`, headers: as, wantStatus: 200, wantBody: map[string]any{"entities.0.created": f.clock.now().UnixMilli(), "entities.0.x": nil}},
		{name: "shown", method: "GET", path: "/acme/shop/groups/staff/north", headers: as, wantStatus: 200, wantBody: map[string]any{"action": "get", "path": "/groups", "entities.0.path": "Staff/North"}},
		{name: "escaped", method: "GET", path: "/acme/shop/groups/STAFF%2Fnorth/", headers: as, wantStatus: 200, wantBody: map[string]any{"path": "/groups", "entities.0.path": "Staff/North"}},
		{name: "members", method: "GET", path: "/acme/shop/groups/staff/north/users", headers: as, wantStatus: 200, wantBody: map[string]any{"path": "/groups/staff/north/users", "count": 0, "entities": []any{}}},
		{name: "roles", method: "GET", path: "/acme/shop/group/staff/north/role", headers: as, wantStatus: 200, wantBody: map[string]any{"path": "/groups/staff/north/roles"}},
		{name: "unknown", method: "GET", path: "/acme/shop/groups/staff/south", headers: as, wantStatus: 404, wantBody: missing("staff/south")},
		{name: "unknown members", method: "GET", path: "/acme/shop/groups/staff/south/users", headers: as, wantStatus: 404, wantBody: missing("staff/south")},
		{name: "unknown, changed", method: "PUT", path: "/acme/shop/groups/south", body: `{}`, headers: as, wantStatus: 404, wantBody: missing("south")},
		{name: "unknown, deleted", method: "DELETE", path: "/acme/shop/groups/south", headers: as, wantStatus: 404, wantBody: missing("south")},
		{name: "taken", method: "POST", path: "/acme/shop/groups", body: `{"path":"/STAFF/north"}`, headers: as, wantStatus: 400, wantBody: fails("duplicate_unique_property_exists", `Entity "group" requires that property named "path" be unique, value of STAFF/north exists`)},
		{name: "no path", method: "POST", path: "/acme/shop/groups", body: `{"name":"x"}`, headers: as, wantStatus: 400, wantBody: required},
		{name: "no body", method: "POST", path: "/acme/shop/groups", headers: as, wantStatus: 400, wantBody: required},
		{name: "empty path", method: "POST", path: "/acme/shop/groups", body: `{"path":""}`, headers: as, wantStatus: 400, wantBody: required},
		{name: "null path", method: "POST", path: "/acme/shop/groups", body: `{"path":null}`, headers: as, wantStatus: 400, wantBody: required},
		{name: "space", method: "POST", path: "/acme/shop/groups", body: `{"path":"a b"}`, headers: as, wantStatus: 400, wantBody: illegal("a b")},
		{name: "star", method: "POST", path: "/acme/shop/groups", body: `{"path":"a/*"}`, headers: as, wantStatus: 400, wantBody: illegal("a/*")},
		{name: "word", method: "POST", path: "/acme/shop/groups", body: `{"path":"a/users"}`, headers: as, wantStatus: 400, wantBody: illegal("a/users")},
		{name: "word in another case", method: "POST", path: "/acme/shop/groups", body: `{"path":"Role"}`, headers: as, wantStatus: 400, wantBody: illegal("Role")},
		{name: "dots", method: "POST", path: "/acme/shop/groups", body: `{"path":"a/../b"}`, headers: as, wantStatus: 400, wantBody: illegal("a/../b")},
		{name: "empty segment", method: "POST", path: "/acme/shop/groups", body: `{"path":"a//b"}`, headers: as, wantStatus: 400, wantBody: illegal("a//b")},
		{name: "NUL", method: "POST", path: "/acme/shop/groups", body: `{"path":"a\u0000"}`, headers: as, wantStatus: 400, wantBody: illegal("a?")},
		{name: "uuid", method: "POST", path: "/acme/shop/groups", body: `{"path":"` + someUUID + `"}`, headers: as, wantStatus: 400, wantBody: illegal(someUUID)},
		{name: "only slashes", method: "POST", path: "/acme/shop/groups", body: `{"path":"//"}`, headers: as, wantStatus: 400, wantBody: argument},
		{name: "long", method: "POST", path: "/acme/shop/groups", body: `{"path":"` + strings.Repeat("a", 60_000) + `"}`, headers: as, wantStatus: 400, wantBody: argument},
		{name: "odd path", method: "POST", path: "/acme/shop/groups", body: `{"path":["a"]}`, headers: as, wantStatus: 400, wantBody: argument},
		{name: "odd name", method: "POST", path: "/acme/shop/groups", body: `{"path":"a","name":{}}`, headers: as, wantStatus: 400, wantBody: argument},
		{name: "array", method: "POST", path: "/acme/shop/groups", body: `[{"path":"a"}]`, headers: as, wantStatus: 400, wantBody: argument},
		{name: "wrong case", method: "POST", path: "/acme/shop/groups", body: `{"Path":"a"}`, headers: as, wantStatus: 400, wantBody: argument},
		{name: "changed", method: "PUT", path: "/acme/shop/groups/staff/north", body: `{"title":"T","name":"N","path":"else"}`, headers: as, wantStatus: 200, wantBody: map[string]any{"action": "put", "path": "/groups", "entities.0.title": "T", "entities.0.name": "N", "entities.0.path": "Staff/North"}},
		{name: "changed by nothing", method: "PUT", path: "/acme/shop/groups/staff/north", body: `{"title":null}`, headers: as, wantStatus: 200, wantBody: map[string]any{"entities.0.title": "T"}},
		{name: "changed wrongly", method: "PUT", path: "/acme/shop/groups/staff/north", body: `{"title":"X","name":[]}`, headers: as, wantStatus: 400, wantBody: argument},
		{name: "changed with a line break", method: "PUT", path: "/acme/shop/groups/staff/north", body: `{"title":"X","name":"a\nb"}`, headers: as, wantStatus: 400, wantBody: argument},
		{name: "nothing came through", method: "GET", path: "/acme/shop/groups/staff/north", headers: as, wantStatus: 200, wantBody: map[string]any{"entities.0.title": "T"}},
		{name: "no PUT of all", method: "PUT", path: "/acme/shop/groups", headers: as, wantStatus: 405, wantHeader: map[string]string{"Allow": "GET, HEAD, POST"}},
		{name: "no POST", method: "POST", path: "/acme/shop/groups/staff/north", headers: as, wantStatus: 405},
		{name: "singular permission is no collection", method: "GET", path: "/acme/shop/groups/staff/north/permission", headers: as, wantStatus: 404},
		{name: "deleted", method: "DELETE", path: "/acme/shop/groups/staff", headers: as, wantStatus: 200, wantBody: map[string]any{"action": "delete", "path": "/groups", "entities.0.path": "staff"}},
		{name: "the groups below it stay", method: "GET", path: "/acme/shop/groups/staff/north", headers: as, wantStatus: 200},
		{name: "deleted twice", method: "DELETE", path: "/acme/shop/groups/staff", headers: as, wantStatus: 404},
	})
}

// A member of a/b is a member of a: its rules and roles count, also once the parent comes or goes, and for issued tokens.
func TestMembersOfAGroupHaveTheRulesOfItsParents(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, dana := f.asShop(t), f.asDana(t)
	may := func(want int) {
		t.Helper()
		f.status(t, want, "GET", "/acme/shop/roles", "", dana)
	}
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff/north"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/north/users/dana", "", shop)
	may(401)
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/permissions", `{"permission":"get:/roles"}`, shop)
	may(200)
	f.status(t, 200, "DELETE", "/acme/shop/groups/staff/permissions?permission=get:/roles", "", shop)
	may(401)
	f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"reader"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/roles/reader/permissions", `{"permission":"get:/roles"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/roles/reader", "", shop)
	may(200)
	f.do(t, "GET", "/acme/shop/users/dana/rolenames", "", dana).check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"data": map[string]any{"default": "Default", "reader": "reader"},
	}})
	f.status(t, 200, "DELETE", "/acme/shop/groups/staff", "", shop)
	may(401)
}
