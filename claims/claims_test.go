package claims

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	shop       = "https://id.example.com/acme/shop"
	management = "https://id.example.com/management"
	issued     = 1796117400
	expires    = 1796203801
)

// examples are the four payloads of wire contract §4, and one with the status of a token that does not expire; testdata holds their text.
func examples() map[string]Claims {
	return map[string]Claims{
		"application_user": {
			Issuer: shop, Audience: Audience{shop}, Subject: "23eb7164-3ac5-4727-95d2-5341edc5fe85",
			ClientID: "YXA6KkOPKjFyREK7zhSrJh2x1A", IssuedAt: issued, Expires: new(int64(expires)),
			ID: "01a230f0-8aba-7f62-812e-df7b27ebd003", Level: ApplicationUser, Generation: 3,
			Org: "acme", OrgID: "3fcb4b70-f79a-4ffc-a71b-9592244ececa", App: "shop", AppID: "2a438f2a-3172-4442-bbce-14ab261db1d4",
			Username: "dana", Roles: []string{"clerk", "default"}, Groups: []string{"staff/north"},
		},
		"application": {
			Issuer: shop, Audience: Audience{shop}, Subject: "2a438f2a-3172-4442-bbce-14ab261db1d4",
			ClientID: "YXA6KkOPKjFyREK7zhSrJh2x1A", IssuedAt: 1796117461, Expires: new(int64(1796203861)),
			ID: "01a230f1-7808-7efe-a1da-de3b602c16df", Level: Application, Generation: 1,
			Org: "acme", OrgID: "3fcb4b70-f79a-4ffc-a71b-9592244ececa", App: "shop", AppID: "2a438f2a-3172-4442-bbce-14ab261db1d4",
			Scope: "orders.read",
		},
		"organization": {
			Issuer: management, Audience: Audience{management}, Subject: "3fcb4b70-f79a-4ffc-a71b-9592244ececa",
			ClientID: "b3U6P8tLcPeaT_ynG5WSJE7Oyg", IssuedAt: 1796117525, Expires: new(int64(1796119326)),
			ID: "01a230f2-7398-7a82-ad12-15bd52bfa3fb", Level: Organization, Generation: 2,
			Org: "acme", OrgID: "3fcb4b70-f79a-4ffc-a71b-9592244ececa",
		},
		"admin_user": {
			Issuer: management, Audience: Audience{management}, Subject: "09c9c31a-e2f9-4909-b4a3-cc3052800e04",
			ClientID: "management", IssuedAt: 1796117580, ID: "01a230f3-48e0-72e3-9e8d-2e6965b01fce",
			Level: AdminUser, Generation: 1, Username: "olga", Orgs: []string{"acme"},
		},
		"nonexpiring": {
			Issuer: shop, Audience: Audience{shop}, Subject: "2a438f2a-3172-4442-bbce-14ab261db1d4",
			ClientID: "YXA6KkOPKjFyREK7zhSrJh2x1A", IssuedAt: 1796117461, ID: "01a230f1-7808-7efe-a1da-de3b602c16df",
			Level: Application, Generation: 1,
			Org: "acme", OrgID: "3fcb4b70-f79a-4ffc-a71b-9592244ececa", App: "shop", AppID: "2a438f2a-3172-4442-bbce-14ab261db1d4",
			Scope: "orders.read", Status: &Status{List: &StatusListEntry{Index: 40961, URI: shop + "/statuslists/1"}},
		},
	}
}

// SEC-35
func TestPayloadsAreThoseOfTheWireContract(t *testing.T) {
	t.Parallel()
	for name, claims := range examples() {
		golden, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSpace(string(golden))
		got, err := json.Marshal(claims)
		if err != nil || string(got) != want {
			t.Errorf("%s is written as\n%s, %v\nwant\n%s", name, got, err, want)
		}
		read, err := Parse([]byte(want))
		if err != nil || !reflect.DeepEqual(*read, claims) {
			t.Errorf("%s is read as\n%+v, %v\nwant\n%+v", name, read, err, claims)
		}
		if err := claims.Validate(Expectation{Issuers: []string{claims.Issuer}}, time.Unix(claims.IssuedAt, 0)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEmptyListsAreWrittenAndAbsentOnesAreNot(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(Claims{Roles: []string{}, Groups: []string{}, Permissions: []string{}, Orgs: []string{}, Superuser: true})
	want := `{"iss":"","aud":null,"sub":"","client_id":"","iat":0,"jti":"","level":"","gen":0,` +
		`"roles":[],"permissions":[],"orgs":[],"superuser":true}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestEveryFieldIsAKnownMember(t *testing.T) {
	t.Parallel()
	names := claimNames()
	structure := reflect.TypeFor[Claims]()
	if len(names) != structure.NumField() {
		t.Fatalf("%d names for %d fields", len(names), structure.NumField())
	}
	for i, name := range names {
		tag, _, _ := strings.Cut(structure.Field(i).Tag.Get("json"), ",")
		if tag != name {
			t.Errorf("field %s is read from member %s", tag, name)
		}
		// Only known members have a type that null is not.
		if _, err := Parse([]byte(`{"` + tag + `":null}`)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: null is %v", tag, err)
		}
	}
}

func TestGuestsHaveNoTokens(t *testing.T) {
	t.Parallel()
	for level, want := range map[Level]bool{
		Guest: false, ApplicationUser: true, Application: true, Organization: true, AdminUser: true, "admin": false, "Application": false,
	} {
		if level.Valid() != want {
			t.Errorf("%q: %v", level, !want)
		}
	}
}

func TestNonExpiring(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		expires *int64
		want    bool
	}{{nil, true}, {new(int64(FarFuture)), true}, {new(int64(FarFuture - 1)), false}, {new(int64(0)), false}} {
		if c := (Claims{Expires: test.expires}); c.NonExpiring() != test.want {
			t.Errorf("%v: %v", test.expires, !test.want)
		}
	}
	if end := time.Unix(FarFuture, 0).UTC().Format(time.DateTime); end != "9999-12-31 23:59:59" {
		t.Error(end)
	}
}

// SEC-42
func TestValidateTimes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		exp    *int64
		iat    int64
		leeway time.Duration
		now    time.Time
		want   error
	}{
		{"a millisecond before exp", new(int64(expires)), issued, 0, time.UnixMilli(expires*1000 - 1), nil},
		{"exactly at exp", new(int64(expires)), issued, 0, time.Unix(expires, 0), ErrExpired},
		{"after exp", new(int64(expires)), issued, 0, time.Unix(expires+1, 0), ErrExpired},
		{"within the leeway", new(int64(expires)), issued, 30 * time.Second, time.Unix(expires+29, 0), nil},
		{"at the end of the leeway", new(int64(expires)), issued, 30 * time.Second, time.Unix(expires+30, 0), ErrExpired},
		{"leeway is at most a minute", new(int64(expires)), issued, time.Hour, time.Unix(expires+60, 0), ErrExpired},
		{"a minute is allowed", new(int64(expires)), issued, time.Hour, time.UnixMilli((expires+60)*1000 - 1), nil},
		{"negative leeway counts as none", new(int64(expires)), issued, -time.Hour, time.UnixMilli(expires*1000 - 1), nil},
		{"exp in 1970", new(int64(0)), issued, 0, time.Unix(issued, 0), ErrExpired},
		{"negative exp", new(int64(-1 << 63)), issued, 0, time.Unix(issued, 0), ErrExpired},
		{"no exp", nil, issued, 0, time.Unix(1<<40, 0), nil},
		{"the year 9999", new(int64(FarFuture)), issued, 0, time.Unix(1<<37, 0), nil},
		{"beyond the year 9999", new(int64(FarFuture + 1)), issued, 0, time.Unix(issued, 0), ErrMalformed},
		{"exp that overflows", new(int64(1<<63 - 1)), issued, 0, time.Unix(issued, 0), ErrMalformed},
		{"issued a minute ahead", new(int64(expires)), issued, 0, time.Unix(issued-60, 0), nil},
		{"issued more than a minute ahead", new(int64(expires)), issued, 0, time.Unix(issued-61, 0), ErrNotYet},
		{"issued far ahead, leeway given", nil, issued, time.Hour, time.Unix(issued-3600, 0), ErrNotYet},
		{"no iat", new(int64(expires)), 0, 0, time.Unix(issued, 0), ErrMalformed},
		{"negative iat", new(int64(expires)), -1, 0, time.Unix(issued, 0), ErrMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := examples()["application_user"]
			c.Expires, c.IssuedAt = test.exp, test.iat
			err := c.Validate(Expectation{Issuers: []string{shop}, Leeway: test.leeway}, test.now)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// SEC-43
func TestValidateAudience(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		payload  string // the member aud
		audience string
		want     error
	}{
		{"array with the issuer", `["` + shop + `"]`, "", nil},
		{"string with the issuer", `"` + shop + `"`, "", nil},
		{"one of several", `["https://other.example.com","` + shop + `"]`, "", nil},
		{"audience of the reader's own", `["api"]`, "api", nil},
		{"issuer, but the reader expects its own", `["` + shop + `"]`, "api", ErrAudience},
		{"prefix", `["` + shop + `/"]`, "", ErrAudience},
		{"other case", `["` + strings.ToUpper(shop) + `"]`, "", ErrAudience},
		{"another application", `["https://id.example.com/acme/other"]`, "", ErrAudience},
		{"empty array", `[]`, "", ErrAudience},
		{"empty string", `""`, "", ErrAudience},
		{"joined by a space", `"` + shop + ` api"`, "", ErrAudience},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := examples()["application_user"]
			if err := json.Unmarshal([]byte(test.payload), &c.Audience); err != nil {
				t.Fatal(err)
			}
			err := c.Validate(Expectation{Issuers: []string{shop}, Audience: test.audience}, time.Unix(issued, 0))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	for _, payload := range []string{`null`, `1`, `{}`, `[1]`, `[null]`} {
		var a Audience
		// encoding/json reads null as an absent value; Parse is strict about it.
		if err := json.Unmarshal([]byte(payload), &a); err == nil && len(a) > 0 && a[0] != "" {
			t.Errorf("%s is read as %q", payload, a)
		}
	}
}

// SEC-44
func TestValidateIssuer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		trusted []string
		issuer  string
		want    error
	}{
		{"the trusted one", []string{shop}, shop, nil},
		{"one of several", []string{management, shop}, shop, nil},
		{"nobody is trusted", nil, shop, ErrIssuer},
		{"another application", []string{shop}, "https://id.example.com/acme/other", ErrIssuer},
		{"another organization", []string{shop}, "https://id.example.com/other/shop", ErrIssuer},
		{"trailing slash", []string{shop}, shop + "/", ErrIssuer},
		{"trailing slash in the setting", []string{shop + "/"}, shop, ErrIssuer},
		{"longer name", []string{shop}, shop + "2", ErrIssuer},
		{"shorter name", []string{shop}, shop[:len(shop)-1], ErrIssuer},
		{"case of the host", []string{shop}, strings.Replace(shop, "id", "ID", 1), ErrIssuer},
		{"case of the path", []string{shop}, strings.Replace(shop, "shop", "Shop", 1), ErrIssuer},
		{"other scheme", []string{shop}, strings.Replace(shop, "https", "http", 1), ErrIssuer},
		{"default port", []string{shop}, strings.Replace(shop, ".com", ".com:443", 1), ErrIssuer},
		{"dot segment", []string{shop}, "https://id.example.com/acme/./shop", ErrIssuer},
		{"percent-encoded", []string{shop}, "https://id.example.com/acme/%73hop", ErrIssuer},
		{"user part", []string{shop}, "https://id.example.com@evil.example/acme/shop", ErrIssuer},
		{"empty", []string{shop}, "", ErrIssuer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := examples()["application_user"]
			c.Issuer, c.Audience = test.issuer, Audience{test.issuer}
			err := c.Validate(Expectation{Issuers: test.trusted}, time.Unix(issued, 0))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestForeignTokenIsNeverCalledExpired(t *testing.T) {
	t.Parallel()
	c := examples()["application_user"]
	if err := c.Validate(Expectation{Issuers: []string{management}}, time.Unix(expires+1, 0)); !errors.Is(err, ErrIssuer) {
		t.Error(err)
	}
	if err := c.Validate(Expectation{Issuers: []string{shop}, Audience: "api"}, time.Unix(expires+1, 0)); !errors.Is(err, ErrAudience) {
		t.Error(err)
	}
}

// SEC-35
func TestValidateDemandsTheRequiredClaims(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(*Claims){
		"sub":           func(c *Claims) { c.Subject = "" },
		"jti":           func(c *Claims) { c.ID = "" },
		"client_id":     func(c *Claims) { c.ClientID = "" },
		"gen":           func(c *Claims) { c.Generation = 0 },
		"negative gen":  func(c *Claims) { c.Generation = -1 },
		"level":         func(c *Claims) { c.Level = Guest },
		"unknown level": func(c *Claims) { c.Level = "root" },
		"level in case": func(c *Claims) { c.Level = "Admin_User" },
	} {
		c := examples()["application_user"]
		remove(&c)
		if err := c.Validate(Expectation{Issuers: []string{shop}}, time.Unix(issued, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
