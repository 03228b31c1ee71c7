package keys

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/writ-auth/writ/claims"
)

func algorithms() []string { return []string{"ES256", "RS256", "PS256", "EdDSA"} }

// SEC-34 SEC-47 SEC-48: every algorithm, read by ourselves and by a foreign reader that knows our JWKS only.
func TestTokensOfEveryAlgorithmVerifyHereAndElsewhere(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := w.open(algorithm)
			for _, purpose := range []Purpose{Ordinary, NonExpiring} {
				raw := w.sign(r, purpose)
				checkHeader(t, r, purpose, raw)
				if got, err := r.Verify(raw); err != nil || string(got) != payload {
					t.Errorf("%s: own reader: %q, %v", purpose, got, err)
				}
				foreignRead(t, r, raw)
			}
			checkJWKS(t, r)
		})
	}
}

func checkHeader(t *testing.T, r *Ring, purpose Purpose, raw string) {
	t.Helper()
	token, err := claims.Split(raw)
	if err != nil {
		t.Fatal(err)
	}
	k := r.current.Load().signing[purpose]
	if want := (claims.Header{Type: claims.Type, Algorithm: k.row.Alg, KeyID: k.row.KID}); token.Header != want {
		t.Errorf("header %+v, want %+v", token.Header, want)
	}
	want := encode([]byte(`{"typ":"at+jwt","alg":"` + k.row.Alg + `","kid":"` + k.row.KID + `"}`))
	if !strings.HasPrefix(raw, want+".") {
		t.Errorf("header is not exactly typ, alg, kid: %s", raw)
	}
}

func foreignRead(t *testing.T, r *Ring, raw string) {
	t.Helper()
	set, err := jwk.Parse(r.JWKS().Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := jws.Verify([]byte(raw), jws.WithKeySet(set)); err != nil || string(got) != payload {
		t.Errorf("jws.Verify: %q, %v", got, err)
	}
	token, err := jwt.Parse([]byte(raw), jwt.WithKeySet(set))
	if err != nil || token.Subject() != "23eb7164-3ac5-4727-95d2-5341edc5fe85" {
		t.Errorf("jwt.Parse: %v, %v", token, err)
	}
}

func TestPurposesHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("EdDSA")
	signing := r.current.Load().signing
	if signing[Ordinary].row.KID == signing[NonExpiring].row.KID {
		t.Error("one key for both")
	}
	if _, err := r.Sign("feed", []byte(payload)); !errors.Is(err, ErrNoKey) {
		t.Errorf("unknown purpose: %v", err)
	}
	if _, err := r.Sign("", []byte(payload)); !errors.Is(err, ErrNoKey) {
		t.Errorf("no purpose: %v", err)
	}
}

func TestECDSAIsDeterministicUnlessHedged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deterministic := w.open("ES256")
	config := w.config("ES256")
	config.HedgedECDSA = true
	hedged, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	first, second := w.sign(deterministic, Ordinary), w.sign(deterministic, Ordinary)
	if first != second {
		t.Error("two signatures of one text with the nonces of RFC 6979")
	}
	third, fourth := w.sign(hedged, Ordinary), w.sign(hedged, Ordinary)
	if third == fourth || third == first {
		t.Error("random nonces gave the same signature twice")
	}
	for _, raw := range []string{first, third, fourth} {
		for _, r := range []*Ring{deterministic, hedged} {
			if _, err := r.Verify(raw); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTokensNobodyWouldReadAreNotSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.open("ES256")
	longest := 0
	for size := 1; size < claims.MaxTokenSize; size++ {
		text, err := json.Marshal(strings.Repeat("x", size-1))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := r.Sign(Ordinary, text)
		if err != nil {
			if !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			break
		}
		longest = len(raw)
		if size%500 == 0 || longest > claims.MaxTokenSize-4 {
			if _, err := r.Verify(raw); err != nil {
				t.Fatalf("%d bytes: %v", longest, err)
			}
		}
	}
	if longest < claims.MaxTokenSize-2 || longest > claims.MaxTokenSize {
		t.Errorf("the longest token has %d bytes", longest)
	}
}

// Allocations are stable where times are not: the bounds catch a key that is converted, or a header encoded, at every call.
func TestSignAndVerifyAllocateLittle(t *testing.T) {
	for _, test := range []struct {
		algorithm    string
		hedged       bool
		sign, verify float64
	}{{"ES256", false, 72, 45}, {"ES256", true, 86, 45}, {"EdDSA", false, 6, 22}} {
		w := newWorld(t)
		config := w.config(test.algorithm)
		config.HedgedECDSA = test.hedged
		r, err := Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		raw := w.sign(r, Ordinary)
		signs := testing.AllocsPerRun(100, func() { _, _ = r.Sign(Ordinary, []byte(payload)) })
		verifies := testing.AllocsPerRun(100, func() { _, _ = r.Verify(raw) })
		if signs > test.sign || verifies > test.verify {
			t.Errorf("%s hedged=%v: Sign %v, Verify %v allocations; want at most %v, %v",
				test.algorithm, test.hedged, signs, verifies, test.sign, test.verify)
		}
	}
}
