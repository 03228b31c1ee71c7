package mail

import (
	"fmt"
	"time"
)

// text is the words of one kind of letter. Every sentence of every mail stands in this file.
type text struct {
	subject string   // %s: the place
	before  []string // paragraphs above the link; %s: the place
	button  string   // what the link is called
	after   []string // paragraphs below; %s: how long the link lives
}

func textOf(kind Kind) (text, bool) {
	ignored := "If you did not ask for this, ignore this mail: nothing has changed."
	once := "The link can be used once, within %s."
	switch kind {
	case Reset:
		return text{
			subject: "Set a new password for %s",
			before:  []string{"Somebody, probably you, asked for a new password for your account at %s.", "Open this link to choose one:"},
			button:  "Set a new password",
			after:   []string{once, ignored},
		}, true
	case Welcome:
		return text{
			subject: "Your new account for %s",
			before:  []string{"An account for %s was created with this address.", "Open this link to choose your password:"},
			button:  "Choose a password",
			after:   []string{once + " Later, ask for a new one where you log in.", "If you do not know what this is about, ignore this mail."},
		}, true
	case Activate:
		return text{
			subject: "Activate your account at %s",
			before:  []string{"Your account at %s can be used again as soon as you activate it.", "Open this link to do so:"},
			button:  "Activate the account",
			after:   []string{once, "If you do not know what this is about, ignore this mail."},
		}, true
	case Confirm:
		return text{
			subject: "Confirm your address for %s",
			before:  []string{"An account at %s was created with this address.", "Open this link to confirm that the address is yours:"},
			button:  "Confirm the address",
			after:   []string{once, "If you did not create an account, ignore this mail: without confirmation it cannot be used."},
		}, true
	case Joined:
		return text{
			subject: "You are now a member of %s",
			before:  []string{"Your account was made a member of the organization %s at:"},
			button:  "Open the server",
			after:   []string{"If this is unexpected, ask the administrators of the organization."},
		}, true
	}
	return text{}, false
}

// fallbackPlace is what a letter of the server itself calls it.
const fallbackPlace = "Writ"

// lifetime says a duration in words.
func lifetime(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / unit.length); n == 1 {
			return "1 " + unit.name
		} else if n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "1 minute"
}
