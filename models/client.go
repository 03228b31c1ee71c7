package models

import (
	"encoding/base64"
	"time"

	"github.com/google/uuid"
)

// ClientKind says whose credentials a client is. The prefix of the identifiers on the wire follows from it (wire contract §1.5).
type ClientKind string

// The two kinds of client.
const (
	ApplicationClient  ClientKind = "application"
	OrganizationClient ClientKind = "organization"
)

// Prefixes of client_id and client_secret.
const (
	ApplicationPrefix  = "YXA6"
	OrganizationPrefix = "b3U6"
)

// Prefix is what client_id and client_secret of this kind start with.
func (k ClientKind) Prefix() string {
	if k == OrganizationClient {
		return OrganizationPrefix
	}
	return ApplicationPrefix
}

// Client is the credential of an application or organization. ID is the uuid of its owner.
type Client struct {
	ID   uuid.UUID `gorm:"primaryKey"`
	Kind ClientKind
	// SecretHash is SHA-256 of the whole secret. An empty hash matches nothing.
	SecretHash []byte
	// SecretSealed is the secret sealed with the master key for "show credentials"; nil when that copy is switched off.
	SecretSealed  []byte
	SecretCreated int64
	// The former secret is valid beside the present one until PreviousExpires (ms); 0: there is none.
	PreviousHash    []byte
	PreviousSealed  []byte
	PreviousCreated int64
	PreviousExpires int64
	Generation      int64
}

// Overlaps tells whether the former secret is still valid.
func (c Client) Overlaps(now time.Time) bool { return now.UnixMilli() < c.PreviousExpires }

// ClientID is the identifier on the wire.
func (c Client) ClientID() string { return ClientID(c.Kind, c.ID) }

// ClientID gives the identifier on the wire: the prefix and 22 characters base64url of the owner's uuid.
func ClientID(kind ClientKind, owner uuid.UUID) string {
	return kind.Prefix() + base64.RawURLEncoding.EncodeToString(owner[:])
}

// ParseClientID reads an identifier of the wire; ok is false for anything else, non-canonical base64 included.
func ParseClientID(clientID string) (kind ClientKind, owner uuid.UUID, ok bool) {
	if len(clientID) != 26 {
		return "", uuid.Nil, false
	}
	switch clientID[:4] {
	case ApplicationPrefix:
		kind = ApplicationClient
	case OrganizationPrefix:
		kind = OrganizationClient
	default:
		return "", uuid.Nil, false
	}
	if n, err := base64.RawURLEncoding.Strict().Decode(owner[:], []byte(clientID[4:])); err != nil || n != 16 {
		return "", uuid.Nil, false
	}
	return kind, owner, true
}
