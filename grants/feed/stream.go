package feed

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// stream is what everybody who follows one view shares: a chain of documents, signed by one publisher that lives while somebody follows.
type stream struct {
	hub    *Hub
	view   View
	kicked chan struct{} // there is news; holds one

	// The rest is guarded by the hub's lock.
	followers int
	left      time.Time // when the last follower left
	tail      *node
	err       error // why it has ended
	started   chan struct{}
}

// node is one document of the chain.
type node struct {
	doc   *Document
	index int64
	ready chan struct{} // closed when next is there, or the stream has ended
	next  *node
}

const (
	// linger is how long a publisher waits for the next follower: those who poll come back at once.
	linger = 15 * time.Second
	// pause lets news gather: so many documents a second are enough.
	pause = 2 * time.Millisecond
	// again is when a document that could not be made is tried again.
	again = time.Second
)

func (s *stream) wake() {
	select {
	case s.kicked <- struct{}{}:
	default:
	}
}

// Follower is somebody who follows a view. It is not safe for concurrent use.
type Follower struct {
	stream *stream
	node   *node // the last document it got, or an older one that leads to what it needs
	seq    int64
	closed bool
}

// Follow goes on from a position. It answers ErrGap, ErrAhead or ErrClosed. Close the Follower.
func (h *Hub) Follow(ctx context.Context, v View, from Position) (*Follower, error) {
	if err := h.reach(ctx, from); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing.Err() != nil {
		return nil, ErrClosed
	}
	s := h.streams[v.Scope][v.Audience]
	if s == nil {
		s = &stream{hub: h, view: v, kicked: make(chan struct{}, 1), started: make(chan struct{})}
		if h.streams[v.Scope] == nil {
			h.streams[v.Scope] = map[uuid.UUID]*stream{}
		}
		h.streams[v.Scope][v.Audience] = s
		first := h.seq
		h.running.Go(func() { s.publish(first) })
	}
	s.followers++
	h.Stats.Followers.Add(1)
	return &Follower{stream: s, seq: from.Seq}, nil
}

// Followers is how many follow the feed of an application now, or that of the management issuer as an organization.
func (h *Hub) Followers(of uuid.UUID) (n int64) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, s := range h.streams[of] {
		n += int64(s.followers)
	}
	if s := h.streams[Management][of]; s != nil {
		n += int64(s.followers)
	}
	return n
}

// Close stops following.
func (f *Follower) Close() {
	if f.closed {
		return
	}
	f.closed = true
	h := f.stream.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Stats.Followers.Add(-1)
	f.stream.followers--
	f.stream.left = time.Now()
}

// Next waits for the next document that goes on from the last one. The first one comes at once. It answers ErrGap, ErrEnded, ErrSlow,
// ErrClosed, or the error of ctx.
func (f *Follower) Next(ctx context.Context) (*Document, error) {
	s := f.stream
	if f.node == nil {
		return f.join(ctx)
	}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.node.ready:
		}
		next, tail, err := s.behind(f.node)
		switch {
		case next == nil:
			return nil, err
		case tail.index-next.index > s.hub.Queued:
			return nil, ErrSlow
		}
		if !s.hub.current(next.doc) {
			f.node = nil
			return f.join(ctx)
		}
		f.node = next
		if next.doc.Seq >= f.seq { // else it knows that already
			return f.give(next.doc), nil
		}
	}
}

func (f *Follower) give(d *Document) *Document {
	f.seq = d.Seq
	f.stream.hub.Stats.Sent.Add(1)
	return d
}

func (s *stream) behind(n *node) (next, tail *node, err error) {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	return n.next, s.tail, s.err
}

// join finds the way from the follower's position into the chain.
func (f *Follower) join(ctx context.Context) (*Document, error) {
	s := f.stream
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.started:
	}
	s.hub.mu.RLock()
	tail, err := s.tail, s.err
	s.hub.mu.RUnlock()
	if tail == nil {
		return nil, err
	}
	if tail.doc.From <= f.seq && f.seq <= tail.doc.Seq && s.hub.current(tail.doc) {
		f.node = tail
		return f.give(tail.doc), nil
	}
	doc, err := s.hub.increment(ctx, s.view, f.seq)
	if err != nil {
		return nil, err
	}
	if !doc.partial && doc.Seq >= tail.doc.Seq {
		f.node = tail // what follows there continues at or before doc.Seq
	}
	return f.give(doc), nil
}

// publish signs document after document until nobody follows any more.
func (s *stream) publish(from int64) {
	h, ctx := s.hub, s.hub.closing
	timer := time.NewTimer(h.Heartbeat)
	defer timer.Stop()
	failing := false
	for {
		doc, err := h.build(ctx, s.view, from)
		switch {
		case ctx.Err() != nil:
			s.end(ErrClosed)
			return
		case errors.Is(err, ErrGap):
			s.end(ErrGap)
			return
		case err != nil:
			if !failing {
				h.Logger.ErrorContext(ctx, "no document of the feed can be made", "issuer", s.view.Issuer, "cause", err)
			}
			failing = true
			if !sleep(ctx, again) || s.abandoned() {
				s.end(ErrClosed)
				return
			}
			continue
		}
		failing, from = false, doc.Seq
		s.append(doc)
		if doc.Ended {
			s.end(ErrEnded)
			return
		}
		timer.Reset(h.Heartbeat)
		if doc.partial || !sleep(ctx, pause) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.kicked:
		case <-timer.C:
			if s.abandoned() {
				return
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (s *stream) append(d *Document) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	n := &node{doc: d, ready: make(chan struct{})}
	if s.tail == nil {
		s.tail = n
		close(s.started)
		return
	}
	n.index = s.tail.index + 1
	before := s.tail
	before.next, s.tail = n, n
	close(before.ready)
}

// end tells the followers why nothing more comes. Whoever comes later starts another stream.
func (s *stream) end(err error) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.remove()
	s.err = err
	if s.tail == nil {
		close(s.started)
		return
	}
	close(s.tail.ready)
}

// abandoned ends the stream if nobody has followed for a while.
func (s *stream) abandoned() bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.followers > 0 || time.Since(s.left) < min(linger, 2*s.hub.Heartbeat) {
		return false
	}
	s.remove()
	return true
}

// remove takes the stream out of the hub. The caller holds the lock.
func (s *stream) remove() {
	same := s.hub.streams[s.view.Scope]
	if same[s.view.Audience] == s {
		delete(same, s.view.Audience)
	}
	if len(same) == 0 {
		delete(s.hub.streams, s.view.Scope)
	}
}

// Wait gives the increment from a position as soon as there is news, or when the time is over: then one without. It answers what
// After and Next answer.
func (h *Hub) Wait(ctx context.Context, v View, from Position, patience time.Duration) (*Document, error) {
	if patience <= 0 {
		return h.After(ctx, v, from)
	}
	f, err := h.Follow(ctx, v, from)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last *Document
	for {
		doc, err := f.Next(waiting)
		switch {
		case err == nil && (doc.Ended || doc.partial || doc.News && doc.Seq > from.Seq):
			return h.onward(ctx, v, from, doc)
		case err == nil:
			last = doc
		case waiting.Err() != nil && ctx.Err() == nil, errors.Is(err, ErrClosed), errors.Is(err, ErrSlow):
			return h.onward(ctx, v, from, last)
		default:
			return nil, err
		}
	}
}

// onward gives a document of a stream if it goes on from a position and holds still, else one that does.
func (h *Hub) onward(ctx context.Context, v View, from Position, d *Document) (*Document, error) {
	if d != nil && d.From <= from.Seq && h.current(d) {
		return d, nil
	}
	return h.After(ctx, v, from)
}
