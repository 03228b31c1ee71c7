// Package keys owns the life of the signing keys: it generates and seals them, signs and verifies compact tokens with them, and
// publishes their public parts as a JWKS document. It knows neither HTTP nor gorm, and nothing of what a payload says.
//
// A key is announced, then signing, then retiring, then removed. Every key that is not removed is published and verifies; only a
// signing key signs. Private keys are at rest as PKCS #8, sealed under the master key. A published key has always been proved to
// belong to a sealed private key, so whoever can write to the database but lacks the master key cannot make us trust a key of his.
package keys

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/writ-auth/writ/models"
)

// Purpose says which tokens a key signs.
type Purpose string

// Non-expiring tokens have a long-term key of their own, so that ordinary keys can rotate freely.
const (
	Ordinary    Purpose = "ordinary"
	NonExpiring Purpose = "nonexpiring"
)

// States of a models.SigningKey.
const (
	StateAnnounced = "announced" // published, does not sign yet
	StateSigning   = "signing"
	StateRetiring  = "retiring" // published until the last token it signed has expired
	StateRemoved   = "removed"  // neither published nor trusted
)

// Errors of Verify, beside claims.ErrForm; callers compare with errors.Is. None of them repeats anything of the token.
var (
	// ErrUnknownKey says that no published key has the token's kid.
	ErrUnknownKey = errors.New("token is signed by an unknown key")
	// ErrSignature says that the signature or its algorithm is not that of the key.
	ErrSignature = errors.New("signature does not hold")
)

// Errors of Sign.
var (
	// ErrNoKey says that no key signs for the purpose.
	ErrNoKey = errors.New("no signing key")
	// ErrTooLarge says that the token would be longer than any reader accepts (claims.MaxTokenSize).
	ErrTooLarge = errors.New("token would be too large")
)

// ErrBadKey says that a stored key cannot be trusted: its sealed part, its public part and its kid do not belong together.
var ErrBadKey = errors.New("stored signing key is not usable")

// Store is what the ring needs of the database.
type Store interface {
	// SigningKeys returns every key, removed ones too, oldest first.
	SigningKeys(ctx context.Context) ([]models.SigningKey, error)
	// CreateFirstSigningKey returns models.ErrConflict if an announced or signing key of that purpose and algorithm exists.
	CreateFirstSigningKey(ctx context.Context, key models.SigningKey) error
	SetSigningKeyState(ctx context.Context, kid, state string) error
}

// Config is what Open needs. Store, Sealer and Algorithm are required.
type Config struct {
	Store  Store
	Sealer *Sealer
	// Algorithm of new keys: ES256, RS256, PS256 or EdDSA. Live keys of another one are retired.
	Algorithm string
	// HedgedECDSA signs with random nonces instead of those of RFC 6979.
	HedgedECDSA bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger is told of the keys' life; nil means nobody is.
	Logger *slog.Logger
}

func (c *Config) check() error {
	if c.Store == nil || c.Sealer == nil {
		return errors.New("keys: a store and a sealer are required")
	}
	if _, err := algorithmNamed(c.Algorithm); err != nil {
		return err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}
