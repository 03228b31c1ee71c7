package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// oauthError is the error of RFC 6749 §5.2: these members and no others.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// ordinaryError is every other error (§1.4).
type ordinaryError struct {
	Error       string `json:"error"`
	Timestamp   int64  `json:"timestamp"`
	Duration    int64  `json:"duration"`
	Description string `json:"error_description"`
	Exception   string `json:"exception"`
}

// fail writes an error: the one place where errors become answers. It returns what it has written, for log and metrics.
func (r *request) fail(err error) *grants.Error {
	known := r.known(err)
	r.failed = known
	dialect := grants.Usergrid
	if r.speaksOAuth() {
		dialect = grants.RFC6749
	}
	wire := known.In(dialect)
	header := r.Response().Header()
	if wire.Status == http.StatusUnauthorized {
		if challenge := r.challenge(known, wire); challenge != "" {
			header.Set(echo.HeaderWWWAuthenticate, challenge)
		}
	}
	if known.RetryAfter > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.FormatInt(int64(math.Ceil(known.RetryAfter.Seconds())), 10))
	}
	if r.errorPage != nil && r.showPage(wire.Status, r.errorPage(known)) == nil {
		return known
	}
	var body any = oauthError{wire.Code, plainASCII(wire.Description)}
	if !r.oauthShape(wire) {
		now := r.server.Now()
		body = ordinaryError{
			Error: wire.Code, Timestamp: now.UnixMilli(), Duration: now.Sub(r.started).Milliseconds(),
			Description: wire.Description, Exception: exception(wire.Code),
		}
	}
	r.answer(wire.Status, body)
	return known
}

// speaksOAuth tells whether the request is in the RFC 6749 dialect: a form at a token endpoint, revocation, introspection.
func (r *request) speaksOAuth() bool {
	switch r.route.kind {
	case oauthRoute:
		return true
	case tokenRoute:
		return r.in != nil && r.in.dialect() == grants.RFC6749
	case plainRoute, bodylessRoute, flowRoute, documentRoute, feedRoute:
	}
	return false
}

// oauthShape is the rule of §1.4 for the members of an error.
func (r *request) oauthShape(wire grants.Wire) bool {
	switch wire.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge:
		return false
	}
	return r.speaksOAuth() || wire.Code == "invalid_grant" || wire.Code == "invalid_scope"
}

// challenge is the WWW-Authenticate header of a 401: at a token endpoint a client that failed is challenged only if it came by Basic
// (RFC 6749 §5.2), everything else always is (RFC 9110 §15.5.2).
func (r *request) challenge(known *grants.Error, wire grants.Wire) string {
	if known.Basic || r.credential == basicCredential {
		return `Basic realm="writ"`
	}
	if r.route.kind == tokenRoute && wire.Code == "invalid_client" {
		return ""
	}
	if r.credential == tokenCredential {
		return `Bearer realm="writ", error="invalid_token"` // RFC 6750 §3
	}
	return `Bearer realm="writ"`
}

// known finds the documented answer to any error; what nobody foresaw is an internal error without detail.
func (r *request) known(err error) *grants.Error {
	var (
		answer    *grants.Error
		invalid   *models.Invalid
		duplicate *models.Duplicate
		syntax    *permission.SyntaxError
		routing   *echo.HTTPError
	)
	switch {
	case errors.As(err, &answer):
		return answer
	case errors.As(err, &invalid):
		return grants.NewError(http.StatusBadRequest, invalid.Code, invalid.Reason)
	case errors.As(err, &duplicate):
		return duplicated(duplicate)
	case errors.As(err, &syntax):
		return grants.IllegalArgument(syntax.Error())
	case errors.Is(err, models.ErrNotFound):
		return resourceNotFound().Because(err)
	case errors.Is(err, models.ErrLastMember):
		return grants.NewError(http.StatusBadRequest, "unable_to_leave_organization", "Organizations must have at least one member.")
	case errors.Is(err, models.ErrConflict):
		return grants.NewError(http.StatusConflict, "conflict", "The entity was changed meanwhile").Because(err)
	case errors.Is(err, models.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return grants.Unavailable(err)
	case errors.As(err, &routing) && routing.Code == http.StatusNotFound:
		return notFound()
	}
	return grants.Internal(err)
}

func duplicated(d *models.Duplicate) *grants.Error {
	value := models.Printable(d.Value)
	if d.Entity == "application" {
		return grants.NewError(http.StatusConflict, "application_already_exists", fmt.Sprintf("Application %s already exists", value))
	}
	shown := models.Duplicate{Entity: d.Entity, Property: d.Property, Value: value}
	return grants.NewError(http.StatusBadRequest, "duplicate_unique_property_exists", shown.Error())
}

// exception is the code in camel case (§1.4), informational.
func exception(code string) string {
	var out strings.Builder
	upper := true
	for _, c := range code {
		if c == '_' {
			upper = true
			continue
		}
		if upper {
			c = unicode.ToUpper(c)
			upper = false
		}
		out.WriteRune(c)
	}
	return out.String() + "Exception"
}

// plainASCII keeps what RFC 6749 §5.2 allows in error_description.
func plainASCII(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"' || c == '\\':
			return '\''
		case c < 0x20 || c > 0x7e:
			return '?'
		}
		return c
	}, text)
}

// The errors of the error catalogue (§10) that are the server's own.

func notFound() *grants.Error {
	return grants.NewError(http.StatusNotFound, "not_found", "There is nothing at this path")
}

func notAllowed(method string) *grants.Error {
	return grants.NewError(http.StatusMethodNotAllowed, "not_allowed", "Method not allowed here: "+method)
}

func unsupportedMediaType(why string) *grants.Error {
	return grants.NewError(http.StatusUnsupportedMediaType, "unsupported_media_type", "Unsupported media type: "+why)
}

func bodyTooLarge() *grants.Error {
	return grants.NewError(http.StatusRequestEntityTooLarge, "request_too_large", "The body must not exceed 65536 bytes")
}

func jsonParse(reason string) *grants.Error {
	return grants.NewError(http.StatusBadRequest, "json_parse", "JSON could not be read: "+reason)
}

func unauthorized(description string) *grants.Error {
	return grants.NewError(http.StatusUnauthorized, "unauthorized", description)
}

func noSystemAccess() *grants.Error { return unauthorized("No system access authorized") }
func noOrganizationAccess() *grants.Error {
	return unauthorized("No organization access authorized")
}
func noApplicationAccess() *grants.Error { return unauthorized("No application access authorized") }
func noAdminAccess() *grants.Error       { return unauthorized("No admin user access authorized") }
func noAdminIdentity() *grants.Error {
	return unauthorized("No admin identity for access credentials provided")
}

func notPermitted() *grants.Error {
	return unauthorized("Subject does not have permission to access this resource")
}

// resourceNotFound is an unknown application user or collection.
func resourceNotFound() *grants.Error {
	return grants.NewError(http.StatusNotFound, "service_resource_not_found", "Service resource not found")
}

// entityNotFound is an unknown role, group, assignment or registered token.
func entityNotFound(name string) *grants.Error {
	return grants.NewError(http.StatusNotFound, "entity_not_found", "Cannot find entity with name: "+models.Printable(name))
}

func applicationEntityNotFound(application, organization string) *grants.Error {
	return grants.NewError(http.StatusNotFound, "entity_not_found",
		fmt.Sprintf("Application %s does not exist for organization %s", models.Printable(application), models.Printable(organization)))
}

func organizationNotFound(name string) *grants.Error {
	return grants.NewError(http.StatusNotFound, "organization_not_found", "Could not find organization for name: "+models.Printable(name))
}

func adminNotFound(name string) *grants.Error {
	return grants.NewError(http.StatusNotFound, "user_not_found", "Could not find user for username: "+models.Printable(name))
}

func applicationNotFound(organization, application, path string) *grants.Error {
	name := models.Printable(application)
	if organization != byUUID {
		name = models.Printable(organization) + "/" + name
	}
	return grants.NewError(http.StatusNotFound, "organization_application_not_found",
		fmt.Sprintf("Could not find application for %s from URI: %s", name, models.Printable(path)))
}
