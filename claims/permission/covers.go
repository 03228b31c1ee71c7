package permission

import "strings"

// Covers tells whether somebody with these rules may hand out the gained one: nobody hands out more than he holds (wire
// contract §13). For each path of the gained rule the caller's own rules that match it, read as text, must together have all
// of its operations.
//
// A wildcard in the gained path is covered by a wildcard that reaches as far, not by one that merely matches its letters:
// /a/* does not cover /a/**, nor does /a/? cover /a/*. What ${user} and /me/ stand for depends on who gains the rule; only *
// and ** cover them.
func Covers(own []string, sub Subject, gained string) bool {
	rule, err := Parse(gained)
	if err != nil {
		return false
	}
	return CoveredBy(rule, sub, Compile(own))
}

// CoveredBy is Covers for rules that are compiled already; the sets count together.
func CoveredBy(gained Rule, sub Subject, own ...Set) bool {
	who := sub.names()
	for i := range gained.paths {
		for _, path := range gained.paths[i].reach() {
			var operations Operations
			for _, set := range own {
				operations |= set.operationsOn(newChecked(path), who)
			}
			if !operations.Has(gained.operations) {
				return false
			}
		}
	}
	return len(gained.paths) > 0
}

// reach gives the paths, wildcards included, that a rule with this path permits: /a/* permits /a too.
func (p *pattern) reach() []string {
	if !p.lastRun || p.deep {
		return []string{p.text}
	}
	return []string{p.text, "/" + strings.Join(p.segments[:len(p.segments)-1], "/")}
}

func (s Set) operationsOn(path checked, who names) Operations {
	var operations Operations
	for i := range s.rules {
		if s.rules[i].matches(path, who) {
			operations |= s.rules[i].operations
		}
	}
	return operations
}
