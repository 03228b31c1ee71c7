package models

import "github.com/google/uuid"

// ManagementScope is the Scope of denials that concern the management issuer; others carry the application's uuid.
const ManagementScope = "management"

// DeniedToken refuses one token by its identifier. Rows leave when the token would have expired anyway.
type DeniedToken struct {
	JTI     string `gorm:"primaryKey;column:jti" json:"jti"`
	Scope   string `json:"scope"`             // issuer: application uuid or ManagementScope
	Expires *int64 `json:"expires,omitempty"` // seconds, the token's exp; nil: for ever
	Created int64  `json:"created"`
}

// DeniedSubject refuses every token of a subject whose gen is lower than Generation.
type DeniedSubject struct {
	Subject    uuid.UUID `gorm:"primaryKey" json:"subject"`
	Scope      string    `json:"scope"`
	Generation int64     `json:"generation"`
	Expires    *int64    `json:"expires,omitempty"` // seconds; the longest possible exp of an older token; nil: for ever
	Created    int64     `json:"created"`
}

// RegisteredToken is a non-expiring token: the exception to "no row per token", so that it can be listed and revoked.
type RegisteredToken struct {
	JTI            string `gorm:"primaryKey;column:jti"`
	Subject        uuid.UUID
	Level          string
	OrganizationID *uuid.UUID
	ApplicationID  *uuid.UUID
	Organization   string // names at the time of issue
	Application    string
	Label          string
	Generation     int64
	Issued         int64
	IssuedBy       uuid.UUID // who authenticated: the user, client or admin
	IssuedFrom     string    // IP address
	Revoked        *int64
	KID            string `gorm:"column:kid"` // of the key that signed it; empty: the oldest for non-expiring tokens
	// StatusList and StatusIndex are the token's entry of a status list; nil: it has none.
	StatusList  *uuid.UUID
	StatusIndex *int64
}

// RefreshToken is a single-use refresh token; only SHA-256 of it is stored. All tokens that follow from one login share Family.
type RefreshToken struct {
	Hash          []byte `gorm:"primaryKey"`
	Family        uuid.UUID
	ApplicationID uuid.UUID
	UserID        uuid.UUID
	ClientID      string // the authenticated client, empty for a public one
	Scope         string
	Generation    int64
	Created       int64
	Expires       int64 // ms, absolute end of the family
	Used          *int64
	Successor     []byte // hash of the token that followed; nil if none did, or if a retry had this one replaced
}

// Change is one entry of the change log: what other parts of Writ, and other replicas, must learn of.
type Change struct {
	Seq    int64 `gorm:"primaryKey;autoIncrement:false"`
	At     int64
	Kind   ChangeKind
	Key    string
	Detail string // JSON or empty, by kind
}

// ChangeKind names what changed.
type ChangeKind string

// Kinds of change. Key is a uuid unless noted.
const (
	ChangeTokenDenied   ChangeKind = "token_denied"   // key: jti; detail: DeniedToken
	ChangeSubjectDenied ChangeKind = "subject_denied" // key: subject; detail: DeniedSubject
	ChangeOrganization  ChangeKind = "organization"   // name, members, properties, deletion
	ChangeApplication   ChangeKind = "application"    // settings, deletion, restore
	ChangeClient        ChangeKind = "client"         // secret or generation; key: owner
	ChangeAdmin         ChangeKind = "admin"
	ChangeUser          ChangeKind = "user"        // state, name, roles, rules, groups of a user
	ChangeRights        ChangeKind = "rights"      // key: application; roles, groups or their rules
	ChangeKey           ChangeKind = "key"         // key: kid; detail: KeyChange
	ChangeClaims        ChangeKind = "claims"      // key: application or organization; claims in older tokens of its users or members
	ChangePolicy        ChangeKind = "policy"      // key: application; the rules of its roles, groups or users
	ChangeThrottle      ChangeKind = "throttle"    // detail: a ThrottleWait
	ChangeStatusList    ChangeKind = "status_list" // key: scope; a list was begun
)
