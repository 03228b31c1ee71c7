package keys

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-auth/writ/models"
)

// longestIs is a store with another longest lifetime.
type longestIs struct {
	Store

	longest time.Duration
}

func (l longestIs) LongestTTL(context.Context) (int64, error) { return l.longest.Milliseconds(), nil }

// flaky is a store that stops answering.
type flaky struct {
	Store

	down  atomic.Bool
	reads atomic.Int64
}

func (f *flaky) SigningKeys(ctx context.Context) ([]models.SigningKey, error) {
	f.reads.Add(1)
	if f.down.Load() {
		return nil, models.ErrUnavailable
	}
	return f.Store.SigningKeys(ctx)
}

func (f *flaky) PromoteSigningKey(ctx context.Context, kid string) error {
	if f.down.Load() {
		return models.ErrUnavailable
	}
	return f.Store.PromoteSigningKey(ctx, kid)
}

// SEC-52
func TestADroppedKeyIsReplacedAtOnce(t *testing.T) {
	t.Parallel()
	for _, purpose := range purposes() {
		t.Run(string(purpose), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := w.open("EdDSA")
			token, kid := w.sign(r, purpose), w.rows(purpose)[0].KID
			if _, err := r.Drop(t.Context(), kid); err != nil {
				t.Fatal(err)
			}
			w.expect(purpose, "dropped signing")
			refuse(t, r, "a token of the dropped key", token, ErrUnknownKey)
			if bytes.Contains(r.JWKS().Body, []byte(kid)) || !r.Ready() {
				t.Error("it is published, or nothing takes its place")
			}
			if _, err := r.Verify(w.sign(r, purpose)); err != nil {
				t.Error(err)
			}
			refuse(t, w.open("EdDSA"), "a token of the dropped key, after a restart", token, ErrUnknownKey)
			var invalid *models.Invalid
			if _, err := r.Drop(t.Context(), kid); !errors.As(err, &invalid) {
				t.Errorf("again: %v", err)
			}
			if _, err := r.Drop(t.Context(), "none"); !errors.Is(err, models.ErrNotFound) {
				t.Error(err)
			}
			// Resource servers are told for as long as a token of the key could live.
			w.advance(24 * time.Hour)
			w.step(r)
			w.expect(purpose, "dropped signing")
			w.advance(time.Hour)
			w.step(r)
			want := "removed signing"
			if purpose == NonExpiring {
				want = "dropped signing"
			}
			w.expect(purpose, want)
		})
	}
}

// SEC-52: an announced key is known to resource servers already, so it is the one that takes over.
func TestTheAnnouncedKeyTakesOverFromADroppedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	if _, err := r.Rotate(t.Context(), Ordinary, false); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Drop(t.Context(), w.rows(Ordinary)[0].KID); err != nil {
		t.Fatal(err)
	}
	w.expect(Ordinary, "dropped signing")
}

// SEC-52: what the change log says of a key holds even if the store cannot be read at that moment, and is not forgotten.
func TestADroppedKeyIsDeadWhileTheStoreDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for _, state := range []string{StateDropped, StateRemoved} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			config := w.config("EdDSA")
			store := &flaky{Store: w.store}
			config.Store = store
			r, err := Open(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			other := w.open("EdDSA")
			kid, token := w.rows(Ordinary)[0].KID, w.sign(r, Ordinary)
			if _, err := other.Drop(t.Context(), kid); err != nil {
				t.Fatal(err)
			}
			store.down.Store(true)
			r.Apply(t.Context(), models.Change{Kind: models.ChangeKey, Key: kid, Detail: `{"state":"` + state + `","purpose":"ordinary"}`})
			refuse(t, r, "a token of the dropped key", token, ErrUnknownKey)
			if r.Ready() || bytes.Contains(r.JWKS().Body, []byte(kid)) {
				t.Error("ready, or the key is published")
			}
			if _, err := r.Sign(Ordinary, []byte(payload)); !errors.Is(err, ErrNoKey) {
				t.Errorf("Sign: %v", err)
			}
			if _, err := r.Verify(w.sign(r, NonExpiring)); err != nil {
				t.Errorf("the other key: %v", err)
			}
			store.down.Store(false)
			if err := r.tend(t.Context()); err != nil || !r.Ready() || r.stale.Load() {
				t.Errorf("the store answers again: %v", err)
			}
		})
	}
}

// A harmless change that cannot be read must cost no token its key.
func TestOtherChangesLeaveTheKeysWhileTheStoreDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config("EdDSA")
	store := &flaky{Store: w.store}
	config.Store = store
	r, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	kid, token := w.rows(Ordinary)[0].KID, w.sign(r, Ordinary)
	store.down.Store(true)
	r.Apply(t.Context(), models.Change{Kind: models.ChangeKey, Key: kid, Detail: `{"state":"retiring","purpose":"ordinary"}`})
	r.Apply(t.Context(), models.Change{Kind: models.ChangeUser, Key: kid, Detail: `{"state":"dropped"}`})
	if _, err := r.Verify(token); err != nil || !r.Ready() {
		t.Errorf("%v", err)
	}
	r.Apply(t.Context(), models.Change{Kind: models.ChangeKey, Key: kid, Detail: `?`})
	refuse(t, r, "after a change that nobody understands", token, ErrUnknownKey)
}

func TestRunReadsTheKeysAgainUntilItSucceeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	rows := append(w.rows(Ordinary), w.rows(NonExpiring)...)
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{Store: memory{rows}}
		r.config.Store, r.wake = store, make(chan struct{}, 1) // channels from outside would stop the clock
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		synctest.Wait()
		store.down.Store(true)
		r.Apply(ctx, models.Change{Kind: models.ChangeKey, Key: rows[0].KID, Detail: `{"state":"announced"}`})
		<-time.After(time.Minute)
		if n := store.reads.Load(); n < 10 || n > 30 {
			t.Errorf("%d attempts in a minute", n)
		}
		store.down.Store(false)
		<-time.After(stepInterval + time.Second)
		if r.stale.Load() {
			t.Error("not read again")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// memory is a store that has rows and nothing to do with them.
type memory struct{ rows []models.SigningKey }

func (m memory) SigningKeys(context.Context) ([]models.SigningKey, error)          { return m.rows, nil }
func (memory) CreateFirstSigningKey(context.Context, models.SigningKey) error      { return nil }
func (memory) AnnounceSigningKey(context.Context, models.SigningKey, string) error { return nil }
func (memory) PromoteSigningKey(context.Context, string) error                     { return nil }
func (memory) RemoveSigningKey(context.Context, string, string) (int, error)       { return 0, nil }
func (memory) LongestTTL(context.Context) (int64, error)                           { return 0, nil }
func (memory) DropSigningKey(context.Context, string, models.SigningKey) (int, error) {
	return 0, nil
}

// A replica that has lost the store lets an announced key sign in time: elsewhere the key before it retires and leaves.
func TestWithoutTheStoreAnAnnouncedKeySignsInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config("EdDSA")
	store := &flaky{Store: w.store}
	config.Store = store
	r, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	old := w.sign(r, Ordinary)
	status, err := r.Rotate(t.Context(), Ordinary, false)
	if err != nil {
		t.Fatal(err)
	}
	store.down.Store(true)
	w.advance(DefaultAnnounce)
	if err := r.Step(t.Context()); !errors.Is(err, models.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if _, kid := publicOf(r); kid != status.KID {
		t.Error("the key before it signs")
	}
	if _, err := r.Verify(old); err != nil {
		t.Error(err)
	}
	w.expect(Ordinary, "signing announced")
	store.down.Store(false)
	w.step(r)
	w.expect(Ordinary, "retiring signing")
}
