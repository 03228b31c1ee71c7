package verifier_test

import (
	"errors"
	"sync/atomic"
	"time"
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

func is(err, want error) bool { return err == want || want != nil && errors.Is(err, want) }
