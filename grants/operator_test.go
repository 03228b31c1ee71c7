package grants

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

func TestTheOperatorsTokenIsTheSuperusersForAMinute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw, err := f.OperatorToken(t.Context())
	must(t, err)
	caller, err := f.AuthenticateToken(t.Context(), raw)
	must(t, err)
	if !caller.Superuser || caller.ID() != f.root.ID {
		t.Errorf("the caller is %+v", caller)
	}
	f.clock.advance(61 * time.Second)
	if err := f.accepted(t.Context(), raw); !errors.Is(err, ErrExpired) {
		t.Errorf("after a minute: %v", err)
	}
}

func TestWithoutASuperuserTheOperatorHasNoToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	empty, err := store.Open(t.Context(), store.Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "writ.db"), TokenTTL: 86_400_000, Now: f.clock.now, Logger: f.Logger,
	})
	must(t, err)
	t.Cleanup(func() { must(t, empty.Close()) })
	f.Store = empty
	if _, err := f.OperatorToken(t.Context()); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
