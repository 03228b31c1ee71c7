package models

import "github.com/google/uuid"

// Page asks for one page of a list. Cursor is what the page before returned, empty for the first.
type Page struct {
	Limit  int
	Cursor string
}

// Bounds of Page.Limit (wire contract §1.4).
const (
	DefaultLimit = 10
	MaxLimit     = 1000
)

// UserFilter selects application users: any of the alternatives, each a list of conditions that all hold. Empty: everybody.
type UserFilter struct {
	Any [][]UserCondition
}

// UserCondition compares a property ("username" or "email") with a value, ignoring case.
type UserCondition struct {
	Property, Value string
}

// TokenFilter selects registered tokens; zero members do not restrict.
type TokenFilter struct {
	JTI            string
	Subject        uuid.UUID
	ApplicationID  uuid.UUID
	OrganizationID uuid.UUID
	Level          string // a claims.Level
	KID            string // signed by this key
	Live           bool   // not revoked
}
