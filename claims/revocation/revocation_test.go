package revocation

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

const wantHash = "FrB-XxZuUXJlcUFNE85n0A"

func TestIdentifiersAreTheFirstHalfOfTheirSHA256(t *testing.T) {
	t.Parallel()
	// printf %s 01a230f0-8aba-7f62-812e-df7b27ebd003 | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
	text, err := Hash("01a230f0-8aba-7f62-812e-df7b27ebd003").MarshalText()
	if err != nil || string(text) != wantHash {
		t.Errorf("hash is %s (%v), want %s", text, err, wantHash)
	}
	var back ID
	if err := back.UnmarshalText(text); err != nil || back != Hash("01a230f0-8aba-7f62-812e-df7b27ebd003") {
		t.Errorf("%s is read as %v: %v", text, back, err)
	}
}

func TestIdentifiersHaveOneSpelling(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "A", wantHash + "A", wantHash + "==", wantHash[:21] + "=", wantHash[:21] + "\n", wantHash[:21] + "B", strings.Repeat("+", 22)} {
		var id ID
		if err := id.UnmarshalText([]byte(text)); !errors.Is(err, ErrDocument) {
			t.Errorf("%q is read: %v", text, err)
		}
	}
}

func TestParseRefusesWhatContradictsItself(t *testing.T) {
	t.Parallel()
	const head = `{"iss":"https://id.example.com/acme/shop","iat":1,"epoch":"e","as_of":1,`
	for name, text := range map[string]string{
		"no JSON":                  `x`,
		"nothing":                  `{}`,
		"no issuer":                `{"iat":1,"epoch":"e","as_of":1,"from":0,"seq":1}`,
		"no epoch":                 `{"iss":"x","iat":1,"as_of":1,"from":0,"seq":1}`,
		"no as_of":                 `{"iss":"x","iat":1,"epoch":"e","from":0,"seq":1}`,
		"backwards":                head + `"from":2,"seq":1}`,
		"negative":                 head + `"from":-1,"seq":1}`,
		"complete with from":       head + `"complete":true,"page":1,"pages":1,"from":1,"seq":1}`,
		"complete without page":    head + `"complete":true,"from":0,"seq":1}`,
		"page behind the last":     head + `"complete":true,"page":3,"pages":2,"from":0,"seq":1}`,
		"increment with pages":     head + `"page":1,"pages":1,"from":0,"seq":1}`,
		"generation zero":          head + `"from":0,"seq":1,"subjects":[{"sub":"` + wantHash + `","gen":0}]}`,
		"identifier of wrong size": head + `"from":0,"seq":1,"tokens":[{"jti":"abc"}]}`,
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrDocument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParsePolicyRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `[]`, `{}`, `{"iss":"x","iat":1,"epoch":"e","seq":1}`, `{"iss":"x","iat":1,"epoch":"e","seq":-1,"as_of":1}`,
		`{"iss":"x","iat":1,"epoch":"e","seq":1,"as_of":1,"users":{"short":[]}}`,
	} {
		if _, err := ParsePolicy([]byte(text)); !errors.Is(err, ErrDocument) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"iss":"x","iat":1,"epoch":"e","complete":true,"page":1,"pages":1,"from":0,"seq":7,"as_of":1,"keys":["k"],"ended":true,` +
		`"tokens":[{"jti":"` + wantHash + `","exp":5}],"subjects":[{"sub":"` + wantHash + `","gen":2}],"policy":3,` +
		`"claims":[{"sub":"` + wantHash + `","roles":[],"groups":["a/b"]},{"sub":"` + wantHash + `","member":false}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := Parse(text)
		if err != nil {
			return
		}
		written, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Parse(written)
		if err != nil {
			t.Fatalf("what was read and written again is refused: %v\n%s", err, written)
		}
		rewritten, err := json.Marshal(second)
		if err != nil || !reflect.DeepEqual(written, rewritten) {
			t.Errorf("%s became %s", written, rewritten)
		}
	})
}
