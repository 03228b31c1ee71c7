package keys

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// simulation is a ring, a clock that is turned by hand and readers that keep the JWKS document for as long as it allows.
type simulation struct {
	*world

	ring    *Ring
	readers []*reader
	tokens  []issued
	seen    map[string][]string // the states of each key, in order
	most    int                 // keys published at once
	checks  int
}

type issued struct {
	kid string
	end time.Time
}

// reader is a resource server: the keys that it knows until expires.
type reader struct {
	kids    map[string]bool
	expires time.Time
}

func (m *simulation) published() map[string]bool {
	var document struct{ Keys []struct{ KID string } }
	if err := json.Unmarshal(m.ring.JWKS().Body, &document); err != nil {
		m.t.Fatal(err)
	}
	kids := map[string]bool{}
	for _, k := range document.Keys {
		kids[k.KID] = true
	}
	return kids
}

// verify looks at a token with what the reader has in its cache; a cache that is out of date is filled first.
func (m *simulation) verify(r *reader, token issued, at time.Time) {
	if !at.Before(r.expires) {
		age := time.Duration(m.ring.JWKS().MaxAge) * time.Second
		if age < shortestCacheLife || age > CacheLife {
			m.t.Fatalf("max-age %s", age)
		}
		// A cache before this one may have kept the document for as long.
		r.kids, r.expires = m.published(), at.Add(2*age)
	}
	m.checks++
	if !r.kids[token.kid] {
		m.t.Errorf("%s: a key that the reader does not know: %s", at.UTC(), token.kid)
	}
}

// at runs one moment: the ring does what is due, a token is issued, the readers see it and every token that ends before the next moment.
func (m *simulation) at(now time.Time) (next time.Time) {
	m.clock.Store(now.UnixMilli())
	if err := m.ring.Step(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	raw := m.sign(m.ring, Ordinary)
	token, err := claims.Split(raw)
	if err != nil {
		m.t.Fatal(err)
	}
	m.tokens = append(m.tokens, issued{token.Header.KeyID, now.Add(24 * time.Hour)})
	for _, r := range m.readers {
		m.verify(r, m.tokens[len(m.tokens)-1], now)
	}
	next = now.Add(29 * time.Minute)
	if m.dense(now) {
		next = now.Add(50 * time.Second)
	}
	for len(m.tokens) > 0 && m.tokens[0].end.Before(next) {
		for _, r := range m.readers {
			m.verify(r, m.tokens[0], now)
		}
		m.tokens = m.tokens[1:]
	}
	m.most = max(m.most, len(m.published()))
	for _, row := range m.ring.current.Load().rows {
		if states := m.seen[row.KID]; len(states) == 0 || states[len(states)-1] != row.State {
			m.seen[row.KID] = append(states, row.State)
		}
	}
	return next
}

// dense tells whether something is about to happen, or has just happened, to the keys.
func (m *simulation) dense(now time.Time) bool {
	const around = 30 * time.Minute
	rows := m.ring.current.Load().rows
	near := func(at time.Time) bool { return !at.IsZero() && at.Sub(now).Abs() < around }
	return near(m.ring.config.announcement(rows)) || slices.ContainsFunc(rows, func(row models.SigningKey) bool {
		return near(changed(&row)) || row.State == StateAnnounced && near(m.ring.promotion(&row)) ||
			row.State == StateRetiring && near(removal(&row, 24*time.Hour))
	})
}

// Two years of rotations: nobody ever meets a key that he does not know, and no token outlives its key.
//
// SEC-49, SEC-50, SEC-51
func TestTwoYearsOfRotations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config("EdDSA")
	config.Rotation = 30 * 24 * time.Hour
	config.Now = func() time.Time { return time.UnixMilli(w.clock.Load()) }
	ring, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	m := &simulation{world: w, ring: ring, seen: map[string][]string{}}
	begin := time.UnixMilli(start)
	for _, phase := range []time.Duration{0, time.Minute, 4 * time.Minute} {
		m.readers = append(m.readers, &reader{m.published(), begin.Add(phase)})
	}
	for now := begin; now.Before(begin.Add(2 * 365 * 24 * time.Hour)); {
		now = m.at(now)
	}
	rotations := 0
	for kid, states := range m.seen {
		switch life := strings.Join(states, " "); life {
		case "announced signing retiring removed":
			rotations++
		case "signing retiring removed", "announced signing", "signing", "announced signing retiring":
		default:
			t.Errorf("the life of %s: %s", kid, life)
		}
	}
	if rotations < 22 || rotations > 25 {
		t.Errorf("%d whole lives in two years", rotations)
	}
	// The long-term key, the one that signs, and beside it one that is announced or retires.
	if m.most != 3 || len(w.rows(NonExpiring)) != 1 || m.checks < 100_000 {
		t.Errorf("%d keys published at once, %d long-term keys, %d checks", m.most, len(w.rows(NonExpiring)), m.checks)
	}
	t.Logf("%d checks", m.checks)
}

// SEC-50: the document's life in caches ends when the next key is announced, and is never longer than a key is announced.
func TestCacheLifeOfTheJWKSShrinksBeforeARotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config("EdDSA")
	config.Rotation = 24 * time.Hour
	config.Now = func() time.Time { return time.UnixMilli(w.clock.Load()) }
	r, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	next := time.UnixMilli(w.rows(Ordinary)[0].Created).Add(config.Rotation - DefaultAnnounce)
	for before, want := range map[time.Duration]int{
		20 * time.Hour: 300, 301 * time.Second: 300, 299 * time.Second: 299, time.Minute: 60, 3 * time.Second: 10, 0: 10, -time.Hour: 10,
	} {
		w.clock.Store(next.Add(-before).UnixMilli())
		if got := r.JWKS().MaxAge; got != want {
			t.Errorf("%s before: %d, want %d", before, got, want)
		}
	}
	w.clock.Store(next.UnixMilli())
	if err := r.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.JWKS().MaxAge; got != 300 {
		t.Errorf("when the key is announced: %d", got)
	}
	config.Rotation = 0
	if r, err = Open(t.Context(), config); err != nil || r.JWKS().MaxAge != 300 {
		t.Errorf("without rotation: %v", err)
	}
}
