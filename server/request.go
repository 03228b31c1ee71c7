package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/server/tracing"
	"github.com/writ-auth/writ/web"
)

// request is one request on its way to a handler. What a route's access kind promises is filled in when the handler runs.
type request struct {
	echo.Context

	server  *Server
	route   *route
	bounded context.Context //nolint:containedctx // see within
	started time.Time
	in      *input

	// tenant is the application of the path, on every route below an application's root.
	tenant *grants.Tenant
	// segments is the path behind the application's root, unescaped; a group's path is one segment.
	segments []string
	// user, role and group are what :user, :role and :group name below an application's root. On routes decided by rules they are
	// never nil in a handler: what does not exist has been answered by 404.
	user  *models.User
	role  *models.Role
	group *models.Group
	// organization is what :org names under /management (organizationAccess).
	organization *models.Organization
	// admin is what :user names under /management (adminSelf).
	admin *models.Admin

	// caller is never nil behind authentication; on open routes it is nil.
	caller     *grants.Caller
	credential credential

	// managed is the application :app of a path under /management, once managedApplication has found it.
	managed *grants.Tenant

	// wantsPage says that a mail flow answers with pages, errorPage how it shows errors; see failWithPage.
	wantsPage bool
	errorPage func(*grants.Error) web.MailPage

	status   int
	answered envelope // the success that is being written, if it is one
	failed   *grants.Error
	legacy   legacyFeatures
	grant    string           // of a token request, as it was asked for
	issued   *claims.Claims   // of the token that it was given
	span     *tracing.Request // nil: not traced
}

// ctx is the request's context, within its bound once it has one.
func (r *request) ctx() context.Context {
	if r.bounded != nil {
		return r.bounded
	}
	return r.Request().Context()
}

// now is the time of the request.
func (r *request) now() time.Time { return r.started }

// method is the request's method; HEAD counts as GET (§1.3).
func (r *request) method() string {
	if method := r.Request().Method; method != http.MethodHead {
		return method
	}
	return http.MethodGet
}

// param gives a parameter of the path, unescaped.
func (r *request) param(name string) string {
	raw := r.Param(name)
	if raw == "" && name == "user" && r.Path() == mePath {
		return "me"
	}
	if !strings.Contains(raw, "%") {
		return raw
	}
	value, err := url.PathUnescape(raw)
	if err != nil {
		return raw // the canonical path has no bad escapes
	}
	return value
}

// source is the caller's IP address; see originOf.
func (r *request) source() string { return r.Request().RemoteAddr }

// uri is the path as it was requested, for messages.
func (r *request) uri() string {
	path, _, _ := strings.Cut(r.Request().RequestURI, "?")
	return path
}

// page reads limit and cursor of a list (§1.4).
func (r *request) page() (models.Page, error) {
	page := models.Page{Limit: models.DefaultLimit, Cursor: r.in.query.get("cursor")}
	if text := r.in.query.get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > models.MaxLimit {
			return page, models.Illegal("limit must be a number from 1 to %d", models.MaxLimit)
		}
		page.Limit = limit
	}
	return page, nil
}

// answer writes a JSON body. Whatever cannot be encoded is our failure and answered as such.
func (r *request) answer(status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		r.server.Logger.ErrorContext(r.ctx(), "answer cannot be encoded", "cause", err)
		status, text = http.StatusInternalServerError, []byte(`{"error":"internal_error"}`)
	}
	r.write(status, echo.MIMEApplicationJSON, text)
}

func (r *request) write(status int, contentType string, body []byte) {
	response := r.Response()
	header := response.Header()
	header[echo.HeaderContentType] = []string{contentType}
	header[echo.HeaderContentLength] = []string{strconv.Itoa(len(body))}
	r.status = status
	r.record(status)
	response.WriteHeader(status)
	if r.Request().Method == http.MethodHead {
		return
	}
	// The caller may be gone; there is nobody left to tell.
	_, _ = response.Write(body)
}

// isUnknown tells whether the store says that something does not exist.
func isUnknown(err error) bool { return errors.Is(err, models.ErrNotFound) }
