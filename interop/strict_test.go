package interop

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// TestStrictServesStandardClients shows that what a standards client needs does not depend on the legacy features.
func TestStrictServesStandardClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--compat=strict")
	ctx, _ := w.counted(t)
	for issuer, c := range map[string]credentials{w.issuer(): w.shop, w.managementIssuer(): w.acme} {
		for name, style := range styles() {
			config := clientcredentials.Config{ClientID: c.ID, ClientSecret: c.Secret, TokenURL: issuer + "/token", AuthStyle: style}
			token, err := config.Token(ctx)
			if err != nil {
				t.Fatalf("%s, %s: %v", issuer, name, err)
			}
			if _, err := w.verifier(ctx, issuer).Verify(ctx, token.AccessToken); err != nil {
				t.Errorf("%s, %s: %v", issuer, name, err)
			}
		}
		w.wantGrants(t, issuer, "client_credentials")
	}

	login := func(issuer string, c credentials, username, password string) error {
		endpoint := oauth2.Endpoint{TokenURL: issuer + "/token", AuthStyle: oauth2.AuthStyleInHeader}
		_, err := (&oauth2.Config{ClientID: c.ID, ClientSecret: c.Secret, Endpoint: endpoint}).PasswordCredentialsToken(ctx, username, password)
		return err
	}
	wantCode(t, login(w.issuer(), w.shop, "dana", userPassword), "unauthorized_client")
	wantCode(t, login(w.managementIssuer(), w.acme, "olga", adminPassword), "unauthorized_client")
	w.set(t, "PUT", "/acme/shop", `{"passwordgrant":true}`)
	w.wantGrants(t, w.issuer(), "password", "client_credentials")
	if err := login(w.issuer(), w.shop, "dana", userPassword); err != nil {
		t.Errorf("an application that allows passwords: %v", err)
	}
}

// TestStrictTellsTheSDKWhatItLacks: usergrid sends its credentials in the query.
func TestStrictTellsTheSDKWhatItLacks(t *testing.T) {
	t.Parallel()
	program := node(t)
	w := newWorld(t, "--compat=strict")
	answer := w.usergrid(t, program, "client")
	wantShape(t, answer["users"], `{"err":true,"data":{"error":"invalid_request","error_description":"<string>","exception":"<string>",
		"timestamp":"<ms>","duration":"<number>","statusCode":400}}`)
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	refused, is := errors.AsType[*oauth2.RetrieveError](err)
	if !is || refused.Response.StatusCode != http.StatusBadRequest || refused.ErrorCode != code {
		t.Errorf("%v, want %s", err, code)
	}
}

// wantGrants reads what the metadata offers: grants that are switched off are not listed.
func (w *world) wantGrants(t *testing.T, issuer string, want ...string) {
	t.Helper()
	var found metadata
	if err := json.Unmarshal(w.raw(t, issuer+"/.well-known/oauth-authorization-server"), &found); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found.Grants, want) {
		t.Errorf("%s offers %q, want %q", issuer, found.Grants, want)
	}
}
