package verifier_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

// Many readers while keys, denials, claims and the policy change and connections break: nothing good is ever refused, nothing that was
// seen to be revoked is ever accepted again.
func TestManyReadersWhileEverythingChanges(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier(func(c *verifier.Config) { c.CacheSize = 32 })
	const tokens = 64
	var raws [tokens]string
	var gone [tokens]atomic.Bool
	for i := range raws {
		raws[i] = server.Issue(verifytest.User("dana", "clerk"))
	}
	var stop atomic.Bool
	var group sync.WaitGroup
	var checks atomic.Int64
	for reader := range 4 {
		group.Go(func() {
			for i := reader; !stop.Load(); i = (i + 1) % tokens {
				was := gone[i].Load()
				token, err := v.Verify(t.Context(), raws[i])
				switch {
				case was && !errors.Is(err, verifier.ErrRevoked):
					t.Errorf("token %d is accepted again: %v", i, err)
				case err != nil && !errors.Is(err, verifier.ErrRevoked):
					t.Errorf("token %d: %v", i, err)
				case err == nil && !token.HasRole("clerk") && !token.HasRole("boss"):
					t.Errorf("token %d: %v", i, token.Claims())
				}
				checks.Add(1)
			}
		})
	}
	dana := verifytest.User("dana").Subject
	for i := range tokens / 2 {
		switch i % 8 {
		case 1:
			server.SetRoles(dana, []string{"boss"})
		case 3:
			server.SetPolicy(revocation.Policy{Roles: map[string][]string{"boss": {"/**"}}})
		case 5:
			server.Cut()
		}
		if i == tokens/4 {
			server.Rotate()
		}
		server.Revoke(raws[i])
		server.Wait(v)
		gone[i].Store(true)
	}
	stop.Store(true)
	group.Wait()
	for i := range raws {
		if _, err := v.Verify(t.Context(), raws[i]); errors.Is(err, verifier.ErrRevoked) != gone[i].Load() {
			t.Errorf("token %d: %v", i, err)
		}
	}
	t.Logf("%d checks", checks.Load())
}

// SEC-51: keys come and go while tokens of all of them are verified, and not one that is good is refused. The set is asked for at most
// once in so many seconds, so the new key is announced before it signs, as Writ does.
func TestRotationsRefuseNothing(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	now := newClock()
	v := server.Verifier(func(c *verifier.Config) { c.Now = now.now; c.MaxStaleAll = 1 << 62; c.CacheSize = -1 })
	var raws []string
	for range 20 {
		raws = append(raws, server.Issue(verifytest.User("dana")))
		server.Rotate()
		now.advance(6e9) // the cool-down
		raws = append(raws, server.Issue(verifytest.User("dana")))
		for _, raw := range raws {
			accepted(t, v, raw)
		}
	}
}
