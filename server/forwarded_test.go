package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func prefixes(t testing.TB, texts ...string) (all []netip.Prefix) {
	t.Helper()
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		must(t, err)
		all = append(all, prefix)
	}
	return all
}

// Anybody can send a header. It counts from declared proxies only, and of what they pass on only what they wrote themselves.
//
// SEC-74
func TestTheSourceIsToldByDeclaredProxiesOnly(t *testing.T) {
	t.Parallel()
	const outside, proxy, inner = "203.0.113.9:5", "10.0.0.1:5", "127.0.0.1:5"
	const client = "198.51.100.7"
	for _, tc := range []struct {
		name, peer string
		headers    []string
		want       string
	}{
		{"direct", outside, nil, "203.0.113.9"},
		{"direct, IPv6", "[2001:db8::1]:5", nil, "2001:db8::1"},
		{"header of a stranger", outside, []string{"X-Forwarded-For: " + client}, "203.0.113.9"},
		{"other header of a stranger", outside, []string{"Forwarded: for=" + client}, "203.0.113.9"},
		{"stranger who claims to be here", outside, []string{"X-Forwarded-For: 127.0.0.1", "Host: localhost"}, "203.0.113.9"},
		{"declared", proxy, []string{"X-Forwarded-For: " + client}, client},
		{"declared, by a mapped address", "[::ffff:10.0.0.1]:5", []string{"X-Forwarded-For: " + client}, client},
		{"declared, IPv6 client", proxy, []string{"X-Forwarded-For: 2001:db8::2"}, "2001:db8::2"},
		{"declared, with a port", proxy, []string{"X-Forwarded-For: " + client + ":4711"}, client},
		{"declared, IPv6 with a port", proxy, []string{"X-Forwarded-For: [2001:db8::2]:4711"}, "2001:db8::2"},
		{"declared, without a header", proxy, nil, "10.0.0.1"},
		{"what the client wrote stands left", proxy, []string{"X-Forwarded-For: 192.0.2.200, " + client}, client},
		{"in a line of its own", proxy, []string{"X-Forwarded-For: 192.0.2.200", "X-Forwarded-For: " + client}, client},
		{"the client claims to be here", proxy, []string{"X-Forwarded-For: 127.0.0.1, " + client}, client},
		{"the client claims to be a proxy", proxy, []string{"X-Forwarded-For: 10.0.0.5, " + client}, client},
		{"two proxies", proxy, []string{"X-Forwarded-For: 192.0.2.200, " + client + ", 10.9.9.9"}, client},
		{"proxies only", proxy, []string{"X-Forwarded-For: 10.0.0.8, 10.0.0.9"}, "10.0.0.8"},
		{"nonsense", proxy, []string{"X-Forwarded-For: canary"}, "10.0.0.1"},
		{"nonsense behind a proxy", proxy, []string{"X-Forwarded-For: " + client + ", unknown, 10.0.0.9"}, "10.0.0.9"},
		{"line breaks", proxy, []string{"X-Forwarded-For: " + client + "\r\nlevel=ERROR"}, "10.0.0.1"},
		{"empty elements", proxy, []string{"X-Forwarded-For: " + client + ", ,"}, client},
		{"empty", proxy, []string{"X-Forwarded-For:  "}, "10.0.0.1"},
		{"a zone", proxy, []string{"X-Forwarded-For: fe80::1%eth0"}, "fe80::1"},
		{"X-Real-IP is not read", proxy, []string{"X-Real-IP: " + client}, "10.0.0.1"},
		{"Forwarded", proxy, []string{"Forwarded: for=" + client + ";proto=https;by=10.0.0.1"}, client},
		{"Forwarded, quoted", proxy, []string{`Forwarded: For="[2001:db8::2]:4711"`}, "2001:db8::2"},
		{"Forwarded, escaped", proxy, []string{`Forwarded: for="198.51.100.\7"`}, client},
		{"Forwarded, the client wrote the left", proxy, []string{"Forwarded: for=127.0.0.1, for=" + client}, client},
		{"Forwarded, the client opened a quote", proxy, []string{`Forwarded: for="127.0.0.1, for=` + client}, "10.0.0.1"},
		{"Forwarded, in a line before", proxy, []string{`Forwarded: for="127.0.0.1`, "Forwarded: for=" + client}, client},
		{"Forwarded, a comma in quotes", proxy, []string{`Forwarded: for=127.0.0.1;x=", for=127.0.0.1", for=` + client}, client},
		{"Forwarded, twice in an element", proxy, []string{"Forwarded: for=127.0.0.1;for=" + client}, "10.0.0.1"},
		{"Forwarded, obfuscated", proxy, []string{"Forwarded: for=_hidden"}, "10.0.0.1"},
		{"Forwarded, unknown", proxy, []string{"Forwarded: for=unknown"}, "10.0.0.1"},
		{"X-Forwarded-For wins", proxy, []string{"Forwarded: for=127.0.0.1", "X-Forwarded-For: " + client}, client},
		{"here", inner, []string{"Host: localhost:8080"}, "127.0.0.1"},
		{"here, by address", "[::1]:5", []string{"Host: [::1]:8080"}, "::1"},
		{"an undeclared proxy here", inner, []string{"X-Forwarded-For: " + client, "Host: localhost"}, "127.0.0.1 (proxied)"},
		{"that claims less", inner, []string{"X-Forwarded-Proto: https", "Host: localhost"}, "127.0.0.1 (proxied)"},
		{"that says its name", inner, []string{"Via: 1.1 squid", "Host: localhost"}, "127.0.0.1 (proxied)"},
		{"that writes Forwarded", "[::1]:5", []string{"Forwarded: for=::1", "Host: localhost"}, "::1 (proxied)"},
		{"that passes on the name", inner, []string{"Host: id.example.com"}, "127.0.0.1 (proxied)"},
		{"that speaks HTTP/1.0", inner, []string{"Proto: HTTP/1.0", "Host: localhost"}, "127.0.0.1 (proxied)"},
		{"a mapped address here", "[::ffff:127.0.0.1]:5", []string{"Via: x", "Host: localhost"}, "::ffff:127.0.0.1 (proxied)"},
		{"a declared proxy whose client is here", proxy, []string{"X-Forwarded-For: 127.0.0.1"}, "127.0.0.1 (proxied)"},
		{"a declared proxy whose client is here, mapped", proxy, []string{"X-Forwarded-For: ::ffff:127.0.0.1"}, "127.0.0.1 (proxied)"},
		{"the command line", "command line", nil, "command line"},
	} {
		s := &Server{Config: Config{TrustedProxies: prefixes(t, "10.0.0.0/8"), Logger: slog.New(slog.DiscardHandler)}}
		if got := s.originOf(requestFrom(t, tc.peer, tc.headers)).source; got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		// A proxy on this machine is one like others once it is declared.
		here := &Server{Config: Config{TrustedProxies: prefixes(t, "127.0.0.0/8", "10.0.0.0/8"), Logger: slog.New(slog.DiscardHandler)}}
		if tc.peer != proxy || tc.want == "10.0.0.1" {
			continue
		}
		if got := here.originOf(requestFrom(t, inner, tc.headers)).source; got != tc.want && !strings.HasSuffix(got, proxied) {
			t.Errorf("%s, proxy here: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func requestFrom(t testing.TB, peer string, headers []string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = peer
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		switch name {
		case "Host":
			r.Host = value
		case "Proto":
			r.Proto, r.ProtoMajor, r.ProtoMinor = value, 1, 0
		default:
			r.Header.Add(name, value)
		}
	}
	return r
}

// What the machine itself may do is not done for whoever comes through a proxy on it, declared or not.
//
// SEC-74
func TestWhatIsForThisMachineCannotBeReachedThroughAProxy(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newServer(t, options{
		logger:    slog.New(slog.NewTextHandler(&log, nil)),
		configure: func(c *Config) { c.TrustedProxies = prefixes(t, "127.0.0.2/32") },
	})
	if a := f.do(t, "GET", "/metrics", "", "Remote: 127.0.0.1:5", "Host: localhost"); a.Code != http.StatusOK {
		t.Errorf("here: %d", a.Code)
	}
	if strings.Contains(log.String(), "trusted-proxies") {
		t.Error("a warning without a proxy")
	}
	login := `{"grant_type":"password","username":"superuser","password":"wrong"}`
	for _, attack := range [][]string{
		{"Remote: 127.0.0.1:5", "X-Forwarded-For: 127.0.0.1"},
		{"Remote: 127.0.0.1:5", "X-Forwarded-For: 127.0.0.1", "Host: localhost"},
		{"Remote: 127.0.0.1:5", "Forwarded: for=127.0.0.1", "Host: localhost"},
		{"Remote: 127.0.0.1:5", "Host: id.example.com"},
		{"Remote: 127.0.0.2:5", "X-Forwarded-For: 127.0.0.1", "Host: localhost"},
		{"Remote: 127.0.0.2:5", "X-Forwarded-For: ::1", "Host: localhost"},
		{"Remote: 127.0.0.2:5", "Forwarded: for=\"[::1]\"", "Host: localhost"},
	} {
		if a := f.do(t, "GET", "/metrics", "", attack...); a.Code != http.StatusNotFound {
			t.Errorf("%v: metrics: %d", attack, a.Code)
		}
	}
	// Guessing the superuser's password waits, except here.
	try := func(headers ...string) int { return f.do(t, "POST", "/management/token", login, headers...).Code }
	for range 11 {
		try("Remote: 127.0.0.2:5", "X-Forwarded-For: 127.0.0.1", "Host: localhost")
		try("Remote: 127.0.0.1:5", "Host: localhost")
	}
	if code := try("Remote: 127.0.0.2:5", "X-Forwarded-For: 127.0.0.1", "Host: localhost"); code != http.StatusTooManyRequests {
		t.Errorf("through the proxy: %d", code)
	}
	if code := try("Remote: 127.0.0.1:5", "Host: localhost"); code != http.StatusBadRequest {
		t.Errorf("here: %d", code)
	}
	if n := strings.Count(log.String(), "trusted-proxies does not name"); n != 1 {
		t.Errorf("%d warnings", n)
	}
}

// Throttling, audit trail, log and registered tokens know the real client.
//
// SEC-74
func TestClientsBehindADeclaredProxyAreToldApart(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newServer(t, options{
		logger:    slog.New(slog.NewTextHandler(&log, nil)),
		configure: func(c *Config) { c.TrustedProxies = prefixes(t, "10.0.0.0/8") },
	})
	login := `{"grant_type":"password","username":"olga","password":"wrong"}`
	try := func(client string) int {
		return f.do(t, "POST", "/management/token", login, "Remote: 10.0.0.1:5", "X-Forwarded-For: "+client).Code
	}
	for range 10 {
		try("198.51.100.7")
	}
	if code := try("198.51.100.7"); code != http.StatusTooManyRequests {
		t.Errorf("the client that guesses: %d", code)
	}
	if code := try("198.51.100.8"); code != http.StatusBadRequest {
		t.Errorf("another client: %d", code)
	}
	a := f.do(t, "POST", "/acme/shop/token?ttl=0", clientForm(f.shopID, f.shopSecret), "Remote: 10.0.0.1:5", "X-Forwarded-For: 198.51.100.9")
	if a.Code != http.StatusOK {
		t.Fatalf("%d %s", a.Code, a.text)
	}
	if a := f.do(t, "GET", "/acme/shop/tokens", "", f.asShop(t)); a.get("data.0.issuedFrom") != "198.51.100.9" {
		t.Errorf("issuedFrom: %s", a.text)
	}
	if !strings.Contains(log.String(), "source=198.51.100.7") || strings.Contains(log.String(), "source=10.0.0.1") {
		t.Errorf("log: %s", &log)
	}
}

// Issuers, links and metadata follow the setting, whatever a request or a proxy claims.
//
// SEC-74
func TestIssuersFollowNeitherHostNorForwardedHeaders(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{configure: func(c *Config) { c.TrustedProxies = prefixes(t, "10.0.0.0/8") }})
	lies := []string{
		"Remote: 10.0.0.1:5", "Host: evil.example", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "X-Forwarded-Port: 666",
		"X-Forwarded-Prefix: /evil", "Forwarded: host=evil.example;proto=http;for=198.51.100.7", "X-Original-Url: /evil", "X-Rewrite-Url: /evil",
	}
	for _, path := range []string{"/.well-known/oauth-authorization-server/acme/shop", "/acme/shop/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/management"} {
		a := f.do(t, "GET", path, "", lies...)
		if issuer, _ := a.get("issuer").(string); !strings.HasPrefix(issuer, publicURL+"/") || strings.Contains(a.text, "evil") || strings.Contains(a.text, "http:") {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	a := f.do(t, "POST", "/acme/shop/token", clientForm(f.shopID, f.shopSecret), lies...)
	token, _ := a.get("access_token").(string)
	if issuer := claimsOf(t, token).Issuer; issuer != publicURL+"/acme/shop" {
		t.Errorf("issuer %s", issuer)
	}
}

// SEC-74: a browser that came by TLS stays with TLS; where clients use plain HTTP nothing is promised.
func TestStrictTransportSecurity(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{configure: func(c *Config) { c.TrustedProxies = prefixes(t, "10.0.0.0/8") }})
	for _, tc := range []struct {
		headers []string
		want    bool
	}{
		{[]string{"Remote: 10.0.0.1:5", "X-Forwarded-Proto: https"}, true},
		{[]string{"Remote: 10.0.0.1:5", "X-Forwarded-Proto: http, HTTPS"}, true},
		{[]string{"Remote: 10.0.0.1:5", "X-Forwarded-Proto: https, http"}, false},
		{[]string{"Remote: 10.0.0.1:5", "Forwarded: for=198.51.100.7;proto=https"}, true},
		{[]string{"Remote: 10.0.0.1:5", "Forwarded: proto=https", "X-Forwarded-Proto: http"}, false},
		{[]string{"Remote: 10.0.0.1:5"}, false},
		{[]string{"Remote: 203.0.113.9:5", "X-Forwarded-Proto: https"}, false},
	} {
		got := f.do(t, "GET", "/status", "", tc.headers...).Header().Get("Strict-Transport-Security")
		if (got == "max-age=31536000") != tc.want || got != "" && !tc.want {
			t.Errorf("%v: %q", tc.headers, got)
		}
	}
	plain := newServer(t, options{configure: func(c *Config) {
		c.PublicURL, c.TrustedProxies = "http://127.0.0.1", prefixes(t, "10.0.0.0/8")
	}})
	if got := plain.do(t, "GET", "/status", "", "Remote: 10.0.0.1:5", "X-Forwarded-Proto: https").Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("public-url is http: %q", got)
	}
}

// Whatever the header says, the source is an address that the header holds or the connection's.
func FuzzForwarded(f *testing.F) {
	f.Add("198.51.100.7, 10.0.0.2", "for=198.51.100.7;proto=https, for=\"[2001:db8::1]:5\"")
	f.Add("127.0.0.1", `for="x\",y";for=1.2.3.4`)
	f.Fuzz(func(t *testing.T, xff, forwarded string) {
		s := &Server{Config: Config{TrustedProxies: prefixes(t, "127.0.0.1/32", "10.0.0.0/8"), Logger: slog.New(slog.DiscardHandler)}}
		for _, header := range []http.Header{{"X-Forwarded-For": {xff}}, {"Forwarded": {forwarded}}} {
			r := &http.Request{RemoteAddr: "127.0.0.1:5", Host: "localhost", Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
			source := s.originOf(r).source
			address, err := netip.ParseAddr(strings.TrimSuffix(source, proxied))
			if err != nil {
				t.Fatalf("source %q of %q", source, header)
			}
			if address.IsLoopback() && !strings.HasSuffix(source, proxied) {
				t.Fatalf("%q counts as this machine: %q", header, source)
			}
			_ = fmt.Sprint(forwardedProto(header))
		}
	})
}
