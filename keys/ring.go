package keys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// Ring holds the published keys in memory. All methods may be called concurrently; Sign, Verify and JWKS take no lock and touch
// neither database nor file.
type Ring struct {
	config  Config
	opened  time.Time
	reading sync.Mutex // orders reads of the store, so that an older answer never replaces a newer one
	current atomic.Pointer[snapshot]

	stepping  sync.Mutex
	notBefore map[string]time.Time // by kid; see Ring.removal

	stale atomic.Bool   // the last Reload failed
	wake  chan struct{} // tells Run of it
}

// snapshot is one consistent, immutable view of the keys.
type snapshot struct {
	keys       map[string]*key     // by kid
	ordered    []*key              // the same, oldest first
	rows       []models.SigningKey // of all keys, as they were read
	signing    map[Purpose]*key
	algorithms []string
	document   Document
	announced  time.Time // when the document's next key will be; zero: not planned
}

// Open loads the keys and makes sure that a key of the configured algorithm signs for each purpose. Replicas may open an empty
// database at the same moment: one key per purpose comes out. It fails if a stored key cannot be trusted, with ErrMasterKey if the
// reason is that it was sealed under another master key.
//
// A changed algorithm begins a rotation: a key of the new one is announced and signs when it has been for long enough.
func Open(ctx context.Context, config Config) (*Ring, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	r := &Ring{config: config, opened: config.Now(), notBefore: map[string]time.Time{}, wake: make(chan struct{}, 1)}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	changed := false
	for _, purpose := range purposes() {
		did, err := r.provide(ctx, purpose)
		if err != nil {
			return nil, fmt.Errorf("keys: providing the %s key: %w", purpose, err)
		}
		changed = changed || did
	}
	if changed {
		if err := r.Reload(ctx); err != nil {
			return nil, err
		}
	}
	if !r.Ready() {
		return nil, ErrNoKey
	}
	return r, nil
}

// Reload reads the store again and swaps the snapshot. A key that cannot be trusted is left out and reported, the others take
// effect, so that one bad row cannot keep a removed key alive; if the store does not answer, everything stays as it was.
func (r *Ring) Reload(ctx context.Context) error {
	err := r.read(ctx)
	r.stale.Store(err != nil)
	if err != nil {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	return err
}

func (r *Ring) read(ctx context.Context) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	rows, err := r.config.Store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("keys: reading the signing keys: %w", err)
	}
	loaded, err := r.load(rows)
	r.swap(loaded, rows)
	return err
}

// swap shows keys, oldest first, to the readers. r.reading is held.
func (r *Ring) swap(loaded []*key, rows []models.SigningKey) {
	s := newSnapshot(loaded, r.config.Algorithm)
	s.rows, s.announced = rows, r.config.announcement(rows)
	r.current.Store(s)
}

// load prepares every key that is to be published, in a stable order.
func (r *Ring) load(rows []models.SigningKey) ([]*key, error) {
	var known map[string]*key
	if before := r.current.Load(); before != nil {
		known = before.keys
	}
	var loaded []*key
	var failures []error
	for _, row := range rows {
		if row.State != StateAnnounced && row.State != StateSigning && row.State != StateRetiring {
			continue
		}
		if k, have := known[row.KID]; have && k.same(row) {
			loaded = append(loaded, k.in(row))
			continue
		}
		k, err := load(r.config.Sealer, row, r.config.HedgedECDSA)
		if err != nil {
			failures = append(failures, fmt.Errorf("keys: signing key %s: %w", models.Printable(row.KID), err))
			continue
		}
		loaded = append(loaded, k)
	}
	slices.SortFunc(loaded, func(a, b *key) int {
		return cmp.Or(cmp.Compare(a.row.Created, b.row.Created), cmp.Compare(a.row.KID, b.row.KID))
	})
	return loaded, errors.Join(failures...)
}

// newSnapshot takes keys oldest first. The newest signing key signs; one of the preferred algorithm goes before all others.
func newSnapshot(keys []*key, preferred string) *snapshot {
	s := &snapshot{ordered: keys, keys: make(map[string]*key, len(keys)), signing: map[Purpose]*key{}, document: document(keys)}
	for _, k := range keys {
		s.keys[k.row.KID] = k
		s.algorithms = append(s.algorithms, k.row.Alg)
		purpose := Purpose(k.row.Purpose)
		if before := s.signing[purpose]; k.row.State == StateSigning &&
			(before == nil || k.row.Alg == preferred || before.row.Alg != preferred) {
			s.signing[purpose] = k
		}
	}
	slices.Sort(s.algorithms)
	s.algorithms = slices.Compact(s.algorithms)
	return s
}

// Sign makes a compact token of a payload. It returns ErrNoKey or ErrTooLarge.
func (r *Ring) Sign(purpose Purpose, payload []byte) (string, error) {
	k := r.current.Load().signing[purpose]
	if k == nil {
		return "", ErrNoKey
	}
	return k.sign(payload)
}

// Verify returns the payload of an access token that one of the published keys signed. It checks form, typ, key, algorithm and
// signature; what the payload says is for the caller to check. It returns claims.ErrForm, ErrUnknownKey or ErrSignature.
//
// A token has more than one spelling that verifies (ECDSA takes n-s for s), so tokens are known by jti, never by their bytes.
func (r *Ring) Verify(raw string) ([]byte, error) {
	token, err := claims.Split(raw)
	if err != nil {
		return nil, err
	}
	// RFC 9068 §4: no other kind of token passes for an access token.
	if token.Header.Type != claims.Type {
		return nil, fmt.Errorf("%w: typ", claims.ErrForm)
	}
	k := r.current.Load().keys[token.Header.KeyID]
	if k == nil {
		return nil, ErrUnknownKey
	}
	if err := k.verify(token); err != nil {
		return nil, err
	}
	return token.Payload, nil
}

// JWKS is the set of published keys. Its life in caches ends when the next key is planned to be announced; that is long before the
// key signs, whoever asks for it and whenever.
func (r *Ring) JWKS() Document {
	s := r.current.Load()
	document, life := s.document, CacheLife
	if !s.announced.IsZero() {
		life = min(CacheLife, max(shortestCacheLife, s.announced.Sub(r.config.Now())))
	}
	document.MaxAge = int(life / time.Second)
	return document
}

// Algorithms are those of the published keys, sorted.
func (r *Ring) Algorithms() []string { return slices.Clone(r.current.Load().algorithms) }

// Ready tells whether a key signs for each purpose.
func (r *Ring) Ready() bool {
	s := r.current.Load()
	return s.signing[Ordinary] != nil && s.signing[NonExpiring] != nil
}
