package server

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"github.com/writ-auth/writ/models"
)

var blanks = regexp.MustCompile(` +\n`)

// matrixCaller is a column of the matrix: who asks at which application.
type matrixCaller struct {
	name        string
	application *models.Application
	header      func(username string) string
}

// matrixBody is what a route needs to succeed if the caller may. %s is a name nobody has.
func matrixBody(rt route, method, hash string) string {
	switch path := strings.TrimPrefix(rt.path, applicationRoot); {
	case method == "GET", method == "DELETE":
		return ""
	case path == "/users":
		return `{"username":"%s"}`
	case path == "/roles":
		return `{"name":"%s"}`
	case path == "/groups":
		return `{"path":"%s"}`
	case strings.HasSuffix(path, "/password"):
		return `{"oldpassword":"wrong","newpassword":"broad-meadow-3"}`
	case strings.HasSuffix(path, "/setpin"):
		return `{"pin":"1"}`
	case strings.HasSuffix(path, "/permissions"):
		return `{"permission":"get:/x"}`
	case path == "/users/:user/credentials":
		return `{"credentials":{"cipher":"bcrypt","secret":"` + hash + `"}}`
	}
	return `{}`
}

// TestApplicationMatrix is every route of an application asked by every kind of caller, the answers' status in a golden file. What a path
// names exists and is related; so 200 means let in, 401 and 403 not. Routes that look at no credentials are left out.
//
// SEC-22, SEC-70
func TestApplicationMatrix(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	raw, err := bcrypt.GenerateFromPassword([]byte("imported-river-5"), bcrypt.MinCost)
	must(t, err)
	f.newUser(t, f.sandbox, "sam", "")
	fixed := func(header string) func(string) string { return func(string) string { return header } }
	sandboxClient := "Authorization: Bearer " + f.tokenOf(t, "/acme/sandbox/token", clientForm(f.sandboxID, f.sandboxSecret))
	stallClient := "Authorization: Bearer " + f.tokenOf(t, "/rival/stall/token", clientForm(f.stallID, f.stallSecret))
	callers := []matrixCaller{
		{"guest", &f.shop, fixed("X: guest")},
		{"open", &f.sandbox, fixed("X: guest")},
		{"self", &f.shop, func(username string) string { return f.asUser(t, "shop", username) }},
		{"user", &f.shop, fixed(f.asDana(t))},
		{"userX", &f.shop, fixed(f.asUser(t, "sandbox", "sam"))},
		{"userO", &f.sandbox, fixed(f.asDana(t))},
		{"app", &f.shop, func(string) string { // anew: some of the routes revoke its tokens and change its secret
			client, err := f.store.Client(t.Context(), f.shop.ID)
			must(t, err)
			secret, err := f.Secrets.Reveal(client)
			must(t, err)
			return "Authorization: Bearer " + f.tokenOf(t, "/acme/shop/token", clientForm(f.shopID, secret))
		}},
		{"appX", &f.shop, fixed(sandboxClient)},
		{"appF", &f.shop, fixed(stallClient)},
		{"org", &f.shop, fixed(f.asAcme(t))},
		{"orgF", &f.shop, fixed(f.asRival(t))},
		{"adm", &f.shop, fixed(f.asOlga(t))},
		{"admF", &f.shop, fixed(f.asRita(t))},
		{"root", &f.shop, fixed(f.asSuperuser(t))},
	}
	var out strings.Builder
	out.WriteString(`guest  no credentials, application as created     open   no credentials, application open to guests
self   application user, about himself            user   another user of the application
userX  user of another application                userO  the same in an application open to guests
app    its client                                 appX   client of another application of the organization
appF   client of an application elsewhere         org    its organization's client
orgF   another organization's client              adm    member of the organization
admF   member of another                          root   superuser

`)
	fmt.Fprintf(&out, "%-38s", "")
	for _, caller := range callers {
		fmt.Fprintf(&out, " %-5s", caller.name)
	}
	out.WriteByte('\n')
	places := map[uuid.UUID]string{}
	for _, rt := range f.routes {
		if !rt.ofApplication() || rt.access == open && rt.path != userPath+"/token" || rt.kind == tokenRoute || rt.kind == oauthRoute ||
			slices.Contains(rt.methods, anyMethod) {
			continue
		}
		for _, method := range rt.methods {
			shown := method + " /" + strings.TrimPrefix(strings.TrimPrefix(rt.path, applicationRoot), "/")
			fmt.Fprintf(&out, "%-38s", shown)
			for _, caller := range callers {
				application := caller.application.ID
				if places[application] == "" {
					places[application] = f.matrixPlace(t, application)
				}
				status := f.matrixStatus(t, rt, method, string(raw), places[application], caller)
				if status == 200 && method != "GET" {
					delete(places, application) // it is not what it was
				}
				fmt.Fprintf(&out, " %-5d", status)
			}
			out.WriteByte('\n')
		}
	}
	golden(t, "application-matrix.golden", blanks.ReplaceAllString(out.String(), "\n"))
}

// matrixPlace makes what paths name: a user, a role and a group of one name, all related.
func (f *fixture) matrixPlace(t *testing.T, application uuid.UUID) string {
	t.Helper()
	name := "n" + uuid.NewString()[:8]
	role, err := models.NewRole(application, name, "", f.clock.now())
	must(t, err)
	must(t, f.store.CreateRole(t.Context(), role))
	group, err := models.NewGroup(application, name, "", "", f.clock.now())
	must(t, err)
	must(t, f.store.CreateGroup(t.Context(), group))
	user := f.newUser(t, models.Application{ID: application}, name, "")
	must(t, f.store.AssignRole(t.Context(), application, role.ID, models.HolderUser, user.ID))
	must(t, f.store.AssignRole(t.Context(), application, role.ID, models.HolderGroup, group.ID))
	must(t, f.store.AddGroupMember(t.Context(), application, group.ID, user.ID))
	return name
}

// matrixStatus asks.
func (f *fixture) matrixStatus(t *testing.T, rt route, method, hash, name string, caller matrixCaller) int {
	t.Helper()
	path := strings.NewReplacer(":org", "acme", ":app", caller.application.Name, ":user", name, ":role", name, ":group", name, ":jti", "x").Replace(rt.path)
	if method == "DELETE" && strings.HasSuffix(path, "/permissions") {
		path += "?permission=get:/x"
	}
	body := matrixBody(rt, method, hash)
	if strings.Contains(body, "%s") {
		body = fmt.Sprintf(body, "x"+uuid.NewString()[:8])
	}
	return f.do(t, method, path, body, caller.header(name)).Code
}

// What the Node client sends (§12.1), in its order: every request has a JSON body, the token travels in the query.
func TestWhatTheNodeClientDoes(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	admin := "client_id=" + f.shopID + "&client_secret=" + f.shopSecret
	var login *answer
	step := func(method, path, body string, want map[string]any) *answer {
		t.Helper()
		a := f.do(t, method, path, body, "Content-Type: application/json")
		a.check(t, scenario{wantStatus: 200, wantBody: want})
		return a
	}
	// signup
	f.do(t, "GET", "/acme/shop/users/erik?"+admin, "{}").check(t, scenario{wantStatus: 404, wantBody: map[string]any{"error": "service_resource_not_found"}})
	made := step("POST", "/acme/shop/users", `{"username":"erik","password":"quiet-harbor-7","email":"erik@example.com","name":"Erik","type":"users"}`,
		map[string]any{"path": "/users", "entities.0.username": "erik", "entities.0.type": "user"})
	id, _ := made.get("entities.0.uuid").(string)
	login = step("POST", "/acme/shop/token", `{"username":"erik","password":"quiet-harbor-7","grant_type":"password"}`, map[string]any{"user.uuid": id})
	token, _ := login.body["access_token"].(string)
	step("GET", "/acme/shop/users/me?access_token="+token, "{}", map[string]any{"entities.0.uuid": id})
	// save: the whole entity goes back
	saved := step("PUT", "/acme/shop/users/"+id+"?access_token="+token,
		`{"username":"erik","email":"erik@example.com","name":"Erik R.","picture":"`+gravatar("erik@example.com")+`","colour":"red"}`,
		map[string]any{"path": "/users", "entities.0.name": "Erik R.", "entities.0.uuid": id})
	step("PUT", "/acme/shop/users/"+id+"/password?access_token="+token, `{"oldpassword":"quiet-harbor-7","newpassword":"broad-meadow-3"}`, map[string]any{"action": "set user password"})
	f.status(t, 401, "GET", "/acme/shop/users/me?access_token="+token, "{}")
	if picture := saved.get("entities.0.picture"); picture != gravatar("erik@example.com") {
		t.Errorf("picture %v", picture)
	}
	// createRole
	f.do(t, "GET", "/acme/shop/role/clerk?"+admin, "{}").check(t, scenario{wantStatus: 404, wantBody: map[string]any{"error": "entity_not_found"}})
	role := step("POST", "/acme/shop/role?"+admin, `{"name":"clerk","type":"role"}`, map[string]any{"path": "/roles", "entities.0.name": "clerk"})
	roleID, _ := role.get("entities.0.uuid").(string)
	step("POST", "/acme/shop/roles/"+roleID+"/permissions?"+admin, `{"permission":["get,post:/orders/**","put:/orders"]}`,
		map[string]any{"data": []any{"get,post:/orders/**", "put:/orders"}, "params": map[string]any{}, "path": "/roles/" + roleID + "/permissions"})
	step("GET", "/acme/shop/roles/"+roleID+"/permissions?"+admin, "{}", map[string]any{"data.0": "get,post:/orders/**"})
	step("DELETE", "/acme/shop/roles/"+roleID+"/permissions?permission=put:/orders&"+admin, "{}",
		map[string]any{"data": []any{"get,post:/orders/**"}, "params": map[string]any{"permission": []any{"put:/orders"}}})
	step("POST", "/acme/shop/roles/"+roleID+"/users/"+id+"?"+admin, "{}", map[string]any{"entities.0.uuid": id})
	step("GET", "/acme/shop/users/"+id+"/roles?"+admin, "{}", map[string]any{"entities.0.name": "clerk"})
	// createGroup, group.add
	step("POST", "/acme/shop/groups?"+admin, `{"path":"staff/north","type":"groups"}`, map[string]any{"path": "/groups", "entities.0.path": "staff/north"})
	step("GET", "/acme/shop/groups/staff/north?"+admin, "{}", map[string]any{"entities.0.path": "staff/north"})
	step("GET", "/acme/shop/groups/staff/north/users?"+admin, "{}", map[string]any{"entities": []any{}})
	step("POST", "/acme/shop/groups/staff/north/users/erik?"+admin, "{}", map[string]any{"entities.0.uuid": id})
	step("GET", "/acme/shop/users/"+id+"/groups?"+admin, "{}", map[string]any{"entities.0.path": "staff/north"})
	step("PUT", "/acme/shop/users/erik/revoketokens?"+admin, "{}", map[string]any{"action": "revoked user tokens"})
}
