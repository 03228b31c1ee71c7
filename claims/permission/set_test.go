package permission

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestUnreadableRulesGrantNothing(t *testing.T) {
	t.Parallel()
	set := Compile([]string{"", "patch:/**", "get:put:/**", "get:/\xff", "put:/a"})
	if set.Allows(get("/a"), dana()) {
		t.Error("an unreadable rule grants something")
	}
	if !set.Allows(Request{Method: "PUT", Paths: []string{"/a"}}, dana()) {
		t.Error("a readable rule beside unreadable ones grants nothing")
	}
}

func TestMatchNamesTheRule(t *testing.T) {
	t.Parallel()
	set := Compile([]string{"put:/a", "GET:/Users/${user}", "get:/b,/c"})
	cases := []struct {
		path, rule string
		ok         bool
	}{
		{"/users/dana", "get:/users/${user}", true},
		{"/c", "get:/b,/c", true},
		{"/a", "", false},
	}
	for _, c := range cases {
		if rule, ok := set.Match(get(c.path), dana()); rule != c.rule || ok != c.ok {
			t.Errorf("Match(%s) = %q, %t, want %q, %t", c.path, rule, ok, c.rule, c.ok)
		}
	}
}

func TestCompileKeepsNoReference(t *testing.T) {
	t.Parallel()
	rules := []string{"get:/a"}
	set := Compile(rules)
	rules[0] = "get:/**"
	if set.Allows(get("/b"), dana()) {
		t.Error("a set changed with the slice it was made from")
	}
}

func TestSetIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	set := Compile(manyRules(20))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				if !set.Allows(get("/users/dana"), dana()) || set.Allows(get("/users/olga"), dana()) {
					t.Error("wrong decision")
					return
				}
			}
		})
	}
	group.Wait()
}

// manyRules are n rules of all kinds; only the last, get:/users/${user}, matches /users/dana for dana.
func manyRules(n int) []string {
	kinds := []string{
		"get:/invoices/2026", "get:/users/*/roles", "get:/users/d?n", "post:/**", "get:/**/likes", "get:/users/erik/**",
		"get:/groups/*/users/${user}", "get:/boxes/me/**", "get:/a/*/b/*,/c/**/d", "put,delete:/users/${user}",
	}
	rules := make([]string, 0, n)
	for i := range n - 1 {
		rules = append(rules, kinds[i%len(kinds)])
	}
	return append(rules, "get:/users/${user}")
}

func TestDecisionsDoNotAllocate(t *testing.T) {
	req := get("/users/dana/boxes/7", "/users/"+danaID+"/boxes/7")
	lower := Subject{Username: "dana", UUID: danaID}
	for _, text := range []string{
		"get:/users/dana/boxes/8", "get:/users/*/boxes/?", "get:/users/**/8", "/**", "get:/a,/b/*,/c/**", "get:/users/${user}/*", "get:/users/me/**/x",
	} {
		rule := mustParse(t, text)
		if allocs := testing.AllocsPerRun(100, func() { rule.Allows(req, lower) }); allocs != 0 {
			t.Errorf("%s: %v allocations", text, allocs)
		}
	}
	set := Compile(manyRules(200))
	if allocs := testing.AllocsPerRun(100, func() { set.Match(req, lower) }); allocs != 0 {
		t.Errorf("200 rules: %v allocations", allocs)
	}
}

// An exponential matcher would not come back from any of these; the bound only has to tell minutes from milliseconds.
func TestNoPatternTakesExponentialTime(t *testing.T) {
	t.Parallel()
	fill := func(unit string, n int) string { return strings.Repeat(unit, n/len(unit)) }
	cases := []struct{ name, rule, path string }{
		{"depth", "/" + fill("**/a/", 900) + "b", fill("/a", MaxPath)},
		{"only depth", "/" + fill("**/", 900) + "b", fill("/a", MaxPath)},
		{"depth and runs", "/" + fill("**/a*a/", 900) + "b", fill("/aaa", MaxPath)},
		{"runs", "/" + fill("*a", 900) + "b", "/" + fill("a", MaxPath-1)},
		{"only runs", "/" + fill("*", 900) + "b", "/" + fill("a", MaxPath-1)},
		{"one long run", "/*" + fill("a", 900) + "b", "/" + fill("a", MaxPath-1)},
		{"question marks", "/*" + fill("?", 900) + "b", "/" + fill("ä", MaxPath-1)},
		{"depth over long tails", "/**" + fill("/a*", 900) + "/b", fill("/aaaaaaa", MaxPath)},
		{"names", "/*" + fill("${user}", 900) + "b", "/" + fill("a", MaxPath-1)},
		{"alternatives", fill("/**/a*a*b,", 900) + "/x", fill("/aaaaaaa", MaxPath)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rule := mustParse(t, c.rule)
			start := time.Now()
			if rule.Allows(get(c.path), Subject{Username: "a", UUID: "aa"}) {
				t.Error("allowed")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s", took)
			} else {
				t.Logf("took %s", took)
			}
		})
	}
}

func BenchmarkRule(b *testing.B) {
	for _, c := range []struct{ name, rule, path string }{
		{"literal", "get:/users/dana/boxes/7", "/users/dana/boxes/7"},
		{"star", "get:/users/*/boxes/*", "/users/dana/boxes/7"},
		{"depth", "get:/users/**/boxes/*", "/users/dana/x/y/boxes/7"},
		{"caller", "get:/users/${user}/**", "/users/" + danaID + "/boxes/7"},
	} {
		b.Run(c.name, func(b *testing.B) {
			rule, req := mustParse(b, c.rule), get(c.path)
			sub := Subject{Username: "dana", UUID: danaID}
			b.ReportAllocs()
			for b.Loop() {
				if !rule.Allows(req, sub) {
					b.Fatal("not allowed")
				}
			}
		})
	}
}

// The path in three spellings and only the last of the rules matches.
func BenchmarkSet200(b *testing.B) {
	set := Compile(manyRules(200))
	req := get("/users/dana@example.com", "/users/"+danaID, "/users/dana")
	sub := Subject{Username: "dana", UUID: danaID}
	b.ReportAllocs()
	for b.Loop() {
		if !set.Allows(req, sub) {
			b.Fatal("not allowed")
		}
	}
}

func BenchmarkCompile200(b *testing.B) {
	rules := slices.Clone(manyRules(200))
	b.ReportAllocs()
	for b.Loop() {
		Compile(rules)
	}
}
