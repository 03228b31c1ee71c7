package feed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
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

// page is one signed part of a snapshot.
type page struct {
	mu  sync.Mutex
	doc *Document
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
	if s = h.snapshots.at(v.key(), theNewest, h.Now()); s == nil {
		return nil, useless, 0
	}
	current, err := h.state(ctx, v)
	if err != nil {
		current = s.state // the database is away, so nothing changes
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if s.seq < h.reaches(v) || s.state.ended != current.ended || !slices.Equal(s.state.keys, current.keys) {
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
	s.pages = make([]page, count(s.size(), h.PageSize))
	h.snapshots.keep(s, h.Now())
	return s, nil
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
	for _, one := range part(s.tokens, (*denial).ID, number, len(s.pages)) {
		d.Tokens = append(d.Tokens, revocation.Token{ID: one.id, Expires: expires(one.expires)})
	}
	for _, one := range part(s.subjects, (*denial).ID, number, len(s.pages)) {
		d.Subjects = append(d.Subjects, revocation.Subject{ID: one.id, Generation: one.generation, Expires: expires(one.expires)})
	}
	d.Claims = part(s.claims, changeID, number, len(s.pages))
	doc, err := h.sign(d)
	if err != nil {
		return nil, err
	}
	p.doc = doc
	h.snapshots.signedPage(p)
	return doc, nil
}
