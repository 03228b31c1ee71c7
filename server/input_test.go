package server

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/writ-auth/writ/grants"
)

// §1.2: the first byte decides before the label does.
func TestNotationOfABody(t *testing.T) {
	t.Parallel()
	const form, jsonType = "application/x-www-form-urlencoded", "application/json"
	for _, tc := range []struct {
		body, contentType string
		want              notation
		unsupported       bool
	}{
		{"{}", "", jsonBody, false},
		{" \r\n\t[]", form, jsonBody, false},
		{"{", "text/xml", jsonBody, false},
		{"{", "multipart/form-data; boundary=x", jsonBody, false},
		{"true", jsonType, jsonBody, false},
		{"a=b", "Application/JSON; charset=utf-8", jsonBody, false},
		{"", "", noBody, false},
		{"", jsonType, noBody, false},
		{"", "text/plain", noBody, false},
		{" \n", "", noBody, false},
		{"", form, formBody, false},
		{"a=b", form, formBody, false},
		{"a=b", form + "; charset=UTF-8", formBody, false},
		{"a=b", "APPLICATION/X-WWW-FORM-URLENCODED", formBody, false},
		{"a=b", "", formBody, false},
		{"a=b", "text/plain", noBody, true},
		{"<x/>", "text/xml", noBody, true},
		{"--x", "multipart/form-data; boundary=x", noBody, true},
		{"a=b", "nonsense;;;", noBody, true},
	} {
		got, err := classify([]byte(tc.body), tc.contentType)
		if got != tc.want || (err != nil) != tc.unsupported {
			t.Errorf("%q as %q: %v %v", tc.body, tc.contentType, got, err)
		}
	}
}

// §1.2 and section 10: what is refused before anybody looks at credentials. SEC-02 SEC-03 SEC-05 SEC-40
func TestMalformedTokenRequests(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	const path = "/acme/shop/token"
	oauth := func(code string) map[string]any {
		return map[string]any{"error": code, "timestamp": nil, "exception": nil}
	}
	parse := map[string]any{"error": "json_parse", "exception": "JsonParseException"}
	repeated := func(name string) map[string]any { return fails("illegal_argument", "duplicate parameter: "+name) }
	f.run(t, []scenario{
		{name: "broken JSON", method: "POST", path: path, body: `{"grant_type":`, wantStatus: 400, wantBody: parse},
		{name: "trailing data", method: "POST", path: path, body: `{} {}`, wantStatus: 400, wantBody: parse},
		{name: "repeated key", method: "POST", path: path, body: `{"password":"a","password":"b"}`, wantStatus: 400, wantBody: parse, wantNotBody: []string{`"a"`}},
		{name: "repeated key, escaped", method: "POST", path: path, body: `{"password":"a","pass\u0077ord":"b"}`, wantStatus: 400, wantBody: parse},
		{name: "not UTF-8", method: "POST", path: path, body: "{\"username\":\"\xff\"}", wantStatus: 400, wantBody: parse},
		{name: "too deep", method: "POST", path: path, body: strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), wantStatus: 400, wantBody: parse},
		{name: "labelled JSON", method: "POST", path: path, body: "grant_type=password", headers: []string{"Content-Type: ", "Content-Type: application/json"}, wantStatus: 400, wantBody: parse},
		{name: "wrong case", method: "POST", path: path, body: `{"grant_type":"password","Username":"dana","password":"x"}`, wantStatus: 400, wantBody: fails("illegal_argument", "parameter in wrong case: Username must be written username")},
		{name: "wrong case, other letters", method: "POST", path: path, body: `{"u\u017fername":"dana"}`, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "array", method: "POST", path: path, body: `[{"grant_type":"password"}]`, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument", "exception": "IllegalArgumentException"}},
		{name: "object as username", method: "POST", path: path, body: `{"grant_type":"password","username":{"$ne":1},"password":"x"}`, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "repeated, form", method: "POST", path: path, body: "grant_type=password&username=a&username=b&password=x", wantStatus: 400, wantBody: with(oauth("invalid_request"), map[string]any{"error_description": "duplicate parameter: username"})},
		{name: "repeated unknown, form", method: "POST", path: path, body: "grant_type=password&x=a&x=b", wantStatus: 400, wantBody: oauth("invalid_request")},
		{name: "repeated ttl in the query, form", method: "POST", path: path + "?ttl=1&ttl=2", body: "grant_type=password", wantStatus: 400, wantBody: oauth("invalid_request")},
		{name: "repeated ttl in the query, JSON", method: "POST", path: path + "?ttl=1&ttl=2", body: "{}", wantStatus: 400, wantBody: repeated("ttl")},
		{name: "repeated, GET", method: "GET", path: path + "?grant_type=password&grant_type=password", wantStatus: 400, wantBody: repeated("grant_type")},
		{name: "bad escape, form", method: "POST", path: path, body: "grant_type=%zz", wantStatus: 400, wantBody: oauth("invalid_request")},
		{name: "not UTF-8, form", method: "POST", path: path, body: "grant_type=%ff", wantStatus: 400, wantBody: oauth("invalid_request")},
		{name: "bad escape, query", method: "GET", path: path + "?grant_type=%zz", wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
		{name: "too many parameters", method: "POST", path: path, body: strings.Repeat("a=b&", 1000), wantStatus: 400, wantBody: oauth("invalid_request")},
		{name: "multipart", method: "POST", path: path, body: "--x", headers: []string{"Content-Type: ", "Content-Type: multipart/form-data; boundary=x"}, wantStatus: 415, wantBody: map[string]any{"error": "unsupported_media_type", "exception": "UnsupportedMediaTypeException"}},
		{name: "coded", method: "POST", path: path, body: "grant_type=password", headers: []string{"Content-Encoding: gzip"}, wantStatus: 415},
		// SEC-75
		{name: "too large", method: "POST", path: path, body: "grant_type=password&x=" + strings.Repeat("a", maxBody), wantStatus: 413, wantBody: map[string]any{"error": "request_too_large", "exception": "RequestTooLargeException"}},
		{name: "as large as may be", method: "POST", path: path, body: "grant_type=x&x=" + strings.Repeat("a", maxBody-15), wantStatus: 400, wantBody: map[string]any{"error": "unsupported_grant_type"}},
		{name: "no body", method: "POST", path: path, wantStatus: 400, wantBody: fails("illegal_argument", "missing json post data")},
		{name: "empty form", method: "POST", path: path, headers: []string{"Content-Type: application/x-www-form-urlencoded"}, wantStatus: 400, wantBody: oauth("invalid_request")},
		{name: "no grant, form", method: "POST", path: path, body: "username=dana", wantStatus: 400, wantBody: oauth("invalid_request")},
		{name: "no grant, JSON", method: "POST", path: path, body: "{}", wantStatus: 400, wantBody: fails("invalid_grant", "invalid username or password")},
		{name: "unknown grant, form", method: "POST", path: path, body: "grant_type=magic", wantStatus: 400, wantBody: oauth("unsupported_grant_type")}, // SEC-16
		{name: "unknown grant, JSON", method: "POST", path: path, body: `{"grant_type":"magic"}`, wantStatus: 400, wantBody: with(fails("invalid_grant", "invalid username or password"), map[string]any{"timestamp": nil})},
		{name: "no password, form", method: "POST", path: path, body: "grant_type=password&username=dana", wantStatus: 400, wantBody: oauth("invalid_request")},
		{name: "no password, JSON", method: "POST", path: path, body: `{"grant_type":"password","username":"dana"}`, wantStatus: 400, wantBody: fails("invalid_grant", "invalid username or password")},
		{name: "no username, form", method: "POST", path: path, body: "grant_type=password&password=x", wantStatus: 400, wantBody: oauth("invalid_request")},
	})
}

// Our form reader must agree with Go's wherever both accept, or a proxy written in Go would see another request.
func FuzzParams(f *testing.F) {
	f.Add("grant_type=password&username=dana&password=a%20b+c")
	f.Add("a=1&a=2&=x&b&&c=%zz")
	f.Add("a;b=c")
	f.Fuzz(func(t *testing.T, text string) {
		ours, err := parseParams(text)
		theirs, theirError := url.ParseQuery(text)
		if err != nil || theirError != nil {
			return
		}
		n := 0
		for name, values := range theirs {
			n += len(values)
			if ours.get(name) != values[0] || ours.count(name) != len(values) {
				t.Fatalf("%q: %q is %q, Go says %q", text, name, ours.get(name), values)
			}
		}
		if n != len(ours) {
			t.Fatalf("%q: %d parameters, Go says %d", text, len(ours), n)
		}
		if name := ours.repeated(); name != "" && ours.count(name) < 2 {
			t.Fatalf("%q: %q is not repeated", text, name)
		}
	})
}

// Whatever a JSON body says, our reader either refuses it or agrees with Go's about every documented member.
func FuzzTokenBody(f *testing.F) {
	f.Add([]byte(`{"grant_type":"password","username":"dana","ttl":5}`))
	f.Add([]byte(`{"Username":"dana"}`))
	f.Add([]byte(`[1,2]`))
	documented := strings.Fields(tokenKeys)
	f.Fuzz(func(t *testing.T, body []byte) {
		in := &input{raw: body}
		var err error
		if in.notation, err = classify(body, "application/json"); err != nil || in.notation != jsonBody {
			return
		}
		if in.parse("", documented) != nil {
			return
		}
		object, is := in.json.(map[string]any)
		if !is {
			return
		}
		var theirs struct {
			Username any `json:"username"`
		}
		if err := json.Unmarshal(body, &theirs); err != nil {
			t.Fatalf("%q: accepted, Go says %v", body, err)
		}
		if (object["username"] == nil) != (theirs.Username == nil) {
			t.Fatalf("%q: username %v, Go says %v", body, object["username"], theirs.Username)
		}
		_, _ = grants.ParseTTL(object["ttl"])
	})
}
