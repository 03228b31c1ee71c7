package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// replicas opens a PostgreSQL as often as asked for and runs each of them until the test ends.
func replicas(t *testing.T, count int) []*Store {
	t.Helper()
	address := postgrestest.Database(t)
	all := make([]*Store, count)
	for i := range all {
		s, err := Open(t.Context(), Config{Database: address, TokenTTL: 1000})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = s
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			_ = s.Close()
		})
		go func() { done <- s.Run(ctx) }()
	}
	return all
}

// tailOf collects what a replica sees. It must be subscribed before anything is written.
type tailOf struct {
	mutex   sync.Mutex
	changes []models.Change
}

func follow(s *Store) *tailOf {
	f := &tailOf{}
	s.Subscribe(func(change models.Change) {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		f.changes = append(f.changes, change)
	})
	return f
}

func (f *tailOf) seen() []models.Change {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.changes
}

// await polls until it holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(limit) {
			t.Fatal("never: " + what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Sequences of a database become visible out of order; ours must not. SEC-61
func TestNoTailMissesAChangeOfManyWriters(t *testing.T) {
	t.Parallel()
	const writers, each = 32, 50
	rounds := 63 // times 32 times 50 are 100,800 changes
	if testing.Short() {
		rounds = 3
	}
	all := replicas(t, 3)
	tails := make([]*tailOf, len(all))
	for i, s := range all {
		tails[i] = follow(s)
	}
	start, _, err := all[0].Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var writing sync.WaitGroup
	for writer := range writers {
		s := all[writer%len(all)]
		writing.Go(func() {
			for round := range rounds {
				err := s.write(t.Context(), func(t *transaction) error {
					t.changes = nil
					for i := range each {
						t.changes = append(t.changes, models.Change{Kind: models.ChangeUser, Key: fmt.Sprintf("%d-%d-%d", writer, round, i)})
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	want := writers * each * rounds
	for i, tail := range tails {
		await(t, fmt.Sprintf("tail %d sees everything", i), func() bool { return len(tail.seen()) >= want })
		keys := map[string]bool{}
		for n, change := range tail.seen() {
			if change.Seq != start+int64(n)+1 {
				t.Fatalf("tail %d: change %d has number %d", i, n, change.Seq)
			}
			keys[change.Key] = true
		}
		if len(keys) != want || len(tail.seen()) != want {
			t.Errorf("tail %d saw %d changes, %d different ones, want %d", i, len(tail.seen()), len(keys), want)
		}
	}
	t.Logf("%d changes of %d writers in %v", want, writers, time.Since(began).Round(time.Millisecond))
}

// The promise is 250 ms at the 99th percentile; the bound allows for a busy machine, but not for the poll. SEC-61
func TestAnotherReplicaKnowsAtOnce(t *testing.T) {
	t.Parallel()
	all := replicas(t, 2)
	arrived := make(chan string, 1)
	all[1].Subscribe(func(change models.Change) { arrived <- change.Key })
	awaitListening(t, all[0], len(all))
	const samples = 200
	var took []time.Duration
	for i := range samples {
		jti := fmt.Sprint(i)
		if err := all[0].DenyToken(t.Context(), models.DeniedToken{JTI: jti, Scope: "x"}); err != nil {
			t.Fatal(err)
		}
		acknowledged := time.Now()
		select {
		case key := <-arrived:
			if key != jti {
				t.Fatalf("got %s, want %s", key, jti)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("it never arrived")
		}
		took = append(took, time.Since(acknowledged))
	}
	slices.SortFunc(took, cmp.Compare[time.Duration])
	t.Logf("after the acknowledgement: median %v, p99 %v, longest %v", took[samples/2], took[samples*99/100], took[samples-1])
	if median := took[samples/2]; median > 250*time.Millisecond {
		t.Errorf("the median is %v: only the poll can be that slow", median)
	}
}

// awaitListening waits until so many connections listen.
func awaitListening(t *testing.T, s *Store, want int) {
	t.Helper()
	await(t, "everybody listens", func() bool { return len(backends(t, s, "LISTEN %")) == want })
}

// backends are the process ids of connections by their latest statement.
func backends(t *testing.T, s *Store, statement string) []int {
	t.Helper()
	var ids []int
	err := s.reader.Raw(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE ? AND pid <> pg_backend_pid()
		ORDER BY pid`, statement).Scan(&ids).Error
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func terminate(t *testing.T, s *Store, ids []int) {
	t.Helper()
	for _, id := range ids {
		if err := s.reader.Exec("SELECT pg_terminate_backend(?)", id).Error; err != nil {
			t.Fatal(err)
		}
	}
}

func TestAListenerThatLostItsConnectionListensAgain(t *testing.T) {
	t.Parallel()
	all := replicas(t, 2)
	tail := follow(all[1])
	awaitListening(t, all[0], 2)
	before := backends(t, all[0], "LISTEN %")
	terminate(t, all[0], before)
	if err := all[0].DenyToken(t.Context(), models.DeniedToken{JTI: "one", Scope: "x"}); err != nil {
		t.Fatal(err)
	}
	await(t, "the change arrives", func() bool { return len(tail.seen()) == 1 })
	await(t, "both listen again", func() bool {
		now := backends(t, all[0], "LISTEN %")
		return len(now) == 2 && !slices.ContainsFunc(now, func(id int) bool { return slices.Contains(before, id) })
	})
}

// SEC-55
func TestOneLeadsAndAnotherFollows(t *testing.T) {
	t.Parallel()
	all := replicas(t, 3)
	var leaders, terms atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	var leading sync.WaitGroup
	for _, s := range all {
		leading.Go(func() {
			err := s.Lead(ctx, "test", func(ctx context.Context) error {
				if leaders.Add(1) != 1 {
					t.Error("two lead")
				}
				terms.Add(1)
				<-ctx.Done()
				leaders.Add(-1)
				return ctx.Err()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	await(t, "somebody leads", func() bool { return leaders.Load() == 1 })
	await(t, "the others queue", func() bool { return len(backends(t, all[0], "SELECT pg_advisory_lock%")) == 2*len(all) })
	cancel()
	leading.Wait()
	if leaders.Load() != 0 || terms.Load() != 1 {
		t.Errorf("%d lead after %d terms", leaders.Load(), terms.Load())
	}
}

func TestALeaderWithoutAConnectionStepsDown(t *testing.T) {
	t.Parallel()
	s := replicas(t, 1)[0]
	ctx, cancel := context.WithCancel(t.Context())
	terms := make(chan struct{}, 10)
	done := make(chan error, 1)
	go func() {
		done <- s.Lead(ctx, "test", func(ctx context.Context) error {
			terms <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-terms
	await(t, "both leads are taken", func() bool { return len(backends(t, s, "SELECT pg_advisory_lock%")) == 2 })
	terminate(t, s, backends(t, s, "SELECT pg_advisory_lock%"))
	select {
	case <-terms:
	case <-time.After(time.Minute):
		t.Fatal("the lead was not taken again")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
