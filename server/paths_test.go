package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const someUUID = "2a438f2a-3172-4442-bbce-14ab261db1d4"

func TestCanonicalPath(t *testing.T) {
	t.Parallel()
	isApplication := func(id string) bool { return id == someUUID }
	const other = "3fcb4b70-f79a-4ffc-a71b-9592244ececa"
	for _, tc := range []struct{ path, want string }{
		{"/", "/"},
		{"//", "/"},
		{"", "/"},
		{"/status/", "/status"},
		// The four forms of a root, each also behind organizations, orgs, o.
		{"/acme/shop/token", "/acme/shop/token"},
		{"/acme/applications/shop/token", "/acme/shop/token"},
		{"/acme/apps/shop/token", "/acme/shop/token"},
		{"/acme/a/shop/token", "/acme/shop/token"},
		{"/organizations/acme/shop/token", "/acme/shop/token"},
		{"/orgs/acme/applications/shop", "/acme/shop"},
		{"/o/acme/a/shop/", "/acme/shop"},
		{"/o/acme/apps/shop/users", "/acme/shop/users"},
		// By uuid alone.
		{"/" + someUUID, "/-/" + someUUID},
		{"/" + someUUID + "/users", "/-/" + someUUID + "/users"},
		{"/applications/" + someUUID + "/token", "/-/" + someUUID + "/token"},
		{"/apps/" + someUUID, "/-/" + someUUID},
		{"/a/" + someUUID + "/user/dana", "/-/" + someUUID + "/users/dana"},
		{"/" + other + "/shop/token", "/" + other + "/shop/token"},
		{"/" + other + "/apps/shop/token", "/" + other + "/shop/token"},
		{"/orgs/" + other + "/shop", "/" + other + "/shop"},
		// Collections.
		{"/acme/shop/user/dana/role/clerk", "/acme/shop/users/dana/roles/clerk"},
		{"/acme/shop/role/user/users/role", "/acme/shop/roles/user/users/role"},
		{"/acme/shop/users/user", "/acme/shop/users/user"},
		{"/acme/shop/group/a/b/users/dana", "/acme/shop/groups/a%2Fb/users/dana"},
		{"/acme/shop/groups/a/b/c", "/acme/shop/groups/a%2Fb%2Fc"},
		{"/acme/shop/groups/a%2Fb/roles/clerk", "/acme/shop/groups/a%2Fb/roles/clerk"},
		{"/acme/shop/users/dana/groups/a/b", "/acme/shop/users/dana/groups/a%2Fb"},
		{"/acme/shop/roles/clerk/groups/a/b", "/acme/shop/roles/clerk/groups/a%2Fb"},
		{"/acme/shop/groups/a/permissions", "/acme/shop/groups/a/permissions"},
		{"/acme/shop/users/", "/acme/shop/users"},
		// Management: aliases by position, for names may be spelled like them.
		{"/management/orgs/orgs/apps/apps", "/management/organizations/orgs/applications/apps"},
		{"/management/orgs/acme/user/olga", "/management/organizations/acme/users/olga"},
		{"/management/users/orgs/orgs/acme", "/management/users/orgs/organizations/acme"},
		{"/management/user/olga", "/management/users/olga"},
		{"/management/token/", "/management/token"},
		// One spelling of escapes.
		{"/acme/shop/%75sers/dana%40example.com", "/acme/shop/users/dana@example.com"},
		{"/acme/shop/users/a%20b", "/acme/shop/users/a%20b"},
		{"/%6danagement/token", "/management/token"},
		{"/.well-known/jwks.json", "/.well-known/jwks.json"},
		// Nothing is there.
		{"/acme//shop", ""},
		{"/acme/shop/users/../roles", ""},
		{"/acme/shop/users/%2e%2e/roles", ""},
		{"/acme/./shop", ""},
		{"/-/" + someUUID, ""},
		{"/%2d/" + someUUID, ""},
	} {
		got, ok := canonicalPath(tc.path, isApplication)
		if ok != (tc.want != "") || got != tc.want {
			t.Errorf("canonicalPath(%q) = %q %v, want %q", tc.path, got, ok, tc.want)
		}
	}
}

// Canonical is canonical: a second round changes nothing, and the segments say the same as before.
func FuzzCanonicalPath(f *testing.F) {
	f.Add("/acme/apps/shop/group/a/b/user/dana/")
	f.Add("/" + someUUID + "/users/%2F")
	f.Add("/management/orgs/x/apps/y%2500")
	f.Fuzz(func(t *testing.T, path string) {
		if _, err := url.PathUnescape(path); err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		noApplication := func(string) bool { return false }
		once, ok := canonicalPath(path, noApplication)
		if !ok || strings.HasPrefix(once, "/"+byUUID+"/") {
			return
		}
		if !strings.HasPrefix(once, "/") || strings.Contains(once, "//") || once != "/" && strings.HasSuffix(once, "/") {
			t.Fatalf("%q became %q", path, once)
		}
		for segment := range strings.SplitSeq(once, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q became %q", path, once)
			}
		}
	})
}

func TestBehindRoot(t *testing.T) {
	t.Parallel()
	if got := behindRoot("/acme/shop/groups/a%2Fb/users/dana%20x"); !slices.Equal(got, []string{"groups", "a/b", "users", "dana x"}) {
		t.Errorf("got %q", got)
	}
	if got := behindRoot("/acme/shop"); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestEveryFormOfAnApplicationsRootServesIt(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	roots := []string{
		"/" + f.shop.ID.String(), "/applications/" + f.shop.ID.String(), "/apps/" + f.shop.ID.String(), "/a/" + f.shop.ID.String(),
		"/ACME/Shop", "/" + f.acme.ID.String() + "/shop", "/acme/" + f.shop.ID.String(), "/" + f.acme.ID.String() + "/" + f.shop.ID.String(),
	}
	for _, form := range []string{"/acme/shop", "/acme/applications/shop", "/acme/apps/shop", "/acme/a/shop"} {
		for _, prefix := range []string{"", "/organizations", "/orgs", "/o"} {
			roots = append(roots, prefix+form)
		}
	}
	for _, root := range roots {
		for _, slash := range []string{"", "/"} {
			a := f.do(t, http.MethodPost, root+"/token"+slash, clientForm(f.shopID, f.shopSecret))
			if a.Code != http.StatusOK {
				t.Errorf("%s/token%s: %d %s", root, slash, a.Code, a.text)
				continue
			}
			// §1.3: tokens always carry the canonical issuer.
			if iss := claimsOf(t, a.body["access_token"].(string)).Issuer; iss != publicURL+"/acme/shop" { //nolint:forcetypeassert // a test
				t.Errorf("%s: issuer %s", root, iss)
			}
		}
	}
}
