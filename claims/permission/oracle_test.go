package permission

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The oracle writes wire contract §9.2 down as it stands, on symbols: characters, and the three things that are none.
type symbol rune

const (
	star     symbol = -1
	question symbol = -2
	user     symbol = -3
)

func oracleAllows(rule string, req Request, sub Subject) bool {
	operations, paths, found := strings.Cut(strings.ToLower(strings.TrimSpace(rule)), ":")
	if !found {
		operations, paths = "*", operations
	}
	method, known := map[string]string{"GET": "get", "HEAD": "get", "PUT": "put", "POST": "post", "DELETE": "delete"}[req.Method]
	if !known {
		return false
	}
	names := strings.Split(operations, ",")
	if !slices.Contains(names, method) && !slices.Contains(names, "*") && !slices.Contains(names, "access") {
		return false
	}
	for alternative := range strings.SplitSeq(paths, ",") {
		for _, path := range req.Paths {
			if utf8.ValidString(path) && oracleMatch(alternative, strings.ToLower(path), sub) {
				return true
			}
		}
	}
	return false
}

func oracleMatch(rule, path string, sub Subject) bool {
	symbols := symbolize(rule)
	if !slices.Contains(symbols, user) && !strings.Contains(rule, "/me/") {
		return oracleMatchText(symbols, characters(path))
	}
	for _, name := range []string{sub.Username, sub.UUID} {
		if name == "" || strings.Contains(name, "/") || !utf8.ValidString(name) {
			continue
		}
		put := replace(symbols, []symbol{user}, characters(strings.ToLower(name)))
		me := slices.Concat([]symbol{'/'}, characters(strings.ToLower(name)), []symbol{'/'})
		if strings.Contains(rule, "/me/") {
			// Twice, because neighbours share a slash.
			put = replace(replace(put, characters("/me/"), me), characters("/me/"), me)
		}
		if oracleMatchText(put, characters(path)) {
			return true
		}
	}
	return false
}

func oracleMatchText(rule, path []symbol) bool {
	if slices.Equal(rule, []symbol{star}) {
		rule = []symbol{'/', star, star}
	}
	rule, path = rooted(rule), rooted(path)
	if slices.Contains(rule, star) || slices.Contains(rule, question) {
		return oracleGlob(rule, path) || oracleGlob(pad(rule), pad(path))
	}
	return slices.Equal(rule, path)
}

func rooted(s []symbol) []symbol {
	if len(s) > 0 && s[0] == '/' {
		return s
	}
	return append([]symbol{'/'}, s...)
}

func pad(s []symbol) []symbol {
	if last := s[len(s)-1]; last == '/' || last == star || last == '*' && isPath(s) {
		return s
	}
	return append(slices.Clone(s), '/')
}

// isPath tells a path, whose stars are characters, from a rule: in a rule a character '*' came with a name.
func isPath(s []symbol) bool {
	return !slices.ContainsFunc(s, func(c symbol) bool { return c < 0 })
}

func oracleGlob(rule, path []symbol) bool {
	r, p := split(rule), split(path)
	ruleSlash, pathSlash := rule[len(rule)-1] == '/', path[len(path)-1] == '/'
	if slices.ContainsFunc(r, isDepth) {
		return oracleDeep(r, p)
	}
	if len(r) == len(p)+1 && slices.Equal(r[len(p)], []symbol{star}) && pathSlash {
		return oracleAll(r[:len(p)], p)
	}
	return len(r) == len(p) && oracleAll(r, p) && ruleSlash == pathSlash
}

func isDepth(segment []symbol) bool { return slices.Equal(segment, []symbol{star, star}) }

func oracleAll(rule, path [][]symbol) bool {
	for i := range path {
		if !oracleSegment(rule[i], path[i]) {
			return false
		}
	}
	return true
}

func oracleDeep(rule, path [][]symbol) bool {
	switch {
	case len(rule) == 0:
		return len(path) == 0
	case isDepth(rule[0]):
		return oracleDeep(rule[1:], path) || len(path) > 0 && oracleDeep(rule, path[1:])
	default:
		return len(path) > 0 && oracleSegment(rule[0], path[0]) && oracleDeep(rule[1:], path[1:])
	}
}

func oracleSegment(rule, path []symbol) bool {
	switch {
	case len(rule) == 0:
		return len(path) == 0
	case rule[0] == star:
		return oracleSegment(rule[1:], path) || len(path) > 0 && oracleSegment(rule, path[1:])
	default:
		return len(path) > 0 && (rule[0] == question || rule[0] == path[0]) && oracleSegment(rule[1:], path[1:])
	}
}

func symbolize(rule string) []symbol {
	symbols := replace(characters(rule), characters("${user}"), []symbol{user})
	for i, c := range symbols {
		if c == '*' {
			symbols[i] = star
		}
		if c == '?' {
			symbols[i] = question
		}
	}
	return symbols
}

func characters(text string) []symbol {
	symbols := []symbol{}
	for _, r := range text {
		symbols = append(symbols, symbol(r))
	}
	return symbols
}

func replace(in, what, with []symbol) []symbol {
	out := []symbol{}
	for len(in) > 0 {
		if len(in) >= len(what) && slices.Equal(in[:len(what)], what) {
			out, in = append(out, with...), in[len(what):]
			continue
		}
		out, in = append(out, in[0]), in[1:]
	}
	return out
}

func split(s []symbol) [][]symbol {
	var segments [][]symbol
	segment := []symbol{}
	for _, c := range append(slices.Clone(s), '/') {
		if c != '/' {
			segment = append(segment, c)
			continue
		}
		if len(segment) > 0 {
			segments = append(segments, segment)
		}
		segment = []symbol{}
	}
	return segments
}

// Random rules and paths of few words, so that many of them match.
func TestEngineAgreesWithOracle(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(9, 2))
	ruleWords := []string{"a", "b", "ab", "*", "**", "?", "a*", "*b", "?b", "a**b", "***", "me", "${user}", "x${user}*", "", "é?"}
	pathWords := []string{"a", "b", "ab", "aab", "me", "dana", "d*", "u1", "xdana", "xd*z", "*", "**", "", "éa", "A"}
	subjects := []Subject{{}, {Username: "Dana", UUID: "u1"}, {Username: "d*", UUID: "u1"}, {UUID: "u1"}, {Username: "**"}, {Username: "a/b", UUID: "A"}}
	allowed := 0
	for range 60_000 {
		rule := pick(random, []string{"", "get:", "*:", "put,get:", "put:"}) + randomPath(random, ruleWords)
		if random.IntN(4) == 0 {
			rule += "," + randomPath(random, ruleWords)
		}
		req := Request{Method: pick(random, []string{"GET", "PUT", "HEAD", "PATCH"}), Paths: []string{randomPath(random, pathWords)}}
		if agree(t, rule, req, subjects[random.IntN(len(subjects))]) {
			allowed++
		}
	}
	if allowed < 1_500 {
		t.Errorf("only %d of the random requests were allowed: they test little", allowed)
	}
}

func pick(random *rand.Rand, words []string) string { return words[random.IntN(len(words))] }

func randomPath(random *rand.Rand, words []string) string {
	var path strings.Builder
	for i := range 1 + random.IntN(5) {
		if i > 0 || random.IntN(8) > 0 {
			path.WriteByte('/')
		}
		path.WriteString(pick(random, words))
	}
	if random.IntN(4) == 0 {
		path.WriteByte('/')
	}
	return path.String()
}

func agree(t *testing.T, text string, req Request, sub Subject) bool {
	t.Helper()
	rule, err := Parse(text)
	if err != nil {
		if Compile([]string{text}).Allows(req, sub) {
			t.Fatalf("%q is no rule (%v) and allows %+v", text, err, req)
		}
		return false
	}
	got, want := rule.Allows(req, sub), oracleAllows(text, req, sub)
	if got != want {
		t.Fatalf("%q, %+v, %+v: engine %t, oracle %t", text, req, sub, got, want)
	}
	return got
}

func FuzzEngineAgainstOracle(f *testing.F) {
	f.Add("get:/users/${user}/**", "GET", "/users/dana/x", "dana", danaID)
	f.Add("/users/me/**,a/*/?b", "PUT", "/a//x/bb/", "d*", "*")
	f.Add("*", "HEAD", "", "", "")
	f.Add("/**/a*b**/**", "DELETE", "/x/a*b*/é", "me", "${user}")
	f.Fuzz(func(t *testing.T, rule, method, path, username, id string) {
		if strings.Count(rule, "*") > 7 || max(len(rule), len(path), len(username), len(id)) > 40 {
			t.Skip("the oracle takes exponential time")
		}
		agree(t, rule, Request{Method: method, Paths: []string{path}}, Subject{Username: username, UUID: id})
	})
}
