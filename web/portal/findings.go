package portal

import (
	"slices"
	"strings"

	"github.com/google/uuid"

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
	// Setting of the process that mends it, and the value to give it: no page changes those.
	Setting string

	What, Why, Action string // in the words of the page
}

// roleFacts are what a review knows of a role.
type roleFacts struct {
	Name  string
	Rules []string
	Held  bool // by a user or a group
}

// ruleFacts are what a review knows of the rules of one user or group.
type ruleFacts struct {
	Name, Address string
	Rules         []string
}

// userFacts are what a review knows of a user.
type userFacts struct {
	Username, Email string
	Activated       bool
	Created         int64
	ID              uuid.UUID `json:"uuid"`
}

// applicationFacts are what a review of an application is made of.
type applicationFacts struct {
	Now           int64
	Address       string // of the application's first page
	Settings      models.Settings
	Passwords     bool // users may log in with a password
	Roles         []roleFacts
	RoleAt        map[string]string // addresses of their pages, by name
	Users         []userFacts
	SecretCreated int64
	Endless       int      // live tokens without an end
	Plain         bool     // no TLS
	Legacy        []string // features in use since Since, in words
	Since         int64
	UserRules     []ruleFacts // of single users and groups
	GroupRules    []ruleFacts
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
	found = append(found, reviewHolders(f)...)
	if f.Plain {
		found = append(found, plainIssuer())
	}
	add(len(f.Legacy) > 0, false, "legacy", f.Address+"/insight", "tab.insight", strings.Join(f.Legacy, "; "))
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
	add(len(tests) > 0, true, "testusers", f.Address+"/users", "tab.users", listed(tests))
	add(len(unused) > 0, false, "unusedusers", f.Address+"/users", "tab.users", listed(unused))
	return sorted(found)
}

// plainIssuer is found for who cannot change it himself, but has what is at stake.
func plainIssuer() finding { return finding{Key: "plainissuer", Bad: true, Setting: overTLS} }

// overTLS is the setting that ends plain HTTP.
const overTLS = "public-url=https://…"

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
		at := finding{Link: f.RoleAt[role.Name], Mend: "tab.roles"}
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

// reviewHolders looks at rules that single users and groups have by themselves.
func reviewHolders(f *applicationFacts) (found []finding) {
	for _, of := range []struct {
		key     string
		holders []ruleFacts
		page    string
	}{{"userrules", f.UserRules, "users"}, {"grouprules", f.GroupRules, "groups"}} {
		var names []string
		for _, h := range of.holders {
			names = append(names, h.Name)
			for _, rule := range h.Rules {
				if isWide(rule) {
					found = append(found, finding{Key: "wide" + of.key, Bad: true, Values: []any{h.Name, rule}, Link: h.Address, Mend: "tab." + of.page})
					break
				}
			}
		}
		if len(names) > 0 {
			found = append(found, finding{Key: of.key, Values: []any{listed(names)}, Link: f.Address + "/" + of.page, Mend: "tab." + of.page})
		}
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
	OpenFeed    bool     // feed-access=public
	Legacy      []string // features in use, in words
}

// reviewServer finds what whoever runs the server should look at.
func reviewServer(f *serverFacts) []finding {
	var found []finding
	add := func(holds bool, of finding) {
		if holds {
			found = append(found, of)
		}
	}
	figures := address("insight")
	add(!f.Secure, finding{Key: "plainhttp", Bad: true, Setting: overTLS})
	add(!f.Strict, finding{Key: "compat", Setting: "compat=strict", Link: figures, Mend: "tab.insight"})
	add(len(f.Legacy) > 0, finding{Key: "legacy", Values: []any{strings.Join(f.Legacy, "; ")}, Link: figures, Mend: "tab.insight"})
	add(f.OpenFeed, finding{Key: "openfeed", Setting: "feed-access=client", Link: figures, Mend: "tab.insight"})
	add(f.NonExpiring, finding{Key: "nonexpiring", Setting: "nonexpiring=deny", Link: address(), Mend: "organizations.title"})
	add(!f.SendsMail, finding{Key: "nomail", Setting: "smtp-url=smtp://…"})
	admins := reviewAdmins(f.Now, f.Admins)
	for _, of := range []struct {
		key   string
		bad   bool
		names []string
	}{{"neveradmins", false, admins.never}, {"oldadmins", false, admins.long}, {"testadmins", true, admins.tests}} {
		if len(of.names) > 0 {
			found = append(found, finding{
				Key: of.key, Bad: of.bad, Values: []any{listed(of.names)}, Link: address("administrators"), Mend: "tab.administrators",
			})
		}
	}
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

// reviewedNames are administrators that are worth a look.
type reviewedNames struct{ never, long, tests []string }

// reviewAdmins looks at those who can sign in.
func reviewAdmins(now int64, admins []adminFacts) (found reviewedNames) {
	for _, admin := range admins {
		switch {
		case admin.Disabled:
			continue
		case admin.LastLogin == 0:
			found.never = append(found.never, admin.Username)
		case now-admin.LastLogin > oldAdmin:
			found.long = append(found.long, admin.Username)
		}
		if isTestLike(admin.Username) {
			found.tests = append(found.tests, admin.Username)
		}
	}
	return found
}

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
