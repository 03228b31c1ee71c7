package verifier_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/verifier"
)

// clock is a clock that tests turn.
type clock struct{ ahead atomic.Int64 }

func newClock() *clock { return &clock{} }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

// fixedClock is a clock that stands still.
type fixedClock struct{ at atomic.Int64 }

func (c *fixedClock) now() time.Time { return time.Unix(0, c.at.Load()) }

func (c *fixedClock) set(to time.Time) { c.at.Store(to.UnixNano()) }

func is(err, want error) bool { return errors.Is(err, want) }

// lockedBuilder is a log that many write to.
type lockedBuilder struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuilder) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

// seen counts what Metrics is told.
type seen struct {
	mutex  sync.Mutex
	counts map[string]int64
}

func (s *seen) add(key string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.counts == nil {
		s.counts = map[string]int64{}
	}
	s.counts[key]++
}

func (s *seen) count(key string) int64 {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.counts[key]
}

func (s *seen) metrics() verifier.Metrics {
	return verifier.Metrics{
		Verified: func(code string, cached bool) { s.add(fmt.Sprintf("%s/%v", code, cached)) },
		Keys:     func(string, error) { s.add("keys") },
		Feed:     func(_ string, event verifier.FeedEvent) { s.add(string(event)) },
	}
}
