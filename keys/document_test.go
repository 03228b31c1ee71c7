package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/claims"
)

// documentTypes are those that Writ signs beside access tokens.
func documentTypes() []string {
	return []string{"writ-revocations+jwt", "writ-policy+jwt", "statuslist+jwt", "token-introspection+jwt"}
}

// SEC-45: the payload of a good access token, signed by the key of access tokens, is none under another typ.
func TestSignedDocumentIsNeverAnAccessToken(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			r := newWorld(t).open(algorithm)
			_, kid := publicOf(r)
			for _, typ := range documentTypes() {
				raw, err := r.SignAs(typ, []byte(payload))
				if err != nil {
					t.Fatal(err)
				}
				if want := encode([]byte(header(typ, algorithm, kid))); !strings.HasPrefix(raw, want+".") {
					t.Errorf("%s: header is not exactly typ, alg, kid: %s", typ, raw)
				}
				refuse(t, r, typ, raw, claims.ErrForm)
				set, err := jwk.Parse(r.JWKS().Body)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := jws.Verify([]byte(raw), jws.WithKeySet(set)); err != nil || string(got) != payload {
					t.Errorf("%s: a foreign reader of the document: %q, %v", typ, got, err)
				}
			}
		})
	}
}

// SEC-45
func TestSignAsRefusesEveryTypeThatPassesForAnAccessToken(t *testing.T) {
	t.Parallel()
	r := newWorld(t).open("EdDSA")
	for _, typ := range []string{
		"", "at+jwt", "AT+JWT", "At+jwt", "application/at+jwt", "JWT", "jwt", "+jwt", " at+jwt", "at+jwt ", "at+jwt\n", "statuslist+jwt\n",
		`x","typ":"at+jwt`, "text/plain+jwt", strings.Repeat("x", 1000),
	} {
		if raw, err := r.SignAs(typ, []byte(payload)); !errors.Is(err, ErrType) || raw != "" || len(err.Error()) > 400 {
			t.Errorf("%q: %q, %v", typ, raw, err)
		}
	}
}

func TestDocumentsMayBeLongerThanTokensUpToALimit(t *testing.T) {
	t.Parallel()
	r := newWorld(t).open("EdDSA")
	long := bytes.Repeat([]byte("x"), 6<<20-1024)
	raw, err := r.SignAs("statuslist+jwt", long)
	if err != nil || len(raw) < 7<<20 || len(raw) > MaxDocumentSize {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil || !bytes.Equal(body, long) {
		t.Errorf("the payload is another: %v", err)
	}
	if _, err := r.SignAs("statuslist+jwt", bytes.Repeat(long, 2)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("12 MiB: %v", err)
	}
}
