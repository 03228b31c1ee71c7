package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// ledger is every token that was issued and what must become of it.
type ledger struct {
	mutex sync.Mutex
	live  []*soakToken
	dead  []*soakToken
}

// Tokens beyond these are forgotten: a resource server sees some of many, too.
const (
	mostLive = 4_000
	mostDead = 20_000
)

// soakToken is a token. A client's has user -1.
type soakToken struct {
	raw  string
	user int

	mutex   sync.Mutex
	doomed  bool      // somebody has begun to revoke it
	revoked time.Time // when that was acknowledged; zero: not
}

// expectation is what is to be expected of a token.
type expectation int

const (
	accepted expectation = iota
	unsure               // it is being revoked
	refused
)

// expected is what must be answered about a token by somebody who asks at a moment.
func (t *soakToken) expected(asked time.Time) expectation {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	switch {
	case !t.doomed:
		return accepted
	case t.revoked.IsZero() || asked.Before(t.revoked.Add(heardWithin)):
		return unsure
	}
	return refused
}

// doom tells whether it is the caller who revokes the token.
func (t *soakToken) doom() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	mine := !t.doomed
	t.doomed = true
	return mine
}

func (t *soakToken) end(at time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.revoked = at
}

func (l *ledger) add(t *soakToken) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.live) < mostLive {
		l.live = append(l.live, t)
		return
	}
	l.live[rand.IntN(len(l.live))] = t //nolint:gosec // chooses, protects nothing
}

// bury moves a token whose revocation was begun; whether it is acknowledged stands in the token.
func (l *ledger) bury(gone func(*soakToken) bool) (buried []*soakToken) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.live = slices.DeleteFunc(l.live, func(t *soakToken) bool {
		if !gone(t) {
			return false
		}
		buried = append(buried, t)
		return true
	})
	l.dead = append(l.dead, buried...)
	if len(l.dead) > mostDead {
		l.dead = slices.Clone(l.dead[len(l.dead)-mostDead:])
	}
	return buried
}

// random picks a live or a dead token; nil if there is none.
func (l *ledger) random(dead bool) *soakToken {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	from := l.live
	if dead {
		from = l.dead
	}
	if len(from) == 0 {
		return nil
	}
	return from[rand.IntN(len(from))] //nolint:gosec // as above
}

func (l *ledger) all() []*soakToken {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Concat(l.live, l.dead)
}

// account is a user. Whoever uses it reads, whoever changes it writes.
type account struct {
	sync.RWMutex

	epoch int // raised when all tokens are revoked
}

// latencies collects durations.
type latencies struct {
	mutex  sync.Mutex
	values []uint32 // µs
}

func (l *latencies) add(d time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.values = append(l.values, uint32(d.Microseconds())) //nolint:gosec // below a minute
}

func (l *latencies) text() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.values) == 0 {
		return "-"
	}
	sorted := slices.Sorted(slices.Values(l.values))
	return fmt.Sprintf("%.0f ms at p50, %.0f at p99", percentile(sorted, 50)/1000, percentile(sorted, 99)/1000)
}
