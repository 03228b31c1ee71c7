package models

import (
	"maps"
	"time"

	"github.com/google/uuid"
)

// UserRecord is an application user as a line of an import or export says him. What is nil is not said: a new user gets the default,
// an existing one keeps what he has. Roles are named folded, groups by path; nil and empty differ here, too.
type UserRecord struct {
	ID           uuid.UUID // uuid.Nil: not said
	Username     string    // empty: the e-mail address
	Email        *string   // empty: none
	Name         *string
	Activated    *bool
	Confirmed    *bool
	Disabled     *bool
	Deactivated  *int64 // ms; 0: not deactivated
	Created      *int64 // ms
	PasswordHash *string
	PINHash      *string
	Properties   Properties
	Roles        []string
	Groups       []string
}

// NewUser makes the user that a record describes. It is the check of a record, too.
func (r *UserRecord) NewUser(application uuid.UUID, now time.Time) (User, error) {
	user, err := NewUser(application, r.Username, said(r.Email), said(r.Name), now)
	if err != nil {
		return User{}, err
	}
	if r.ID != uuid.Nil {
		user.ID = r.ID
	}
	return user, r.apply(&user)
}

// Update changes a user to what a record says, but for his identifier.
func (r *UserRecord) Update(u *User) error {
	if r.Username != "" {
		if err := u.SetUsername(r.Username); err != nil {
			return err
		}
	}
	if r.Email != nil {
		if err := u.SetEmail(*r.Email); err != nil {
			return err
		}
	}
	if r.Name != nil {
		if err := u.SetName(*r.Name); err != nil {
			return err
		}
	}
	return r.apply(u)
}

func (r *UserRecord) apply(u *User) error {
	set(&u.Activated, r.Activated)
	set(&u.Confirmed, r.Confirmed)
	set(&u.Disabled, r.Disabled)
	set(&u.Created, r.Created)
	set(&u.PasswordHash, r.PasswordHash)
	set(&u.PINHash, r.PINHash)
	switch {
	case r.Deactivated == nil && r.Activated != nil && *r.Activated, r.Deactivated != nil && *r.Deactivated == 0:
		u.Deactivated = nil
	case r.Deactivated != nil:
		at := *r.Deactivated
		u.Deactivated = &at
	}
	if r.Properties == nil {
		return nil
	}
	properties := Properties{}
	if err := properties.Merge(maps.Clone(r.Properties)); err != nil {
		return err
	}
	u.Properties = properties
	return nil
}

func set[T any](into, from *T) {
	if from != nil {
		*into = *from
	}
}

func said(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// OnConflict is what an import does with a user that exists.
type OnConflict string

// What may be done: report him, leave him as he is, or change him to what the record says.
const (
	ConflictFail   OnConflict = "fail"
	ConflictSkip   OnConflict = "skip"
	ConflictUpdate OnConflict = "update"
)

// UserImport is one batch of users for an application.
type UserImport struct {
	Application uuid.UUID
	OnConflict  OnConflict
	Users       []UserRecord
	DryRun      bool // find out what would happen, and write nothing
	// Note is called with what became of the users before that is committed, twice perhaps. What it answers is committed with them, so that
	// an interrupted import knows where it stopped. Nil: there is nothing to note.
	Note func([]ImportOutcome) (ImportNote, error)
}

// ImportNote is what belongs to a batch besides its users.
type ImportNote struct {
	Name, Value string // a fact to remember; without a name there is none
	Audit       []AuditEvent
	Step        *ImportStep // of an import of the portal; nil: it is none
}

// ImportResult is what became of one user.
type ImportResult string

// The results.
const (
	ImportCreated   ImportResult = "created"
	ImportUpdated   ImportResult = "updated"
	ImportUnchanged ImportResult = "unchanged" // he existed and was left alone, or was like that already
	ImportRejected  ImportResult = "rejected"
)

// ImportOutcome is what became of one user of an import.
type ImportOutcome struct {
	ID     uuid.UUID // of the user; uuid.Nil if rejected
	Result ImportResult
	Reason string // why he was rejected
	// Renumbered says that the identifier he was to have belongs to somebody in another application, so that he got a new one.
	Renumbered bool
}
