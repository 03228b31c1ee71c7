package models

import "github.com/google/uuid"

// Login is what a family of refresh tokens tells: somebody has logged in once, and can go on without a password until it ends.
type Login struct {
	Family   uuid.UUID
	ClientID string // the authenticated client, empty for a public one
	Scope    string
	Began    int64 // ms, of the login; if its first token is no longer known, of the oldest one
	Used     int64 // ms, when a token was exchanged last
	Expires  int64 // ms, whatever happens
}
