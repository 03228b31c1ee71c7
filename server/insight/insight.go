// Package insight keeps what administrators look at: how many tokens were issued, requests failed, tokens were revoked and features of
// yesterday were used, by application and organization, over the last hour and the last day. It counts in memory of this process and
// writes nothing (docs/decisions/0011-insight.md). It knows neither HTTP nor who may see what.
package insight

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Bounds of what is kept: a scope takes about ten KiB at most.
const (
	// maxScopes is how many applications and organizations are counted on their own at once. What is beyond is in the server's figures only.
	maxScopes = 500
	// forgotten is how long a scope without anything to count keeps its place when there is no other one left.
	forgotten = 25 * time.Hour
	// sampled is how often counters become figures of a time, and so how exactly these begin and end.
	sampled = 5 * time.Second
)

// Recorder counts. Counting takes no lock and allocates nothing, but for the first event of a scope. Make it with New.
type Recorder struct {
	now       func() time.Time
	followers func() int64 // who follow the revocation feed now
	since     time.Time

	server *series
	scopes atomic.Pointer[map[uuid.UUID]*series] // replaced as a whole by who holds mu
	missed atomic.Int64                          // when (ms) something found no place; 0: never

	mu sync.Mutex // of those who add, sample and read
}

// New makes a Recorder that knows of nothing before now.
func New(now func() time.Time, followers func() int64) *Recorder {
	r := &Recorder{now: now, followers: followers, since: now(), server: newSeries()}
	r.scopes.Store(&map[uuid.UUID]*series{})
	return r
}

// Count counts one event, in the whole server and where it happened; uuid.Nil is nowhere.
func (r *Recorder) Count(kind Kind, application, organization uuid.UUID) {
	r.server.counters[kind].Add(1)
	for _, id := range [...]uuid.UUID{application, organization} {
		if id == uuid.Nil {
			continue
		}
		scope := (*r.scopes.Load())[id]
		if scope == nil {
			if scope = r.add(id); scope == nil {
				continue
			}
		}
		scope.counters[kind].Add(1)
	}
}

// add makes a place for a scope; nil if there is none.
func (r *Recorder) add(id uuid.UUID) *series {
	if len(*r.scopes.Load()) >= maxScopes { // without the lock: a full house must not slow anybody down
		r.missed.Store(r.now().UnixMilli())
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := *r.scopes.Load()
	if there := old[id]; there != nil {
		return there
	}
	if len(old) >= maxScopes {
		r.missed.Store(r.now().UnixMilli())
		return nil
	}
	scopes, scope := maps.Clone(old), newSeries()
	scope.busy = r.now().UnixMilli()
	scopes[id] = scope
	r.scopes.Store(&scopes)
	return scope
}

// Run samples until ctx ends.
func (r *Recorder) Run(ctx context.Context) error {
	tick := time.NewTicker(sampled)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			r.Sample()
		}
	}
}

// Sample notes what was counted since the last time as what happened now.
func (r *Recorder) Sample() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sample()
}

func (r *Recorder) sample() {
	now, followers := r.now().UnixMilli(), r.followers()
	r.server.sample(now)
	for i := range r.server.rings {
		r.server.rings[i].follow(now, followers)
	}
	scopes, idle := *r.scopes.Load(), []uuid.UUID(nil)
	for id, scope := range scopes {
		scope.sample(now)
		if now-scope.busy > forgotten.Milliseconds() {
			idle = append(idle, id)
		}
	}
	if len(scopes) >= maxScopes && idle != nil {
		r.forget(idle, now)
	}
}

// forget makes room. What is forgotten begins at zero if it comes back; an event of this very moment may be missing from it.
func (r *Recorder) forget(idle []uuid.UUID, now int64) {
	scopes := maps.Clone(*r.scopes.Load())
	for _, id := range idle {
		delete(scopes, id)
	}
	r.scopes.Store(&scopes)
	r.missed.Store(now)
}

// Figures tells what was counted of a scope; uuid.Nil is the whole server.
func (r *Recorder) Figures(id uuid.UUID, window Window) *Figures {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sample()
	now := r.now().UnixMilli()
	f := &Figures{Since: r.since.UnixMilli(), Now: now, Step: window.step()}
	f.Incomplete = id != uuid.Nil && r.missed.Load() != 0
	of := r.server
	if id != uuid.Nil {
		if of = (*r.scopes.Load())[id]; of == nil {
			of = newSeries()
		}
	}
	f.Total = of.seen
	f.Slots = of.rings[window].read(now)
	return f
}
