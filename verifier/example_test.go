package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/verifier"
)

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	v, err := verifier.New(ctx, verifier.Config{Issuer: "http://127.0.0.1:9/acme/shop"})
	if err != nil {
		// Nobody is there: a resource server does not start without its issuer, unless StartOffline is set.
		fmt.Println("not started")
		return
	}
	defer v.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", v.Handler(http.NotFoundHandler(), verifier.RequirePermission()))
	mux.Handle("GET /catalogue/", v.Handler(http.NotFoundHandler(), verifier.AllowGuest()))
	mux.Handle("POST /refunds", v.Handler(http.NotFoundHandler(), verifier.RequireRole("clerk"), verifier.RequireScope("refunds")))
	mux.Handle("POST /jobs", v.Handler(http.NotFoundHandler(), verifier.RequireLevel(claims.Application)))
	// Output: not started
}

func ExampleVerifier_Verify() {
	explain := func(err error) string {
		switch {
		case err == nil:
			return "welcome"
		case errors.Is(err, verifier.ErrRevoked), errors.Is(err, verifier.ErrExpired):
			return "log in again"
		case errors.Is(err, verifier.ErrStale), errors.Is(err, verifier.ErrUnavailable):
			return "try again in a few seconds"
		default:
			return "refused"
		}
	}
	fmt.Println(explain(verifier.ErrRevoked))
	fmt.Println(explain(verifier.ErrStale))
	fmt.Println(explain(verifier.ErrAudience))
	// Output:
	// log in again
	// try again in a few seconds
	// refused
}
