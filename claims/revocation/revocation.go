// Package revocation is the wire format of the revocation feed and of the policy: plain structs, their JSON, and what a reader must
// refuse. Server and verifier share it, so that they cannot drift apart; docs/feed.md is the specification for everybody else.
//
// It knows neither HTTP nor signatures nor a database. Times are whole seconds since 1970.
package revocation

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// JOSE header typ of the two documents, and their media types. No access token has one of them (RFC 8725 §3.11).
const (
	Type            = "writ-revocations+jwt"
	MediaType       = "application/" + Type
	PolicyType      = "writ-policy+jwt"
	PolicyMediaType = "application/" + PolicyType
)

// ErrDocument says that a document is not one of docs/feed.md, or contradicts itself.
var ErrDocument = errors.New("not a document of the revocation feed")

// ID stands for a jti or sub: the first 128 bits of its SHA-256. It lets the feed be public without saying who logged out.
type ID [16]byte

// Hash gives the ID of a jti or sub, taken letter by letter as the token has it.
func Hash(identifier string) ID {
	sum := sha256.Sum256([]byte(identifier))
	return ID(sum[:16])
}

// MarshalText writes 22 characters of base64url.
func (id ID) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, id[:]), nil
}

// UnmarshalText reads what MarshalText writes and nothing else.
func (id *ID) UnmarshalText(text []byte) error {
	var decoded [18]byte
	if len(text) != base64.RawURLEncoding.EncodedLen(len(id)) {
		return fmt.Errorf("%w: identifier", ErrDocument)
	}
	n, err := base64.RawURLEncoding.Strict().Decode(decoded[:], text)
	if err != nil || n != len(id) {
		return fmt.Errorf("%w: identifier", ErrDocument)
	}
	copy(id[:], decoded[:n])
	return nil
}

// Document is one document of the feed of one issuer. It is either complete (one page of everything that is denied at Seq) or an
// increment: everything that was added after From and up to Seq.
type Document struct {
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`   // when it was signed
	Epoch    string `json:"epoch"` // names the numbering; numbers of different epochs cannot be compared
	Complete bool   `json:"complete,omitempty"`
	Page     int    `json:"page,omitempty"`  // from 1, complete documents only
	Pages    int    `json:"pages,omitempty"` // how many pages there are, complete documents only
	From     int64  `json:"from"`            // 0 in complete documents
	Seq      int64  `json:"seq"`
	AsOf     int64  `json:"as_of"` // nothing that was acknowledged before this time is missing

	Tokens   []Token   `json:"tokens,omitempty"`
	Subjects []Subject `json:"subjects,omitempty"`
	// Keys are the kids of all dropped keys, and Ended says that the issuer is gone: state, given whole in every document.
	Keys  []string `json:"keys,omitempty"`
	Ended bool     `json:"ended,omitempty"`

	// Policy is the Seq of the newest policy, Claims what changed in the claims of older tokens: for authenticated clients only.
	Policy int64    `json:"policy,omitempty"`
	Claims []Change `json:"claims,omitempty"`
}

// Token denies one token until Expires; nil: for ever.
type Token struct {
	ID      ID     `json:"jti"`
	Expires *int64 `json:"exp,omitempty"`
}

// Subject denies every token of a subject whose gen is lower than Generation. The entry may be forgotten after Expires; nil: never.
type Subject struct {
	ID         ID     `json:"sub"`
	Generation int64  `json:"gen"`
	Expires    *int64 `json:"exp,omitempty"`
}

// Change says what the claims of a subject are now; it takes the place of what tokens of that subject say. Roles and Groups belong to
// application users. Member belongs to admins: whether the admin is a member of the organization whose client asked.
type Change struct {
	ID      ID       `json:"sub"`
	Roles   []string `json:"roles,omitzero"`
	Groups  []string `json:"groups,omitzero"`
	Member  *bool    `json:"member,omitempty"`
	Expires *int64   `json:"exp,omitempty"`
}

// Parse reads the payload of a verified document. Unknown members are ignored; a document that contradicts itself is ErrDocument.
func Parse(payload []byte) (*Document, error) {
	d := new(Document)
	if err := json.Unmarshal(payload, d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	switch {
	case d.Issuer == "", d.Epoch == "", d.IssuedAt <= 0, d.AsOf <= 0:
		return nil, fmt.Errorf("%w: a member is missing", ErrDocument)
	case d.From < 0, d.Seq < d.From:
		return nil, fmt.Errorf("%w: from %d, seq %d", ErrDocument, d.From, d.Seq)
	case d.Complete && (d.From != 0 || d.Page < 1 || d.Page > d.Pages), !d.Complete && (d.Page != 0 || d.Pages != 0):
		return nil, fmt.Errorf("%w: page %d of %d", ErrDocument, d.Page, d.Pages)
	}
	for _, s := range d.Subjects {
		if s.Generation < 1 {
			return nil, fmt.Errorf("%w: gen", ErrDocument)
		}
	}
	return d, nil
}
