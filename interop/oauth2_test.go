package interop

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// counter counts the answers that a client got, by status.
type counter struct {
	next     http.RoundTripper
	mu       sync.Mutex
	statuses []int
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err == nil {
		c.mu.Lock()
		c.statuses = append(c.statuses, response.StatusCode)
		c.mu.Unlock()
	}
	return response, err
}

func (c *counter) want(t *testing.T, statuses ...int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.statuses, statuses) {
		t.Errorf("the client was answered with %v, want %v", c.statuses, statuses)
	}
}

// counted is a context whose client counts.
func (w *world) counted(t *testing.T) (context.Context, *counter) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	c := &counter{next: transport}
	return context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: c, Timeout: patience}), c
}

func styles() map[string]oauth2.AuthStyle {
	return map[string]oauth2.AuthStyle{
		"auto-detection": oauth2.AuthStyleAutoDetect, "header": oauth2.AuthStyleInHeader, "parameters": oauth2.AuthStyleInParams,
	}
}

func TestOAuth2ClientCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range []struct {
		name, issuer string
		client       credentials
		level        string
	}{
		{"application client at its application", w.issuer(), w.shop, "application"},
		{"application client at management", w.managementIssuer(), w.shop, "application"},
		{"organization client at its application", w.issuer(), w.acme, "organization"},
		{"organization client at management", w.managementIssuer(), w.acme, "organization"},
	} {
		for style, value := range styles() {
			t.Run(row.name+", "+style, func(t *testing.T) {
				t.Parallel()
				config := clientcredentials.Config{
					ClientID: row.client.ID, ClientSecret: row.client.Secret, TokenURL: row.issuer + "/token", AuthStyle: value,
				}
				ctx, count := w.counted(t)
				token, err := config.Token(ctx)
				if err != nil {
					t.Fatal(err)
				}
				count.want(t, http.StatusOK)
				wantLifetime(t, token, 86400)
				if token.Type() != "Bearer" || token.RefreshToken != "" {
					t.Errorf("type %q, refresh token %q", token.Type(), token.RefreshToken)
				}
				if level := claimsOf(t, token.AccessToken)["level"]; level != row.level {
					t.Errorf("level %v, want %s", level, row.level)
				}
				wantSubject(t, token, row.level, w.shopID)
			})
		}
	}
}

// wantSubject looks at the member that only Writ's answers have.
func wantSubject(t *testing.T, token *oauth2.Token, level, applicationID string) {
	t.Helper()
	switch level {
	case "application":
		if token.Extra("application") != applicationID {
			t.Errorf("application %v, want %s", token.Extra("application"), applicationID)
		}
	case "organization":
		if name := text(token.Extra("organization"), "name"); name != "acme" {
			t.Errorf("organization %v", token.Extra("organization"))
		}
	}
}

// wantLifetime checks both what was sent and what the library made of it.
func wantLifetime(t *testing.T, token *oauth2.Token, seconds int64) {
	t.Helper()
	if sent := token.Extra("expires_in"); sent != float64(seconds) {
		t.Errorf("expires_in %v, want %d", sent, seconds)
	}
	if left := time.Until(token.Expiry); left > time.Duration(seconds)*time.Second || left < time.Duration(seconds)*time.Second-patience {
		t.Errorf("the library expects %v, want %d s", left, seconds)
	}
	if !token.Valid() {
		t.Error("the library says that the token is not valid")
	}
}

func TestOAuth2ClientCredentialsParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := func(parameters url.Values, scopes ...string) *clientcredentials.Config {
		return &clientcredentials.Config{
			ClientID: w.shop.ID, ClientSecret: w.shop.Secret, TokenURL: w.issuer() + "/token", Scopes: scopes, EndpointParams: parameters,
		}
	}
	t.Run("ttl", func(t *testing.T) {
		t.Parallel()
		ctx, _ := w.counted(t)
		token, err := config(url.Values{"ttl": {"60000"}}).Token(ctx)
		if err != nil {
			t.Fatal(err)
		}
		wantLifetime(t, token, 60)
	})
	t.Run("a non-expiring token is valid for 68 years", func(t *testing.T) {
		t.Parallel()
		ctx, _ := w.counted(t)
		token, err := config(url.Values{"ttl": {"0"}, "label": {"nightly import"}}).Token(ctx)
		if err != nil {
			t.Fatal(err)
		}
		wantLifetime(t, token, 2147483647)
		if exp, has := claimsOf(t, token.AccessToken)["exp"]; has {
			t.Errorf("the token expires at %v", exp)
		}
	})
	t.Run("a lifetime under a second reads as none", func(t *testing.T) {
		t.Parallel()
		ctx, _ := w.counted(t)
		token, err := config(url.Values{"ttl": {"999"}}).Token(ctx)
		if err != nil {
			t.Fatal(err)
		}
		// The library takes 0 for "never"; the token itself says the truth.
		if token.Extra("expires_in") != 0.0 || !token.Expiry.IsZero() || claimsOf(t, token.AccessToken)["exp"] == nil {
			t.Errorf("expires_in %v, expiry %v", token.Extra("expires_in"), token.Expiry)
		}
	})
	t.Run("scope", func(t *testing.T) {
		t.Parallel()
		ctx, _ := w.counted(t)
		token, err := config(nil, "orders.write", "orders.read").Token(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for where, scope := range map[string]any{"answer": token.Extra("scope"), "claim": claimsOf(t, token.AccessToken)["scope"]} {
			if scope != "orders.write orders.read" {
				t.Errorf("the %s has the scope %v", where, scope)
			}
		}
	})
	for _, row := range []struct {
		name       string
		parameters url.Values
		scope      string
		code, text string
	}{
		{"unknown scope", nil, "orders.delete", "invalid_scope", "scope not allowed: orders.delete"},
		{"ttl too high", url.Values{"ttl": {"86400001"}}, "orders.read", "invalid_request", "Your token age cannot be more than the maximum age of 86400000 milliseconds"},
		{"ttl malformed", url.Values{"ttl": {"soon"}}, "orders.read", "invalid_request", "ttl must be a number >= 0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ctx, count := w.counted(t)
			_, err := config(row.parameters, row.scope).Token(ctx)
			wantRefused(t, err, http.StatusBadRequest, row.code, row.text)
			// Auto-detection cannot tell a refusal from a server that wants the credentials elsewhere.
			count.want(t, http.StatusBadRequest, http.StatusBadRequest)
		})
	}
}

// wantRefused returns the header of the refusal.
func wantRefused(t *testing.T, err error, status int, code, description string) http.Header {
	t.Helper()
	refused, is := errors.AsType[*oauth2.RetrieveError](err)
	if !is {
		t.Fatalf("%v, want a refusal", err)
	}
	if refused.Response.StatusCode != status || refused.ErrorCode != code || refused.ErrorDescription != description {
		t.Errorf("%d %q %q, want %d %q %q", refused.Response.StatusCode, refused.ErrorCode, refused.ErrorDescription, status, code, description)
	}
	return refused.Response.Header
}

func TestOAuth2WrongClientIsAnsweredInItsOwnScheme(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range []struct {
		name      string
		issuer    string
		client    credentials
		style     oauth2.AuthStyle
		challenge bool
		statuses  []int
	}{
		{"header", w.issuer(), credentials{w.shop.ID, w.acme.Secret}, oauth2.AuthStyleInHeader, true, []int{401}},
		{"parameters", w.issuer(), credentials{w.shop.ID, w.acme.Secret}, oauth2.AuthStyleInParams, false, []int{401}},
		{"auto-detection", w.managementIssuer(), credentials{w.acme.ID, w.shop.Secret}, oauth2.AuthStyleAutoDetect, false, []int{401, 401}},
		{"unknown", w.managementIssuer(), credentials{"nobody", "nothing"}, oauth2.AuthStyleInHeader, true, []int{401}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ctx, count := w.counted(t)
			config := clientcredentials.Config{ClientID: row.client.ID, ClientSecret: row.client.Secret, TokenURL: row.issuer + "/token", AuthStyle: row.style}
			_, err := config.Token(ctx)
			header := wantRefused(t, err, http.StatusUnauthorized, "invalid_client", "invalid username or password")
			count.want(t, row.statuses...)
			// RFC 6749 §5.2: the challenge matches the scheme the client used.
			if got := header.Get("WWW-Authenticate"); (got != "") != row.challenge {
				t.Errorf("WWW-Authenticate: %q", got)
			}
		})
	}
}

func TestOAuth2Password(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login := func(issuer string, c credentials, style oauth2.AuthStyle) *oauth2.Config {
		return &oauth2.Config{ClientID: c.ID, ClientSecret: c.Secret, Endpoint: oauth2.Endpoint{TokenURL: issuer + "/token", AuthStyle: style}}
	}
	nobody := credentials{}
	for _, row := range []struct {
		name               string
		config             *oauth2.Config
		username, password string
		clientID           string
		statuses           []int
	}{
		{"user with client, header", login(w.issuer(), w.shop, oauth2.AuthStyleInHeader), "dana", userPassword, w.shop.ID, []int{200}},
		{"user with client, parameters", login(w.issuer(), w.shop, oauth2.AuthStyleInParams), "dana", userPassword, w.shop.ID, []int{200}},
		{"user with client, auto-detection", login(w.issuer(), w.shop, oauth2.AuthStyleAutoDetect), "dana@example.com", userPassword, w.shop.ID, []int{200}},
		{"user without client, parameters", login(w.issuer(), nobody, oauth2.AuthStyleInParams), "dana", userPassword, w.shop.ID, []int{200}},
		// The first attempt has an empty Basic header.
		{"user without client, auto-detection", login(w.issuer(), nobody, oauth2.AuthStyleAutoDetect), "dana", userPassword, w.shop.ID, []int{401, 200}},
		{"admin without client, parameters", login(w.managementIssuer(), nobody, oauth2.AuthStyleInParams), "olga", adminPassword, "management", []int{200}},
		{"admin without client, auto-detection", login(w.managementIssuer(), nobody, oauth2.AuthStyleAutoDetect), "olga@example.com", adminPassword, "management", []int{401, 200}},
		{"admin with client, header", login(w.managementIssuer(), w.acme, oauth2.AuthStyleInHeader), "olga", adminPassword, w.acme.ID, []int{200}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ctx, count := w.counted(t)
			token, err := row.config.PasswordCredentialsToken(ctx, row.username, row.password)
			if err != nil {
				t.Fatal(err)
			}
			count.want(t, row.statuses...)
			wantLifetime(t, token, 86400)
			if got := claimsOf(t, token.AccessToken)["client_id"]; got != row.clientID {
				t.Errorf("client_id %v, want %s", got, row.clientID)
			}
			if text(token.Extra("user"), "uuid") != claimsOf(t, token.AccessToken)["sub"] {
				t.Errorf("user %v", token.Extra("user"))
			}
		})
	}
	t.Run("wrong password is sent twice", func(t *testing.T) {
		t.Parallel()
		ctx, count := w.counted(t)
		_, err := login(w.issuer(), w.shop, oauth2.AuthStyleAutoDetect).PasswordCredentialsToken(ctx, "dana", "slow-river-93")
		wantRefused(t, err, http.StatusBadRequest, "invalid_grant", "invalid username or password")
		count.want(t, 400, 400)
	})
}

// TestOAuth2TokenWorks uses tokens the way the library does: as the transport of a client.
func TestOAuth2TokenWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, _ := w.counted(t)
	config := clientcredentials.Config{ClientID: w.acme.ID, ClientSecret: w.acme.Secret, TokenURL: w.managementIssuer() + "/token"}
	for _, path := range []string{"/management/orgs/acme", "/acme/shop/users/dana", "/acme/sandbox/roles"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := config.Client(ctx).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close() //nolint:errcheck,gosec // not read
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
}

func TestOAuth2RefreshesByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(t, "PUT", "/acme/shop", `{"refreshtokens":true}`)
	config := &oauth2.Config{ClientID: w.shop.ID, ClientSecret: w.shop.Secret, Endpoint: oauth2.Endpoint{TokenURL: w.issuer() + "/token"}}
	ctx, _ := w.counted(t)
	first, err := config.PasswordCredentialsToken(ctx, "dana", userPassword)
	if err != nil {
		t.Fatal(err)
	}
	spent := *first
	spent.Expiry = time.Now().Add(-time.Hour)
	second, err := config.TokenSource(ctx, &spent).Token()
	if err != nil {
		t.Fatal(err)
	}
	if second.AccessToken == first.AccessToken || second.RefreshToken == "" || second.RefreshToken == first.RefreshToken {
		t.Error("refreshing gave no new pair of tokens")
	}
	// RFC 9700 §2.2.2: the reuse of a refresh token ends what came of it.
	_, err = config.TokenSource(ctx, &spent).Token()
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant", "invalid refresh token")
	thief := *second
	thief.Expiry = spent.Expiry
	_, err = config.TokenSource(ctx, &thief).Token()
	wantRefused(t, err, http.StatusBadRequest, "invalid_grant", "invalid refresh token")
}
