package feed

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
)

// Position is a place in the change log.
type Position struct {
	Epoch string // empty: that of this feed
	Seq   int64
}

// After gives what was added behind a position, signed within the last second. It may end before the newest change if there is
// much; the next one goes on from there. It answers ErrGap or ErrAhead.
func (h *Hub) After(ctx context.Context, v View, from Position) (*Document, error) {
	if err := h.reach(ctx, from); err != nil {
		return nil, err
	}
	return h.increment(ctx, v, from.Seq)
}

// reach makes sure that this process knows a position.
func (h *Hub) reach(ctx context.Context, p Position) error {
	if p.Epoch != "" && p.Epoch != h.epoch {
		return ErrGap
	}
	if p.Seq <= h.head() {
		return nil
	}
	// Another replica was faster; or the database was restored from a backup, and nobody knows the position any more.
	asked := h.Now()
	h.catching.Lock()
	defer h.catching.Unlock()
	if p.Seq > h.head() && !h.Store.AsOf().After(asked) {
		if err := h.Store.CatchUp(ctx); err != nil {
			return ErrAhead
		}
	}
	if p.Seq > h.head() {
		return ErrGap
	}
	return nil
}

func (h *Hub) head() int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.seq
}

// build signs an increment from a position up to now, or to as many entries as a document has.
func (h *Hub) build(ctx context.Context, v View, from int64) (*Document, error) {
	d := &revocation.Document{Issuer: v.Issuer, From: from}
	asOf := h.Store.AsOf() // before looking: nothing acknowledged until then is missing
	has, err := h.collect(v, d)
	if err != nil {
		return nil, err
	}
	if has.claims {
		if d.Claims, err = h.claims(ctx, v, from); err != nil {
			return nil, err
		}
	}
	current, err := h.state(ctx, v)
	if err != nil {
		return nil, err
	}
	current.put(d)
	if d.AsOf == 0 || asOf.Unix() < d.AsOf {
		d.AsOf = asOf.Unix()
	}
	signed, err := h.sign(d)
	if err != nil {
		return nil, err
	}
	signed.partial, signed.News = has.partial, has.news
	return signed, nil
}

// contents says what is in an increment.
type contents struct {
	partial bool // there is more
	news    bool // anything that concerns the view
	claims  bool // changes of claims, which are in the database
}

// collect fills in the denials behind d.From and how far they reach.
func (h *Hub) collect(v View, d *revocation.Document) (has contents, err error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if d.From < h.reaches(v) || d.From > h.seq {
		return has, ErrGap
	}
	d.Seq = h.seq
	count := 0
	last := d.From
	h.ring.since(d.From, func(e *entry) bool {
		if e.concerns(v.key()) {
			has.news = true
			has.claims = has.claims || e.kind == claimChange
		}
		if e.kind > subjectDenial || e.scope != v.Scope {
			return true
		}
		if count == h.PageSize {
			// What is missing was acknowledged after e.at: order of seq is order of commit.
			d.Seq, d.AsOf, has.partial = last, max(e.at, 1), true
			return false
		}
		count, last = count+1, e.seq
		if e.kind == tokenDenial {
			d.Tokens = append(d.Tokens, revocation.Token{ID: e.id, Expires: expires(e.expires)})
		} else {
			d.Subjects = append(d.Subjects, revocation.Subject{ID: e.id, Generation: e.generation, Expires: expires(e.expires)})
		}
		return true
	})
	return has, nil
}

// fresh tells whether an increment says everything that is to be said now.
func (h *Hub) fresh(v View, d *Document) bool {
	if h.Now().Sub(d.signed) >= time.Second {
		return false
	}
	if d.partial {
		return true
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	fresh := d.Seq >= h.ring.floor
	h.ring.since(d.Seq, func(e *entry) bool {
		fresh = fresh && !e.concerns(v.key())
		return fresh
	})
	return fresh
}

// increments shares what many ask for at about the same time: those who come back after a restart have one position.
type increments struct {
	mu     sync.Mutex
	recent map[incrementKey]*flight
	weight int
}

type incrementKey struct {
	view viewKey
	from int64
}

// flight is one signature, made or being made.
type flight struct {
	done chan struct{}
	doc  *Document
	err  error
}

// maxIncrements bounds what is kept of increments, in bytes.
const maxIncrements = 32 << 20

func (h *Hub) increment(ctx context.Context, v View, from int64) (*Document, error) {
	key := incrementKey{v.key(), from}
	for again := false; ; again = true {
		mine, f := h.increments.enter(key)
		if mine {
			f.doc, f.err = h.build(ctx, v, from)
			h.increments.leave(key, f)
			close(f.done)
			return f.doc, f.err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		switch {
		case f.err != nil && !errors.Is(f.err, context.Canceled):
			return nil, f.err
		case f.err == nil && (again || h.fresh(v, f.doc)): // the second one was begun after the question
			return f.doc, nil
		}
		h.increments.drop(key, f)
	}
}

func (i *increments) enter(key incrementKey) (mine bool, f *flight) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if f, known := i.recent[key]; known {
		return false, f
	}
	if i.recent == nil || i.weight > maxIncrements || len(i.recent) > maxIncrements/1024 {
		i.recent, i.weight = map[incrementKey]*flight{}, 0
	}
	f = &flight{done: make(chan struct{})}
	i.recent[key] = f
	return true, f
}

func (i *increments) leave(key incrementKey, f *flight) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if f.err != nil {
		if i.recent[key] == f {
			delete(i.recent, key)
		}
		return
	}
	i.weight += len(f.doc.Text)
}

func (i *increments) drop(key incrementKey, f *flight) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.recent[key] == f {
		delete(i.recent, key)
		i.weight -= len(f.doc.Text)
	}
}

// clear forgets everything: another key signs from now on.
func (i *increments) clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.recent, i.weight = nil, 0
}
