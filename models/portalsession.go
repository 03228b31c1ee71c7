package models

import "github.com/google/uuid"

// PortalSession is an admin who is signed in to the portal with one browser. Only SHA-256 of the session's identifier is stored. It is no
// access token and cannot become one.
type PortalSession struct {
	Hash    []byte `gorm:"primaryKey"`
	AdminID uuid.UUID
	// Generation and PasswordChanged are the admin's when he signed in: the session ends when either has moved.
	Generation      int64
	PasswordChanged int64
	Source          string // IP address of the last sign-in
	Agent           string // what the browser calls itself, shortened
	Created         int64  // ms, when the password was given first
	Seen            int64  // ms, of the last request, exact to a minute
	Proven          int64  // ms, when the password was given last
	Expires         int64  // ms, whatever happens
}
