// Command gohttp is a resource server on net/http: a small API of orders that takes Writ's tokens, checks them offline, and refuses a
// revoked one within a fraction of a second.
//
//	WRIT_ISSUER=http://127.0.0.1:8080/demo/app go run ./examples/gohttp
//
// README.md has the settings, and what who may do.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/verifier"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gohttp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := configuration()
	if err != nil {
		return err
	}
	// Reads the issuer's metadata, keys and revocations. A server that cannot get them does not start.
	v, err := verifier.New(ctx, config)
	if err != nil {
		return err
	}
	defer v.Close()
	return serve(ctx, routes(v))
}

// routes says who may do what. Every handler is behind the verifier: there is none that somebody could forget to guard.
func routes(v *verifier.Verifier) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /whoami", v.Handler(http.HandlerFunc(whoami)))
	mux.Handle("GET /orders/{id}", v.Handler(http.HandlerFunc(order), verifier.RequireRole("reader")))
	mux.Handle("POST /jobs", v.Handler(http.HandlerFunc(job), verifier.RequireLevel(claims.Application, claims.Organization)))

	// Decided by the application's rules, which Writ gives its clients only.
	mux.Handle("POST /orders", v.Handler(http.HandlerFunc(order), verifier.RequirePermission()))
	mux.Handle("GET /reports/{name}", v.Handler(http.HandlerFunc(report), verifier.Require("get:/reports/**")))
	mux.Handle("GET /catalogue/{item}", v.Handler(http.HandlerFunc(item), verifier.AllowGuest()))
	return mux
}

func whoami(w http.ResponseWriter, r *http.Request) {
	token, _ := verifier.FromContext(r.Context())
	answer(w, map[string]any{"subject": token.Subject(), "level": token.Level(), "username": token.Username()})
}

func order(w http.ResponseWriter, r *http.Request) {
	token, _ := verifier.FromContext(r.Context())
	answer(w, map[string]any{"order": r.PathValue("id"), "for": token.Subject()})
}

func report(w http.ResponseWriter, r *http.Request) {
	answer(w, map[string]any{"report": r.PathValue("name")})
}

func job(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"started": true}) }

// item is shown to guests, too.
func item(w http.ResponseWriter, r *http.Request) {
	_, known := verifier.FromContext(r.Context())
	answer(w, map[string]any{"item": r.PathValue("item"), "guest": !known})
}

func answer(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(body) // the caller may have gone
}

// configuration reads the environment.
func configuration() (verifier.Config, error) {
	maxStale, err := seconds("WRIT_MAX_STALE")
	if err != nil {
		return verifier.Config{}, err
	}
	maxStaleAll, err := seconds("WRIT_MAX_STALE_ALL")
	return verifier.Config{
		Issuer:           os.Getenv("WRIT_ISSUER"),
		ClientID:         os.Getenv("WRIT_CLIENT_ID"),
		ClientSecret:     os.Getenv("WRIT_CLIENT_SECRET"),
		ManagementIssuer: os.Getenv("WRIT_MANAGEMENT_ISSUER"),
		Organization:     os.Getenv("WRIT_ORGANIZATION"),
		MaxStale:         maxStale,
		MaxStaleAll:      maxStaleAll,
		Logger:           slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}, err
}

// seconds is 0, which is the verifier's default, without the variable.
func seconds(name string) (time.Duration, error) {
	number, err := strconv.ParseUint(cmp.Or(os.Getenv(name), "0"), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return time.Duration(number) * time.Second, nil
}

func serve(ctx context.Context, handler http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:9000"))
	if err != nil {
		return err
	}
	fmt.Println("listens on http://" + listener.Addr().String())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
