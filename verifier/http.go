package verifier

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

type contextKey struct{}

// NewContext gives a context that carries a verified token, for handlers and their tests.
func NewContext(ctx context.Context, token *Token) context.Context {
	return context.WithValue(ctx, contextKey{}, token)
}

// FromContext gives the token of the request; false for a guest, and where no Handler of this package is in front.
func FromContext(ctx context.Context) (*Token, bool) {
	token, is := ctx.Value(contextKey{}).(*Token)
	return token, is && token != nil
}

// Handler lets requests through to next that have a good token and fulfil all requirements. next finds the token with FromContext.
func (v *Verifier) Handler(next http.Handler, requirements ...Requirement) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := v.Check(r, requirements...)
		if err != nil {
			WriteError(w, err)
			return
		}
		if token != nil {
			r = r.WithContext(NewContext(r.Context(), token))
		}
		next.ServeHTTP(w, r)
	})
}

// Middleware is Handler for routers that take a func(http.Handler) http.Handler.
func (v *Verifier) Middleware(requirements ...Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return v.Handler(next, requirements...) }
}

// bearer takes the token out of a request. RFC 6750 §2.1: the header is the one place; a token in a query or form ends up in logs.
func bearer(header http.Header) (raw string, present bool, err *Error) {
	values := header["Authorization"]
	if len(values) == 0 {
		return "", false, nil
	}
	// Two headers are two callers.
	if len(values) > 1 {
		return "", true, ErrMalformed
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	// RFC 9110 §11.1: schemes ignore case.
	if !strings.EqualFold(scheme, "Bearer") {
		return "", true, ErrMalformed
	}
	raw = strings.TrimLeft(rest, " ")
	if !isB64Token(raw) {
		return "", true, ErrMalformed
	}
	return raw, true, nil
}

// isB64Token is the syntax of RFC 6750 §2.1.
func isB64Token(text string) bool {
	text = strings.TrimRight(text, "=")
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return text != ""
}

// WriteError answers a refused request: RFC 6750 §3, and 503 with Retry-After while too little is known. Any other error is a 500.
func WriteError(w http.ResponseWriter, err error) {
	reason, is := errors.AsType[*Error](err)
	if !is {
		reason = &Error{description: "internal error", status: http.StatusInternalServerError}
	}
	header := w.Header()
	maps.Copy(header, reason.Header())
	header.Set("Content-Type", "application/json")
	body, _ := json.Marshal(reason.Body())
	w.WriteHeader(reason.status)
	_, _ = w.Write(body)
}

// Header gives the headers of the answer.
func (e *Error) Header() http.Header {
	header := http.Header{"Cache-Control": {"no-store"}}
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest:
		header.Set("WWW-Authenticate", e.challenge())
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	}
	return header
}

// challenge is RFC 6750 §3. §3.1: without credentials there is no error code.
func (e *Error) challenge() string {
	challenge := `Bearer realm="writ"`
	if e.oauth != "" {
		challenge += `, error="` + e.oauth + `", error_description="` + e.description + `"`
	}
	if e.scope != "" {
		challenge += `, scope="` + e.scope + `"`
	}
	return challenge
}

// Body is the JSON of the answer.
func (e *Error) Body() map[string]string {
	name := e.oauth
	switch {
	case name != "":
	case e.status == http.StatusUnauthorized:
		name = "unauthorized"
	case e.status == http.StatusServiceUnavailable:
		name = "temporarily_unavailable"
	default:
		name = "server_error"
	}
	return map[string]string{"error": name, "error_description": e.description}
}
