// Package keys owns the life of the signing keys: it generates and seals them, signs and verifies compact tokens with them, and
// publishes their public parts as a JWKS document. It knows neither HTTP nor gorm, and nothing of what a payload says.
//
// A key is announced, then signing, then retiring, then removed; an emergency drops it. Every key of the first three states is
// published and verifies; only a signing key signs. Private keys are at rest as PKCS #8, sealed under the master key. A published key
// has always been proved to belong to a sealed private key, so whoever can write to the database but lacks the master key cannot
// make us trust a key of his.
//
// Several replicas share the keys: each transition is one conditional change in the store, so that only one of them makes it.
package keys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/writ-auth/writ/models"
)

// Purpose says which tokens a key signs.
type Purpose string

// Non-expiring tokens have a long-term key of their own, so that ordinary keys can rotate freely. It also signs tokens that live
// longer than LongestOrdinary.
const (
	Ordinary    Purpose = models.KeyForOrdinary
	NonExpiring Purpose = models.KeyForNonExpiring
)

// States of a models.SigningKey.
const (
	StateAnnounced = models.KeyAnnounced
	StateSigning   = models.KeySigning
	StateRetiring  = models.KeyRetiring
	StateDropped   = models.KeyDropped
	StateRemoved   = models.KeyRemoved
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

// Store is what the ring needs of the database. Whatever demands a state returns models.ErrConflict if the key is in another, so
// that of several rings that do the same one succeeds.
type Store interface {
	// SigningKeys returns every key, removed ones too, oldest first.
	SigningKeys(ctx context.Context) ([]models.SigningKey, error)
	// CreateFirstSigningKey returns models.ErrConflict if an announced or signing key of that purpose exists.
	CreateFirstSigningKey(ctx context.Context, key models.SigningKey) error
	// AnnounceSigningKey demands that the key to be succeeded signs, and that no successor is announced.
	AnnounceSigningKey(ctx context.Context, key models.SigningKey, successorOf string) error
	// PromoteSigningKey moves an announced key to signing, and the signing ones of its purpose to retiring.
	PromoteSigningKey(ctx context.Context, kid string) error
	// RemoveSigningKey removes a key that is in the state named; it revokes the registered tokens signed by it and tells how many.
	RemoveSigningKey(ctx context.Context, kid, from string) (tokens int, err error)
	// DropSigningKey drops a key and makes another of its purpose sign if none does; it revokes as RemoveSigningKey.
	DropSigningKey(ctx context.Context, kid string, replacement models.SigningKey) (tokens int, err error)
	// LongestTTL is the longest lifetime (ms) that a token with an end may ever have been given.
	LongestTTL(ctx context.Context) (int64, error)
}

// Config is what Open needs. Store, Sealer and Algorithm are required.
type Config struct {
	Store  Store
	Sealer *Sealer
	// Algorithm of new keys: ES256, RS256, PS256 or EdDSA. Keys of another one are succeeded after Open.
	Algorithm string
	// Beside says that this process is a command beside a server, whose algorithm it may not know: keys are succeeded by keys of their own.
	Beside bool
	// Rotation is how long an ordinary key signs before another takes its place; 0 means until an operator rotates.
	Rotation time.Duration
	// Announce is how long a key is published before it signs; 0 means DefaultAnnounce.
	Announce time.Duration
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
	if c.Announce == 0 {
		c.Announce = DefaultAnnounce
	}
	if c.Announce < shortestAnnounce {
		return fmt.Errorf("keys: keys must be announced for %s at least", shortestAnnounce)
	}
	if c.Rotation != 0 && c.Rotation <= c.Announce {
		return fmt.Errorf("keys: a key must sign for longer than its successor is announced, %s", c.Announce)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}
