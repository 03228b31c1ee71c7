package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// Document is the JWKS document. Body is shared by all callers and must not be changed.
type Document struct {
	Body []byte
	// ETag is quoted, ready for the header; it changes exactly when Body does. RFC 9110 §8.8.3.
	ETag string
	// MaxAge is for how long (s) a reader may keep the document: less than CacheLife when the next key is about to be announced.
	MaxAge int
}

// published is a JWK of RFC 7517 §4 that has no place for a private member.
type published struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

func publicJWK(public crypto.PublicKey, alg, kid string) ([]byte, error) {
	// RFC 9864 names Ed25519 keys' algorithm "Ed25519"; readers in the field know "EdDSA" (RFC 8037), which is what we write.
	doc := published{Use: "sig", Algorithm: alg, KeyID: kid}
	encode := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return nil, err
		}
		// RFC 7518 §6.2.1: both coordinates have the full size of the field; the first byte marks the uncompressed form.
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		doc.Type, doc.Curve, doc.X, doc.Y = "EC", k.Params().Name, encode(x), encode(y)
	case *rsa.PublicKey:
		doc.Type, doc.N, doc.E = "RSA", encode(k.N.Bytes()), encode(big.NewInt(int64(k.E)).Bytes())
	case ed25519.PublicKey:
		doc.Type, doc.Curve, doc.X = "OKP", "Ed25519", encode(k)
	default:
		return nil, fmt.Errorf("%w: %T", ErrBadKey, public)
	}
	return json.Marshal(doc)
}

// document lists keys in the order given.
func document(keys []*key) Document {
	parts := make([][]byte, len(keys))
	for i, k := range keys {
		parts[i] = k.jwk
	}
	body := append([]byte(`{"keys":[`), bytes.Join(parts, []byte{','})...)
	body = append(body, `]}`...)
	sum := sha256.Sum256(body)
	return Document{Body: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`}
}
