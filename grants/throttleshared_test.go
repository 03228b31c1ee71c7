package grants

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// replica is a throttle with what it shares, and the store it shares by.
type replica struct {
	*throttle

	store throttleStore
}

func (r *replica) tell(t *testing.T) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = r.shared.tell(t.Context(), r.store); err != nil {
			t.Fatal(err)
		}
	}
}

// replicasOf are throttles on one database; what one tells, the others apply as they do for every change.
func replicasOf(t *testing.T, count int) ([]*replica, *clock, throttleStore) {
	t.Helper()
	c := &clock{at: time.Unix(1_796_117_400, 0)}
	db, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "writ.db"), TokenTTL: 1, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	all := make([]*replica, count)
	for i := range all {
		th := newThrottle(c.now)
		th.shared = newShared([]byte("secret"), c.now)
		all[i] = &replica{th, db}
	}
	db.Subscribe(func(change models.Change) {
		if change.Kind != models.ChangeThrottle {
			return
		}
		for _, r := range all {
			(&Service{throttle: r.throttle}).Apply(change)
		}
	})
	return all, c, db
}

// SEC-28
func TestFailuresAtSeveralReplicasAddUp(t *testing.T) {
	t.Parallel()
	all, _, _ := replicasOf(t, 3)
	for i := range pairLimit {
		r := all[i%len(all)]
		if wait := r.wait("a", "s1"); wait != 0 {
			t.Fatalf("waits %s after %d failures", wait, i)
		}
		r.failed("a", "s1")
		r.tell(t)
	}
	for i, r := range all {
		if wait := r.wait("a", "s1"); wait <= 0 {
			t.Errorf("replica %d does not wait", i)
		}
		if r.wait("a", "s2") != 0 || r.wait("b", "s1") != 0 {
			t.Errorf("at replica %d others wait, too", i)
		}
	}
}

// SEC-28, SEC-29
func TestManySourcesAndManyAccountsAddUpToo(t *testing.T) {
	t.Parallel()
	all, clock, _ := replicasOf(t, 2)
	for i := range accountLimit {
		all[i%2].failed("account", string(rune('a'+i)))
	}
	for i := range sourceLimit {
		all[i%2].failed(string(rune('a'+i)), "source")
	}
	for _, r := range all {
		r.tell(t)
	}
	for i, r := range all {
		for _, who := range [][2]string{{"account", "elsewhere"}, {"somebody", "source"}} {
			if wait := r.wait(who[0], who[1]); wait <= 0 || wait > sharedWait {
				t.Errorf("replica %d: %v waits %s", i, who, wait)
			}
		}
	}
	clock.advance(sharedWait)
	if wait := all[0].wait("account", "elsewhere"); wait > 0 {
		t.Errorf("still waits %s", wait)
	}
}

// SEC-28
func TestASuccessEndsTheFailuresOfAllReplicas(t *testing.T) {
	t.Parallel()
	all, clock, _ := replicasOf(t, 2)
	for range pairLimit {
		all[0].failed("a", "s1")
	}
	all[0].tell(t)
	clock.advance(pairWaitMax)
	all[1].succeeded("a", "s1")
	all[1].tell(t)
	for i, r := range all {
		r.failed("a", "s1")
		r.tell(t)
		if wait := r.wait("a", "s1"); wait > 0 {
			t.Errorf("replica %d waits %s after one failure", i, wait)
		}
	}
}

// SEC-28
func TestWaitsSurviveARestart(t *testing.T) {
	t.Parallel()
	all, clock, db := replicasOf(t, 1)
	for range pairLimit + 5 {
		all[0].failed("a", "s1")
	}
	all[0].tell(t)
	again := newThrottle(clock.now)
	again.shared = newShared([]byte("secret"), clock.now)
	load := func() {
		t.Helper()
		waits, err := db.ThrottleWaits(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, wait := range waits {
			again.apply(wait)
		}
	}
	load()
	if wait := again.wait("a", "s1"); wait <= 0 {
		t.Error("the wait is forgotten")
	}
	clock.advance(pairWaitMax)
	next := &replica{again, db}
	next.failed("a", "s1")
	next.tell(t)
	load()
	if wait := again.wait("a", "s1"); wait <= time.Second {
		t.Errorf("waits %s: the row of failures is forgotten", wait)
	}
}

// recording counts what reaches the database.
type recording struct {
	throttleStore

	mu    sync.Mutex
	keys  []string
	fails bool
	calls int
}

var errAway = errors.New("away")

func (r *recording) CountFailures(_ context.Context, failures []models.FailureCount, _ func(string, int64) int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if r.fails {
		return errAway
	}
	for _, failure := range failures {
		r.keys = append(r.keys, failure.Key)
	}
	return nil
}

func (r *recording) ClearFailures(context.Context, []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	return nil
}

func TestSuccessesWithoutFailuresTouchNothing(t *testing.T) {
	t.Parallel()
	th := newThrottle(time.Now)
	th.shared = newShared([]byte("secret"), time.Now)
	db := &recording{}
	for range 100 {
		th.succeeded("a", "s1")
	}
	if _, err := th.shared.tell(t.Context(), db); err != nil || db.calls != 0 {
		t.Errorf("%d calls: %v", db.calls, err)
	}
}

// People type passwords where names belong.
func TestNoNameReachesTheDatabase(t *testing.T) { // SEC-79
	t.Parallel()
	th := newThrottle(time.Now)
	th.shared = newShared([]byte("secret"), time.Now)
	db := &recording{}
	th.failed("admin:canary-password", "192.0.2.7")
	if _, err := th.shared.tell(t.Context(), db); err != nil || len(db.keys) != 3 {
		t.Fatal(db.keys, err)
	}
	for _, key := range db.keys {
		if strings.Contains(key, "canary") || strings.Contains(key, "192") || len(key) != 22 {
			t.Errorf("key %q", key)
		}
	}
	other := newShared([]byte("another"), time.Now)
	if other.name("source", "", "192.0.2.7") == th.shared.name("source", "", "192.0.2.7") {
		t.Error("the names do not depend on the secret")
	}
}

func TestWhatCannotBeToldIsToldLater(t *testing.T) {
	t.Parallel()
	th := newThrottle(time.Now)
	th.shared = newShared([]byte("secret"), time.Now)
	db := &recording{fails: true}
	th.failed("a", "s1")
	if _, err := th.shared.tell(t.Context(), db); !errors.Is(err, errAway) {
		t.Fatal(err)
	}
	th.failed("a", "s1")
	db.fails = false
	if _, err := th.shared.tell(t.Context(), db); err != nil || len(db.keys) != 3 {
		t.Fatal(db.keys, err)
	}
	for range 3 * maxPending {
		th.failed(time.Now().String(), "s1")
	}
	if waiting := len(th.shared.pending); waiting > maxPending {
		t.Errorf("%d failures wait", waiting)
	}
}
