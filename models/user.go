package models

import (
	"time"

	"github.com/google/uuid"
)

// User is an application user. UsernameKey and EmailKey are the folded forms, unique within the application.
type User struct {
	ID            uuid.UUID `gorm:"primaryKey"`
	ApplicationID uuid.UUID
	Username      string
	UsernameKey   string
	Email         *string
	EmailKey      *string
	Name          string
	Properties    Properties
	PasswordHash  string // PHC string, empty: no password, every one is wrong
	PINHash       string `gorm:"column:pin_hash"`
	Activated     bool
	Confirmed     bool
	Disabled      bool
	Deactivated   *int64
	// Generation starts at 1 and only rises; tokens with a lower gen are refused.
	Generation      int64
	PasswordChanged int64
	Created         int64
	Modified        int64
}

// NewUser checks username and e-mail: one of them is required, and only an e-mail is its own username.
func NewUser(application uuid.UUID, username, email, name string, now time.Time) (User, error) {
	if username == "" {
		username = email
	}
	if username == "" {
		return User{}, Missing("username")
	}
	at := now.UnixMilli()
	user := User{
		ID: uuid.New(), ApplicationID: application, Properties: Properties{},
		Activated: true, Confirmed: true, Generation: 1, PasswordChanged: at, Created: at, Modified: at,
	}
	if err := user.SetName(name); err != nil {
		return User{}, err
	}
	if err := user.SetUsername(username); err != nil {
		return User{}, err
	}
	if err := user.SetEmail(email); err != nil {
		return User{}, err
	}
	return user, nil
}

// SetName checks and sets the name that is shown.
func (u *User) SetName(name string) error {
	u.Name = name
	return ShownText("name", name)
}

// SetUsername checks and sets the username and its folded form.
func (u *User) SetUsername(name string) error {
	name, err := Username(name)
	if err != nil {
		return err
	}
	u.Username, u.UsernameKey = name, Fold(name)
	return nil
}

// SetEmail checks and sets the e-mail address and its folded form; an empty one unsets it.
func (u *User) SetEmail(address string) error {
	if address == "" {
		u.Email, u.EmailKey = nil, nil
		return nil
	}
	address, err := Email(address)
	if err != nil {
		return err
	}
	folded := Fold(address)
	u.Email, u.EmailKey = &address, &folded
	return nil
}

// EmailAddress is the e-mail address or "".
func (u *User) EmailAddress() string {
	if u.Email == nil {
		return ""
	}
	return *u.Email
}
