package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/claims"
)

// SEC-39: the kid is looked up in memory only; the same test runs with the database gone, see
// TestReadersWorkWithoutTheDatabase.
func TestStrangeKIDsAreUnknown(t *testing.T) {
	t.Parallel()
	r := newWorld(t).open("ES256")
	_, kid := publicOf(r)
	for name, strange := range map[string]string{
		"empty": "", "another": strings.Repeat("A", 43), "prefix": kid[:42], "longer": kid + "A", "path": "../../../../etc/passwd",
		"null device": "/dev/null", "SQL": "' OR '1'='1", "SQL comment": kid + "'--", "NUL behind": kid + "\x00", "NUL": "\x00",
		"address": "https://evil.example/jwks.json", "space": kid + " ", "upper case": strings.ToUpper(kid), "template": "{{.}}",
		"shell": "$(id)", "line feed": kid + "\r\n", "4 kB": strings.Repeat("k", 4<<10), "pattern": "%", "star": "*",
	} {
		text, err := json.Marshal(map[string]string{"typ": claims.Type, "alg": "ES256", "kid": strange})
		if err != nil {
			t.Fatal(err)
		}
		refuse(t, r, name, forge(t, r, string(text), payload), ErrUnknownKey)
	}
	refuse(t, r, "10 kB", forge(t, r, header(claims.Type, "ES256", strings.Repeat("k", 10<<10)), payload), claims.ErrForm)
	for name, text := range map[string]string{
		"twice":           `{"typ":"at+jwt","alg":"ES256","kid":"` + kid + `","kid":"` + kid + `"}`,
		"twice, escaped":  `{"typ":"at+jwt","alg":"ES256","kid":"` + kid + `","k\u0069d":"x"}`,
		"in other case":   `{"typ":"at+jwt","alg":"ES256","kid":"` + kid + `","KID":"x"}`,
		"missing":         `{"typ":"at+jwt","alg":"ES256"}`,
		"number":          `{"typ":"at+jwt","alg":"ES256","kid":7}`,
		"list":            `{"typ":"at+jwt","alg":"ES256","kid":["` + kid + `"]}`,
		"raw NUL":         "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"\x00\"}",
		"quote unescaped": `{"typ":"at+jwt","alg":"ES256","kid":"""}`,
	} {
		refuse(t, r, name, forge(t, r, text, payload), claims.ErrForm)
	}
}

// SEC-34: a key that comes with the token is never used, whichever header member carries it.
func TestKeysInTheHeaderAreNotUsed(t *testing.T) {
	t.Parallel()
	r := newWorld(t).open("ES256")
	_, known := publicOf(r)
	evil, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := thumbprint(evil.Public())
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := publicJWK(evil.Public(), "ES256", foreign)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jws.NewSigner(jwa.ES256)
	if err != nil {
		t.Fatal(err)
	}
	for name, member := range map[string]string{
		"jwk": `"jwk":` + string(embedded), "jku": `"jku":"https://evil.example/jwks.json"`, "x5u": `"x5u":"https://evil.example/c.pem"`,
		"x5c": `"x5c":["MIIB"]`, "x5t": `"x5t":"AAAA"`, "x5t#S256": `"x5t#S256":"AAAA"`, "jku with a file": `"jku":"file:///etc/passwd"`,
	} {
		for kid, want := range map[string]error{known: ErrSignature, foreign: ErrUnknownKey} {
			text := strings.TrimSuffix(header(claims.Type, "ES256", kid), "}") + "," + member + "}"
			refuse(t, r, name, signWith(t, signer.Sign, evil, text, payload), want)
		}
	}
	noKID := `{"typ":"at+jwt","alg":"ES256","jwk":` + string(embedded) + `}`
	refuse(t, r, "jwk without kid", signWith(t, signer.Sign, evil, noKID, payload), claims.ErrForm)
	if _, err := jwk.ParseKey(embedded); err != nil {
		t.Fatalf("the attack is not what it should be: %v", err)
	}
}

// SEC-45: everything else that the same keys may sign one day carries another typ.
func TestOtherKindsOfTokenAreNoAccessTokens(t *testing.T) {
	t.Parallel()
	r := newWorld(t).open("ES256")
	_, kid := publicOf(r)
	for _, typ := range []string{
		"JWT", "jwt", "", "AT+JWT", "At+Jwt", "at+jwt ", "application/at+jwt", "id_token", "logout+jwt", "secevent+jwt", "statuslist+jwt",
		"refresh+jwt", "dpop+jwt", "token-introspection+jwt", "at+jwt\x00", "at+JWT",
	} {
		text, err := json.Marshal(map[string]string{"typ": typ, "alg": "ES256", "kid": kid})
		if err != nil {
			t.Fatal(err)
		}
		refuse(t, r, "typ "+typ, forge(t, r, string(text), payload), claims.ErrForm)
	}
	refuse(t, r, "no typ", forge(t, r, `{"alg":"ES256","kid":"`+kid+`"}`, payload), claims.ErrForm)
	refuse(t, r, "typ null", forge(t, r, `{"typ":null,"alg":"ES256","kid":"`+kid+`"}`, payload), claims.ErrForm)
	if got, err := r.Verify(forge(t, r, header("at+jwt", "ES256", kid), payload)); err != nil || string(got) != payload {
		t.Errorf("the forger does not forge: %v", err)
	}
}

// SEC-40 SEC-41
func TestOtherSpellingsOfATokenAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	raw := w.sign(r, Ordinary)
	_, kid := publicOf(r)
	parts := strings.Split(raw, ".")
	// 64 bytes leave 4 spare bits in the last of 86 characters.
	spare := raw[:len(raw)-1] + string(rune(raw[len(raw)-1]+1))
	for name, other := range map[string]string{
		"empty": "", "dot": ".", "two dots": "..", "two parts": parts[0] + "." + parts[1], "four parts": raw + ".AAAA",
		"five parts": raw + ".AAAA.AAAA", "padding": raw + "==", "line feed behind": raw + "\n", "line feed inside": raw[:20] + "\n" + raw[20:],
		"carriage return inside": raw[:20] + "\r\n" + raw[20:], "space": " " + raw, "spare bits": spare,
		"standard alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(parts[0]+"."+parts[1]) + ".++//" + parts[2],
		"oversize":          raw + strings.Repeat("A", claims.MaxTokenSize), "NUL behind": raw + "\x00",
		"flattened JSON": `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"general JSON":   `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"crit":           forge(t, r, `{"typ":"at+jwt","alg":"ES256","kid":"`+kid+`","crit":["exp"],"exp":1}`, payload),
		"b64":            forge(t, r, `{"typ":"at+jwt","alg":"ES256","kid":"`+kid+`","b64":false,"crit":["b64"]}`, payload),
		"alg twice":      forge(t, r, `{"typ":"at+jwt","alg":"none","alg":"ES256","kid":"`+kid+`"}`, payload),
	} {
		refuse(t, r, name, other, claims.ErrForm)
	}
}

// FuzzVerify changes a token of a fixed key. Whatever verifies is the token, or its malleable twin, and says the same.
func FuzzVerify(f *testing.F) {
	scalar := slices.Repeat([]byte{0x11}, 32)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		f.Fatal(err)
	}
	sealer := newSealer(f, 1)
	row, err := seal(sealer, private, "ES256", Ordinary, StateSigning, time.UnixMilli(start))
	if err != nil {
		f.Fatal(err)
	}
	k, err := load(sealer, row, false)
	if err != nil {
		f.Fatal(err)
	}
	r := &Ring{}
	r.current.Store(newSnapshot([]*key{k}, "ES256"))
	raw, err := r.Sign(Ordinary, []byte(payload))
	if err != nil {
		f.Fatal(err)
	}
	twin := malleableTwin(f, raw)
	for _, seed := range []string{
		raw, twin, "", "..", strings.ToUpper(raw), raw + ".", encode([]byte(header(claims.Type, "none", row.KID))) + "." + encode([]byte(payload)) + ".",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, other string) {
		got, err := r.Verify(other)
		if err == nil && (string(got) != payload || other != raw && other != twin) {
			t.Fatalf("%q verifies as %q", other, got)
		}
		if err != nil && !errors.Is(err, claims.ErrForm) && !errors.Is(err, ErrUnknownKey) && !errors.Is(err, ErrSignature) {
			t.Fatalf("error of another kind: %v", err)
		}
	})
}

// Operators type kids, in a hurry when a key was stolen.
func TestNoKIDLooksLikeAFlag(t *testing.T) {
	t.Parallel()
	for range 400 { // without care one in 64
		row, err := generate(newSealer(t, 1), "EdDSA", Ordinary, StateSigning, time.Unix(1, 0))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(row.KID, "-") {
			t.Fatal(row.KID)
		}
	}
}
