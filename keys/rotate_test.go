package keys

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// states of the keys of a purpose, oldest first.
func (w *world) states(purpose Purpose) string {
	w.t.Helper()
	states := []string{}
	for _, row := range w.rows(purpose) {
		states = append(states, row.State)
	}
	return strings.Join(states, " ")
}

func (w *world) expect(purpose Purpose, want string) {
	w.t.Helper()
	if got := w.states(purpose); got != want {
		w.t.Errorf("%s keys: %s, want %s", purpose, got, want)
	}
}

func (w *world) step(r *Ring) {
	w.t.Helper()
	if err := r.Step(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// SEC-49
func TestRotateAnnouncesAndTheKeySignsLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	old := w.sign(r, Ordinary)
	for range 2 { // asked twice, announced once
		status, err := r.Rotate(t.Context(), Ordinary, false)
		if err != nil || status.State != StateAnnounced || status.Next != StateSigning || status.At.Sub(status.Changed) != DefaultAnnounce {
			t.Fatalf("%+v, %v", status, err)
		}
		w.expect(Ordinary, "signing announced")
	}
	w.advance(DefaultAnnounce - time.Second)
	w.step(r)
	w.expect(Ordinary, "signing announced")
	w.advance(2 * time.Second)
	w.step(r)
	w.expect(Ordinary, "retiring signing")
	w.advance(24*time.Hour + lateness - time.Minute)
	w.step(r)
	w.expect(Ordinary, "retiring signing")
	if _, err := r.Verify(old); err != nil {
		t.Errorf("a token in its last minute: %v", err)
	}
	w.advance(2 * time.Minute)
	w.step(r)
	w.expect(Ordinary, "removed signing")
	w.expect(NonExpiring, "signing")
	refuse(t, r, "a token of the removed key", old, ErrUnknownKey)
}

// SEC-49: a key stays for as long as tokens were ever allowed to live, by the server or by an application.
func TestARetiringKeyStaysForTheLongestLifetime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ longest, stays time.Duration }{
		"short": {time.Hour, documentLife}, "a week": {7 * 24 * time.Hour, 7 * 24 * time.Hour},
		"for ever": {100 * 365 * 24 * time.Hour, LongestOrdinary},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			config := w.config("EdDSA")
			config.Store = longestIs{w.store, test.longest}
			r, err := Open(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Rotate(t.Context(), Ordinary, true); err != nil {
				t.Fatal(err)
			}
			w.expect(Ordinary, "retiring signing")
			w.advance(test.stays + lateness - time.Minute)
			w.step(r)
			w.expect(Ordinary, "retiring signing")
			w.advance(2 * time.Minute)
			w.step(r)
			w.expect(Ordinary, "removed signing")
		})
	}
}

// A server that was stopped while a key was announced must be there to be asked before it lets the key sign.
func TestAfterAStartAnAnnouncedKeyWaitsForItsReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.open("EdDSA").Rotate(t.Context(), Ordinary, false); err != nil {
		t.Fatal(err)
	}
	w.advance(90 * 24 * time.Hour)
	r := w.open("EdDSA")
	w.step(r)
	w.expect(Ordinary, "signing announced")
	w.advance(shortestAnnounce)
	w.step(r)
	w.expect(Ordinary, "retiring signing")
}

func TestWithoutRotationOnlyAnOperatorRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	w.advance(10 * 365 * 24 * time.Hour)
	w.step(r)
	w.expect(Ordinary, "signing")
	if _, err := r.Rotate(t.Context(), "feed", false); err == nil {
		t.Error("a purpose that is none")
	}
}

// SEC-55: replicas and operators who rotate at the same moment rotate once.
func TestOfManyRotatorsOneRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config("EdDSA")
	config.Rotation = 24 * time.Hour
	rings := make([]*Ring, 6)
	for i := range rings {
		var err error
		if rings[i], err = Open(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	together := func(what func(*Ring) error) {
		t.Helper()
		var group sync.WaitGroup
		for _, r := range rings {
			group.Go(func() {
				if err := what(r); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, r := range rings {
			if err := r.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	step := func(r *Ring) error { return r.Step(t.Context()) }
	w.advance(23 * time.Hour)
	together(step)
	w.expect(Ordinary, "signing announced")
	w.advance(DefaultAnnounce)
	together(step)
	w.expect(Ordinary, "retiring signing")
	together(func(r *Ring) error { _, err := r.Rotate(t.Context(), Ordinary, false); return err })
	w.expect(Ordinary, "retiring signing announced")
	together(func(r *Ring) error {
		_, err := r.Rotate(t.Context(), Ordinary, true)
		return lost(err)
	})
	if got := w.states(Ordinary); got != "retiring retiring signing" && got != "retiring retiring retiring signing" {
		// One that looks when the others are done asks for the next rotation, and rightly gets it.
		if strings.Count(got, StateSigning) != 1 || strings.Contains(got, StateAnnounced) {
			t.Errorf("%s", got)
		}
	}
}

// SEC-51: in one process, with readers that fetch the JWKS when they meet an unknown kid.
func TestVerificationsGoOnWhileKeysRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	w.store.Subscribe(func(change models.Change) { r.Apply(t.Context(), change) })
	const rotations = 20
	var done atomic.Bool
	var checks atomic.Int64
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			var tokens []string
			for !done.Load() {
				raw, err := r.Sign(Ordinary, []byte(payload))
				if err != nil {
					t.Error(err)
					return
				}
				tokens = append(tokens, raw)
				for _, token := range []string{raw, tokens[0], tokens[len(tokens)/2]} {
					checks.Add(1)
					if _, err := r.Verify(token); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	group.Go(func() { foreignReader(t, r, &done) })
	for i := range rotations {
		if _, err := r.Rotate(t.Context(), Ordinary, false); err != nil {
			t.Fatal(err)
		}
		w.advance(DefaultAnnounce)
		w.step(r)
		if want := strings.Repeat("retiring ", i+1) + "signing"; w.states(Ordinary) != want {
			t.Errorf("%s, want %s", w.states(Ordinary), want)
		}
		w.clock.Add(-DefaultAnnounce.Milliseconds()) // so that none is removed
	}
	done.Store(true)
	group.Wait()
	t.Logf("%d verifications across %d rotations", checks.Load(), rotations)
}

// foreignReader knows the JWKS document only.
func foreignReader(t *testing.T, r *Ring, done *atomic.Bool) {
	t.Helper()
	set := jwk.NewSet()
	for !done.Load() {
		raw, err := r.Sign(Ordinary, []byte(payload))
		if err != nil {
			t.Error(err)
			return
		}
		token, err := claims.Split(raw)
		if err != nil {
			t.Error(err)
			return
		}
		if _, known := set.LookupKeyID(token.Header.KeyID); !known {
			if set, err = jwk.Parse(r.JWKS().Body); err != nil {
				t.Error(err)
				return
			}
		}
		if _, err := jws.Verify([]byte(raw), jws.WithKeySet(set)); err != nil {
			t.Error(err)
			return
		}
	}
}

func TestRetireNeedsTheOperatorsWordAndASuccessor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	token := w.sign(r, NonExpiring)
	longTerm := w.rows(NonExpiring)[0].KID
	ordinary := w.rows(Ordinary)[0].KID
	refused := func(kid, want string) {
		t.Helper()
		var invalid *models.Invalid
		if _, err := r.Retire(t.Context(), kid); !errors.As(err, &invalid) || !strings.Contains(invalid.Reason, want) {
			t.Errorf("%v", err)
		}
	}
	refused(longTerm, "rotate first")
	refused(ordinary, "rotate first")
	if _, err := r.Retire(t.Context(), "none"); !errors.Is(err, models.ErrNotFound) {
		t.Error(err)
	}
	for _, purpose := range purposes() {
		if _, err := r.Rotate(t.Context(), purpose, true); err != nil {
			t.Fatal(err)
		}
	}
	refused(ordinary, "leaves by itself")
	w.advance(10 * 365 * 24 * time.Hour)
	w.step(r)
	w.expect(NonExpiring, "retiring signing")
	if _, err := r.Verify(token); err != nil {
		t.Errorf("a token of the retiring long-term key: %v", err)
	}
	if _, err := r.Retire(t.Context(), longTerm); err != nil {
		t.Fatal(err)
	}
	w.expect(NonExpiring, "removed signing")
	refuse(t, r, "a token of the retired key", token, ErrUnknownKey)
	refused(longTerm, "removed already")
	// An announced key that never signed is called off.
	status, err := r.Rotate(t.Context(), NonExpiring, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Retire(t.Context(), status.KID); err != nil {
		t.Fatal(err)
	}
	w.expect(NonExpiring, "removed signing removed")
	all, err := r.List(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	live, err := r.List(t.Context(), false)
	if err != nil || len(all)-len(live) != 3 || slices.ContainsFunc(live, func(s Status) bool { return s.State == StateRemoved }) {
		t.Errorf("%d of %d, %v", len(live), len(all), err)
	}
}
