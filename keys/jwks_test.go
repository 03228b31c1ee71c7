package keys

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
)

// checkJWKS holds for every ring. SEC-48.
func checkJWKS(t *testing.T, r *Ring) {
	t.Helper()
	var doc struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(r.JWKS().Body, &doc); err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{
		"EC":  {"alg", "crv", "kid", "kty", "use", "x", "y"},
		"RSA": {"alg", "e", "kid", "kty", "n", "use"},
		"OKP": {"alg", "crv", "kid", "kty", "use", "x"},
	}
	seen := map[string]bool{}
	for _, k := range doc.Keys {
		// d, p, q, dp, dq, qi, k and everything else is in none of the lists.
		if names := slices.Sorted(maps.Keys(k)); !slices.Equal(names, allowed[k["kty"]]) {
			t.Errorf("members %v", names)
		}
		if k["use"] != "sig" || !slices.Contains(r.Algorithms(), k["alg"]) {
			t.Errorf("use %s, alg %s", k["use"], k["alg"])
		}
		if seen[k["kid"]] {
			t.Errorf("kid %s twice", k["kid"])
		}
		seen[k["kid"]] = true
	}
	checkThumbprints(t, r)
	if len(doc.Keys) != len(r.current.Load().keys) {
		t.Errorf("%d keys published, %d known", len(doc.Keys), len(r.current.Load().keys))
	}
}

func checkThumbprints(t *testing.T, r *Ring) {
	t.Helper()
	set, err := jwk.Parse(r.JWKS().Body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range set.Len() {
		k, _ := set.Key(i)
		mark, err := k.Thumbprint(crypto.SHA256)
		if err != nil || encode(mark) != k.KeyID() {
			t.Errorf("kid %s is not the thumbprint %s, %v", k.KeyID(), encode(mark), err)
		}
	}
}

// SEC-48
func TestJWKSHoldsNothingOfThePrivateKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	rows := w.rows(Ordinary)
	// Whoever can write to the database cannot smuggle a member into the document either.
	smuggled := bytes.Replace(rows[0].Public, []byte(`{`), []byte(`{"d":"AQAB","k":"AQAB","note":"hello",`), 1)
	rows[0].Public = smuggled
	other := newWorld(t)
	if err := other.store.CreateFirstSigningKey(t.Context(), rows[0]); err != nil {
		t.Fatal(err)
	}
	published := string(other.open("ES256").JWKS().Body)
	for _, member := range []string{"d", "k", "note", "p", "q", "dp", "dq", "qi"} {
		if strings.Contains(published, `"`+member+`"`) {
			t.Errorf("JWKS has the member %s", member)
		}
	}
	if !strings.Contains(published, rows[0].KID) {
		t.Error("the key is not published at all")
	}
	checkJWKS(t, r)
}

// SEC-50
func TestJWKSIsStableAndItsETagFollowsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.open("EdDSA")
	before := first.JWKS()
	if len(before.ETag) < 2+sha256.Size || before.ETag[0] != '"' || before.ETag[len(before.ETag)-1] != '"' {
		t.Errorf("ETag %s", before.ETag)
	}
	again := w.open("EdDSA").JWKS()
	if !bytes.Equal(before.Body, again.Body) || before.ETag != again.ETag {
		t.Error("another document of the same keys")
	}
	if err := first.Reload(t.Context()); err != nil || first.JWKS().ETag != before.ETag {
		t.Errorf("Reload changed the document, %v", err)
	}
	if after := w.open("ES256").JWKS(); after.ETag == before.ETag || bytes.Equal(after.Body, before.Body) {
		t.Error("new keys, old document")
	}
}

// SEC-47: the name of RFC 8037 is what readers in the field know.
func TestEd25519IsAdvertisedAsEdDSA(t *testing.T) {
	t.Parallel()
	r := newWorld(t).open("EdDSA")
	if !bytes.Contains(r.JWKS().Body, []byte(`"kty":"OKP","use":"sig","alg":"EdDSA","kid":"`)) {
		t.Errorf("%s", r.JWKS().Body)
	}
	if got := r.Algorithms(); !slices.Equal(got, []string{"EdDSA"}) {
		t.Errorf("algorithms %v", got)
	}
}
