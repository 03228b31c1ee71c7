package verifier

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Why a feed cannot be followed. A Verifier that has no knowledge yet, or whose knowledge is too old, refuses with one of these as the
// cause; the first three do not go away by themselves.
var (
	// ErrFeedCredentials: the issuer refuses the client's credentials. The follower does not go on without them.
	ErrFeedCredentials = errors.New("the issuer refuses the client credentials")
	// ErrFeedClosed: the feed is for clients only (feed-access=client), and there are no client credentials.
	ErrFeedClosed = errors.New("the feed is for clients only, and there are no client credentials")
	// ErrFeedUnknown: the server has never had this issuer.
	ErrFeedUnknown = errors.New("the server does not know this issuer")
	// ErrFeedDocument: a document was refused: signature, typ, issuer, time or form.
	ErrFeedDocument = errors.New("a document of the feed was refused")
	// ErrFeedSilent: a connection stands, and nothing comes.
	ErrFeedSilent = errors.New("the feed is silent")
	// ErrFeedStatus: an answer of another status than those of docs/feed.md.
	ErrFeedStatus = errors.New("the feed answers with an unexpected status")
)

var (
	errSnapshotGone = errors.New("the complete list is no longer kept")
	errTooLong      = errors.New("longer than a document may be")
	errEnded        = errors.New("the connection ended")
	errNothingNew   = errors.New("the answer brings nothing new")
)

// answerError is an answer that is no document.
type answerError struct {
	status int
	after  time.Duration // of Retry-After
	reason error
}

func (e *answerError) Error() string { return fmt.Sprintf("%v (status %d)", e.reason, e.status) }

func (e *answerError) Unwrap() error { return e.reason }

// lasting tells whether trying again will not help before somebody changes something.
func lasting(err error) bool {
	return errors.Is(err, ErrFeedCredentials) || errors.Is(err, ErrFeedClosed) || errors.Is(err, ErrFeedUnknown)
}

// feedRefusal says what an answer other than 200 means.
func feedRefusal(answer *http.Response, authenticated bool, now time.Time) error {
	e := &answerError{status: answer.StatusCode, reason: ErrFeedStatus}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		// docs/feed.md, Requests: credentials that are presented must be right, even where none are needed.
		if e.reason = ErrFeedClosed; authenticated {
			e.reason = ErrFeedCredentials
		}
	case http.StatusNotFound:
		e.reason = ErrFeedUnknown
	case http.StatusGone:
		e.reason = errSnapshotGone
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.after = retryAfterOf(answer.Header.Get("Retry-After"), now)
	}
	return e
}

// maxRetryAfter bounds how long a server can keep a follower away: knowledge grows old meanwhile.
const maxRetryAfter = 5 * time.Minute

// retryAfterOf reads RFC 9110 §10.2.3: seconds or a date.
func retryAfterOf(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if date, err := http.ParseTime(text); err == nil {
		return min(max(date.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

func documentError(format string, values ...any) error {
	return fmt.Errorf("%w: %w", ErrFeedDocument, fmt.Errorf(format, values...))
}
