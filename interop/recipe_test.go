package interop

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

// denials are what docs/feed.md says of a document.
type denials struct {
	Issuer   string `json:"iss"`
	Epoch    string `json:"epoch"`
	Complete bool   `json:"complete"`
	Pages    int    `json:"pages"`
	From     int64  `json:"from"`
	Seq      int64  `json:"seq"`
	Ended    bool   `json:"ended"`
	Tokens   []struct {
		ID string `json:"jti"`
	} `json:"tokens"`
	Subjects []struct {
		Subject    string `json:"sub"`
		Generation int64  `json:"gen"`
	} `json:"subjects"`
	Keys []string `json:"keys"`
}

// document fetches one of the feed's, and checks it.
func (w *world) document(t *testing.T, query string) (d denials) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), w.client)
	document := w.fetch(t, "GET", w.issuer()+"/revocations"+query, "")
	if typ := part(t, document, 0)["typ"]; typ != "writ-revocations+jwt" {
		t.Fatalf("the feed is of type %v", typ)
	}
	payload, err := oidc.NewRemoteKeySet(ctx, w.url+"/.well-known/jwks.json").VerifySignature(ctx, document)
	must(t, err)
	must(t, json.Unmarshal(payload, &d))
	if d.Issuer != w.issuer() || d.Pages > 1 {
		t.Fatalf("the feed is %s", payload)
	}
	return d
}

// recipe checks a token with go-oidc and docs/feed.md, "Checking a token". The complete list may be some seconds old: what came since is in
// the increment behind it.
func (w *world) recipe(t *testing.T, token string) error {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), w.client)
	complete := w.document(t, "")
	denied := w.document(t, fmt.Sprintf("?after=%d&epoch=%s", complete.Seq, complete.Epoch))
	if !complete.Complete || denied.Complete || denied.From > complete.Seq {
		t.Fatalf("%+v goes on with %+v", complete, denied)
	}
	denied.Tokens = append(denied.Tokens, complete.Tokens...)
	denied.Subjects = append(denied.Subjects, complete.Subjects...)
	header, claims := part(t, token, 0), claimsOf(t, token)
	kid, _ := header["kid"].(string)
	if denied.Ended || slices.Contains(denied.Keys, kid) {
		return errors.New("ended, or of a dropped key")
	}
	if _, err := w.verifier(ctx, w.issuer()).Verify(ctx, token); err != nil || header["typ"] != "at+jwt" {
		return errors.New("not good")
	}
	generation, _ := claims["gen"].(float64)
	for _, entry := range denied.Tokens {
		if entry.ID == hashed(t, claims["jti"]) {
			return errors.New("revoked")
		}
	}
	for _, entry := range denied.Subjects {
		if entry.Subject == hashed(t, claims["sub"]) && int64(generation) < entry.Generation {
			return errors.New("the subject is revoked")
		}
	}
	return nil
}

func hashed(t *testing.T, claim any) string {
	t.Helper()
	text, is := claim.(string)
	if !is {
		t.Fatalf("%v is no text", claim)
	}
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// TestOIDCRefusesRevokedTokensByTheRecipe is for resource servers that have an OpenID Connect library and docs/feed.md.
//
// SEC-61
func TestOIDCRefusesRevokedTokensByTheRecipe(t *testing.T) {
	t.Parallel()
	w, _ := mortalWorld(t)
	one, other, machine := w.userToken(t), w.userToken(t), w.clientToken(t, "/acme/shop", w.shop)
	want := func(what, token string, good bool) {
		t.Helper()
		if err := w.recipe(t, token); (err == nil) != good {
			t.Errorf("%s: %v", what, err)
		}
	}
	want("a token", one, true)
	want("another issuer's", w.adminToken(t), false)
	w.revoke(t, one, w.shop)
	want("a revoked token", one, false)
	want("another of the same user", other, true)
	w.set(t, "PUT", "/acme/shop/users/dana/revoketokens", "")
	want("all of a user", other, false)
	later := w.userToken(t)
	want("one from after that", later, true)
	want("a client's", machine, true)
	w.set(t, "DELETE", "/management/keys/"+headerOf(t, machine), "")
	want("one of a dropped key", machine, false)
	next := w.userToken(t)
	want("one of the next key", next, true)
	w.set(t, "DELETE", "/management/orgs/acme/apps/shop?confirm_application_identifier=shop", "")
	want("one of a deleted application", next, false)
}
