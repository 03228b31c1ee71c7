// Package server is Writ on HTTP: the route table, the parsing of requests, who may call what, the handlers and the one place
// where errors become answers. Everything that goes over the wire is described in the wire contract; section numbers in
// comments mean it.
//
// A request takes the same way on every path (contract §1.6): route, application of the path, syntax, credentials, permission,
// and only then the handler, which gets one parsed request and returns an error value. The package knows neither gorm nor
// go-oauth2: tokens are the business of package grants, rows of the store behind the interface Store.
package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/server/insight"
	"github.com/writ-auth/writ/server/tracing"
	"github.com/writ-auth/writ/web"
)

// Config is what a Server needs. Every field is required unless it says otherwise.
type Config struct {
	PublicURL          string   // scheme://host[:port], no path, no trailing slash
	Strict             bool     // compat=strict
	PublicRegistration bool     // anybody may create organizations and admins
	AllowedOrigins     []string // server-wide list for CORS; "*" allows every origin
	AdminConfirmation  bool     // admins confirm their e-mail address before they log in
	AdminApproval      bool     // the superuser activates new admins
	FeedForClients     bool     // feed-access=client: the revocation feed is not for the public
	Version            string   // shown by /status

	// TrustedProxies are the peers whose forwarding headers count; nobody else's do.
	TrustedProxies []netip.Prefix
	// TLS is the configuration of HTTPServer; nil: plain HTTP. See TLSConfig.
	TLS *tls.Config
	// Tracer makes spans of requests; nil: nobody does.
	Tracer *tracing.Tracer
	// MetricsApart says that metrics have a listener of their own, MetricsHandler; then /metrics is no route.
	MetricsApart bool
	// MaxConnections bounds the open connections of HTTPServer; 0: no bound.
	MaxConnections int

	Now       func() time.Time
	Logger    *slog.Logger
	Grants    *grants.Service
	Store     Store
	Keys      *keys.Ring
	Feed      *feed.Hub
	Passwords *grants.Passwords
	Secrets   *grants.Secrets
	// Audit collects what is recorded without making a request wait: refused attempts. Changes go to Store at once. nil: nobody collects.
	Audit grants.Audit

	// Mail sends the links of §7.6; nil: nobody does.
	Mail Mailer

	// Portal serves /portal and everything below it; nil: there is none.
	Portal http.Handler
}

// Store is what the handlers need of the database. Each file of handlers declares its part beside its use.
type Store interface {
	accessStore
	auditStore
	applicationStore
	userStore
	roleStore
	groupStore
	assignmentStore
	permissionStore
	entityStore
	registeredStore
	loginStore
	keyStore
	statusStore
	organizationStore
	managedStore
	clientStore
	feedStore
	adminStore
	memberStore
	metricsStore
}

// accessStore resolves what a path names before anybody is let in.
type accessStore interface {
	Organization(ctx context.Context, ref string) (models.Organization, error)
	Admin(ctx context.Context, ref string) (models.Admin, error)
	User(ctx context.Context, application uuid.UUID, ref string) (models.User, error)
	UserBy(ctx context.Context, application uuid.UUID, property, value string) (models.User, error)
	Role(ctx context.Context, application uuid.UUID, ref string) (models.Role, error)
	Group(ctx context.Context, application uuid.UUID, ref string) (models.Group, error)
}

// Server is the HTTP face of Writ: an http.Handler. Make it with New.
type Server struct {
	Config

	echo    *echo.Echo
	routes  []route
	unknown pattern // any path without a route
	metrics *metrics
	insight *insight.Recorder
	started time.Time

	https           bool         // clients reach us by TLS, wherever it ends
	undeclaredProxy atomic.Bool  // has been warned about
	connections     *connections // nil: no bound

	pages     *web.MailPages
	mailLimit *grants.MailLimit
	feedLimit *grants.SourceLimit
	feeding   feedBounds

	ending context.Context //nolint:containedctx // ends when the server shuts down, for those who wait
	end    context.CancelFunc
}

// New makes a Server with its whole route table.
func New(cfg Config) *Server {
	s := &Server{Config: cfg, echo: echo.New(), metrics: newMetrics(), started: cfg.Now()}
	s.pages, s.mailLimit = web.NewMailPages(), grants.NewMailLimit(cfg.Now)
	s.feedLimit, s.feeding = grants.NewSourceLimit(cfg.Now, feedBurst, feedRate), feedBounds{feedPerSource, feedTotal, writePatience}
	s.ending, s.end = context.WithCancel(context.Background())
	s.metrics.watchFeed(&cfg.Feed.Stats)
	s.insight = insight.New(cfg.Now, cfg.Feed.Stats.Followers.Load)
	s.https = strings.HasPrefix(cfg.PublicURL, "https://")
	if cfg.MaxConnections > 0 {
		s.connections = newConnections(cfg.MaxConnections)
	}
	s.routes = s.table()
	nameRoutes(s.routes)
	s.register()
	s.observe()
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.settle(w, r)
	if s.Portal != nil && underPortal(r.URL.Path) {
		s.servePortal(w, r)
		return
	}
	s.canonicalize(r.Context(), r)
	s.echo.ServeHTTP(w, r)
}
