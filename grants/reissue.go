package grants

import (
	"context"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// Reissue makes a new token for an admin who presents a valid one (wire contract §2.4); the old one stays valid.
func (s *Service) Reissue(ctx context.Context, caller *Caller, ttl TTL, label, scope, source string) (*Token, error) {
	if caller.Level != claims.AdminUser {
		return nil, Unauthorized("No admin identity for access credentials provided")
	}
	who, err := s.adminSubject(ctx, caller.Admin)
	if err != nil {
		return nil, err
	}
	return s.issueFor(ctx, who, &client{}, nil, extras{ttl: ttl, label: label, scope: scope, source: source})
}

// Impersonate makes a token of an application user for somebody with application access (wire contract §2.5). models.ErrNotFound says that
// the user is unknown.
func (s *Service) Impersonate(
	ctx context.Context, caller *Caller, t *Tenant, userRef string, ttl TTL, scope, label, source string,
) (*Token, error) {
	if !caller.ApplicationAccess(t) {
		return nil, Unauthorized("No application access authorized")
	}
	user, err := s.Store.User(ctx, t.Application.ID, userRef)
	if err != nil {
		return nil, err
	}
	if err := userState(t, &user); err != nil {
		return nil, err
	}
	c := client{id: caller.clientID(t)}
	who, err := s.userSubject(ctx, t, &user)
	if err != nil {
		return nil, err
	}
	who.issuedBy, who.by = caller.ID(), caller
	return s.issueFor(ctx, who, &c, t, extras{ttl: ttl, label: label, scope: scope, source: source})
}

// extras are the parameters that every way to a token has in common.
type extras struct {
	ttl                  TTL
	label, scope, source string
}

// issueFor is the end of the pipeline for tokens that no grant proves: scope, lifetime, token.
func (s *Service) issueFor(ctx context.Context, who subject, c *client, t *Tenant, x extras) (*Token, error) {
	label, err := models.Label(x.label)
	if err != nil {
		return nil, InvalidRequest(err.Error())
	}
	scope, err := allowedScope(x.scope, t)
	if err != nil {
		return nil, err
	}
	life, err := s.lifetime(x.ttl, who.level, t)
	if err != nil {
		return nil, err
	}
	return s.mint(ctx, passwordGrant, who, c, minting{scope: scope, life: life, label: label, source: x.source})
}
