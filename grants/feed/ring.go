package feed

import (
	"sort"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// entry is one change that the feed tells of.
type entry struct {
	seq        int64
	at         int64 // seconds; before the change was acknowledged
	scope      uuid.UUID
	kind       entryKind
	id         revocation.ID
	generation int64
	expires    int64 // seconds, or never
}

type entryKind uint8

const (
	tokenDenial entryKind = iota
	subjectDenial
	stateChange // of an application: it may have ended
	restoration // of an application: everything before is denied, entry by entry only in the complete list
	keyChange   // concerns every issuer
	claimChange // of users of an application, or of the members of an organization, which is the scope then
	policyChange
)

// in sets the scope from the notation of the database.
func (e *entry) in(scope string) (err error) {
	e.scope, err = scopeOf(scope)
	return err
}

func scopeOf(text string) (uuid.UUID, error) {
	if text == models.ManagementScope {
		return Management, nil
	}
	return uuid.Parse(text)
}

func scopeText(scope uuid.UUID) string {
	if scope == Management {
		return models.ManagementScope
	}
	return scope.String()
}

// concerns tells whether a view must say something because of this change.
func (e *entry) concerns(v viewKey) bool {
	switch e.kind {
	case keyChange:
		return true
	case claimChange:
		return e.scope == v.audience
	case policyChange:
		return e.scope == v.scope && v.audience != uuid.Nil
	case tokenDenial, subjectDenial, stateChange, restoration:
	}
	return e.scope == v.scope
}

// ring holds the newest changes. What it no longer holds is at or before floor.
type ring struct {
	entries []entry
	first   int // the oldest, once the ring is full
	size    int
	floor   int64
}

func newRing(size int, floor int64) ring { return ring{size: size, floor: floor} }

func (r *ring) add(e entry) {
	if len(r.entries) < r.size {
		r.entries = append(r.entries, e)
		return
	}
	r.floor = r.entries[r.first].seq
	r.entries[r.first] = e
	r.first = (r.first + 1) % r.size
}

func (r *ring) at(i int) *entry { return &r.entries[(r.first+i)%len(r.entries)] }

// since calls each for every change behind a position, oldest first, until it answers false.
func (r *ring) since(after int64, each func(*entry) bool) {
	start := sort.Search(len(r.entries), func(i int) bool { return r.at(i).seq > after })
	for i := start; i < len(r.entries); i++ {
		if !each(r.at(i)) {
			return
		}
	}
}
