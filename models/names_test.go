package models

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/uuid"
)

type nameCase struct {
	name, in, want string
	ok             bool
}

// checkNames runs a table against one of the checks; a refusal must be an illegal_argument that can be shown.
func checkNames(t *testing.T, check func(string) (string, error), cases []nameCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := check(c.in)
			if c.ok {
				if err != nil || got != c.want {
					t.Errorf("%q: %q, %v, want %q", c.in, got, err, c.want)
				}
				return
			}
			if got != "" {
				t.Errorf("%q: refused and yet %q", c.in, got)
			}
			wantIllegal(t, err, "")
		})
	}
}

func wantIllegal(t *testing.T, err error, mentions string) {
	t.Helper()
	var invalid *Invalid
	if !errors.As(err, &invalid) {
		t.Fatalf("error %v, want an *Invalid", err)
	}
	if invalid.Code != CodeIllegalArgument || invalid.Reason == "" || invalid.Error() != invalid.Reason {
		t.Errorf("error %+v, want an illegal_argument with a reason", invalid)
	}
	if strings.ContainsFunc(invalid.Reason, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("reason %q is not printable", invalid.Reason)
	}
	if !strings.Contains(invalid.Reason, mentions) {
		t.Errorf("reason %q does not mention %q", invalid.Reason, mentions)
	}
}

const someID = "2a438f2a-3172-4442-bbce-14ab261db1d4"

// Wire contract §1.5: 1 to 64 of a-z 0-9 . _ -, first a letter or digit, upper case folded, not uuid-shaped, not reserved.
func tenantCases() []nameCase {
	return []nameCase{
		{"one letter", "z", "z", true},
		{"one digit", "7", "7", true},
		{"every kind of character", "a-b_c.9", "a-b_c.9", true},
		{"64 characters", strings.Repeat("a", 64), strings.Repeat("a", 64), true},
		{"65 characters", strings.Repeat("a", 65), "", false},
		{"upper case is folded", "Acme-Shop", "acme-shop", true},
		{"nothing", "", "", false},
		{"dot first", ".acme", "", false},
		{"hyphen first", "-acme", "", false},
		{"underscore first", "_acme", "", false},
		{"slash", "a/b", "", false},
		{"space", "a b", "", false},
		{"space at the end", "acme ", "", false},
		{"line break at the end", "acme\n", "", false},
		{"percent", "a%20b", "", false},
		{"at sign", "a@b", "", false},
		{"letter beyond ASCII", "café", "", false},
		{"Kelvin sign, whose lower case is k", "\u212aelvin", "", false},
		{"dotted capital I, whose lower case is i", "\u0130stanbul", "", false},
		{"not UTF-8", "a\xff", "", false},
		{"control character", "a\x00", "", false},
		{"uuid", someID, "", false},
		{"uuid in upper case", strings.ToUpper(someID), "", false},
		{"uuid without hyphens is a name", strings.ReplaceAll(someID, "-", ""), strings.ReplaceAll(someID, "-", ""), true},
		{"uuid and more is a name", someID + "-2", someID + "-2", true},
		{"apps", "apps", "", false},
		{"applications", "applications", "", false},
		{"a", "a", "", false},
		{"reserved in upper case", "Apps", "", false},
	}
}

// Wire contract §11.4.
func TestOrganizationName(t *testing.T) {
	t.Parallel()
	cases := tenantCases()
	for _, reserved := range []string{
		"management", "portal", "status", "healthz", "readyz", "metrics", "oauth2", "system", "static", "assets", "docs",
		"orgs", "organizations", "o", "apps", "applications", "a", "MANAGEMENT", ".well-known", ".", "..",
	} {
		cases = append(cases, nameCase{"reserved " + reserved, reserved, "", false})
	}
	for _, free := range []string{"managements", "app", "org", "oauth", "token", "users", "roles"} {
		cases = append(cases, nameCase{"free " + free, free, free, true})
	}
	checkNames(t, OrganizationName, cases)
}

// Wire contract §11.4.
func TestApplicationName(t *testing.T) {
	t.Parallel()
	cases := append(tenantCases(), nameCase{"dots", "..", "", false})
	for _, free := range []string{
		"management", "portal", "status", "healthz", "oauth2", "docs", "orgs", "organizations", "o", "app", "sandbox", "users", "token",
	} {
		cases = append(cases, nameCase{"free " + free, free, free, true})
	}
	checkNames(t, ApplicationName, cases)
}

// Wire contract §1.5: 1 to 255 letters, digits, space, _ - . ' + @ %; not uuid-shaped, not me.
func TestUsername(t *testing.T) {
	t.Parallel()
	checkNames(t, Username, []nameCase{
		{"one letter", "d", "d", true},
		{"every kind of character", "D9 _-.'+@%x", "D9 _-.'+@%x", true},
		{"spelling is kept", "DaNa", "DaNa", true},
		{"e-mail address", "dana@example.com", "dana@example.com", true},
		{"letters beyond ASCII", "Žofie Ångström", "Žofie Ångström", true},
		{"letters with marks", "हिन्दी", "हिन्दी", true},
		{"digits beyond ASCII", "٣٤", "٣٤", true},
		{"255 characters", strings.Repeat("é", 255), strings.Repeat("é", 255), true},
		{"256 characters", strings.Repeat("a", 256), "", false},
		{"nothing", "", "", false},
		{"me", "me", "", false},
		{"ME", "Me", "", false},
		{"mefake@x is not me", "mefake@x", "mefake@x", true},
		{"uuid", someID, "", false},
		{"uuid in upper case", strings.ToUpper(someID), "", false},
		{"uuid without hyphens", strings.ReplaceAll(someID, "-", ""), strings.ReplaceAll(someID, "-", ""), true},
		{"space first", " dana", "", false},
		{"space last", "dana ", "", false},
		{"only space", " ", "", false},
		{"tab", "da\tna", "", false},
		{"no-break space", "da\u00a0na", "", false},
		{"line break", "dana\n", "", false},
		{"NUL", "da\x00na", "", false},
		{"slash", "da/na", "", false},
		{"backslash", `da\na`, "", false},
		{"colon", "da:na", "", false},
		{"comma", "da,na", "", false},
		{"star", "d*", "", false},
		{"question mark", "d?na", "", false},
		{"variable", "${user}", "", false},
		{"angle bracket", "<b>", "", false},
		{"double quote", `"dana"`, "", false},
		{"number that is no digit", "½", "", false},
		{"zero-width joiner", "da\u200dna", "", false},
		{"bidirectional override", "da\u202ena", "", false},
		{"not UTF-8", "da\xffna", "", false},
		{"replacement character", "da\ufffdna", "", false},
		{"dot segment", ".", "", false},
		{"double dot segment", "..", "", false},
		{"three dots", "...", "...", true},
	})
	_, err := Username("mE")
	wantIllegal(t, err, "Username 'me' is reserved")
}

func TestEmail(t *testing.T) {
	t.Parallel()
	checkNames(t, Email, []nameCase{
		{"usual", "Dana.Reed+x@Example.com", "Dana.Reed+x@Example.com", true},
		{"no dot in the domain", "dana@localhost", "dana@localhost", true},
		{"letters beyond ASCII", "žofie@příklad.cz", "žofie@příklad.cz", true},
		{"254 bytes", strings.Repeat("a", 252) + "@x", strings.Repeat("a", 252) + "@x", true},
		{"255 bytes", strings.Repeat("a", 253) + "@x", "", false},
		{"nothing", "", "", false},
		{"no at sign", "dana", "", false},
		{"two at signs", "a@b@c", "", false},
		{"nothing before", "@x", "", false},
		{"nothing behind", "a@", "", false},
		{"space", "a b@x", "", false},
		{"space at the end", "a@x ", "", false},
		{"line break", "a@x\nBcc: b@y", "", false},
		{"carriage return", "a@x\r", "", false},
		{"NUL", "a\x00@x", "", false},
		{"delete", "a\x7f@x", "", false},
		{"next line", "a@x\u0085", "", false},
		{"no-break space", "a\u00a0b@x", "", false},
		{"line separator", "a@x\u2028", "", false},
		{"bidirectional override", "a\u202e@x", "", false},
		{"zero-width space", "a\u200b@x", "", false},
		{"with a name", "Dana <a@x>", "", false},
		{"two addresses", "a@x,b@y", "", false},
		{"quoted", `"a"@x`, "", false},
		{"not UTF-8", "a\xff@x", "", false},
	})
}

// Wire contract §1.5: stored in lower case.
func TestRoleName(t *testing.T) {
	t.Parallel()
	checkNames(t, RoleName, []nameCase{
		{"lower case", "clerk", "clerk", true},
		{"upper case is folded", "Clerk Of ÄRZTE", "clerk of ärzte", true},
		{"trimmed", " clerk ", "clerk", true},
		{"every kind of character", "a9 _.@+-", "a9 _.@+-", true},
		{"letters with marks", "हिन्दी", "हिन्दी", true},
		{"255 characters", strings.Repeat("r", 255), strings.Repeat("r", 255), true},
		{"256 characters", strings.Repeat("r", 256), "", false},
		{"nothing", "", "", false},
		{"only space", "  ", "", false},
		{"dot first", ".x", "", false},
		{"slash", "a/b", "", false},
		{"colon", "a:b", "", false},
		{"star", "a*", "", false},
		{"comma", "a,b", "", false},
		{"line break", "a\nb", "", false},
		{"uuid", strings.ToUpper(someID), "", false},
		{"not UTF-8", "a\xff", "", false},
	})
}

// Wire contract §8.3: letters, digits, - . /, no segment users, roles, permissions or their singular.
func TestGroupPath(t *testing.T) {
	t.Parallel()
	checkNames(t, GroupPath, []nameCase{
		{"one segment", "staff", "staff", true},
		{"several segments", "staff/north/Hall-4.b", "staff/north/Hall-4.b", true},
		{"spelling is kept", "Staff", "Staff", true},
		{"letters beyond ASCII", "Köln/हिन्दी", "Köln/हिन्दी", true},
		{"slashes around", "/staff/north/", "staff/north", true},
		{"255 bytes", strings.Repeat("g", 255), strings.Repeat("g", 255), true},
		{"256 bytes", strings.Repeat("g", 256), "", false},
		{"nothing", "", "", false},
		{"only slashes", "//", "", false},
		{"empty segment", "a//b", "", false},
		{"space", "a b", "", false},
		{"underscore", "a_b", "", false},
		{"star", "a*", "", false},
		{"colon", "a:b", "", false},
		{"number that is no digit", "½", "", false},
		{"line break", "a\n", "", false},
		{"not UTF-8", "a\xff", "", false},
		{"dot segment", "a/./b", "", false},
		{"double dot segment", "../a", "", false},
		{"users", "users", "", false},
		{"user", "a/user", "", false},
		{"roles", "roles/a", "", false},
		{"role", "a/role/b", "", false},
		{"permissions", "a/permissions", "", false},
		{"permission", "permission", "", false},
		{"reserved in upper case", "a/Users", "", false},
		{"longer than a reserved word", "superusers/rolesx", "superusers/rolesx", true},
		{"groups is free", "groups", "groups", true},
		{"uuid", someID, "", false},
		{"uuid as a segment", "a/" + someID, "a/" + someID, true},
	})
}

func TestGroupBoundary(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"users", "user", "roles", "role", "permissions", "permission", "USERS"} {
		if !IsGroupBoundary(word) {
			t.Errorf("%s does not end the path of a group", word)
		}
	}
	for _, word := range []string{"", "groups", "userss", "staff"} {
		if IsGroupBoundary(word) {
			t.Errorf("%s ends the path of a group", word)
		}
	}
}

// Wire contract §2.1: up to 100 characters.
func TestLabel(t *testing.T) {
	t.Parallel()
	checkNames(t, Label, []nameCase{
		{"nothing", "", "", true},
		{"text", "CI of Žofie (2026)", "CI of Žofie (2026)", true},
		{"100 characters", strings.Repeat("é", 100), strings.Repeat("é", 100), true},
		{"101 characters", strings.Repeat("a", 101), "", false},
		{"line break", "a\nb", "", false},
		{"not UTF-8", "a\xff", "", false},
	})
}

// Wire contract §1.5: uuid shape, e-mail shape, else a name.
func TestShapesOfReferences(t *testing.T) {
	t.Parallel()
	cases := []struct {
		reference   string
		uuid, email bool
	}{
		{someID, true, false},
		{strings.ToUpper(someID), true, false},
		{"00000000-0000-0000-0000-000000000000", true, false},
		{"{" + someID + "}", false, false},
		{"urn:uuid:" + someID, false, false},
		{strings.ReplaceAll(someID, "-", ""), false, false},
		{someID[:35] + "g", false, false},
		{strings.ReplaceAll(someID, "-", "_"), false, false},
		{someID + "\n", false, false},
		{"a@b", false, true},
		{"a b@c", false, false},
		{"@", false, false},
		{"dana", false, false},
		{"", false, false},
	}
	for _, c := range cases {
		if IsUUID(c.reference) != c.uuid || IsEmail(c.reference) != c.email {
			t.Errorf("%q: uuid %t, e-mail %t", c.reference, IsUUID(c.reference), IsEmail(c.reference))
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	cases := []struct{ in, want string }{
		{"", ""},
		{"Žofie 9", "Žofie 9"},
		{"a\r\nb\x00\x7f", "a??b??"},
		{"a\u2028\u202e\u00a0b", "a???b"},
		{"a\xffb", "a?b"},
		{strings.Repeat("é", 100), strings.Repeat("é", 100)},
		{strings.Repeat("é", 101), strings.Repeat("é", 100) + "..."},
	}
	for _, c := range cases {
		if got := Printable(c.in); got != c.want {
			t.Errorf("Printable(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// What a check returns, it accepts again, and it stays within what the engine of §9 and URLs can carry.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"Acme", "dana@example.com", someID, "a/b", "\u212a", " x ", "..", "\u0130"} {
		f.Add(seed)
	}
	checks := map[string]func(string) (string, error){
		"organization": OrganizationName, "application": ApplicationName, "username": Username,
		"email": Email, "role": RoleName, "group": GroupPath, "label": Label,
	}
	f.Fuzz(func(t *testing.T, text string) {
		for kind, check := range checks {
			name, err := check(text)
			if err != nil {
				wantIllegal(t, err, "")
				continue
			}
			again, err := check(name)
			if err != nil || again != name {
				t.Fatalf("%s %q gives %q, which gives %q, %v", kind, text, name, again, err)
			}
			if kind != "group" && kind != "label" && kind != "email" && strings.ContainsAny(name, "/*?:,${}") {
				t.Fatalf("%s %q gives %q", kind, text, name)
			}
		}
	})
}

func TestShownText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "Dana Reed", "Dana \"D.\" <Reed>", "Дана", "ダナ 🙂", strings.Repeat("x", 5000)} {
		if err := ShownText("name", text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"a\x00", "a\nb", "a\r\nBcc: x", "a\tb", "\x7f", "\u0085", "\u2028", "\xff"} {
		wantIllegal(t, ShownText("name", text), "")
	}
	if _, err := NewUser(uuid.New(), "dana", "", "a\nb", time.Now()); err == nil {
		t.Error("a user with two lines of name")
	}
	if _, err := NewAdmin("olga", "o@x", "a\nb", time.Now()); err == nil {
		t.Error("an admin with two lines of name")
	}
	if _, err := NewRole(uuid.New(), "clerk", "a\nb", time.Now()); err == nil {
		t.Error("a role with two lines of title")
	}
	if _, err := NewGroup(uuid.New(), "a", "a\nb", "", time.Now()); err == nil {
		t.Error("a group with two lines of name")
	}
}
