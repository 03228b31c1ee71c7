package verifier

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier/denylist"
)

// follower keeps the knowledge of one issuer by docs/feed.md: the complete list first, then a stream, or long polls where a proxy holds
// streams back. Whatever goes wrong, knowledge grows old and nothing is taken out of it.
type follower struct {
	view
	followerConfig
	pace pace

	feedURL       *url.URL
	authorization string // the header; empty: without credentials
	setUp         error  // why nothing can be followed at all

	// Guarded by the lock, which readers of the view never take.
	mu       sync.Mutex
	list     *denylist.List // what view has as denied
	gap      bool           // something is missing: nothing but a complete list helps
	raised   int64          // seq of the newest policy, as the feed says
	replaced int            // counts complete lists
	sorting  bool           // a list is being put in order elsewhere; what is added meanwhile is in since
	since    []*revocation.Document

	// Of the loop alone.
	connected bool
	pollUntil time.Time
	pollNext  time.Duration

	loose       chan struct{} // the list wants to be put in order
	wantPolicy  chan struct{}
	known       chan struct{} // closed when there is everything that a Verifier waits for
	knownOnce   sync.Once
	failed      chan struct{} // closed at the first lasting failure
	failedOnce  sync.Once
	lastFailure atomic.Pointer[error]
}

var _ source = (*follower)(nil)

func newFollower(cfg followerConfig) *follower {
	f := &follower{
		followerConfig: cfg, pace: ordinaryPace(),
		loose: make(chan struct{}, 1), wantPolicy: make(chan struct{}, 1), known: make(chan struct{}), failed: make(chan struct{}),
	}
	f.pollNext = f.pace.polls
	if f.setUp = f.prepare(); f.setUp != nil {
		f.fail(f.setUp)
		f.failedOnce.Do(func() { close(f.failed) })
	}
	return f
}

func (f *follower) prepare() error {
	issuer, err := url.Parse(f.issuer)
	if err != nil {
		return fmt.Errorf("issuer: %w", err)
	}
	if f.feedURL, err = url.Parse(f.revocations); err != nil {
		return fmt.Errorf("address of the feed: %w", err)
	}
	if f.clientID == "" {
		return nil
	}
	policyURL, err := url.Parse(f.policy)
	if err != nil {
		return fmt.Errorf("address of the policy: %w", err)
	}
	// Metadata must not send the client's secret elsewhere. Going on without it would silently leave out claim changes.
	if !sameOrigin(issuer, f.feedURL) || f.policy != "" && !sameOrigin(issuer, policyURL) {
		return fmt.Errorf("the feed of %s is of another origin, which does not get client credentials", f.issuer)
	}
	// RFC 6749 §2.3.1: both halves are form-encoded first.
	pair := url.QueryEscape(f.clientID) + ":" + url.QueryEscape(f.clientSecret)
	f.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	return nil
}

// ready waits for the first knowledge, and for the policy where there is one for us. It does not wait for what lasts: wrong credentials, no
// such issuer.
func (f *follower) ready(ctx context.Context) error {
	select {
	case <-f.known:
		return nil
	default:
	}
	select {
	case <-f.known:
		return nil
	case <-f.failed:
		return f.failure()
	case <-ctx.Done():
		return errors.Join(ctx.Err(), f.failure())
	}
}

// failure is why the follower is not connected; nil while it is.
func (f *follower) failure() error {
	if err := f.lastFailure.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *follower) fail(err error) { f.lastFailure.Store(&err) }

// run follows until ctx ends; nothing of it runs any more then.
func (f *follower) run(ctx context.Context) error {
	if f.setUp != nil {
		return f.setUp
	}
	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	beside.Go(func() { f.keepOrder(ctx) })
	if f.authorization != "" && f.policy != "" {
		beside.Go(func() { f.keepPolicy(ctx) })
	}
	pauses := backOff{first: f.pace.backOff, limit: f.pace.backOffMax}
	for {
		before := f.position()
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if f.position() != before {
			pauses.reset()
		}
		if err == nil { // another way of following is due
			continue
		}
		f.disconnect(err)
		pause := pauses.next(err)
		if f.current() != nil && f.current().ended {
			pause = max(pause, f.pace.ended)
		}
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// follow connects once and stays as long as that lasts.
func (f *follower) follow(ctx context.Context) error {
	if f.needsComplete() {
		if err := f.complete(ctx, nil); err != nil {
			return err
		}
	}
	if time.Now().Before(f.pollUntil) {
		return f.polls(ctx)
	}
	return f.stream(ctx)
}

func (f *follower) needsComplete() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gap || f.current() == nil
}

// position tells how far the follower is; it changes with everything new.
func (f *follower) position() (at struct {
	epoch string
	seq   int64
},
) {
	if k := f.current(); k != nil {
		at.epoch, at.seq = k.epoch, k.seq
	}
	return at
}

func (f *follower) connect() {
	f.lastFailure.Store(nil)
	if !f.connected {
		f.connected = true
		f.metrics.feed(f.issuer, FeedConnected)
		f.logger.Info("feed is followed", "issuer", f.issuer)
	}
}

func (f *follower) disconnect(err error) {
	before := f.failure()
	f.fail(err)
	if errors.Is(err, ErrFeedDocument) {
		f.metrics.feed(f.issuer, FeedRejected)
	}
	if f.connected {
		f.connected = false
		f.metrics.feed(f.issuer, FeedDisconnected)
	}
	switch {
	case lasting(err):
		f.failedOnce.Do(func() { close(f.failed) })
		if before == nil || !lasting(before) {
			f.logger.Error("feed cannot be followed", "issuer", f.issuer, "cause", err)
		}
	case before == nil || errors.Is(err, ErrFeedDocument) && !errors.Is(before, ErrFeedDocument):
		f.logger.Warn("feed is interrupted", "issuer", f.issuer, "cause", err)
	}
	// A connection that went silent may be one that many requests share (HTTP/2); the next attempt takes another.
	f.client.CloseIdleConnections()
}
