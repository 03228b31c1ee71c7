package portal

import (
	"slices"
	"strings"

	"github.com/writ-auth/writ/models"
)

// finding is something that should be mended, or looked at, before others rely on the application. Its texts are finding., its key, and the
// same with .why.
type finding struct {
	Key    string
	Bad    bool // mend it; else look at it
	Values []any
	Link   string // address of the page that mends it
	Mend   string // name of that link's text

	What, Why, Action string // in the words of the page
}

// roleFacts are what a review knows of a role.
type roleFacts struct {
	Name  string
	Rules []string
	Held  bool // by a user or a group
}

// userFacts are what a review knows of a user.
type userFacts struct {
	Username, Email string
	Activated       bool
	Created         int64
}

// applicationFacts are what a review of an application is made of.
type applicationFacts struct {
	Now           int64
	Address       string // of the application's first page
	Settings      models.Settings
	Passwords     bool // users may log in with a password
	Roles         []roleFacts
	Users         []userFacts
	SecretCreated int64
	Endless       int // live tokens without an end
}

// Ages (ms) at which things are old.
const (
	dayLong   = 24 * 60 * 60 * second
	oldSecret = 365 * dayLong
	oldUnused = 30 * dayLong
	longToken = 30 * dayLong
)

// reviewApplication finds what its administrator should look at.
func reviewApplication(f *applicationFacts) []finding {
	settings := f.Address + "/settings"
	found := reviewRoles(f)
	add := func(holds, bad bool, key, link, mend string, values ...any) {
		if holds {
			found = append(found, finding{Key: key, Bad: bad, Values: values, Link: link, Mend: mend})
		}
	}
	add(f.Passwords, false, "passwords", settings, "tab.settings")
	lifetime := f.Settings.AccessTokenTTL
	add(lifetime != nil && *lifetime == 0, true, "endlessdefault", settings, "tab.settings")
	add(lifetime != nil && *lifetime > longToken, false, "longlife", settings, "tab.settings", days(lifetime))
	add(f.Endless > 0, false, "endless", f.Address+"/tokens", "tab.tokens", f.Endless)
	add(f.Now-f.SecretCreated > oldSecret, false, "oldsecret", f.Address+"/credentials", "tab.credentials", (f.Now-f.SecretCreated)/dayLong)
	insecure := slices.IndexFunc(f.Settings.AllowedOrigins, isInsecureOrigin)
	if insecure >= 0 {
		add(true, true, "origin", settings, "tab.settings", f.Settings.AllowedOrigins[insecure])
	}
	var tests, unused []string
	for _, u := range f.Users {
		if isTestLike(u.Username) || isTestLike(u.Email) {
			tests = append(tests, u.Username)
		}
		if !u.Activated && f.Now-u.Created > oldUnused {
			unused = append(unused, u.Username)
		}
	}
	add(len(tests) > 0, true, "testusers", f.Address, "tab.start", listed(tests))
	add(len(unused) > 0, false, "unusedusers", f.Address, "tab.start", listed(unused))
	return sorted(found)
}

// reviewRoles looks at the rules of each role.
func reviewRoles(f *applicationFacts) (found []finding) {
	for _, role := range f.Roles {
		rules := strings.Join(role.Rules, ", ")
		var wide []string
		for _, rule := range role.Rules {
			if isWide(rule) {
				wide = append(wide, rule)
			}
		}
		at := finding{Link: f.Address, Mend: "tab.start"}
		switch {
		case role.Name == "guest" && len(wide) > 0:
			at.Key, at.Bad, at.Values = "openguest", true, []any{strings.Join(wide, ", ")}
		case role.Name == "guest" && len(role.Rules) > 0:
			at.Key, at.Values = "guest", []any{rules}
		case role.Name == "default" && len(wide) > 0:
			at.Key, at.Bad, at.Values = "opendefault", true, []any{strings.Join(wide, ", ")}
		case len(wide) > 0:
			at.Key, at.Values = "wide", []any{role.Name, strings.Join(wide, ", ")}
		case len(role.Rules) > 0 && !role.Held && role.Name != "default" && role.Name != "guest":
			at.Key, at.Values = "unheld", []any{role.Name}
		default:
			continue
		}
		found = append(found, at)
	}
	return found
}

// isWide tells whether a rule is about every path, as the sandbox rules of a first day are.
func isWide(rule string) bool {
	_, path, found := strings.Cut(rule, ":")
	return found && (path == "/**" || path == "/*" || path == "**")
}

// isInsecureOrigin tells whether pages of an origin may be changed on their way. A developer's own machine is no way.
func isInsecureOrigin(origin string) bool {
	host, plain := strings.CutPrefix(origin, "http://")
	return plain && !isLoopback(hostname(host))
}

// isTestLike tells whether a name or an address is one that nobody has who is somebody.
func isTestLike(name string) bool {
	name = strings.ToLower(name)
	local, domain, _ := strings.Cut(name, "@")
	for _, end := range []string{"example.com", "example.org", "example.net", "test.com", ".test", ".example", ".invalid"} {
		if domain != "" && strings.HasSuffix("."+domain, "."+strings.TrimPrefix(end, ".")) {
			return true
		}
	}
	word := strings.TrimRight(local, "0123456789")
	if cut := strings.IndexAny(word, "._-+"); cut > 0 {
		word = word[:cut]
	}
	return slices.Contains([]string{
		"test", "tester", "testuser", "demo", "dummy", "foo", "bar", "foobar", "asdf", "qwerty", "example", "sample", "sandbox", "temp", "tmp",
	}, word)
}

// adminFacts are what a review knows of an administrator.
type adminFacts struct {
	Username  string
	Disabled  bool
	LastLogin int64 // 0: none in the trail
}

// keyFacts are what a review knows of a key that signs.
type keyFacts struct {
	Short, Purpose string
	Changed        int64
	Planned        bool // its end is
}

// serverFacts are what a review of the whole server is made of.
type serverFacts struct {
	Now         int64
	Secure      bool // over TLS
	Strict      bool
	NonExpiring bool
	SendsMail   bool
	Admins      []adminFacts
	Keys        []keyFacts
}

// reviewServer finds what whoever runs the server should look at.
func reviewServer(f *serverFacts) []finding {
	var found []finding
	add := func(holds, bad bool, key string, values ...any) {
		if holds {
			found = append(found, finding{Key: key, Bad: bad, Values: values})
		}
	}
	add(!f.Secure, true, "plainhttp")
	add(!f.Strict, false, "compat")
	add(f.NonExpiring, false, "nonexpiring")
	add(!f.SendsMail, false, "nomail")
	var never, long, tests []string
	for _, admin := range f.Admins {
		switch {
		case admin.Disabled:
			continue
		case admin.LastLogin == 0:
			never = append(never, admin.Username)
		case admin.LastLogin > 0 && f.Now-admin.LastLogin > oldAdmin:
			long = append(long, admin.Username)
		}
		if isTestLike(admin.Username) {
			tests = append(tests, admin.Username)
		}
	}
	add(len(never) > 0, false, "neveradmins", listed(never))
	add(len(long) > 0, false, "oldadmins", listed(long))
	add(len(tests) > 0, true, "testadmins", listed(tests))
	for _, key := range f.Keys {
		if f.Now-key.Changed > oldSecret && !key.Planned {
			found = append(found, finding{
				Key: "oldkey", Values: []any{key.Short, (f.Now - key.Changed) / dayLong}, Link: address("keys"), Mend: "tab.keys",
			})
		}
	}
	return sorted(found)
}

const oldAdmin = 90 * dayLong

// sorted puts what must be mended first.
func sorted(found []finding) []finding {
	slices.SortStableFunc(found, func(a, b finding) int {
		switch {
		case a.Bad == b.Bad:
			return 0
		case a.Bad:
			return -1
		}
		return 1
	})
	return found
}

// listed names the first few of many.
func listed(names []string) string {
	const few = 10
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:few], ", ") + ", …"
}

func days(ms *int64) int64 {
	if ms == nil {
		return 0
	}
	return *ms / dayLong
}
