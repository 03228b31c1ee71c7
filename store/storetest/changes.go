package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

//nolint:thelper // these are the tests themselves
var changes = []contract{
	{"every change is seen exactly once and in order by every process", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		processes := []*store.Store{f.Store, f.open(t, serverTTL), f.open(t, serverTTL)}
		tails := make([]*recorder, len(processes))
		for i, process := range processes {
			tails[i] = &recorder{}
			process.Subscribe(tails[i].see)
		}
		start, _, err := f.Head(ctx)
		must(t, err)
		const writers, each = 6, 15
		var all sync.WaitGroup
		for writer := range writers {
			process, tail := processes[writer%len(processes)], tails[writer%len(processes)]
			all.Go(func() {
				for i := range each {
					jti := fmt.Sprintf("%d-%d", writer, i)
					if err := process.DenyToken(ctx, models.DeniedToken{JTI: jti, Scope: "x"}); err != nil {
						t.Error(err)
					}
					if !tail.has(jti) { // what is acknowledged holds already
						t.Errorf("%s was acknowledged before its process knew", jti)
					}
				}
			})
		}
		all.Wait()
		for i, process := range processes {
			must(t, process.CatchUp(ctx))
			must(t, process.CatchUp(ctx))
			seen := tails[i].all()
			equal(t, "number of changes", len(seen), writers*each)
			for n, change := range seen {
				equal(t, "order", change.Seq, start+int64(n)+1)
			}
		}
	}},
	{"a write that ends with its caller's patience is still applied", func(t *testing.T, f *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		f.Subscribe(func(models.Change) { cancel() })
		must(t, f.CatchUp(ctx))
		must(t, f.DenyToken(ctx, models.DeniedToken{JTI: "one", Scope: "x"}))
		equal(t, "known", f.seen.has("one"), true)
		fails(t, f.DenyToken(ctx, models.DeniedToken{JTI: "two", Scope: "x"}), context.Canceled)
		tokens, _ := f.denied(t, f.Store)
		equal(t, "denials", len(tokens), 1)
	}},
	{"a process that starts sees only what happens from then on", func(t *testing.T, f *fixture) {
		must(t, f.DenyToken(t.Context(), models.DeniedToken{JTI: "before", Scope: "x"}))
		other, tail := f.open(t, serverTTL), &recorder{}
		other.Subscribe(tail.see)
		must(t, f.DenyToken(t.Context(), models.DeniedToken{JTI: "after", Scope: "x"}))
		must(t, other.CatchUp(t.Context()))
		equal(t, "seen", len(tail.all()), 1)
	}},
	{"another process's change arrives by itself", func(t *testing.T, f *fixture) {
		ctx, cancel := context.WithCancel(t.Context())
		other, arrived := f.open(t, serverTTL), make(chan models.Change, 1)
		other.Subscribe(func(change models.Change) { arrived <- change })
		done := make(chan error)
		go func() { done <- other.Run(ctx) }()
		must(t, f.DenyToken(ctx, models.DeniedToken{JTI: "one", Scope: "x"}))
		select {
		case change := <-arrived:
			equal(t, "key", change.Key, "one")
		case <-time.After(30 * time.Second):
			t.Error("it never arrived")
		}
		cancel()
		must(t, <-done)
	}},
	{"it is known as of when everything is applied", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		other := f.open(t, serverTTL)
		opened := f.clock.now()
		f.clock.advance(time.Minute)
		equal(t, "after nothing", other.AsOf(), opened)
		inside := time.Time{}
		f.Subscribe(func(models.Change) { inside = f.AsOf() })
		must(t, f.DenyToken(ctx, models.DeniedToken{JTI: "one", Scope: "x"}))
		equal(t, "while it is applied", inside, opened)
		equal(t, "after a write", f.AsOf(), f.clock.now())
		equal(t, "after a write of another process", other.AsOf(), opened)
		must(t, other.CatchUp(ctx))
		equal(t, "after a look", other.AsOf(), f.clock.now())
		f.clock.advance(time.Minute)
		must(t, other.CatchUp(ctx))
		equal(t, "after another look", other.AsOf(), f.clock.now())
		must(t, other.Close())
		f.clock.advance(time.Minute)
		fails(t, other.CatchUp(ctx), models.ErrUnavailable)
		equal(t, "without a database", other.AsOf(), f.clock.now().Add(-time.Minute))
	}},
	{"changes are read in pages", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		start, epoch, err := f.Head(ctx)
		must(t, err)
		for i := range 5 {
			must(t, f.DenyToken(ctx, models.DeniedToken{JTI: fmt.Sprint(i), Scope: "x"}))
		}
		got, err := f.Changes(ctx, start+1, 3)
		must(t, err)
		equal(t, "rows", len(got), 3)
		equal(t, "first", got[0].Key, "1")
		equal(t, "at", got[0].At, f.clock.ms.Load())
		other := f.open(t, serverTTL)
		head, again, err := other.Head(ctx)
		must(t, err)
		equal(t, "head", head, start+5)
		equal(t, "epoch", again, epoch)
		if epoch == "" {
			t.Error("no epoch")
		}
	}},
	{"changes are pruned after a day, in batches, and nobody misses them", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		other, late := f.open(t, serverTTL), f.open(t, serverTTL)
		tail := &recorder{}
		other.Subscribe(tail.see)
		for i := range 5 {
			must(t, f.DenyToken(ctx, models.DeniedToken{JTI: fmt.Sprint(i), Scope: "x"}))
		}
		must(t, other.CatchUp(ctx))
		f.clock.advance(23 * time.Hour)
		f.prunesChanges(t, 100, 0)
		f.clock.advance(2 * time.Hour)
		all, err := f.Changes(ctx, 0, 1000)
		must(t, err)
		f.prunesChanges(t, 4, 4)
		f.prunesChanges(t, 1000, len(all)-4)
		f.prunesChanges(t, 1000, 0)
		must(t, other.CatchUp(ctx))
		fails(t, late.CatchUp(ctx), store.ErrChangesLost)
		must(t, f.DenyToken(ctx, models.DeniedToken{JTI: "new", Scope: "x"}))
		must(t, other.CatchUp(ctx))
		equal(t, "seen", len(tail.all()), 6)
		fails(t, late.CatchUp(ctx), store.ErrChangesLost)
		fails(t, late.Run(ctx), store.ErrChangesLost)
	}},
}

func (r *recorder) has(key string) bool {
	for _, change := range r.all() {
		if change.Key == key {
			return true
		}
	}
	return false
}

func (f *fixture) prunesChanges(t *testing.T, batch, want int) {
	t.Helper()
	got, err := f.PruneChanges(t.Context(), batch)
	must(t, err)
	equal(t, "pruned changes", got, want)
}
