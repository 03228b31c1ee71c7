package echoverify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/echoverify"
	"github.com/writ-auth/writ/verifier/verifytest"
)

func whoami(c echo.Context) error {
	if token, is := echoverify.Token(c); is {
		return c.String(http.StatusOK, token.Username())
	}
	return c.String(http.StatusOK, "guest")
}

// Whatever net/http answers, echo answers: status, headers and body.
func TestEchoAnswersLikeNetHTTP(t *testing.T) {
	t.Parallel()
	server := verifytest.New(t)
	v := server.Verifier()
	server.SetPolicy(revocation.Policy{Roles: map[string][]string{"clerk": {"get:/orders/**"}}, Guest: []string{"get:/catalogue/*"}})
	server.Wait(v)
	revoked := server.Issue(verifytest.User("dana", "clerk"))
	server.Revoke(revoked)
	server.Wait(v)
	clerk, erik := server.Issue(verifytest.User("dana", "clerk")), server.Issue(verifytest.User("erik"))
	for name, requirements := range map[string][]verifier.Requirement{
		"none": nil, "permission": {verifier.RequirePermission()}, "guests": {verifier.AllowGuest()},
		"level": {verifier.RequireLevel(claims.Application)}, "scope": {verifier.RequireScope("x")}, "rule": {verifier.Require("get:/orders/**")},
	} {
		e := echo.New()
		e.Any("/*", whoami, echoverify.Middleware(v, requirements...))
		plain := v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
			if token, is := verifier.FromContext(r.Context()); is {
				_, _ = fmt.Fprint(w, token.Username())
				return
			}
			_, _ = fmt.Fprint(w, "guest")
		}), requirements...)
		for _, path := range []string{"/orders/17", "/catalogue/1", "/orders//17", "/users"} {
			for who, header := range map[string]string{"nobody": "", "clerk": "Bearer " + clerk, "erik": "Bearer " + erik, "revoked": "Bearer " + revoked, "garbage": "Bearer x"} {
				want, got := ask(t, plain, path, header), ask(t, e, path, header)
				if got != want {
					t.Errorf("%s %s %s:\nnet/http %s\necho     %s", name, path, who, want, got)
				}
			}
		}
	}
}

func ask(t *testing.T, handler http.Handler, path, header string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	h := w.Result().Header
	body := w.Body.String()
	if n := len(body); n > 0 && body[n-1] == '\n' {
		body = body[:n-1] // echo ends JSON with a line feed
	}
	return fmt.Sprint(w.Code, h.Get("WWW-Authenticate"), h.Get("Cache-Control"), h.Get("Retry-After"), h.Get("Content-Type"), body)
}
