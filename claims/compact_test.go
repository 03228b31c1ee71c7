package claims

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
)

const header = `{"typ":"at+jwt","alg":"ES256","kid":"k1"}`

// compact encodes three parts without looking at them.
func compact(header, payload, signature string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode([]byte(signature))
}

func TestSplitReturnsTheParts(t *testing.T) {
	t.Parallel()
	raw := compact(header, `{"sub":"a"}`, "sig")
	got, err := Split(raw)
	want := Compact{
		Header: Header{Type: "at+jwt", Algorithm: "ES256", KeyID: "k1"}, Payload: []byte(`{"sub":"a"}`), Signature: []byte("sig"),
		SigningInput: raw[:strings.LastIndex(raw, ".")],
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

// SEC-34 SEC-40 SEC-41
func TestSplitRefuses(t *testing.T) {
	t.Parallel()
	good := compact(header, `{"sub":"a"}`, "sig")
	parts := strings.Split(good, ".")
	tests := map[string]string{
		"nothing":                       "",
		"one part":                      parts[0],
		"two parts":                     parts[0] + "." + parts[1],
		"two dots only":                 "..",
		"four parts":                    good + ".x",
		"five parts, a JWE":             good + ".x.y",
		"dot at the end":                good + ".",
		"dot at the beginning":          "." + good,
		"padding":                       strings.Join([]string{parts[0] + "=", parts[1], parts[2]}, "."),
		"padding of the signature":      good + "==",
		"line feed at the end":          good + "\n",
		"line feed inside a part":       parts[0] + "." + parts[1][:4] + "\n" + parts[1][4:] + "." + parts[2],
		"carriage return inside a part": parts[0] + "." + parts[1][:4] + "\r" + parts[1][4:] + "." + parts[2],
		"space in front":                " " + good,
		"space inside":                  parts[0] + ". " + parts[1] + "." + parts[2],
		"NUL at the end":                good + "\x00",
		"standard alphabet":             parts[0] + ".e/+=." + parts[2],
		"other letters":                 parts[0] + ".é." + parts[2],
		"spare bits of the payload":     parts[0] + "." + parts[1][:len(parts[1])-1] + "R." + parts[2],
		"spare bits of the signature":   parts[0] + "." + parts[1] + ".QR",
		"length no base64 has":          parts[0] + "." + parts[1] + ".AAAAA",
		"percent-encoded":               strings.Replace(good, ".", "%2E", 1),
		"Bearer in front":               "Bearer " + good,
		"JSON serialization, flattened": `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`,
		"JSON serialization, general": `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` +
			parts[2] + `"}]}`,
		"header is empty":              "." + parts[1] + "." + parts[2],
		"header is no JSON":            compact("x", "{}", "s"),
		"header is an array":           compact(`["typ"]`, "{}", "s"),
		"header is null":               compact(`null`, "{}", "s"),
		"data behind the header":       compact(header+" {}", "{}", "s"),
		"header is not UTF-8":          compact("{\"typ\":\"\xff\",\"alg\":\"ES256\",\"kid\":\"k\"}", "{}", "s"),
		"header is nested too deep":    compact(`{"typ":"at+jwt","alg":"ES256","kid":"k","x":[[[[[[[[]]]]]]]]}`, "{}", "s"),
		"no typ":                       compact(`{"alg":"ES256","kid":"k"}`, "{}", "s"),
		"no alg":                       compact(`{"typ":"at+jwt","kid":"k"}`, "{}", "s"),
		"no kid":                       compact(`{"typ":"at+jwt","alg":"ES256"}`, "{}", "s"),
		"alg is null":                  compact(`{"typ":"at+jwt","alg":null,"kid":"k"}`, "{}", "s"),
		"alg is an array":              compact(`{"typ":"at+jwt","alg":["ES256"],"kid":"k"}`, "{}", "s"),
		"kid is a number":              compact(`{"typ":"at+jwt","alg":"ES256","kid":1}`, "{}", "s"),
		"alg twice":                    compact(`{"typ":"at+jwt","alg":"none","alg":"ES256","kid":"k"}`, "{}", "s"),
		"kid twice":                    compact(`{"typ":"at+jwt","alg":"ES256","kid":"k","kid":"l"}`, "{}", "s"),
		"kid twice, one escaped":       compact(`{"typ":"at+jwt","alg":"ES256","kid":"k","k\u0069d":"l"}`, "{}", "s"),
		"alg in other letters":         compact(`{"typ":"at+jwt","ALG":"none","kid":"k"}`, "{}", "s"),
		"alg and ALG":                  compact(`{"typ":"at+jwt","alg":"ES256","ALG":"none","kid":"k"}`, "{}", "s"),
		"critical extension":           compact(`{"typ":"at+jwt","alg":"ES256","kid":"k","crit":["exp"],"exp":1}`, "{}", "s"),
		"critical extensions, none":    compact(`{"typ":"at+jwt","alg":"ES256","kid":"k","crit":[]}`, "{}", "s"),
		"unencoded payload":            compact(`{"typ":"at+jwt","alg":"ES256","kid":"k","b64":false}`, "{}", "s"),
		"unencoded payload, critical":  compact(`{"typ":"at+jwt","alg":"ES256","kid":"k","b64":false,"crit":["b64"]}`, "{}", "s"),
		"one byte longer than allowed": good + strings.Repeat("A", MaxTokenSize+1-len(good)),
		"a megabyte":                   strings.Repeat("A", 1<<20),
		"a megabyte of dots":           strings.Repeat(".", 1<<20),
	}
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := Split(raw); !errors.Is(err, ErrForm) || !reflect.DeepEqual(got, Compact{}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// SEC-41
func TestSplitTakesTokensOfTheLargestSize(t *testing.T) {
	t.Parallel()
	head := base64.RawURLEncoding.EncodeToString([]byte(header)) + ".e30."
	raw := head + strings.Repeat("A", MaxTokenSize-len(head))
	if (MaxTokenSize-len(head))%4 == 1 {
		t.Fatal("choose another header: no base64 text has this length")
	}
	if _, err := Split(raw); err != nil {
		t.Error(err)
	}
}

// SEC-41: what is too large is not looked at, however large it is.
func TestOversizeCostsNothing(t *testing.T) {
	raw := strings.Repeat("A", 16<<20)
	if n := testing.AllocsPerRun(100, func() { _, _ = Split(raw) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzSplit: an accepted token is the one spelling of its parts.
func FuzzSplit(f *testing.F) {
	f.Add(compact(header, `{"sub":"a"}`, "sig"))
	f.Add(compact(`{"typ":"at+jwt","alg":"none","kid":""}`, "", ""))
	f.Add("..")
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := Split(raw)
		if err != nil {
			if !errors.Is(err, ErrForm) {
				t.Fatal(err)
			}
			return
		}
		encode := base64.RawURLEncoding.EncodeToString
		first, _, _ := strings.Cut(raw, ".")
		if token.SigningInput != first+"."+encode(token.Payload) || raw != token.SigningInput+"."+encode(token.Signature) {
			t.Fatalf("%q is another spelling", raw)
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	raw := compact(header, strings.Repeat("x", 500), strings.Repeat("s", 64))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Split(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSplitKnownSaysWhatSplitSays(t *testing.T) {
	t.Parallel()
	good, other := compact(header, `{"sub":"a"}`, "sig"), compact(`{"typ":"at+jwt","alg":"ES256","kid":"k2"}`, `{"sub":"a"}`, "sig")
	head, _, _ := strings.Cut(good, ".")
	known := map[string]Header{head: {Type: "at+jwt", Algorithm: "ES256", KeyID: "k1"}}
	for _, raw := range []string{good, other, good + "\n", good + "=", good + ".", head, head + ".", "", head + "." + head + "." + strings.Repeat("A", MaxTokenSize)} {
		want, wantErr := Split(raw)
		got, err := SplitKnown(raw, known)
		if !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
			t.Errorf("%.80q: got %+v, %v; Split %+v, %v", raw, got, err, want, wantErr)
		}
	}
}

// SEC-41
func TestSplitLongHasALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	raw := compact(header, `{"x":"`+strings.Repeat("a", 4*MaxTokenSize)+`"}`, "sig")
	if _, err := SplitLong(raw, len(raw)); err != nil {
		t.Error(err)
	}
	if _, err := SplitLong(raw, len(raw)-1); !errors.Is(err, ErrForm) {
		t.Errorf("one byte too long: %v", err)
	}
}
