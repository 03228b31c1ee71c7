package verifier

import (
	"strings"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/claims/revocation"
)

// policy is a policy of the issuer, ready for decisions: the rules of each role and group are compiled once and shared by all who hold
// them. It never changes.
type policy struct {
	document *revocation.Policy
	version  policyVersion
	roles    map[string]permission.Set
	groups   map[string]permission.Set
	guest    permission.Set
	guests   bool // whether anything is open to guests
}

// policyVersion names a policy. What was worked out with one keeps the name of it, not the policy itself, in memory.
type policyVersion struct {
	epoch string
	seq   int64
}

// newPolicy prepares a verified policy, which must not change any more.
func newPolicy(document *revocation.Policy) *policy {
	return &policy{
		document: document, version: policyVersion{document.Epoch, document.Seq},
		roles: compiled(document.Roles), groups: compiled(document.Groups),
		guest: permission.Compile(document.Guest), guests: document.Guest != nil,
	}
}

func compiled(rules map[string][]string) map[string]permission.Set {
	sets := make(map[string]permission.Set, len(rules))
	for name, texts := range rules {
		sets[name] = permission.Compile(texts)
	}
	return sets
}

// held is what a caller may do: all rules, or those of the sets.
type held struct {
	policy policyVersion // zero: from the token itself
	all    bool
	who    permission.Subject
	sets   []permission.Set
}

func (h *held) allows(request permission.Request) bool {
	if h.all {
		return permission.OperationOf(request.Method) != 0
	}
	for _, set := range h.sets {
		if set.Allows(request, h.who) {
			return true
		}
	}
	return false
}

func (h *held) covers(rule permission.Rule) bool {
	return h.all || permission.CoveredBy(rule, h.who, h.sets...)
}

// rulesOf gives what the holder of a token may do. Wire contract §9.3: clients and admins everything in their reach, users what their
// rules say.
func (v *Verifier) rulesOf(t *Token) (*held, *Error) {
	if holdsAll(t.claims.Level) {
		return &held{all: true}, nil
	}
	p := v.policyOf(t.claims.Issuer)
	if p == nil && t.claims.Permissions == nil {
		return nil, ErrNoPolicy
	}
	var version policyVersion
	if p != nil {
		version = p.version
	}
	if known := t.held.Load(); known != nil && known.policy == version {
		return known, nil
	}
	rules := t.heldUnder(p)
	t.held.Store(rules)
	return rules, nil
}

// holdsAll tells whether tokens of that level hold everything in their reach.
func holdsAll(level claims.Level) bool {
	return level == claims.Application || level == claims.Organization || level == claims.AdminUser
}

// heldUnder puts together what an application user holds: the rules of his roles, of his groups and those above them, and his own.
func (t *Token) heldUnder(p *policy) *held {
	rules := &held{who: permission.Subject{Username: t.claims.Username, UUID: t.claims.Subject}}
	own := []string{"get:/users/" + t.claims.Subject}
	if p == nil {
		rules.sets = []permission.Set{permission.Compile(append(own, t.claims.Permissions...))}
		return rules
	}
	rules.policy = p.version
	rules.sets = make([]permission.Set, 0, 1+len(t.claims.Roles)+len(t.claims.Groups))
	rules.sets = append(rules.sets, permission.Compile(append(own, p.document.Users[t.sub]...)))
	for _, role := range t.claims.Roles {
		if set, is := p.roles[role]; is {
			rules.sets = append(rules.sets, set)
		}
	}
	for _, path := range withParents(t.claims.Groups) {
		if set, is := p.groups[path]; is {
			rules.sets = append(rules.sets, set)
		}
	}
	return rules
}

// withParents gives the groups and all above them, each once.
func withParents(groups []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, path := range groups {
		for path != "" && !seen[path] {
			seen[path] = true
			all = append(all, path)
			path = path[:max(strings.LastIndexByte(path, '/'), 0)]
		}
	}
	return all
}

// policyOf is nil when there is none.
func (v *Verifier) policyOf(name string) *policy {
	is := v.issuerOf(name)
	if is == nil {
		return nil
	}
	t := is.tracked.Load()
	if t == nil {
		return nil
	}
	if known := t.knowledge(); known != nil {
		return known.policy
	}
	return nil
}

// guests is what callers without credentials may do, by the policy of the first issuer. Without a policy nothing is open to them.
func (v *Verifier) guests() (*held, *Error) {
	t := v.issuers[0].tracked.Load()
	if t == nil {
		return nil, ErrUnavailable
	}
	known := t.knowledge()
	if known == nil || known.policy == nil || !known.policy.guests {
		return nil, ErrMissing
	}
	if err := v.fresh(t, known, false, v.config.Now()); err != nil {
		return nil, err
	}
	return &held{policy: known.policy.version, sets: []permission.Set{known.policy.guest}}, nil
}
