package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/writ-auth/writ/server"
)

// ports is what a server listens on.
type ports struct {
	main    net.Listener
	metrics net.Listener // nil: /metrics of main
}

// openPorts listens and reads the certificate, and says what clients will find there.
func (w *wiring) openPorts(ctx context.Context) (_ *ports, err error) {
	if w.hasTLS() {
		if w.certificate, err = loadCertificate(w.tlsCert, w.tlsKey, w.now, w.logger); err != nil {
			return nil, err
		}
	}
	p := &ports{}
	if p.main, err = listen(ctx, w.listen); err != nil {
		return nil, err
	}
	if w.metricsListen != "" {
		if p.metrics, err = listen(ctx, w.metricsListen); err != nil {
			p.close()
			return nil, err
		}
		w.logger.InfoContext(ctx, "metrics are served", "address", address("http", p.metrics.Addr())+"/metrics")
	}
	if w.publicURL == "" {
		w.publicURL = publicURL(w.scheme(), p.main.Addr())
	}
	return p, nil
}

// close matters only when the start fails: a server closes what it has served on.
func (p *ports) close() {
	for _, listener := range []net.Listener{p.main, p.metrics} {
		if listener != nil {
			listener.Close() //nolint:errcheck,gosec // see above
		}
	}
}

// loops are what belongs to the ports and runs as long as the server does.
func (p *ports) loops(w *wiring) (all []func(context.Context) error) {
	if w.certificate != nil {
		all = append(all, w.certificate.Run)
	}
	if p.metrics != nil {
		all = append(all, func(ctx context.Context) error { return serveMetrics(ctx, p.metrics, w.handler.MetricsHandler()) })
	}
	return all
}

// tlsConfig is nil for plain HTTP.
func (w *wiring) tlsConfig() *tls.Config {
	if w.certificate == nil {
		return nil
	}
	return server.TLSConfig(w.certificate.get)
}

// serveMetrics serves until ctx ends. A scrape that is cut off comes again.
func serveMetrics(ctx context.Context, listener net.Listener, handler http.Handler) error {
	metrics := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	defer context.AfterFunc(ctx, func() { metrics.Close() })() //nolint:errcheck,gosec // see above
	if err := metrics.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

func listen(ctx context.Context, to string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", to)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", to, reason(err))
	}
	return listener, nil
}

// reason leaves out what net puts around the reason: the address is named already.
func reason(err error) error {
	if system, is := errors.AsType[*os.SyscallError](err); is {
		return system.Err
	}
	return err
}
