package server

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// written is the number of changes the store has committed: a request that fails must not add one.
func (f *fixture) written(t testing.TB) int {
	t.Helper()
	changes, err := f.store.Changes(t.Context(), 0, 100_000)
	must(t, err)
	return len(changes)
}

// refuse runs scenarios that fail, each of which must leave the database as it is.
func (f *fixture) refuse(t *testing.T, scenarios []scenario) {
	t.Helper()
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			before := f.written(t)
			f.do(t, sc.method, sc.path, sc.body, sc.headers...).check(t, sc)
			if after := f.written(t); after != before {
				t.Errorf("a refused request wrote %d changes", after-before)
			}
		})
	}
}

// status makes a request for its effect or its status alone.
func (f *fixture) status(t testing.TB, want int, method, path, body string, headers ...string) *answer {
	t.Helper()
	a := f.do(t, method, path, body, headers...)
	if a.Code != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.Code, want, a.text)
	}
	return a
}

// asRival is the client of another organization.
func (f *fixture) asRival(t testing.TB) string {
	t.Helper()
	return "Authorization: Bearer " + f.tokenOf(t, "/management/token", clientForm(f.rivalID, f.rivalSecret))
}

// TestManagementAccess is every route under /management that looks at credentials, and the credentials of an application, asked by every kind of caller. Requests that
// would change what a later caller meets are incomplete: 400 and 404 show that the caller was let in.
//
// SEC-22, SEC-70
func TestManagementAccess(t *testing.T) {
	t.Parallel()
	const unknown = "6f1f0f3e-58a5-4c2b-9f6a-0b9d0d3b7d11"
	// The callers: guest, app user, application client, own organization's client, foreign one's, member, foreign admin, superuser.
	const (
		organization = "401 401 401 200 401 200 401 200"
		incomplete   = "401 401 401 400 401 400 401 400"
		missing      = "401 401 401 404 401 404 401 404"
		application  = "401 401 200 200 401 200 401 200"
		self         = "401 401 401 401 401 200 401 200"
		everybody    = "400 400 400 400 400 400 400 400"
		root         = "401 401 401 401 401 401 401 200"
		unknownThere = "401 401 401 401 401 401 401 404"
	)
	rows := []struct{ method, path, body, want string }{
		{"POST", "/management/orgs", `{}`, everybody},
		{"GET", "/management/orgs", ``, root},
		{"GET", "/management/orgs/acme", ``, organization},
		{"GET", "/management/organizations/ACME/", ``, organization},
		{"PUT", "/management/orgs/acme", `{}`, organization},
		{"DELETE", "/management/orgs/acme", ``, "401 401 401 401 401 400 401 400"},
		{"GET", "/management/orgs/nowhere", ``, unknownThere},
		{"PUT", "/management/orgs/nowhere", `{}`, unknownThere},
		{"DELETE", "/management/orgs/nowhere?confirm_organization_identifier=nowhere", ``, unknownThere},

		{"GET", "/management/orgs/acme/apps", ``, organization},
		{"POST", "/management/orgs/acme/apps", `{}`, incomplete},
		{"GET", "/management/orgs/acme/apps/shop", ``, organization},
		{"GET", "/management/orgs/acme/apps/nothing", ``, missing},
		{"DELETE", "/management/orgs/acme/apps/shop", ``, incomplete},
		{"PUT", "/management/orgs/acme/apps/" + unknown, ``, missing},

		{"GET", "/management/orgs/acme/credentials", ``, organization},
		{"POST", "/management/orgs/acme/credentials", ``, organization},
		{"POST", "/management/orgs/acme/credentials/revoketokens", ``, organization},
		{"GET", "/management/orgs/acme/apps/shop/credentials", ``, organization},
		{"POST", "/management/orgs/acme/apps/shop/credentials", ``, organization},
		{"PUT", "/management/orgs/acme/apps/shop/credentials/revoketokens", ``, organization},
		{"POST", "/management/orgs/acme/apps/nothing/credentials", ``, missing},
		{"GET", "/acme/shop/credentials", ``, application},
		{"POST", "/acme/shop/credentials", ``, application},
		{"POST", "/acme/shop/credentials/revoketokens", ``, application},
		{"GET", "/acme/nothing/credentials", ``, "404 404 404 404 404 404 404 404"},

		{"GET", "/management/users", ``, root},
		{"POST", "/management/users", `{}`, everybody},
		{"GET", "/management/users/olga", ``, self},
		{"GET", "/management/users/me", ``, "401 401 401 401 401 200 200 200"},
		{"PUT", "/management/users/olga@example.com", `{}`, self},
		{"GET", "/management/users/nobody", ``, unknownThere},
		{"PUT", "/management/users/" + unknown, `{}`, unknownThere},
		{"POST", "/management/users/olga/password", `{}`, everybody},
		{"PUT", "/management/users/me/password", `{}`, "401 401 401 401 401 400 400 400"},

		{"GET", "/management/orgs/acme/users", ``, organization},
		{"POST", "/management/orgs/acme/users", `{}`, incomplete},
		{"PUT", "/management/orgs/acme/users/olga", ``, organization},
		{"PUT", "/management/orgs/acme/users/nobody", ``, missing},
		{"DELETE", "/management/orgs/acme/users/olga", ``, incomplete},
		{"DELETE", "/management/orgs/acme/users/rita", ``, missing},
		{"GET", "/management/users/olga/organizations", ``, self},
		{"POST", "/management/users/olga/organizations", `{}`, "401 401 401 401 401 400 401 400"},
		{"PUT", "/management/users/olga/organizations/acme", ``, organization},
		{"PUT", "/management/users/nobody/orgs/acme", ``, missing},
		{"DELETE", "/management/users/olga/orgs/acme", ``, incomplete},
		{"DELETE", "/management/users/olga/orgs/nowhere", ``, unknownThere},

		{"GET", "/management/orgs/acme/tokens", ``, organization},
		{"DELETE", "/management/orgs/acme/tokens", ``, organization},
		{"DELETE", "/management/orgs/acme/tokens/" + unknown, ``, missing},
		{"GET", "/management/users/olga/tokens", ``, self},
		{"DELETE", "/management/users/olga/tokens", ``, self},
		{"DELETE", "/management/users/olga/tokens/" + unknown, ``, "401 401 401 401 401 404 401 404"},
		{"POST", "/management/users/olga/revoketokens", ``, self},
		{"PUT", "/management/users/olga/revoketoken", ``, everybody}, // whoever holds the token needs no other right
		{"POST", "/management/users/olga/reactivate", ``, self},
		{"GET", "/management/orgs/acme/audit", ``, organization},
		{"GET", "/management/audit", ``, root},
		{"GET", "/management/audit/chain", ``, root},

		{"GET", "/management/keys", ``, root},
		{"POST", "/management/keys/rotate", `{}`, root},
		{"GET", "/management/keys/nokey", ``, "401 401 401 401 401 401 401 404"},
		{"DELETE", "/management/keys/nokey", ``, "401 401 401 401 401 401 401 404"},
		{"GET", "/management/keys/nokey/tokens", ``, "401 401 401 401 401 401 401 404"},
		{"POST", "/management/keys/nokey/retire", ``, "401 401 401 401 401 401 401 404"},
	}
	for _, rt := range (&Server{}).table() {
		if !strings.HasPrefix(rt.path, "/management/") || rt.access == open {
			continue
		}
		pattern := regexp.MustCompile("^" + regexp.MustCompile(":[a-z]+").ReplaceAllString(rt.path, "[^/]+") + "$")
		if !slices.ContainsFunc(rows, func(row struct{ method, path, body, want string }) bool {
			long := strings.NewReplacer("/orgs", "/organizations", "/apps", "/applications").Replace(row.path)
			return pattern.MatchString(long) && slices.Contains(rt.methods, row.method)
		}) {
			t.Errorf("nobody asks for %v %s", rt.methods, rt.path)
		}
	}
	for _, row := range rows {
		t.Run(row.method+" "+row.path, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, options{})
			callers := []string{"", f.asDana(t), f.asShop(t), f.asAcme(t), f.asRival(t), f.asOlga(t), f.asRita(t), f.asSuperuser(t)}
			var got strings.Builder
			for i, credential := range callers {
				var headers []string
				if credential != "" {
					headers = []string{credential}
				}
				a := f.do(t, row.method, row.path, row.body, headers...)
				if i > 0 {
					got.WriteString(" ")
				}
				fmt.Fprint(&got, a.Code)
				if a.Code == http.StatusUnauthorized && a.get("error") != "unauthorized" {
					t.Errorf("caller %d: %s", i, a.text)
				}
			}
			if got.String() != row.want {
				t.Errorf("got  %s\nwant %s", got.String(), row.want)
			}
		})
	}
}

func TestRefusalsNameTheMissingRight(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	const expired = "Authorization: Bearer x.y.z"
	f.refuse(t, []scenario{
		{
			name: "no organization access", method: "GET", path: "/management/orgs/acme", headers: []string{f.asRita(t)}, wantStatus: 401,
			wantBody: fails("unauthorized", "No organization access authorized"),
		},
		{
			name: "no application access", method: "GET", path: "/acme/shop/credentials", headers: []string{f.asDana(t)}, wantStatus: 401,
			wantBody: fails("unauthorized", "No application access authorized"),
		},
		{
			name: "no system access", method: "GET", path: "/management/orgs", headers: []string{f.asOlga(t)}, wantStatus: 401,
			wantBody: fails("unauthorized", "No system access authorized"),
		},
		{
			name: "another admin", method: "GET", path: "/management/users/olga", headers: []string{f.asRita(t)}, wantStatus: 401,
			wantBody: fails("unauthorized", "No admin user access authorized"),
		},
		{
			name: "me without an admin", method: "GET", path: "/management/users/me", headers: []string{f.asAcme(t)}, wantStatus: 401,
			wantBody: fails("unauthorized", "No admin identity for access credentials provided"),
		},
		{
			name: "me as a member without an admin", method: "PUT", path: "/management/orgs/acme/users/me", headers: []string{f.asAcme(t)},
			wantStatus: 401, wantBody: fails("unauthorized", "No admin identity for access credentials provided"),
		},
		{
			name: "organization unknown", method: "GET", path: "/management/orgs/nowhere", headers: []string{f.asSuperuser(t)}, wantStatus: 404,
			wantBody: fails("organization_not_found", "Could not find organization for name: nowhere"),
		},
		{
			name: "admin unknown", method: "GET", path: "/management/users/nobody", headers: []string{f.asSuperuser(t)}, wantStatus: 404,
			wantBody: fails("user_not_found", "Could not find user for username: nobody"),
		},
		{
			name: "an invalid credential is never a guest", method: "POST", path: "/management/orgs", body: `{}`, headers: []string{expired},
			wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"},
		},
		{
			name: "syntax before credentials", method: "POST", path: "/management/users", body: `{"email":"a@b.c","email":"d@e.f"}`,
			headers: []string{expired}, wantStatus: 400, wantBody: map[string]any{"error": "json_parse"},
		},
		{
			name: "key in the wrong case", method: "POST", path: "/management/users", body: `{"Email":"a@b.c"}`, headers: []string{f.asSuperuser(t)},
			wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"},
		},
		{
			name: "neither JSON nor form", method: "PUT", path: "/management/orgs/acme", body: "a=b",
			headers: []string{"Content-Type: ", "Content-Type: text/plain", f.asOlga(t)}, wantStatus: 415,
			wantBody: map[string]any{"error": "unsupported_media_type"},
		},
		{
			name: "method", method: "PUT", path: "/management/orgs", headers: []string{f.asSuperuser(t)}, wantStatus: 405,
			wantBody: map[string]any{"error": "not_allowed"}, wantHeader: map[string]string{"Allow": "GET, HEAD, POST"},
		},
		{
			name: "no deleting of admins", method: "DELETE", path: "/management/users/olga", headers: []string{f.asSuperuser(t)}, wantStatus: 405,
			wantBody: map[string]any{"error": "not_allowed"},
		},
	})
}
