package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/writ-auth/writ/claims"
)

func header(typ, alg, kid string) string {
	return `{"typ":"` + typ + `","alg":"` + alg + `","kid":"` + kid + `"}`
}

// refuse checks that a token is refused for the right reason, and that nothing of it is in the error.
func refuse(t *testing.T, r *Ring, name, raw string, want error) {
	t.Helper()
	got, err := r.Verify(raw)
	if !errors.Is(err, want) || got != nil {
		t.Errorf("%s: got %q, %v; want %v", name, got, err, want)
	}
	if err != nil && len(err.Error()) > 120 {
		t.Errorf("%s: the error is long: %.200s", name, err)
	}
}

// SEC-36 SEC-37
func TestAlgorithmIsTheKeysAndNeverTheTokens(t *testing.T) {
	t.Parallel()
	r := newWorld(t).open("ES256")
	_, kid := publicOf(r)
	for _, alg := range []string{
		"none", "None", "nOnE", "NONE", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519",
		"es256", "ES256 ", "dir", "A128KW",
	} {
		unsigned := encode([]byte(header(claims.Type, alg, kid))) + "." + encode([]byte(payload)) + "."
		refuse(t, r, "unsigned "+alg, unsigned, ErrSignature)
		refuse(t, r, "signed by the key itself, "+alg, forge(t, r, header(claims.Type, alg, kid), payload), ErrSignature)
	}
	refuse(t, r, "no alg", forge(t, r, `{"typ":"at+jwt","kid":"`+kid+`"}`, payload), claims.ErrForm)
	refuse(t, r, "alg null", forge(t, r, `{"typ":"at+jwt","alg":null,"kid":"`+kid+`"}`, payload), claims.ErrForm)
}

// SEC-37: the public key as an HMAC secret, in every spelling libraries were fooled with.
func TestHMACWithThePublicKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			r := newWorld(t).open(algorithm)
			public, kid := publicOf(r)
			der, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				t.Fatal(err)
			}
			jwk, err := publicJWK(public, algorithm, kid)
			if err != nil {
				t.Fatal(err)
			}
			pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
			for name, secret := range map[string][]byte{"DER": der, "PEM": pemKey, "JWK": jwk, "kid": []byte(kid), "empty": nil} {
				for _, alg := range []string{"HS256", algorithm} {
					sign := func(input []byte, _ any) ([]byte, error) {
						mac := hmac.New(sha256.New, secret)
						mac.Write(input)
						return mac.Sum(nil), nil
					}
					refuse(t, r, name+" as "+alg, signWith(t, sign, nil, header(claims.Type, alg, kid), payload), ErrSignature)
				}
			}
		})
	}
}

// SEC-36 SEC-37: RSA keys do not change their padding.
func TestRSAPaddingsAreNotSwapped(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		own, other string
		sign       jwa.SignatureAlgorithm
	}{{"RS256", "PS256", jwa.PS256}, {"PS256", "RS256", jwa.RS256}} {
		t.Run(test.own, func(t *testing.T) {
			t.Parallel()
			r := newWorld(t).open(test.own)
			k := r.current.Load().signing[Ordinary]
			signer, err := jws.NewSigner(test.sign)
			if err != nil {
				t.Fatal(err)
			}
			for _, alg := range []string{test.own, test.other} {
				raw := signWith(t, signer.Sign, k.private, header(claims.Type, alg, k.row.KID), payload)
				refuse(t, r, "signed as "+test.other+", called "+alg, raw, ErrSignature)
			}
			refuse(t, r, "signed as "+test.own+", called "+test.other, forge(t, r, header(claims.Type, test.other, k.row.KID), payload), ErrSignature)
		})
	}
}

// SEC-37
func TestOtherKeysUnderAKnownKIDAreRefused(t *testing.T) {
	t.Parallel()
	r := newWorld(t).open("ES256")
	_, kid := publicOf(r)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, attempt := range map[string]struct {
		alg     jwa.SignatureAlgorithm
		private any
	}{"P-256": {jwa.ES256, p256}, "P-384": {jwa.ES384, p384}, "P-384 as ES256": {jwa.ES256, p384}, "P-521": {jwa.ES512, p521}, "Ed25519": {jwa.EdDSA, edwards}} {
		signer, err := jws.NewSigner(attempt.alg)
		if err != nil {
			t.Fatal(err)
		}
		for _, alg := range []string{"ES256", attempt.alg.String()} {
			refuse(t, r, name+" called "+alg, signWith(t, signer.Sign, attempt.private, header(claims.Type, alg, kid), payload), ErrSignature)
		}
	}
}

// SEC-38
func TestImpossibleECDSASignaturesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	raw := w.sign(r, Ordinary)
	input, signature := cut(t, raw)
	r32, s32 := signature[:32], signature[32:]
	n := elliptic.P256().Params().N
	zero, order, ones := make([]byte, 32), n.FillBytes(make([]byte, 32)), slices.Repeat([]byte{0xff}, 32)
	der, err := asn1Signature(r32, s32)
	if err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string][]byte{
		"none at all":      nil,
		"all zero":         slices.Concat(zero, zero),
		"r is zero":        slices.Concat(zero, s32),
		"s is zero":        slices.Concat(r32, zero),
		"r and s are n":    slices.Concat(order, order),
		"r is n":           slices.Concat(order, s32),
		"s is n":           slices.Concat(r32, order),
		"all ones":         slices.Concat(ones, ones),
		"r is all ones":    slices.Concat(ones, s32),
		"s is all ones":    slices.Concat(r32, ones),
		"swapped":          slices.Concat(s32, r32),
		"r only":           r32,
		"63 bytes":         signature[:63],
		"65 bytes":         append(slices.Clone(signature), 0),
		"zero in front":    append([]byte{0}, signature...),
		"two of them":      slices.Concat(signature, signature),
		"DER":              der,
		"high bit of r":    flip(signature, 0, 0x80),
		"low bit of r":     flip(signature, 31, 1),
		"high bit of s":    flip(signature, 32, 0x80),
		"low bit of s":     flip(signature, 63, 1),
		"r minus n, twice": slices.Concat(negative(n, r32), s32),
	} {
		refuse(t, r, name, input+"."+encode(forged), ErrSignature)
	}
}

// SEC-38
func TestImpossibleEd25519SignaturesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	input, signature := cut(t, w.sign(r, Ordinary))
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(signature[32:])
	slices.Reverse(s) // RFC 8032 §5.1.2: little-endian
	higher := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(higher)
	identity := append([]byte{1}, make([]byte, 31)...)
	for name, forged := range map[string][]byte{
		"none at all":        nil,
		"all zero":           make([]byte, 64),
		"s plus the order":   slices.Concat(signature[:32], higher),
		"high bits of s":     flip(signature, 63, 0xe0),
		"small-order point":  slices.Concat(identity, make([]byte, 32)),
		"63 bytes":           signature[:63],
		"65 bytes":           append(slices.Clone(signature), 0),
		"sign of the point":  flip(signature, 31, 0x80),
		"one bit of s":       flip(signature, 40, 1),
		"one bit of a point": flip(signature, 3, 1),
	} {
		refuse(t, r, name, input+"."+encode(forged), ErrSignature)
	}
}

// SEC-38 SEC-61b: whoever has a token can make a second string of it that verifies, without any key. Both say the same, with the
// same jti. So tokens are denied, counted and cached by jti, never by their bytes.
func TestMalleableSignatureSaysTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	raw := w.sign(r, Ordinary)
	twin := malleableTwin(t, raw)
	if twin == raw {
		t.Fatal("the twin is the token itself")
	}
	got, err := r.Verify(twin)
	if err != nil || string(got) != payload {
		t.Errorf("crypto/ecdsa takes (r, n-s) no more: %q, %v", got, err)
	}
}

func malleableTwin(t testing.TB, raw string) string {
	t.Helper()
	input, signature := cut(t, raw)
	return input + "." + encode(slices.Concat(signature[:32], negative(elliptic.P256().Params().N, signature[32:])))
}

func asn1Signature(r, s []byte) ([]byte, error) {
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
}

// negative is n-x in 32 bytes.
func negative(n *big.Int, x []byte) []byte {
	return new(big.Int).Sub(n, new(big.Int).SetBytes(x)).FillBytes(make([]byte, 32))
}

func flip(signature []byte, at int, bits byte) []byte {
	changed := slices.Clone(signature)
	changed[at] ^= bits
	return changed
}

// cut returns the signing input and the signature.
func cut(t testing.TB, raw string) (string, []byte) {
	t.Helper()
	dot := strings.LastIndex(raw, ".")
	signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	if err != nil {
		t.Fatal(err)
	}
	return raw[:dot], signature
}

// SEC-37: short RSA keys, and RSA signatures of another length.
func TestImpossibleRSASignaturesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("RS256")
	input, signature := cut(t, w.sign(r, Ordinary))
	public, _ := publicOf(r)
	n := public.(*rsa.PublicKey).N //nolint:forcetypeassert // an RSA ring
	for name, forged := range map[string][]byte{
		"none at all": nil, "all zero": make([]byte, len(signature)), "one": append(make([]byte, len(signature)-1), 1),
		"the modulus": n.Bytes(), "a byte less": signature[1:], "zero in front": append([]byte{0}, signature...),
		"one bit": flip(signature, 100, 1),
	} {
		refuse(t, r, name, input+"."+encode(forged), ErrSignature)
	}
	if rsaSize(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), minRSABits-2), E: 65537}) != 0 {
		t.Error("a short RSA key is accepted")
	}
	var other crypto.PublicKey = ed25519.PublicKey(make([]byte, 32))
	if rsaSize(other) != 0 || p256Size(other) != 0 || ed25519Size(public) != 0 {
		t.Error("an algorithm takes keys of another one")
	}
}
