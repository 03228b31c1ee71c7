package verifier

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// pace is how patient a follower is. Tests have less time.
type pace struct {
	first       time.Duration // a stream that stands must bring its first document, which the server sends at once
	probe       time.Duration // the same where streams did not work before
	silence     time.Duration // docs/feed.md, Following: then a connection is dead
	wait        time.Duration // of a long poll
	slack       time.Duration // what a poll may take above its wait
	page        time.Duration // for a page of a complete list, or a policy
	polls       time.Duration // until streams are tried again, doubling
	pollsMax    time.Duration
	backOff     time.Duration // between attempts, doubling
	backOffMax  time.Duration
	ended       time.Duration // between attempts when the issuer has ended, and streams end at once
	forgetEvery time.Duration
	looseMin    int // so many loose entries of a denylist are put in order
}

func ordinaryPace() pace {
	return pace{
		first: 10 * time.Second, probe: 5 * time.Second, silence: 25 * time.Second,
		wait: 25 * time.Second, slack: 10 * time.Second, page: time.Minute,
		polls: time.Minute, pollsMax: 30 * time.Minute,
		backOff: 250 * time.Millisecond, backOffMax: 10 * time.Second,
		ended: time.Minute, forgetEvery: 10 * time.Minute, looseMin: 16 << 10,
	}
}

// backOff grows with each failure in a row.
type backOff struct {
	first, limit time.Duration
	failures     int
}

// next is how long to wait after another failure, with a random share so that a thousand servers do not come back in one moment.
func (b *backOff) next(err error) time.Duration {
	wait := b.limit
	if b.failures < 30 {
		wait = min(b.first<<b.failures, b.limit)
	}
	b.failures++
	if lasting(err) {
		wait = b.limit
	}
	if answer, is := errors.AsType[*answerError](err); is {
		wait = max(wait, 2*answer.after)
	}
	// From half of it on: a Retry-After is kept, and spread over as long again.
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // nothing depends on its being a secret
}

func (b *backOff) reset() { b.failures = 0 }

// sleep tells whether the time came before the end of ctx.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
