package grants

import (
	"math"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// forever is the expiry of a denial that never ends.
const forever = math.MaxInt64

// sweepEvery is how many additions lie between two sweeps of what has expired.
const sweepEvery = 4096

// denylist is what is refused, in memory. It is fed from the database at start and from the change log afterwards; additions are
// idempotent and only ever make it stricter, so order and repetition do not matter.
//
// Entries are keyed on ids from verified claims, never on a token's bytes: signatures and base64 are malleable.
type denylist struct {
	now func() time.Time

	mu       sync.RWMutex
	tokens   map[uuid.UUID]int64 // jti → exp (s)
	subjects map[uuid.UUID]subjectDenial
	added    int
}

type subjectDenial struct {
	generation int64 // the lowest valid one
	expires    int64 // seconds
}

func newDenylist(now func() time.Time) *denylist {
	return &denylist{now: now, tokens: map[uuid.UUID]int64{}, subjects: map[uuid.UUID]subjectDenial{}}
}

// denies tells whether a token of this identifier, subject and generation is refused.
func (d *denylist) denies(jti, subject uuid.UUID, generation int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if _, denied := d.tokens[jti]; denied {
		return true
	}
	denial, denied := d.subjects[subject]
	return denied && generation < denial.generation
}

func (d *denylist) addToken(row models.DeniedToken) {
	jti, err := uuid.Parse(row.JTI)
	if err != nil {
		return // Writ's own identifiers are uuids; nothing else can be in a token that verifies
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens[jti] = max(d.tokens[jti], expiryOf(row.Expires))
	d.sweep()
}

func (d *denylist) addSubject(row models.DeniedSubject) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.subjects[row.Subject]
	d.subjects[row.Subject] = subjectDenial{
		generation: max(known.generation, row.Generation),
		expires:    max(known.expires, expiryOf(row.Expires)),
	}
	d.sweep()
}

func expiryOf(seconds *int64) int64 {
	if seconds == nil {
		return forever
	}
	return *seconds
}

// sweep forgets denials of tokens that have expired anyway. The caller holds the lock.
func (d *denylist) sweep() {
	if d.added++; d.added%sweepEvery != 0 {
		return
	}
	now := d.now().Unix()
	for jti, expires := range d.tokens {
		if expires < now {
			delete(d.tokens, jti)
		}
	}
	for subject, denial := range d.subjects {
		if denial.expires < now {
			delete(d.subjects, subject)
		}
	}
}

// Denials is how many tokens and subjects are denied in memory.
func (s *Service) Denials() int { return s.denylist.size() }

// size is the number of entries.
func (d *denylist) size() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.tokens) + len(d.subjects)
}
