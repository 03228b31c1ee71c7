package grants

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// RevokeUserTokens refuses every token of an application user that exists now: it raises his generation.
func (s *Service) RevokeUserTokens(ctx context.Context, t *Tenant, user uuid.UUID) error {
	_, err := s.Store.UpdateUser(ctx, t.Application.ID, user, func(u *models.User) error {
		u.Generation++
		return nil
	})
	return err
}

// RevokeAdminTokens refuses every token of an admin that exists now.
func (s *Service) RevokeAdminTokens(ctx context.Context, admin uuid.UUID) error {
	_, err := s.Store.UpdateAdmin(ctx, admin, func(a *models.Admin) error {
		a.Generation++
		return nil
	})
	return err
}

// RevokeClientTokens refuses every token of an application's or organization's client that exists now.
func (s *Service) RevokeClientTokens(ctx context.Context, owner uuid.UUID) error {
	_, err := s.Store.UpdateClient(ctx, owner, func(c *models.Client) error {
		c.Generation++
		return nil
	})
	return err
}

// RevokePresented revokes one token on the word of whoever holds it (wire contract §6.1). The tenant is nil under /management. The token must
// belong to the user of the path, unless extra gives the right to revoke anybody's here. "me" is the caller, or the token's own subject.
// No error repeats the token.
func (s *Service) RevokePresented(ctx context.Context, t *Tenant, userRef, raw string, extra *Caller) error {
	if raw == "" {
		return IllegalArgument("token is required")
	}
	set, err := s.verify(raw)
	switch {
	case set == nil:
		var known *Error
		if errors.As(err, &known) && known.Status >= http.StatusInternalServerError {
			return err
		}
		return IllegalArgument("token is malformed").Because(err)
	case !s.belongsHere(set, t):
		return errNoMatch()
	}
	if mine, err := s.mayRevoke(ctx, t, set, userRef, extra); err != nil {
		return err
	} else if !mine {
		return errNoMatch()
	}
	if err != nil {
		return withStatus(ErrExpired, http.StatusBadRequest)
	}
	subject, generation, err := s.generationOf(ctx, set)
	if err != nil {
		return err
	}
	if !subject || s.revoked(set, generation) {
		return withStatus(ErrBadToken, http.StatusBadRequest)
	}
	return s.deny(ctx, set)
}

func errNoMatch() *Error { return NewError(http.StatusBadRequest, "token", "Could not match token") }

func withStatus(e *Error, status int) *Error {
	with := *e
	with.Status = status
	return &with
}

// belongsHere tells whether a token is of the kind that this place revokes: application users' here, or admins'.
func (s *Service) belongsHere(set *claims.Claims, t *Tenant) bool {
	if t == nil {
		return set.Level == claims.AdminUser
	}
	return set.Level == claims.ApplicationUser && set.AppID == t.applicationID
}

// mayRevoke tells whether the holder may revoke this token at this path.
func (s *Service) mayRevoke(ctx context.Context, t *Tenant, set *claims.Claims, userRef string, extra *Caller) (bool, error) {
	if extra != nil && (extra.Superuser || t != nil && extra.ApplicationAccess(t)) {
		return true, nil
	}
	if strings.EqualFold(userRef, "me") {
		return extra == nil || extra.Level == claims.Guest || extra.ID().String() == set.Subject, nil
	}
	id, err := s.idOf(ctx, t, userRef)
	if errors.Is(err, models.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, failure(err)
	}
	return id.String() == set.Subject, nil
}

func (s *Service) idOf(ctx context.Context, t *Tenant, userRef string) (uuid.UUID, error) {
	if t == nil {
		admin, err := s.Store.Admin(ctx, userRef)
		return admin.ID, err
	}
	user, err := s.Store.User(ctx, t.Application.ID, userRef)
	return user.ID, err
}

// generationOf is the live generation of a token's subject; exists is false when the subject is gone.
func (s *Service) generationOf(ctx context.Context, set *claims.Claims) (exists bool, generation int64, err error) {
	var row error
	switch set.Level {
	case claims.ApplicationUser:
		tenant, err := s.tenantOf(ctx, set)
		if err != nil {
			return false, 0, ignoreGone(err)
		}
		var user models.User
		user, row = s.Store.User(ctx, tenant.Application.ID, set.Subject)
		generation = user.Generation
	case claims.AdminUser:
		var admin models.Admin
		admin, row = s.Store.Admin(ctx, set.Subject)
		generation = admin.Generation
	case claims.Application, claims.Organization:
		_, generation, err = s.callerOf(ctx, set)
		return err == nil, generation, ignoreGone(err)
	case claims.Guest:
		return false, 0, nil
	}
	if row != nil {
		return false, 0, ignoreGone(subjectGone(row))
	}
	return true, generation, nil
}

func ignoreGone(err error) error {
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	return err
}

// deny puts one token on the denylist; when it returns, this instance refuses the token.
func (s *Service) deny(ctx context.Context, set *claims.Claims) error {
	scope := set.AppID
	if scope == "" {
		scope = models.ManagementScope
	}
	row := models.DeniedToken{JTI: set.ID, Scope: scope, Expires: set.Expires, Created: s.Now().UnixMilli()}
	if set.NonExpiring() {
		row.Expires = nil
	}
	if err := s.Store.DenyToken(ctx, row); err != nil {
		return failure(err)
	}
	return nil
}

// Revoke is RFC 7009 at one issuer. Holding the token is enough; a client that is presented must be right. Unknown, expired and foreign
// tokens are no error (RFC 7009 §2.2).
func (s *Service) Revoke(ctx context.Context, t *Tenant, presented PresentedClient, raw, source string) error {
	req := TokenRequest{Tenant: t, Dialect: RFC6749, Client: presented, Source: source}
	if _, err := s.authenticateClient(ctx, &req); err != nil {
		return err
	}
	set, err := s.verify(raw)
	switch {
	case set == nil:
		return s.revokeRefreshToken(ctx, t, raw, source)
	case err != nil, set.Issuer != s.issuerAt(t):
		return nil //nolint:nilerr // RFC 7009 §2.2
	}
	if err := s.deny(ctx, set); err != nil {
		return err
	}
	s.auditRevoked(set, source)
	return nil
}

func (s *Service) issuerAt(t *Tenant) string {
	if t == nil {
		return s.management
	}
	return t.Issuer
}

// revokeRefreshToken ends the family of a refresh token of this application.
func (s *Service) revokeRefreshToken(ctx context.Context, t *Tenant, raw, source string) error {
	if t == nil {
		return nil
	}
	row, err := s.Store.RefreshToken(ctx, hashOpaque(raw))
	if errors.Is(err, models.ErrNotFound) || err == nil && row.ApplicationID != t.Application.ID {
		return nil
	}
	if err == nil {
		err = s.Store.EndRefreshFamily(ctx, row.Family)
	}
	if err != nil {
		return failure(err)
	}
	s.auditFamilyEnded(t, &row, source)
	return nil
}

// Introspect is RFC 7662. The tenant is nil at /management, where tokens of several issuers are in reach. Claims of nil mean inactive: invalid,
// revoked and out of reach look the same. A caller who may not ask at all gets invalid_client.
func (s *Service) Introspect(ctx context.Context, t *Tenant, caller *Caller, raw string) (*claims.Claims, error) {
	if !mayIntrospect(caller, t) {
		return nil, InvalidClient(false)
	}
	asked, err := s.AuthenticateToken(ctx, raw)
	if err != nil {
		var known *Error
		if errors.As(err, &known) && known.Status >= http.StatusInternalServerError {
			return nil, err
		}
		return nil, nil //nolint:nilnil // RFC 7662 §2.2: whatever is wrong with the token, the answer is that it is inactive
	}
	if !inReach(caller, t, asked, s.issuerAt(t)) {
		return nil, nil //nolint:nilnil // as above
	}
	return asked.Claims, nil
}

func mayIntrospect(caller *Caller, t *Tenant) bool {
	if t != nil {
		return caller.ApplicationAccess(t)
	}
	return caller.Level == claims.Organization || caller.Level == claims.AdminUser
}

// inReach is wire contract §6.3 and §13: at an application its own issuer; at /management one's own tokens and those of one's organizations.
func inReach(caller *Caller, t *Tenant, asked *Caller, issuer string) bool {
	if t != nil {
		return asked.Claims.Issuer == issuer
	}
	if caller.Superuser || asked.ID() == caller.ID() {
		return true
	}
	organization, err := uuid.Parse(asked.Claims.OrgID)
	return err == nil && caller.OrganizationAccess(organization)
}
