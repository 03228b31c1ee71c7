package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/writ-auth/writ/claims/strictjson"
)

// maxMetadataDepth bounds the nesting of metadata, which is a list of names and lists.
const maxMetadataDepth = 16

// wellKnown is where RFC 8414 §3 puts the metadata.
const wellKnown = "/.well-known/oauth-authorization-server"

// endpoints is what the metadata of an issuer says.
type endpoints struct {
	issuer, keys, revocations, policy string
}

// discover asks for the metadata: first between host and path, as RFC 8414 §3.1 says, then behind the path, as many expect it.
func discover(ctx context.Context, client *http.Client, issuer *url.URL, allowHTTP bool) (endpoints, error) {
	origin := url.URL{Scheme: issuer.Scheme, Host: issuer.Host}
	addresses := []string{origin.String() + wellKnown + issuer.EscapedPath(), issuer.String() + wellKnown}
	var failures []error
	for _, address := range addresses {
		found, err := readMetadata(ctx, client, address, issuer, allowHTTP)
		if err == nil {
			return found, nil
		}
		failures = append(failures, err)
	}
	return endpoints{}, fmt.Errorf("verifier: metadata of %s: %w", issuer, errors.Join(failures...))
}

func readMetadata(ctx context.Context, client *http.Client, address string, issuer *url.URL, allowHTTP bool) (endpoints, error) {
	answer, err := fetch(ctx, client, address)
	if err != nil {
		return endpoints{}, err
	}
	decoded, err := strictjson.Decode(answer.body, maxMetadataDepth)
	if err != nil {
		return endpoints{}, fmt.Errorf("GET %s: %w", address, err)
	}
	members, _ := decoded.(map[string]any)
	text := func(name string) string {
		value, _ := members[name].(string)
		return value
	}
	found := endpoints{text("issuer"), text("jwks_uri"), text("writ_revocations_uri"), text("writ_policy_uri")}
	// RFC 8414 §3.3: identical to the issuer that was asked for, else the document must not be used.
	if found.issuer != issuer.String() {
		return endpoints{}, fmt.Errorf("GET %s: the issuer of the document is %q", address, found.issuer)
	}
	return found, found.check(issuer, allowHTTP)
}

func (e endpoints) check(issuer *url.URL, allowHTTP bool) error {
	if _, err := parseAddress("jwks_uri", e.keys, allowHTTP); err != nil {
		return err
	}
	for name, text := range map[string]string{"writ_revocations_uri": e.revocations, "writ_policy_uri": e.policy} {
		if text == "" {
			continue
		}
		address, err := parseAddress(name, text, allowHTTP)
		if err != nil {
			return err
		}
		// The client's secret is sent there.
		if !sameOrigin(address, issuer) {
			return fmt.Errorf("%s is on another server than the issuer", name)
		}
	}
	return nil
}
