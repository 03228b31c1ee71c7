// Package portal is what administrators look at: pages at /portal of html/template with one style sheet and a script that nothing
// depends on.
//
// It owns sessions, forms and pages, and no rules: whatever a page shows or changes is asked of the API in this process, with the rights of the
// admin who is signed in (docs/decisions/0009-portal.md). It knows neither the database nor tokens; a session is never one.
package portal

import (
	"context"
	"crypto/rand"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// Config is what a Portal needs. Every field is required.
type Config struct {
	PublicURL   string // scheme://host[:port]
	TokenTTL    int64  // ms, the server's default lifetime and ceiling
	NonExpiring bool   // the server allows tokens that never expire
	Strict      bool   // compat=strict
	SendsMail   bool   // there is an SMTP server
	MinPassword int    // code points
	ClosedFeed  bool   // feed-access=client

	Insight Insight
	API     API
	Auth    Auth
	Store   Store
	Imports Imports
	Now     func() time.Time
	Logger  *slog.Logger
}

// API answers requests of the wire contract with the rights of a caller; *server.Server is the implementation.
type API interface {
	ServeAs(w http.ResponseWriter, r *http.Request, caller *grants.Caller)
	// Explain tells what {issuer}/authorize would answer, and by which rules.
	Explain(
		ctx context.Context, caller *grants.Caller, organization, application string, as grants.Asker, who, method, path string,
	) (*grants.Explanation, error)
}

// Auth proves who an admin is, and what a token is worth; *grants.Service is the implementation.
type Auth interface {
	SignIn(ctx context.Context, username, password, source string) (*models.Admin, error)
	ProveAgain(ctx context.Context, admin *models.Admin, password, source string) (*models.Admin, error)
	SessionCaller(ctx context.Context, session *models.PortalSession) (*grants.Caller, error)
	Examine(ctx context.Context, caller *grants.Caller, raw string) (*grants.Examination, error)
}

// Store keeps the sessions, and knows what the API does not tell. The latter is asked only about what the API has shown to the caller.
type Store interface {
	sessionStore

	Client(ctx context.Context, owner uuid.UUID) (models.Client, error)
	MembersOf(ctx context.Context, organization uuid.UUID) ([]models.Admin, error)
	Admin(ctx context.Context, ref string) (models.Admin, error)
	LastLogins(ctx context.Context, organization uuid.UUID, admins []uuid.UUID) (map[uuid.UUID]int64, error)
	RegisteredToken(ctx context.Context, jti string) (models.RegisteredToken, error)
	RulesOf(ctx context.Context, application uuid.UUID, kind models.HolderKind, ids []uuid.UUID) (map[uuid.UUID][]string, error)
}

// Portal is the handler of /portal and everything below it. Make it with New.
type Portal struct {
	Config

	mux     *http.ServeMux
	texts   texts
	pages   *template.Template
	assets  assets
	uploads *uploads
	origin  string // of our pages
	secure  bool   // by TLS
	local   bool   // plain HTTP, on this machine only
}

// New makes a Portal. Templates and texts are our own: that they parse is tested.
func New(cfg Config) *Portal {
	p := &Portal{Config: cfg, mux: http.NewServeMux(), texts: english(), assets: newAssets(), uploads: newUploads(), origin: cfg.PublicURL}
	p.secure = strings.HasPrefix(cfg.PublicURL, "https://")
	if address, err := url.Parse(cfg.PublicURL); err == nil {
		p.local = !p.secure && isLoopback(address.Hostname())
	}
	p.pages = p.newPages()
	for _, rt := range p.routes() {
		p.mux.HandleFunc(rt.method+" "+rt.path, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, rt) })
	}
	return p
}

// maxForm bounds the body of a form without a file.
const maxForm = 64 << 10

// ServeHTTP implements http.Handler.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.setHeaders(w.Header())
	p.mux.ServeHTTP(w, r)
}

// setHeaders sets the headers of every answer (SEC-68). Nothing comes from elsewhere, nothing runs or styles that is not a file of ours, and no
// page can be framed. Strict-Transport-Security is the server's business for all of its answers.
func (p *Portal) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'", "connect-src 'self'", "form-action 'self'",
		"frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; "))
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", rand.Text())
}

// serve is the way of every request: the checks in their order, the handler, the one event in the log.
func (p *Portal) serve(w http.ResponseWriter, r *http.Request, rt route) {
	r.Body = http.MaxBytesReader(w, r.Body, rt.bodyLimit())
	v := &visit{Portal: p, w: w, r: r, route: rt, started: p.Now()}
	defer v.finish(r.Context())
	if err := v.handle(); err != nil { //nolint:contextcheck // a visit has the context of its request
		v.fail(err)
	}
}

// handle is the order of checks: transport, origin, session, form, password, and only then the handler.
func (v *visit) handle() error {
	if !v.mayServe() {
		return errInsecure
	}
	if v.route.method == http.MethodPost {
		if !v.sameOrigin() {
			return errForeign
		}
		if v.route.needs != upload {
			if err := v.readForm(); err != nil {
				return err
			}
		}
	}
	if err := v.enter(); err != nil {
		return err
	}
	if v.route.needs != nothing && v.session == nil {
		return errSignedOut
	}
	if v.route.needs == upload {
		done, err := v.uploads.begin(v.session.AdminID)
		if err != nil {
			return err
		}
		defer done()
		if err := v.readUpload(); err != nil {
			return err
		}
	}
	if v.route.method == http.MethodPost && v.session != nil && !v.ownForm() {
		return errStaleForm
	}
	if v.route.needs == password {
		if done, err := v.confirm(); !done || err != nil {
			return err
		}
	}
	return v.route.handle(v)
}

// mayServe refuses plain HTTP beyond this machine: passwords and the cookie would be there for everybody on the way. The name in the request
// counts, too, for a page of another site may have its name point here.
func (v *visit) mayServe() bool {
	return v.secure || v.local && isLoopback(hostname(v.r.Host))
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

func isLoopback(name string) bool {
	if strings.EqualFold(name, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.Unmap().IsLoopback()
}

// finish ends every request: a panic becomes an error page, and one event is logged. There is never a query, form or cookie in it.
func (v *visit) finish(ctx context.Context) {
	if cause := recover(); cause != nil {
		if cause == http.ErrAbortHandler { //nolint:errorlint // the value net/http documents, not a wrapped error
			panic(cause)
		}
		v.Logger.ErrorContext(ctx, "panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		if v.status == 0 {
			v.fail(grants.Internal(fmt.Errorf("panic: %v", cause)))
		}
	}
	level := slog.LevelInfo
	if v.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	fields := []any{
		"method", v.r.Method, "route", v.route.path, "status", v.status, "duration", v.Now().Sub(v.started),
		"request", v.w.Header().Get("X-Request-Id"), "source", v.r.RemoteAddr,
	}
	if v.cause != nil && level == slog.LevelError {
		fields = append(fields, "cause", v.cause.Error())
	}
	v.Logger.Log(ctx, level, "request", fields...)
}
