package mail

import "time"

// Kind says which letter it is.
type Kind string

// The letters.
const (
	Reset    Kind = "reset"    // a link that sets a new password
	Welcome  Kind = "welcome"  // the same for a new account without a password, in an organization
	Activate Kind = "activate" // a link that lets the account in again
	Confirm  Kind = "confirm"  // a link that confirms the address
	Joined   Kind = "joined"   // no link: the account became a member of an organization
)

// Letter is one mail.
type Letter struct {
	Kind Kind
	To   string // e-mail address
	// Place is where the account is: an application as "org/app", an organization's name, or "" for the server itself.
	Place string
	Link  string        // what the reader opens; for Joined the server's address
	Life  time.Duration // of the link
}
