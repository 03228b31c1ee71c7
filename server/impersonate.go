package server

import (
	"net/http"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
)

// impersonate makes a token of an application user for somebody with application access (§2.5). Application users get 403 and
// nothing else, for themselves too: a token must not beget tokens.
func (s *Server) impersonate(r *request) error {
	query := r.in.query
	if query.count("ttl") > 1 {
		return grants.InvalidRequest("duplicate parameter: ttl")
	}
	// The route is open so that the syntax of ttl is judged before the credentials (§1.6).
	ttl, err := grants.ParseTTL(query.get("ttl"))
	if err != nil {
		return err
	}
	if err := r.authenticate(); err != nil {
		return err
	}
	switch {
	case r.caller.Level == claims.ApplicationUser:
		r.answer(http.StatusForbidden, struct{}{})
		return nil
	case !r.caller.ApplicationAccess(r.tenant):
		return noApplicationAccess()
	}
	user, err := r.findUser(r.param("user"))
	if err != nil {
		return err
	}
	if user == nil {
		return resourceNotFound()
	}
	token, err := s.Grants.Impersonate(
		r.ctx(), r.caller, r.tenant, user.ID.String(), ttl, query.get("scope"), query.get("label"), r.source(),
	)
	if err != nil {
		return s.tokenRefused(r, err)
	}
	r.countIssued(claims.ApplicationUser, impersonated)
	return s.renderToken(r, token)
}
