package server

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

const goldenRoutes = "testdata/routes.golden"

// The route table is public: who may do what. A change shows up here.
func TestRouteTableIsAsWritten(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for _, rt := range (&Server{}).table() {
		fmt.Fprintf(&out, "%-9s %-70s %s\n", strings.Join(rt.methods, "|"), rt.path, rt.access)
	}
	if *update {
		must(t, os.MkdirAll("testdata", 0o750))
		must(t, os.WriteFile(goldenRoutes, []byte(out.String()), 0o600))
	}
	golden, err := os.ReadFile(goldenRoutes)
	must(t, err)
	if string(golden) != out.String() {
		t.Errorf("the table differs from %s; if that is meant, run with -update:\n%s", goldenRoutes, out.String())
	}
}

func TestEveryRouteHasAnAccessKindAndAHandler(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, rt := range (&Server{}).table() {
		if rt.access == nobody || rt.handle == nil {
			t.Errorf("%v %s: access %v", rt.methods, rt.path, rt.access)
		}
		for _, method := range rt.methods {
			if seen[method+rt.path] {
				t.Errorf("%s %s is twice in the table", method, rt.path)
			}
			seen[method+rt.path] = true
		}
		if rt.access == organizationAccess && !strings.Contains(rt.path, ":org") ||
			rt.access == adminSelf && !strings.Contains(rt.path, ":user") {
			t.Errorf("%s: %v needs a parameter", rt.path, rt.access)
		}
	}
}

// §1.3: an unsupported method is 405 with an exact Allow on every path, never the catch-all's answer.
func TestEveryPathAnswers405WithItsMethods(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	allowed := map[string][]string{}
	for _, rt := range f.routes {
		for _, method := range rt.methods {
			allowed[rt.path] = append(allowed[rt.path], method)
			if method == http.MethodGet {
				allowed[rt.path] = append(allowed[rt.path], http.MethodHead)
			}
		}
	}
	allowed[mePath] = allowed[userPath]
	fill := strings.NewReplacer(":org", "acme", ":app", "shop", ":user", "dana", ":role", "default", ":group", "g", ":jti", "x")
	for path, methods := range allowed {
		if slices.Contains(methods, anyMethod) {
			continue
		}
		slices.Sort(methods)
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "BREW", "OPTIONS"} {
			if slices.Contains(methods, method) {
				continue
			}
			a := f.do(t, method, fill.Replace(path), "")
			if a.Code != http.StatusMethodNotAllowed || a.Header().Get("Allow") != strings.Join(methods, ", ") ||
				a.body["error"] != "not_allowed" {
				t.Errorf("%s %s: %d, Allow %q, want %q: %s", method, path, a.Code, a.Header().Get("Allow"), methods, a.text)
			}
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	lost := fails("service_resource_not_found", "Service resource not found")
	f.run(t, []scenario{
		{name: "no route", method: "GET", path: "/nothing", wantStatus: 404, wantBody: map[string]any{"error": "not_found", "exception": "NotFoundException"}},
		{name: "no route, JSON shape in a form too", method: "POST", path: "/nothing", body: "a=b", wantStatus: 404, wantBody: map[string]any{"error": "not_found"}},
		{name: "no route under management", method: "GET", path: "/management/nothing", wantStatus: 404, wantBody: map[string]any{"error": "not_found"}},
		{name: "behind a route under management", method: "GET", path: "/management/token/x", wantStatus: 404, wantBody: map[string]any{"error": "not_found"}},
		{name: "dot segments", method: "GET", path: "/acme/shop/users/../roles", wantStatus: 404, wantBody: map[string]any{"error": "not_found"}},
		{
			name: "unknown application", method: "POST", path: "/acme/void/token?x=1", body: "{", wantStatus: 404,
			wantBody: fails("organization_application_not_found", "Could not find application for acme/void from URI: /acme/void/token"),
		},
		{name: "unknown organization", method: "GET", path: "/nobody/shop/users", wantStatus: 404, wantBody: map[string]any{"error": "organization_application_not_found"}},
		{name: "unknown uuid", method: "GET", path: "/" + someUUID, wantStatus: 404, wantBody: map[string]any{"error": "organization_application_not_found"}},
		{name: "unknown collection, no right", method: "GET", path: "/acme/shop/things", wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}},
		{name: "unknown collection, with the right", method: "GET", path: "/acme/shop/things", headers: []string{f.asShop(t)}, wantStatus: 404, wantBody: lost},
		{name: "unknown collection, open application", method: "GET", path: "/acme/sandbox/things", wantStatus: 404, wantBody: lost},
		{name: "behind the last parameter", method: "GET", path: "/acme/sandbox/roles/guest/users/dana/x/y", wantStatus: 404, wantBody: lost},
	})
}

// §1.3: HEAD is GET without body.
func TestHeadIsGetWithoutBody(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	for path, want := range map[string]int{"/healthz": 200, "/.well-known/jwks.json": 200, "/nothing": 404, "/acme/shop/tokens": 401} {
		get, head := f.do(t, "GET", path, ""), f.do(t, "HEAD", path, "")
		if head.Code != want || head.text != "" || head.Header().Get("Content-Length") != get.Header().Get("Content-Length") {
			t.Errorf("HEAD %s: %d %q, length %s", path, head.Code, head.text, head.Header().Get("Content-Length"))
		}
	}
}
