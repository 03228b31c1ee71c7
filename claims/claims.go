// Package claims says what an access token says: its level, its claim set, and which of them a reader must check. It is plain
// structs and pure functions; it knows neither HTTP nor a database nor a JWT library, so that resource servers can import it.
//
// Wire contract §4 is the source of every name here. JWT times are whole seconds.
package claims

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Level says what kind of subject a token is for.
type Level string

// The four levels, and the guest: a caller without credentials, who never has a token.
const (
	Guest           Level = ""
	ApplicationUser Level = "application_user"
	Application     Level = "application"
	Organization    Level = "organization"
	AdminUser       Level = "admin_user"
)

// Valid tells whether a token may carry this level.
func (l Level) Valid() bool {
	switch l {
	case ApplicationUser, Application, Organization, AdminUser:
		return true
	case Guest:
		return false
	default:
		return false
	}
}

// Type is the JOSE header typ of an access token. RFC 9068 §2.1.
const Type = "at+jwt"

// FarFuture is the exp (seconds) of a non-expiring token for resource servers that insist on one: the end of the year 9999.
const FarFuture = 253402300799

// Claims is the claim set. Members are written in this order; absent ones are left out.
type Claims struct {
	Issuer      string   `json:"iss"`
	Audience    Audience `json:"aud"`
	Subject     string   `json:"sub"`
	ClientID    string   `json:"client_id"`
	IssuedAt    int64    `json:"iat"`
	Expires     *int64   `json:"exp,omitempty"` // nil: non-expiring
	ID          string   `json:"jti"`
	Level       Level    `json:"level"`
	Generation  int64    `json:"gen"`
	Org         string   `json:"org,omitempty"`
	OrgID       string   `json:"org_id,omitempty"`
	App         string   `json:"app,omitempty"`
	AppID       string   `json:"app_id,omitempty"`
	Username    string   `json:"username,omitempty"`
	Roles       []string `json:"roles,omitzero"` // application users: never nil
	Groups      []string `json:"groups,omitempty"`
	Permissions []string `json:"permissions,omitzero"` // only with the application's permissionclaims
	Orgs        []string `json:"orgs,omitzero"`        // admins: never nil
	Superuser   bool     `json:"superuser,omitempty"`
	Scope       string   `json:"scope,omitempty"`
	Status      *Status  `json:"status,omitempty"` // of non-expiring tokens
}

// Audience is written as an array and read as an array or a single string. RFC 7519 §4.1.3.
type Audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *Audience) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] != '"' {
		return json.Unmarshal(text, (*[]string)(a))
	}
	var one string
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	*a = Audience{one}
	return nil
}

// Errors of Validate; callers compare with errors.Is.
var (
	ErrMalformed = errors.New("claims are malformed")
	ErrIssuer    = errors.New("issuer is not trusted")
	ErrAudience  = errors.New("audience does not match")
	ErrExpired   = errors.New("token has expired")
	ErrNotYet    = errors.New("token was issued in the future")
)

// NonExpiring tells whether the token lives until it is revoked.
func (c *Claims) NonExpiring() bool { return c.Expires == nil || *c.Expires == FarFuture }

// Expectation is what a reader demands of a claim set.
type Expectation struct {
	// Issuers are the trusted issuers, compared byte by byte. RFC 8725 §3.8.
	Issuers []string
	// Audience is compared exactly with each member of aud; empty: the token's own issuer, which is what Writ writes.
	Audience string
	// Leeway for exp, at most a minute; zero is exact.
	Leeway time.Duration
}

// MaxClockSkew is how far in the future iat may lie: replicas and resource servers disagree about the time a little.
const MaxClockSkew = time.Minute

// Validate checks form, issuer, audience, level and times in this order, so that a foreign token is never called expired.
// It cannot know about revocation, nor whether the subject still exists.
func (c *Claims) Validate(want Expectation, now time.Time) error {
	if c.Subject == "" || c.ID == "" || c.ClientID == "" || c.Generation < 1 || c.IssuedAt <= 0 || !c.Level.Valid() {
		return ErrMalformed
	}
	if c.Expires != nil && *c.Expires > FarFuture {
		return ErrMalformed // times beyond the year 9999 overflow in many readers
	}
	if !slices.Contains(want.Issuers, c.Issuer) {
		return fmt.Errorf("%w: %q", ErrIssuer, c.Issuer)
	}
	audience := want.Audience
	if audience == "" {
		audience = c.Issuer
	}
	if !slices.Contains(c.Audience, audience) {
		return ErrAudience
	}
	leeway := min(max(want.Leeway, 0), MaxClockSkew)
	// RFC 7519 §4.1.4: on or after exp the token must not be accepted.
	if c.Expires != nil && !now.Add(-leeway).Before(time.Unix(*c.Expires, 0)) {
		return ErrExpired
	}
	if c.IssuedAt > now.Add(MaxClockSkew).Unix() {
		return ErrNotYet
	}
	return nil
}
