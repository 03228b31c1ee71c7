package permission

import (
	"strings"
	"testing"
)

const (
	danaID = "23eb7164-3ac5-4727-95d2-5341edc5fe85"
	erikID = "0fd53bd0-9e32-4f12-8fce-8aef6c0dd89e"
)

func dana() Subject { return Subject{Username: "Dana", UUID: danaID} }

func get(paths ...string) Request { return Request{Method: "GET", Paths: paths} }

// Every row of the table in wire contract §9.2.
func TestVectorsOfTheContract(t *testing.T) {
	t.Parallel()
	vectors := []struct {
		rule    string
		matches []string
		others  []string
	}{
		{"/foo", []string{"/foo"}, []string{"/foo/bar"}},
		{"/foo/bar/*", []string{"/foo/bar", "/foo/bar/baz"}, []string{"/foo/bar/baz/", "/foo/bar/baz/boz"}},
		{"/foo/bar/**", []string{"/foo/bar", "/foo/bar/baz/boz"}, []string{"/foo"}},
		{
			"/foo/bar/*/boz/*",
			[]string{"/foo/bar/baz/boz", "/foo/bar/baz/boz/biz"},
			[]string{"/foo/bar/baz/boz/biz/box"},
		},
		{"/users", []string{"/users"}, []string{"/users/bob", "/users/"}},
		{"/users/", []string{"/users/"}, []string{"/users"}},
		{"/users/*", []string{"/users", "/users/bob"}, []string{"/users/bob/roles"}},
		{"/users/*/roles", []string{"/users/dana/roles"}, []string{"/users/dana"}},
		{"/users/d?na", []string{"/users/dana"}, []string{"/users/daana"}},
		{"**/likes", []string{"/likes", "/users/likes"}, []string{"/likes/x"}},
		{"/*", []string{"/", "/users"}, []string{"/a/b"}},
		{"*", []string{"/a/b"}, nil},
		{"/users/**", []string{"/users"}, nil},
		{"/users/me/**", []string{"/users/dana", "/users/" + danaID + "/permissions"}, []string{"/users/erik/permissions"}},
		{"/users/mefake@x/**", []string{"/users/mefake@x/permissions"}, nil},
		{
			"/users/*/following/users/${user}",
			[]string{"/users/erik/following/users/dana"},
			[]string{"/users/erik/following/users/erik"},
		},
	}
	for _, v := range vectors {
		t.Run(v.rule, func(t *testing.T) {
			t.Parallel()
			rule := mustParse(t, v.rule)
			for _, path := range v.matches {
				if !rule.Allows(get(path), dana()) {
					t.Errorf("%s does not match %s", v.rule, path)
				}
			}
			for _, path := range v.others {
				if rule.Allows(get(path), dana()) {
					t.Errorf("%s matches %s", v.rule, path)
				}
			}
		})
	}
}

// Sentence by sentence: wire contract §9.1 and §9.2.
func TestEverySentence(t *testing.T) {
	t.Parallel()
	guest := Subject{}
	cases := []struct {
		name, rule, method, path string
		sub                      Subject
		want                     bool
	}{
		{"no operations mean all: get", "/a", "GET", "/a", guest, true},
		{"no operations mean all: put", "/a", "PUT", "/a", guest, true},
		{"no operations mean all: post", "/a", "POST", "/a", guest, true},
		{"no operations mean all: delete", "/a", "DELETE", "/a", guest, true},
		{"star means all", "*:/a", "DELETE", "/a", guest, true},
		{"access means all", "access:/a", "PUT", "/a", guest, true},
		{"star beside an operation means all", "get,*:/a", "PUT", "/a", guest, true},
		{"several operations: first", "get,put:/a", "GET", "/a", guest, true},
		{"several operations: second", "get,put:/a", "PUT", "/a", guest, true},
		{"several operations: another", "get,put:/a", "POST", "/a", guest, false},
		{"one operation is not another", "post:/a", "GET", "/a", guest, false},
		{"HEAD is get", "get:/a", "HEAD", "/a", guest, true},
		{"HEAD is not put", "put:/a", "HEAD", "/a", guest, false},
		{"unknown method", "*:/**", "PATCH", "/a", guest, false},
		{"OPTIONS is no operation", "*:/**", "OPTIONS", "/a", guest, false},
		{"no method", "*:/**", "", "/a", guest, false},
		{"methods are case-sensitive", "*:/**", "get", "/a", guest, false},
		{"rules are trimmed", " \t get:/a \n", "GET", "/a", guest, true},
		{"rules are lower-cased", "GET:/A", "GET", "/a", guest, true},
		{"matching ignores case", "get:/a", "GET", "/A", guest, true},
		{"matching ignores case beyond ASCII", "get:/ÄÖ/*", "GET", "/äÖ/ü", guest, true},
		{"commas are alternatives: first", "get:/a,/b/*", "GET", "/a", guest, true},
		{"commas are alternatives: second", "get:/a,/b/*", "GET", "/b/c", guest, true},
		{"commas are alternatives: neither", "get:/a,/b/*", "GET", "/c", guest, false},
		{"commas are alternatives: lone star", "get:/a,*", "GET", "/x/y", guest, true},
		{"resource servers' own paths", "get:/v2/invoices-2026/*.pdf", "GET", "/v2/invoices-2026/7.pdf", guest, true},
		{"name in the rule", "get:/users/dana", "GET", "/users/dana", guest, true},

		{"${user}: username", "get:/users/${user}", "GET", "/users/dana", dana(), true},
		{"${user}: uuid", "get:/users/${user}", "GET", "/users/" + danaID, dana(), true},
		{"${user}: uuid in upper case", "get:/users/${user}", "GET", "/users/" + strings.ToUpper(danaID), dana(), true},
		{"${user}: somebody else", "get:/users/${user}", "GET", "/users/erik", dana(), false},
		{"${user}: somebody else's uuid", "get:/users/${user}", "GET", "/users/" + erikID, dana(), false},
		{"${user}: upper case in the rule", "get:/users/${USER}", "GET", "/users/dana", dana(), true},
		{"${user}: no application user", "get:/users/${user}", "GET", "/users/dana", guest, false},
		{"${user}: no application user, empty segment", "get:/users/${user}", "GET", "/users/", guest, false},
		{"${user}: no application user, the text itself", "get:/users/${user}", "GET", "/users/${user}", guest, false},
		{"${user}: the text itself", "get:/users/${user}", "GET", "/users/${user}", dana(), false},
		{"${user}: no application user, below a glob", "get:/users/*/x/${user}", "GET", "/users/a/x/", guest, false},
		{"${user}: part of a segment", "get:/boxes/box-${user}", "GET", "/boxes/box-dana", dana(), true},
		{"${user}: part of a segment with a star", "get:/boxes/*-${user}", "GET", "/boxes/a-b-dana", dana(), true},
		{"${user}: prefix of a longer name", "get:/users/${user}", "GET", "/users/danae", dana(), false},
		{"${user}: twice", "get:/users/${user}/boxes/${user}", "GET", "/users/dana/boxes/dana", dana(), true},
		{"${user}: with /me/", "get:/users/me/boxes/${user}", "GET", "/users/dana/boxes/dana", dana(), true},
		{"other variables are text", "get:/users/${name}", "GET", "/users/dana", dana(), false},

		{"/me/: username", "get:/users/me/x", "GET", "/users/dana/x", dana(), true},
		{"/me/: uuid", "get:/users/me/x", "GET", "/users/" + danaID + "/x", dana(), true},
		{"/me/: as written is not the caller's name", "get:/users/me/x", "GET", "/users/me/x", dana(), false},
		{"/me/: somebody else", "get:/users/me/x", "GET", "/users/erik/x", dana(), false},
		{"/me/: no application user", "get:/users/me/x", "GET", "/users/me/x", guest, false},
		{"/me/: no application user below **", "get:/users/me/**", "GET", "/users", guest, false},
		{"/me/: twice", "get:/a/me/me/b", "GET", "/a/dana/dana/b", dana(), true},
		{"/me/: with a final slash", "get:/users/me/", "GET", "/users/dana/", dana(), true},
		{"final /me is text", "get:/users/me", "GET", "/users/me", dana(), true},
		{"final /me is not the caller", "get:/users/me", "GET", "/users/dana", dana(), false},
		{"me without a slash before it is text", "get:me/x", "GET", "/me/x", guest, true},
		{"a segment that starts with me is text", "get:/users/mela/x", "GET", "/users/mela/x", guest, true},

		{"prefix / if absent", "get:users/dana", "GET", "/users/dana", guest, true},
		{"prefix / if absent: glob", "get:users/*", "GET", "/users/dana", guest, true},
		{"lone star is /**", "*", "DELETE", "/a/b/c", guest, true},
		{"lone star after operations", "get:*", "GET", "/a/b/c", guest, true},
		{"/* is no lone star", "get:/*", "GET", "/a/b", guest, false},
		{"/* matches the root", "get:/*", "GET", "/", guest, true},
		{"rule without wildcards equals the path", "get:/a/b", "GET", "/a/b/", guest, false},
		{"rule without wildcards, empty segments count", "get:/a//b", "GET", "/a/b", guest, false},
		{"rule is the root", "get:/", "GET", "/", guest, true},

		{"? is one character", "get:/a?c", "GET", "/abc", guest, true},
		{"? is one character, not one byte", "get:/a?c", "GET", "/aßc", guest, true},
		{"? is not none", "get:/a?c", "GET", "/ac", guest, false},
		{"? is not a slash", "get:/a?c", "GET", "/a/c", guest, false},
		{"* is any run", "get:/a*c", "GET", "/axyzc", guest, true},
		{"* is an empty run", "get:/a*c", "GET", "/ac", guest, true},
		{"* stays within the segment", "get:/a*c", "GET", "/ax/yc", guest, false},
		{"** within a segment stays there", "get:/a**c", "GET", "/ax/yc", guest, false},
		{"** within a segment is a run", "get:/a**c", "GET", "/axyc", guest, true},
		{"*** is a run", "get:/x/***", "GET", "/x/y", guest, true},
		{"*** is not depth", "get:/x/***", "GET", "/x/y/z", guest, false},
		{"several stars", "get:/*a*b*c", "GET", "/xxaxxbxxc", guest, true},
		{"several stars, no end", "get:/*a*b*c", "GET", "/xxaxxbxxcx", guest, false},
		{"non-empty segments are compared", "get:/a//*", "GET", "/a///b", guest, true},

		{"no **: one segment too many", "get:/a/*", "GET", "/a/b/c", guest, false},
		{"no **: * at the end may be absent", "get:/a/*", "GET", "/a", guest, true},
		{"no **: * at the end may be absent before /", "get:/a/*", "GET", "/a/", guest, true},
		{"no **: two * may not be absent", "get:/a/*/*", "GET", "/a", guest, false},
		{"no **: * in the middle may not be absent", "get:/a/*/b", "GET", "/a/b", guest, false},
		{"no **: b* is not *", "get:/a/b*", "GET", "/a", guest, false},
		{"no **: final slash after *", "get:/a/*", "GET", "/a/b/", guest, false},
		{"no **: final slash after text is padded", "get:/*/b", "GET", "/a/b/", guest, true},
		{"no **: rule's final slash is padded away", "get:/*/b/", "GET", "/a/b", guest, true},
		{"no **: rule ends in */", "get:/a/*/", "GET", "/a/b", guest, true},
		{"no **: rule ends in */, path in /", "get:/a/*/", "GET", "/a/b/", guest, true},

		{"**: none", "get:/a/**/b", "GET", "/a/b", guest, true},
		{"**: one", "get:/a/**/b", "GET", "/a/x/b", guest, true},
		{"**: many", "get:/a/**/b", "GET", "/a/x/y/z/b", guest, true},
		{"**: the end counts", "get:/a/**/b", "GET", "/a/x/b/c", guest, false},
		{"**: twice", "get:/**/a/**/b", "GET", "/x/a/y/a/b", guest, true},
		{"**: final slash of the path", "get:/a/**/b", "GET", "/a/x/b/", guest, true},
		{"**: final slash of the rule", "get:/a/**/b/", "GET", "/a/x/b", guest, true},
		{"**: * at the end may not be absent", "get:/**/a/*", "GET", "/x/a", guest, false},
		{"**: the root", "get:/**", "GET", "/", guest, true},

		{"path without its slash", "get:/users/*", "GET", "users/dana", guest, true},
		{"empty path is the root", "get:/", "GET", "", guest, true},
		{"path that is not UTF-8", "get:/**", "GET", "/a\xff", guest, false},
		{"path that is too long", "get:/**", "GET", "/" + strings.Repeat("a", MaxPath), guest, false},
		{"as long as a path may be", "get:/**", "GET", "/" + strings.Repeat("a", MaxPath-1), guest, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := mustParse(t, c.rule).Allows(Request{Method: c.method, Paths: []string{c.path}}, c.sub)
			if got != c.want {
				t.Errorf("%s %s with %q by %+v: %t, want %t", c.method, c.path, c.rule, c.sub, got, c.want)
			}
		})
	}
}

func TestAnySpellingOfThePathIsEnough(t *testing.T) {
	t.Parallel()
	paths := Spellings([][]string{{"users"}, {danaID, "Dana"}})
	for _, rule := range []string{"get:/users/dana", "get:/users/" + danaID, "get:/users/${user}", "get:/users/d*"} {
		if !mustParse(t, rule).Allows(get(paths...), dana()) {
			t.Errorf("%s does not allow %v", rule, paths)
		}
	}
	if mustParse(t, "get:/users/erik").Allows(get(paths...), dana()) {
		t.Error("a rule for another user allows it")
	}
	if mustParse(t, "get:/**").Allows(get(), dana()) {
		t.Error("a request without a path is allowed")
	}
}

// A name that is put in is text: it never acts as a wildcard, an alternative, a variable or a path.
func TestNamesPutInAreText(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, username, rule, path string
		want                       bool
	}{
		{"star is text", "d*", "get:/users/${user}", "/users/dana", false},
		{"star matches itself", "d*", "get:/users/${user}", "/users/d*", true},
		{"lone star", "*", "get:/users/${user}/**", "/users/erik/x", false},
		{"lone stars", "**", "get:/${user}", "/users/erik/x", false},
		{"lone star is not everything", "*", "get:${user}", "/users/erik", false},
		{"star in a glob", "d*", "get:/users/${user}/*", "/users/dana/x", false},
		{"star in a glob matches itself", "d*", "get:/users/${user}/*", "/users/d*/x", true},
		{"star at the end pads as text", "d*", "get:/*/${user}", "/users/d*", true},
		{"question mark", "d?na", "get:/users/${user}", "/users/dana", false},
		{"question mark in a glob", "d?na", "get:/*/${user}", "/users/dana", false},
		{"comma", "x,/users/erik", "get:/users/${user}", "/users/erik", false},
		{"comma is text", "a,b", "get:/users/${user}", "/users/a,b", true},
		{"colon", "get:/users/erik", "get:${user}", "/users/erik", false},
		{"variable", "${user}", "get:/users/${user}", "/users/" + erikID, false},
		{"variable is text", "${user}", "get:/users/${user}", "/users/${user}", true},
		{"me", "me", "get:/users/${user}/x", "/users/" + erikID + "/x", false},
		{"percent", "50%", "get:/users/${user}", "/users/50%", true},
		{"slash", "erik/roles", "get:/users/${user}", "/users/erik/roles", false},
		{"slash in a glob", "erik/roles", "get:/*/${user}", "/users/erik/roles", false},
		{"empty", "", "get:/users/${user}", "/users/", false},
		{"empty in a glob", "", "get:/users/*${user}", "/users/erik", false},
		{"not UTF-8", "\xff", "get:/users/${user}", "/users/erik", false},
		{"not UTF-8 in a glob", "\xff", "get:/*/${user}", "/users/erik", false},
		{"two names, one put in twice", "erik", "get:/users/${user}/${user}", "/users/erik/" + danaID, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := mustParse(t, c.rule).Allows(get(c.path), Subject{Username: c.username, UUID: danaID})
			if got != c.want {
				t.Errorf("%q with %q on %q: %t, want %t", c.username, c.rule, c.path, got, c.want)
			}
		})
	}
}

func mustParse(t testing.TB, text string) Rule {
	t.Helper()
	rule, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return rule
}
