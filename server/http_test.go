package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/writ-auth/writ/grants"
)

// listen starts the real http.Server on a free port and gives a dialler.
func (f *fixture) listen(t *testing.T) func() net.Conn {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	server := f.HTTPServer()
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		must(t, server.Close())
		if err := <-done; err != http.ErrServerClosed { //nolint:errorlint // the documented value
			t.Error(err)
		}
	})
	return func() net.Conn {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
		must(t, err)
		if f.TLS != nil {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a certificate of this test
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
}

// transports runs a test on plain HTTP and under TLS.
func transports(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	certificate := testCertificate(t)
	for name, config := range map[string]*tls.Config{
		"plain": nil,
		"TLS":   TLSConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newServer(t, options{configure: func(c *Config) { c.TLS = config }}))
		})
	}
}

// SEC-76: net/http answers a request that hides in the body of another; we must not.
func TestAmbiguousFramingIsRefusedAndTheConnectionClosed(t *testing.T) {
	t.Parallel()
	transports(t, refusesAmbiguousFraming)
}

func refusesAmbiguousFraming(t *testing.T, f *fixture) { //nolint:thelper // the body of a test
	dial := f.listen(t)
	hidden := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	chunked := "0\r\n\r\n" + hidden
	for name, tc := range map[string]struct {
		headers, body string
		status        string
	}{
		"length first":         {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked, "400"},
		"chunked first":        {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked, "400"},
		"in any case":          {"content-length:5\r\ntRANSFER-eNCODING: chunked\r\n", chunked, "400"},
		"length zero":          {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", chunked, "400"},
		"chunked alone":        {"Transfer-Encoding: chunked\r\n", "b\r\ngrant_type=\r\n" + chunked, "400"},
		"two lengths":          {"Content-Length: 5\r\nContent-Length: 6\r\n", "abcde" + hidden, "400"},
		"bad chunk":            {"Transfer-Encoding: chunked\r\n", "zz\r\n" + hidden, "400"},
		"identity":             {"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "abcde" + hidden, "501"},
		"space before a colon": {"Content-Length : 5\r\n", "abcde" + hidden, "400"},
	} {
		conn := dial()
		_, err := io.WriteString(conn, "POST /acme/shop/token HTTP/1.1\r\nHost: x\r\n"+tc.headers+"\r\n"+tc.body)
		must(t, err)
		text, err := io.ReadAll(conn) // ends because the server closes
		must(t, err)
		if n := strings.Count(string(text), "HTTP/1.1 "); n != 1 || !strings.HasPrefix(string(text), "HTTP/1.1 "+tc.status) {
			t.Errorf("%s: %d answers: %s", name, n, text)
		}
		if strings.Contains(name, "length") && strings.Contains(tc.headers+"TRANSFER", "hunked") && !strings.Contains(string(text), "illegal_argument") && !strings.Contains(string(text), "invalid_request") {
			t.Errorf("%s: not our error: %s", name, text)
		}
	}
}

// The watch on the framing must not get out of step: bodies, pipelining, headers in pieces.
func TestKeepAliveConnectionsStayInStep(t *testing.T) {
	t.Parallel()
	transports(t, staysInStep)
}

func staysInStep(t *testing.T, f *fixture) { //nolint:thelper // the body of a test
	conn := f.listen(t)()
	reader := bufio.NewReader(conn)
	body := clientForm(f.shopID, f.shopSecret) + "&x=%0aTransfer-Encoding:chunked\nTransfer-Encoding: chunked\n\n"
	post := "POST /acme/shop/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
		itoa(len(body)) + "\r\n\r\n" + body
	get := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, pieces := range [][]string{{post, get}, {post + get}, {post[:30], post[30:100], post[100:] + get[:5], get[5:]}} {
		for _, piece := range pieces {
			_, err := io.WriteString(conn, piece)
			must(t, err)
		}
		for range 2 {
			response, err := http.ReadResponse(reader, nil)
			must(t, err)
			text, err := io.ReadAll(response.Body)
			must(t, err)
			must(t, response.Body.Close())
			if response.StatusCode != http.StatusOK {
				t.Fatalf("%d %s", response.StatusCode, text)
			}
		}
	}
	_, err := io.WriteString(conn, "POST /acme/shop/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+get)
	must(t, err)
	text, err := io.ReadAll(reader)
	must(t, err)
	if !strings.HasPrefix(string(text), "HTTP/1.1 400") || strings.Count(string(text), "HTTP/1.1") != 1 {
		t.Errorf("after keep-alive: %s", text)
	}
}

func itoa(n int) string {
	text, _ := json.Marshal(n) //nolint:errchkjson // an int
	return string(text)
}

// A token with Content-Length and chunked framing says the same to net/http whichever way the bytes are cut.
func FuzzFraming(f *testing.F) {
	f.Add("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", uint8(7))
	f.Fuzz(func(t *testing.T, text string, cut uint8) {
		var whole, pieces framing
		whole.feed([]byte(text))
		for rest := []byte(text); len(rest) > 0; {
			n := min(int(cut%16)+1, len(rest))
			pieces.feed(bytes.Clone(rest[:n]))
			rest = rest[n:]
		}
		if whole.ambiguous.Load() != pieces.ambiguous.Load() || whole.done != pieces.done || whole.body != pieces.body {
			t.Fatalf("%q differs when cut every %d bytes", text, cut%16+1)
		}
	})
}

// SEC-75: limits stand before a handler does any work.
func TestLimitsOfTheHTTPServer(t *testing.T) {
	t.Parallel()
	server := newServer(t, options{}).HTTPServer()
	if server.ReadHeaderTimeout == 0 || server.ReadTimeout == 0 || server.WriteTimeout == 0 || server.IdleTimeout == 0 || server.MaxHeaderBytes != 16<<10 {
		t.Errorf("%+v", server.Server)
	}
}

// SEC-77: a panic is 500 without detail, in either shape, and the process lives.
func TestPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newServer(t, options{logger: slog.New(slog.NewJSONHandler(&log, nil))})
	f.Grants = nil
	a := f.do(t, "GET", "/management/orgs/acme/tokens", "", "Authorization: Bearer x")
	a.check(t, scenario{wantStatus: 500, wantBody: fails("internal_error", "Internal error"), wantNotBody: []string{"nil pointer", "goroutine"}})
	a = f.do(t, "POST", "/management/token", "grant_type=password&username=a&password=b")
	a.check(t, scenario{wantStatus: 500, wantBody: with(fails("server_error", "Internal error"), map[string]any{"timestamp": nil})})
	if f.counterOf(t, "writ_panics_total") != 2 || !strings.Contains(log.String(), "stack") {
		t.Error("the panics were not noticed")
	}
}

func (f *fixture) counterOf(t testing.TB, name string) float64 {
	t.Helper()
	families, err := f.Registry().Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

// SEC-79: one event per request, in the words of the route table; no canary ever.
func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newServer(t, options{logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	const canary = "canary4711"
	shop, dana := f.asShop(t), f.asDana(t)
	log.Reset()
	for _, request := range [][]string{
		{"POST", "/acme/shop/token?access_token=" + canary + "&x=" + canary, `{"grant_type":"password","username":"` + canary + `","password":"` + canary + `"}`},
		{"POST", "/acme/shop/token", "grant_type=client_credentials&client_id=" + canary + "&client_secret=" + canary},
		{"GET", "/acme/shop/users/" + canary + "/tokens?access_token=" + canary, "", "Cookie: " + canary, "Authorization: Bearer " + canary},
		{"GET", "/" + canary + "/" + canary + "/token", ""},
		{"POST", "/acme/shop/users/dana/revoketoken?token=" + bare(dana), "", "User-Agent: " + canary + "\r\nlevel=ERROR"},
		{"POST", "/acme/shop/introspect", "token=" + bare(shop), basic(canary, canary)},
		{canary, "/", "", "X-Request-Id: " + canary + "\r\n" + canary},
		{"GET", "/acme/shop/tokens", "", shop, "X-Request-Id: a-1"},
	} {
		before := strings.Count(log.String(), "\n")
		f.do(t, request[0], request[1], request[2], request[3:]...)
		if n := strings.Count(log.String(), "\n") - before; n != 1 {
			t.Errorf("%s: %d events", request[1], n)
		}
	}
	text := log.String()
	for _, secret := range []string{canary, bare(shop), bare(dana), userPassword, f.shopSecret} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	var last map[string]any
	must(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
	for name, want := range map[string]any{
		"method": "GET", "route": "/:org/:app/tokens", "status": 200.0, "request": "a-1", "source": "192.0.2.1", "level": "INFO", "caller": "application",
		"msg": "request", "client": f.shopID,
	} {
		if last[name] != want {
			t.Errorf("%s is %v, want %v", name, last[name], want)
		}
	}
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	for _, target := range []string{"/nothing", "/acme/shop/token", "/management/me", "/status", "/acme/shop/users/x/y/z", "/management/orgs/acme/tokens"} {
		for _, method := range []string{"GET", "POST", "PATCH"} {
			a := f.do(t, method, target, "", "Accept: text/html,application/xhtml+xml")
			if a.Header().Get("Cache-Control") != "no-store" || a.Header().Get("X-Content-Type-Options") != "nosniff" ||
				a.Header().Get("Content-Type") != "application/json" || a.Header().Get("X-Request-Id") == "" || a.body == nil {
				t.Errorf("%s %s: %v %s", method, target, a.Header(), a.text)
			}
		}
	}
	if id := f.do(t, "GET", "/status", "", "X-Request-Id: abc-1.2_3").Header().Get("X-Request-Id"); id != "abc-1.2_3" {
		t.Errorf("request id %q", id)
	}
	if id := f.do(t, "GET", "/status", "", "X-Request-Id: a b").Header().Get("X-Request-Id"); id == "a b" {
		t.Error("a malformed request id was kept")
	}
}

// SEC-78: without a database what needs it is 503 with Retry-After, and clients in memory still get tokens.
func TestWithoutDatabase(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.asShop(t)
	must(t, f.store.Close())
	if a := f.do(t, "POST", "/acme/shop/token", clientForm(f.shopID, f.shopSecret)); a.Code != http.StatusOK {
		t.Errorf("client in memory: %d %s", a.Code, a.text)
	}
	a := f.do(t, "POST", "/acme/shop/token", "grant_type=password&username=dana&password=quiet-harbor-7")
	if a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" || strings.Contains(a.text, "sql") || strings.Contains(a.text, "database") {
		t.Errorf("login: %d %s", a.Code, a.text)
	}
}

// Errors of the layers below arrive as documented answers, and what nobody foresaw shows nothing.
func TestUnknownErrorsShowNothing(t *testing.T) {
	t.Parallel()
	r := &request{}
	for _, err := range []error{io.ErrUnexpectedEOF, context.DeadlineExceeded, grants.Internal(io.EOF)} {
		known := r.known(err)
		if known.Status < 500 || strings.Contains(known.Description, "EOF") {
			t.Errorf("%v: %+v", err, known.Wire)
		}
	}
	if got := exception("auth_bad_access_token"); got != "AuthBadAccessTokenException" {
		t.Error(got)
	}
	if got := plainASCII("a \"b\" \\ ü\n"); got != "a 'b' ' ??" {
		t.Error(got)
	}
}
