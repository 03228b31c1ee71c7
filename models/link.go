package models

import (
	"github.com/google/uuid"
)

// LinkPurpose says what a link in a mail is good for, and for nothing else.
type LinkPurpose string

// The purposes of links.
const (
	LinkReset    LinkPurpose = "reset"    // sets a new password
	LinkActivate LinkPurpose = "activate" // lets a deactivated account in again
	LinkConfirm  LinkPurpose = "confirm"  // confirms the e-mail address
)

// OwnerKind says in which table the owner of a link is.
type OwnerKind string

// The kinds of owners.
const (
	OwnerAdmin OwnerKind = "admin"
	OwnerUser  OwnerKind = "user"
)

// LinkToken is the single-use secret of a link in a mail; only SHA-256 of it is stored. It is no access token.
type LinkToken struct {
	Hash          []byte `gorm:"primaryKey"`
	Purpose       LinkPurpose
	OwnerKind     OwnerKind
	OwnerID       uuid.UUID
	ApplicationID *uuid.UUID // of a user; nil for admins
	Created       int64      // ms
	Expires       int64      // ms
}
