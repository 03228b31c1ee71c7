package verifytest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/verifytest"
)

// shop is a resource server as somebody might have it.
func shop(v *verifier.Verifier) http.Handler {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", v.Handler(hello, verifier.RequirePermission()))
	mux.Handle("GET /catalogue", v.Handler(hello, verifier.AllowGuest()))
	return mux
}

func get(handler http.Handler, path, token string) int {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}

// testOrders is what a test file has as func TestOrders(t *testing.T). No Writ server is needed.
func testOrders(t *testing.T) {
	t.Helper()
	server := verifytest.New(t)
	v := server.Verifier()
	handler := shop(v)
	server.SetPolicy(revocation.Policy{Roles: map[string][]string{"clerk": {"get:/orders/*"}}, Guest: []string{"get:/catalogue"}})
	server.Wait(v)

	dana := verifytest.User("dana", "clerk")
	token := server.Issue(dana)
	if status := get(handler, "/orders/17", token); status != http.StatusOK {
		t.Errorf("a clerk gets %d", status)
	}
	if status := get(handler, "/orders/17", server.Issue(verifytest.User("erik"))); status != http.StatusForbidden {
		t.Errorf("somebody else gets %d", status)
	}
	if status := get(handler, "/orders/17", ""); status != http.StatusUnauthorized {
		t.Errorf("a guest gets %d", status)
	}
	if status := get(handler, "/catalogue", ""); status != http.StatusOK {
		t.Errorf("a guest gets the catalogue with %d", status)
	}

	server.SetRoles(dana.Subject, nil) // she is no clerk any more
	server.Wait(v)
	if status := get(handler, "/orders/17", token); status != http.StatusForbidden {
		t.Errorf("a former clerk gets %d", status)
	}
	server.Revoke(token)
	server.Wait(v)
	if status := get(handler, "/orders/17", token); status != http.StatusUnauthorized {
		t.Errorf("a revoked token gets %d", status)
	}
}

func Example() {
	tests := []testing.InternalTest{{Name: "TestOrders", F: testOrders}}
	fmt.Println(tests[0].Name, "needs no server")
	// Output: TestOrders needs no server
}
