package server

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/writ-auth/writ/models"
)

// asUser logs an application user of acme in, at shop or another application.
func (f *fixture) asUser(t testing.TB, application, username string) string {
	t.Helper()
	return "Authorization: Bearer " +
		f.tokenOf(t, "/acme/"+application+"/token", `{"grant_type":"password","username":"`+username+`","password":"`+userPassword+`"}`)
}

// usersOf counts the users of an application.
func (f *fixture) usersOf(t testing.TB, a models.Application) int {
	t.Helper()
	users, _, err := f.store.Users(t.Context(), a.ID, models.UserFilter{}, models.Page{Limit: models.MaxLimit})
	must(t, err)
	return len(users)
}

func asText(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	must(t, err)
	return string(text)
}

// A new application lets guests register, and nothing else.
func TestRegisterUser(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.run(t, []scenario{
		{
			name: "by a guest", method: "POST", path: "/acme/shop/users", wantStatus: 200,
			body: `{"username":"Erik","email":"Erik@Example.com","name":"Erik Roe","password":"quiet-harbor-7","colour":"red"}`,
			wantBody: map[string]any{
				"action": "post", "path": "/users", "uri": publicURL + "/acme/shop/users", "application": f.shop.ID, "count": nil, "cursor": nil,
				"entities.0.username": "Erik", "entities.0.email": "Erik@Example.com", "entities.0.name": "Erik Roe", "entities.0.type": "user",
				"entities.0.activated": true, "entities.0.colour": "red", "entities.0.picture": gravatar("erik@example.com"),
				"entities.0.created": f.clock.now().UnixMilli(),
			},
			wantNotBody: []string{"quiet-harbor-7", "password", "pin", "generation", "Generation"},
		},
		{
			name: "who logs in by e-mail", method: "POST", path: "/acme/shop/token", wantStatus: 200,
			body: `{"grant_type":"password","username":"erik@example.com","password":"quiet-harbor-7"}`,
		},
		{
			name: "only an e-mail address", method: "POST", path: "/acme/shop/users/", body: `{"email":"fay@example.com"}`, wantStatus: 200,
			wantBody: map[string]any{"entities.0.username": "fay@example.com", "entities.0.email": "fay@example.com", "entities.0.name": nil},
		},
		{
			name: "only a username, as a form", method: "POST", path: "/acme/shop/user", body: "username=gil&name=&colour=blue&client_secret=x", wantStatus: 200,
			wantBody: map[string]any{
				"entities.0.username": "gil", "entities.0.email": nil, "entities.0.picture": nil, "entities.0.name": nil, "entities.0.colour": "blue",
				"entities.0.client_secret": nil, "path": "/users",
			},
		},
		{
			name: "empty values are absent", method: "POST", path: "/acme/shop/users", wantStatus: 200,
			body:     `{"username":"hal","email":"","name":null,"password":"","pin":null,"picture":"","colour":null}`,
			wantBody: map[string]any{"entities.0.username": "hal", "entities.0.email": nil, "entities.0.picture": nil, "entities.0.colour": nil},
		},
		{
			name: "a number is text", method: "POST", path: "/acme/shop/users", body: `{"username":4711}`, wantStatus: 200,
			wantBody: map[string]any{"entities.0.username": "4711"},
		},
		{
			name: "nobody without a password logs in", method: "POST", path: "/acme/shop/token", wantStatus: 400,
			body: `{"grant_type":"password","username":"hal","password":""}`, wantBody: map[string]any{"error": "invalid_grant"},
		},
	})
}

// What Writ decides about an account cannot be said at registration, whoever asks. SEC-70
func TestRegistrationSetsNoStates(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	body := func(name string) string {
		return `{"username":"` + name + `","activated":false,"confirmed":false,"disabled":true,"deactivated":1,"uuid":"` + f.dana.ID.String() +
			`","type":"admin","created":1,"modified":1,"generation":9,"metadata":{"x":1},"superuser":true,"roles":["admin"],"groups":["staff"]}`
	}
	for i, caller := range [][]string{nil, {f.asShop(t)}, {f.asSuperuser(t)}} {
		name := fmt.Sprint("erik", i)
		a := f.do(t, "POST", "/acme/shop/users", body(name), caller...)
		a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{
			"entities.0.activated": true, "entities.0.confirmed": nil, "entities.0.disabled": nil, "entities.0.deactivated": nil, "entities.0.type": "user",
			"entities.0.created": f.clock.now().UnixMilli(), "entities.0.metadata.x": nil,
		}})
		if a.get("entities.0.uuid") == f.dana.ID.String() {
			t.Error("the uuid was chosen by the caller")
		}
		user, err := f.store.User(t.Context(), f.shop.ID, name)
		must(t, err)
		rights, err := f.store.Rights(t.Context(), f.shop.ID, user.ID)
		must(t, err)
		if user.Generation != 1 || !user.Activated || user.Disabled || !user.Confirmed || len(rights.Roles) != 1 || len(rights.Groups) != 0 {
			t.Errorf("%+v, %+v", user, rights)
		}
	}
}

func TestRefusedRegistrations(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	required := map[string]any{"error": "required_property_not_found", "exception": "RequiredPropertyNotFoundException"}
	illegal := map[string]any{"error": "illegal_argument"}
	taken := func(property, value string) map[string]any {
		return fails("duplicate_unique_property_exists",
			`Entity "user" requires that property named "`+property+`" be unique, value of `+value+` exists`)
	}
	policy := func(text string) map[string]any { return fails("error_password_policy_violation", text) }
	for _, tc := range []struct {
		name, body string
		status     int
		want       map[string]any
	}{
		{"nothing", ``, 400, required},
		{"empty object", `{}`, 400, required},
		{"empty names", `{"username":"","email":null}`, 400, required},
		{"only a password", `{"password":"quiet-harbor-7"}`, 400, required},
		{"one of an array", `[{"username":"erik"},{"name":"x"}]`, 400, required},
		{"username taken", `{"username":"DANA"}`, 400, taken("username", "DANA")},
		{"e-mail taken", `{"username":"erik","email":"Dana@Example.com"}`, 400, taken("email", "Dana@Example.com")},
		{"twice in an array", `[{"username":"erik"},{"username":"Erik"}]`, 400, taken("username", "Erik")},
		{"taken, last of an array", `[{"username":"erik"},{"username":"fay"},{"username":"dana"}]`, 400, taken("username", "dana")},
		{"me", `{"username":"me"}`, 400, fails("illegal_argument", "Username 'me' is reserved")},
		{"Me", `{"username":"Me"}`, 400, fails("illegal_argument", "Username 'me' is reserved")},
		{"uuid", `{"username":"` + f.dana.ID.String() + `"}`, 400, illegal},
		{"slash", `{"username":"a/b"}`, 400, illegal},
		{"star", `{"username":"*"}`, 400, illegal},
		{"variable", `{"username":"${user}"}`, 400, illegal},
		{"dots", `{"username":".."}`, 400, illegal},
		{"space around", `{"username":" erik"}`, 400, illegal},
		{"NUL", `{"username":"erik\u0000"}`, 400, illegal},
		{"NUL in an e-mail address", `{"username":"erik","email":"e\u0000@x"}`, 400, illegal},
		{"NUL in a name", `{"username":"erik","name":"a\u0000b"}`, 400, illegal},
		{"line break in a name", `{"username":"erik","name":"Erik\r\nBcc: x@example.com"}`, 400, illegal},
		{"lone surrogate", `{"username":"\ud800"}`, 400, map[string]any{"error": "json_parse"}},
		{"not UTF-8", "{\"username\":\"\xff\xfe\"}", 400, map[string]any{"error": "json_parse"}},
		{"not UTF-8 in a form", "username=%ff", 400, illegal},
		{"long", `{"username":"` + strings.Repeat("a", 256) + `"}`, 400, illegal},
		{"very long", `{"username":"` + strings.Repeat("a", 60_000) + `"}`, 400, illegal},
		{"larger than a body may be", `{"username":"` + strings.Repeat("a", 100_000) + `"}`, 413, map[string]any{"error": "request_too_large"}},
		{"no e-mail address", `{"username":"erik","email":"erik"}`, 400, illegal},
		{"short password", `{"username":"erik","password":"1234567"}`, 400, policy("error_length_policy: must be at least 8 characters")},
		{"common password", `{"username":"erik","password":"password1"}`, 400, policy("error_common_policy: must not be a commonly used password")},
		{"short password in an array", `[{"username":"erik","password":"quiet-harbor-7"},{"username":"fay","password":"x"}]`, 400, map[string]any{"error": "error_password_policy_violation"}},
		{"wrong case", `{"Username":"erik"}`, 400, illegal},
		{"wrong case in an array", `[{"username":"erik"},{"username":"fay","Password":"quiet-harbor-7"}]`, 400, illegal},
		{"wrong case of a fixed member", `{"username":"erik","UUID":"x"}`, 400, illegal},
		{"wrong case of a secret", `{"username":"erik","NewPassword":"quiet-harbor-7"}`, 400, illegal},
		{"repeated key", `{"username":"erik","username":"fay"}`, 400, map[string]any{"error": "json_parse"}},
		{"trailing data", `{"username":"erik"} {"username":"fay"}`, 400, map[string]any{"error": "json_parse"}},
		{"array of no objects", `["erik"]`, 400, illegal},
		{"array of null", `[null]`, 400, illegal},
		{"array of arrays", `[[{"username":"erik"}]]`, 400, illegal},
		{"username an object", `{"username":{}}`, 400, illegal},
		{"username an array", `{"username":["erik"]}`, 400, illegal},
		{"username true", `{"username":true}`, 400, illegal},
		{"e-mail an array", `{"username":"erik","email":["e@x"]}`, 400, illegal},
		{"name an object", `{"username":"erik","name":{}}`, 400, illegal},
		{"password an object", `{"username":"erik","password":{}}`, 400, illegal},
		{"password true", `{"username":"erik","password":true}`, 400, illegal},
		{"PIN an array", `{"username":"erik","pin":[1]}`, 400, illegal},
		{"picture an object", `{"username":"erik","picture":{}}`, 400, illegal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f.do(t, "POST", "/acme/shop/users", tc.body).check(t, scenario{wantStatus: tc.status, wantBody: tc.want})
			if n := f.usersOf(t, f.shop); n != 1 {
				t.Fatalf("%d users afterwards", n)
			}
		})
	}
	f.do(t, "POST", "/acme/shop/users", `username`, "Content-Type: ", "Content-Type: application/json").check(t, scenario{wantStatus: 400, wantBody: map[string]any{"error": "json_parse"}})
	f.do(t, "POST", "/acme/shop/users", `username`, "Content-Type: ", "Content-Type: text/xml").check(t, scenario{wantStatus: 415})
}

func TestRegisterManyUsers(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	a := f.status(t, 200, "POST", "/acme/shop/users", `[{"username":"erik","password":"quiet-harbor-7"},{"email":"fay@example.com"}]`)
	entities, _ := a.body["entities"].([]any)
	if len(entities) != 2 || !same(a.get("entities.0.username"), "erik") || f.usersOf(t, f.shop) != 3 {
		t.Errorf("%s", a.text)
	}
	f.asUser(t, "shop", "erik")
	// Each may cost a hash: guests register a few at a time.
	many := "[" + strings.Repeat(`{"username":"x","password":"quiet-harbor-7"},`, maxNewUsers) + `{"username":"y"}]`
	f.status(t, 400, "POST", "/acme/shop/users", many).check(t, scenario{wantStatus: 400, wantBody: fails("illegal_argument", "at most 20 users may be created at once")})
	f.status(t, 200, "POST", "/acme/shop/users", `[]`).check(t, scenario{wantStatus: 200, wantBody: map[string]any{"entities": []any{}}})
}

// A user is found by every spelling of §1.5, and what is answered is the same.
func TestUserInEverySpelling(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop, id := f.asShop(t), f.dana.ID.String()
	for _, below := range []string{"", "/roles", "/groups", "/rolenames", "/permissions"} {
		want := f.do(t, "GET", "/acme/shop/users/dana"+below, "", shop)
		for _, spelled := range []string{"DANA", id, strings.ToUpper(id), "dana@example.com", "Dana%40Example.COM", "%64ana"} {
			for _, collection := range []string{"users", "user"} {
				for _, end := range []string{"", "/", "//"} {
					got := f.do(t, "GET", "/acme/shop/"+collection+"/"+spelled+below+end, "", shop)
					if got.Code != 200 || asText(t, got.body["entities"]) != asText(t, want.body["entities"]) ||
						asText(t, got.body["data"]) != asText(t, want.body["data"]) {
						t.Errorf("GET %s: %d %s, want %s", spelled+below+end, got.Code, got.text, want.text)
					}
				}
			}
		}
	}
	unknown := fails("service_resource_not_found", "Service resource not found")
	for _, path := range []string{
		"nobody", "nobody@example.com", someUUID, f.olga.ID.String(), "me/roles", "dana%00", "dana%20", "dana%2F", "%27%20or%201=1--",
		strings.Repeat("a", 100_000), "dana@example.com?force=name", "dana?force=email", id + "?force=name", "d%E4na",
	} {
		a := f.do(t, "GET", "/acme/shop/users/"+path, "", shop)
		if a.Code != 404 {
			t.Errorf("GET users/%.60s: %d %s", path, a.Code, a.text)
		}
		if !strings.Contains(path, "%00") && !strings.Contains(path, "%E4") && !strings.Contains(path, "%2F") {
			a.check(t, scenario{name: path, wantStatus: 404, wantBody: unknown})
		}
	}
	f.run(t, []scenario{
		{name: "by name", method: "GET", path: "/acme/shop/users/dana?force=name", headers: []string{shop}, wantStatus: 200, wantBody: map[string]any{"params": map[string]any{"force": []any{"name"}}}},
		{name: "by e-mail address", method: "GET", path: "/acme/shop/users/dana@example.com?force=email", headers: []string{shop}, wantStatus: 200},
		{name: "me", method: "GET", path: "/acme/shop/users/me", headers: []string{f.asDana(t)}, wantStatus: 200, wantBody: map[string]any{"entities.0.uuid": f.dana.ID, "path": "/users"}},
		{name: "me, one's own roles", method: "GET", path: "/acme/shop/users/me/roles", headers: []string{f.asDana(t)}, wantStatus: 200},
		{name: "me is nobody for a client", method: "GET", path: "/acme/shop/users/me", headers: []string{shop}, wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}},
		{name: "me is nobody for an admin", method: "GET", path: "/acme/shop/users/me", headers: []string{f.asSuperuser(t)}, wantStatus: 401},
		{name: "me is nobody for a guest", method: "GET", path: "/acme/sandbox/users/me", wantStatus: 401},
		{name: "me of another application", method: "GET", path: "/acme/sandbox/users/me", headers: []string{f.asDana(t)}, wantStatus: 401},
		{name: "me, changed", method: "PUT", path: "/acme/shop/users/me", body: `{"name":"D."}`, headers: []string{f.asDana(t)}, wantStatus: 200, wantBody: map[string]any{"entities.0.name": "D."}},
		{name: "HEAD", method: "HEAD", path: "/acme/shop/users/dana", headers: []string{shop}, wantStatus: 200},
		{name: "no POST", method: "POST", path: "/acme/shop/users/dana", headers: []string{shop}, wantStatus: 405, wantHeader: map[string]string{"Allow": "DELETE, GET, HEAD, PUT"}},
		{name: "no DELETE of all", method: "DELETE", path: "/acme/shop/users", headers: []string{shop}, wantStatus: 405, wantHeader: map[string]string{"Allow": "GET, HEAD, POST"}},
		{name: "no PUT of all", method: "PUT", path: "/acme/shop/users", headers: []string{shop}, wantStatus: 405},
		{name: "unknown collection", method: "GET", path: "/acme/shop/things/x", headers: []string{shop}, wantStatus: 404, wantBody: unknown},
		{name: "unknown collection of a user", method: "GET", path: "/acme/shop/users/dana/things", headers: []string{shop}, wantStatus: 404, wantBody: unknown},
		{name: "unknown collection, no right", method: "GET", path: "/acme/shop/things", headers: []string{f.asDana(t)}, wantStatus: 401},
		{name: "unknown user, no right", method: "GET", path: "/acme/shop/users/nobody", headers: []string{f.asDana(t)}, wantStatus: 401},
	})
}

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.newUser(t, f.shop, "erik", "Erik Roe")
	dana, shop, path := f.asDana(t), f.asShop(t), "/acme/shop/users/dana"
	illegal := map[string]any{"error": "illegal_argument"}
	f.run(t, []scenario{
		{
			name: "merges", method: "PUT", path: path, body: `{"name":"D.","colour":"red","size":{"a":[1,null]}}`, headers: []string{dana}, wantStatus: 200,
			wantBody: map[string]any{
				"action": "put", "path": "/users", "entities.0.name": "D.", "entities.0.colour": "red", "entities.0.email": "dana@example.com",
				"entities.0.size": map[string]any{"a": []any{1, nil}},
			},
		},
		{
			name: "null removes a custom property, absent keeps it", method: "PUT", path: path, body: `{"colour":null}`, headers: []string{dana},
			wantStatus: 200, wantBody: map[string]any{"entities.0.colour": nil, "entities.0.size.a.0": 1},
		},
		{
			name: "empty documented members are absent", method: "PUT", path: path, body: `{"username":null,"email":"","name":null}`, headers: []string{dana},
			wantStatus: 200, wantBody: map[string]any{"entities.0.username": "dana", "entities.0.email": "dana@example.com", "entities.0.name": "D."},
		},
		{
			name: "no body", method: "PUT", path: path, headers: []string{dana}, wantStatus: 200, wantBody: map[string]any{"entities.0.name": "D."},
		},
		{
			name: "as a form", method: "PUT", path: path, body: "name=Dana+R.&colour=blue", headers: []string{dana}, wantStatus: 200,
			wantBody: map[string]any{"entities.0.name": "Dana R.", "entities.0.colour": "blue"},
		},
		{
			name: "own states are ignored", method: "PUT", path: path, headers: []string{dana}, wantStatus: 200,
			body: `{"activated":false,"confirmed":false,"disabled":true,"deactivated":5,"uuid":"x","type":"x","created":1,"modified":1,"metadata":{}}`,
			wantBody: map[string]any{
				"entities.0.activated": true, "entities.0.confirmed": nil, "entities.0.disabled": nil, "entities.0.deactivated": nil,
				"entities.0.uuid": f.dana.ID, "entities.0.type": "user", "entities.0.created": f.dana.Created,
			},
		},
		{name: "odd states are ignored too", method: "PUT", path: path, body: `{"activated":"maybe"}`, headers: []string{dana}, wantStatus: 200},
		{name: "odd states count with application access", method: "PUT", path: path, body: `{"activated":"maybe"}`, headers: []string{shop}, wantStatus: 400, wantBody: illegal},
		{
			name: "the default picture stays the default", method: "PUT", path: path, headers: []string{dana}, wantStatus: 200,
			body:     `{"picture":"` + gravatar("dana@example.com") + `","email":"dana@example.org"}`,
			wantBody: map[string]any{"entities.0.picture": gravatar("dana@example.org"), "entities.0.email": "dana@example.org"},
		},
		{
			name: "another picture", method: "PUT", path: path, body: `{"picture":"https://example.com/d.png"}`, headers: []string{dana},
			wantStatus: 200, wantBody: map[string]any{"entities.0.picture": "https://example.com/d.png"},
		},
		{
			name: "and none", method: "PUT", path: path, body: `{"picture":null}`, headers: []string{dana}, wantStatus: 200,
			wantBody: map[string]any{"entities.0.picture": gravatar("dana@example.org")},
		},
		{
			name: "username taken", method: "PUT", path: path, body: `{"name":"X","username":"ERIK"}`, headers: []string{dana}, wantStatus: 400,
			wantBody: map[string]any{"error": "duplicate_unique_property_exists"},
		},
		{
			name: "e-mail taken", method: "PUT", path: path, body: `{"name":"X","email":"erik@example.com"}`, headers: []string{dana}, wantStatus: 400,
			wantBody: map[string]any{"error": "duplicate_unique_property_exists"},
		},
		{name: "reserved", method: "PUT", path: path, body: `{"name":"X","username":"mE"}`, headers: []string{dana}, wantStatus: 400, wantBody: illegal},
		{name: "uuid", method: "PUT", path: path, body: `{"name":"X","username":"` + someUUID + `"}`, headers: []string{dana}, wantStatus: 400, wantBody: illegal},
		{name: "odd username", method: "PUT", path: path, body: `{"name":"X","username":[]}`, headers: []string{dana}, wantStatus: 400, wantBody: illegal},
		{name: "odd e-mail address", method: "PUT", path: path, body: `{"name":"X","email":{}}`, headers: []string{dana}, wantStatus: 400, wantBody: illegal},
		{name: "NUL in the name", method: "PUT", path: path, body: `{"name":"X\u0000"}`, headers: []string{dana}, wantStatus: 400, wantBody: illegal},
		{name: "array", method: "PUT", path: path, body: `[{"name":"X"}]`, headers: []string{dana}, wantStatus: 400, wantBody: illegal},
		{name: "wrong case", method: "PUT", path: path, body: `{"Name":"X"}`, headers: []string{dana}, wantStatus: 400, wantBody: illegal},
		{name: "unknown user", method: "PUT", path: "/acme/shop/users/nobody", body: `{"name":"X"}`, headers: []string{shop}, wantStatus: 404, wantBody: map[string]any{"error": "service_resource_not_found"}},
		{name: "PUT does not create", method: "GET", path: "/acme/shop/users/nobody", headers: []string{shop}, wantStatus: 404},
		{name: "another user", method: "PUT", path: "/acme/shop/users/erik", body: `{"name":"X"}`, headers: []string{dana}, wantStatus: 401, wantBody: fails("unauthorized", "Subject does not have permission to access this resource")},
		{name: "nothing of the refused came through", method: "GET", path: path, headers: []string{dana}, wantStatus: 200, wantBody: map[string]any{"entities.0.name": "Dana R.", "entities.0.username": "dana"}},
		{name: "a new username, the token stays valid", method: "PUT", path: path, body: `{"username":"Dana2"}`, headers: []string{dana}, wantStatus: 200, wantBody: map[string]any{"entities.0.username": "Dana2"}},
		{name: "under the new name", method: "GET", path: "/acme/shop/users/dana2", headers: []string{dana}, wantStatus: 200, wantBody: map[string]any{"entities.0.uuid": f.dana.ID}},
		{name: "the old name is free", method: "POST", path: "/acme/shop/users", body: `{"username":"dana"}`, wantStatus: 200},
		{name: "and is somebody else", method: "GET", path: path, headers: []string{dana}, wantStatus: 401},
	})
}

func TestCustomPropertiesOfAUserAreBounded(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	half := strings.Repeat("x", 40<<10)
	f.status(t, 200, "PUT", "/acme/shop/users/me", `{"a":"`+half+`"}`, f.asDana(t))
	f.do(t, "PUT", "/acme/shop/users/me", `{"b":"`+half+`"}`, f.asDana(t)).check(t, scenario{wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}})
	f.status(t, 200, "PUT", "/acme/shop/users/me", `{"a":null,"b":"`+half+`"}`, f.asDana(t)).check(t, scenario{
		wantStatus: 200, wantBody: map[string]any{"entities.0.a": nil, "entities.0.b": half},
	})
}

// Secrets in a body never come back, in no spelling of their keys, by no way an entity is shown. SEC-15
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	secret := `"password":"c4nary-Password","pin":"c4nary-pin","oldpassword":"c4nary-old","newpassword":"c4nary-new","access_token":"c4nary-token",` +
		`"client_secret":"c4nary-secret","credentials":{"cipher":"bcrypt","secret":"c4nary-hash"}`
	a := []*answer{f.status(t, 200, "POST", "/acme/shop/users", `{"username":"erik",`+secret+`}`)}
	a = append(a, f.status(t, 200, "POST", "/acme/shop/users", `[{"username":"fay",`+secret+`}]`))
	a = append(a, f.status(t, 200, "PUT", "/acme/shop/users/erik", `{`+secret+`}`, shop))
	a = append(a, f.status(t, 200, "PUT", "/acme/shop/users/fay?password=c4nary&token=c4nary&pin=c4nary",
		"password=c4nary-1&pin=c4nary-2&oldpassword=c4nary-3&newpassword=c4nary-4&client_id=c4nary", shop))
	f.status(t, 200, "POST", "/acme/shop/groups", `{"path":"staff"}`, shop)
	for _, pair := range []string{"/users/erik/groups/staff", "/users/erik/roles/admin", "/groups/staff/users/erik", "/roles/admin/users/erik"} {
		a = append(a, f.status(t, 200, "POST", "/acme/shop"+pair, "", shop), f.status(t, 200, "GET", "/acme/shop"+pair, "", shop))
	}
	for _, path := range []string{"/users", "/users/erik", "/groups/staff/users", "/roles/admin/users", "/users/erik/token"} {
		a = append(a, f.status(t, 200, "GET", "/acme/shop"+path, "", shop))
	}
	a = append(a, f.status(t, 200, "POST", "/acme/shop/token", `{"grant_type":"password","username":"erik","password":"c4nary-Password"}`))
	a = append(a, f.status(t, 200, "POST", "/acme/shop/token", `{"grant_type":"pin","username":"erik","pin":"c4nary-pin"}`))
	a = append(a, f.status(t, 200, "PUT", "/acme/shop/users/erik/password", `{"newpassword":"c4nary-again"}`, shop))
	a = append(a, f.status(t, 200, "PUT", "/acme/shop/users/erik/setpin", `{"pin":"c4nary-pin2"}`, shop))
	a = append(a, f.status(t, 200, "POST", "/acme/shop/users/erik/deactivate", "", shop), f.status(t, 200, "DELETE", "/acme/shop/users/erik", "", shop))
	for _, answer := range a {
		for _, text := range []string{"c4nary", "$argon2", "PasswordHash", "pin_hash"} {
			if strings.Contains(answer.text, text) {
				t.Errorf("%s is shown: %s", text, answer.text)
			}
		}
	}
}

// A PUT changes no password, no PIN.
func TestUpdateUserLeavesSecretsAlone(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.status(t, 200, "PUT", "/acme/shop/users/dana", `{"password":"stolen-harbor-8","pin":"1","newpassword":"stolen-harbor-8","oldpassword":"`+userPassword+`"}`, f.asDana(t))
	f.status(t, 200, "PUT", "/acme/shop/users/dana", `{"password":{},"pin":[]}`, f.asShop(t))
	f.asUser(t, "shop", "dana")
	f.status(t, 400, "POST", "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"stolen-harbor-8"}`)
	f.status(t, 200, "POST", "/acme/shop/token", `{"grant_type":"pin","username":"dana","pin":"`+userPIN+`"}`)
}

func TestListUsersToTheEnd(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	shop := f.asShop(t)
	rows := make([]string, 0, 24)
	for i := range 24 {
		rows = append(rows, fmt.Sprintf(`{"username":"u%02d"}`, i))
	}
	f.status(t, 200, "POST", "/acme/shop/users", "["+strings.Join(rows, ",")+"]", shop)
	for _, limit := range []int{0, 1, 7, 12, 25, 1000} {
		seen, cursor, pages := map[any]bool{}, "", 0
		for {
			query := url.Values{}
			if limit > 0 {
				query.Set("limit", fmt.Sprint(limit))
			}
			query.Set("cursor", cursor)
			a := f.status(t, 200, "GET", "/acme/shop/users?"+query.Encode(), "", shop)
			entities, _ := a.body["entities"].([]any)
			if !same(a.body["count"], len(entities)) || a.body["action"] != "get" {
				t.Fatalf("%s", a.text)
			}
			for _, entity := range entities {
				user, _ := entity.(map[string]any)
				if seen[user["username"]] {
					t.Errorf("%v is listed twice", user["username"])
				}
				seen[user["username"]] = true
			}
			pages++
			next, more := a.body["cursor"].(string)
			if !more {
				break
			}
			cursor = next
		}
		size := max(limit, 0)
		if size == 0 {
			size = models.DefaultLimit
		}
		if len(seen) != 25 || pages != (25+size-1)/size {
			t.Errorf("limit %d: %d users on %d pages", limit, len(seen), pages)
		}
	}
	for _, query := range []string{"limit=0", "limit=-1", "limit=1001", "limit=x", "limit=1.5", "limit=1e1", "cursor=x", "cursor=%27", "cursor=" + strings.Repeat("A", 100)} {
		f.do(t, "GET", "/acme/shop/users?"+query, "", shop).check(t, scenario{name: query, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}})
	}
}
