package storetest

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// session is one of root's that lives twelve hours; the name makes its hash.
func (f *fixture) session(name string) models.PortalSession {
	hash, now := sha256.Sum256([]byte(name)), f.clock.ms.Load()
	return models.PortalSession{
		Hash: hash[:], AdminID: f.root.ID, Generation: 1, PasswordChanged: f.root.PasswordChanged, Source: "192.0.2.1", Agent: name,
		Created: now, Seen: now, Proven: now, Expires: now + (12 * time.Hour).Milliseconds(),
	}
}

func (f *fixture) hasSession(t *testing.T, session models.PortalSession, want bool) {
	t.Helper()
	got, err := f.Session(t.Context(), session.Hash)
	if !want {
		fails(t, err, models.ErrNotFound)
		return
	}
	must(t, err)
	equal(t, "session", got, session)
}

//nolint:thelper // these are the tests themselves
var sessions = []contract{
	{"a session is found until it ends or expires", func(t *testing.T, f *fixture) { // SEC-66
		one, two := f.session("one"), f.session("two")
		must(t, f.CreateSession(t.Context(), one, nil))
		must(t, f.CreateSession(t.Context(), two, nil))
		f.hasSession(t, one, true)
		must(t, f.EndSession(t.Context(), one.Hash))
		must(t, f.EndSession(t.Context(), one.Hash))
		f.hasSession(t, one, false)
		f.hasSession(t, two, true)
		f.clock.ms.Store(two.Expires)
		f.hasSession(t, two, false)
		if _, err := f.PruneDenials(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		f.clock.ms.Store(two.Created)
		f.hasSession(t, two, false)
	}},
	{"a session replaces another only once", func(t *testing.T, f *fixture) { // SEC-66
		old := f.session("old")
		must(t, f.CreateSession(t.Context(), old, nil))
		var won atomic.Int32
		var racers sync.WaitGroup
		for i := range 8 {
			racers.Go(func() {
				switch err := f.CreateSession(t.Context(), f.session(fmt.Sprint("new ", i)), old.Hash); {
				case err == nil:
					won.Add(1)
				case !isUnknown(err):
					t.Error(err)
				}
			})
		}
		racers.Wait()
		equal(t, "winners", won.Load(), 1)
		f.hasSession(t, old, false)
		rows, err := f.SessionsOf(t.Context(), f.root.ID)
		must(t, err)
		equal(t, "sessions", len(rows), 1)
	}},
	{"a session is seen, but an ended one is not revived", func(t *testing.T, f *fixture) {
		s := f.session("one")
		must(t, f.CreateSession(t.Context(), s, nil))
		must(t, f.SeeSession(t.Context(), s.Hash, s.Seen+60_000))
		must(t, f.SeeSession(t.Context(), s.Hash, s.Seen+30_000))
		s.Seen += 60_000
		f.hasSession(t, s, true)
		must(t, f.EndSession(t.Context(), s.Hash))
		must(t, f.SeeSession(t.Context(), s.Hash, s.Seen+120_000))
		f.hasSession(t, s, false)
	}},
	{"all sessions of an admin end together, and nobody else's", func(t *testing.T, f *fixture) {
		other := f.admin(t, "other@acme.example")
		must(t, f.CreateAdmin(t.Context(), other))
		foreign := f.session("foreign")
		foreign.AdminID = other.ID
		must(t, f.CreateSession(t.Context(), foreign, nil))
		for i := range 25 {
			s := f.session(fmt.Sprint(i))
			s.Created += int64(i)
			must(t, f.CreateSession(t.Context(), s, nil))
		}
		rows, err := f.SessionsOf(t.Context(), f.root.ID)
		must(t, err)
		equal(t, "kept", len(rows), 20)
		equal(t, "newest", rows[0].Agent, "24")
		// Nobody replaces another admin's session.
		fails(t, f.CreateSession(t.Context(), f.session("thief"), foreign.Hash), models.ErrNotFound)
		count, err := f.EndSessionsOf(t.Context(), f.root.ID)
		must(t, err)
		equal(t, "ended", count, 20)
		f.hasSession(t, foreign, true)
	}},
}
