package server

import "testing"

func TestMembersAreAddedAndCreated(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	acme, rita := []string{f.asAcme(t)}, []string{f.asRita(t)}
	const path = "/management/orgs/acme/users"
	f.run(t, []scenario{
		{name: "rita has no access", method: "GET", path: "/management/orgs/acme", headers: rita, wantStatus: 401},
		{
			name: "known e-mail: added, and not changed", method: "POST", path: path,
			body: `{"email":"RITA@example.com","username":"other","name":"Other","password":"short"}`, headers: acme, wantStatus: 200,
			wantBody: map[string]any{"action": "create user", "status": "ok", "data.user.uuid": f.rita.ID, "data.user.username": "rita", "data.user.name": "Rita Vale"},
		},
		{name: "her token reaches it at once", method: "GET", path: "/management/orgs/acme", headers: rita, wantStatus: 200},
		{name: "again", method: "POST", path: path, body: `email=rita@example.com&invite=false`, headers: acme, wantStatus: 200},
		{
			name: "unknown: created with a password", method: "POST", path: path, body: `{"email":"gus@example.com","username":"gus","password":"` + newPassword + `","superuser":true}`,
			headers: acme, wantStatus: 200, wantBody: map[string]any{"data.user.username": "gus", "data.user.properties": map[string]any{}}, wantNotBody: []string{newPassword},
		},
		{name: "unknown: created without one", method: "POST", path: path, body: `{"email":"ines@example.com","invite":false}`, headers: acme, wantStatus: 200, wantBody: map[string]any{"data.user.username": "ines@example.com"}},
	})
	gus := f.tokenOf(t, "/management/token", `{"grant_type":"password","username":"gus","password":"`+newPassword+`"}`)
	a := f.status(t, 200, "GET", path, "", "Authorization: Bearer "+gus)
	members, _ := a.body["data"].([]any)
	if len(members) != 4 {
		t.Errorf("members: %s", a.text)
	}
	illegal := map[string]any{"error": "illegal_argument"}
	f.refuse(t, []scenario{
		{name: "no e-mail", method: "POST", path: path, body: `{"username":"zoe"}`, headers: acme, wantStatus: 400, wantBody: fails("illegal_argument", "email form parameter is required")},
		{name: "a username is no e-mail", method: "POST", path: path, body: `{"email":"rita"}`, headers: acme, wantStatus: 400, wantBody: illegal},
		{name: "a uuid is no e-mail", method: "POST", path: path, body: `{"email":"` + f.rita.ID.String() + `"}`, headers: acme, wantStatus: 400, wantBody: illegal},
		{name: "username taken", method: "POST", path: path, body: `{"email":"zoe@example.com","username":"RITA"}`, headers: acme, wantStatus: 400, wantBody: map[string]any{"error": "duplicate_unique_property_exists"}},
		{name: "policy", method: "POST", path: path, body: `{"email":"zoe@example.com","password":"short"}`, headers: acme, wantStatus: 400, wantBody: map[string]any{"error": "error_password_policy_violation"}},
		{name: "invite is no flag", method: "POST", path: path, body: `{"email":"zoe@example.com","invite":7}`, headers: acme, wantStatus: 400, wantBody: illegal},
	})
	f.status(t, 404, "GET", "/management/users/zoe@example.com", "", f.asSuperuser(t))
}

func TestMembershipEndsForIssuedTokensAtOnce(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"from the organization": "/management/orgs/acme/users/rita",
		"from the admin":        "/management/users/rita@example.com/orgs/acme",
		"both by uuid":          "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, options{})
			if path == "" {
				path = "/management/organizations/" + f.acme.ID.String() + "/user/" + f.rita.ID.String()
			}
			olga, rita := []string{f.asOlga(t)}, []string{f.asRita(t)}
			f.run(t, []scenario{
				{name: "not a member", method: "DELETE", path: path, headers: olga, wantStatus: 404, wantBody: map[string]any{"error": "user_not_found"}},
				{name: "nobody joins by himself", method: "PUT", path: path, headers: rita, wantStatus: 401, wantBody: fails("unauthorized", "No organization access authorized")},
				{name: "add", method: "PUT", path: path, headers: olga, wantStatus: 200, wantBody: map[string]any{"action": "add user to organization"}},
				{name: "again", method: "PUT", path: path, headers: olga, wantStatus: 200},
				{name: "she has access", method: "GET", path: "/acme/shop/credentials", headers: rita, wantStatus: 200},
				{name: "remove", method: "DELETE", path: path, headers: olga, wantStatus: 200, wantBody: map[string]any{"action": "remove user from organization"}},
				{name: "her token lost it", method: "GET", path: "/acme/shop/credentials", headers: rita, wantStatus: 401, wantBody: fails("unauthorized", "No application access authorized")},
				{name: "and nothing else", method: "GET", path: "/management/orgs/rival", headers: rita, wantStatus: 200},
			})
		})
	}
}

// SEC-73
func TestTheLastMemberCannotLeave(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	last := fails("unable_to_leave_organization", "Organizations must have at least one member.")
	f.refuse(t, []scenario{
		{name: "herself", method: "DELETE", path: "/management/users/me/organizations/acme", headers: []string{f.asOlga(t)}, wantStatus: 400, wantBody: last},
		{name: "by the client", method: "DELETE", path: "/management/orgs/acme/users/olga", headers: []string{f.asAcme(t)}, wantStatus: 400, wantBody: last},
		{name: "by the superuser", method: "DELETE", path: "/management/orgs/acme/users/olga", headers: []string{f.asSuperuser(t)}, wantStatus: 400, wantBody: last},
		{name: "unknown to join", method: "PUT", path: "/management/orgs/acme/users/nobody", headers: []string{f.asOlga(t)}, wantStatus: 404, wantBody: fails("user_not_found", "Could not find user for username: nobody")},
		{name: "unknown to leave", method: "DELETE", path: "/management/orgs/acme/users/nobody", headers: []string{f.asOlga(t)}, wantStatus: 404, wantBody: fails("user_not_found", "Could not find user for username: nobody")},
	})
	f.status(t, 200, "PUT", "/management/orgs/acme/users/rita", "", f.asOlga(t))
	f.status(t, 200, "DELETE", "/management/users/me/organizations/acme", "", f.asOlga(t))
	f.status(t, 401, "GET", "/management/orgs/acme", "", f.asOlga(t))
}

func TestAnAdminFoundsMoreOrganizations(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := []string{f.asOlga(t)}
	const path = "/management/users/olga/organizations"
	illegal := map[string]any{"error": "illegal_argument"}
	f.refuse(t, []scenario{
		{name: "missing", method: "POST", path: path, body: `{"name":"globex"}`, headers: olga, wantStatus: 400, wantBody: fails("illegal_argument", "The organization parameter was missing")},
		{name: "only in the query", method: "POST", path: path + "?organization=globex", headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "reserved", method: "POST", path: path, body: `{"organization":"portal"}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "taken", method: "POST", path: path, body: `{"organization":"rival"}`, headers: olga, wantStatus: 400, wantBody: map[string]any{"error": "duplicate_unique_property_exists"}},
		{name: "for another", method: "POST", path: "/management/users/rita/organizations", body: `{"organization":"globex"}`, headers: olga, wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}},
	})
	f.status(t, 200, "POST", path, "organization=Globex", olga[0]).check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "new organization for user"}})
	globex, err := f.store.Organization(t.Context(), "globex")
	must(t, err)
	f.run(t, []scenario{
		{name: "both are listed", method: "GET", path: "/management/users/me/orgs", headers: olga, wantStatus: 200, wantBody: map[string]any{
			"action": "get user management", "data": map[string]any{"acme": f.acme.ID, "globex": globex.ID},
		}},
		{name: "she is a member", method: "GET", path: "/management/orgs/globex/users", headers: olga, wantStatus: 200, wantBody: map[string]any{"data.0.uuid": f.olga.ID}},
		{name: "no application", method: "GET", path: "/management/orgs/globex/apps", headers: olga, wantStatus: 200, wantBody: map[string]any{"data": map[string]any{}}},
		{name: "a client", method: "GET", path: "/management/orgs/globex/credentials", headers: olga, wantStatus: 200},
		{name: "which may create one", method: "POST", path: "/management/orgs/globex/apps", body: `{"name":"sandbox"}`, headers: olga, wantStatus: 200},
	})
}
