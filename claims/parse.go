package claims

import (
	"encoding/json"
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
	present, err := object(payload)
	if err != nil {
		return nil, err
	}
	c := &Claims{}
	known := c.members()
	for _, m := range known {
		if value, has := present[m.name]; has && !m.set(value) {
			return nil, fmt.Errorf("%w: %s has the wrong type", ErrMalformed, m.name)
		}
	}
	if name, found := lookalike(present, known); found {
		return nil, fmt.Errorf("%w: a member differs from %s only in case", ErrMalformed, name)
	}
	return c, nil
}

// lookalike finds a known member that is present in another spelling.
func lookalike(present map[string]any, known []member) (name string, found bool) {
	for spelling := range present {
		for _, m := range known {
			if spelling != m.name && strings.EqualFold(spelling, m.name) {
				return m.name, true
			}
		}
	}
	return "", false
}

// object reads one JSON object. RFC 8725bis §3.7: repeated members are refused.
func object(text []byte) (map[string]any, error) {
	value, err := strictjson.Decode(text, maxDepth)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	members, is := value.(map[string]any)
	if !is {
		return nil, fmt.Errorf("%w: not an object", ErrForm)
	}
	return members, nil
}

// member is a known member and the field it goes to.
type member struct {
	name string
	into any // pointer to the field
}

func (c *Claims) members() []member {
	return []member{
		{"iss", &c.Issuer},
		{"aud", &c.Audience},
		{"sub", &c.Subject},
		{"client_id", &c.ClientID},
		{"iat", &c.IssuedAt},
		{"exp", &c.Expires},
		{"jti", &c.ID},
		{"level", &c.Level},
		{"gen", &c.Generation},
		{"org", &c.Org},
		{"org_id", &c.OrgID},
		{"app", &c.App},
		{"app_id", &c.AppID},
		{"username", &c.Username},
		{"roles", &c.Roles},
		{"groups", &c.Groups},
		{"permissions", &c.Permissions},
		{"orgs", &c.Orgs},
		{"superuser", &c.Superuser},
		{"scope", &c.Scope},
		{"status", &c.Status},
	}
}

// set stores a decoded value and tells whether it had the field's type. null has none: absent members are left out.
func (m member) set(value any) (fits bool) {
	switch into := m.into.(type) {
	case *string:
		*into, fits = value.(string)
	case *Level:
		var text string
		text, fits = value.(string)
		*into = Level(text)
	case *bool:
		*into, fits = value.(bool)
	case *int64:
		*into, fits = integer(value)
	case **int64:
		var n int64
		n, fits = integer(value)
		*into = &n
	case *[]string:
		*into, fits = texts(value)
	case *Audience:
		if one, is := value.(string); is {
			*into = Audience{one}
			return true
		}
		*into, fits = texts(value)
	case **Status:
		*into, fits = readStatus(value)
	}
	return fits
}

// integer takes plain integers only: RFC 7519 §2 allows fractions of a second, Writ writes none.
func integer(value any) (int64, bool) {
	number, is := value.(json.Number)
	if !is {
		return 0, false
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	return n, err == nil
}

func texts(value any) ([]string, bool) {
	list, is := value.([]any)
	if !is {
		return nil, false
	}
	all := make([]string, len(list))
	for i, element := range list {
		if all[i], is = element.(string); !is {
			return nil, false
		}
	}
	return all, true
}
