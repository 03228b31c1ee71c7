package models

import (
	"time"

	"github.com/google/uuid"
)

// Admin is an admin user: a member of organizations, or the superuser. Both keys are unique in the whole database.
type Admin struct {
	ID              uuid.UUID `gorm:"primaryKey"`
	Username        string
	UsernameKey     string
	Email           string
	EmailKey        string
	Name            string
	Properties      Properties
	PasswordHash    string
	Activated       bool
	Confirmed       bool
	Disabled        bool
	Superuser       bool
	Generation      int64
	PasswordChanged int64
	Created         int64
	Modified        int64
}

// NewAdmin checks the input; without a username the e-mail is the username.
func NewAdmin(username, email, name string, now time.Time) (Admin, error) {
	if email == "" {
		return Admin{}, Illegal("email form parameter is required")
	}
	if username == "" {
		username = email
	}
	at := now.UnixMilli()
	admin := Admin{
		ID: uuid.New(), Properties: Properties{}, Activated: true, Confirmed: true,
		Generation: 1, PasswordChanged: at, Created: at, Modified: at,
	}
	if err := admin.SetName(name); err != nil {
		return Admin{}, err
	}
	if err := admin.SetUsername(username); err != nil {
		return Admin{}, err
	}
	if err := admin.SetEmail(email); err != nil {
		return Admin{}, err
	}
	return admin, nil
}

// SetName checks and sets the name that is shown.
func (a *Admin) SetName(name string) error {
	a.Name = name
	return ShownText("name", name)
}

// SetUsername checks and sets the username and its folded form.
func (a *Admin) SetUsername(name string) error {
	name, err := Username(name)
	if err != nil {
		return err
	}
	a.Username, a.UsernameKey = name, Fold(name)
	return nil
}

// SetEmail checks and sets the e-mail address and its folded form.
func (a *Admin) SetEmail(address string) error {
	address, err := Email(address)
	if err != nil {
		return err
	}
	a.Email, a.EmailKey = address, Fold(address)
	return nil
}

// AdminFilter selects admins; its zero value selects all of them.
type AdminFilter struct {
	Part    string // in the username or the e-mail address, in whatever case
	Waiting bool   // not activated, and not disabled either
}

// PastPassword is a former password of an admin or an application user, kept as its hash so that it is not chosen again.
// ID is a version 7 uuid: it orders passwords that were replaced in the same millisecond.
type PastPassword struct {
	ID      uuid.UUID `gorm:"primaryKey"`
	OwnerID uuid.UUID
	Hash    string
	Created int64
}
