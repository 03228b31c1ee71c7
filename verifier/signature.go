package verifier

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"slices"
)

// The algorithms. Ed25519 is EdDSA under the name of RFC 9864 §2.2.
const (
	es256       = "ES256"
	rs256       = "RS256"
	ps256       = "PS256"
	edDSA       = "EdDSA"
	ed25519Name = "Ed25519"
)

// Sizes of RSA keys in bits: RFC 7518 §3.3 asks for 2048 at least; a huge key would make every check slow.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// checker tells whether a signature over a text holds. Keys are prepared once, nothing about them is asked at every token.
type checker func(signed []byte, signature []byte) bool

// newChecker refuses keys that are not for this algorithm. RFC 8725 §3.1: one key, one algorithm.
func newChecker(algorithm string, public crypto.PublicKey) (checker, error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		// A point that is not on the curve is no key. RFC 7518 §3.4: ES256 is P-256.
		if _, err := key.ECDH(); err != nil {
			return nil, err
		}
		if algorithm == es256 && key.Curve == elliptic.P256() {
			return func(signed, signature []byte) bool { return checkES256(key, signed, signature) }, nil
		}
	case *rsa.PublicKey:
		bits := key.N.BitLen()
		if bits < minRSABits || bits > maxRSABits || key.E < 3 {
			return nil, errors.New("an RSA key of that size is not accepted")
		}
		switch algorithm {
		case rs256:
			return func(signed, signature []byte) bool {
				digest := sha256.Sum256(signed)
				return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
			}, nil
		case ps256:
			// RFC 7518 §3.5: the salt is as long as the hash.
			options := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return func(signed, signature []byte) bool {
				digest := sha256.Sum256(signed)
				return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &options) == nil
			}, nil
		}
	case ed25519.PublicKey:
		if algorithm == edDSA && len(key) == ed25519.PublicKeySize {
			return func(signed, signature []byte) bool {
				return len(signature) == ed25519.SignatureSize && ed25519.Verify(key, signed, signature)
			}, nil
		}
	}
	return nil, errors.New("the key is not for this algorithm")
}

// half is the length of each of the two integers of an ES256 signature.
const half = 32

func checkES256(key *ecdsa.PublicKey, signed, signature []byte) bool {
	// RFC 7518 §3.4: exactly 64 octets, both integers in full length.
	if len(signature) != 2*half {
		return false
	}
	digest := sha256.Sum256(signed)
	var buffer [2 + 2*(half+3)]byte
	der := append(buffer[:0], 0x30, 0) // SEQUENCE
	der = appendInteger(der, signature[:half])
	der = appendInteger(der, signature[half:])
	der[1] = byte(len(der) - 2) //nolint:gosec // 70 at most
	return ecdsa.VerifyASN1(key, digest[:], der)
}

// appendInteger writes a positive integer as X.690 §8.3 has it: no zeros in front but one before a high bit. Zero stays zero, and is no
// valid part of a signature.
func appendInteger(der, number []byte) []byte {
	for len(number) > 1 && number[0] == 0 {
		number = number[1:]
	}
	length := byte(len(number)) //nolint:gosec // 32 at most
	if number[0] >= 0x80 {
		return append(append(der, 0x02, length+1, 0), number...)
	}
	return append(append(der, 0x02, length), number...)
}

// canonical gives the one name of an algorithm under which keys are kept; false for what this package does not know.
func canonical(algorithm string) (string, bool) {
	if algorithm == ed25519Name {
		return edDSA, true
	}
	return algorithm, slices.Contains([]string{es256, rs256, ps256, edDSA}, algorithm)
}
