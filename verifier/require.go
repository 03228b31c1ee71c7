package verifier

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/permission"
)

// Requirement is something that a request must fulfil besides having a token that is good. All requirements of a handler must hold.
type Requirement struct {
	guest bool // opens the handler to guests
	rules bool // decides by rules, which guests have, too
	check func(*checked) *Error
}

// checked is a request under examination.
type checked struct {
	request *http.Request
	token   *Token // nil: a guest
	held    func() (*held, *Error)
}

// RequireLevel demands one of these levels.
func RequireLevel(levels ...claims.Level) Requirement {
	return Requirement{check: func(c *checked) *Error {
		if c.token == nil || !slices.Contains(levels, c.token.claims.Level) {
			return ErrLevel
		}
		return nil
	}}
}

// RequireRole demands that an application user has one of these roles. Tokens of an application, of an organization and of admins hold
// everything in their reach; with RequireLevel they can be kept out.
func RequireRole(roles ...string) Requirement {
	return Requirement{check: func(c *checked) *Error {
		if c.token == nil || !holdsAll(c.token.claims.Level) && !slices.ContainsFunc(roles, c.token.HasRole) {
			return ErrRole
		}
		return nil
	}}
}

// RequireScope demands all of these scopes, of tokens of every level: a scope says what a token was asked for.
func RequireScope(scopes ...string) Requirement {
	missing := ErrScope.forScope(strings.Join(scopes, " "))
	return Requirement{check: func(c *checked) *Error {
		if c.token == nil || len(scopes) == 0 {
			return missing
		}
		for _, scope := range scopes {
			if !c.token.HasScope(scope) {
				return missing
			}
		}
		return nil
	}}
}

// Require demands that the caller's own rules cover each of these, for example get:/users/**. It panics if one cannot be read: rules
// stand in the program.
func Require(rules ...string) Requirement {
	parsed := make([]permission.Rule, len(rules))
	for i, text := range rules {
		var err error
		if parsed[i], err = permission.Parse(text); err != nil {
			panic(fmt.Sprintf("verifier.Require(%q): %v", text, err))
		}
	}
	return Requirement{rules: true, check: func(c *checked) *Error {
		own, err := c.held()
		if err != nil {
			return err
		}
		for _, rule := range parsed {
			if !own.covers(rule) {
				return ErrPermission
			}
		}
		if len(parsed) == 0 {
			return ErrPermission
		}
		return nil
	}}
}

// RequirePermission demands that the caller's rules permit the request's own method and path. The path is the one that the handler sees, so
// http.StripPrefix outside of it takes a prefix off for rules, too. Ambiguous paths are refused with ErrPath.
func RequirePermission() Requirement { return Requirement{rules: true, check: checkPermission} }

func checkPermission(c *checked) *Error {
	path, err := rulePath(c.request)
	if err != nil {
		return err
	}
	own, err := c.held()
	if err != nil {
		return err
	}
	if !own.allows(permission.Request{Method: c.request.Method, Paths: []string{path}}) {
		return ErrPermission
	}
	return nil
}

// AllowGuest lets callers without credentials in, if the guest rules of the policy permit the request: what Require and RequirePermission
// demand, and without either of them the request's own method and path. Credentials that are presented must be good all the same.
func AllowGuest() Requirement { return Requirement{guest: true} }

// Check decides about a request: it verifies the token in the header Authorization and asks all requirements. The token is nil for a guest
// that is let in. Every error is an *Error; see WriteError.
func (v *Verifier) Check(r *http.Request, requirements ...Requirement) (*Token, error) {
	raw, present, err := bearer(r.Header)
	if err != nil {
		return nil, err
	}
	if !present {
		if err := v.checkGuest(r, requirements); err != nil {
			return nil, err
		}
		return nil, nil //nolint:nilnil // documented: a guest
	}
	token, failure := v.Verify(r.Context(), raw)
	if failure != nil {
		return nil, failure
	}
	c := &checked{request: r, token: token, held: func() (*held, *Error) { return v.rulesOf(token) }}
	if err := c.all(requirements); err != nil {
		return nil, err
	}
	return token, nil
}

func (c *checked) all(requirements []Requirement) *Error {
	for _, requirement := range requirements {
		if requirement.guest {
			continue
		}
		if requirement.check == nil {
			return ErrPermission // the zero Requirement demands what nobody has
		}
		if err := requirement.check(c); err != nil {
			return err
		}
	}
	return nil
}

func (v *Verifier) checkGuest(r *http.Request, requirements []Requirement) *Error {
	if !slices.ContainsFunc(requirements, func(q Requirement) bool { return q.guest }) {
		return ErrMissing
	}
	// Whatever else is demanded, a guest gets in by rules only.
	if !slices.ContainsFunc(requirements, func(q Requirement) bool { return q.rules }) {
		requirements = append(slices.Clone(requirements), RequirePermission())
	}
	c := &checked{request: r, held: v.guests}
	err := c.all(requirements)
	if err != nil && err.status == http.StatusForbidden {
		return ErrMissing // with credentials it may be permitted: RFC 9110 §15.5.2
	}
	return err
}
