package server

import (
	"fmt"
	"strings"
	"testing"
)

// Roles and groups travel in the token. Whoever would make it too large is told, and nothing is changed: the login still works.
//
// SEC-46
func TestTooManyRightsForATokenAreRefused(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/users/dana", "", shop)
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("r%02d-%s", i, strings.Repeat("x", 240))
		f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"`+names[i]+`"}`, shop)
	}
	given := 0
	for ; given < len(names); given++ {
		a := f.do(t, "POST", "/acme/shop/roles/"+names[given]+"/users/dana", "", shop)
		if a.Code == 400 {
			break
		}
	}
	if given == 0 || given == len(names) {
		t.Fatalf("%d roles of 244 characters were given", given)
	}
	for _, path := range []string{
		"/acme/shop/users/dana/roles/" + names[given],
		"/acme/shop/groups/staff/roles/" + names[given], // dana is a member
	} {
		f.refuse(t, []scenario{{
			name: path, method: "POST", path: path, headers: []string{shop}, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"},
		}})
	}
	f.asDana(t)
}

// With permissionclaims the rules travel too, whoever holds them: a role that everybody has must not end everybody's logins.
//
// SEC-46
func TestTooManyRulesForATokenAreRefused(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	f.status(t, 200, "PUT", "/acme/shop", `{"permissionclaims":true}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/users/dana", "", shop)
	f.status(t, 200, "POST", "/acme/shop/roles", `{"name":"clerk"}`, shop)
	f.status(t, 200, "POST", "/acme/shop/groups/staff/roles/clerk", "", shop)
	for _, holder := range []string{"roles/default", "roles/clerk", "groups/staff", "users/dana"} {
		refused := false
		for i := 0; i < 10 && !refused; i++ {
			rule := fmt.Sprintf(`{"permission":"get:/%d%d/%s"}`, len(holder), i, strings.Repeat("x", 900))
			refused = f.do(t, "POST", "/acme/shop/"+holder+"/permissions", rule, shop).Code == 400
		}
		if !refused {
			t.Errorf("%s takes rules without end", holder)
		}
		f.asDana(t)
	}
}
