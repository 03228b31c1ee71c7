// Package verifier checks Writ's access tokens in a resource server: offline, in microseconds, and yet a token that was revoked is refused
// within a fraction of a second.
//
// A Verifier knows an issuer by its URL alone. It discovers the rest, keeps the keys and follows the revocation feed (docs/feed.md) in the
// background; Verify reads memory. With the credentials of the application's client it gets the policy and changes of roles besides, so that
// it also decides whether a caller may do something, without asking anybody.
//
//	v, err := verifier.New(ctx, verifier.Config{
//		Issuer:       "https://id.example.com/acme/shop",
//		ClientID:     os.Getenv("WRIT_CLIENT_ID"), // optional
//		ClientSecret: os.Getenv("WRIT_CLIENT_SECRET"),
//	})
//	if err != nil {
//		return err
//	}
//	defer v.Close()
//
//	mux := http.NewServeMux()
//	mux.Handle("GET /orders/{id}", v.Handler(showOrder, verifier.RequirePermission()))
//	mux.Handle("GET /catalogue/", v.Handler(catalogue, verifier.AllowGuest()))
//	mux.Handle("POST /refunds", v.Handler(refund, verifier.RequireRole("clerk"), verifier.RequireScope("refunds")))
//
// and in a handler
//
//	token, _ := verifier.FromContext(r.Context())
//	log.Info("order shown", "by", token.Subject())
//
// Whatever is not known is refused: the zero value of every option is the safe one, and when the feed cannot be reached, tokens that never
// expire are refused after a minute and all others after half an hour (Config.MaxStale, Config.MaxStaleAll), with ErrStale.
//
// docs/verifier.md has the errors, the defaults, and what happens when something is down. Package verifytest gives tests an issuer, package
// echoverify serves echo. The package needs neither cgo nor a database; of third parties it imports jwx alone.
package verifier
