// Package models holds the rows of Writ and their invariants: what a name may look like, what a new application is born
// with, which properties may be set. It knows neither gorm calls nor HTTP; the struct tags only name columns and keys.
//
// Times are milliseconds since the Unix epoch unless a field says seconds. Constructors validate and return *Invalid for
// input that the caller must mend; they never touch the database.
package models

import (
	"errors"
	"fmt"
)

// Sentinel errors of the store. Consumers compare with errors.Is.
var (
	// ErrNotFound says that no live row answers the reference.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that a conditional update met other conditions than it demanded: the row was changed, consumed or raised meanwhile.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable says that the database cannot answer now; the caller may try again.
	ErrUnavailable = errors.New("database unavailable")
	// ErrLastMember says that an organization would be left without any member.
	ErrLastMember = errors.New("organizations must have at least one member")
)

// Duplicate says that a unique property is taken. Entity and Property use the words of the wire ("user", "username").
type Duplicate struct {
	Entity, Property, Value string
}

func (d *Duplicate) Error() string {
	return fmt.Sprintf("Entity %q requires that property named %q be unique, value of %s exists", d.Entity, d.Property, d.Value)
}

// Invalid is input that breaks an invariant. Code is the wire's error code, Reason may be shown to the caller.
type Invalid struct {
	Code, Reason string
}

func (e *Invalid) Error() string { return e.Reason }

// Codes an Invalid carries; the wire contract's error catalogue (§10) names them.
const (
	CodeIllegalArgument  = "illegal_argument"
	CodeRequiredProperty = "required_property_not_found"
	CodePasswordPolicy   = "error_password_policy_violation"
)

// Illegal makes the Invalid of a malformed argument.
func Illegal(format string, args ...any) *Invalid {
	return &Invalid{Code: CodeIllegalArgument, Reason: fmt.Sprintf(format, args...)}
}

// Missing makes the Invalid of an absent required property.
func Missing(property string) *Invalid {
	return &Invalid{Code: CodeRequiredProperty, Reason: "Required property not found: " + property}
}
