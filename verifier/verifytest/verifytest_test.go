package verifytest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

func TestTheExampleHolds(t *testing.T) {
	t.Parallel()
	testOrders(t)
}

// Cut, down, lag: what goes wrong between two servers can be tried.
func TestTrouble(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier(func(c *verifier.Config) { c.MaxStaleAll = time.Hour })
	token := server.Issue(verifytest.User("dana"))
	server.Cut()
	server.Revoke(token)
	server.Wait(v)
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, verifier.ErrRevoked) {
		t.Errorf("after a cut: %v", err)
	}
	server.Down()
	server.RevokeSubject("somebody")
	server.Up()
	server.Wait(v)
	if err := v.Ready(); err != nil {
		t.Errorf("after a pause: %v", err)
	}
	old := server.Verifier(func(c *verifier.Config) { c.MaxStaleAll = time.Hour })
	server.Lag(2 * time.Hour)
	late := server.Verifier(func(c *verifier.Config) { c.MaxStaleAll = time.Hour })
	if err := late.Ready(); !errors.Is(err, verifier.ErrStale) {
		t.Errorf("a server that lags behind: %v", err)
	}
	// Whoever knew better before keeps that.
	server.Wait(old)
	if err := old.Ready(); err != nil {
		t.Errorf("knowledge from before: %v", err)
	}
}

func TestWrongCredentialsAreRefusedWhenItStarts(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	config := server.Config()
	config.ClientSecret = "wrong"
	if v, err := verifier.New(t.Context(), config); err == nil {
		v.Close()
		t.Error("started")
	}
	config.ClientID, config.ClientSecret = verifytest.ApplicationID, verifytest.ApplicationSecret
	v, err := verifier.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
}
