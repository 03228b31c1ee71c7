package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// The revocation feed of docs/feed.md on HTTP.

// feedStore finds the issuers whose tokens are still about, although they have ended.
type feedStore interface {
	Issuer(ctx context.Context, organizationRef, applicationRef string) (models.Organization, models.Application, error)
}

// Limits of the feed. A source may be a proxy with many resource servers behind it.
const (
	feedBurst     = 1000 // requests of one source at once: a complete list of a million entries has 123 pages
	feedRate      = 100  // and a second
	feedPerSource = 1024 // who wait at the same time
	feedTotal     = 8192
)

// feedBounds are the limits that tests lower.
type feedBounds struct {
	perSource, total int
	patience         time.Duration
}

// What the feed of an issuer and the policy of an application are called.
const (
	revocationsPath = "/revocations"
	policyPath      = "/policy"
)

// isFeed tells whether a route is the feed of an issuer.
func isFeed(path string) bool {
	return path == "/management"+revocationsPath || path == applicationRoot+revocationsPath
}

// revocations serves the feed of the management issuer or of an application.
func (s *Server) revocations(r *request) error {
	if wait := s.feedLimit.Take(r.source()); wait > 0 {
		return grants.TooManyAttempts(wait)
	}
	view, tenant, err := s.feedIssuer(r)
	if err != nil {
		return err
	}
	query, err := r.feedQuery()
	if err != nil {
		return err
	}
	if err := s.feedReader(r, tenant, &view); err != nil {
		return err
	}
	header := r.Response().Header()
	header[echo.HeaderVary] = []string{"Accept, Accept-Encoding, Authorization"}
	if r.caller == nil {
		header.Set(echo.HeaderAccessControlAllowOrigin, "*")
	}
	if query.stream {
		return s.streamFeed(r, view, tenant, query)
	}
	doc, err := s.feedDocument(r, view, query)
	if err != nil {
		return feedError(err)
	}
	r.signed(doc.Text, doc.Gzip(), doc.ETag, revocation.MediaType, feedCaching(r, query, doc))
	return nil
}

// policy serves the rules of an application to those who have every right in it.
func (s *Server) policy(r *request) error {
	if wait := s.feedLimit.Take(r.source()); wait > 0 {
		return grants.TooManyAttempts(wait)
	}
	for _, p := range r.in.query {
		return grants.IllegalArgument(noSuchParam + plainASCII(p.name))
	}
	caller, err := s.feedCaller(r)
	if err != nil {
		r.countRefused(err)
		return err
	}
	if r.caller = caller; caller == nil || !caller.ApplicationAccess(r.tenant) {
		return noApplicationAccess()
	}
	id := r.tenant.Application.ID
	doc, err := s.Feed.Policy(r.ctx(), feed.View{Scope: id, Issuer: r.tenant.Issuer, Audience: id})
	if err != nil {
		return feedError(err)
	}
	r.Response().Header()[echo.HeaderVary] = []string{"Accept-Encoding, Authorization"}
	r.signed(doc.Text, doc.Gzip(), doc.ETag, revocation.PolicyMediaType, "private, no-cache")
	return nil
}

// feedIssuer finds the issuer of the path. One that has ended is found too: its tokens are refused offline because the feed says so.
// Then tenant is nil, as it is at the management issuer.
func (s *Server) feedIssuer(r *request) (feed.View, *grants.Tenant, error) {
	if !r.route.ofApplication() {
		return feed.View{Scope: feed.Management, Issuer: s.Grants.ManagementIssuer()}, nil, nil
	}
	organization, application := r.param("org"), r.param("app")
	tenant, err := s.Grants.Tenant(r.ctx(), organization, application)
	if err == nil {
		return feed.View{Scope: tenant.Application.ID, Issuer: tenant.Issuer}, tenant, nil
	}
	if !isUnknown(err) {
		return feed.View{}, nil, err
	}
	owner, ended, err := s.Store.Issuer(r.ctx(), organization, application)
	if isUnknown(err) {
		err = applicationNotFound(organization, application, r.uri())
	}
	return feed.View{Scope: ended.ID, Issuer: s.Grants.Issuer(owner.Name, ended.Name)}, nil, err
}

// feedReader lets in who may read, and completes the view by what he may see besides. r.caller stays nil for the public.
func (s *Server) feedReader(r *request, tenant *grants.Tenant, view *feed.View) error {
	ofApplication := view.Scope != feed.Management
	if ofApplication && tenant == nil {
		return nil // Nobody has credentials for an issuer that has ended, and it has nothing more to hide.
	}
	caller, err := s.feedCaller(r)
	if err != nil {
		var application, organization uuid.UUID
		if tenant != nil {
			application, organization = tenant.Application.ID, tenant.Organization.ID
		}
		s.countRefused(err, application, organization)
		return err
	}
	if caller == nil {
		if !s.FeedForClients {
			return nil
		}
		if ofApplication {
			return noApplicationAccess()
		}
		return noOrganizationAccess()
	}
	r.caller = caller
	switch {
	case ofApplication && !caller.ApplicationAccess(tenant):
		return noApplicationAccess()
	case ofApplication:
		view.Audience = view.Scope
	case caller.Level == claims.Organization:
		view.Audience = caller.Organization.ID
	case caller.Level == claims.ApplicationUser:
		return noOrganizationAccess()
	}
	return nil
}

// feedCaller finds out who asks, by the Authorization header alone; nil is the public.
func (s *Server) feedCaller(r *request) (*grants.Caller, error) {
	scheme, value := r.authorization()
	switch scheme {
	case "":
		return nil, nil //nolint:nilnil // the public is no caller
	case "bearer":
		r.credential = tokenCredential
		return s.Grants.AuthenticateToken(r.ctx(), value)
	case "basic":
		r.credential = basicCredential
		return r.identifyBasic(value)
	}
	r.credential = otherCredential
	return nil, grants.ErrScheme
}

// feedDocument finds or makes the one document that answers a request.
func (s *Server) feedDocument(r *request, view feed.View, query feedQuery) (*feed.Document, error) {
	switch {
	case query.page > 0:
		return s.Feed.Page(view, query.seq, query.page)
	case !query.positioned:
		return s.Feed.Complete(r.ctx(), view)
	}
	doc, err := s.feedIncrement(r, view, query)
	if errors.Is(err, feed.ErrGap) {
		return s.Feed.Complete(r.ctx(), view)
	}
	return doc, err
}

func (s *Server) feedIncrement(r *request, view feed.View, query feedQuery) (*feed.Document, error) {
	if query.wait == 0 || r.Request().Method == http.MethodHead {
		return s.Feed.After(r.ctx(), view, query.position)
	}
	leave, err := s.enterFeed(r)
	if err != nil {
		return nil, err
	}
	defer leave()
	r.mayTake(query.wait + s.feeding.patience)
	ctx, cancel := s.untilShutdown(r.ctx())
	defer cancel()
	doc, err := s.Feed.Wait(ctx, view, query.position, query.wait)
	if err != nil && ctx.Err() != nil && r.ctx().Err() == nil {
		return s.Feed.After(r.ctx(), view, query.position) // the server is about to end: an answer at once
	}
	return doc, err
}

// enterFeed counts somebody who waits.
func (s *Server) enterFeed(r *request) (leave func(), err error) {
	total := s.feeding.total
	if r.caller == nil {
		total -= total / 4 // strangers from many addresses must not shut out who has credentials
	}
	leave, crowd := s.feedLimit.Enter(r.source(), s.feeding.perSource, total)
	switch crowd {
	case grants.SourceFull:
		return nil, grants.TooManyAttempts(retryFull)
	case grants.EverybodyIn:
		full := grants.Unavailable(errors.New("too many followers of the feed"))
		full.RetryAfter = retryFull
		return nil, full
	case grants.Admitted:
	}
	return leave, nil
}

// feedCaching is the table of docs/feed.md, Caching.
func feedCaching(r *request, query feedQuery, doc *feed.Document) string {
	switch {
	case r.caller != nil:
		return "private, no-store"
	case query.wait > 0:
		return "no-store"
	case doc.Complete && !query.positioned:
		return "public, max-age=30"
	}
	return "public, max-age=1"
}

// signed writes a signed document, or 304 for somebody who has it.
func (r *request) signed(text string, packed []byte, etag, mediaType, caching string) {
	header := r.Response().Header()
	header[echo.HeaderCacheControl] = []string{caching}
	if !strings.Contains(caching, "no-store") {
		header["Etag"] = []string{"W/" + etag}
		if knows(r.Request().Header.Get("If-None-Match"), etag) {
			r.status = http.StatusNotModified
			r.Response().WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := []byte(text)
	if packed != nil && acceptsGzip(r.Request().Header.Get(echo.HeaderAcceptEncoding)) {
		header[echo.HeaderContentEncoding] = []string{"gzip"}
		body = packed
	}
	r.write(http.StatusOK, mediaType, body)
}

// feedError gives the errors of positions their answers.
func feedError(err error) error {
	switch {
	case errors.Is(err, feed.ErrSnapshotGone):
		return grants.NewError(http.StatusGone, "snapshot_gone", "This complete list is no longer kept; begin with its first page again")
	case errors.Is(err, feed.ErrAhead), errors.Is(err, feed.ErrClosed), errors.Is(err, feed.ErrSlow), errors.Is(err, keys.ErrNoKey):
		return grants.Unavailable(err)
	}
	return err
}

// acceptsGzip reads Accept-Encoding. RFC 9110 §12.5.3.
func acceptsGzip(header string) bool {
	quality, named := weight(header, "gzip")
	if !named {
		quality, named = weight(header, "*")
	}
	return named && quality > 0
}

// weight finds the quality value of an entry in a list header such as Accept. RFC 9110 §12.4.2.
func weight(header, entry string) (quality float64, named bool) {
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), entry) {
			continue
		}
		quality = 1
		for parameter := range strings.SplitSeq(parameters, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			if !strings.EqualFold(strings.TrimSpace(key), "q") {
				continue
			}
			parsed, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || parsed < 0 || parsed > 1 {
				return 0, true
			}
			quality = parsed
		}
		return quality, true
	}
	return 0, false
}
