package verifier

import (
	"net/http"
	"time"
)

// Error says why a token or a request is refused. Compare with errors.Is and the Err… values of this package; errors.As gives what to
// answer. Nothing in it repeats a token.
type Error struct {
	code        string
	description string
	status      int
	oauth       string
	scope       string
	cause       error
}

// The reasons. All of them mean that the request must be refused: 401 for a token that is not good, 403 for a good one whose holder may
// not do this, 503 when the verifier knows too little to say.
var (
	// ErrMissing: the request has no credentials.
	ErrMissing = &Error{code: "missing", description: "an access token is required", status: http.StatusUnauthorized}
	// ErrMalformed: not a token as Writ writes it, or of another typ, or with a header or claim that a token must not have.
	ErrMalformed = token("malformed", "the token is malformed")
	// ErrAlgorithm: alg is not the key's, or is not on the allow-list.
	ErrAlgorithm = token("algorithm", "the token's algorithm is not accepted")
	// ErrUnknownKey: no key with this kid is published.
	ErrUnknownKey = token("unknown_key", "the token's key is not known")
	// ErrSignature: the signature does not hold.
	ErrSignature = token("signature", "the token's signature does not hold")
	// ErrIssuer: another issuer, or a level that this issuer has no tokens of.
	ErrIssuer = token("issuer", "the token's issuer is not trusted")
	// ErrAudience: a token for somebody else.
	ErrAudience = token("audience", "the token is for another audience")
	// ErrOrganization: a management token without access to the organization.
	ErrOrganization = token("organization", "the token is for another organization")
	// ErrExpired: its time is over.
	ErrExpired = token("expired", "the token has expired")
	// ErrNotYet: it was issued in the future.
	ErrNotYet = token("not_yet", "the token was issued in the future")
	// ErrNonExpiring: it does not expire, and such tokens are not accepted here.
	ErrNonExpiring = token("non_expiring", "tokens that do not expire are not accepted")
	// ErrRevoked: the token, its subject, its key or its issuer is denied.
	ErrRevoked = token("revoked", "the token has been revoked")

	// ErrLevel, ErrRole, ErrScope and ErrPermission: the token is good, and its holder may not do this.
	ErrLevel      = forbidden("level", "the token is of another level")
	ErrRole       = forbidden("role", "a role is missing")
	ErrScope      = forbidden("scope", "a scope is missing")
	ErrPermission = forbidden("permission", "no rule permits this")
	// ErrPath: the path could be read as another one, so no rule can be asked about it.
	ErrPath = &Error{code: "path", description: "the path is ambiguous", status: http.StatusBadRequest, oauth: "invalid_request"}

	// ErrStale: what is known about revocations is too old for this token.
	ErrStale = &Error{code: "stale", description: "revocations cannot be checked at the moment", status: http.StatusServiceUnavailable}
	// ErrUnavailable: the issuer could not be asked yet.
	ErrUnavailable = &Error{code: "unavailable", description: "tokens cannot be checked at the moment", status: http.StatusServiceUnavailable}
	// ErrNoPolicy: rules are needed, and there are none: a Config without client credentials gets no policy, and the token has no claim
	// permissions. A mistake of the set-up, not of the caller.
	ErrNoPolicy = &Error{code: "no_policy", description: "permissions cannot be checked here", status: http.StatusInternalServerError}
)

func token(code, description string) *Error {
	return &Error{code: code, description: description, status: http.StatusUnauthorized, oauth: "invalid_token"}
}

func forbidden(code, description string) *Error {
	return &Error{code: code, description: description, status: http.StatusForbidden, oauth: "insufficient_scope"}
}

// retryAfter is what a caller is told when an issuer cannot be reached: the follower tries again within seconds.
const retryAfter = 5 * time.Second

// Code names the reason; it is fit for a metric's label.
func (e *Error) Code() string { return e.code }

// Description may be shown to the caller.
func (e *Error) Description() string { return e.description }

// Status is the HTTP status to answer.
func (e *Error) Status() int { return e.status }

// OAuth is the error code of RFC 6750 §3.1; empty when there is none.
func (e *Error) OAuth() string { return e.oauth }

func (e *Error) Error() string {
	if e.cause != nil {
		return "verifier: " + e.description + ": " + e.cause.Error()
	}
	return "verifier: " + e.description
}

// Unwrap gives the cause, which is for logs and not for callers.
func (e *Error) Unwrap() error { return e.cause }

// Is compares reasons.
func (e *Error) Is(target error) bool {
	other, is := target.(*Error)
	return is && other.code == e.code
}

func (e *Error) because(cause error) *Error {
	caused := *e
	caused.cause = cause
	return &caused
}

func (e *Error) forScope(scope string) *Error {
	scoped := *e
	scoped.scope = scope
	return &scoped
}
