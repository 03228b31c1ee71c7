package feed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// snapshot is a complete list: everything that is denied at one position. It never changes; its pages are signed when somebody asks.
type snapshot struct {
	*list

	view  View
	seq   int64
	asOf  int64
	built time.Time
	state state
	pages []page

	// Guarded by the lock of snapshots.
	used     time.Time
	replaced time.Time // when a newer one took its place; zero: this is the newest
}

// list is what was read from the database. As long as nothing happens, snapshot after snapshot shares it.
type list struct {
	tokens   []denial
	subjects []denial
	claims   []revocation.Change
	read     time.Time
	users    int // snapshots; guarded by the lock of snapshots
}

// denial is an entry of a snapshot, in as few bytes as it takes.
type denial struct {
	id         revocation.ID
	expires    int64
	generation int64
}

// page is one signed part of a snapshot.
type page struct {
	mu  sync.Mutex
	doc *Document
}

// perSnapshot is what a snapshot weighs besides its entries.
const perSnapshot = 64

func (l *list) size() int { return len(l.tokens) + len(l.subjects) + len(l.claims) }

// weight counts a change of claims, which has texts, as several denials.
func (l *list) weight() int { return len(l.tokens) + len(l.subjects) + 8*len(l.claims) }

// snapshots are the complete lists that are kept.
type snapshots struct {
	mu     sync.Mutex
	newest map[viewKey]*snapshot
	old    []*snapshot
	weight int // entries of all of them
	signed []*page
	bytes  int // of the signed pages

	building map[viewKey]*sync.Mutex
	slots    chan struct{}
}

const (
	// snapshotKept is how long a complete list can be read on after a newer one has taken its place.
	snapshotKept = 5 * time.Minute
	// maxEntries bounds the entries of all complete lists together: about 32 bytes each.
	maxEntries = 6_000_000
	// maxSigned bounds the signed pages that are kept, in bytes.
	maxSigned = 128 << 20
	// builders is how many complete lists are read from the database at a time.
	builders = 2
	// readTime bounds one reading.
	readTime = time.Minute
	// reread is how old entries may grow: some may be forgotten meanwhile.
	reread = 10 * time.Minute
)

func (s *snapshots) init() {
	s.newest, s.building, s.slots = map[viewKey]*snapshot{}, map[viewKey]*sync.Mutex{}, make(chan struct{}, builders)
}

// Complete gives the first page of the complete list, which is read anew if it has changed and is old enough.
func (h *Hub) Complete(ctx context.Context, v View) (*Document, error) {
	s, err := h.snapshot(ctx, v)
	if err != nil {
		return nil, err
	}
	return h.page(s, 1)
}

// Page gives another page of a complete list that Complete has begun. It answers ErrSnapshotGone.
func (h *Hub) Page(v View, seq int64, number int) (*Document, error) {
	s := h.snapshots.at(v.key(), seq, h.Now())
	if s == nil || number < 1 || number > len(s.pages) {
		return nil, ErrSnapshotGone
	}
	return h.page(s, number)
}

// snapshot gives the newest complete list, or makes it.
func (h *Hub) snapshot(ctx context.Context, v View) (*snapshot, error) {
	if known, verdict, _ := h.judge(ctx, v); verdict == good {
		return known, nil
	}
	building := h.snapshots.lock(v.key())
	building.Lock()
	defer building.Unlock()
	asOf := h.Store.AsOf()
	known, verdict, seq := h.judge(ctx, v) // somebody else may have made it
	switch verdict {
	case good:
		return known, nil
	case unchanged:
		if made, err := h.take(ctx, v, &snapshot{list: known.list, seq: seq, asOf: asOf.Unix()}); err == nil {
			return made, nil
		}
		return known, nil
	case outdated, useless:
	}
	// The position comes first: what is in the list and newer does no harm, what is at the position must be in it.
	made, err := h.take(ctx, v, &snapshot{seq: h.head(), asOf: asOf.Unix()})
	if err != nil && verdict == outdated && !errors.Is(err, context.Canceled) {
		// Without the database an older list is still true: increments lead on from it.
		return known, nil
	}
	return made, err
}

// verdict says what a complete list is good for.
type verdict int

const (
	useless   verdict = iota // nothing leads on from it
	outdated                 // there is more by now
	unchanged                // it could say that it is younger
	good
)

// judge also gives the position up to which it has looked.
func (h *Hub) judge(ctx context.Context, v View) (s *snapshot, verdict verdict, seq int64) {
	if s = h.snapshots.at(v.key(), 0, h.Now()); s == nil {
		return nil, useless, 0
	}
	current, err := h.state(ctx, v)
	if err != nil {
		current = s.state // the database is away, so nothing changes
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if s.seq < h.ring.floor || s.seq < h.gaps[v.Scope] || s.state.ended != current.ended || !slices.Equal(s.state.keys, current.keys) {
		return s, useless, h.seq
	}
	if h.Now().Sub(s.built) < h.Rebuild {
		return s, good, h.seq
	}
	verdict = unchanged
	if h.Now().Sub(s.read) >= reread {
		verdict = outdated
	}
	h.ring.since(s.seq, func(e *entry) bool {
		if e.concerns(v.key()) {
			verdict = outdated
		}
		return verdict == unchanged
	})
	return s, verdict, h.seq
}

// take completes and keeps a complete list of which position and time are known, and the entries if nothing has changed since they were read.
func (h *Hub) take(ctx context.Context, v View, s *snapshot) (*snapshot, error) {
	s.view, s.built = v, h.Now()
	var err error
	if s.state, err = h.state(ctx, v); err != nil {
		return nil, err
	}
	if s.list == nil {
		if s.list, err = h.readList(ctx, v); err != nil {
			return nil, err
		}
	}
	s.pages = make([]page, max(1, (s.size()+h.PageSize-1)/h.PageSize))
	h.snapshots.keep(s, h.Now())
	return s, nil
}

func (h *Hub) readList(ctx context.Context, v View) (*list, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	select {
	case h.snapshots.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.snapshots.slots }()
	l := &list{read: h.Now()}
	err := h.Store.DenialsOf(ctx, scopeText(v.Scope), func(row models.DeniedToken) {
		l.tokens = append(l.tokens, denial{id: revocation.Hash(row.JTI), expires: expiry(row.Expires)})
	}, func(row models.DeniedSubject) {
		l.subjects = append(l.subjects, denial{revocation.Hash(row.Subject.String()), expiry(row.Expires), row.Generation})
	})
	if err == nil && v.Audience != uuid.Nil {
		err = h.eachClaim(ctx, v, 0, func(c revocation.Change) error {
			l.claims = append(l.claims, c)
			return nil
		})
	}
	return l, err
}

// page signs one page, once.
func (h *Hub) page(s *snapshot, number int) (*Document, error) {
	p := &s.pages[number-1]
	p.mu.Lock()
	defer p.mu.Unlock()
	h.Stats.Complete.Add(1)
	if p.doc != nil {
		return p.doc, nil
	}
	d := &revocation.Document{
		Issuer: s.view.Issuer, Complete: true, Page: number, Pages: len(s.pages), Seq: s.seq, AsOf: s.asOf,
	}
	s.state.put(d)
	start := (number - 1) * h.PageSize
	for _, one := range part(s.tokens, start, start+h.PageSize) {
		d.Tokens = append(d.Tokens, revocation.Token{ID: one.id, Expires: expires(one.expires)})
	}
	start, end := start-len(s.tokens), start+h.PageSize-len(s.tokens)
	for _, one := range part(s.subjects, start, end) {
		d.Subjects = append(d.Subjects, revocation.Subject{ID: one.id, Generation: one.generation, Expires: expires(one.expires)})
	}
	d.Claims = part(s.claims, start-len(s.subjects), end-len(s.subjects))
	doc, err := h.sign(d)
	if err != nil {
		return nil, err
	}
	p.doc = doc
	h.snapshots.signedPage(p)
	return doc, nil
}

// part gives the entries from start to end that there are.
func part[T any](all []T, start, end int) []T {
	end = min(max(end, 0), len(all))
	return all[min(max(start, 0), end):end]
}

// at finds a complete list by its position; 0 is the newest.
func (s *snapshots) at(key viewKey, seq int64, now time.Time) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	found := s.newest[key]
	if seq != 0 && (found == nil || found.seq != seq) {
		found = nil
		for _, old := range s.old {
			if old.seq == seq && old.view.key() == key {
				found = old
			}
		}
	}
	if found != nil {
		found.used = now
	}
	return found
}

// lock is what those who make the complete list of one view queue for.
func (s *snapshots) lock(key viewKey) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.building) > maxStates {
		clear(s.building) // at worst a list is made twice
	}
	if s.building[key] == nil {
		s.building[key] = new(sync.Mutex)
	}
	return s.building[key]
}

func (s *snapshots) keep(made *snapshot, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := made.view.key()
	if before := s.newest[key]; before != nil {
		before.replaced = now
		s.old = append(s.old, before)
	}
	made.used = now
	s.newest[key] = made
	if made.users++; made.users == 1 {
		s.weight += made.weight()
	}
	s.weight += perSnapshot
	s.sweep(now)
	for more := true; more && s.weight > maxEntries; {
		more = s.forgetOne(made)
	}
}

func (s *snapshots) release(gone *snapshot) {
	s.weight -= perSnapshot
	if gone.users--; gone.users == 0 {
		s.weight -= gone.weight()
	}
}

// sweep forgets what was replaced long ago. The caller holds the lock.
func (s *snapshots) sweep(now time.Time) {
	for len(s.old) > 0 && now.Sub(s.old[0].replaced) > snapshotKept {
		s.release(s.old[0])
		s.old = s.old[1:]
	}
}

// forgetOne gives up the list that is missed least, but never the one just made. The caller holds the lock.
func (s *snapshots) forgetOne(but *snapshot) bool {
	if len(s.old) > 0 {
		s.release(s.old[0])
		s.old = s.old[1:]
		return true
	}
	var idle *snapshot
	for _, one := range s.newest {
		if one != but && (idle == nil || one.used.Before(idle.used)) {
			idle = one
		}
	}
	if idle == nil {
		return false
	}
	delete(s.newest, idle.view.key())
	s.release(idle)
	return true
}

// clear forgets everything: another key signs from now on.
func (s *snapshots) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest, s.old, s.weight, s.signed, s.bytes = map[viewKey]*snapshot{}, nil, 0, nil, 0
}

// signedPage notes a page whose text is kept, and gives up the oldest ones if there are too many. They are signed again when somebody asks.
func (s *snapshots) signedPage(p *page) {
	s.mu.Lock()
	s.signed = append(s.signed, p)
	s.bytes += 2 * len(p.doc.Text)
	var gone []*page
	for s.bytes > maxSigned && len(s.signed) > 1 {
		gone, s.signed = append(gone, s.signed[0]), s.signed[1:]
		s.bytes -= 2 * len(gone[len(gone)-1].doc.Text)
	}
	s.mu.Unlock()
	for _, old := range gone {
		if old != p && old.mu.TryLock() {
			old.doc = nil
			old.mu.Unlock()
		}
	}
}
