package grants

import (
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

const grace = 10 * time.Second

func graceful(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, func(c *Config) { c.RefreshGrace = grace })
	f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.RefreshTokens = true })
	return f
}

func (f *fixture) refused(t *testing.T, what, token string) {
	t.Helper()
	_, err := f.Token(t.Context(), f.refresh(token))
	if got := code(t, err, RFC6749); got != "invalid_grant" {
		t.Errorf("%s: %q", what, got)
	}
}

// parallel redeems one refresh token by 100 goroutines and gives what they got.
func (f *fixture) parallel(t *testing.T, req TokenRequest) []*Token {
	t.Helper()
	results := make(chan *Token, 100)
	var group sync.WaitGroup
	for range cap(results) {
		group.Go(func() {
			if token, err := f.Token(t.Context(), req); err == nil {
				results <- token
			}
		})
	}
	group.Wait()
	close(results)
	var all []*Token
	for token := range results {
		all = append(all, token)
	}
	return all
}

// A client whose answer was lost asks again.
// SEC-57
func TestARetryWithinTheGraceReplacesTheSuccessor(t *testing.T) {
	t.Parallel()
	f := graceful(t)
	login := f.token(t, f.login())
	lost := f.token(t, f.refresh(login.RefreshToken))
	f.clock.advance(grace - time.Second)
	again := f.token(t, f.refresh(login.RefreshToken))
	if again.RefreshToken == "" || again.RefreshToken == lost.RefreshToken {
		t.Fatalf("the retry got %q", again.RefreshToken)
	}
	next := f.token(t, f.refresh(again.RefreshToken))
	f.refused(t, "the first successor, replaced", lost.RefreshToken) // and somebody else holds it: the family ends
	f.refused(t, "what followed", next.RefreshToken)
}

// SEC-57
func TestTheGraceEndsWithTimeAndWithTheSuccessorsUse(t *testing.T) {
	t.Parallel()
	f := graceful(t)
	t.Run("time", func(t *testing.T) {
		login := f.token(t, f.login())
		next := f.token(t, f.refresh(login.RefreshToken))
		f.clock.advance(grace)
		f.refused(t, "after the grace", login.RefreshToken)
		f.refused(t, "its family", next.RefreshToken)
	})
	t.Run("successor used", func(t *testing.T) {
		login := f.token(t, f.login())
		next := f.token(t, f.refresh(login.RefreshToken))
		last := f.token(t, f.refresh(next.RefreshToken))
		f.refused(t, "two behind", login.RefreshToken)
		f.refused(t, "its family", last.RefreshToken)
	})
	t.Run("successor used, and asking for what is refused anyway", func(t *testing.T) {
		login := f.token(t, f.login())
		next := f.token(t, f.refresh(login.RefreshToken))
		last := f.token(t, f.refresh(next.RefreshToken))
		if _, err := f.Token(t.Context(), with(f.refresh(login.RefreshToken), func(r *TokenRequest) { r.TTL = TTL{set: true, millis: 1 << 60} })); err == nil {
			t.Error("accepted")
		}
		f.refused(t, "its family", last.RefreshToken)
	})
	t.Run("revoked", func(t *testing.T) {
		login := f.token(t, f.login())
		f.token(t, f.refresh(login.RefreshToken))
		must(t, f.RevokeUserTokens(t.Context(), f.shop, f.dana.ID))
		f.refused(t, "after everything was revoked", login.RefreshToken)
	})
}

// The grace is for the client that used the token: SEC-58.
func TestTheGraceIsNotForOtherClients(t *testing.T) {
	t.Parallel()
	f := graceful(t)
	mine := with(f.login(), func(r *TokenRequest) { r.Client = PresentedClient{ID: f.clientID(f.shop), Secret: f.shopSecret} })
	login := f.token(t, mine)
	refresh := with(f.refresh(login.RefreshToken), func(r *TokenRequest) { r.Client = mine.Client })
	f.token(t, refresh)
	f.refused(t, "without the client", login.RefreshToken)
	if again := f.token(t, refresh); again.RefreshToken == "" { // the stranger's attempt ended nothing
		t.Error("no successor")
	}
}

// SEC-59
func TestAHundredParallelRefreshesWithinTheGraceLeaveOneLiveToken(t *testing.T) {
	t.Parallel()
	f := graceful(t)
	login := f.token(t, f.login())
	results := f.parallel(t, f.refresh(login.RefreshToken))
	if len(results) != 100 {
		t.Errorf("%d of 100 retries were answered", len(results))
	}
	live := 0
	for _, token := range results {
		row, err := f.store.RefreshToken(t.Context(), hashOpaque(token.RefreshToken))
		must(t, err)
		if row.Used == nil {
			live++
		}
	}
	if live != 1 {
		t.Errorf("%d live refresh tokens in one family", live)
	}
}

// A refresh that asks for a token that never expires and loses its race must not leave a token that nobody holds.
// SEC-59
func TestParallelExchangesRegisterOneToken(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]*fixture{"without grace": refreshing(t), "with grace": graceful(t)} {
		t.Run(name, func(t *testing.T) {
			login := f.token(t, f.login())
			results := f.parallel(t, with(f.refresh(login.RefreshToken), func(r *TokenRequest) { r.TTL = TTL{set: true} }))
			rows, _, err := f.store.RegisteredTokens(t.Context(), models.TokenFilter{Subject: f.dana.ID}, models.Page{Limit: 100})
			must(t, err)
			if len(results) != 1 || len(rows) != 1 || rows[0].JTI != results[0].Claims.ID || results[0].RefreshToken != "" {
				t.Errorf("%d answers, %d registered tokens", len(results), len(rows))
			}
		})
	}
}

// SEC-58
func TestARefreshTokenDiesWhenItIsNotUsed(t *testing.T) {
	t.Parallel()
	f := refreshing(t)
	f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.RefreshTokenIdleTTL = new(int64(600_000)) })
	token := f.token(t, f.login())
	for range 5 { // each use starts the time anew
		f.clock.advance(10*time.Minute - time.Millisecond)
		token = f.token(t, f.refresh(token.RefreshToken))
	}
	idle := f.token(t, f.login())
	f.clock.advance(10 * time.Minute)
	f.refused(t, "idle", idle.RefreshToken)
	// Presenting an old, used token ends the family even if it would be idle by now.
	first := f.token(t, f.login())
	f.clock.advance(9 * time.Minute)
	second := f.token(t, f.refresh(first.RefreshToken))
	f.clock.advance(9 * time.Minute)
	f.refused(t, "used long ago", first.RefreshToken)
	f.refused(t, "its family", second.RefreshToken)
}

func TestUseDoesNotProlongTheAbsoluteEnd(t *testing.T) {
	t.Parallel()
	f := refreshing(t) // an hour
	f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.RefreshTokenIdleTTL = new(int64(1_800_000)) })
	token := f.token(t, f.login())
	for range 3 {
		f.clock.advance(19 * time.Minute)
		token = f.token(t, f.refresh(token.RefreshToken))
	}
	f.clock.advance(3 * time.Minute) // SEC-58: used three minutes ago, but an hour after the login
	f.refused(t, "after the absolute end", token.RefreshToken)
}
