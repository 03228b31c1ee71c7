package grants

import (
	"context"
	"testing"

	"github.com/writ-auth/writ/models"
)

// doubtful is a database that is asked what others have changed.
type doubtful struct {
	Store

	renew func() error
}

func (s *doubtful) Renew(context.Context) error { return s.renew() }

// A wrong secret is looked up in the database before it is refused. Guesses that wait there side by side are not answered once others have failed,
// not even the right one.
//
// SEC-12
func TestGuessesOfSecretsDoNotOutrunTheThrottle(t *testing.T) {
	t.Parallel()
	stale := &doubtful{}
	f := newFixture(t, func(cfg *Config) { stale.Store, cfg.Store = cfg.Store, stale })
	asked, answer := make(chan struct{}), make(chan struct{})
	stale.renew = func() error {
		close(asked)
		<-answer
		stale.renew = func() error { return nil }
		return nil
	}
	guess := make(chan error)
	go func() {
		_, err := f.Token(context.WithoutCancel(t.Context()), f.own(f.shop, "guess"))
		guess <- err
	}()
	<-asked
	for range pairLimit {
		f.throttle.failed(clientAccount(f.shop.clientID), f.own(f.shop, "").Source)
	}
	close(answer)
	if got := code(t, <-guess, RFC6749); got != "too_many_requests" {
		t.Errorf("a guess that began before was answered %q", got)
	}
}

// While the database is away nobody can tell whether a secret is wrong, but whoever goes on guessing waits.
//
// SEC-12, SEC-78
func TestGuessesOfSecretsCountWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	away := &doubtful{renew: func() error { return models.ErrUnavailable }}
	f := newFixture(t, func(cfg *Config) { away.Store, cfg.Store = cfg.Store, away })
	f.token(t, f.own(f.shop, f.shopSecret))
	for range pairLimit {
		_, err := f.Token(t.Context(), f.own(f.shop, "guess"))
		if got := code(t, err, RFC6749); got != "service_unavailable" && got != "temporarily_unavailable" && got != "server_error" {
			t.Fatalf("code %q", got)
		}
	}
	_, err := f.Token(t.Context(), f.own(f.shop, "guess"))
	if got := code(t, err, RFC6749); got != "too_many_requests" {
		t.Errorf("one guess more: %q", got)
	}
}
