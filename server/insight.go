package server

import (
	"errors"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/server/insight"
)

// countIssued counts a token.
func (r *request) countIssued(level claims.Level, grant string) {
	r.server.metrics.countIssued(level, grant)
	r.count(insight.Issued(level, grant))
}

// countNoToken counts a token request that was refused, by the code it was answered.
func (r *request) countNoToken(code string) {
	r.server.metrics.countRefused(r.grant, code)
	r.count(insight.NoToken(code))
}

// countRefused counts a credential that was refused on another request.
func (r *request) countRefused(err error) {
	application, organization := r.scope()
	r.server.countRefused(err, application, organization)
}

func (s *Server) countRefused(err error, application, organization uuid.UUID) {
	s.metrics.refused(err)
	if known, is := errors.AsType[*grants.Error](err); is {
		s.insight.Count(insight.Refused(known.Code), application, organization)
	}
}

// countRevoked counts a revocation.
func (r *request) countRevoked(what string) {
	r.server.metrics.revocations.WithLabelValues(what).Inc()
	r.count(insight.Revoked(what))
}

// count counts where the request happened. Who has no application or organization yet when he fails is counted for the server alone.
func (r *request) count(kind insight.Kind) {
	application, organization := r.scope()
	r.server.insight.Count(kind, application, organization)
}

// scope is the application and the organization that a request is about; uuid.Nil for none.
func (r *request) scope() (application, organization uuid.UUID) {
	switch {
	case r.managed != nil:
		return r.managed.Application.ID, r.managed.Organization.ID
	case r.tenant != nil:
		return r.tenant.Application.ID, r.tenant.Organization.ID
	case r.organization != nil:
		return uuid.Nil, r.organization.ID
	case r.issued != nil: // at the management endpoint, which serves the clients of all
		application, _ = uuid.Parse(r.issued.AppID)
		organization, _ = uuid.Parse(r.issued.OrgID)
	}
	return application, organization
}

// Figures tells what this process has counted of an application or an organization, which the caller has been shown a moment before, or of
// the whole server (uuid.Nil), which is the superuser's business.
func (s *Server) Figures(caller *grants.Caller, of uuid.UUID, window insight.Window) (*insight.Figures, error) {
	if of == uuid.Nil && !caller.Superuser {
		return nil, grants.ErrSuperuser
	}
	return s.insight.Figures(of, window), nil
}

// Followers is how many follow the feed of an application, or that of the management issuer as an organization, now; uuid.Nil: any feed.
func (s *Server) Followers(of uuid.UUID) int64 {
	if of == uuid.Nil {
		return s.Feed.Stats.Followers.Load()
	}
	return s.Feed.Followers(of)
}

// Insight keeps the figures; it is sampled by whoever runs the server.
func (s *Server) Insight() *insight.Recorder { return s.insight }
