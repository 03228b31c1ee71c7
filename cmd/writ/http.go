package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/writ-auth/writ/server"
)

// drainTime is how long requests in flight may take after SIGTERM.
const drainTime = 10 * time.Second

// serveUntil serves until ctx ends, then stops accepting, drains, and stops the loops last: a request in flight may still
// need them. A loop that fails ends everything.
func serveUntil(ctx context.Context, listener net.Listener, httpServer *server.HTTPServer, logger *slog.Logger, loops ...func(context.Context) error) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, running := errgroup.WithContext(running)
	for _, loop := range loops {
		group.Go(func() error {
			if err := loop(running); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		if err := httpServer.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-running.Done():
		}
		defer stop()
		drain(context.WithoutCancel(ctx), httpServer, logger)
		return nil
	})
	return group.Wait()
}

func drain(ctx context.Context, httpServer *server.HTTPServer, logger *slog.Logger) {
	logger.InfoContext(ctx, "draining", "at most", drainTime)
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	if err := httpServer.Shutdown(ctx); err != nil {
		logger.WarnContext(ctx, "requests were cut off", "cause", err)
		httpServer.Close() //nolint:errcheck,gosec // nothing is left to be done about it
	}
	logger.InfoContext(ctx, "stopped")
}

func address(scheme string, listening net.Addr) string { return scheme + "://" + listening.String() }

// publicURL is the default of the setting. An unspecified address is nothing that a client could use.
func publicURL(scheme string, listening net.Addr) string {
	if tcp, is := listening.(*net.TCPAddr); is && tcp.IP.IsUnspecified() {
		return scheme + "://localhost:" + strconv.Itoa(tcp.Port)
	}
	return address(scheme, listening)
}
