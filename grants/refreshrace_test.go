package grants

import (
	"context"
	"testing"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// overtakenStore is the real store with something that happens just before a login's refresh token is stored.
type overtakenStore struct {
	*store.Store

	before func()
}

func (s *overtakenStore) CreateRefreshToken(ctx context.Context, token models.RefreshToken) error {
	s.before()
	return s.Store.CreateRefreshToken(ctx, token)
}

// SEC-58
func TestALoginThatARevocationOvertakesIsRefused(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(f *fixture) error{
		"revocation": func(f *fixture) error { return f.RevokeUserTokens(t.Context(), f.shop, f.dana.ID) },
		"deletion": func(f *fixture) error {
			_, err := f.store.DeleteUser(t.Context(), f.shop.Application.ID, f.dana.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var overtaken *overtakenStore
			f := newFixture(t, func(cfg *Config) {
				overtaken = &overtakenStore{Store: cfg.Store.(*store.Store), before: func() {}} //nolint:forcetypeassert // the fixture's
				cfg.Store = overtaken
			})
			f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.RefreshTokens = true })
			overtaken.before = func() { must(t, happens(f)) }
			token, err := f.Token(t.Context(), f.login())
			if code(t, err, RFC6749) != "invalid_grant" {
				t.Errorf("got %v", err)
			}
			if token != nil && f.accepted(t.Context(), token.AccessToken) == nil {
				t.Error("a token from before the revocation is accepted")
			}
		})
	}
}
