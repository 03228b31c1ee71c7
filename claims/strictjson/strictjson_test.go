package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestDecodeAcceptsStrictJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       any
	}{
		{"null", "null", nil},
		{"true with white space around", " \t\r\ntrue \n", true},
		{"false", "false", false},
		{"empty object", "{ }", map[string]any{}},
		{"empty array", "[\n]", []any{}},
		{"string", `"a"`, "a"},
		{"every simple escape", `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{"NUL inside a string", `"a\u0000b"`, "a\x00b"},
		{"surrogate pair", `"\ud83d\uDE00"`, "😀"},
		{"unescaped beyond the basic plane", `"😀é"`, "😀é"},
		{"numbers keep their spelling", `[0,-0,1.50,1E+3,-12e-2,123456789012345678901234567890]`, []any{
			json.Number("0"), json.Number("-0"), json.Number("1.50"), json.Number("1E+3"), json.Number("-12e-2"),
			json.Number("123456789012345678901234567890"),
		}},
		{"members", `{"a":1,"b":[{"a":null}],"":"x"}`, map[string]any{
			"a": json.Number("1"), "b": []any{map[string]any{"a": nil}}, "": "x",
		}},
		{"names that differ in case are different", `{"a":true,"A":false}`, map[string]any{"a": true, "A": false}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Decode([]byte(test.text), 3)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %#v, %v; want %#v", got, err, test.want)
			}
		})
	}
}

// SEC-40
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       error
	}{
		{"nothing", "", ErrSyntax},
		{"white space only", "  ", ErrSyntax},
		{"byte order mark", "\ufeff{}", ErrSyntax},
		{"NUL byte", "\x00", ErrSyntax},
		{"NUL behind the value", "{}\x00", ErrTrailing},
		{"raw NUL in a string", "\"\x00\"", ErrSyntax},
		{"raw line feed in a string", "\"\n\"", ErrSyntax},
		{"control character behind an escape", "\"\\n\x1f\"", ErrSyntax},
		{"second value", "{}{}", ErrTrailing},
		{"second brace", "{}}", ErrTrailing},
		{"comment", "{} // x", ErrTrailing},
		{"comment first", "/* x */ {}", ErrSyntax},
		{"comma at the end of an object", `{"a":1,}`, ErrSyntax},
		{"comma at the end of an array", `[1,]`, ErrSyntax},
		{"comma at the beginning", `[,1]`, ErrSyntax},
		{"missing comma", `[1 2]`, ErrSyntax},
		{"missing colon", `{"a" 1}`, ErrSyntax},
		{"missing value", `{"a":}`, ErrSyntax},
		{"name without quotes", `{a:1}`, ErrSyntax},
		{"name is a number", `{1:1}`, ErrSyntax},
		{"single quotes", `{'a':1}`, ErrSyntax},
		{"open object", `{"a":1`, ErrSyntax},
		{"open array", `[1`, ErrSyntax},
		{"open string", `"a`, ErrSyntax},
		{"open escape", `"a\`, ErrSyntax},
		{"open string behind an escape", `"\n`, ErrSyntax},
		{"wrong closing", `[1}`, ErrSyntax},
		{"unknown escape", `"\x41"`, ErrSyntax},
		{"short unicode escape", `"\u12"`, ErrSyntax},
		{"unicode escape with a sign", `"\u+123"`, ErrSyntax},
		{"unicode escape with an underscore", `"\u1_23"`, ErrSyntax},
		{"word in capitals", "True", ErrSyntax},
		{"word and more", "nullx", ErrTrailing},
		{"short word", "nul", ErrSyntax},
		{"NaN", "NaN", ErrSyntax},
		{"infinity", "-Infinity", ErrSyntax},
		{"leading zero", "01", ErrTrailing},
		{"leading zero in an array", "[-01]", ErrSyntax},
		{"leading plus", "+1", ErrSyntax},
		{"minus alone", "-", ErrSyntax},
		{"point without digits", "1.", ErrSyntax},
		{"point first", ".5", ErrSyntax},
		{"exponent without digits", "1e", ErrSyntax},
		{"exponent with a sign alone", "1e+", ErrSyntax},
		{"hexadecimal", "0x10", ErrTrailing},
		{"invalid UTF-8", "\"\xff\"", ErrEncoding},
		{"overlong UTF-8", "\"\xc0\xaf\"", ErrEncoding},
		{"surrogate in UTF-8", "\"\xed\xa0\x80\"", ErrEncoding},
		{"lone high surrogate", `"\ud800"`, ErrEncoding},
		{"lone low surrogate", `"\udc00"`, ErrEncoding},
		{"high surrogate and a letter", `"\ud800\u0041"`, ErrEncoding},
		{"high surrogate and another escape", `"\ud800\n"`, ErrEncoding},
		{"repeated member", `{"a":1,"b":2,"a":1}`, ErrRepeated},
		{"repeated member after unescaping", `{"a":1,"\u0061":2}`, ErrRepeated},
		{"repeated empty name", `{"":1,"":2}`, ErrRepeated},
		{"repeated member within", `[{"x":{"a":1,"a":2}}]`, ErrRepeated},
		{"four arrays", `[[[[]]]]`, ErrDepth},
		{"objects and arrays", `{"a":[{"b":[]}]}`, ErrDepth},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Decode([]byte(test.text), 3)
			if !errors.Is(err, test.want) || got != nil {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
			var typed *Error
			if !errors.As(err, &typed) || typed.Offset < 0 || typed.Offset > len(test.text) {
				t.Errorf("error %#v has no place", err)
			}
		})
	}
}

func TestDepthCountsObjectsAndArrays(t *testing.T) {
	t.Parallel()
	for depth, text := range []string{`1`, `[1]`, `{"a":[1]}`, `[{"a":[]},[[]]]`} {
		if _, err := Decode([]byte(text), depth); err != nil {
			t.Errorf("%s at depth %d: %v", text, depth, err)
		}
		if _, err := Decode([]byte(text), depth-1); depth > 0 && !errors.Is(err, ErrDepth) {
			t.Errorf("%s at depth %d: %v", text, depth-1, err)
		}
	}
	if _, err := Decode([]byte(strings.Repeat("[", 1<<20)), 8); !errors.Is(err, ErrDepth) {
		t.Errorf("a million brackets: %v", err)
	}
}

func TestErrorsTellNoValues(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"password":"canary" x}`, `{"password":"canary`, `{"password":"canary","password":"canary"}`, `"canary"canary`,
		`{"password":canary}`, `"canary\ud800"`, "\"canary\xff\"",
	} {
		_, err := Decode([]byte(text), 3)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestRepeatedMemberIsNamedPrintably(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"scope":                  "repeated member 'scope' at byte 11",
		"a\\u000ab":              "repeated member 'a?b' at byte 14",
		strings.Repeat("é", 100): "",
	} {
		_, err := Decode([]byte(`{"`+name+`":1,"`+name+`":2}`), 3)
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		if want != "" && err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		if text := err.Error(); len(text) > 80 || !isPrintableASCII(text) {
			t.Errorf("unfit for a log: %q", text)
		}
	}
}

func isPrintableASCII(text string) bool {
	for _, b := range []byte(text) {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return true
}

// Texts that make quadratic or recursive readers slow: doubling the length must not do much more than double the time.
func TestDecodeIsLinear(t *testing.T) {
	t.Parallel()
	texts := map[string]func(int) string{
		"one long string":      func(n int) string { return `"` + strings.Repeat("a", n) + `"` },
		"one long open string": func(n int) string { return `"` + strings.Repeat("a", n) },
		"many escapes":         func(n int) string { return `"` + strings.Repeat(`\u0041`, n/6) + `"` },
		"one long number":      func(n int) string { return strings.Repeat("1", n) },
		"many elements":        func(n int) string { return "[" + strings.Repeat("1,", n/2) + "1]" },
		"white space":          func(n int) string { return strings.Repeat(" ", n) },
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size = 1 << 17
			small, large := fastest(text(size)), fastest(text(16*size))
			// 16 is linear, 256 is quadratic; the bound leaves room for a busy machine and for caches.
			if large > 100*small+50*time.Millisecond {
				t.Errorf("%v for 128 KiB, %v for 2 MiB", small, large)
			}
		})
	}
}

func fastest(text string) time.Duration {
	best := time.Hour
	for range 3 {
		start := time.Now()
		_, _ = Decode([]byte(text), 3)
		best = min(best, time.Since(start))
	}
	return best
}

// FuzzDecode compares with encoding/json: what is accepted means the same there, and what is refused is either invalid there too or
// refused for a reason that encoding/json does not know.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,false,null],"c":{"d":"\u00e9\ud83d\ude00"}}`, `{"a":1,"\u0061":2}`, `[1e5,-0.1]`, `"\ud800"`, `{} {}`,
		`[[[[[[]]]]]]`, "\"\xff\"", `{"typ":"at+jwt","alg":"ES256","kid":"x"}`, `01`, `{"a":1,"a":1}`, `""`, "\ufeff1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Decode(text, 4)
		want, wantErr := lenient(text)
		if err == nil {
			if wantErr != nil {
				t.Fatalf("encoding/json refuses what was accepted: %v", wantErr)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got %#v, encoding/json %#v", got, want)
			}
			if repeats(text) {
				t.Fatal("a repeated member was accepted")
			}
			return
		}
		if wantErr == nil && (errors.Is(err, ErrSyntax) || errors.Is(err, ErrTrailing)) {
			t.Fatalf("%v, but encoding/json accepts it", err)
		}
		if errors.Is(err, ErrRepeated) && wantErr == nil && !repeats(text) {
			t.Fatalf("%v, but nothing is repeated", err)
		}
		if errors.Is(err, ErrEncoding) && utf8.Valid(text) && !bytes.Contains(bytes.ToLower(text), []byte(`\ud`)) {
			t.Fatalf("%v in valid UTF-8 without surrogates", err)
		}
	})
}

func lenient(text []byte) (value any, err error) {
	if !json.Valid(text) {
		return nil, errors.New("not valid")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}

// repeats is the naive oracle: it walks over the tokens of a valid text and keeps the names of every open object.
func repeats(text []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	type level struct {
		names map[string]bool // nil in an array
		value bool            // a value comes next, not a name
	}
	levels := []level{{}}
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		top := &levels[len(levels)-1]
		if name, is := token.(string); is && top.names != nil && !top.value {
			if top.names[name] {
				return true
			}
			top.names[name], top.value = true, true
			continue
		}
		switch token {
		case json.Delim('{'):
			top.value = false
			levels = append(levels, level{names: map[string]bool{}})
		case json.Delim('['):
			top.value = false
			levels = append(levels, level{})
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
		default:
			top.value = false
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{
		"header": `{"typ":"at+jwt","alg":"ES256","kid":"zeKQmZlKK0cqRsYdlRjUzi2Q-lVVifjABkfCyV6AeHs"}`,
		"payload": `{"iss":"https://id.example.com/acme/shop","aud":["https://id.example.com/acme/shop"],` +
			`"sub":"23eb7164-3ac5-4727-95d2-5341edc5fe85","client_id":"YXA6KkOPKjFyREK7zhSrJh2x1A","iat":1796117400,"exp":1796203801,` +
			`"jti":"01a230f0-8aba-7f62-812e-df7b27ebd003","level":"application_user","gen":3,"org":"acme",` +
			`"org_id":"3fcb4b70-f79a-4ffc-a71b-9592244ececa","app":"shop","app_id":"2a438f2a-3172-4442-bbce-14ab261db1d4",` +
			`"username":"dana","roles":["clerk","default"],"groups":["staff/north"]}`,
	} {
		b.Run(name+"/strictjson", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode([]byte(text), 8); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/encoding", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var value any
				if err := json.Unmarshal([]byte(text), &value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
