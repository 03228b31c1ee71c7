package interop

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// wantNotFooled is what the proxy and the service behind it must understand alike.
func wantNotFooled(t *testing.T, w *world, s *service) {
	t.Helper()
	wantTold(t, w, s)
	w.set(t, "POST", "/acme/shop/roles/guest/permissions", `{"permission":"get:/public/**"}`)
	s.want(t, "a guest", "GET", "/public/a%20b", "", 200)
	dana, application := w.userToken(t), w.clientToken(t, "/acme/shop", w.shop)
	for _, path := range []string{
		"/public/../orders/7", "/public/%2e%2e/orders/7", "/public/%2E%2E/orders/7", "/public/..%2forders/7", "/public%2f..%2forders/7", "/public/..%5corders/7",
		"/public/..;/orders/7", "/public/..;x=/orders/7", "/public/%252e%252e/orders/7", "//public/../orders/7", "/public//orders/7", "/public/./x",
		"/public/%00", "/public/x%0d%0ay", "/public/%c0%ae%c0%ae/orders/7", "/public/x\\..\\..\\orders", "/public/x%23y", "/public/x%3fy",
	} {
		// Whoever asks: a path that can be read in two ways is nobody's.
		for who, token := range map[string]string{"a guest": "", "dana": dana, "the application": application} {
			if got := s.ask(t, "GET", path, token); got.status != http.StatusForbidden && got.status != http.StatusBadRequest {
				t.Errorf("%s: %s: %d %s", who, path, got.status, got.body)
			}
		}
	}
	for what, path := range map[string]string{
		"a path in the query": order + "?method=GET&path=/public/x", "the inner location": "/_writ", "the inner location, escaped": "/%5fwrit",
		"the inner location by a detour": "/x/../_writ", "an absolute address": s.url + order,
	} {
		if got := s.ask(t, "GET", path, ""); got.status == http.StatusOK {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	for _, header := range []string{"X-Original-URI", "X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL", "X-Original-Method", "X-Forwarded-Method"} {
		s.want(t, header, "GET", order, "", 401, header, "/public/x", "X-Forwarded-Method", "GET", "X-Original-Method", "GET")
	}
	wantMethods(t, s, dana)
	wantBigHeaders(t, s, dana)
	wantNotSmuggled(t, s)
}

// wantTold is what the service learns about the caller, whatever the caller says about himself.
func wantTold(t *testing.T, w *world, s *service) {
	t.Helper()
	forged := []string{"Transfer-Encoding", "identity"}
	names := []string{"Level", "Subject", "Username", "Roles", "Groups", "Scope", "Org", "App", "Client"}
	for _, name := range names {
		forged = append(forged, "X-Auth-"+name, "forged", "x-auth-"+strings.ToLower(name), "forged", "X_Auth_"+name, "forged")
	}
	forged = append(forged[2:], "X-HTTP-Method-Override", "DELETE")
	subject := claimsOf(t, w.userToken(t))["sub"]
	for who, row := range map[string]struct {
		path, token string
		want        map[string]any
	}{
		"dana": {order, w.userToken(t), map[string]any{
			"X-Auth-Level": "application_user", "X-Auth-Subject": subject, "X-Auth-Username": "dana", "X-Auth-Roles": "clerk,default,reader",
			"X-Auth-Groups": "staff/north", "X-Auth-Org": "acme", "X-Auth-App": "shop",
		}},
		"the application": {order, w.clientToken(t, "/acme/shop", w.shop, "scope", "orders.read"), map[string]any{
			"X-Auth-Level": "application", "X-Auth-Subject": w.shopID, "X-Auth-Org": "acme", "X-Auth-App": "shop", "X-Auth-Client": w.shop.ID,
			"X-Auth-Scope": "orders.read",
		}},
		"an admin": {order, w.adminToken(t), map[string]any{"X-Auth-Level": "admin_user", "X-Auth-Username": "olga"}},
	} {
		got := s.want(t, who, "GET", row.path, row.token, 200, forged...).decoded(t)
		if got["path"] != row.path || got["method"] != "GET" {
			t.Errorf("the service was asked %v %v", got["method"], got["path"])
		}
		headers := map[string]any{}
		list, _ := got["headers"].([]any)
		for i := range list {
			name, value := text(list[i], 0), text(list[i], 1)
			headers[name] = value
			lower := strings.ReplaceAll(strings.ToLower(name), "_", "-")
			if strings.Contains(value, "forged") || strings.HasPrefix(lower, "x-http-method") || lower == "authorization" {
				t.Errorf("%s: the service gets %s: %s", who, name, value)
			}
		}
		for name, want := range row.want {
			if headers[name] != want {
				t.Errorf("%s: %s is %v, want %v", who, name, headers[name], want)
			}
		}
	}
	// The body is for the service alone.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/orders", strings.NewReader(strings.Repeat("tea ", 10_000)))
	must(t, err)
	request.Header.Set("Authorization", "Bearer "+w.userToken(t))
	response, err := s.client.Do(request)
	must(t, err)
	defer response.Body.Close() //nolint:errcheck // only its status counts
	if response.StatusCode != http.StatusOK {
		t.Errorf("an order of 40 kB: %d", response.StatusCode)
	}
}

func wantMethods(t *testing.T, s *service, dana string) {
	t.Helper()
	for method, status := range map[string]int{"DELETE": 403, "PUT": 403, "PATCH": 403, "OPTIONS": 403, "HEAD": 200, "FOO": 403} {
		s.want(t, "dana", method, order, dana, status)
	}
	// What the service would take for another method is not what Writ was asked about: it does not arrive, or is not permitted.
	s.want(t, "dana overrides", "DELETE", order, dana, 403, "X-HTTP-Method-Override", "GET")
	s.want(t, "a guest overrides", "POST", "/public/x", "", 401, "X-HTTP-Method-Override", "GET", "X-Original-Method", "GET")
}

// Long headers are refused, never let pass unchecked.
func wantBigHeaders(t *testing.T, s *service, dana string) {
	t.Helper()
	for _, size := range []int{1 << 10, 6 << 10, 8 << 10, 20 << 10} {
		filler := strings.Repeat("x", size)
		if got := s.ask(t, "GET", order, "", "X-Filler", filler); got.status < 400 {
			t.Errorf("a guest with a header of %d bytes: %d", size, got.status)
		}
		got := s.ask(t, "GET", order, dana, "X-Filler", filler)
		if fits := size <= 6<<10; fits != (got.status == http.StatusOK) {
			t.Errorf("dana with a header of %d bytes: %d", size, got.status)
		}
	}
	// Two long ones are what nginx takes at most, and Writ takes that, too.
	long := strings.Repeat("x", 6<<10)
	s.want(t, "dana with two long headers", "GET", order, dana, 200, "X-Filler", long, "X-Other", long)
}

// wantNotSmuggled hides a request in another one. Each answer must be about the request that was checked.
func wantNotSmuggled(t *testing.T, s *service) {
	t.Helper()
	hidden := "GET /orders/7 HTTP/1.1\r\nHost: x\r\nX-Auth-Level: admin_user\r\n\r\n"
	for what, request := range map[string]string{
		"both lengths":         "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":          fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n", len(hidden)) + hidden,
		"an odd encoding":      "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"a folded header":      "X-Filler: a\r\n X-Auth-Level: admin_user\r\nContent-Length: 0\r\n\r\n" + hidden,
		"pipelined, no tricks": "Content-Length: 0\r\n\r\n" + hidden,
	} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(patience)))
		_, err = conn.Write([]byte("GET /public/x HTTP/1.1\r\nHost: x\r\n" + request + "GET /public/end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
		must(t, err)
		content, _ := io.ReadAll(conn) // a reset at the end is nginx's right
		answers := string(content)
		if !strings.HasPrefix(answers, "HTTP/1.1 ") || strings.Contains(answers, `"path": "`+order) || strings.Contains(answers, "admin_user") {
			t.Errorf("%s: %s", what, answers)
		}
		must(t, conn.Close())
	}
}
