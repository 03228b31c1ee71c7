package grants

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// minting is what a token is made with besides its subject.
type minting struct {
	scope  string
	life   lifetime
	label  string
	source string
}

// mint makes the token: claims, signature by way of go-oauth2's manager, and for a non-expiring one its row in the register, which is
// written before anybody holds the token.
func (s *Service) mint(ctx context.Context, grantType string, who subject, c *client, m minting) (*Token, error) {
	set, err := s.claimsOf(who, c, m)
	if err != nil {
		return nil, err
	}
	var raw string
	if m.life.never {
		raw, err = s.mintRegistered(ctx, grantType, who, order{client: c, claims: set, purpose: keys.NonExpiring}, m)
	} else if raw, err = s.generate(ctx, grantType, order{client: c, claims: set, purpose: m.life.purpose()}); err != nil {
		err = notMade(err)
	}
	if err != nil {
		return nil, err
	}
	token := &Token{AccessToken: raw, ExpiresIn: m.life.expiresIn(), Scope: m.scope, Claims: set, User: who.user, Admin: who.admin}
	switch who.level {
	case claims.Application:
		token.ApplicationID = who.id
	case claims.Organization:
		token.Organization = who.organization
	case claims.ApplicationUser, claims.AdminUser, claims.Guest:
	}
	return token, nil
}

// notMade is why a token could not be signed. That no key signs is over in a moment: one was dropped, and the next is being read.
func notMade(err error) *Error {
	if errors.Is(err, keys.ErrNoKey) {
		return Unavailable(err)
	}
	return Internal(err)
}

// claimsOf is wire contract §4.
func (s *Service) claimsOf(who subject, c *client, m minting) (*claims.Claims, error) {
	now := s.Now().UnixMilli()
	jti, err := uuid.NewV7()
	if err != nil {
		return nil, Internal(err)
	}
	set := &claims.Claims{
		Issuer: s.management, Subject: who.id.String(), ClientID: c.id, IssuedAt: now / 1000, ID: jti.String(),
		Level: who.level, Generation: who.generation, Scope: m.scope,
	}
	switch who.level {
	case claims.ApplicationUser, claims.Application:
		describeTenant(set, who)
	case claims.Organization:
		set.Org, set.OrgID = who.organization.Name, who.organization.ID.String()
	case claims.AdminUser:
		set.Username, set.Orgs, set.Superuser = who.admin.Username, who.orgs, who.admin.Superuser
		if c.public() {
			set.ClientID = "management"
		}
	case claims.Guest:
		return nil, Internal(errors.New("guests have no tokens"))
	}
	set.Audience = claims.Audience{set.Issuer}
	set.Expires = expiry(now, m.life, who)
	return set, nil
}

func describeTenant(set *claims.Claims, who subject) {
	t := who.tenant
	set.Issuer, set.Org, set.OrgID, set.App, set.AppID = t.Issuer, t.Organization.Name, t.organizationID, t.Application.Name, t.applicationID
	if set.ClientID == "" {
		set.ClientID = t.clientID
	}
	if who.level != claims.ApplicationUser {
		return
	}
	set.Username, set.Roles, set.Groups = who.user.Username, who.rights.Roles, who.rights.Groups
	if set.Roles == nil {
		set.Roles = []string{}
	}
	if t.Application.Settings.PermissionClaims {
		set.Permissions = who.rights.Rules
	}
}

// expiry is exp in seconds: never earlier than promised, less than a second later.
func expiry(now int64, life lifetime, who subject) *int64 {
	var exp int64
	switch {
	case !life.never:
		exp = (now + life.millis + 999) / 1000
	case who.tenant != nil && who.tenant.Application.Settings.NonExpiringExp:
		exp = claims.FarFuture
	default:
		return nil
	}
	return &exp
}

// register makes a non-expiring token known, so that it can be listed and revoked. The store compares the generation: a token that was made
// while its subject's tokens were being revoked must not slip through.
func (s *Service) register(ctx context.Context, who subject, set *claims.Claims, raw string, m minting, at entry) error {
	signed, err := claims.Split(raw)
	if err != nil {
		return Internal(err)
	}
	row := models.RegisteredToken{
		JTI: set.ID, Subject: who.id, Level: string(who.level), Organization: set.Org, Application: set.App, Label: m.label,
		Generation: who.generation, Issued: s.Now().UnixMilli(), IssuedBy: who.issuedBy, IssuedFrom: m.source,
		StatusList: &at.list, StatusIndex: &at.index, KID: signed.Header.KeyID,
	}
	if who.tenant != nil {
		row.OrganizationID, row.ApplicationID = &who.tenant.Organization.ID, &who.tenant.Application.ID
	} else if who.organization != nil {
		row.OrganizationID = &who.organization.ID
	}
	err = s.storeRegistered(ctx, who, row)
	switch {
	case err == nil:
		s.auditRegistered(who, &row)
		return nil
	case errors.Is(err, models.ErrEntryTaken):
		return err
	case who.spent != nil:
		return s.spendingFailed(ctx, who.spent, err)
	case errors.Is(err, models.ErrConflict):
		return Unavailable(fmt.Errorf("the subject's tokens were revoked, or the key dropped, meanwhile: %w", err))
	}
	return failure(err)
}

func (s *Service) storeRegistered(ctx context.Context, who subject, row models.RegisteredToken) error {
	if who.spent != nil {
		// A non-expiring token has no refresh token beside it. Both happen together, so that of many requests with one refresh token
		// one registers a token and the others none that nobody holds.
		return s.Store.ExchangeRefreshToken(ctx, who.spent.Hash, s.grace(), row)
	}
	return s.Store.RegisterToken(ctx, row)
}

// sign encodes and signs a claim set.
func (s *Service) sign(set *claims.Claims, purpose keys.Purpose) (string, error) {
	return s.Keys.Sign(purpose, set.AppendJSON(make([]byte, 0, 1024)))
}
