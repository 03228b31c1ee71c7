package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"

	"github.com/lestrrat-go/jwx/v2/jwa"
)

// Sizes of RSA keys in bits. RFC 8725 §3.5 asks for 2048 at least; new keys match the strength of P-256.
const (
	minRSABits = 2048
	newRSABits = 3072
)

// algorithm is one signature algorithm on our allow-list. RFC 8725 §3.1: one key, one algorithm.
type algorithm struct {
	jwa      jwa.SignatureAlgorithm
	generate func() (crypto.Signer, error)
	// signatureSize is the exact length in bytes of signatures under a key; 0 if the algorithm does not use such keys.
	signatureSize func(crypto.PublicKey) int
}

func algorithmNamed(name string) (algorithm, error) {
	switch name {
	case "ES256":
		return algorithm{jwa.ES256, generateP256, p256Size}, nil
	case "RS256":
		return algorithm{jwa.RS256, generateRSA, rsaSize}, nil
	case "PS256":
		return algorithm{jwa.PS256, generateRSA, rsaSize}, nil
	case "EdDSA":
		return algorithm{jwa.EdDSA, generateEd25519, ed25519Size}, nil
	default:
		return algorithm{}, fmt.Errorf("keys: unknown signing algorithm %q (ES256, RS256, PS256, EdDSA)", name)
	}
}

func generateP256() (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func generateRSA() (crypto.Signer, error) {
	return rsa.GenerateKey(rand.Reader, newRSABits)
}

func generateEd25519() (crypto.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return private, err
}

// RFC 7518 §3.4: ES256 is P-256, and its signature is exactly 64 octets.
func p256Size(key crypto.PublicKey) int {
	if public, is := key.(*ecdsa.PublicKey); is && public.Curve == elliptic.P256() {
		return 64
	}
	return 0
}

func rsaSize(key crypto.PublicKey) int {
	if public, is := key.(*rsa.PublicKey); is && public.N.BitLen() >= minRSABits {
		return public.Size()
	}
	return 0
}

// RFC 8037 §3.1.
func ed25519Size(key crypto.PublicKey) int {
	if _, is := key.(ed25519.PublicKey); is {
		return ed25519.SignatureSize
	}
	return 0
}

// deterministicECDSA signs with the nonces of RFC 6979, whatever source of randomness the caller hands it.
type deterministicECDSA struct{ key *ecdsa.PrivateKey }

// Public implements crypto.Signer.
func (d deterministicECDSA) Public() crypto.PublicKey { return d.key.Public() }

// Sign implements crypto.Signer.
func (d deterministicECDSA) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	// crypto/ecdsa: a nil source means RFC 6979.
	return d.key.Sign(nil, digest, opts)
}
