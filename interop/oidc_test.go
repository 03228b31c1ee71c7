package interop

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// accessClaims are what a resource server reads.
type accessClaims struct {
	Level  string   `json:"level"`
	Org    string   `json:"org"`
	App    string   `json:"app"`
	Roles  []string `json:"roles"`
	Groups []string `json:"groups"`
	Orgs   []string `json:"orgs"`
	Scope  string   `json:"scope"`
}

func algorithms() []string { return []string{oidc.ES256, oidc.RS256, oidc.PS256, oidc.EdDSA} }

// verifier knows nothing but the address of the keys and the issuer it trusts.
func (w *world) verifier(ctx context.Context, issuer string, change ...func(*oidc.Config)) *oidc.IDTokenVerifier {
	config := &oidc.Config{ClientID: issuer, SupportedSigningAlgs: algorithms()}
	for _, change := range change {
		change(config)
	}
	return oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(ctx, w.url+"/.well-known/jwks.json"), config)
}

// raw is a document as it was sent.
func (w *world) raw(t *testing.T, address string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", address, response.StatusCode, err)
	}
	return content
}

// TestOIDCVerifiesWithEveryAlgorithm gives go-oidc the JWKS URL alone.
//
// SEC-37
func TestOIDCVerifiesWithEveryAlgorithm(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--alg="+algorithm)
			ctx, _ := w.counted(t)
			user := w.userToken(t)
			if got := part(t, user, 0)["alg"]; got != algorithm {
				t.Fatalf("the token is signed with %v", got)
			}
			application := accessClaims{Level: "application", Org: "acme", App: "shop", Scope: "orders.read"}
			for _, row := range []struct {
				name, issuer, token string
				want                accessClaims
			}{
				{"application user", w.issuer(), user, accessClaims{
					Level: "application_user", Org: "acme", App: "shop", Roles: []string{"clerk", "default"}, Groups: []string{"staff/north"},
				}},
				{"application", w.issuer(), w.clientToken(t, "/acme/shop", w.shop, "scope", "orders.read"), application},
				{"application at management", w.issuer(), w.clientToken(t, "/management", w.shop), accessClaims{Level: "application", Org: "acme", App: "shop"}},
				{"organization at application", w.managementIssuer(), w.clientToken(t, "/acme/shop", w.acme), accessClaims{Level: "organization", Org: "acme"}},
				{"admin user", w.managementIssuer(), w.adminToken(t), accessClaims{Level: "admin_user", Orgs: []string{"acme"}}},
			} {
				verified, err := w.verifier(ctx, row.issuer).Verify(ctx, row.token)
				if err != nil {
					t.Errorf("%s: %v", row.name, err)
					continue
				}
				wantClaims(t, row.name, verified, row.want)
			}
			jwks := string(w.raw(t, w.url+"/.well-known/jwks.json"))
			for name, forged := range forgeries(t, user, jwks) {
				if _, err := w.verifier(ctx, w.issuer()).Verify(ctx, forged); err == nil {
					t.Errorf("go-oidc accepted: %s", name)
				}
				status, answer := w.do(t, "GET", "/acme/shop/users/me", "", "Authorization", "Bearer "+forged)
				if status != http.StatusUnauthorized || answer["error"] != "auth_bad_access_token" {
					t.Errorf("Writ answered a token with %s: %d %v", name, status, answer)
				}
			}
		})
	}
}

func wantClaims(t *testing.T, name string, token *oidc.IDToken, want accessClaims) {
	t.Helper()
	var got accessClaims
	if err := token.Claims(&got); err != nil {
		t.Fatal(err)
	}
	same := got.Level == want.Level && got.Org == want.Org && got.App == want.App && got.Scope == want.Scope &&
		slices.Equal(got.Roles, want.Roles) && slices.Equal(got.Groups, want.Groups) && slices.Equal(got.Orgs, want.Orgs)
	if !same {
		t.Errorf("%s: %+v, want %+v", name, got, want)
	}
	if lifetime := token.Expiry.Sub(token.IssuedAt); lifetime != 24*time.Hour+time.Second {
		t.Errorf("%s: lives for %v", name, lifetime)
	}
}

// TestOIDCRefusesWhatIsNotForIt is a resource server that gets genuine tokens of others: all issuers share one key set.
//
// SEC-44
func TestOIDCRefusesWhatIsNotForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, _ := w.counted(t)
	w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"depot"}`)
	depot := w.clientToken(t, "/acme/depot", w.credentials(t, "/management/orgs/acme/apps/depot/credentials"))
	shop := w.userToken(t)
	for _, row := range []struct {
		name, token string
		change      func(*oidc.Config)
	}{
		{"another application", depot, func(*oidc.Config) {}},
		{"an organization", w.clientToken(t, "/acme/shop", w.acme), func(*oidc.Config) {}},
		{"an admin", w.adminToken(t), func(*oidc.Config) {}},
		{"another audience", shop, func(c *oidc.Config) { c.ClientID = "orders" }},
		{"expired", shop, func(c *oidc.Config) { c.Now = func() time.Time { return time.Now().Add(25 * time.Hour) } }},
		{"algorithm that is not on the list", shop, func(c *oidc.Config) { c.SupportedSigningAlgs = []string{oidc.RS256} }},
	} {
		if _, err := w.verifier(ctx, w.issuer(), row.change).Verify(ctx, row.token); err == nil {
			t.Errorf("accepted: %s", row.name)
		}
	}
	if _, err := w.verifier(ctx, w.issuer()).Verify(ctx, shop); err != nil {
		t.Errorf("the shop's own: %v", err)
	}
}

// TestOIDCNonExpiring shows why nonexpiringexp is there: go-oidc takes a missing exp for one in the past.
func TestOIDCNonExpiring(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, _ := w.counted(t)
	without := w.clientToken(t, "/acme/shop", w.shop, "ttl", "0")
	if _, err := w.verifier(ctx, w.issuer()).Verify(ctx, without); err == nil {
		t.Error("go-oidc accepted a token without exp: this test is out of date")
	}
	skipped := w.verifier(ctx, w.issuer(), func(c *oidc.Config) { c.SkipExpiryCheck = true })
	if _, err := skipped.Verify(ctx, without); err != nil {
		t.Errorf("without looking at exp: %v", err)
	}
	w.set(t, "PUT", "/acme/shop", `{"nonexpiringexp":true}`)
	verified, err := w.verifier(ctx, w.issuer()).Verify(ctx, w.clientToken(t, "/acme/shop", w.shop, "ttl", "0"))
	if err != nil {
		t.Fatalf("with exp in the year 9999: %v", err)
	}
	if verified.Expiry.Unix() != 253402300799 {
		t.Errorf("exp is %d", verified.Expiry.Unix())
	}
}

// metadata is what a client needs of RFC 8414 §2.
type metadata struct {
	Issuer        string   `json:"issuer"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	Revocation    string   `json:"revocation_endpoint"`
	Introspection string   `json:"introspection_endpoint"`
	Grants        []string `json:"grant_types_supported"`
	Scopes        []string `json:"scopes_supported"`
}

// TestDiscoveryByIssuerAlone gives clients an issuer and nothing else: where to get tokens and how to check them follows.
func TestDiscoveryByIssuerAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range []struct {
		issuer string
		client credentials
		grants []string
		scopes []string
	}{
		{w.issuer(), w.shop, []string{"password", "client_credentials"}, []string{"orders.read", "orders.write"}},
		{w.managementIssuer(), w.acme, []string{"password", "client_credentials"}, nil},
	} {
		for form, address := range wellKnown(t, row.issuer) {
			ctx, _ := w.counted(t)
			var found metadata
			if err := json.Unmarshal(w.raw(t, address), &found); err != nil {
				t.Fatal(err)
			}
			// RFC 8414 §3.3: the document must name the issuer that was asked for.
			if found.Issuer != row.issuer {
				t.Fatalf("%s of %s names %s", form, row.issuer, found.Issuer)
			}
			if !slices.Equal(found.Grants, row.grants) || !slices.Equal(found.Scopes, row.scopes) {
				t.Errorf("%s: grants %q, scopes %q", row.issuer, found.Grants, found.Scopes)
			}
			provider := (&oidc.ProviderConfig{IssuerURL: found.Issuer, TokenURL: found.Token, JWKSURL: found.Keys, Algorithms: algorithms()}).NewProvider(ctx)
			config := clientcredentials.Config{ClientID: row.client.ID, ClientSecret: row.client.Secret, TokenURL: provider.Endpoint().TokenURL}
			token, err := config.Token(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: row.issuer}).Verify(ctx, token.AccessToken); err != nil {
				t.Errorf("%s of %s: %v", form, row.issuer, err)
			}
			w.wantRevocable(t, found, row.client, token)
		}
	}
}

// wellKnown are the two places where clients look: RFC 8414 §3 inserts, OpenID Connect Discovery §4 appends.
func wellKnown(t *testing.T, issuer string) map[string]string {
	t.Helper()
	parsed, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	path := parsed.Path
	parsed.Path = "/.well-known/oauth-authorization-server" + path
	return map[string]string{"insertion": parsed.String(), "suffix": issuer + "/.well-known/oauth-authorization-server"}
}

// wantRevocable uses the discovered endpoints: the token is active, is revoked, and is not active any more.
func (w *world) wantRevocable(t *testing.T, found metadata, c credentials, token *oauth2.Token) {
	t.Helper()
	form := url.Values{"token": {token.AccessToken}, "client_id": {c.ID}, "client_secret": {c.Secret}}.Encode()
	post := func(address string) map[string]any {
		status, answer := w.do(t, "POST", address[len(w.url):], form, "Content-Type", "application/x-www-form-urlencoded")
		if status != http.StatusOK {
			t.Errorf("%s: %d %v", address, status, answer)
		}
		return answer
	}
	if answer := post(found.Introspection); answer["active"] != true {
		t.Errorf("before: %v", answer)
	}
	if answer := post(found.Revocation); len(answer) != 0 {
		t.Errorf("revoked: %v", answer)
	}
	wantShape(t, any(post(found.Introspection)), `{"active":false}`)
}
