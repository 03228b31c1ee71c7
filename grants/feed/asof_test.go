package feed

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// as_of: nothing that was acknowledged before is missing.
// SEC-61
func TestNothingAcknowledgedBeforeAsOfIsMissing(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	fast := func() time.Time { return time.Unix(1_796_117_400, 0).Add(500 * time.Since(begin)) } // 2 ms are a second
	f := newFixture(t, Config{Now: fast, Heartbeat: 5 * time.Millisecond})
	follower := f.follow(t, f.public(), f.position())
	type denied struct {
		jti string
		at  time.Time
	}
	var lock sync.Mutex
	var acknowledged []denied
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 60 {
				jti := uuid.NewString()
				if err := f.store.DenyToken(t.Context(), models.DeniedToken{JTI: jti, Scope: f.shop.ID.String()}); err != nil {
					t.Error(err)
				}
				lock.Lock()
				acknowledged = append(acknowledged, denied{jti, fast()})
				lock.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	known, checks := map[revocation.ID]bool{}, 0
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		d := next(t, follower)
		for _, token := range d.Tokens {
			known[token.ID] = true
		}
		lock.Lock()
		for _, one := range acknowledged {
			if one.at.Unix() >= d.AsOf {
				continue
			}
			if checks++; !known[revocation.Hash(one.jti)] {
				t.Errorf("as of %d, but what was acknowledged at %d is missing", d.AsOf, one.at.Unix())
			}
		}
		lock.Unlock()
	}
	if checks < 1000 {
		t.Errorf("%d checks say little", checks)
	}
}
