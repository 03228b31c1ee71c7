package server

import (
	"regexp"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

var cursors = regexp.MustCompile(`"cursor": "[^"]*"`)

// TestApplicationGolden keeps the whole answer of every route of section 8, in the order in which one leads to the next.
func TestApplicationGolden(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	client, user, root := f.asShop(t), f.asDana(t), f.asSuperuser(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("imported-river-5"), bcrypt.MinCost)
	must(t, err)
	for _, row := range []struct{ name, method, path, body, caller string }{
		{"root-get", "GET", "", "", client},
		{"root-put", "PUT", "", `{"accesstokenttl":"1800000","scopes":["orders.read"],"theme":{"colour":"red"}}`, client},
		{"users-post", "POST", "/users", `{"username":"erik","email":"erik@example.com","name":"Erik Roe","password":"quiet-harbor-7","colour":"red"}`, "X: guest"},
		{"users-post-array", "POST", "/users", `[{"username":"fay"},{"email":"gil@example.com"}]`, client},
		{"users-get", "GET", "/users?limit=1", "", client},
		{"users-get-ql", "GET", "/users?ql=select+*+where+username='erik'", "", client},
		{"user-get", "GET", "/users/erik@example.com", "", client},
		{"user-get-me", "GET", "/users/me", "", user},
		{"user-put", "PUT", "/users/me", `{"name":"D. Reed","theme":"dark"}`, user},
		{"user-password", "PUT", "/users/erik/password", `{"oldpassword":"quiet-harbor-7","newpassword":"broad-meadow-3"}`, "X: guest"},
		{"user-setpin", "PUT", "/users/erik/setpin", `{"pin":"8123"}`, client},
		{"user-credentials", "PUT", "/users/erik/credentials", `{"credentials":{"cipher":"bcrypt","secret":"` + string(hash) + `"}}`, root},
		{"user-deactivate", "POST", "/users/erik/deactivate", "", client},
		{"user-delete", "DELETE", "/users/erik", "", client},
		{"roles-post", "POST", "/roles", `{"name":"Clerk","title":"The Clerk","inactivity":5000}`, client},
		{"roles-put", "PUT", "/role", `{"name":"reader"}`, client},
		{"role-get", "GET", "/role/Clerk", "", client},
		{"role-put", "PUT", "/roles/clerk", `{"title":"Clerks"}`, client},
		{"groups-post", "POST", "/groups", `{"path":"staff/north","name":"North","title":"The North"}`, client},
		{"groups-get", "GET", "/groups", "", client},
		{"group-get", "GET", "/groups/staff/north", "", client},
		{"group-put", "PUT", "/groups/staff/north", `{"title":"N"}`, client},
		{"role-user-post", "POST", "/roles/clerk/users/dana", "", client},
		{"role-user-get", "GET", "/roles/clerk/users/dana", "", client},
		{"role-users-get", "GET", "/roles/clerk/users", "", client},
		{"user-roles-get", "GET", "/users/dana/roles", "", client},
		{"user-role-post", "POST", "/users/dana/roles/reader", "", client},
		{"user-role-get", "GET", "/users/dana/roles/reader", "", client},
		{"user-rolenames-get", "GET", "/users/dana/rolenames", "", client},
		{"user-role-delete", "DELETE", "/users/dana/roles/reader", "", client},
		{"role-user-delete", "DELETE", "/roles/clerk/users/dana", "", client},
		{"group-role-post", "POST", "/groups/staff/north/roles/clerk", "", client},
		{"group-roles-get", "GET", "/groups/staff/north/roles", "", client},
		{"role-groups-get", "GET", "/roles/clerk/groups", "", client},
		{"role-group-get", "GET", "/roles/clerk/groups/staff/north", "", client},
		{"role-group-delete", "DELETE", "/roles/clerk/groups/staff/north", "", client},
		{"group-user-post", "POST", "/groups/staff/north/users/dana", "", client},
		{"group-users-get", "GET", "/groups/staff/north/users", "", client},
		{"user-groups-get", "GET", "/users/dana/groups", "", client},
		{"user-group-get", "GET", "/users/dana/groups/staff/north", "", client},
		{"group-user-delete", "DELETE", "/groups/staff/north/users/dana", "", client},
		{"permissions-post", "POST", "/roles/clerk/permissions", `{"permission":["GET:/orders/**","post:/orders"]}`, client},
		{"permissions-get", "GET", "/roles/clerk/permissions", "", client},
		{"permissions-delete", "DELETE", "/roles/clerk/permissions?permission=get:/orders/**", "", client},
		{"user-permissions-put", "PUT", "/users/dana/permissions", `{"permission":"get:/x"}`, client},
		{"group-permissions-post", "POST", "/groups/staff/north/permissions", `permission=get:/x`, client},
		{"role-delete", "DELETE", "/roles/clerk", "", client},
		{"group-delete", "DELETE", "/groups/staff/north", "", client},
		{"roles-delete-admin", "DELETE", "/roles/admin", "", client},
		{"roles-delete-guest", "DELETE", "/roles/guest", "", client},
		{"roles-get", "GET", "/roles", "", client},
	} {
		// Lists are ordered by time: no two entities are made at once.
		f.clock.advance(time.Second)
		a := f.status(t, 200, row.method, "/acme/shop"+row.path, row.body, row.caller)
		golden(t, "app-"+row.name+".golden.json", cursors.ReplaceAllString(goldenBody(t, a.text), `"cursor": "<cursor>"`))
	}
}
