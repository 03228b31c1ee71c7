package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const asSigned = "Accept: application/token-introspection+jwt"

// signedAnswer takes a signed introspection apart; that signatures hold is for package keys to show.
func signedAnswer(t *testing.T, a *answer) (header, payload map[string]any) {
	t.Helper()
	if a.Code != 200 || a.Header().Get("Content-Type") != "application/token-introspection+jwt" {
		t.Fatalf("%d %v %s", a.Code, a.Header(), a.text)
	}
	parts := strings.Split(a.text, ".")
	for i, into := range []*map[string]any{&header, &payload} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		must(t, err)
		must(t, json.Unmarshal(text, into))
	}
	return header, payload
}

// RFC 9701.
func TestIntrospectionIsSignedOnRequest(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	token := bare(f.asDana(t))
	const shop, management = "/acme/shop/introspect", "/management/introspect"
	for _, c := range []struct {
		name, path, token, auth, issuer, audience string
		active                                    bool
	}{
		{"client", shop, token, basic(f.shopID, f.shopSecret), "/acme/shop", f.shopID, true},
		{"client's token", shop, token, f.asShop(t), "/acme/shop", f.shopID, true},
		{"owner", shop, token, basic(f.acmeID, f.acmeSecret), "/acme/shop", f.acmeID, true},
		{"admin", shop, token, f.asOlga(t), "/acme/shop", f.olga.ID.String(), true},
		{"by another name of the path", "/o/ACME/a/shop/introspect", token, f.asShop(t), "/acme/shop", f.shopID, true},
		{"management", management, token, f.asAcme(t), "/management", f.acmeID, true},
		{"management, superuser", management, token, f.asSuperuser(t), "/management", f.superuser.ID.String(), true},
		{"garbage", shop, "garbage", f.asShop(t), "/acme/shop", f.shopID, false},
		{"of another issuer", shop, bare(f.asOlga(t)), f.asShop(t), "/acme/shop", f.shopID, false},
		{"itself", shop, f.do(t, "POST", shop, "token="+token, f.asShop(t), asSigned).text, f.asShop(t), "/acme/shop", f.shopID, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			plain := f.do(t, "POST", c.path, "token="+c.token, c.auth)
			a := f.do(t, "POST", c.path, "token="+c.token, c.auth, asSigned)
			header, payload := signedAnswer(t, a)
			if header["typ"] != "token-introspection+jwt" || header["alg"] != "ES256" || header["kid"] == "" {
				t.Errorf("header %v", header)
			}
			if payload["iss"] != publicURL+c.issuer || payload["aud"] != c.audience || payload["iat"] != float64(f.clock.now().Unix()) || len(payload) != 4 {
				t.Errorf("payload %v", payload)
			}
			// Exactly what JSON says, and nothing at the top that reads like a token's claim.
			if !same(payload["token_introspection"], any(plain.body)) || plain.body["active"] != c.active {
				t.Errorf("signed %v\nplain %v", payload["token_introspection"], plain.body)
			}
			if a.Header().Get("Cache-Control") != "no-store" || a.Header().Get("Pragma") != "no-cache" {
				t.Errorf("headers %v", a.Header())
			}
			// SEC-45
			f.do(t, "GET", "/acme/shop/tokens", "", "Authorization: Bearer "+a.text).check(t, scenario{
				wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"},
			})
		})
	}
	for _, auth := range []string{"X: guest", f.asDana(t), basic(f.shopID, "x"), f.asRita(t)} { // SEC-63
		f.do(t, "POST", shop, "token="+token, auth, asSigned).check(t, scenario{
			wantStatus: 401, wantBody: map[string]any{"error": "invalid_client"}, wantHeader: map[string]string{"Content-Type": "application/json"},
		})
	}
}

func TestWhatAcceptSaysAboutIntrospection(t *testing.T) {
	t.Parallel()
	const signed = "application/token-introspection+jwt"
	for _, c := range []struct {
		accept []string
		want   bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"*/*"}, false},
		{[]string{"application/*"}, false},
		{[]string{"application/json"}, false},
		{[]string{signed}, true},
		{[]string{"Application/Token-Introspection+JWT"}, true},
		{[]string{signed + ";q=0.5"}, true},
		{[]string{signed + ";q=0"}, false},
		{[]string{signed + ";q=0.000"}, false},
		{[]string{signed + ";q=x"}, false},
		{[]string{signed + ";q=NaN"}, false},
		{[]string{signed + ";q=2"}, false},
		{[]string{signed + ", application/json"}, true},
		{[]string{"application/json, " + signed}, true},
		{[]string{"application/json", signed + ";q=0.9"}, false},
		{[]string{"application/json;q=0.8", signed + ";q=0.9"}, true},
		{[]string{signed + ";q=0.9, */*"}, false},
		{[]string{signed + ", */*;q=0.1"}, true},
		{[]string{"application/json;q=0, */*, " + signed + ";q=0.1"}, true},
		{[]string{"application/jwt"}, false},
		{[]string{";;;, " + signed}, true},
	} {
		header := http.Header{}
		for _, line := range c.accept {
			header.Add("Accept", line)
		}
		t.Run(fmt.Sprint(c.accept), func(t *testing.T) {
			t.Parallel()
			if got := prefersSigned(header, signed); got != c.want {
				t.Errorf("signed: %t", got)
			}
		})
	}
}
