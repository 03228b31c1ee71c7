package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// claimsOf reads a token without checking it.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	return part(t, token, 1)
}

func part(t *testing.T, token string, index int) (object map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is not a JWT", token)
	}
	content, err := base64.RawURLEncoding.DecodeString(parts[index])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func encoded(t *testing.T, object any) string {
	t.Helper()
	content, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(content)
}

// forgeries are tokens that nobody may accept, by what is wrong with them. They come from a genuine token; the JWKS document is
// public, so forgers have it.
func forgeries(t *testing.T, token, jwks string) map[string]string {
	t.Helper()
	parts := strings.Split(token, ".")
	header, payload, signature := parts[0], parts[1], parts[2]
	promoted := claimsOf(t, token)
	promoted["roles"] = []string{"admin"}
	changed := func(name string, value any) string {
		object := part(t, token, 0)
		object[name] = value
		return encoded(t, object)
	}
	flipped := []byte(signature)
	if middle := &flipped[len(flipped)/2]; *middle == 'A' {
		*middle = 'B'
	} else {
		*middle = 'A'
	}
	unsigned := changed("alg", "none")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"changed payload":                header + "." + encoded(t, promoted) + "." + signature,
		"changed signature":              header + "." + payload + "." + string(flipped),
		"no signature":                   header + "." + payload + ".",
		"alg none":                       unsigned + "." + payload + ".",
		"alg none with a signature":      unsigned + "." + payload + "." + signature,
		"alg none, promoted":             unsigned + "." + encoded(t, promoted) + ".",
		"alg nOnE":                       changed("alg", "nOnE") + "." + payload + ".",
		"own key under the genuine kid":  signedBy(t, key, changed("alg", "ES256")+"."+encoded(t, promoted)),
		"own key inside of the token":    signedBy(t, key, withKey(t, key, part(t, token, 0))+"."+encoded(t, promoted)),
		"HS256 with the public document": signedWith(changed("alg", "HS256")+"."+encoded(t, promoted), jwks),
		"unknown kid":                    changed("kid", "bm9ib2R5") + "." + payload + "." + signature,
	}
}

// withKey is a header that brings the key it was signed with. RFC 8725 §3.10: nobody may trust it.
func withKey(t *testing.T, key *ecdsa.PrivateKey, header map[string]any) string {
	t.Helper()
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	header["alg"] = "ES256"
	header["jwk"] = map[string]string{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
	return encoded(t, header)
}

func signedBy(t *testing.T, key *ecdsa.PrivateKey, input string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func signedWith(input, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
