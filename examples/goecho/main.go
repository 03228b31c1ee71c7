// Command goecho is a resource server on Echo: the API of ../gohttp with verifier/echoverify in front of its handlers.
//
//	WRIT_ISSUER=http://127.0.0.1:8080/demo/app go run ./examples/goecho
//
// README.md has the settings, and what who may do.
package main

import (
	"cmp"
	"context"
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

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/verifier"
	"github.com/writ-auth/writ/verifier/echoverify"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "goecho:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config := verifier.Config{
		Issuer:           os.Getenv("WRIT_ISSUER"),
		ClientID:         os.Getenv("WRIT_CLIENT_ID"),
		ClientSecret:     os.Getenv("WRIT_CLIENT_SECRET"),
		ManagementIssuer: os.Getenv("WRIT_MANAGEMENT_ISSUER"),
		Organization:     os.Getenv("WRIT_ORGANIZATION"),
		Logger:           slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	for name, bound := range map[string]*time.Duration{"WRIT_MAX_STALE": &config.MaxStale, "WRIT_MAX_STALE_ALL": &config.MaxStaleAll} {
		number, err := strconv.ParseUint(cmp.Or(os.Getenv(name), "0"), 10, 31)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*bound = time.Duration(number) * time.Second // 0: the verifier's default
	}
	// Reads the issuer's metadata, keys and revocations. A server that cannot get them does not start.
	v, err := verifier.New(ctx, config)
	if err != nil {
		return err
	}
	defer v.Close()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:9000"))
	if err != nil {
		return err
	}
	e := routes(v)
	e.Listener = listener
	context.AfterFunc(ctx, func() { _ = e.Close() })
	fmt.Println("listens on http://" + listener.Addr().String())
	if err := e.Start(""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// routes says who may do what.
func routes(v *verifier.Verifier) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Server.ReadHeaderTimeout = 5 * time.Second
	guard := func(requirements ...verifier.Requirement) echo.MiddlewareFunc {
		return echoverify.Middleware(v, requirements...)
	}
	e.GET("/whoami", whoami, guard())
	orders := guard(verifier.RequireRole("reader"))
	e.GET("/orders/:id", order, orders)
	e.HEAD("/orders/:id", order, orders)
	e.POST("/jobs", job, guard(verifier.RequireLevel(claims.Application, claims.Organization)))

	// Decided by the application's rules, which Writ gives its clients only.
	e.POST("/orders", order, guard(verifier.RequirePermission()))
	e.GET("/reports/:name", report, guard(verifier.Require("get:/reports/**")))
	e.GET("/catalogue/:item", item, guard(verifier.AllowGuest()))
	return e
}

func whoami(c echo.Context) error {
	token, _ := echoverify.Token(c)
	return answer(c, map[string]any{"subject": token.Subject(), "level": token.Level(), "username": token.Username()})
}

func order(c echo.Context) error {
	token, _ := echoverify.Token(c)
	return answer(c, map[string]any{"order": c.Param("id"), "for": token.Subject()})
}

func report(c echo.Context) error { return answer(c, map[string]any{"report": c.Param("name")}) }

func job(c echo.Context) error { return answer(c, map[string]any{"started": true}) }

// item is shown to guests, too.
func item(c echo.Context) error {
	_, known := echoverify.Token(c)
	return answer(c, map[string]any{"item": c.Param("item"), "guest": !known})
}

func answer(c echo.Context, body map[string]any) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, body)
}
