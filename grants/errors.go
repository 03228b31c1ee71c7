package grants

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Dialect is the notation a token request is written in; it decides the shape and the code of some errors (wire contract §1.2).
type Dialect int

// The two dialects.
const (
	Usergrid Dialect = iota // JSON bodies and GET requests
	RFC6749                 // form bodies
)

// Wire is what the caller sees of an error.
type Wire struct {
	Status      int    // HTTP status
	Code        string // the member "error"
	Description string // the member "error_description"; ASCII without quotes and backslashes in the RFC 6749 dialect
}

// Error is one situation of the error catalogue (wire contract §10). It travels up unchanged and one function of the server
// writes it. Cause is for the log only; it never reaches the caller.
type Error struct {
	Wire
	// RFC is the answer in the RFC 6749 dialect; the zero value means the same answer.
	RFC Wire
	// Cause is the private reason, never a secret.
	Cause error
	// RetryAfter is sent in whole seconds, rounded up, if positive.
	RetryAfter time.Duration
	// Basic asks for a challenge of the Basic scheme: the credentials came in an Authorization header of that scheme.
	Basic bool
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Description, e.Cause)
	}
	return e.Code + ": " + e.Description
}

func (e *Error) Unwrap() error { return e.Cause }

// In gives the answer in a dialect.
func (e *Error) In(d Dialect) Wire {
	if d == RFC6749 && e.RFC.Status != 0 {
		return e.RFC
	}
	return e.Wire
}

// Because returns a copy that carries a private cause.
func (e *Error) Because(cause error) *Error {
	with := *e
	with.Cause = cause
	return &with
}

// Level is the level the error is logged with: failures of ours are errors, everything else is the caller's, who may have left, too.
func (e *Error) Level() slog.Level {
	if errors.Is(e.Cause, context.Canceled) {
		return slog.LevelInfo
	}
	if e.Status >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// NewError makes an error that is the same in both dialects.
func NewError(status int, code, description string) *Error {
	return &Error{Wire: Wire{status, code, description}}
}

// rfc sets status and code of the RFC 6749 dialect. The catalogue has one description for both.
func (e *Error) rfc(status int, code string) *Error {
	e.RFC = Wire{status, code, e.Description}
	return e
}

const badLogin = "invalid username or password"

// InvalidGrant is 400 invalid_grant in both dialects. RFC 6749 §5.2.
func InvalidGrant(description string) *Error {
	return NewError(http.StatusBadRequest, "invalid_grant", description)
}

// BadLogin is the one answer to an unknown user, a wrong password and a wrong PIN.
func BadLogin() *Error { return InvalidGrant(badLogin) }

// MissingParameter is a token request without something the grant needs; the log names it.
func MissingParameter(name string) *Error {
	return BadLogin().rfc(http.StatusBadRequest, "invalid_request").Because(errors.New("missing parameter: " + name))
}

// UnsupportedGrant is a grant_type this endpoint does not know.
func UnsupportedGrant() *Error {
	return BadLogin().rfc(http.StatusBadRequest, "unsupported_grant_type")
}

// UnauthorizedClient is a grant that is switched off for this application or client.
func UnauthorizedClient() *Error {
	return BadLogin().rfc(http.StatusBadRequest, "unauthorized_client")
}

// InvalidClient is a failed client authentication at a token endpoint; basic says that it came by the Basic scheme.
func InvalidClient(basic bool) *Error {
	e := BadLogin().rfc(http.StatusUnauthorized, "invalid_client")
	e.Basic = basic
	return e
}

// InvalidRequest is malformed in the words of RFC 6749; the Usergrid dialect calls it illegal_argument.
func InvalidRequest(description string) *Error {
	return IllegalArgument(description).rfc(http.StatusBadRequest, "invalid_request")
}

// IllegalArgument is 400 illegal_argument in both dialects.
func IllegalArgument(description string) *Error {
	return NewError(http.StatusBadRequest, "illegal_argument", description)
}

// StrictlyRefused is a legacy feature under compat=strict; it names the feature.
func StrictlyRefused(feature string) *Error {
	return NewError(http.StatusBadRequest, "invalid_request", feature+" is switched off (compat=strict)")
}

// InvalidScope is a scope the application does not list.
func InvalidScope(scope string) *Error {
	return NewError(http.StatusBadRequest, "invalid_scope", "scope not allowed: "+scope)
}

// TooManyAttempts is a throttled account, client or address.
func TooManyAttempts(wait time.Duration) *Error {
	e := NewError(http.StatusTooManyRequests, "too_many_requests", "Too many attempts")
	e.RetryAfter = max(wait, time.Second)
	return e
}

// Unavailable is 503: the database or the hashing pool cannot answer now.
func Unavailable(cause error) *Error {
	e := NewError(http.StatusServiceUnavailable, "service_unavailable", "Service temporarily unavailable").
		rfc(http.StatusServiceUnavailable, "temporarily_unavailable")
	e.RetryAfter, e.Cause = time.Second, cause
	return e
}

// Internal is a failure inside Writ; nothing of its cause is shown.
func Internal(cause error) *Error {
	return NewError(http.StatusInternalServerError, "internal_error", "Internal error").
		rfc(http.StatusInternalServerError, "server_error").Because(cause)
}

// Errors of access tokens on requests (wire contract §5).
var (
	ErrBadToken = NewError(http.StatusUnauthorized, "auth_bad_access_token", "Unable to authenticate due to corrupt access token")
	ErrExpired  = NewError(http.StatusUnauthorized, "expired_token", "Unable to authenticate due to expired access token")
	ErrRevoked  = NewError(http.StatusUnauthorized, "auth_invalid", "Unable to authenticate")
	ErrDisabled = NewError(http.StatusUnauthorized, "authentication", "Disabled identity")
	ErrInactive = NewError(http.StatusUnauthorized, "authentication", "Unactivated identity")
)

// Errors of other credentials on requests (wire contract §5).
var (
	ErrClientParameters = NewError(http.StatusUnauthorized, "invalid_client", "Unable to authenticate (OAuth)")
	ErrBasic            = &Error{
		Wire:  Wire{http.StatusUnauthorized, "auth_invalid_credentials", "Unable to authenticate due to invalid client credentials"},
		Basic: true,
	}
	ErrScheme    = NewError(http.StatusUnauthorized, "auth_invalid_credentials", "Unable to authenticate due to invalid client credentials")
	ErrSuperuser = &Error{Wire: Wire{http.StatusUnauthorized, "unauthorized", "No system access authorized"}, Basic: true}
)
