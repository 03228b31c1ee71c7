package permission

import (
	"strings"
	"unicode/utf8"
)

// Subject is the calling application user, in the spellings that ${user} and /me/ stand for. The zero value is a guest.
type Subject struct {
	Username, UUID string
}

// names gives the spellings that may be put into a rule. One that is more than a segment's text is left out.
func (s Subject) names() names {
	return names{spelling(s.Username), spelling(s.UUID)}
}

func spelling(name string) string {
	if strings.Contains(name, "/") || !utf8.ValidString(name) {
		return ""
	}
	return strings.ToLower(name)
}

// Request is what is checked. Paths are all spellings of one path behind the application root (see Spellings); any match
// counts. They should be in lower case, which saves an allocation each.
type Request struct {
	Method string
	Paths  []string
}

// Allows tells whether the rule alone permits the request.
func (r Rule) Allows(req Request, sub Subject) bool {
	_, ok := Set{rules: []Rule{r}}.match(req, sub)
	return ok
}

// Set is a list of rules, compiled. It never changes and may be used by many goroutines; the zero value grants nothing.
type Set struct {
	rules []Rule
}

// Compile prepares rules for many decisions. A rule that cannot be read grants nothing.
func Compile(rules []string) Set {
	set := Set{rules: make([]Rule, 0, len(rules))}
	for _, text := range rules {
		if rule, err := Parse(text); err == nil {
			set.rules = append(set.rules, rule)
		}
	}
	return set
}

// Allows tells whether any rule permits the request.
func (s Set) Allows(req Request, sub Subject) bool {
	_, ok := s.match(req, sub)
	return ok
}

// Match is Allows that also names a rule that permits the request.
func (s Set) Match(req Request, sub Subject) (rule string, ok bool) {
	if i, ok := s.match(req, sub); ok {
		return s.rules[i].text, true
	}
	return "", false
}

func (s Set) match(req Request, sub Subject) (index int, ok bool) {
	operation := OperationOf(req.Method)
	if operation == 0 {
		return 0, false
	}
	who := sub.names()
	for _, text := range req.Paths {
		path, ok := check(text)
		if !ok {
			continue
		}
		for i := range s.rules {
			if s.rules[i].operations.Has(operation) && s.rules[i].matches(path, who) {
				return i, true
			}
		}
	}
	return 0, false
}

func (r *Rule) matches(path checked, who names) bool {
	for i := range r.paths {
		if r.paths[i].matches(path, who) {
			return true
		}
	}
	return false
}
