package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of a connection: what a slow or greedy client can hold.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 60 * time.Second // a long poll waits up to 25 s
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// HTTPServer is an http.Server whose connections notice requests that two readers would cut differently.
type HTTPServer struct {
	*http.Server

	tls         *tls.Config
	connections *connections // nil: no bound
}

// HTTPServer gives the http.Server that this handler is meant to run in.
func (s *Server) HTTPServer() *HTTPServer {
	h := &HTTPServer{tls: s.TLS, connections: s.connections, Server: &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, conn)
		},
	}}
	if h.connections != nil {
		h.ConnState = h.connections.watch
	}
	h.RegisterOnShutdown(s.end)
	return h
}

// Serve accepts connections until the server is shut down. TLS is below the watch on the framing, which must see what is inside. net/http
// then takes the connections for plain ones: a handshake is bounded like the headers behind it, and there is no HTTP/2.
func (h *HTTPServer) Serve(l net.Listener) error {
	if h.connections != nil {
		l = boundedListener{l, h.connections}
	}
	if h.tls != nil {
		l = tls.NewListener(l, h.tls)
	}
	return h.Server.Serve(framingListener{l})
}

type connectionKey struct{}

// ambiguousLength tells whether a request came with both Content-Length and Transfer-Encoding: a proxy that believes the other one
// would let a second request hide in the body. RFC 9112 §6.1.
func ambiguousLength(r *http.Request) bool {
	if len(r.TransferEncoding) == 0 {
		return false
	}
	conn, is := r.Context().Value(connectionKey{}).(*framingConn)
	return is && conn.framing.ambiguous.Load()
}
