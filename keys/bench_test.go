package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"
)

// benchRings opens one ring per algorithm and nonce source.
func benchRings(b *testing.B, run func(b *testing.B, r *Ring)) {
	b.Helper()
	for _, variant := range []struct {
		name, algorithm string
		hedged          bool
	}{
		{"ES256", "ES256", false}, {"ES256-hedged", "ES256", true}, {"EdDSA", "EdDSA", false}, {"RS256", "RS256", false}, {"PS256", "PS256", false},
	} {
		w := newWorld(b)
		config := w.config(variant.algorithm)
		config.HedgedECDSA = variant.hedged
		r, err := Open(b.Context(), config)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(variant.name, func(b *testing.B) { run(b, r) })
	}
}

// BenchmarkSign puts each signature next to the bare operation on an input of the same length.
func BenchmarkSign(b *testing.B) {
	benchRings(b, func(b *testing.B, r *Ring) {
		b.Run("token", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Sign(Ordinary, []byte(payload)); err != nil {
					b.Fatal(err)
				}
			}
		})
		k := r.current.Load().signing[Ordinary]
		input := []byte(k.header + encode([]byte(payload)))
		b.Run("bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bareSign(k, input); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func bareSign(k *key, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		return ecdsa.SignASN1(rand.Reader, private, digest[:])
	case deterministicECDSA:
		return private.key.Sign(nil, digest[:], crypto.SHA256)
	case *rsa.PrivateKey:
		if k.row.Alg == "PS256" {
			return rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	case ed25519.PrivateKey:
		return ed25519.Sign(private, input), nil
	}
	return nil, ErrBadKey
}

// BenchmarkVerify puts the whole check of a token next to the bare check of its signature.
func BenchmarkVerify(b *testing.B) {
	benchRings(b, func(b *testing.B, r *Ring) {
		raw, err := r.Sign(Ordinary, []byte(payload))
		if err != nil {
			b.Fatal(err)
		}
		b.Run("token", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Verify(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
		k := r.current.Load().signing[Ordinary]
		input := []byte(k.header + encode([]byte(payload)))
		signature, err := bareSign(k, input)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !bareVerify(k, input, signature) {
					b.Fatal("signature does not hold")
				}
			}
		})
	})
}

func bareVerify(k *key, input, signature []byte) bool {
	digest := sha256.Sum256(input)
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, digest[:], signature)
	case *rsa.PublicKey:
		if k.row.Alg == "PS256" {
			return rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(public, input, signature)
	}
	return false
}
