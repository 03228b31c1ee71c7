// Command verify checks an access token as a resource server does: against the public keys, without asking Writ about it.
//
//	go run ./examples/verify ISSUER TOKEN
//
// It shows what any OpenID Connect library can do with a Writ token. What it cannot see is a revocation: for that a resource
// server follows the revocation feed or asks the introspection endpoint.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: verify ISSUER TOKEN")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	err := verify(ctx, os.Stdout, os.Args[1], os.Args[2])
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

// verify trusts exactly one issuer and prints the claims of a token that holds.
func verify(ctx context.Context, out io.Writer, issuer, token string) error {
	// RFC 9068 §4: typ tells access tokens from every other kind of JWT. The library does not look at it.
	if err := checkType(token); err != nil {
		return err
	}
	keys, err := keySet(ctx, issuer)
	if err != nil {
		return err
	}
	verifier := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(ctx, keys), &oidc.Config{
		ClientID:             issuer, // the audience: Writ's tokens are for the issuer's own application
		SupportedSigningAlgs: []string{oidc.ES256, oidc.RS256, oidc.PS256, oidc.EdDSA},
	})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return err
	}
	var claims json.RawMessage
	if err := verified.Claims(&claims); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "valid: issued by %s for %s\n%s\n", verified.Issuer, verified.Subject, claims)
	return err
}

func checkType(token string) error {
	head, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return errors.New("not a JWT")
	}
	var header struct {
		Type string `json:"typ"`
	}
	if err := json.Unmarshal(decoded, &header); err != nil || header.Type != "at+jwt" {
		return errors.New("not an access token")
	}
	return nil
}

// keySet asks the issuer's metadata where its keys are. RFC 8414 §3.
func keySet(ctx context.Context, issuer string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/oauth-authorization-server", nil)
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	var metadata struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&metadata); err != nil {
		return "", fmt.Errorf("metadata of %s: %w", issuer, err)
	}
	// RFC 8414 §3.3: the issuer of the document must be the one that was asked for.
	if metadata.Issuer != issuer {
		return "", fmt.Errorf("metadata of %s names the issuer %q", issuer, metadata.Issuer)
	}
	return metadata.Keys, nil
}
