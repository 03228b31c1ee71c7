package grants

import (
	"context"
	"testing"
	"time"

	"github.com/go-oauth2/oauth2/v4"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/keys"
)

// The regression tests for what go-oauth2 v4.5.4 does of its own accord, one line for each trap that was reproduced and concerns us:
//
//	 1  refresh without the client          TestRefreshIsBoundToClientScopeAndTime
//	 2  refresh widens the scope            TestRefreshIsBoundToClientScopeAndTime
//	 3  one refresh token, several answers  TestParallelRefreshYieldsExactlyOneSuccess
//	 4  the password before the client      TestTheClientIsAuthenticatedBeforeThePassword
//	 5  unknown client is 500               TestClientAuthentication
//	 6  statuses and missing challenge      server.TestClientAuthentication
//	 7  missing grant_type                  TestRefusedRequests
//	 9  an empty stored secret              TestSecretsAreComparedByTheirHashes, and here
//	10  query, multipart, repetitions       server.TestNotationOfABody, server.TestMalformedTokenRequests, server.TestLegacyFeatures
//	11  JSON bodies                         server.TestTokenRequests
//	12  GET requests                        server.TestLegacyFeatures
//	13  expires_in 0 for "never"            TestNonExpiringTokensAreRegistered, TestShortLifetimesExpire
//	15  claims and identical tokens         TestTokensOfFourLevels, TestTokensAreNeverIdentical
//
// Traps 20 and 21 are about the authorization endpoint, which Writ does not have. What is left is that nothing goes around the pipeline.

func TestTheManagerMakesNothingOutsideThePipeline(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ask := func(ctx context.Context, kind oauth2.GrantType, req *oauth2.TokenGenerateRequest) {
		t.Helper()
		if info, err := f.manager.GenerateAccessToken(ctx, kind, req); err == nil {
			t.Errorf("%s gave a token to %s", kind, info.GetClientID())
		}
	}
	own := &oauth2.TokenGenerateRequest{ClientID: f.clientID(f.shop), ClientSecret: f.shopSecret}
	for _, kind := range []oauth2.GrantType{oauth2.PasswordCredentials, oauth2.ClientCredentials, oauth2.AuthorizationCode, oauth2.Refreshing} {
		ask(t.Context(), kind, own)
	}
	order := &order{client: &client{}, claims: &claims.Claims{ClientID: "management"}, purpose: keys.Ordinary}
	ctx := context.WithValue(t.Context(), orderKey{}, order)
	ask(ctx, oauth2.ClientCredentials, &oauth2.TokenGenerateRequest{ClientID: "management"})                      // trap 9: a public client has no own token
	ask(ctx, oauth2.PasswordCredentials, &oauth2.TokenGenerateRequest{ClientID: "another"})                       // only the client that was proven
	ask(ctx, oauth2.PasswordCredentials, &oauth2.TokenGenerateRequest{ClientID: "management", ClientSecret: "x"}) // trap 8: secrets are not its business
	if _, err := f.manager.RefreshAccessToken(ctx, &oauth2.TokenGenerateRequest{Refresh: "x"}); err == nil {
		t.Error("the manager refreshes by itself")
	}
	if _, err := f.manager.LoadAccessToken(ctx, "x"); err == nil {
		t.Error("the manager knows tokens")
	}
}

// Trap 4: a password oracle for callers who do not know the client's secret, and hashing for free.
func TestTheClientIsAuthenticatedBeforeThePassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, password := range []string{userPassword, "wrong"} {
		req := with(f.login(), func(r *TokenRequest) {
			r.Password, r.Client = password, PresentedClient{ID: f.clientID(f.shop), Secret: "wrong"}
		})
		_, err := f.Token(t.Context(), req)
		if got := code(t, err, RFC6749); got != "invalid_client" {
			t.Errorf("password %q with a wrong client: %q", password, got)
		}
	}
	if wait := f.throttle.wait(userAccount(f.shop.Application.ID, f.dana.ID, "dana"), "192.0.2.1"); wait != 0 {
		t.Error("the user's account was tried")
	}
}

// Trap 15: tokens of one second are different, whatever the algorithm.
func TestTokensAreNeverIdentical(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	seen := map[string]bool{}
	for range 50 {
		token := f.token(t, f.own(f.shop, f.shopSecret))
		if seen[token.AccessToken] || seen[token.Claims.ID] {
			t.Fatal("a token was issued twice")
		}
		seen[token.AccessToken], seen[token.Claims.ID] = true, true
	}
}

// Trap 13: a lifetime below a second is not "never".
func TestShortLifetimesExpire(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.token(t, with(f.login(), func(r *TokenRequest) { r.TTL = TTL{set: true, millis: 1} }))
	if token.Claims.Expires == nil || token.ExpiresIn != 0 {
		t.Fatalf("exp %v, expires_in %d", token.Claims.Expires, token.ExpiresIn)
	}
	f.clock.advance(time.Second)
	if got := code(t, f.accepted(t.Context(), token.AccessToken), Usergrid); got != "expired_token" {
		t.Errorf("code %q", got)
	}
}
