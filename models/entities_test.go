package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func someTime() time.Time { return time.UnixMilli(1795000000123) }

// Wire contract §8.2: username or e-mail; only an e-mail is its own username.
func TestNewUser(t *testing.T) {
	t.Parallel()
	application := uuid.New()
	user, err := NewUser(application, "Dana", "Dana@Example.com", "Dana Reed", someTime())
	if err != nil {
		t.Fatal(err)
	}
	at := someTime().UnixMilli()
	want := User{
		ID: user.ID, ApplicationID: application, Username: "Dana", UsernameKey: "dana", Name: "Dana Reed", Properties: Properties{},
		Activated: true, Confirmed: true, Generation: 1, PasswordChanged: at, Created: at, Modified: at,
	}
	address, key := "Dana@Example.com", "dana@example.com"
	want.Email, want.EmailKey = &address, &key
	if !reflect.DeepEqual(user, want) || user.ID == uuid.Nil {
		t.Errorf("NewUser = %+v, want %+v", user, want)
	}
	if user.EmailAddress() != address {
		t.Errorf("EmailAddress = %q", user.EmailAddress())
	}
}

func TestNewUserWithOneName(t *testing.T) {
	t.Parallel()
	byEmail, err := NewUser(uuid.New(), "", "D@x", "", someTime())
	if err != nil || byEmail.Username != "D@x" || byEmail.UsernameKey != "d@x" || byEmail.EmailAddress() != "D@x" || *byEmail.EmailKey != "d@x" {
		t.Errorf("only an e-mail: %+v, %v", byEmail, err)
	}
	byName, err := NewUser(uuid.New(), "dana", "", "", someTime())
	if err != nil || byName.Email != nil || byName.EmailKey != nil || byName.EmailAddress() != "" {
		t.Errorf("only a username: %+v, %v", byName, err)
	}
}

func TestNewUserRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, username, email, code, mentions string }{
		{"neither", "", "", CodeRequiredProperty, "username"},
		{"username", "a/b", "a@x", CodeIllegalArgument, "Illegal username: a/b"},
		{"me", "me", "", CodeIllegalArgument, "Username 'me' is reserved"},
		{"e-mail", "dana", "nothing", CodeIllegalArgument, "Illegal email: nothing"},
		{"e-mail that cannot be a username", "", "a/b@x", CodeIllegalArgument, "Illegal username: a/b@x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			user, err := NewUser(uuid.New(), c.username, c.email, "", someTime())
			var invalid *Invalid
			if !errors.As(err, &invalid) || invalid.Code != c.code || !strings.Contains(invalid.Reason, c.mentions) {
				t.Errorf("error %#v, want %s with %q", err, c.code, c.mentions)
			}
			if !reflect.DeepEqual(user, User{}) {
				t.Errorf("refused and yet %+v", user)
			}
		})
	}
}

func TestSettersChangeNothingOnError(t *testing.T) {
	t.Parallel()
	user, err := NewUser(uuid.New(), "dana", "d@x", "", someTime())
	if err != nil {
		t.Fatal(err)
	}
	wantIllegal(t, user.SetUsername("a/b"), "a/b")
	wantIllegal(t, user.SetEmail("nothing"), "nothing")
	if user.Username != "dana" || user.UsernameKey != "dana" || user.EmailAddress() != "d@x" || *user.EmailKey != "d@x" {
		t.Errorf("changed to %+v", user)
	}
	if err := user.SetEmail(""); err != nil || user.Email != nil || user.EmailKey != nil {
		t.Errorf("an empty e-mail does not unset it: %+v, %v", user, err)
	}
	admin, err := NewAdmin("olga", "o@x", "", someTime())
	if err != nil {
		t.Fatal(err)
	}
	wantIllegal(t, admin.SetUsername("me"), "me")
	wantIllegal(t, admin.SetEmail(""), "email")
	if admin.Username != "olga" || admin.UsernameKey != "olga" || admin.Email != "o@x" || admin.EmailKey != "o@x" {
		t.Errorf("changed to %+v", admin)
	}
}

// Wire contract §7.4: e-mail required, username default e-mail; §10: the description.
func TestNewAdmin(t *testing.T) {
	t.Parallel()
	admin, err := NewAdmin("", "Olga@X", "Olga", someTime())
	if err != nil {
		t.Fatal(err)
	}
	at := someTime().UnixMilli()
	want := Admin{
		ID: admin.ID, Username: "Olga@X", UsernameKey: "olga@x", Email: "Olga@X", EmailKey: "olga@x", Name: "Olga",
		Properties: Properties{}, Activated: true, Confirmed: true, Generation: 1, PasswordChanged: at, Created: at, Modified: at,
	}
	if !reflect.DeepEqual(admin, want) || admin.ID == uuid.Nil {
		t.Errorf("NewAdmin = %+v, want %+v", admin, want)
	}
	for _, c := range []struct{ username, email, mentions string }{
		{"olga", "", "email form parameter is required"},
		{"olga", "nothing", "Illegal email: nothing"},
		{"me", "o@x", "Username 'me' is reserved"},
	} {
		admin, err := NewAdmin(c.username, c.email, "", someTime())
		wantIllegal(t, err, c.mentions)
		if !reflect.DeepEqual(admin, Admin{}) {
			t.Errorf("refused and yet %+v", admin)
		}
	}
}

func TestNewTenants(t *testing.T) {
	t.Parallel()
	at := someTime().UnixMilli()
	organization, err := NewOrganization("Acme", someTime())
	wantOrganization := Organization{ID: organization.ID, Name: "acme", Properties: Properties{}, Created: at, Modified: at}
	if err != nil || !reflect.DeepEqual(organization, wantOrganization) || organization.ID == uuid.Nil {
		t.Errorf("NewOrganization = %+v, %v", organization, err)
	}
	application, err := NewApplication(organization.ID, "Shop", someTime())
	wantApplication := Application{
		ID: application.ID, OrganizationID: organization.ID, Name: "shop", Properties: Properties{}, Created: at, Modified: at,
	}
	if err != nil || !reflect.DeepEqual(application, wantApplication) || application.ID == uuid.Nil {
		t.Errorf("NewApplication = %+v, %v", application, err)
	}
	_, err = NewOrganization("management", someTime())
	wantIllegal(t, err, "management")
	_, err = NewApplication(organization.ID, "apps", someTime())
	wantIllegal(t, err, "apps")
}

func TestNewRoleAndGroup(t *testing.T) {
	t.Parallel()
	application := uuid.New()
	role, err := NewRole(application, "Clerk", "", someTime())
	if err != nil || role.Name != "clerk" || role.Title != "Clerk" || role.ApplicationID != application || role.ID == uuid.Nil {
		t.Errorf("NewRole = %+v, %v", role, err)
	}
	titled, err := NewRole(application, "clerk", "The clerk", someTime())
	if err != nil || titled.Title != "The clerk" {
		t.Errorf("NewRole = %+v, %v", titled, err)
	}
	var invalid *Invalid
	if _, err := NewRole(application, "", "x", someTime()); !errors.As(err, &invalid) || invalid.Code != CodeRequiredProperty {
		t.Errorf("role without a name: %v", err)
	}
	_, err = NewRole(application, "a/b", "", someTime())
	wantIllegal(t, err, "a/b")

	group, err := NewGroup(application, "/Staff/North", "n", "t", someTime())
	if err != nil || group.Path != "Staff/North" || group.PathKey != "staff/north" || group.Name != "n" || group.Title != "t" {
		t.Errorf("NewGroup = %+v, %v", group, err)
	}
	_, err = NewGroup(application, "", "", "", someTime())
	wantIllegal(t, err, "You must provide a 'path' property when creating a group")
	_, err = NewGroup(application, "a/users", "", "", someTime())
	wantIllegal(t, err, "Illegal characters found in group name: a/users")
}

// Wire contract §8.3 and, for the sandbox, §7.1.
func TestDefaultRoles(t *testing.T) {
	t.Parallel()
	for open, guest := range map[bool]string{false: "post:/users", true: "get,post,put,delete:/**"} {
		application := uuid.New()
		seeds := DefaultRoles(application, open, someTime())
		want := map[string][]string{
			"admin":   nil,
			"default": {"get,put:/users/${user}", "get:/users/${user}/**"},
			"guest":   {guest},
		}
		ids := map[uuid.UUID]bool{uuid.Nil: true}
		for _, seed := range seeds {
			rules, known := want[seed.Role.Name]
			delete(want, seed.Role.Name)
			if !known || !slices.Equal(rules, seed.Rules) {
				t.Errorf("open %t: role %s has %q", open, seed.Role.Name, seed.Rules)
			}
			at := someTime().UnixMilli()
			if seed.Role.ApplicationID != application || seed.Role.Created != at || seed.Role.Modified != at || seed.Role.Title == "" || ids[seed.Role.ID] {
				t.Errorf("role %+v", seed.Role)
			}
			ids[seed.Role.ID] = true
		}
		if len(want) > 0 {
			t.Errorf("open %t: missing %v", open, want)
		}
	}
}

func TestPropertiesMerge(t *testing.T) {
	t.Parallel()
	properties := Properties{"keep": "1", "change": "2", "drop": "3"}
	mustMerge(t, &properties, map[string]any{"change": json.Number("4"), "drop": nil, "absent": nil, "new": false})
	if want := (Properties{"keep": "1", "change": json.Number("4"), "new": false}); !reflect.DeepEqual(properties, want) {
		t.Errorf("merged to %v, want %v", properties, want)
	}
	var none Properties
	mustMerge(t, &none, map[string]any{"a": "b"})
	if !reflect.DeepEqual(none, Properties{"a": "b"}) {
		t.Errorf("merged to %v", none)
	}
}

func TestPropertiesRoundTrip(t *testing.T) {
	t.Parallel()
	for _, properties := range []Properties{
		{},
		{"n": json.Number("12345678901234567890.10"), "s": "<&>\u2028", "b": true, "l": []any{json.Number("1"), nil}, "m": map[string]any{"x": "y"}},
	} {
		value, err := properties.Value()
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range []any{value, fmt.Append(nil, value)} {
			// What the variable held before must not shine through.
			read := Properties{"stale": "x"}
			if err := read.Scan(column); err != nil || !reflect.DeepEqual(read, properties) {
				t.Errorf("read %v, %v, want %v", read, err, properties)
			}
		}
	}
}

func TestPropertiesOfNothing(t *testing.T) {
	t.Parallel()
	if value, err := Properties(nil).Value(); value != "{}" || err != nil {
		t.Errorf("nil is stored as %v, %v", value, err)
	}
	read := Properties{"stale": "x"}
	if err := read.Scan(nil); err != nil || len(read) != 0 {
		t.Errorf("NULL is read as %v, %v", read, err)
	}
	for _, column := range []any{"", "{", "[]", []byte("1"), 7, true} {
		if err := new(Properties).Scan(column); err == nil {
			t.Errorf("%#v is read as properties", column)
		}
	}
}

func TestErrorsOfModels(t *testing.T) {
	t.Parallel()
	duplicate := &Duplicate{"user", "username", "dana"}
	if got := duplicate.Error(); got != `Entity "user" requires that property named "username" be unique, value of dana exists` {
		t.Errorf("Duplicate: %s", got)
	}
	if missing := Missing("name"); missing.Code != CodeRequiredProperty || !strings.Contains(missing.Error(), "name") {
		t.Errorf("Missing: %+v", missing)
	}
}

func mustMerge(t *testing.T, p *Properties, changes map[string]any) {
	t.Helper()
	if err := p.Merge(changes); err != nil {
		t.Fatal(err)
	}
}

func TestPropertiesDoNotGrowForEver(t *testing.T) {
	t.Parallel()
	properties := Properties{"keep": "1"}
	err := properties.Merge(map[string]any{"big": strings.Repeat("x", MaxProperties)})
	if invalid := (*Invalid)(nil); !errors.As(err, &invalid) || invalid.Code != CodeIllegalArgument {
		t.Errorf("got %v", err)
	}
	if !reflect.DeepEqual(properties, Properties{"keep": "1"}) {
		t.Error("a refused merge has changed something")
	}
}
