package server

import "testing"

// TestManagementGolden keeps the whole answer of every route of sections 7.1 to 7.5.
func TestManagementGolden(t *testing.T) {
	t.Parallel()
	root, member, client := (*fixture).asSuperuser, (*fixture).asOlga, (*fixture).asShop
	for _, row := range []struct {
		name, method, path, body string
		caller                   func(*fixture, testing.TB) string
	}{
		{
			"organizations-post", "POST", "/management/orgs",
			`{"organization":"Globex","email":"gus@example.com","username":"gus","name":"Gus Orr","password":"broad-meadow-3","plan":"gold",` +
				`"properties":{"region":"north"}}`, root,
		},
		{"organization-get", "GET", "/management/orgs/acme", "", member},
		{"organization-put", "PUT", "/management/orgs/acme", `{"properties":{"plan":"gold"}}`, member},
		{"organization-delete", "DELETE", "/management/orgs/acme?confirm_organization_identifier=acme", "", member},
		{"applications-get", "GET", "/management/orgs/acme/apps", "", member},
		{"applications-post", "POST", "/management/orgs/acme/apps", `{"name":"Depot"}`, member},
		{"application-get", "GET", "/management/orgs/acme/apps/shop", "", member},
		{"application-delete", "DELETE", "/management/orgs/acme/apps/shop?confirm_application_identifier=shop", "", member},
		{"organization-credentials-get", "GET", "/management/orgs/acme/credentials", "", member},
		{"organization-credentials-post", "POST", "/management/orgs/acme/credentials", "", member},
		{"managed-credentials-get", "GET", "/management/orgs/acme/apps/shop/credentials", "", member},
		{"managed-credentials-post", "POST", "/management/orgs/acme/apps/shop/credentials", "", member},
		{"application-credentials-get", "GET", "/acme/shop/credentials", "", client},
		{"application-credentials-post", "POST", "/acme/shop/credentials", "", client},
		{"admins-post", "POST", "/management/users", `{"email":"gus@example.com","name":"Gus Orr","password":"broad-meadow-3"}`, root},
		{"admin-get", "GET", "/management/users/me", "", member},
		{"admin-get-shallow", "GET", "/management/users/olga?shallow=true", "", member},
		{"admin-get-superuser", "GET", "/management/users/superuser", "", root},
		{"admin-put", "PUT", "/management/users/olga", `{"name":"Olga B.","theme":"dark"}`, member},
		{"admin-password", "PUT", "/management/users/olga/password", `{"newpassword":"broad-meadow-3"}`, root},
		{"members-get", "GET", "/management/orgs/acme/users", "", member},
		{"members-post", "POST", "/management/orgs/acme/users", `{"email":"gus@example.com","username":"gus"}`, member},
		{"member-put", "PUT", "/management/orgs/acme/users/rita", "", member},
		{"memberships-get", "GET", "/management/users/olga/organizations", "", member},
		{"memberships-post", "POST", "/management/users/olga/organizations", `{"organization":"globex"}`, member},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, options{})
			a := f.status(t, 200, row.method, row.path, row.body, row.caller(f, t))
			golden(t, row.name+".golden.json", goldenBody(t, a.text))
		})
	}
}

func TestManagementGoldenAfterAnotherRequest(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := f.asOlga(t)
	f.status(t, 200, "DELETE", "/management/orgs/acme/apps/shop?confirm_application_identifier=shop", "", olga)
	a := f.status(t, 200, "PUT", "/management/orgs/acme/apps/"+f.shop.ID.String(), "", olga)
	golden(t, "application-restore.golden.json", goldenBody(t, a.text))
	f.status(t, 200, "PUT", "/management/orgs/acme/users/rita", "", olga)
	a = f.status(t, 200, "DELETE", "/management/orgs/acme/users/rita", "", olga)
	golden(t, "member-delete.golden.json", goldenBody(t, a.text))
	superuser := f.asSuperuser(t)
	f.status(t, 200, "DELETE", "/management/orgs/rival?confirm_organization_identifier=rival", "", superuser)
	a = f.status(t, 200, "GET", "/management/orgs", "", superuser)
	golden(t, "organizations-get.golden.json", goldenBody(t, a.text))
}
