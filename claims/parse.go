package claims

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/claims/strictjson"
)

// maxDepth bounds the nesting of headers and payloads; Writ's own are two deep.
const maxDepth = 8

// Parse decodes a verified payload strictly: one object, no repeated member, nothing behind it, and every known claim of its JSON
// type. Unknown claims are ignored (RFC 7519 §4), unless they look like a known one in other letters: encoding/json and its like
// in other languages would take them for it. Claims are not checked against anything; see Validate.
func Parse(payload []byte) (*Claims, error) {
	c := &Claims{}
	object := strictjson.Open(string(payload), maxDepth)
	var wrong string
	for name, more := object.Next(); more; name, more = object.Next() {
		switch known, fits := c.read(name, &object); {
		case known && !fits:
			wrong = name + " has the wrong type"
		case !known && lookalike(name, claimNames()):
			wrong = "a member differs from a claim only in case"
		}
	}
	// What is no JSON is told first: then its members mean nothing.
	if err := object.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if wrong != "" {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, wrong)
	}
	return c, nil
}

// lookalike tells whether a name that is none of the known ones is one of them in other letters.
func lookalike(name string, known []string) bool {
	for _, other := range known {
		if strings.EqualFold(name, other) {
			return true
		}
	}
	return false
}

func claimNames() []string {
	return []string{
		"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "level", "gen", "org", "org_id", "app", "app_id", "username", "roles",
		"groups", "permissions", "orgs", "superuser", "scope", "status",
	}
}

// read stores the value of a known claim and tells whether it had the field's type. null has none: absent claims are left out. The
// value of an unknown claim is read and forgotten.
func (c *Claims) read(name string, o *strictjson.Object) (known, fits bool) {
	switch name {
	case "iss":
		c.Issuer, fits = o.Text()
	case "aud":
		fits = c.Audience.read(o)
	case "sub":
		c.Subject, fits = o.Text()
	case "client_id":
		c.ClientID, fits = o.Text()
	case "iat":
		c.IssuedAt, fits = integer(o)
	case "exp":
		var expires int64
		expires, fits = integer(o)
		c.Expires = &expires
	case "jti":
		c.ID, fits = o.Text()
	case "level":
		var level string
		level, fits = o.Text()
		c.Level = Level(level)
	case "gen":
		c.Generation, fits = integer(o)
	case "username":
		c.Username, fits = o.Text()
	case "roles":
		c.Roles, fits = o.Texts()
	case "groups":
		c.Groups, fits = o.Texts()
	case "permissions":
		c.Permissions, fits = o.Texts()
	case "scope":
		c.Scope, fits = o.Text()
	case "status":
		c.Status, fits = readStatus(o.Value())
	default:
		return c.readTenant(name, o)
	}
	return true, fits
}

// readTenant is read for the claims that say where the subject belongs.
func (c *Claims) readTenant(name string, o *strictjson.Object) (known, fits bool) {
	switch name {
	case "org":
		c.Org, fits = o.Text()
	case "org_id":
		c.OrgID, fits = o.Text()
	case "app":
		c.App, fits = o.Text()
	case "app_id":
		c.AppID, fits = o.Text()
	case "orgs":
		c.Orgs, fits = o.Texts()
	case "superuser":
		c.Superuser, fits = o.Value().(bool)
	default:
		o.Value()
		return false, false
	}
	return true, fits
}

func (a *Audience) read(o *strictjson.Object) (fits bool) {
	if !o.IsText() {
		*a, fits = o.Texts()
		return fits
	}
	text, fits := o.Text()
	*a = Audience{text}
	return fits
}

// integer takes plain integers only: RFC 7519 §2 allows fractions of a second, Writ writes none.
func integer(o *strictjson.Object) (int64, bool) {
	number, is := o.Number()
	if !is {
		return 0, false
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	return n, err == nil
}
