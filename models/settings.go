package models

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MaxLifetime is the longest finite lifetime (ms) that may be configured: 100 years of 365 days (wire contract §3).
const MaxLifetime = 3153600000000

// MaxListed is how many scopes or origins an application may list.
const MaxListed = 100

// Apply sets the properties of changes that Writ evaluates and returns the others, untouched, to be kept as custom. Values
// are those of encoding/json with UseNumber; null unsets. On error, an *Invalid that names the property, nothing is changed.
func (s *Settings) Apply(changes map[string]any) (custom map[string]any, err error) {
	next := s.clone()
	properties := next.properties()
	custom = map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		value := changes[name]
		i := slices.IndexFunc(properties, func(p property) bool { return strings.EqualFold(p.name, name) })
		if i < 0 {
			custom[name] = value
			continue
		}
		// Wire contract §1.2: a key that differs from a documented one only in case is refused, so that nobody
		// believes to have set what is not set.
		if properties[i].name != name {
			return nil, Illegal("%s is written %s", Printable(name), properties[i].name)
		}
		if err := properties[i].set(value); err != nil {
			return nil, err
		}
	}
	*s = next
	return custom, nil
}

// Map gives the properties that are set, by their names on the wire: int64, bool and []string.
func (s Settings) Map() map[string]any {
	set := map[string]any{}
	s = s.clone()
	for _, p := range s.properties() {
		if value := p.get(); value != nil {
			set[p.name] = value
		}
	}
	return set
}

func (s *Settings) clone() Settings {
	next := *s
	next.Scopes, next.AllowedOrigins = slices.Clone(s.Scopes), slices.Clone(s.AllowedOrigins)
	return next
}

// property is one of the settings: how it is set from JSON, and what it is, nil if unset.
type property struct {
	name string
	set  func(value any) error
	get  func() any
}

func (s *Settings) properties() []property {
	return []property{
		lifetime("accesstokenttl", 0, &s.AccessTokenTTL),
		flag("refreshtokens", &s.RefreshTokens),
		lifetime("refreshtokenttl", 1, &s.RefreshTokenTTL),
		lifetime("refreshtokenidlettl", 1, &s.RefreshTokenIdleTTL),
		choice("passwordgrant", &s.PasswordGrant),
		flag("permissionclaims", &s.PermissionClaims),
		list("scopes", &s.Scopes, scopeToken),
		list("allowedorigins", &s.AllowedOrigins, origin),
		flag("registration_requires_email_confirmation", &s.EmailConfirmation),
		flag("registration_requires_admin_approval", &s.AdminApproval),
		flag("nonexpiringexp", &s.NonExpiringExp),
	}
}

// lifetime is a number of milliseconds or a string of its digits.
func lifetime(name string, least int64, at **int64) property {
	set := func(value any) error {
		var digits string
		switch value := value.(type) {
		case nil:
			*at = nil
			return nil
		case json.Number:
			digits = value.String()
		case string:
			digits = value
		}
		if digits == "" || strings.Trim(digits, "0123456789") != "" {
			return Illegal("%s must be a number >= %d", name, least)
		}
		// An error here can only be a number beyond int64.
		number, err := strconv.ParseInt(digits, 10, 64)
		switch {
		case err != nil || number > MaxLifetime:
			return Illegal("%s cannot be more than %d milliseconds", name, int64(MaxLifetime))
		case number < least:
			return Illegal("%s must be a number >= %d", name, least)
		}
		*at = &number
		return nil
	}
	return property{name, set, func() any {
		if *at == nil {
			return nil
		}
		return **at
	}}
}

// choice is a boolean that may be unset.
func choice(name string, at **bool) property {
	set := func(value any) error {
		if value == nil {
			*at = nil
			return nil
		}
		chosen, err := boolean(name, value)
		if err != nil {
			return err
		}
		*at = &chosen
		return nil
	}
	return property{name, set, func() any {
		if *at == nil {
			return nil
		}
		return **at
	}}
}

// flag is a boolean that is off unless set.
func flag(name string, at *bool) property {
	set := func(value any) error {
		on, err := boolean(name, value)
		if err != nil {
			return err
		}
		*at = on
		return nil
	}
	return property{name, set, func() any {
		if !*at {
			return nil
		}
		return true
	}}
}

func boolean(name string, value any) (bool, error) {
	switch value {
	case true, "true":
		return true, nil
	case false, "false", nil:
		return false, nil
	default:
		return false, Illegal("%s must be true or false", name)
	}
}

// list is an array of distinct strings, each of which check brings into its stored form.
func list(name string, at *[]string, check func(entry string) (string, bool)) property {
	set := func(value any) error {
		entries, ok := value.([]any)
		if !ok && value != nil {
			return Illegal("%s must be an array of strings", name)
		}
		if len(entries) > MaxListed {
			return Illegal("%s may have at most %d entries", name, MaxListed)
		}
		var checked []string // an empty list is the same as none
		for _, entry := range entries {
			text, ok := entry.(string)
			if !ok {
				return Illegal("%s must be an array of strings", name)
			}
			stored, ok := check(text)
			switch {
			case !ok:
				return Illegal("%s has an illegal entry: %s", name, Printable(text))
			case slices.Contains(checked, stored):
				return Illegal("%s has an entry twice: %s", name, Printable(text))
			}
			checked = append(checked, stored)
		}
		*at = checked
		return nil
	}
	return property{name, set, func() any {
		if len(*at) == 0 {
			return nil
		}
		return *at
	}}
}

// scopeToken checks one scope. RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ).
func scopeToken(scope string) (string, bool) {
	for _, b := range []byte(scope) {
		if b < 0x21 || b > 0x7e || b == '"' || b == '\\' {
			return "", false
		}
	}
	return scope, scope != ""
}

// origin checks one origin and writes it as browsers do, because it is compared byte by byte. RFC 6454 §6.2: lower case, and
// no port that is the scheme's default.
func origin(text string) (string, bool) {
	if text == "*" {
		return text, true
	}
	parsed, err := url.Parse(strings.ToLower(text))
	if err != nil || parsed.Hostname() == "" || !isHost(parsed.Hostname()) || !isPort(parsed) {
		return "", false
	}
	// Nothing but scheme, host and port: no user, path, query or fragment, and nothing that merely reads like it.
	if parsed.Scheme+"://"+parsed.Host != strings.ToLower(text) {
		return "", false
	}
	host := parsed.Host
	if port := parsed.Port(); port == "443" && parsed.Scheme == "https" || port == "80" && parsed.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return parsed.Scheme + "://" + host, true
}

// isHost accepts names in ASCII (browsers send international ones so) and IP addresses.
func isHost(host string) bool {
	return strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") == ""
}

func isPort(parsed *url.URL) bool {
	port := parsed.Port()
	if port == "" {
		return !strings.HasSuffix(parsed.Host, ":")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0 && port[0] != '0'
}
