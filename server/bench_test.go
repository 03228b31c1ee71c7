package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkClientCredentials is the hot path: a form at the token endpoint of an application, everything but the network.
func BenchmarkClientCredentials(b *testing.B) {
	f := newServer(b, options{})
	body := clientForm(f.shopID, f.shopSecret)
	b.ReportAllocs()
	for b.Loop() {
		request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/acme/shop/token", strings.NewReader(body))
		request.RemoteAddr = "192.0.2.1:4711"
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		recorder := httptest.NewRecorder()
		f.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK {
			b.Fatal(recorder.Body)
		}
	}
}
