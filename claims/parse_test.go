package claims

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// SEC-40
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, payload string
		want          error
	}{
		{"nothing", ``, ErrForm},
		{"null", `null`, ErrForm},
		{"array", `[]`, ErrForm},
		{"string", `"x"`, ErrForm},
		{"data behind", `{} {}`, ErrForm},
		{"not UTF-8", "{\"sub\":\"\xff\"}", ErrForm},
		{"lone surrogate", `{"sub":"\ud800"}`, ErrForm},
		{"repeated claim", `{"sub":"a","sub":"b"}`, ErrForm},
		{"repeated claim, escaped", `{"sub":"a","s\u0075b":"b"}`, ErrForm},
		{"repeated unknown claim", `{"x":1,"x":1}`, ErrForm},
		{"repeated member deep inside", `{"x":[{"y":1,"y":2}]}`, ErrForm},
		{"nested too deep", `{"x":` + strings.Repeat("[", 8) + strings.Repeat("]", 8) + `}`, ErrForm},
		{"claim in capitals", `{"SUB":"a"}`, ErrMalformed},
		{"claim twice in other letters", `{"sub":"a","Sub":"b"}`, ErrMalformed},
		{"long s folds to s", `{"ſub":"a"}`, ErrMalformed},
		{"claim with a capital", `{"Jti":"a"}`, ErrMalformed},
		{"iss is a number", `{"iss":1}`, ErrMalformed},
		{"iss is null", `{"iss":null}`, ErrMalformed},
		{"sub is an array", `{"sub":["a"]}`, ErrMalformed},
		{"aud is a number", `{"aud":1}`, ErrMalformed},
		{"aud is null", `{"aud":null}`, ErrMalformed},
		{"aud holds a number", `{"aud":["a",1]}`, ErrMalformed},
		{"aud holds null", `{"aud":[null]}`, ErrMalformed},
		{"aud is an object", `{"aud":{}}`, ErrMalformed},
		{"exp is a string", `{"exp":"1"}`, ErrMalformed},
		{"exp is null", `{"exp":null}`, ErrMalformed},
		{"exp is a fraction", `{"exp":1.5}`, ErrMalformed},
		{"exp has an exponent", `{"exp":1e3}`, ErrMalformed},
		{"exp is too big", `{"exp":9223372036854775808}`, ErrMalformed},
		{"exp is huge", `{"exp":1e999999999}`, ErrMalformed},
		{"iat is a boolean", `{"iat":true}`, ErrMalformed},
		{"gen is a string", `{"gen":"1"}`, ErrMalformed},
		{"level is a number", `{"level":1}`, ErrMalformed},
		{"roles is a string", `{"roles":"admin"}`, ErrMalformed},
		{"roles is null", `{"roles":null}`, ErrMalformed},
		{"groups is an object", `{"groups":{"a":1}}`, ErrMalformed},
		{"superuser is a number", `{"superuser":1}`, ErrMalformed},
		{"superuser is a string", `{"superuser":"true"}`, ErrMalformed},
		{"scope is an array", `{"scope":["a"]}`, ErrMalformed},
		{"status is a string", `{"status":"valid"}`, ErrMalformed},
		{"status is null", `{"status":null}`, ErrMalformed},
		{"status list is null", `{"status":{"status_list":null}}`, ErrMalformed},
		{"status list in capitals", `{"status":{"STATUS_LIST":{"idx":1,"uri":"u"}}}`, ErrMalformed},
		{"status list without idx", `{"status":{"status_list":{"uri":"u"}}}`, ErrMalformed},
		{"status list without uri", `{"status":{"status_list":{"idx":1}}}`, ErrMalformed},
		{"status list with an empty uri", `{"status":{"status_list":{"idx":1,"uri":""}}}`, ErrMalformed},
		{"idx is negative", `{"status":{"status_list":{"idx":-1,"uri":"u"}}}`, ErrMalformed},
		{"idx is a string", `{"status":{"status_list":{"idx":"1","uri":"u"}}}`, ErrMalformed},
		{"idx is a fraction", `{"status":{"status_list":{"idx":1.0,"uri":"u"}}}`, ErrMalformed},
		{"idx is too big", `{"status":{"status_list":{"idx":9223372036854775808,"uri":"u"}}}`, ErrMalformed},
		{"idx twice in other letters", `{"status":{"status_list":{"idx":1,"Idx":2,"uri":"u"}}}`, ErrMalformed},
		{"idx twice", `{"status":{"status_list":{"idx":1,"idx":2,"uri":"u"}}}`, ErrForm},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if c, err := Parse([]byte(test.payload)); !errors.Is(err, test.want) || c != nil {
				t.Errorf("got %+v, %v; want %v", c, err, test.want)
			}
		})
	}
}

func TestParseIgnoresUnknownClaims(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte(`{"sub":"a","aud":"b","nbf":"soon","status":{"other":{"idx":[]}},"roles":[]}`))
	want := &Claims{Subject: "a", Audience: Audience{"b"}, Roles: []string{}, Status: &Status{}}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, %v; want %+v", c, err, want)
	}
}

func TestParseErrorsTellNoValues(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{`{"sub":["canary"]}`, `{"a":"canary","a" 2}`, `{"exp":"canary"}`, `{"sub":"canary`} {
		if _, err := Parse([]byte(payload)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// FuzzParse: what is accepted means the same to encoding/json, and survives being written and read again.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"application_user", "application", "organization", "admin_user", "nonexpiring"} {
		text, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"sub":"a","SUB":"b","exp":1e3,"aud":null}`))
	f.Add([]byte(`{"status":{"status_list":{"idx":0,"uri":"u","x":{}},"y":1}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := Parse(payload)
		if err != nil {
			return
		}
		var lenient Claims
		if err := json.Unmarshal(payload, &lenient); err != nil || !reflect.DeepEqual(*c, lenient) {
			t.Fatalf("encoding/json reads %+v, %v; Parse %+v", lenient, err, c)
		}
		if c.Audience == nil {
			c.Audience = Audience{} // written as null, which Parse refuses
		}
		if len(c.Groups) == 0 {
			c.Groups = nil // left out when empty
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("again %+v, %v; first %+v", again, err, c)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile("testdata/application_user.json")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
