package permission

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Nobody hands out more than he holds: wire contract §13.
// SEC-73
func TestCovers(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		own    []string
		gained string
		want   bool
	}{
		{"the same rule", []string{"get:/a"}, "get:/a", true},
		{"the same in other case", []string{"get:/a"}, "GET:/A", true},
		{"nothing of one's own", nil, "get:/a", false},
		{"another path", []string{"get:/a"}, "get:/b", false},
		{"another operation", []string{"get:/a"}, "put:/a", false},
		{"more operations", []string{"get:/a"}, "get,put:/a", false},
		{"no operation named is all of them", []string{"get,put,post:/a"}, "/a", false},
		{"fewer operations", []string{"/a"}, "get:/a", true},
		{"operations from several rules", []string{"get:/a", "put:/*", "post,delete:/**"}, "/a", true},
		{"everything", []string{"*"}, "*", true},
		{"everything covers anything", []string{"/**"}, "get:/a/**/b,/users/${user},/x/?*", true},
		{"/** is what * is", []string{"*"}, "/**", true},
		{"one level is not everything", []string{"/*"}, "*", false},

		{"star covers a name", []string{"get:/users/*"}, "get:/users/dana", true},
		{"star covers the collection", []string{"get:/users/*"}, "get:/users", true},
		{"star does not cover what is below", []string{"get:/users/*"}, "get:/users/dana/roles", false},
		{"star covers a star", []string{"get:/users/*"}, "get:/users/*", true},
		{"star covers part of a star", []string{"get:/users/*"}, "get:/users/d*", true},
		{"part of a star does not cover a star", []string{"get:/users/d*"}, "get:/users/*", false},
		{"part of a star covers a smaller part", []string{"get:/users/d*"}, "get:/users/da*", true},
		{"star does not cover depth", []string{"get:/users/*"}, "get:/users/**", false},
		{"star does not cover depth in the middle", []string{"get:/a/*/b"}, "get:/a/**/b", false},
		{"star in a run does not cover depth", []string{"get:/a/***"}, "get:/a/**", false},
		{"depth covers depth", []string{"get:/users/**"}, "get:/users/**", true},
		{"depth covers a star", []string{"get:/users/**"}, "get:/users/*", true},
		{"depth covers smaller depth", []string{"get:/a/**"}, "get:/a/b/**/c", true},
		{"smaller depth does not cover depth", []string{"get:/a/b/**"}, "get:/a/**", false},
		{"/a/* gives /a as well", []string{"get:/**/a/*"}, "get:/x/a/*", false},
		{"/a/* gives /a as well, which is held", []string{"get:/**/a/*", "get:/x/a"}, "get:/x/a/*", true},
		{"/* gives the root as well", []string{"get:/?*"}, "get:/*", false},
		{"question mark covers a character", []string{"get:/a/?"}, "get:/a/x", true},
		{"question mark covers itself", []string{"get:/a/?"}, "get:/a/?", true},
		{"question mark does not cover a star", []string{"get:/a/?"}, "get:/a/*", false},
		{"question marks do not cover a depth", []string{"get:/a/??"}, "get:/a/**", false},
		{"star covers a question mark", []string{"get:/a/*"}, "get:/a/?", true},
		{"text does not cover a wildcard", []string{"get:/a/b"}, "get:/a/?", false},

		{"every alternative is covered", []string{"get:/a", "get:/b/*"}, "get:/a,/b/c", true},
		{"one alternative is not", []string{"get:/a"}, "get:/a,/b", false},
		{"one alternative misses an operation", []string{"get,put:/a", "get:/b"}, "get,put:/a,/b", false},
		{"alternatives of one's own", []string{"get:/a,/b"}, "get:/b", true},

		{"one's own name", []string{"get:/users/${user}"}, "get:/users/dana", true},
		{"one's own uuid", []string{"get:/users/${user}"}, "get:/users/" + danaID, true},
		{"somebody else's name", []string{"get:/users/${user}"}, "get:/users/erik", false},
		{"one's own rule about oneself is not about others", []string{"get:/users/${user}"}, "get:/users/${user}", false},
		{"the same with /me/", []string{"get:/users/me/*"}, "get:/users/me/*", false},
		{"star covers ${user}", []string{"get:/users/*"}, "get:/users/${user}", true},
		{"star covers /me/", []string{"get:/users/*/x"}, "get:/users/me/x", true},
		{"depth covers ${user}", []string{"get:/users/**"}, "get:/users/${user}/**", true},
		{"as many question marks do not cover ${user}", []string{"get:/users/???????"}, "get:/users/${user}", false},
		{"a run that starts like it does not cover ${user}", []string{"get:/users/$*"}, "get:/users/${user}", false},
		{"a run that starts like it does not cover /me/", []string{"get:/users/m*/x"}, "get:/users/me/x", false},
		{"final me is text", []string{"get:/users/m*"}, "get:/users/me", true},

		{"rules that cannot be read cover nothing", []string{"get:put:/a", "patch:/**"}, "get:/a", false},
		{"what cannot be read is not covered", []string{"/**"}, "get:put:/a", false},
		{"nothing is not covered", []string{"/**"}, "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Covers(c.own, dana(), c.gained); got != c.want {
				t.Errorf("Covers(%q, dana, %q) = %t, want %t", c.own, c.gained, got, c.want)
			}
		})
	}
	if Covers([]string{"get:/users/${user}"}, Subject{}, "get:/users/dana") {
		t.Error("a guest covers by ${user}")
	}
}

// Whatever a covered rule permits anybody, the one who hands it out may do himself. Paths inside Writ have no final slash.
// SEC-73
func TestCoveredRulesPermitNothingNew(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 3))
	words := []string{"a", "b", "ab", "*", "**", "?", "a*", "*b", "??", "a?", "***", "me", "${user}", "x${user}*"}
	plain := []string{"a", "b", "ab", "aab", "me", "erik", "dana", "u1", "u2", "xerik", "c"}
	giver, taker := Subject{Username: "dana", UUID: "u1"}, Subject{Username: "erik", UUID: "u2"}
	covered, permitted := 0, 0
	for range 60_000 {
		own := []string{"get:" + rulePath(random, words), "get:" + rulePath(random, words)}
		gained := "get:" + rulePath(random, words)
		if !Covers(own, giver, gained) {
			continue
		}
		covered++
		mine, theirs := Compile(own), Compile([]string{gained})
		for range 40 {
			req := get(rulePath(random, plain))
			if !theirs.Allows(req, taker) {
				continue
			}
			permitted++
			if !mine.Allows(req, giver) {
				t.Fatalf("%q by %q: %v is new", gained, own, req.Paths)
			}
		}
	}
	if covered < 1000 || permitted < 1000 {
		t.Errorf("%d rules covered, %d requests permitted: that tests little", covered, permitted)
	}
}

func rulePath(random *rand.Rand, words []string) string {
	var path strings.Builder
	for range random.IntN(4) {
		path.WriteString("/" + pick(random, words))
	}
	if path.String() == "" {
		return "/"
	}
	return path.String()
}

func TestCoveredByCountsSetsTogether(t *testing.T) {
	t.Parallel()
	dana := Subject{Username: "dana", UUID: "23eb7164-3ac5-4727-95d2-5341edc5fe85"}
	rule, err := Parse("get,put:/users/*")
	if err != nil {
		t.Fatal(err)
	}
	reads, writes := Compile([]string{"get:/users/*"}), Compile([]string{"put:/users/**"})
	for name, test := range map[string]struct {
		own  []Set
		want bool
	}{
		"both":           {[]Set{reads, writes}, true},
		"one":            {[]Set{reads}, false},
		"one and empty":  {[]Set{writes, {}}, false},
		"none":           {nil, false},
		"one set of all": {[]Set{Compile([]string{"/**"})}, true},
	} {
		if got := CoveredBy(rule, dana, test.own...); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if CoveredBy(Rule{}, dana, Compile([]string{"/**"})) {
		t.Error("the zero rule is covered")
	}
}
