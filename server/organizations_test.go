package server

import (
	"bytes"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/writ-auth/writ/grants"
)

const newPassword = "broad-meadow-3"

// globex registers an organization; more are further members of the JSON body.
func globex(more string) string {
	return `{"organization":"globex","email":"gus@example.com","username":"gus","password":"` + newPassword + `"` + more + `}`
}

func TestRegistrationCreatesOrganizationOwnerAndSandbox(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{registration: true})
	f.run(t, []scenario{
		{
			name: "as JSON", method: "POST", path: "/management/organizations", body: globex(`,"plan":"gold","seats":3,"properties":{"region":"north"}`),
			wantStatus: 200,
			wantBody: map[string]any{
				"action": "new organization", "status": "ok", "data.owner.username": "gus", "data.owner.name": "gus@example.com",
				"data.owner.properties":            map[string]any{"plan": "gold", "seats": 3},
				"data.organization.properties":     map[string]any{"region": "north"},
				"data.organization.users.gus.name": "gus@example.com", "data.owner.activated": true, "data.owner.confirmed": true,
			},
			wantNotBody: []string{newPassword, "client_secret", "argon2"},
		},
		{
			name: "as a form, which has no custom properties", method: "POST", path: "/management/orgs",
			body:       url.Values{"organization": {"Initech"}, "email": {"ines@example.com"}, "plan": {"gold"}}.Encode(),
			wantStatus: 200,
			wantBody: map[string]any{
				"data.owner.username": "ines@example.com", "data.owner.properties": map[string]any{}, "data.organization.name": "initech",
			},
		},
	})
	token := f.tokenOf(t, "/management/token", `{"grant_type":"password","username":"gus","password":"`+newPassword+`"}`)
	f.run(t, []scenario{
		{
			name: "the owner is a member", method: "GET", path: "/management/orgs/globex", headers: []string{"Authorization: Bearer " + token},
			wantStatus: 200, wantBody: map[string]any{"organization.name": "globex"},
		},
		{
			name: "the organization has a client", method: "GET", path: "/management/orgs/globex/credentials",
			headers: []string{"Authorization: Bearer " + token}, wantStatus: 200,
		},
		{
			name: "so has the sandbox", method: "GET", path: "/globex/sandbox/credentials", headers: []string{"Authorization: Bearer " + token},
			wantStatus: 200,
		},
	})
	a, err := f.service.Tenant(t.Context(), "globex", "sandbox")
	must(t, err)
	rules, err := f.store.GuestRules(t.Context(), a.Application.ID)
	must(t, err)
	if len(rules) != 1 || rules[0] != "get,post,put,delete:/**" {
		t.Errorf("the sandbox's guests hold %v", rules)
	}
}

func TestRegistrationWithoutPasswordLetsNobodyIn(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{registration: true})
	f.status(t, 200, "POST", "/management/orgs", `{"organization":"globex","email":"gus@example.com"}`)
	for _, password := range []string{"", "gus@example.com", "globex"} {
		f.status(t, 400, "POST", "/management/token", `{"grant_type":"password","username":"gus@example.com","password":"`+password+`"}`)
	}
}

// SEC-30, SEC-73
func TestRefusedRegistrationCreatesNothing(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{registration: true})
	f.status(t, 200, "POST", "/management/orgs", `{"organization":"gone","email":"gone@example.com"}`)
	f.status(t, 200, "DELETE", "/management/orgs/gone?confirm_organization_identifier=gone", "", f.asSuperuser(t))
	const path = "/management/orgs"
	illegal := map[string]any{"error": "illegal_argument"}
	duplicate := map[string]any{"error": "duplicate_unique_property_exists"}
	f.refuse(t, []scenario{
		{
			name: "organization missing", method: "POST", path: path, body: `{"email":"gus@example.com"}`, wantStatus: 400,
			wantBody: fails("illegal_argument", "The organization parameter was missing"),
		},
		{
			name: "empty counts as missing", method: "POST", path: path, body: `{"organization":"","email":"gus@example.com"}`, wantStatus: 400,
			wantBody: fails("illegal_argument", "The organization parameter was missing"),
		},
		{
			name: "only in the query", method: "POST", path: path + "?organization=globex&email=gus@example.com", wantStatus: 400,
			wantBody: fails("illegal_argument", "The organization parameter was missing"),
		},
		{
			name: "e-mail missing", method: "POST", path: path, body: `{"organization":"globex"}`, wantStatus: 400,
			wantBody: fails("illegal_argument", "email form parameter is required"),
		},
		{name: "reserved", method: "POST", path: path, body: strings.Replace(globex(""), "globex", "management", 1), wantStatus: 400, wantBody: illegal},
		{name: "dot", method: "POST", path: path, body: strings.Replace(globex(""), "globex", ".well-known", 1), wantStatus: 400, wantBody: illegal},
		{name: "bad name", method: "POST", path: path, body: strings.Replace(globex(""), "globex", "a b", 1), wantStatus: 400, wantBody: illegal},
		{name: "bad e-mail", method: "POST", path: path, body: strings.Replace(globex(""), "gus@", "gus@@", 1), wantStatus: 400, wantBody: illegal},
		{
			name: "username me", method: "POST", path: path, body: strings.Replace(globex(""), `"gus"`, `"ME"`, 1), wantStatus: 400,
			wantBody: fails("illegal_argument", "Username 'me' is reserved"),
		},
		{
			name: "short password", method: "POST", path: path, body: strings.Replace(globex(""), newPassword, "short", 1), wantStatus: 400,
			wantBody: fails("error_password_policy_violation", "error_length_policy: must be at least 8 characters"),
		},
		{
			name: "common password", method: "POST", path: path, body: strings.Replace(globex(""), newPassword, "password1", 1), wantStatus: 400,
			wantBody: fails("error_password_policy_violation", "error_common_policy: must not be a commonly used password"),
		},
		{
			name: "organization taken", method: "POST", path: path, body: strings.Replace(globex(""), "globex", "Acme", 1), wantStatus: 400,
			wantBody: fails("duplicate_unique_property_exists",
				`Entity "organization" requires that property named "name" be unique, value of acme exists`),
		},
		{
			name: "name of a deleted organization", method: "POST", path: path, body: strings.Replace(globex(""), "globex", "gone", 1), wantStatus: 400,
			wantBody: duplicate,
		},
		{
			name: "username taken", method: "POST", path: path, body: strings.Replace(globex(""), `"gus"`, `"OLGA"`, 1), wantStatus: 400,
			wantBody: fails("duplicate_unique_property_exists",
				`Entity "user" requires that property named "username" be unique, value of OLGA exists`),
		},
		{name: "e-mail taken", method: "POST", path: path, body: strings.Replace(globex(""), "gus@", "olga@", 1), wantStatus: 400, wantBody: duplicate},
		{
			name: "a guest cannot make an existing admin an owner", method: "POST", path: path,
			body: `{"organization":"globex","email":"olga@example.com"}`, wantStatus: 400, wantBody: duplicate,
		},
		{
			name: "the superuser cannot either, with a password", method: "POST", path: path, headers: []string{f.asSuperuser(t)},
			body: strings.Replace(globex(""), "gus@", "olga@", 1), wantStatus: 400, wantBody: duplicate,
		},
		{name: "properties are no object", method: "POST", path: path, body: globex(`,"properties":[]`), wantStatus: 400, wantBody: illegal},
		{
			name: "password history too long", method: "POST", path: path, body: globex(`,"properties":{"passwordHistorySize":25}`), wantStatus: 400,
			wantBody: illegal,
		},
		{name: "an array", method: "POST", path: path, body: `[` + globex("") + `]`, wantStatus: 400, wantBody: illegal},
		{name: "no body", method: "POST", path: path, wantStatus: 400, wantBody: illegal},
	})
	f.status(t, 401, "GET", "/management/orgs/globex", "", f.asOlga(t))
	f.status(t, 404, "GET", "/management/users/gus", "", f.asSuperuser(t))
}

func TestWithRegistrationOffEverybodyButTheSuperuserGetsOneAnswer(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	off := fails("illegal_argument", "Public organization registration is disabled")
	for name, headers := range map[string][]string{
		"guest": nil, "app user": {f.asDana(t)}, "application": {f.asShop(t)}, "organization": {f.asAcme(t)}, "admin": {f.asOlga(t)},
	} {
		f.refuse(t, []scenario{
			{name: name + " complete", method: "POST", path: "/management/orgs", body: globex(""), headers: headers, wantStatus: 400, wantBody: off},
			{name: name + " taken", method: "POST", path: "/management/orgs", body: strings.Replace(globex(""), "globex", "acme", 1), headers: headers, wantStatus: 400, wantBody: off},
			{name: name + " empty", method: "POST", path: "/management/orgs", headers: headers, wantStatus: 400, wantBody: off},
			{name: name + " admin", method: "POST", path: "/management/users", body: `{"email":"gus@example.com"}`, headers: headers, wantStatus: 400, wantBody: off},
		})
	}
	f.status(t, 200, "POST", "/management/orgs", globex(""), f.asSuperuser(t))
}

func TestTheSuperuserMakesAnExistingAdminTheOwner(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	a := f.status(t, 200, "POST", "/management/orgs", `{"organization":"globex","email":"OLGA@example.com","name":"Other","plan":"gold"}`,
		f.asSuperuser(t))
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"data.owner.uuid": f.olga.ID, "data.owner.name": "Olga Bern", "data.owner.properties": map[string]any{},
		"data.organization.users.olga.uuid": f.olga.ID,
	}})
	f.status(t, 200, "GET", "/management/orgs/globex", "", f.asOlga(t))
}

func TestNewOwnersWaitForApprovalAndConfirmation(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newServer(t, options{
		registration: true, logger: slog.New(slog.NewTextHandler(&log, nil)),
		service: func(c *grants.Config) { c.AdminApproval, c.AdminConfirmation = true, true },
	})
	a := f.status(t, 200, "POST", "/management/orgs", globex(`,"activated":true,"confirmed":true`))
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{
		"data.owner.activated": false, "data.owner.confirmed": false, "data.owner.properties": map[string]any{},
	}})
	login := `{"grant_type":"password","username":"gus","password":"` + newPassword + `"}`
	if a := f.do(t, "POST", "/management/token", login); a.Code < 400 {
		t.Errorf("an admin who waits got a token: %s", a.text)
	}
	if !strings.Contains(log.String(), "new admin waits") || strings.Contains(log.String(), newPassword) || strings.Contains(log.String(), "http") {
		t.Errorf("the log must tell of him without a link: %s", log.String())
	}
}

// SEC-70
func TestRegistrationTakesNoMemberThatIsNotTheCallers(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{registration: true})
	a := f.status(t, 200, "POST", "/management/orgs", globex(
		`,"uuid":"`+f.olga.ID.String()+`","created":1,"modified":1,"superuser":true,"adminUser":false,"Superuser":true,"generation":99,`+
			`"disabled":true,"passwordHash":"x","applicationId":"x","organizations":{"rival":{}},"type":"x","access_token":""`))
	admin, err := f.store.Admin(t.Context(), "gus")
	must(t, err)
	if admin.ID == f.olga.ID || admin.Superuser || admin.Generation != 1 || admin.Disabled || admin.Created == 1 || len(admin.Properties) != 0 {
		t.Errorf("the body reached the row: %+v", admin)
	}
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"data.owner.adminUser": true, "data.owner.properties": map[string]any{}}})
}

func TestOrganizationsAreListedInPages(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	superuser := f.asSuperuser(t)
	seen, cursor := map[any]bool{}, ""
	for range 3 {
		a := f.status(t, 200, "GET", "/management/orgs?limit=1"+cursor, "", superuser)
		if a.get("action") != nil {
			t.Errorf("there is an action: %s", a.text)
		}
		seen[a.get("organizations.0.name")] = true
		next, more := a.get("cursor").(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if len(seen) != 2 || !seen["acme"] || !seen["rival"] {
		t.Errorf("the pages hold %v", seen)
	}
	f.status(t, 400, "GET", "/management/orgs?limit=0", "", superuser)
	f.status(t, 400, "GET", "/management/orgs?limit=1001", "", superuser)
}

func TestOrganizationPropertiesAreReplaced(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := []string{f.asOlga(t)}
	const path = "/management/orgs/acme"
	show := func(name string, want map[string]any) scenario {
		return scenario{name: name, method: "GET", path: path, headers: olga, wantStatus: 200, wantBody: want}
	}
	f.run(t, []scenario{
		{name: "set", method: "PUT", path: path, body: `{"properties":{"plan":"gold","passwordHistorySize":3}}`, headers: olga, wantStatus: 200, wantBody: map[string]any{"action": "put"}},
		show("both are shown", map[string]any{
			"organization.passwordHistorySize": 3, "organization.properties": map[string]any{"plan": "gold", "passwordHistorySize": 3},
		}),
		{name: "nothing given, nothing changed", method: "PUT", path: path, body: `{"name":"other","uuid":"x"}`, headers: olga, wantStatus: 200},
		show("as before", map[string]any{"organization.passwordHistorySize": 3, "organization.name": "acme", "organization.uuid": f.acme.ID}),
		{name: "replace", method: "PUT", path: path, body: `{"properties":{"seats":4}}`, headers: olga, wantStatus: 200},
		show("nothing is left", map[string]any{"organization.passwordHistorySize": 0, "organization.properties": map[string]any{"seats": 4}}),
	})
	illegal := map[string]any{"error": "illegal_argument"}
	f.refuse(t, []scenario{
		{name: "history negative", method: "PUT", path: path, body: `{"properties":{"passwordHistorySize":-1}}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "history too long", method: "PUT", path: path, body: `{"properties":{"passwordHistorySize":25}}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "history no number", method: "PUT", path: path, body: `{"properties":{"passwordHistorySize":"all"}}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "text", method: "PUT", path: path, body: `{"properties":"gold"}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "form", method: "PUT", path: path, body: `properties=gold`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "array", method: "PUT", path: path, body: `[{"properties":{}}]`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "broken", method: "PUT", path: path, body: `{"properties":{}`, headers: olga, wantStatus: 400, wantBody: map[string]any{"error": "json_parse"}},
	})
}

func TestDeletingAnOrganizationWantsItsNameTwice(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga, acme, shop, dana := f.asOlga(t), f.asAcme(t), f.asShop(t), f.asDana(t)
	illegal := map[string]any{"error": "illegal_argument"}
	f.refuse(t, []scenario{
		{name: "missing", method: "DELETE", path: "/management/orgs/acme", headers: []string{olga}, wantStatus: 400, wantBody: illegal},
		{name: "other", method: "DELETE", path: "/management/orgs/acme?confirm_organization_identifier=rival", headers: []string{olga}, wantStatus: 400, wantBody: illegal},
		{name: "other spelling", method: "DELETE", path: "/management/orgs/ACME?confirm_organization_identifier=acme", headers: []string{olga}, wantStatus: 400, wantBody: illegal},
		{name: "uuid for a name", method: "DELETE", path: "/management/orgs/acme?confirm_organization_identifier=" + f.acme.ID.String(), headers: []string{olga}, wantStatus: 400, wantBody: illegal},
		{name: "in the body", method: "DELETE", path: "/management/orgs/acme", body: "confirm_organization_identifier=acme", headers: []string{olga}, wantStatus: 400, wantBody: illegal},
		{name: "its client", method: "DELETE", path: "/management/orgs/acme?confirm_organization_identifier=acme", headers: []string{acme}, wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}},
	})
	id := f.acme.ID.String()
	a := f.status(t, 200, "DELETE", "/management/orgs/"+id+"?confirm_organization_identifier="+id, "", olga)
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "delete"}})

	bad := map[string]any{"error": "auth_bad_access_token"}
	f.run(t, []scenario{
		{name: "gone", method: "GET", path: "/management/orgs/acme", headers: []string{f.asSuperuser(t)}, wantStatus: 404, wantBody: map[string]any{"error": "organization_not_found"}},
		{name: "its applications too", method: "GET", path: "/acme/shop/credentials", headers: []string{f.asSuperuser(t)}, wantStatus: 404, wantBody: map[string]any{"error": "organization_application_not_found"}},
		{name: "the member has no access", method: "GET", path: "/management/orgs/acme", headers: []string{olga}, wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}},
		{name: "tokens of its client die", method: "GET", path: "/management/orgs", headers: []string{acme}, wantStatus: 401, wantBody: bad},
		{name: "tokens of its applications die", method: "GET", path: "/management/orgs", headers: []string{shop}, wantStatus: 401, wantBody: bad},
		{name: "tokens of its users die", method: "GET", path: "/management/orgs", headers: []string{dana}, wantStatus: 401, wantBody: bad},
	})
}
