package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/strictjson"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// maxDepth is how deep custom properties may be nested, the line's object included.
const maxDepth = 32

// user is a line that was understood.
type user struct {
	models.UserRecord

	form *grants.HashForm // of the password's hash; nil without one
}

// field reads one field of a line into a user.
type field func(u *user, value any) error

// fields are all there are. What an export writes, an import reads.
func fields() map[string]field {
	return map[string]field{
		"uuid":        readUUID,
		"username":    func(u *user, v any) error { return readText(v, func(s string) { u.Username = s }) },
		"email":       func(u *user, v any) error { return readText(v, func(s string) { u.Email = &s }) },
		"name":        func(u *user, v any) error { return readText(v, func(s string) { u.Name = &s }) },
		"activated":   func(u *user, v any) error { return readFlag(v, &u.Activated) },
		"confirmed":   func(u *user, v any) error { return readFlag(v, &u.Confirmed) },
		"disabled":    func(u *user, v any) error { return readFlag(v, &u.Disabled) },
		"deactivated": func(u *user, v any) error { return readTime(v, &u.Deactivated) },
		"created":     func(u *user, v any) error { return readTime(v, &u.Created) },
		"hash":        readHash,
		"pin":         readPIN,
		"properties":  readProperties,
		"roles":       readRoles,
		"groups":      readGroups,
	}
}

// parser understands lines.
type parser struct {
	fields      map[string]field
	application uuid.UUID
	now         time.Time
	restricted  bool // see Import
}

var errRestricted = errors.New("hashes are imported by the superuser only")

// parse reads a line and checks everything that can be known without the database. Errors never repeat a hash.
func (p *parser) parse(text []byte) (user, error) {
	value, err := strictjson.Decode(text, maxDepth)
	if err != nil {
		return user{}, err
	}
	members, is := value.(map[string]any)
	if !is {
		return user{}, errors.New("must be a JSON object")
	}
	var u user
	for _, name := range slices.Sorted(maps.Keys(members)) {
		read, known := p.fields[name]
		switch {
		case name == "password":
			return user{}, errors.New("password: passwords in the clear are not imported, give the hash")
		case !known:
			return user{}, fmt.Errorf("unknown field %q", models.Printable(name))
		case members[name] == nil:
			continue
		}
		if err := read(&u, members[name]); err != nil {
			return user{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if p.restricted {
		if u.PasswordHash != nil || u.PINHash != nil {
			return user{}, errRestricted
		}
		u.ID, u.Created = uuid.Nil, nil
	}
	_, err = u.NewUser(p.application, p.now)
	return u, err
}

var (
	errText       = errors.New("must be a text")
	errFlag       = errors.New("must be true or false")
	errTime       = errors.New("must be milliseconds since 1970 or a time as in RFC 3339")
	errTexts      = errors.New("must be an array of texts")
	errHash       = errors.New("is no hash that can be verified")
	errPIN        = errors.New("must be an argon2id or bcrypt hash")
	errUUID       = errors.New("must be a uuid")
	errProperties = errors.New("must be an object")
)

func readText(value any, into func(string)) error {
	text, is := value.(string)
	if !is {
		return errText
	}
	into(text)
	return nil
}

func readFlag(value any, into **bool) error {
	flag, is := value.(bool)
	if !is {
		return errFlag
	}
	*into = &flag
	return nil
}

// latest is the end of the year 9999, behind which RFC 3339 has no times.
const latest = 253_402_300_799_999

func readTime(value any, into **int64) error {
	var at int64
	switch v := value.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return errTime
		}
		at = n
	case string:
		moment, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return errTime
		}
		at = moment.UnixMilli()
	default:
		return errTime
	}
	if at < 0 || at > latest {
		return errTime
	}
	*into = &at
	return nil
}

func readUUID(u *user, value any) error {
	text, is := value.(string)
	if !is || !models.IsUUID(text) {
		return errUUID
	}
	id, err := uuid.Parse(text)
	if err != nil || id == uuid.Nil {
		return errUUID
	}
	u.ID = id
	return nil
}

// readHash takes an empty text for no password.
func readHash(u *user, value any) error {
	hash, is := value.(string)
	if !is {
		return errText
	}
	u.PasswordHash = &hash
	if hash == "" {
		return nil
	}
	form, known := grants.FormOf(hash)
	if !known {
		return errHash
	}
	u.form = &form
	return nil
}

// readPIN takes strong hashes only: a login with a PIN does not replace its hash.
func readPIN(u *user, value any) error {
	hash, is := value.(string)
	if !is {
		return errText
	}
	if form, known := grants.FormOf(hash); hash != "" && (!known || form.Name != "argon2id" && form.Name != "bcrypt") {
		return errPIN
	}
	u.PINHash = &hash
	return nil
}

// reservedProperties are the names that mean something else in the answers and requests of the API.
const reservedProperties = "uuid type created modified metadata username email name password pin oldpassword newpassword credentials" +
	" activated confirmed disabled deactivated access_token client_id client_secret"

func isReserved(name string) bool { return slices.Contains(strings.Fields(reservedProperties), name) }

func readProperties(u *user, value any) error {
	properties, is := value.(map[string]any)
	if !is {
		return errProperties
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if isReserved(name) {
			return fmt.Errorf("%s cannot be a custom property", name)
		}
	}
	u.Properties = properties
	return nil
}

func readRoles(u *user, value any) (err error) {
	u.Roles, err = readNames(value, models.RoleName)
	return err
}

func readGroups(u *user, value any) (err error) {
	u.Groups, err = readNames(value, models.GroupPath)
	return err
}

func readNames(value any, check func(string) (string, error)) ([]string, error) {
	list, is := value.([]any)
	if !is {
		return nil, errTexts
	}
	names := make([]string, 0, len(list))
	for _, element := range list {
		text, is := element.(string)
		if !is {
			return nil, errTexts
		}
		name, err := check(text)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// withoutSecrets is what may be shown of a line that is rejected: the fields of the format but the hashes. Nil if it is no object.
func withoutSecrets(text []byte) map[string]any {
	value, err := strictjson.Decode(text, maxDepth)
	members, is := value.(map[string]any)
	if err != nil || !is {
		return nil
	}
	known := fields()
	maps.DeleteFunc(members, func(name string, _ any) bool { return known[name] == nil || name == "hash" || name == "pin" })
	if properties, is := members["properties"].(map[string]any); is {
		maps.DeleteFunc(properties, func(name string, _ any) bool { return isReserved(name) })
	}
	return members
}
