package verifier

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func enc(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

func ecJWK(t *testing.T, curve elliptic.Curve, name, kid, alg string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	half := 1 + len(point)/2
	return fmt.Sprintf(`{"kty":"EC","use":"sig","alg":%q,"kid":%q,"crv":%q,"x":%q,"y":%q}`, alg, kid, name, enc(point[1:half]), enc(point[half:]))
}

func rsaJWK(t *testing.T, bits int, kid, alg string) string {
	t.Helper()
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	if bits == minRSABits {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		modulus = key.N
	}
	return fmt.Sprintf(`{"kty":"RSA","use":"sig","alg":%q,"kid":%q,"n":%q,"e":"AQAB"}`, alg, kid, enc(modulus.Bytes()))
}

func set(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

var everyAlgorithm = []string{es256, rs256, ps256, edDSA}

// SEC-36 SEC-37 SEC-39 SEC-48 SEC-54: what is in a key set is used for exactly what it is good for, or not at all.
func TestKeysThatAreNotUsed(t *testing.T) {
	t.Parallel()
	good := ecJWK(t, elliptic.P256(), "P-256", "good", es256)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards := fmt.Sprintf(`{"kty":"OKP","use":"sig","alg":"Ed25519","kid":"ed","crv":"Ed25519","x":%q}`, enc(public))
	for name, test := range map[string]struct {
		body []byte
		want []string // kids
	}{
		"P-384 as ES256":       {set(good, ecJWK(t, elliptic.P384(), "P-384", "bad", es256)), []string{"good"}},
		"P-384":                {set(good, ecJWK(t, elliptic.P384(), "P-384", "bad", "ES384")), []string{"good"}},
		"P-256 as RS256":       {set(good, ecJWK(t, elliptic.P256(), "P-256", "bad", rs256)), []string{"good"}},
		"P-256 as HS256":       {set(good, ecJWK(t, elliptic.P256(), "P-256", "bad", "HS256")), []string{"good"}},
		"P-256 as none":        {set(good, ecJWK(t, elliptic.P256(), "P-256", "bad", "none")), []string{"good"}},
		"RSA of 1024 bits":     {set(good, rsaJWK(t, 1024, "bad", rs256)), []string{"good"}},
		"RSA of 16384 bits":    {set(good, rsaJWK(t, 16384, "bad", rs256)), []string{"good"}},
		"RSA of 2048 bits":     {set(good, rsaJWK(t, 2048, "rsa", ps256)), []string{"good", "rsa"}},
		"Ed25519 by its name":  {set(edwards), []string{"ed"}},
		"secret":               {set(good, `{"kty":"oct","alg":"HS256","kid":"bad","k":"AAAA"}`), []string{"good"}},
		"secret as ES256":      {set(good, `{"kty":"oct","alg":"ES256","kid":"bad","k":"AAAA"}`), []string{"good"}},
		"without alg":          {set(good, strings.Replace(ecJWK(t, elliptic.P256(), "P-256", "bad", es256), `"alg":"ES256",`, "", 1)), []string{"good"}},
		"without kid":          {set(good, strings.Replace(ecJWK(t, elliptic.P256(), "P-256", "bad", es256), `"kid":"bad",`, "", 1)), []string{"good"}},
		"for encryption":       {set(good, strings.Replace(ecJWK(t, elliptic.P256(), "P-256", "bad", es256), `"sig"`, `"enc"`, 1)), []string{"good"}},
		"of another kind":      {set(good, `{"kty":"AKP","alg":"ML-DSA-44","kid":"bad","pub":"AAAA"}`), []string{"good"}},
		"not a key":            {set(good, `1`), []string{"good"}},
		"a kid twice":          {set(good, ecJWK(t, elliptic.P256(), "P-256", "b", es256), ecJWK(t, elliptic.P256(), "P-256", "b", es256)), []string{"good"}},
		"point off the curve":  {set(good, strings.Replace(ecJWK(t, elliptic.P256(), "P-256", "bad", es256), `"x":"`, `"x":"_____`, 1)), []string{"good"}},
		"point at zero":        {set(good, `{"kty":"EC","alg":"ES256","kid":"bad","crv":"P-256","x":"AA","y":"AA"}`), []string{"good"}},
		"private":              {set(good, strings.Replace(ecJWK(t, elliptic.P256(), "P-256", "bad", es256), `"x"`, `"d":"AQ","x"`, 1)), []string{"good"}},
		"empty":                {set(), nil},
		"none of use":          {set(`{"kty":"oct","alg":"HS256","kid":"bad","k":"AAAA"}`), nil},
		"no set":               {[]byte(`{}`), nil},
		"set in capitals":      {[]byte(`{"KEYS":[` + good + `]}`), nil},
		"no JSON":              {[]byte(`<html>`), nil},
		"repeated member":      {[]byte(`{"keys":[],"keys":[` + good + `]}`), nil},
		"more than a hundred":  {set(strings.Split(strings.Repeat(good+"|", 101)+good, "|")...), nil},
		"nothing, and no more": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := parseKeys(test.body, everyAlgorithm, nil)
			if (err == nil) != (test.want != nil) || len(keys) != len(test.want) {
				t.Fatalf("got %v, %v; want %v", keys, err, test.want)
			}
			for _, kid := range test.want {
				if keys[kid] == nil {
					t.Errorf("no %s in %v", kid, keys)
				}
			}
		})
	}
	if keys, err := parseKeys(set(good), []string{rs256}, nil); err == nil {
		t.Errorf("a key that is not on the allow-list: %v", keys)
	}
}

// keyServer serves a key set that tests change.
type keyServer struct {
	fetches atomic.Int64
	status  atomic.Int64
	body    atomic.Pointer[[]byte]
	maxAge  atomic.Int64
	gate    atomic.Pointer[chan struct{}]
}

func (k *keyServer) publish(keys ...string) { k.body.Store(new(set(keys...))) }

// RoundTrip answers without a network, so that the time of a test bubble is all the time there is.
func (k *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	k.fetches.Add(1)
	if gate := k.gate.Load(); gate != nil {
		select {
		case <-*gate:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	out := httptest.NewRecorder()
	if age := k.maxAge.Load(); age > 0 {
		out.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", age))
	}
	if status := k.status.Load(); status != 0 {
		out.WriteHeader(int(status))
	} else {
		_, _ = out.Write(*k.body.Load())
	}
	return out.Result(), nil
}

func newKeySet(server *keyServer) *keySet {
	return &keySet{
		issuer: "https://id.example", address: "https://id.example/keys", client: &http.Client{Transport: server}, algorithms: everyAlgorithm,
		now: time.Now, logger: slog.New(slog.DiscardHandler), unknown: map[string]time.Time{},
	}
}

// SEC-39: unknown kids make the verifier ask once, however many requests there are.
func TestUnknownKidsShareOneFetch(t *testing.T) {
	t.Parallel()
	a, b := ecJWK(t, elliptic.P256(), "P-256", "a", es256), ecJWK(t, elliptic.P256(), "P-256", "b", es256)
	synctest.Test(t, func(t *testing.T) {
		server := &keyServer{}
		server.publish(a)
		keys := newKeySet(server)
		if _, err := keys.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(coolDown)
		server.publish(a, b)
		gate := make(chan struct{})
		server.gate.Store(&gate)
		var group sync.WaitGroup
		var found, missing atomic.Int64
		for i := range 100 {
			kid := "b"
			if i%2 == 1 {
				kid = fmt.Sprint("unknown", i)
			}
			group.Go(func() {
				switch key, err := keys.key(t.Context(), kid); {
				case err == nil && key.id == "b":
					found.Add(1)
				case errors.Is(err, ErrUnknownKey):
					missing.Add(1)
				}
			})
		}
		// One that gives up does not end the fetch for the others.
		ctx, cancel := context.WithCancel(t.Context())
		group.Go(func() {
			if _, err := keys.key(ctx, "b"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("the one that gave up: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(gate)
		group.Wait()
		if found.Load() != 50 || missing.Load() != 50 || server.fetches.Load() != 2 {
			t.Errorf("%d found, %d missing, %d fetches", found.Load(), missing.Load(), server.fetches.Load())
		}
	})
}

// SEC-39
func TestUnknownKidsAreAskedForRarely(t *testing.T) {
	t.Parallel()
	a := ecJWK(t, elliptic.P256(), "P-256", "a", es256)
	synctest.Test(t, func(t *testing.T) {
		server := &keyServer{}
		server.publish(a)
		keys := newKeySet(server)
		ask := func(kid string, wantFetches int64) {
			t.Helper()
			before := server.fetches.Load()
			if _, err := keys.key(t.Context(), kid); !errors.Is(err, ErrUnknownKey) {
				t.Errorf("%s: %v", kid, err)
			}
			if n := server.fetches.Load() - before; n != wantFetches {
				t.Errorf("%s: %d fetches, want %d", kid, n, wantFetches)
			}
		}
		ask("one", 1)
		ask("two", 0) // cool-down
		<-time.After(coolDown)
		ask("one", 0) // known to be unknown
		ask("two", 1)
		<-time.After(unknownFor)
		ask("one", 1)
		<-time.After(coolDown)
		ask(strings.Repeat("k", maxKID+1), 0)
		ask("", 0)
		// A flood of kids fills no memory.
		for i := range 3 * maxUnknown {
			<-time.After(coolDown / 1000)
			_, _ = keys.key(t.Context(), fmt.Sprint(i))
			keys.remember(fmt.Sprint(i))
		}
		if n := len(keys.unknown); n > maxUnknown {
			t.Errorf("%d unknown kids are remembered", n)
		}
	})
}

func TestKnownKeysOutliveTheirServer(t *testing.T) {
	t.Parallel()
	a, b := ecJWK(t, elliptic.P256(), "P-256", "a", es256), ecJWK(t, elliptic.P256(), "P-256", "b", es256)
	synctest.Test(t, func(t *testing.T) {
		server := &keyServer{}
		server.publish(a)
		server.maxAge.Store(60)
		keys := newKeySet(server)
		next, err := keys.refresh(t.Context())
		if err != nil || next != time.Minute {
			t.Fatal(next, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { keys.run(ctx, next) })
		defer group.Wait()
		defer cancel()

		server.status.Store(http.StatusInternalServerError)
		<-time.After(time.Hour)
		first, err := keys.key(t.Context(), "a")
		if err != nil {
			t.Errorf("a known key: %v", err)
		}
		if _, err := keys.key(t.Context(), "b"); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a key that cannot be asked for: %v", err)
		}
		if n := server.fetches.Load(); n < 300 || n > 400 {
			t.Errorf("%d fetches in an hour of failures", n)
		}
		server.status.Store(0)
		server.body.Store(new([]byte("<html>")))
		<-time.After(time.Minute)
		if _, err := keys.key(t.Context(), "a"); err != nil {
			t.Errorf("a known key after a broken answer: %v", err)
		}

		// An announced key is there before anybody needs it, and a key that stays is the same one.
		server.publish(a, b)
		<-time.After(2 * time.Minute)
		before := server.fetches.Load()
		again, err := keys.key(t.Context(), "a")
		if _, errB := keys.key(t.Context(), "b"); err != nil || errB != nil || server.fetches.Load() != before || again != first {
			t.Errorf("announced: %v, %v; %d fetches; same %v", err, errB, server.fetches.Load()-before, again == first)
		}
		server.publish(b)
		<-time.After(2 * time.Minute)
		if _, err := keys.key(t.Context(), "a"); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("a removed key: %v", err)
		}
	})
}

// The header says how long a set is good; it is asked again neither later nor all the time.
func TestKeysAreRefreshedByTheirMaxAge(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"public, max-age=300": 300 * time.Second, "max-age=60": time.Minute, "max-age=1": minRefresh, "max-age=0": minRefresh,
		"": defaultRefresh, "no-store": defaultRefresh, "max-age=x": defaultRefresh, "max-age=-5": defaultRefresh, "MAX-AGE=100": 100 * time.Second,
		"max-age=999999": maxRefresh, "max-age=99999999999999999999": defaultRefresh, `max-age="120"`: 2 * time.Minute,
	} {
		server := &keyServer{}
		server.publish(ecJWK(t, elliptic.P256(), "P-256", "a", es256))
		keys := newKeySet(server)
		keys.client = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			answer, err := server.RoundTrip(r)
			if header != "" {
				answer.Header.Set("Cache-Control", header)
			}
			return answer, err
		})}
		if next, err := keys.refresh(t.Context()); err != nil || next != want {
			t.Errorf("%q: %v, %v; want %v", header, next, err, want)
		}
	}
	if got := maxAge(http.Header{"Cache-Control": {"max-age=300"}, "Age": {"250"}}); got != 50*time.Second {
		t.Errorf("with Age: %v", got)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A document of the feed with an unknown kid waits for the cool-down, rather than being given up.
func TestDocumentsWaitForTheirKey(t *testing.T) {
	t.Parallel()
	a, b := ecJWK(t, elliptic.P256(), "P-256", "a", es256), ecJWK(t, elliptic.P256(), "P-256", "b", es256)
	synctest.Test(t, func(t *testing.T) {
		server := &keyServer{}
		server.publish(a)
		keys := newKeySet(server)
		if _, err := keys.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		server.publish(a, b)
		start := time.Now()
		if _, err := keys.patientKey(t.Context(), "b"); err != nil || time.Since(start) != coolDown {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := keys.patientKey(ctx, "c"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, err := keys.patientKey(t.Context(), "c"); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLargeAnswersAreRefused(t *testing.T) {
	t.Parallel()
	server := &keyServer{}
	server.body.Store(new([]byte(strings.Repeat(" ", maxDocument+1))))
	if _, err := newKeySet(server).refresh(t.Context()); err == nil {
		t.Error("taken")
	}
}
