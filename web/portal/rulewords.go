package portal

import (
	"errors"
	"slices"
	"strings"

	"github.com/writ-auth/writ/claims/permission"
)

// ruleView is a rule for people: the rule itself, a sentence, and what it says of requests that people think of.
type ruleView struct {
	Text, Words string
	Samples     []ruleSample
	Own         bool   // it depends on who calls
	Illegal     string // why it is no rule
}

// ruleSample is a path and the methods that the rule permits there.
type ruleSample struct{ Path, Methods string }

// Names of the samples: a caller, and somebody else.
const (
	sampleCaller = "dana"
	sampleOther  = "erik"
)

// ruleMethods are the methods that rules are about, in the order in which people say them.
var ruleMethods = [...]string{"GET", "POST", "PUT", "DELETE"}

// explainRule puts a rule into words; the engine itself says what it permits.
func (v *visit) explainRule(text string) ruleView {
	rule, err := permission.Parse(text)
	if wrong, is := errors.AsType[*permission.SyntaxError](err); is {
		return ruleView{Text: text, Illegal: v.texts.say("error.rule", wrong.Reason)}
	}
	view := ruleView{Text: rule.String()}
	_, list, found := strings.Cut(rule.String(), ":")
	if !found {
		list = rule.String()
	}
	paths := strings.Split(list, ",")
	words := make([]string, 0, len(paths))
	for _, path := range paths {
		view.Own = view.Own || isOwn(path)
		words = append(words, v.pathInWords(path))
	}
	methods := v.methodsInWords(rule)
	view.Words = v.texts.say("rule.words", methods, v.enumerated(words))
	for _, path := range samplesOf(paths) {
		view.Samples = append(view.Samples, ruleSample{path, v.allowedOn(rule, path)})
	}
	return view
}

func (v *visit) methodsInWords(rule permission.Rule) string {
	if rule.Operations().Has(permission.All) {
		return v.texts.say("rule.allmethods")
	}
	var names []string
	for _, method := range ruleMethods {
		if rule.Operations().Has(permission.OperationOf(method)) {
			names = append(names, method)
		}
	}
	return v.enumerated(names)
}

// allowedOn are the methods that a rule permits the caller of the samples on a path.
func (v *visit) allowedOn(rule permission.Rule, path string) string {
	var allowed []string
	for _, method := range ruleMethods {
		request := permission.Request{Method: method, Paths: []string{path}}
		if rule.Allows(request, permission.Subject{Username: sampleCaller}) {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return v.texts.say("rule.nothing")
	}
	return strings.Join(allowed, ", ")
}

// enumerated is "a", "a and b", or "a, b and c".
func (v *visit) enumerated(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return v.texts.say("rule.and", strings.Join(words[:last], ", "), words[last])
}

// isOwn tells whether a path stands for something of the caller's.
func isOwn(path string) bool {
	return strings.Contains(path, "${user}") || strings.Contains(path, "/me/")
}

// withName puts a name where a path stands for the caller's: ${user}, and me between slashes.
func withName(path, name string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if segment == "me" && i > 0 && i < len(segments)-1 {
			segments[i] = name
		}
	}
	return strings.ReplaceAll(strings.Join(segments, "/"), "${user}", name)
}

// rooted is a path as rules mean it.
func rooted(path string) string {
	if path == "*" {
		return "/**"
	}
	return "/" + strings.TrimPrefix(path, "/")
}

// pathInWords says what a path of a rule reaches.
func (v *visit) pathInWords(path string) string {
	path = rooted(path)
	if path == "/**" {
		return v.texts.say("rule.everypath")
	}
	base, key := withName(path, v.texts.say("rule.own")), "exactly"
	if cut, deep := strings.CutSuffix(base, "/**"); deep {
		base, key = cut, "below"
	} else if cut, flat := strings.CutSuffix(base, "/*"); flat {
		base, key = firstOf(cut, "/"), "level"
	}
	text := v.texts.say("rule."+key, base)
	if strings.ContainsAny(base, "*?") {
		text += " " + v.texts.say("rule.wildcards")
	}
	return text
}

// samplesOf makes paths of which a rule with these paths permits some and refuses others.
func samplesOf(paths []string) []string {
	const most = 8
	var samples []string
	for _, path := range paths {
		path = rooted(path)
		base := withoutEnd(withName(path, sampleCaller))
		candidates := []string{firstOf(base, "/"), base + "/7", base + "/7/items"}
		if base == "" {
			candidates = []string{"/", "/orders", "/orders/7"}
		}
		if isOwn(path) {
			candidates = append(candidates, withoutEnd(withName(path, sampleOther)))
		}
		for _, candidate := range candidates {
			if !slices.Contains(samples, candidate) && len(samples) < most {
				samples = append(samples, candidate)
			}
		}
	}
	return samples
}

// withoutEnd cuts the wildcard off the end of a path, and puts something in for all others.
func withoutEnd(path string) string {
	path = strings.TrimSuffix(strings.TrimSuffix(path, "/**"), "/*")
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if segment == "**" {
			segment = "a/b"
		}
		segments[i] = strings.NewReplacer("**", "7", "*", "7", "?", "x").Replace(segment)
	}
	return strings.Join(segments, "/")
}

// ruleExamples are rules that show how rules are written, and what each reaches.
func (p *Portal) ruleExamples() []ruleSample {
	var all []ruleSample
	for _, example := range [][2]string{
		{"get:/orders", "exact"},
		{"get,put:/orders/*", "level"},
		{"*:/orders/**", "below"},
		{"get:/reports/202?", "some"},
		{"get,put:/users/${user}", "own"},
		{"get:/prices,/stock/*", "two"},
		{"*:/**", "all"},
	} {
		all = append(all, ruleSample{example[0], p.texts.say("rule.example." + example[1])})
	}
	return all
}
