package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// standing opens a replica whose clock goes on while nothing of it runs: that is what a stopped process sees when it is continued.
func standing(t *testing.T, address string, trace Trace) (s *Store, tail *tailOf, pass func(time.Duration)) {
	t.Helper()
	var ahead atomic.Int64
	s, err := Open(t.Context(), Config{
		Database: address, TokenTTL: 1000, Trace: trace, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, follow(s), func(d time.Duration) { ahead.Add(int64(d)) }
}

// SEC-61, SEC-78
func TestAProcessThatStoodStillLooksFirst(t *testing.T) {
	t.Parallel()
	address := postgrestest.Copy(t, migratedHere)
	other := openAt(t, address)
	s, tail, pass := standing(t, address, nil)
	deny := func(jti string) {
		t.Helper()
		if err := other.DenyToken(t.Context(), models.DeniedToken{JTI: jti, Scope: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	deny("just now")
	if err := s.Current(t.Context()); err != nil || len(tail.seen()) != 0 {
		t.Errorf("what is fresh is looked at again: %v, %v", tail.seen(), err)
	}
	pass(time.Minute)
	if err := s.Current(t.Context()); err != nil || len(tail.seen()) != 1 {
		t.Errorf("after a minute: %v, %v", tail.seen(), err)
	}
	deny("later")
	pass(time.Minute)
	if age := s.Refresh(t.Context()); age > freshness || len(tail.seen()) != 2 {
		t.Errorf("after another minute: %v, known as of %v ago", tail.seen(), age)
	}
}

// SEC-78
func TestOneLooksForAllWhoAsk(t *testing.T) {
	t.Parallel()
	s, _, pass := standing(t, postgrestest.Copy(t, migratedHere), nil)
	before := s.Pools()["watch"]
	pass(time.Minute)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if err := s.Current(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if after := s.Pools()["watch"]; after.WaitCount != before.WaitCount {
		t.Errorf("%d looks waited for each other", after.WaitCount-before.WaitCount)
	}
}

// SEC-78
func TestWithoutADatabaseNothingIsCurrent(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.Start(t, "fsync=off")
	s, _, pass := standing(t, cluster.Database(t), nil)
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	pass(time.Minute)
	for range 3 {
		began := time.Now()
		if err := s.Current(t.Context()); !errors.Is(err, models.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if age := s.Refresh(t.Context()); age < time.Minute {
			t.Errorf("known as of %v ago", age)
		}
		if took := time.Since(began); took > catchUpPatience+time.Second {
			t.Errorf("after %v", took)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Current(gone); !errors.Is(err, models.ErrUnavailable) {
		t.Errorf("somebody who has left: %v", err)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "it is current again", func() bool { return s.Current(t.Context()) == nil })
}

// A look that the process stood still in says nothing about now.
func TestALookFromBeforeIsNotBelieved(t *testing.T) {
	t.Parallel()
	address := postgrestest.Copy(t, migratedHere)
	other := openAt(t, address)
	s, tail, pass := standing(t, address, nil)
	pass(time.Minute)
	before := &look{done: make(chan struct{}), began: s.now(), err: models.ErrUnavailable}
	s.doubt.flight = before
	pass(time.Minute)
	if err := other.DenyToken(t.Context(), models.DeniedToken{JTI: "meanwhile", Scope: "x"}); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() { asked <- s.Current(t.Context()) }()
	s.doubt.Lock()
	s.doubt.flight, s.doubt.err, s.doubt.failed = nil, before.err, before.began
	s.doubt.Unlock()
	close(before.done)
	if err := <-asked; err != nil || len(tail.seen()) != 1 {
		t.Errorf("%v, %v", tail.seen(), err)
	}
}

// Readers that keep all other connections busy must not keep a process from learning what is revoked. SEC-61
func TestTheChangeLogIsReadWhileReadersAreBusy(t *testing.T) {
	t.Parallel()
	address := postgrestest.Copy(t, migratedHere)
	s, err := Open(t.Context(), Config{Database: address, TokenTTL: 1, Connections: leastConnections})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // a test's store
	tail := follow(s)
	busy, release := context.WithCancel(t.Context())
	defer release()
	var readers sync.WaitGroup
	for range s.Pools()["read"].MaxOpenConnections {
		readers.Go(func() { _ = s.read(busy).Exec("SELECT pg_sleep(600)").Error })
	}
	await(t, "all are busy", func() bool { return s.Pools()["read"].InUse == s.Pools()["read"].MaxOpenConnections })
	if err := openAt(t, address).DenyToken(t.Context(), models.DeniedToken{JTI: "one", Scope: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.CatchUp(t.Context()); err != nil || len(tail.seen()) != 1 {
		t.Errorf("%v, %v", tail.seen(), err)
	}
	release()
	readers.Wait()
}
