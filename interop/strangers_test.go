package interop

import (
	"crypto/elliptic"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// strangers are genuine tokens of the same server that are for somebody else.
func (w *world) strangers(t *testing.T) map[string]string {
	t.Helper()
	w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"depot"}`)
	w.set(t, "POST", "/management/orgs", `{"organization":"globex","username":"hank","email":"hank@example.com","name":"Hank","password":"`+adminPassword+`"}`)
	w.set(t, "POST", "/management/orgs/globex/apps", `{"name":"shop"}`)
	w.set(t, "POST", "/globex/shop/users", `{"username":"dana","email":"dana@example.com","name":"Dana","password":"`+userPassword+`"}`)
	return map[string]string{
		"another application":              w.clientToken(t, "/acme/depot", w.credentials(t, "/management/orgs/acme/apps/depot/credentials")),
		"another organization":             w.clientToken(t, "/management", w.credentials(t, "/management/orgs/globex/credentials")),
		"an admin of another organization": w.login(t, "/management", "hank", adminPassword),
		"another's user of the same name":  w.login(t, "/globex/shop", "dana", userPassword),
	}
}

// documents are what the issuer signs with the same keys, and what else could be mistaken for a token.
func (w *world) documents(t *testing.T) map[string]string {
	t.Helper()
	w.set(t, "PUT", "/acme/shop", `{"refreshtokens":true}`)
	_, login := w.do(t, "POST", "/acme/shop/token", url.Values{
		"grant_type": {"password"}, "username": {"dana"}, "password": {userPassword}, "client_id": {w.shop.ID}, "client_secret": {w.shop.Secret},
	}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	w.set(t, "PUT", "/acme/shop", `{"refreshtokens":false}`)
	list := text(claimsOf(t, w.clientToken(t, "/acme/shop", w.shop, "ttl", "0")), "status", "status_list", "uri")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(w.shop.ID)+":"+url.QueryEscape(w.shop.Secret)))
	documents := map[string]string{
		"a refresh token":        text(login, "refresh_token"),
		"the feed":               w.fetch(t, "GET", w.issuer()+"/revocations", ""),
		"the policy":             w.fetch(t, "GET", w.issuer()+"/policy", "", "Authorization", basic),
		"a status list":          w.fetch(t, "GET", list, ""),
		"a signed introspection": w.fetch(t, "POST", w.issuer()+"/introspect", "token="+text(login, "access_token"), "Authorization", basic, "Content-Type", "application/x-www-form-urlencoded", "Accept", "application/token-introspection+jwt"),
		"a client's secret":      w.shop.Secret,
		"the feed of management": w.fetch(t, "GET", w.managementIssuer()+"/revocations", ""),
	}
	for name, document := range documents {
		if document == "" {
			t.Fatalf("%s is empty", name)
		}
	}
	return documents
}

// fetch gives the body of an answer that is 200.
func (w *world) fetch(t *testing.T, method, address, body string, header ...string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := w.client.Do(request)
	must(t, err)
	defer response.Body.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, address, response.StatusCode, content)
	}
	return string(content)
}

// withoutKid takes the name of the key out of a token's header.
func withoutKid(t *testing.T, token string) string {
	t.Helper()
	header := part(t, token, 0)
	delete(header, "kid")
	_, rest, _ := strings.Cut(token, ".")
	return encoded(t, header) + "." + rest
}

// spellings are other texts of the same token, which also verify somewhere: the second signature that ECDSA has for each (r, n-s), and
// base64url with other unused bits at its end.
func spellings(t *testing.T, token string) map[string]string {
	t.Helper()
	end := strings.LastIndex(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	must(t, err)
	if len(signature) != 64 {
		t.Fatalf("a signature of %d bytes is not ES256", len(signature))
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return map[string]string{
		"the second signature": token[:end+1] + base64.RawURLEncoding.EncodeToString(signature),
		"other unused bits":    token[:len(token)-1] + string(alphabet[last^1]),
		"padding":              token + "==",
	}
}
