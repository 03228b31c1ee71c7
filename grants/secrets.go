package grants

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// Secrets makes client secrets. A secret has 160 random bits, so one SHA-256 protects it at rest; a slow hash would cost a hundred
// times the signature. For "show credentials" a second copy is kept, sealed with the master key.
type Secrets struct {
	sealer *keys.Sealer
	keep   bool
}

// ErrNotKept says that a secret cannot be shown: only its hash was kept.
var ErrNotKept = errors.New("the secret was shown once and not kept")

// NewSecrets makes Secrets; without keepCopy (client-secrets=once) a secret can be shown only when it is made.
func NewSecrets(sealer *keys.Sealer, keepCopy bool) *Secrets {
	return &Secrets{sealer: sealer, keep: keepCopy}
}

// secretBytes is the size of a client secret: 160 random bits.
const secretBytes = 20

// NewClient makes the client of an application or organization and its first secret.
func (x *Secrets) NewClient(kind models.ClientKind, owner uuid.UUID, now time.Time) (models.Client, string, error) {
	c := models.Client{ID: owner, Kind: kind, Generation: 1}
	secret, err := x.Renew(&c, now)
	return c, secret, err
}

// Overlap keeps the present secret valid for a while beside the one that Renew makes next, so that clients can be moved one by one. Of
// several only the youngest former secret stays.
func (x *Secrets) Overlap(c *models.Client, now time.Time, overlap time.Duration) {
	c.PreviousHash, c.PreviousSealed, c.PreviousCreated = c.SecretHash, c.SecretSealed, c.SecretCreated
	c.PreviousExpires = now.Add(overlap).UnixMilli()
}

// Forget ends the overlap: the former secret is worth nothing any more.
func (x *Secrets) Forget(c *models.Client) {
	c.PreviousHash, c.PreviousSealed, c.PreviousCreated, c.PreviousExpires = nil, nil, 0, 0
}

// Renew gives a client a new secret; its identifier stays.
func (x *Secrets) Renew(c *models.Client, now time.Time) (string, error) {
	random := make([]byte, secretBytes)
	rand.Read(random) // never fails (Go 1.24)
	secret := c.Kind.Prefix() + base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(secret))
	c.SecretHash, c.SecretSealed, c.SecretCreated = sum[:], nil, now.UnixMilli()
	if !x.keep {
		return secret, nil
	}
	sealed, err := x.sealer.Seal(SealPurpose(c.ID.String()), []byte(secret))
	if err != nil {
		return "", err
	}
	c.SecretSealed = sealed
	return secret, nil
}

// Reveal opens the kept copy of a secret, or answers ErrNotKept.
func (x *Secrets) Reveal(c models.Client) (string, error) { return x.open(c.ID, c.SecretSealed) }

// RevealPrevious opens the kept copy of a former secret, or answers ErrNotKept.
func (x *Secrets) RevealPrevious(c models.Client) (string, error) {
	return x.open(c.ID, c.PreviousSealed)
}

func (x *Secrets) open(owner uuid.UUID, sealed []byte) (string, error) {
	if sealed == nil {
		return "", ErrNotKept
	}
	secret, err := x.sealer.Open(SealPurpose(owner.String()), sealed)
	return string(secret), err
}

// SealPurpose binds a sealed secret to its client's uuid: it opens nowhere else.
func SealPurpose(owner string) string { return "client-secret:" + owner }
