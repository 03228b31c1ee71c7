package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

// dana is a user as the wire contract's example has her.
func danaToken(server *verifytest.Server) string {
	dana := verifytest.User("dana", "clerk", "default")
	dana.Groups = []string{"staff/north"}
	return server.Issue(dana)
}

func forAlgorithms(b *testing.B, bench func(b *testing.B, server *verifytest.Server)) {
	b.Helper()
	for _, algorithm := range []string{"ES256", "EdDSA", "RS256", "PS256"} {
		b.Run(algorithm, func(b *testing.B) {
			server := verifytest.New(b, verifytest.Algorithm(algorithm))
			bench(b, server)
		})
	}
}

// BenchmarkBareSignature is what nobody can go below: the signature check of the standard library over the same token.
func BenchmarkBareSignature(b *testing.B) {
	forAlgorithms(b, func(b *testing.B, server *verifytest.Server) {
		raw := danaToken(server)
		cut := strings.LastIndexByte(raw, '.')
		signature, err := base64.RawURLEncoding.DecodeString(raw[cut+1:])
		if err != nil {
			b.Fatal(err)
		}
		check := bareCheck(server.Key().Public(), strings.HasPrefix(b.Name(), "BenchmarkBareSignature/PS"))
		b.ReportAllocs()
		for b.Loop() {
			if !check([]byte(raw[:cut]), signature) {
				b.Fatal("the signature does not hold")
			}
		}
	})
}

func bareCheck(public crypto.PublicKey, pss bool) func(signed, signature []byte) bool {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return func(signed, signature []byte) bool {
			digest := sha256.Sum256(signed)
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			return ecdsa.Verify(key, digest[:], r, s)
		}
	case ed25519.PublicKey:
		return func(signed, signature []byte) bool { return ed25519.Verify(key, signed, signature) }
	case *rsa.PublicKey:
		return func(signed, signature []byte) bool {
			digest := sha256.Sum256(signed)
			if pss {
				return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil) == nil
			}
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
		}
	}
	return nil
}

func BenchmarkVerifyFirstSight(b *testing.B) {
	forAlgorithms(b, func(b *testing.B, server *verifytest.Server) {
		v := server.Verifier(func(c *verifier.Config) { c.CacheSize = -1 })
		raw := danaToken(server)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(b.Context(), raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFirstSightOverBare takes turns with the bare check, so that a busy machine slows both, and reports the ratio of the medians.
func BenchmarkFirstSightOverBare(b *testing.B) {
	forAlgorithms(b, func(b *testing.B, server *verifytest.Server) {
		v := server.Verifier(func(c *verifier.Config) { c.CacheSize = -1 })
		raw := danaToken(server)
		cut := strings.LastIndexByte(raw, '.')
		signature, err := base64.RawURLEncoding.DecodeString(raw[cut+1:])
		if err != nil {
			b.Fatal(err)
		}
		check := bareCheck(server.Key().Public(), strings.HasSuffix(b.Name(), "PS256"))
		var whole, bare []time.Duration
		for b.Loop() {
			start := time.Now()
			if !check([]byte(raw[:cut]), signature) {
				b.Fatal("the signature does not hold")
			}
			between := time.Now()
			if _, err := v.Verify(b.Context(), raw); err != nil {
				b.Fatal(err)
			}
			bare, whole = append(bare, between.Sub(start)), append(whole, time.Since(between))
		}
		slices.Sort(bare)
		slices.Sort(whole)
		middle := len(bare) / 2
		b.ReportMetric(float64(whole[middle])/float64(bare[middle]), "x-bare")
		b.ReportMetric(float64(bare[middle].Nanoseconds()), "ns-bare")
	})
}

func BenchmarkVerifyRepeated(b *testing.B) {
	server := verifytest.New(b)
	v := server.Verifier()
	raw := danaToken(server)
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(b.Context(), raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := v.Verify(b.Context(), raw); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// Times are not asserted, allocations are.
func TestARepeatedTokenAllocatesNothing(t *testing.T) {
	server := verifytest.New(t)
	v := server.Verifier()
	raw := danaToken(server)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := v.Verify(ctx, raw); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
