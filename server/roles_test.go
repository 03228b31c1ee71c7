package server

import (
	"strings"
	"testing"
)

// names gives one member of every entity of an answer.
func (a *answer) names(member string) []string {
	entities, _ := a.body["entities"].([]any)
	list := make([]string, 0, len(entities))
	for _, entity := range entities {
		shown, _ := entity.(map[string]any)
		name, _ := shown[member].(string)
		list = append(list, name)
	}
	return list
}

func TestRoles(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	missing := func(name string) map[string]any {
		return fails("entity_not_found", "Cannot find entity with name: "+name)
	}
	illegal := map[string]any{"error": "illegal_argument"}
	taken := fails("duplicate_unique_property_exists", `Entity "role" requires that property named "name" be unique, value of clerk exists`)
	f.run(t, []scenario{
		{
			name: "created", method: "POST", path: "/acme/shop/roles", body: `{"name":"Clerk","title":"The Clerk","inactivity":5000}`, headers: []string{shop}, wantStatus: 200,
			wantBody: map[string]any{
				"action": "post", "path": "/roles", "uri": publicURL + "/acme/shop/roles", "entities.0.type": "role", "entities.0.name": "clerk",
				"entities.0.roleName": "clerk", "entities.0.title": "The Clerk", "entities.0.inactivity": 5000, "entities.0.created": f.clock.now().UnixMilli(),
			},
		},
		{
			name: "by PUT, alias, form", method: "PUT", path: "/acme/shop/role/", body: "name=Shift+Lead&inactivity=7&title=", headers: []string{shop}, wantStatus: 200,
			wantBody: map[string]any{"action": "put", "path": "/roles", "entities.0.name": "shift lead", "entities.0.title": "Shift Lead", "entities.0.inactivity": 7},
		},
		{name: "empty is absent", method: "POST", path: "/acme/shop/roles", body: `{"name":"idle","title":null,"inactivity":""}`, headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"entities.0.title": "idle", "entities.0.inactivity": 0}},
		{name: "fixed members are ignored", method: "POST", path: "/acme/shop/roles", body: `{"name":"odd","uuid":"` + someUUID + `","created":1,"permissions":["/**"]}`, headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"entities.0.created": f.clock.now().UnixMilli(), "entities.0.permissions": nil}},
		{name: "shown by name in any case", method: "GET", path: "/acme/shop/role/CLERK", headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"action": "get", "path": "/roles", "entities.0.name": "clerk", "count": nil}},
		{name: "with a space", method: "GET", path: "/acme/shop/roles/shift%20lead/users", headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"path": "/roles/shift lead/users", "uri": publicURL + "/acme/shop/roles/shift%20lead/users"}},
		{name: "unknown", method: "GET", path: "/acme/shop/roles/Boss", headers: []string{shop}, wantStatus: 404, wantBody: missing("Boss")},
		{name: "unknown uuid", method: "GET", path: "/acme/shop/roles/" + someUUID, headers: []string{shop}, wantStatus: 404, wantBody: missing(someUUID)},
		{name: "unknown, changed", method: "PUT", path: "/acme/shop/roles/boss", body: `{"title":"x"}`, headers: []string{shop}, wantStatus: 404, wantBody: missing("boss")},
		{name: "unknown, deleted", method: "DELETE", path: "/acme/shop/roles/boss", headers: []string{shop}, wantStatus: 404, wantBody: missing("boss")},
		{name: "NUL", method: "GET", path: "/acme/shop/roles/a%00", headers: []string{shop}, wantStatus: 404},
		{name: "taken", method: "POST", path: "/acme/shop/roles", body: `{"name":"CLERK"}`, headers: []string{shop}, wantStatus: 400, wantBody: taken},
		{name: "taken, with space around", method: "PUT", path: "/acme/shop/roles", body: `{"name":" clerk "}`, headers: []string{shop}, wantStatus: 400, wantBody: taken},
		{name: "no name", method: "POST", path: "/acme/shop/roles", body: `{"title":"x"}`, headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "required_property_not_found"}},
		{name: "no body", method: "POST", path: "/acme/shop/roles", headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "required_property_not_found"}},
		{name: "empty name", method: "PUT", path: "/acme/shop/roles", body: `{"name":""}`, headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "required_property_not_found"}},
		{name: "array", method: "POST", path: "/acme/shop/roles", body: `[{"name":"x"}]`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "odd name", method: "POST", path: "/acme/shop/roles", body: `{"name":{}}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "slash", method: "POST", path: "/acme/shop/roles", body: `{"name":"a/b"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "star", method: "POST", path: "/acme/shop/roles", body: `{"name":"*"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "uuid", method: "POST", path: "/acme/shop/roles", body: `{"name":"` + someUUID + `"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "long", method: "POST", path: "/acme/shop/roles", body: `{"name":"` + strings.Repeat("a", 256) + `"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "odd title", method: "POST", path: "/acme/shop/roles", body: `{"name":"x","title":[]}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "NUL in the title", method: "POST", path: "/acme/shop/roles", body: `{"name":"x","title":"\u0000"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "negative", method: "POST", path: "/acme/shop/roles", body: `{"name":"x","inactivity":-1}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "fraction", method: "POST", path: "/acme/shop/roles", body: `{"name":"x","inactivity":1.5}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "odd inactivity", method: "POST", path: "/acme/shop/roles", body: `{"name":"x","inactivity":true}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "wrong case", method: "POST", path: "/acme/shop/roles", body: `{"Name":"x"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "changed", method: "PUT", path: "/acme/shop/roles/Clerk", body: `{"title":"Clerks","name":"boss","inactivity":"9"}`, headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"action": "put", "path": "/roles", "entities.0.title": "Clerks", "entities.0.name": "clerk", "entities.0.inactivity": 9}},
		{name: "changed by nothing", method: "PUT", path: "/acme/shop/roles/clerk", body: `{}`, headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"entities.0.title": "Clerks", "entities.0.inactivity": 9}},
		{name: "changed wrongly", method: "PUT", path: "/acme/shop/roles/clerk", body: `{"title":"X","inactivity":"x"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "changed with a line break", method: "PUT", path: "/acme/shop/roles/clerk", body: `{"title":"a\nb"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{name: "nothing came through", method: "GET", path: "/acme/shop/roles/clerk", headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"entities.0.title": "Clerks"}},
		{name: "no POST", method: "POST", path: "/acme/shop/roles/clerk", headers: []string{shop}, wantStatus: 405, wantHeader: map[string]string{"Allow": "DELETE, GET, HEAD, PUT"}},
		{name: "no DELETE of all", method: "DELETE", path: "/acme/shop/roles", headers: []string{shop}, wantStatus: 405, wantHeader: map[string]string{"Allow": "GET, HEAD, POST, PUT"}},
		{name: "deleted", method: "DELETE", path: "/acme/shop/roles/clerk", headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"action": "delete", "path": "/roles", "entities.0.name": "clerk"}},
		{name: "deleted twice", method: "DELETE", path: "/acme/shop/roles/clerk", headers: []string{shop}, wantStatus: 404},
		{name: "created again", method: "POST", path: "/acme/shop/roles", body: `{"name":"clerk"}`, headers: []string{shop}, wantStatus: 200},
	})
}

func TestListRolesAndGroupsToTheEnd(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	for i := range 9 {
		f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"r`+string(rune('0'+i))+`"}`, shop)
		f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"g/`+string(rune('0'+i))+`"}`, shop)
	}
	for path, total := range map[string]int{"/acme/shop/roles": 12, "/acme/shop/groups": 9} {
		seen, cursor := map[string]bool{}, ""
		for range 10 {
			a := f.status(t, 200, "GET", path+"?limit=4&cursor="+cursor, "", shop)
			for _, id := range a.names("uuid") {
				seen[id] = true
			}
			next, more := a.body["cursor"].(string)
			if !more {
				break
			}
			cursor = next
		}
		if len(seen) != total {
			t.Errorf("%s: %d of %d", path, len(seen), total)
		}
	}
}

// The roles of a new application may be changed and deleted as any other (§8.3); without guest nobody is let in as a guest.
func TestRolesOfANewApplicationMayGo(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, dana := f.asShop(t), f.asDana(t)
	f.do(t, "GET", "/acme/shop/roles/default/permissions", "", shop).check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"data": []any{"get,put:/users/${user}", "get:/users/${user}/**"},
	}})
	f.do(t, "GET", "/acme/shop/roles/guest/permissions", "", shop).check(t, scenario{wantStatus: 200, wantBody: map[string]any{"data": []any{"post:/users"}}})
	f.do(t, "GET", "/acme/shop/roles/admin/permissions", "", shop).check(t, scenario{wantStatus: 200, wantBody: map[string]any{"data": []any{}}})
	f.status(t, 200, "PUT", "/acme/shop/users/me", `{}`, dana)
	for _, role := range []string{"admin", "default", "guest"} {
		f.status(t, 200, "PUT", "/acme/shop/roles/"+role, `{"title":"x"}`, shop)
		f.status(t, 200, "DELETE", "/acme/shop/roles/"+role, "", shop)
	}
	f.status(t, 401, "PUT", "/acme/shop/users/me", `{}`, dana)
	f.status(t, 401, "GET", "/acme/shop/users/me/roles", "", dana)
	f.status(t, 200, "GET", "/acme/shop/users/dana", "", dana) // whatever the rules say (§9.3)
	f.do(t, "POST", "/acme/shop/users", `{"username":"erik"}`).check(t, scenario{wantStatus: 401, wantBody: fails("unauthorized", "No application guest access authorized")})
	f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"guest"}`, shop)
	f.do(t, "POST", "/acme/shop/users", `{"username":"erik"}`).check(t, scenario{wantStatus: 401, wantBody: fails("unauthorized", "Subject does not have permission to access this resource")})
	// A role that comes back under its old name comes back without rules.
	f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"default"}`, shop)
	f.status(t, 401, "PUT", "/acme/shop/users/me", `{}`, dana)
	rules, err := f.store.GuestRules(t.Context(), f.shop.ID)
	must(t, err)
	if len(rules) != 0 {
		t.Errorf("guests may %v", rules)
	}
	rights, err := f.store.Rights(t.Context(), f.shop.ID, f.dana.ID)
	must(t, err)
	if len(rights.Rules) != 0 {
		t.Errorf("dana may %v", rights.Rules)
	}
}
