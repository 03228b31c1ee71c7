package feed

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
)

// SEC-61 SEC-64
func TestARevocationReachesEverybodyByOneSignature(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	const followers, revocations = 100, 300
	start := f.position()
	before := f.Stats.Signed.Load()
	var all sync.WaitGroup
	seen := make([]map[string]bool, followers)
	wanted := make([]string, revocations)
	for i := range wanted {
		wanted[i] = uuid.NewString()
	}
	for i := range followers {
		follower := f.follow(t, f.public(), start)
		seen[i] = map[string]bool{}
		all.Go(func() {
			for len(seen[i]) < revocations {
				d, err := follower.Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				read := parsed(t, d)
				for _, jti := range wanted {
					if lists(read, jti) {
						seen[i][jti] = true
					}
				}
			}
		})
	}
	for _, jti := range wanted {
		f.deny(t, jti)
	}
	all.Wait()
	// A document for each change at most, and a few for those who come while it is signed.
	if signed := f.Stats.Signed.Load() - before; signed > revocations+20 {
		t.Errorf("%d documents were signed for %d revocations and %d followers", signed, revocations, followers)
	}
	if sent := f.Stats.Sent.Load(); sent < followers {
		t.Errorf("%d documents were sent", sent)
	}
	if f.Stats.Followers.Load() != followers {
		t.Errorf("%d follow", f.Stats.Followers.Load())
	}
}

func TestTheFirstDocumentComesAtOnceAndTheNextOnesKeepItYoung(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Heartbeat: 20 * time.Millisecond})
	follower := f.follow(t, f.public(), f.position())
	first := next(t, follower)
	f.clock.advance(time.Minute)
	must(t, f.store.CatchUp(t.Context()))
	for {
		d := next(t, follower)
		if d.From > first.Seq {
			t.Fatalf("a gap: from %d behind %d", d.From, first.Seq)
		}
		if d.AsOf == first.AsOf+60 && d.IssuedAt == first.IssuedAt+60 {
			return
		}
	}
}

func TestWhoComesBackGoesOnWhereHeWas(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	start := f.position()
	first := f.deny(t, "")
	middle := f.position()
	second := f.deny(t, "")
	for _, from := range []Position{start, middle, f.position()} {
		follower := f.follow(t, f.public(), from)
		d := next(t, follower)
		if d.From > from.Seq || d.Seq != f.head() {
			t.Errorf("from %d: %d to %d", from.Seq, d.From, d.Seq)
		}
		if from.Seq < middle.Seq && !lists(d, first) || from.Seq < f.head() && !lists(d, second) {
			t.Errorf("from %d: %+v", from.Seq, d.Tokens)
		}
	}
}

func TestARestartKeepsPositions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	start := f.position()
	jti := f.deny(t, "")
	again := f.hub(t, f.open(t, f.clock.now), Config{})
	d, err := again.After(t.Context(), f.public(), start)
	must(t, err)
	if again.Epoch() != start.Epoch || !lists(parsed(t, d), jti) {
		t.Errorf("after a restart: %+v", parsed(t, d))
	}
}

// SEC-64
func TestGaps(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Kept: 8})
	old := f.position()
	live := f.follow(t, f.public(), old)
	next(t, live)
	for range 20 {
		f.deny(t, "")
	}
	// Live followers are not concerned.
	until(t, live, func(d *revocation.Document) bool { return d.Seq == f.head() })
	for name, from := range map[string]Position{
		"forgotten":     old,
		"another epoch": {Epoch: "other", Seq: f.head()},
		"never known":   {Epoch: f.Epoch(), Seq: f.head() + 1000},
		"no epoch":      {Seq: 0},
	} {
		if _, err := f.After(t.Context(), f.public(), from); !errors.Is(err, ErrGap) {
			t.Errorf("%s: %v", name, err)
		}
		follower, err := f.Follow(t.Context(), f.public(), from)
		if err == nil {
			_, err = follower.Next(t.Context())
			follower.Close()
		}
		if !errors.Is(err, ErrGap) {
			t.Errorf("following, %s: %v", name, err)
		}
	}
	must(t, f.store.Close())
	if _, err := f.After(t.Context(), f.public(), Position{f.Epoch(), f.head() + 1}); !errors.Is(err, ErrAhead) {
		t.Errorf("ahead, without a database: %v", err)
	}
}

// What another replica has acknowledged is known here when somebody comes with its position.
func TestAPositionOfAnotherReplica(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	other := f.hub(t, f.open(t, f.clock.now), Config{})
	follower, err := other.Follow(t.Context(), f.public(), f.position())
	must(t, err)
	defer follower.Close()
	next(t, follower)
	jti := f.deny(t, "")
	f.clock.advance(time.Second)
	d, err := other.After(t.Context(), f.public(), f.position())
	must(t, err)
	if read := parsed(t, d); read.Seq != f.head() {
		t.Errorf("the other replica is at %d, want %d", read.Seq, f.head())
	}
	if d := next(t, follower); !lists(d, jti) {
		t.Errorf("its follower got %+v", d)
	}
}

// SEC-62
func TestARestoredApplicationSendsEverybodyToTheCompleteList(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	stale, err := f.Complete(t.Context(), f.public())
	must(t, err)
	start := f.position()
	follower := f.follow(t, f.public(), start)
	next(t, follower)
	must(t, f.store.DeleteApplication(t.Context(), f.shop.ID))
	if d := next(t, follower); !d.Ended {
		t.Errorf("deleted: %+v", d)
	}
	if _, err := follower.Next(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("after the end: %v", err)
	}
	gone, err := f.Complete(t.Context(), f.public())
	must(t, err)
	if !parsed(t, gone).Ended || !gone.Ended {
		t.Error("the complete list does not say that it has ended")
	}
	ended := f.follow(t, f.public(), f.position())
	if d := next(t, ended); !d.Ended {
		t.Errorf("who comes later learns %+v", d)
	}
	_, err = f.store.RestoreApplication(t.Context(), f.shop.ID)
	must(t, err)
	if _, err := f.After(t.Context(), f.public(), start); !errors.Is(err, ErrGap) {
		t.Errorf("from before: %v", err)
	}
	back, err := f.Complete(t.Context(), f.public())
	must(t, err)
	d := parsed(t, back)
	if d.Ended || len(d.Subjects) != 2 || d.Seq <= stale.Seq {
		t.Errorf("restored: %+v", d)
	}
	if _, err := f.After(t.Context(), f.public(), Position{f.Epoch(), d.Seq}); err != nil {
		t.Errorf("from the complete list: %v", err)
	}
	if _, err := f.After(t.Context(), View{Scope: f.stall.ID, Issuer: "x"}, start); err != nil {
		t.Errorf("another application: %v", err)
	}
}

func TestFollowersOfARestoredApplicationAreTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	// The stream must not have ended by the deletion: it is of another hub, which learns of both at once.
	other := f.hub(t, f.open(t, f.clock.now), Config{})
	follower, err := other.Follow(t.Context(), f.public(), f.position())
	must(t, err)
	defer follower.Close()
	next(t, follower)
	must(t, f.store.DeleteApplication(t.Context(), f.shop.ID))
	_, err = f.store.RestoreApplication(t.Context(), f.shop.ID)
	must(t, err)
	must(t, other.Store.CatchUp(t.Context()))
	for {
		d, err := follower.Next(t.Context())
		if errors.Is(err, ErrGap) || errors.Is(err, ErrEnded) {
			return // it may have caught the moment between
		}
		must(t, err)
		if d.Seq >= f.head() {
			t.Fatalf("the stream went on: %+v", parsed(t, d))
		}
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Heartbeat: 20 * time.Millisecond})
	start := f.position()
	d, err := f.Wait(t.Context(), f.public(), start, 50*time.Millisecond)
	must(t, err)
	if read := parsed(t, d); read.From > start.Seq || len(read.Tokens) != 0 {
		t.Errorf("nothing happened: %+v", read)
	}
	answers := make(chan *Document, 10)
	for range cap(answers) {
		go func() {
			d, err := f.Wait(t.Context(), f.public(), start, time.Minute)
			if err != nil {
				t.Error(err)
			}
			answers <- d
		}()
	}
	jti := f.deny(t, "")
	for range cap(answers) {
		if d := <-answers; d == nil || d.From > start.Seq || !lists(parsed(t, d), jti) {
			t.Fatalf("news: %+v", d)
		}
	}
	// Whoever knows the news waits again, although they are the newest document.
	began := time.Now()
	d, err = f.Wait(t.Context(), f.public(), f.position(), 60*time.Millisecond)
	must(t, err)
	if time.Since(began) < 50*time.Millisecond {
		t.Errorf("did not wait: %+v", parsed(t, d))
	}
	if _, err := f.Wait(t.Context(), f.public(), Position{Epoch: "other"}, time.Minute); !errors.Is(err, ErrGap) {
		t.Errorf("another epoch: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Wait(ctx, f.public(), f.position(), time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestMuchAtOnceIsSaidInParts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{PageSize: 4})
	start := f.position()
	var wanted []string
	for range 11 {
		wanted = append(wanted, f.deny(t, ""))
		f.clock.advance(time.Second)
	}
	must(t, f.store.CatchUp(t.Context()))
	for name, read := range map[string]func(from int64) *revocation.Document{
		"asking": func(from int64) *revocation.Document {
			d, err := f.After(t.Context(), f.public(), Position{f.Epoch(), from})
			must(t, err)
			return parsed(t, d)
		},
		"following": func() func(int64) *revocation.Document {
			follower := f.follow(t, f.public(), start)
			return func(int64) *revocation.Document { return next(t, follower) }
		}(),
	} {
		at, found := start.Seq, 0
		for at < f.head() {
			d := read(at)
			if d.From > at || d.Seq <= at || len(d.Tokens) > 4 {
				t.Fatalf("%s: from %d: %+v", name, at, d)
			}
			for _, jti := range wanted {
				if lists(d, jti) {
					found++
				}
			}
			at = d.Seq
			// What is missing was denied at this second or later.
			if missing := len(wanted) - found; missing > 0 && d.AsOf > f.clock.now().Unix()-int64(missing) {
				t.Errorf("%s: as of %d although %d are missing", name, d.AsOf, missing)
			}
		}
		if found != len(wanted) {
			t.Errorf("%s: %d of %d", name, found, len(wanted))
		}
	}
}

func TestASlowFollowerIsCutOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Queued: 3})
	slow, quick := f.follow(t, f.public(), f.position()), f.follow(t, f.public(), f.position())
	next(t, slow)
	next(t, quick)
	for range 8 {
		jti := f.deny(t, "")
		until(t, quick, func(d *revocation.Document) bool { return lists(d, jti) })
	}
	if _, err := slow.Next(t.Context()); !errors.Is(err, ErrSlow) {
		t.Errorf("the slow one: %v", err)
	}
}

func TestTheEndOfTheFeedEndsEverything(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	follower := f.follow(t, f.public(), f.position())
	next(t, follower)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx) }()
	cancel()
	if _, err := follower.Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("its followers: %v", err)
	}
	must(t, <-ended)
	if _, err := f.Follow(t.Context(), f.public(), f.position()); !errors.Is(err, ErrClosed) {
		t.Errorf("who comes later: %v", err)
	}
}

func TestAPublisherEndsWhenNobodyFollows(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Heartbeat: 5 * time.Millisecond})
	follower := f.follow(t, f.public(), f.position())
	next(t, follower)
	follower.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		f.mu.RLock()
		left := len(f.streams)
		f.mu.RUnlock()
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it goes on")
		}
		<-time.After(time.Millisecond)
	}
	next(t, f.follow(t, f.public(), f.position()))
}
