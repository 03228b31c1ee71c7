package portal

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// problem is why a request was not answered with what it asked for; key names its texts, key.title and key.text.
type problem struct {
	status int
	key    string
}

func (p *problem) Error() string { return p.key }

// The problems that have nothing to do with the API.
var (
	errInsecure  = &problem{http.StatusForbidden, "problem.insecure"}
	errForeign   = &problem{http.StatusForbidden, "problem.foreign"}
	errStaleForm = &problem{http.StatusForbidden, "problem.stale"}
	errSignedOut = &problem{http.StatusForbidden, "problem.signedout"}
	errBadForm   = &problem{http.StatusBadRequest, "problem.form"}
	errTooLarge  = &problem{http.StatusRequestEntityTooLarge, "problem.large"}
	errNotFound  = &problem{http.StatusNotFound, "problem.missing"}
	errBusy      = &problem{http.StatusServiceUnavailable, "problem.busy"}
	errThrottled = &problem{http.StatusTooManyRequests, "problem.throttled"}
	errInternal  = &problem{http.StatusInternalServerError, "problem.internal"}
)

// refusal is the API's answer to a request that it did not carry out.
type refusal struct {
	status      int
	code        string
	description string
}

func (r *refusal) Error() string { return r.code + ": " + r.description }

// problemOf finds the page for any error. Somebody else's organization looks like one that does not exist.
func problemOf(err error) *problem {
	var (
		known   *problem
		refused *refusal
		granted *grants.Error
	)
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused):
		status = refused.status
	case errors.As(err, &granted):
		status = granted.Status
	case errors.Is(err, models.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		status = http.StatusServiceUnavailable
	case errors.Is(err, models.ErrNotFound):
		status = http.StatusNotFound
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return errNotFound
	case http.StatusServiceUnavailable:
		return errBusy
	case http.StatusTooManyRequests:
		return errThrottled
	case http.StatusBadRequest, http.StatusConflict:
		return errBadForm
	}
	return errInternal
}

// problemPage is what the page of a problem says.
type problemPage struct {
	Text   string
	SignIn string // address of the sign-in, if that would help
	Home   string
}

// fail shows an error. Who is not signed in and asked for a page is led to the sign-in, and from there to the page.
func (v *visit) fail(err error) {
	what := problemOf(err)
	v.cause = err
	if what == errSignedOut && v.route.method == http.MethodGet {
		query := url.Values{"next": {v.r.URL.RequestURI()}}
		_ = v.redirect(address("sign-in") + "?" + query.Encode()) // never fails
		return
	}
	if wait := retryAfter(err); wait > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	body := problemPage{Text: v.texts.say(what.key + ".text"), Home: root}
	if what == errSignedOut {
		body.SignIn = address("sign-in")
	}
	if v.show(what.status, "problem", page{Title: v.texts.say(what.key + ".title"), Narrow: true, Body: body}) == nil {
		return
	}
	// What renders every page does not work: plain words must do.
	v.write(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte(v.texts.say("problem.internal.text")+"\n"))
}

// retryAfter is how many seconds to wait; 0 if waiting is no answer.
func retryAfter(err error) int {
	var granted *grants.Error
	if !errors.As(err, &granted) || granted.RetryAfter <= 0 {
		return 0
	}
	return int(math.Ceil(granted.RetryAfter.Seconds()))
}

// complaint is why a form is shown again, and the status that goes with it; an error that is not about what was entered is passed on.
func (v *visit) complaint(err error) (text string, status int, other error) {
	var (
		refused *refusal
		granted *grants.Error
	)
	switch {
	case errors.As(err, &refused) && (refused.status == http.StatusBadRequest || refused.status == http.StatusConflict):
		return v.sentence(refused.code, refused.description), refused.status, nil
	case errors.As(err, &granted) && granted.Status == http.StatusTooManyRequests:
		wait := time.Duration(retryAfter(err)) * time.Second
		v.w.Header().Set("Retry-After", strconv.Itoa(retryAfter(err)))
		return v.texts.say("error.throttled", v.texts.span(wait.Milliseconds())), granted.Status, nil
	case errors.As(err, &granted) && granted.Status < http.StatusInternalServerError:
		return v.sentence(granted.Code, granted.Description), http.StatusBadRequest, nil
	}
	return "", 0, err
}

// sentence is an error of the wire in the words of a page: ours if there are any, else its description.
func (v *visit) sentence(code, description string) string {
	if v.texts.has("error." + code) {
		return v.texts.say("error."+code, description)
	}
	if code == "error_password_policy_violation" {
		if _, why, named := strings.Cut(description, ": "); named {
			return v.texts.say("error.policy", why)
		}
	}
	if text := v.plainly(description); text != "" {
		return text
	}
	// The wire names a property, the page its field.
	if property, rest, _ := strings.Cut(description, " "); v.texts.has("property." + property) {
		description = "“" + v.texts.say("property."+property) + "” " + rest
	}
	return strings.TrimSuffix(description, ".") + "."
}

// plainly puts what the wire says of a value that is taken, or that is none, into words; "" if there are none for it.
func (v *visit) plainly(description string) string {
	if _, rest, taken := strings.Cut(description, `requires that property named "`); taken {
		property, rest, _ := strings.Cut(rest, `"`)
		_, value, _ := strings.Cut(rest, "value of ")
		if key := "error.taken." + property; v.texts.has(key) {
			return v.texts.say(key, strings.TrimSuffix(value, " exists"))
		}
	}
	if rest, illegal := strings.CutPrefix(description, "Illegal "); illegal {
		property, value, _ := strings.Cut(rest, ": ")
		if key := "error.illegal." + property; v.texts.has(key) {
			return v.texts.say(key, value)
		}
	}
	return ""
}
