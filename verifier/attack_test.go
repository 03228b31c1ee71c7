package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

var encode = base64.RawURLEncoding.EncodeToString

func decode(t *testing.T, part string) []byte {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// scene is a verifier that has accepted a token, so that each forgery of it meets a cache that has the original.
type scene struct {
	server *verifytest.Server
	v      *verifier.Verifier
	raw    string
	parts  []string // of raw
	header string   // of raw
	claims string   // of raw
}

func newScene(t *testing.T, algorithm string, changes ...func(*verifier.Config)) *scene {
	t.Helper()
	server := verifytest.New(t, verifytest.Algorithm(algorithm))
	s := &scene{server: server, v: server.Verifier(changes...)}
	s.raw = server.Issue(verifytest.User("dana", "clerk"))
	s.parts = strings.Split(s.raw, ".")
	s.header, s.claims = string(decode(t, s.parts[0])), string(decode(t, s.parts[1]))
	accepted(t, s.v, s.raw)
	return s
}

// attacked demands that every forgery is refused for its reason, that it stays refused, and that the original is still good.
func (s *scene) attacked(t *testing.T, forgeries map[string]forgery) {
	t.Helper()
	for name, f := range forgeries {
		t.Run(name, func(t *testing.T) {
			if f.raw == s.raw {
				t.Fatal("this is the token itself")
			}
			for range 3 {
				refused(t, s.v, f.raw, f.want)
			}
			accepted(t, s.v, s.raw)
		})
	}
}

type forgery struct {
	raw  string
	want error
}

// signed makes a token of a header with the real key.
func (s *scene) signed(header string) string { return s.server.Sign(header, []byte(s.claims)) }

// claiming makes a token with the real key whose claims were changed.
func (s *scene) claiming(t *testing.T, change func(c map[string]any)) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(s.claims), &members); err != nil {
		t.Fatal(err)
	}
	change(members)
	for name, value := range members {
		if number, is := value.(float64); is {
			members[name] = int64(number)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return s.server.Sign(s.header, text)
}

func (s *scene) headerWith(members string) string {
	return strings.TrimSuffix(s.header, "}") + "," + members + "}"
}

// SEC-34: keys and addresses of keys in a header are never used, extensions refused.
func TestKeysInTheHeaderAreNotUsed(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ES256")
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := own.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	jwk := fmt.Sprintf(`"jwk":{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, encode(point[1:33]), encode(point[33:]))
	fetches := s.server.KeyFetches()
	s.attacked(t, map[string]forgery{
		"jwk":           {forge(t, own, s.headerWith(jwk), s.claims), verifier.ErrSignature},
		"jku":           {forge(t, own, s.headerWith(`"jku":"`+s.server.Issuer()+`/keys"`), s.claims), verifier.ErrSignature},
		"x5u":           {forge(t, own, s.headerWith(`"x5u":"https://evil.example/"`), s.claims), verifier.ErrSignature},
		"x5c":           {forge(t, own, s.headerWith(`"x5c":["AAAA"]`), s.claims), verifier.ErrSignature},
		"crit":          {s.signed(s.headerWith(`"crit":["exp"]`)), verifier.ErrMalformed},
		"crit, empty":   {s.signed(s.headerWith(`"crit":[]`)), verifier.ErrMalformed},
		"b64":           {s.signed(s.headerWith(`"b64":false`)), verifier.ErrMalformed},
		"without typ":   {s.signed(strings.Replace(s.header, `"typ":"at+jwt",`, "", 1)), verifier.ErrMalformed},
		"without alg":   {s.signed(strings.Replace(s.header, `"alg":"ES256",`, "", 1)), verifier.ErrMalformed},
		"without kid":   {s.signed(`{"typ":"at+jwt","alg":"ES256"}`), verifier.ErrMalformed},
		"another key":   {forge(t, own, s.header, s.claims), verifier.ErrSignature},
		"no signature":  {s.parts[0] + "." + s.parts[1] + ".", verifier.ErrSignature},
		"other payload": {s.parts[0] + "." + encode([]byte(strings.Replace(s.claims, "clerk", "admin", 1))) + "." + s.parts[2], verifier.ErrSignature},
	})
	if s.server.KeyFetches() != fetches {
		t.Error("keys were fetched")
	}
}

// forge signs with somebody's own key.
func forge(t *testing.T, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	r.FillBytes(signature[:size])
	s.FillBytes(signature[size:])
	return text + "." + encode(signature)
}

// SEC-35: every required claim is demanded, and exp of all but non-expiring tokens.
func TestRequiredClaimsAreDemanded(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ES256", func(c *verifier.Config) { c.RefuseNonExpiring = true })
	forgeries := map[string]forgery{}
	for name, want := range map[string]error{
		"iss": verifier.ErrIssuer, "aud": verifier.ErrAudience, "sub": verifier.ErrMalformed, "client_id": verifier.ErrMalformed,
		"iat": verifier.ErrMalformed, "jti": verifier.ErrMalformed, "level": verifier.ErrMalformed, "gen": verifier.ErrMalformed,
		"exp": verifier.ErrNonExpiring,
	} {
		forgeries["without "+name] = forgery{s.claiming(t, func(c map[string]any) { delete(c, name) }), want}
	}
	for name, value := range map[string]any{"sub": "", "jti": "", "client_id": "", "level": "", "iat": 0, "gen": 0} {
		forgeries["empty "+name] = forgery{s.claiming(t, func(c map[string]any) { c[name] = value }), verifier.ErrMalformed}
	}
	forgeries["exp in the year 9999"] = forgery{s.claiming(t, func(c map[string]any) { c["exp"] = claims.FarFuture }), verifier.ErrNonExpiring}
	forgeries["exp behind it"] = forgery{s.claiming(t, func(c map[string]any) { c["exp"] = claims.FarFuture + 1 }), verifier.ErrMalformed}
	s.attacked(t, forgeries)
}

// SEC-36 SEC-37: the algorithm is the key's; none, HMAC with the public key and every swap are refused.
func TestAlgorithmsAreNotNegotiable(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ES256", "RS256", "PS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, algorithm)
			forgeries := map[string]forgery{}
			for _, name := range []string{
				"none", "None", "nOnE", "NONE", "", "HS256", "HS384", "HS512", "ES256", "ES384", "ES512", "ES256K", "RS256", "RS384", "RS512",
				"PS256", "PS384", "EdDSA", "es256", "rs256", "Ed448", "ES256 ", "ES256\\u0000", "ESP256", "dir",
			} {
				if name == algorithm {
					continue
				}
				header := strings.Replace(s.header, `"alg":"`+algorithm+`"`, `"alg":"`+name+`"`, 1)
				text := encode([]byte(header)) + "." + s.parts[1]
				forgeries[name+" without signature"] = forgery{text + ".", verifier.ErrAlgorithm}
				forgeries[name+" with the real signature"] = forgery{text + "." + s.parts[2], verifier.ErrAlgorithm}
				forgeries[name+" signed by the key"] = forgery{s.server.Sign(header, []byte(s.claims)), verifier.ErrAlgorithm}
				for form, secret := range publicForms(t, s.server.Key().Public()) {
					mac := hmac.New(sha256.New, secret)
					mac.Write([]byte(text))
					forgeries[name+" with the public key as secret, "+form] = forgery{text + "." + encode(mac.Sum(nil)), verifier.ErrAlgorithm}
				}
			}
			s.attacked(t, forgeries)
		})
	}
}

// publicForms are the texts of a public key that a careless reader would take for a secret.
func publicForms(t *testing.T, public crypto.PublicKey) map[string][]byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "empty": {}}
}

// SEC-36 SEC-37: padding of RSA is not swapped, not even when the token admits to it.
func TestPaddingsOfRSAAreNotSwapped(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"RS256", "PS256"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, algorithm)
			key, is := s.server.Key().(*rsa.PrivateKey)
			if !is {
				t.Fatal("not RSA")
			}
			text := s.parts[0] + "." + s.parts[1]
			digest := sha256.Sum256([]byte(text))
			simple, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
			if err != nil {
				t.Fatal(err)
			}
			probabilistic, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			if err != nil {
				t.Fatal(err)
			}
			short, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 8})
			if err != nil {
				t.Fatal(err)
			}
			wrong := map[string][]byte{"RS256": probabilistic, "PS256": simple}[algorithm]
			s.attacked(t, map[string]forgery{
				"other padding":       {text + "." + encode(wrong), verifier.ErrSignature},
				"short salt":          {text + "." + encode(short), verifier.ErrSignature},
				"zero in front":       {text + "." + encode(append([]byte{0}, decode(t, s.parts[2])...)), verifier.ErrSignature},
				"one byte less":       {text + "." + encode(decode(t, s.parts[2])[1:]), verifier.ErrSignature},
				"zeros":               {text + "." + encode(make([]byte, 256)), verifier.ErrSignature},
				"one":                 {text + "." + encode(append(make([]byte, 255), 1)), verifier.ErrSignature},
				"the modulus":         {text + "." + encode(key.N.Bytes()), verifier.ErrSignature},
				"s plus the modulus":  {text + "." + encode(new(big.Int).Add(key.N, new(big.Int).SetBytes(decode(t, s.parts[2]))).Bytes()), verifier.ErrSignature},
				"without a signature": {text + ".", verifier.ErrSignature},
			})
		})
	}
}

// SEC-38: psychic signatures, other encodings and lengths.
func TestSignaturesOfES256AreExact(t *testing.T) {
	t.Parallel()
	s := newScene(t, "ES256")
	order := elliptic.P256().Params().N
	good := decode(t, s.parts[2])
	r, low := new(big.Int).SetBytes(good[:32]), new(big.Int).SetBytes(good[32:])
	pair := func(r, s *big.Int) string {
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return encode(signature)
	}
	zero, one := new(big.Int), big.NewInt(1)
	limit := new(big.Int).Sub(new(big.Int).Lsh(one, 256), one)
	der := append([]byte{0x30, 68, 2, 32}, good[:32]...)
	der = append(append(der, 2, 32), good[32:]...)
	forgeries := map[string]forgery{}
	for name, signature := range map[string]string{
		"all zero": pair(zero, zero), "r is zero": pair(zero, low), "s is zero": pair(r, zero), "ones": pair(one, one),
		"r is the order": pair(order, low), "s is the order": pair(r, order), "all bits": pair(limit, limit), "s has all bits": pair(r, limit),
		"swapped": pair(low, r), "DER": encode(der), "63 bytes": encode(good[:63]), "65 bytes": encode(append([]byte{0}, good...)),
		"zero behind": encode(append(append([]byte{}, good...), 0)), "96 bytes, as of P-384": encode(append(make([]byte, 32), good...)),
		"half": encode(good[:32]), "twice": encode(append(append([]byte{}, good...), good...)), "empty": "",
	} {
		forgeries[name] = forgery{s.parts[0] + "." + s.parts[1] + "." + signature, verifier.ErrSignature}
	}
	s.attacked(t, forgeries)
}

// SEC-38
func TestSignaturesOfEd25519AreCanonical(t *testing.T) {
	t.Parallel()
	s := newScene(t, "EdDSA")
	good := decode(t, s.parts[2])
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	scalar := append([]byte{}, good[32:]...)
	reverse(scalar)
	shifted := new(big.Int).Add(new(big.Int).SetBytes(scalar), order).FillBytes(make([]byte, 32))
	reverse(shifted)
	high := append([]byte{}, good...)
	high[63] |= 0x80
	forgeries := map[string]forgery{}
	for name, signature := range map[string][]byte{
		"S plus the order": append(append([]byte{}, good[:32]...), shifted...), "high bit": high, "zeros": make([]byte, 64), "short": good[:63],
		"long": append(append([]byte{}, good...), 0), "R is the neutral point": append(append([]byte{1}, make([]byte, 31)...), good[32:]...),
	} {
		forgeries[name] = forgery{s.parts[0] + "." + s.parts[1] + "." + encode(signature), verifier.ErrSignature}
	}
	s.attacked(t, forgeries)
}

func reverse(bytes []byte) {
	for i, j := 0, len(bytes)-1; i < j; i, j = i+1, j-1 {
		bytes[i], bytes[j] = bytes[j], bytes[i]
	}
}

// SEC-47: Ed25519 is EdDSA's new name for the same key, and no other key's.
func TestEd25519IsAnotherNameOfEdDSA(t *testing.T) {
	t.Parallel()
	s := newScene(t, "EdDSA")
	accepted(t, s.v, s.signed(strings.Replace(s.header, `"EdDSA"`, `"Ed25519"`, 1)))
	ec := newScene(t, "ES256")
	refused(t, ec.v, ec.signed(strings.Replace(ec.header, `"ES256"`, `"Ed25519"`, 1)), verifier.ErrAlgorithm)
}

// SEC-39: a kid is text to be compared, whatever it looks like, and costs nothing but rare fetches.
func TestKidsAreOnlyCompared(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := newScene(t, "ES256", func(c *verifier.Config) { c.Now = now.now })
	now.advance(time.Minute)
	fetches := s.server.KeyFetches()
	forgeries := map[string]forgery{}
	for name, kid := range map[string]string{
		"empty": "", "unknown": "unknown", "path": "../../../../etc/passwd", "device": "/dev/null", "SQL": "' OR '1'='1", "NUL": `\u0000`,
		"real and NUL": s.server.KeyID() + `\u0000`, "URL": "https://evil.example/key", "long": strings.Repeat("k", 1000), "space": " " + s.server.KeyID(),
		"other case": strings.ToUpper(s.server.KeyID()), "line": `\n`,
	} {
		forgeries[name] = forgery{s.signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":"%s"}`, kid)), verifier.ErrUnknownKey}
	}
	forgeries["10 kB"] = forgery{s.signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":"%s"}`, strings.Repeat("k", 10_000))), verifier.ErrMalformed}
	forgeries["twice"] = forgery{s.signed(s.headerWith(`"kid":"` + s.server.KeyID() + `"`)), verifier.ErrMalformed}
	forgeries["number"] = forgery{s.signed(`{"typ":"at+jwt","alg":"ES256","kid":1}`), verifier.ErrMalformed}
	s.attacked(t, forgeries)
	if n := s.server.KeyFetches() - fetches; n != 1 {
		t.Errorf("%d fetches of the key set", n)
	}
}
