package grants

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

func refreshing(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.shop = f.configure(t, f.shop, func(s *models.Settings) {
		s.RefreshTokens, s.RefreshTokenTTL, s.Scopes = true, new(int64(3_600_000)), []string{"read", "write"}
	})
	return f
}

func (f *fixture) refresh(token string) TokenRequest {
	return TokenRequest{Tenant: f.shop, Dialect: RFC6749, GrantType: "refresh_token", RefreshToken: token, Source: "192.0.2.1"}
}

// SEC-57
func TestRefreshRotatesAndReuseEndsTheFamily(t *testing.T) {
	t.Parallel()
	f := refreshing(t)
	first := f.token(t, f.login())
	if len(first.RefreshToken) < 27 {
		t.Fatalf("refresh token %q has less than 160 bits", first.RefreshToken) // SEC-56
	}
	second := f.token(t, f.refresh(first.RefreshToken))
	if second.RefreshToken == first.RefreshToken || second.User.ID != f.dana.ID {
		t.Fatal("not rotated")
	}
	bad := func(token string) {
		t.Helper()
		_, err := f.Token(t.Context(), f.refresh(token))
		if e, ok := err.(*Error); !ok || e.Code != "invalid_grant" || e.Description != "invalid refresh token" { //nolint:errorlint // Token promises *Error
			t.Errorf("got %v", err)
		}
	}
	bad(first.RefreshToken)  // reuse
	bad(second.RefreshToken) // its family is gone
	bad("never issued")
	bad(first.AccessToken) // SEC-45
	if err := f.accepted(t.Context(), second.RefreshToken); code(t, err, Usergrid) != "auth_bad_access_token" {
		t.Errorf("a refresh token as access token: %v", err)
	}
}

// SEC-59
func TestParallelRefreshYieldsExactlyOneSuccess(t *testing.T) {
	t.Parallel()
	f := refreshing(t)
	login := f.token(t, f.login())
	results := make(chan *Token, 50)
	var group sync.WaitGroup
	for range cap(results) {
		group.Go(func() {
			if token, err := f.Token(t.Context(), f.refresh(login.RefreshToken)); err == nil {
				results <- token
			}
		})
	}
	group.Wait()
	if len(results) != 1 {
		t.Errorf("%d of 50 parallel refreshes succeeded", len(results))
	}
}

func TestRefreshIsBoundToClientScopeAndTime(t *testing.T) {
	t.Parallel()
	f := refreshing(t)
	confidential := with(f.login(), func(r *TokenRequest) {
		r.Client, r.Scope = PresentedClient{ID: f.clientID(f.shop), Secret: f.shopSecret}, "read"
	})
	token := f.token(t, confidential)
	refused := func(what, want string, req TokenRequest) {
		t.Helper()
		_, err := f.Token(t.Context(), req)
		if got := code(t, err, RFC6749); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	refused("without the client", "invalid_grant", f.refresh(token.RefreshToken)) // SEC-58
	mine := with(f.refresh(token.RefreshToken), func(r *TokenRequest) { r.Client = confidential.Client })
	refused("as the owner's client", "invalid_grant", with(mine, func(r *TokenRequest) {
		r.Client = PresentedClient{ID: f.organizationID(f.shop), Secret: f.acmeSecret}
	}))
	refused("with a wrong secret", "invalid_client", with(mine, func(r *TokenRequest) { r.Client.Secret = "x" }))
	refused("with a wider scope", "invalid_scope", with(mine, func(r *TokenRequest) { r.Scope = "read write" })) // SEC-17
	_, err := f.Token(t.Context(), with(mine, func(r *TokenRequest) { r.Scope = "read write" }))
	if err == nil || !strings.Contains(err.Error(), "scope not allowed: write") {
		t.Errorf("%v names more than what is not allowed", err)
	}
	refused("at another application", "unauthorized_client", with(mine, func(r *TokenRequest) {
		r.Tenant, r.Client = f.depot, PresentedClient{}
	}))
	next := f.token(t, mine) // none of the attempts has spent or ended it
	if next.Claims.Scope != "read" || next.Claims.ClientID != f.clientID(f.shop) {
		t.Errorf("claims %+v", next.Claims)
	}
	f.clock.advance(time.Hour)
	refused("an hour after the login", "invalid_grant", with(mine, func(r *TokenRequest) { r.RefreshToken = next.RefreshToken }))
}

func TestRefreshEndsWithTheGeneration(t *testing.T) {
	t.Parallel()
	f := refreshing(t)
	token := f.token(t, f.login())
	must(t, f.RevokeUserTokens(t.Context(), f.shop, f.dana.ID))
	_, err := f.Token(t.Context(), f.refresh(token.RefreshToken))
	if got := code(t, err, RFC6749); got != "invalid_grant" {
		t.Errorf("code %q", got)
	}
}

func TestRefreshTokensAndNonExpiringTokensExcludeEachOther(t *testing.T) {
	t.Parallel()
	f := refreshing(t)
	if token := f.token(t, with(f.login(), func(r *TokenRequest) { r.TTL = TTL{set: true} })); token.RefreshToken != "" {
		t.Error("a refresh token beside a non-expiring access token")
	}
	login := f.token(t, f.login())
	lasting := f.token(t, with(f.refresh(login.RefreshToken), func(r *TokenRequest) { r.TTL = TTL{set: true} }))
	if lasting.RefreshToken != "" || lasting.Claims.Expires != nil {
		t.Errorf("refreshed to %+v", lasting)
	}
	_, err := f.Token(t.Context(), f.refresh(login.RefreshToken))
	if got := code(t, err, RFC6749); got != "invalid_grant" {
		t.Errorf("the family lives on: %q", got)
	}
}

func TestRevokingARefreshTokenEndsItsFamily(t *testing.T) {
	t.Parallel()
	f := refreshing(t)
	token := f.token(t, f.login())
	must(t, f.Revoke(t.Context(), f.depot, PresentedClient{}, token.RefreshToken, uuid.NewString()))
	next := f.token(t, f.refresh(token.RefreshToken)) // another issuer cannot
	must(t, f.Revoke(t.Context(), f.shop, PresentedClient{}, next.RefreshToken, uuid.NewString()))
	_, err := f.Token(t.Context(), f.refresh(next.RefreshToken))
	if got := code(t, err, RFC6749); got != "invalid_grant" {
		t.Errorf("code %q", got)
	}
}
