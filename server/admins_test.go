package server

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

func TestRegisteringAnAdmin(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{registration: true})
	const path = "/management/users"
	illegal := map[string]any{"error": "illegal_argument"}
	f.run(t, []scenario{
		{
			name: "e-mail is the username by default", method: "POST", path: path, body: "email=Gus@example.com&password=" + newPassword, wantStatus: 200,
			wantBody: map[string]any{
				"action": "create user", "status": "ok", "data.user.username": "Gus@example.com", "data.user.email": "Gus@example.com",
				"data.user.adminUser": true, "data.user.organizations": nil,
			},
			wantNotBody: []string{newPassword, "argon2"},
		},
		{name: "he may log in", method: "POST", path: "/management/token", body: `{"grant_type":"password","username":"gus@EXAMPLE.com","password":"` + newPassword + `"}`, wantStatus: 200},
	})
	f.refuse(t, []scenario{
		{name: "no e-mail", method: "POST", path: path, body: `{"username":"ines"}`, wantStatus: 400, wantBody: fails("illegal_argument", "email form parameter is required")},
		{name: "only in the query", method: "POST", path: path + "?email=ines@example.com", wantStatus: 400, wantBody: illegal},
		{name: "me", method: "POST", path: path, body: `{"email":"ines@example.com","username":"me"}`, wantStatus: 400, wantBody: fails("illegal_argument", "Username 'me' is reserved")},
		{name: "policy", method: "POST", path: path, body: `{"email":"ines@example.com","password":"short"}`, wantStatus: 400, wantBody: map[string]any{"error": "error_password_policy_violation"}, wantNotBody: []string{"short\""}},
		{
			name: "e-mail taken", method: "POST", path: path, body: `{"email":"OLGA@example.com","username":"ines"}`, wantStatus: 400,
			wantBody: fails("duplicate_unique_property_exists", `Entity "user" requires that property named "email" be unique, value of OLGA@example.com exists`),
		},
		{name: "username taken", method: "POST", path: path, body: `{"email":"ines@example.com","username":"Olga"}`, wantStatus: 400, wantBody: map[string]any{"error": "duplicate_unique_property_exists"}},
		{name: "the superuser's name is taken", method: "POST", path: path, body: `{"email":"ines@example.com","username":"SuperUser"}`, wantStatus: 400, wantBody: map[string]any{"error": "duplicate_unique_property_exists"}},
		{name: "text wanted", method: "POST", path: path, body: `{"email":["ines@example.com"]}`, wantStatus: 400, wantBody: illegal},
	})
}

// SEC-70
func TestAdminsCannotBeCreatedWithForeignMembers(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{registration: true})
	f.status(t, 200, "POST", "/management/users",
		`{"email":"gus@example.com","username":"gus","superuser":true,"uuid":"`+f.olga.ID.String()+`","created":1,"adminUser":false,`+
			`"generation":9,"disabled":true,"organizations":{"acme":{}},"plan":"gold"}`)
	gus, err := f.store.Admin(t.Context(), "gus")
	must(t, err)
	if gus.Superuser || gus.ID == f.olga.ID || gus.Created == 1 || gus.Generation != 1 || gus.Disabled || len(gus.Properties) != 0 {
		t.Errorf("the body reached the row: %+v", gus)
	}
	organizations, err := f.store.OrganizationsOf(t.Context(), gus.ID)
	must(t, err)
	if len(organizations) != 0 {
		t.Errorf("the body made him a member of %v", organizations)
	}
}

func TestAdminsAreShownByEveryReference(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := f.asOlga(t)
	for _, reference := range []string{"me", "olga", "OLGA", "olga@example.com", "Olga%40Example.com", f.olga.ID.String()} {
		f.run(t, []scenario{
			{
				name: reference, method: "GET", path: "/management/users/" + reference, headers: []string{olga}, wantStatus: 200,
				wantBody: map[string]any{
					"data.uuid": f.olga.ID, "status": "ok", "data.organizations.acme.users.olga.uuid": f.olga.ID, "data.token": nil, "access_token": nil,
				},
				wantNotBody: []string{bare(olga), "argon2", "rival"},
			},
		})
	}
	f.run(t, []scenario{
		{
			name: "shallow", method: "GET", path: "/management/users/me?shallow=true", headers: []string{olga}, wantStatus: 200,
			wantBody: map[string]any{
				"data.organizations.acme.name": "acme", "data.organizations.acme.users": nil, "data.organizations.acme.applications": nil,
			},
		},
		{name: "no flag", method: "GET", path: "/management/users/me?shallow=maybe", headers: []string{olga}, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
	})
}

func TestAnAdminEditsHimself(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := []string{f.asOlga(t)}
	path := "/management/users/" + f.olga.ID.String()
	f.run(t, []scenario{
		{name: "profile", method: "PUT", path: path, body: `{"username":"Olga2","email":"o2@example.com","name":"Olga Two","theme":"dark","size":2}`, headers: olga, wantStatus: 200, wantBody: map[string]any{"action": "update user info"}},
		{name: "shown", method: "GET", path: path, headers: olga, wantStatus: 200, wantBody: map[string]any{
			"data.username": "Olga2", "data.email": "o2@example.com", "data.name": "Olga Two", "data.properties": map[string]any{"theme": "dark", "size": 2},
		}},
		{name: "merged; what is empty stays", method: "PUT", path: path, body: `{"name":"","properties":{"theme":null,"lang":"de","uuid":"x"}}`, headers: olga, wantStatus: 200},
		{name: "merged, shown", method: "GET", path: path, headers: olga, wantStatus: 200, wantBody: map[string]any{
			"data.name": "Olga Two", "data.properties": map[string]any{"size": 2, "lang": "de"}, "data.uuid": f.olga.ID,
		}},
		{name: "his own name in another case", method: "PUT", path: path, body: `username=OLGA2&color=red`, headers: olga, wantStatus: 200},
		{name: "as a form", method: "GET", path: path, headers: olga, wantStatus: 200, wantBody: map[string]any{"data.username": "OLGA2", "data.properties.color": "red"}},
		{name: "no body changes nothing", method: "PUT", path: path, headers: olga, wantStatus: 200},
	})
	illegal := map[string]any{"error": "illegal_argument"}
	duplicate := map[string]any{"error": "duplicate_unique_property_exists"}
	f.refuse(t, []scenario{
		{name: "username taken", method: "PUT", path: path, body: `{"username":"RITA","name":"x"}`, headers: olga, wantStatus: 400, wantBody: duplicate},
		{name: "e-mail taken", method: "PUT", path: path, body: `{"email":"rita@example.com","name":"x"}`, headers: olga, wantStatus: 400, wantBody: duplicate},
		{name: "me", method: "PUT", path: path, body: `{"username":"me","name":"x"}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "bad e-mail", method: "PUT", path: path, body: `{"name":"x","email":"x"}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "properties", method: "PUT", path: path, body: `{"name":"x","properties":[]}`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "array", method: "PUT", path: path, body: `[{"name":"x"}]`, headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "wrong case", method: "PUT", path: path, body: `{"Name":"x"}`, headers: olga, wantStatus: 400, wantBody: illegal},
	})
	f.run(t, []scenario{{name: "nothing of it happened", method: "GET", path: path, headers: olga, wantStatus: 200, wantBody: map[string]any{"data.name": "Olga Two", "data.username": "OLGA2"}}})
}

func TestCustomPropertiesDoNotGrowForEver(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	half := strings.Repeat("x", 40_000)
	f.status(t, 200, "PUT", "/management/users/me", `{"a":"`+half+`"}`, f.asOlga(t))
	f.refuse(t, []scenario{{
		name: "too much", method: "PUT", path: "/management/users/me", body: `{"name":"x","b":"` + half + `"}`, headers: []string{f.asOlga(t)},
		wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"},
	}})
}

// SEC-70
func TestAdminsCannotRaiseThemselves(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	before, err := f.store.Admin(t.Context(), "olga")
	must(t, err)
	f.status(t, 200, "PUT", "/management/users/me",
		`{"uuid":"`+f.rita.ID.String()+`","created":1,"modified":1,"superuser":true,"Superuser":true,"adminUser":false,"generation":99,"confirmed":false,`+
			`"activated":false,"disabled":true,"password":"`+newPassword+`","passwordHash":"x","passwordChanged":1,"applicationId":"x",`+
			`"organizations":{"rival":{}},"properties":{"superuser":true,"password":"x"}}`, f.asOlga(t))
	after, err := f.store.Admin(t.Context(), "olga")
	must(t, err)
	if after.ID != before.ID || after.Superuser || after.Generation != before.Generation || !after.Activated || !after.Confirmed || after.Disabled ||
		after.Created != before.Created || after.PasswordHash != before.PasswordHash || after.PasswordChanged != before.PasswordChanged ||
		len(after.Properties) != 0 {
		t.Errorf("the body reached the row: %+v", after)
	}
	f.status(t, 401, "GET", "/management/orgs/rival", "", f.asOlga(t))
}

func TestTheSuperuserDisablesAndDeactivatesAdmins(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ off, on, refusal, login string }{
		"disabled":    {`{"disabled":true}`, `{"disabled":false}`, "Disabled identity", "user disabled"},
		"deactivated": {`activated=false`, `activated=true`, "Unactivated identity", "user not activated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, options{})
			olga, superuser := f.asOlga(t), f.asSuperuser(t)
			login := `{"grant_type":"password","username":"olga","password":"` + adminPassword + `"}`
			f.run(t, []scenario{
				{name: "off", method: "PUT", path: "/management/users/olga", body: test.off, headers: []string{superuser}, wantStatus: 200},
				{name: "his token", method: "GET", path: "/management/users/me", headers: []string{olga}, wantStatus: 401, wantBody: fails("authentication", test.refusal)},
				{name: "his login", method: "POST", path: "/management/token", body: login, wantStatus: 400, wantBody: fails("invalid_grant", test.login)},
				{name: "off again", method: "PUT", path: "/management/users/olga", body: test.off, headers: []string{superuser}, wantStatus: 200},
				{name: "on", method: "PUT", path: "/management/users/olga", body: test.on, headers: []string{superuser}, wantStatus: 200},
				{name: "his old token stays dead", method: "GET", path: "/management/users/me", headers: []string{olga}, wantStatus: 401, wantBody: fails("auth_invalid", "Unable to authenticate")},
				{name: "he may log in", method: "POST", path: "/management/token", body: login, wantStatus: 200},
			})
			row, err := f.store.Admin(t.Context(), "olga")
			must(t, err)
			if row.Generation != 2 {
				t.Errorf("generation is %d, want 2: it rises once, with the change", row.Generation)
			}
			f.refuse(t, []scenario{
				{name: "no flag", method: "PUT", path: "/management/users/olga", body: `{"disabled":"maybe"}`, headers: []string{superuser}, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
			})
		})
	}
}

// SEC-73
func TestTheSuperuserCannotBeRenamedLockedOrReplaced(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	superuser := []string{f.asSuperuser(t)}
	illegal := map[string]any{"error": "illegal_argument"}
	var scenarios []scenario
	for name, body := range map[string]string{
		"rename": `{"username":"root"}`, "disable": `{"disabled":true}`, "deactivate": `{"activated":false}`,
		"password": `{"newpassword":"` + newPassword + `"}`, "with the old one": `{"oldpassword":"x","newpassword":"` + newPassword + `"}`,
	} {
		scenarios = append(scenarios, scenario{name: name, method: "PUT", path: "/management/users/superuser", body: body, headers: superuser, wantStatus: 400, wantBody: illegal})
	}
	f.refuse(t, append(scenarios, scenario{
		name: "password path", method: "POST", path: "/management/users/superuser/password", body: `{"oldpassword":"x","newpassword":"` + newPassword + `"}`,
		headers: superuser, wantStatus: 400, wantBody: illegal,
	}))
	f.status(t, 200, "PUT", "/management/users/superuser", `{"username":"SUPERUSER","email":"root@example.com","name":"Root"}`, superuser[0])
	row, err := f.store.Superuser(t.Context())
	must(t, err)
	if row.Username != "superuser" || row.Name != "Root" || row.Email != "root@example.com" {
		t.Errorf("the superuser is now %+v", row)
	}
}

func TestPasswordAndProfileChangeTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := []string{f.asOlga(t)}
	const path = "/management/users/me"
	proven := `"oldpassword":"` + adminPassword + `","newpassword":"` + newPassword + `"`
	f.refuse(t, []scenario{
		{name: "wrong old password", method: "PUT", path: path, body: `{"name":"x","oldpassword":"wrong","newpassword":"` + newPassword + `"}`, headers: olga, wantStatus: 400, wantBody: map[string]any{"error": "auth_invalid_username_or_password"}},
		{name: "no old password", method: "PUT", path: path, body: `{"name":"x","newpassword":"` + newPassword + `"}`, headers: olga, wantStatus: 400, wantBody: fails("illegal_argument", "oldpassword and newpassword are both required")},
		{name: "no new password", method: "PUT", path: path, body: `{"name":"x","oldpassword":"` + adminPassword + `"}`, headers: olga, wantStatus: 400, wantBody: fails("illegal_argument", "newpassword is required")},
		{name: "policy", method: "PUT", path: path, body: `{"name":"x","oldpassword":"` + adminPassword + `","newpassword":"short"}`, headers: olga, wantStatus: 400, wantBody: map[string]any{"error": "error_password_policy_violation"}},
		{name: "username taken", method: "PUT", path: path, body: `{"username":"rita",` + proven + `}`, headers: olga, wantStatus: 400, wantBody: map[string]any{"error": "duplicate_unique_property_exists"}},
		{name: "username illegal", method: "PUT", path: path, body: `{"username":"me",` + proven + `}`, headers: olga, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
	})
	f.run(t, []scenario{
		{name: "both", method: "PUT", path: path, body: `{"name":"Olga Two",` + proven + `}`, headers: olga, wantStatus: 200, wantBody: map[string]any{"action": "update user info"}},
		{name: "older tokens die", method: "GET", path: path, headers: olga, wantStatus: 401, wantBody: map[string]any{"error": "auth_invalid"}},
		{name: "new login", method: "POST", path: "/management/token", body: `{"grant_type":"password","username":"olga","password":"` + newPassword + `"}`, wantStatus: 200, wantBody: map[string]any{"user.name": "Olga Two", "user.properties": map[string]any{}}},
		{name: "the superuser needs no old one", method: "PUT", path: "/management/users/olga", body: `{"newpassword":"third-lantern-5","disabled":false}`, headers: []string{f.asSuperuser(t)}, wantStatus: 200},
		{name: "third login", method: "POST", path: "/management/token", body: `{"grant_type":"password","username":"olga","password":"third-lantern-5"}`, wantStatus: 200},
	})
}

func TestRegisteredAdminsWaitForWhatTheSettingsDemand(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{registration: true, service: func(c *grants.Config) { c.AdminApproval = true }})
	f.status(t, 200, "POST", "/management/users", `{"email":"gus@example.com","username":"gus","password":"`+newPassword+`","activated":true}`)
	login := `{"grant_type":"password","username":"gus","password":"` + newPassword + `"}`
	f.run(t, []scenario{
		{name: "not yet", method: "POST", path: "/management/token", body: login, wantStatus: 400, wantBody: fails("invalid_grant", "user not activated")},
		{name: "approved", method: "PUT", path: "/management/users/gus", body: `{"activated":true}`, headers: []string{f.asSuperuser(t)}, wantStatus: 200},
		{name: "now", method: "POST", path: "/management/token", body: login, wantStatus: 200},
	})
}

// An address that is somebody's username only is nobody's e-mail.
func TestAdminByEmailDoesNotFallBackToUsernames(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	odd, err := models.NewAdmin("gus@example.com", "other@example.com", "Odd", f.clock.now())
	must(t, err)
	must(t, f.store.CreateAdmin(t.Context(), odd))
	f.refuse(t, []scenario{{
		name: "would add the wrong person", method: "POST", path: "/management/orgs/acme/users", body: `{"email":"gus@example.com"}`,
		headers: []string{f.asOlga(t)}, wantStatus: 400, wantBody: map[string]any{"error": "duplicate_unique_property_exists"},
	}})
	// Nor may the address be given to another: a reference must find one person.
	f.status(t, 400, "POST", "/management/orgs/acme/users", `{"email":"gus@example.com","username":"gus"}`, f.asOlga(t))
}
