package models

import "github.com/google/uuid"

// ClaimChange says that claims of a subject changed while older tokens of it live. What they are now is not kept: it is looked up.
type ClaimChange struct {
	Scope   uuid.UUID `gorm:"primaryKey"` // an application (roles and groups of a user) or an organization (membership of an admin)
	Subject uuid.UUID `gorm:"primaryKey"`
	Seq     int64     // the last change of the transaction that wrote the row
	Expires *int64    // seconds; the longest possible exp of an older token; nil: for ever
}

// ChangedClaims is a ClaimChange with what the claims are now. Member is nil for users, Roles and Groups are nil for admins.
type ChangedClaims struct {
	ClaimChange

	Roles  []string
	Groups []string
	Member *bool
}

// Policy is the position of the newest change of an application's rules.
type Policy struct {
	ApplicationID uuid.UUID `gorm:"primaryKey"`
	Seq           int64
}

// Rules are all rules of an application by their holders: names of roles, paths of groups, uuids of users.
type Rules struct {
	Seq    int64 // of the newest change
	Roles  map[string][]string
	Groups map[string][]string
	Users  map[uuid.UUID][]string
	// Guest are those of callers without credentials; nil: the application has no role for them.
	Guest []string
}
