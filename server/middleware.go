package server

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// Header values that never change: assigned as they are, without an allocation per request.
var (
	noStore = []string{"no-store"}
	noCache = []string{"no-cache"}
	noSniff = []string{"nosniff"}
)

// prepare sets the headers that every answer has, errors too (§1.6).
func (r *request) prepare() {
	header := r.Response().Header()
	header[echo.HeaderCacheControl] = noStore
	header[echo.HeaderXContentTypeOptions] = noSniff
	header[echo.HeaderXRequestID] = []string{requestID(r.Request().Header.Get(echo.HeaderXRequestID))}
	if isConfidential(r.route.path) {
		header["Pragma"] = noCache
	}
	// A chunked request ends the connection: what follows it could be a request hidden from a proxy. See HTTPServer.
	if len(r.Request().TransferEncoding) > 0 {
		header[echo.HeaderConnection] = []string{"close"}
	}
	r.cors(r.server.AllowedOrigins)
}

// isConfidential tells whether a path answers with tokens or credentials or about them. Nothing it says, errors included, may be kept by caches
// that only know HTTP/1.0 (§1.6, RFC 6749 §5.1).
func isConfidential(path string) bool {
	switch path[strings.LastIndexByte(path, '/')+1:] {
	case "token", "revoke", "introspect", "revoketoken", "revoketokens", "credentials":
		return true
	}
	return path == "/management/me"
}

// requestID keeps an identifier that a proxy has given, if it is plain and short.
func requestID(given string) string {
	if given == "" || len(given) > 64 {
		return rand.Text()
	}
	for _, c := range []byte(given) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.' {
			return rand.Text()
		}
	}
	return given
}

// finish ends every request: a panic becomes 500 without detail, features are counted, and one event is logged.
func (s *Server) finish(r *request) {
	if cause := recover(); cause != nil {
		if cause == http.ErrAbortHandler { //nolint:errorlint // the value net/http documents, not a wrapped error
			panic(cause)
		}
		s.metrics.panics.Inc()
		s.Logger.ErrorContext(r.ctx(), "panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		if !r.Response().Committed {
			r.failed = r.fail(fmt.Errorf("panic: %v", cause))
		}
	}
	s.countLegacy(r)
	took := s.Now().Sub(r.started)
	s.measure(r, took)
	r.endSpan()
	s.log(r, took)
}

// log writes the one event of a request: what was asked in the words of the route table, never a query, header or body.
func (s *Server) log(r *request, took time.Duration) {
	level := slog.LevelInfo
	if r.failed != nil {
		level = r.failed.Level()
	}
	ctx := r.ctx()
	if level == slog.LevelInfo && r.inProcess() != nil {
		level = slog.LevelDebug // a page asks several times and is an event of its own
	}
	if !s.Logger.Enabled(ctx, level) {
		return
	}
	fields := make([]slog.Attr, 0, 10)
	fields = append(fields,
		slog.String("method", r.Request().Method),
		slog.String("route", r.route.path),
		slog.Int("status", r.status),
		slog.Duration("duration", took),
		slog.String("request", r.Response().Header().Get(echo.HeaderXRequestID)),
		slog.String("source", r.source()),
	)
	if r.span != nil {
		fields = append(fields, slog.String("trace", r.span.ID()))
	}
	switch {
	case r.issued != nil:
		fields = append(fields, slog.String("caller", string(r.issued.Level)), slog.String("client", r.issued.ClientID))
	case r.caller != nil && r.caller.Claims != nil:
		fields = append(fields, slog.String("caller", string(r.caller.Level)), slog.String("client", r.caller.Claims.ClientID))
	case r.caller != nil:
		fields = append(fields, slog.String("caller", string(r.caller.Level)))
	}
	if r.failed != nil {
		fields = append(fields, slog.String("error", r.failed.Code))
		if r.failed.Cause != nil && level >= slog.LevelError {
			fields = append(fields, slog.String("cause", r.failed.Cause.Error()))
		}
	}
	s.Logger.LogAttrs(ctx, level, "request", fields...)
}
