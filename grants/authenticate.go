package grants

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// AuthenticateToken checks an access token in the order of wire contract §5 and loads the live rows behind it. It answers ErrBadToken,
// ErrExpired, ErrDisabled, ErrInactive or ErrRevoked.
func (s *Service) AuthenticateToken(ctx context.Context, raw string) (*Caller, error) {
	set, err := s.verify(raw)
	if err != nil {
		return nil, err
	}
	caller, generation, err := s.callerOf(ctx, set)
	if err != nil {
		return nil, err
	}
	caller.Claims, caller.Raw = set, raw
	if err := s.Current(ctx); err != nil { // the last moment: this process may have stood still
		return nil, err
	}
	if s.revoked(set, generation) {
		return nil, ErrRevoked
	}
	return caller, nil
}

// verify checks what a token says about itself: signature, issuer, audience, times. Nothing is looked up but the key.
func (s *Service) verify(raw string) (*claims.Claims, error) {
	payload, err := s.Keys.Verify(raw)
	if err != nil {
		return nil, ErrBadToken.Because(err)
	}
	set, err := claims.Parse(payload)
	if err != nil {
		return nil, ErrBadToken.Because(err)
	}
	err = set.Validate(claims.Expectation{Issuers: []string{s.issuerOf(set)}}, s.Now())
	switch {
	case errors.Is(err, claims.ErrExpired):
		return set, ErrExpired
	case err != nil:
		return nil, ErrBadToken.Because(err)
	}
	return set, nil
}

// issuerOf is the issuer a token of this level and these names must have.
func (s *Service) issuerOf(set *claims.Claims) string {
	if set.Level == claims.ApplicationUser || set.Level == claims.Application {
		return s.Issuer(set.Org, set.App)
	}
	return s.management
}

// revoked looks at the denylist, and at the live row's generation besides.
func (s *Service) revoked(set *claims.Claims, generation int64) bool {
	jti, err := uuid.Parse(set.ID)
	if err != nil {
		return true
	}
	subject, err := uuid.Parse(set.Subject)
	return err != nil || set.Generation < generation || s.denylist.denies(jti, subject, set.Generation)
}

// callerOf loads the subject of verified claims and its generation.
func (s *Service) callerOf(ctx context.Context, set *claims.Claims) (*Caller, int64, error) {
	switch set.Level {
	case claims.ApplicationUser:
		return s.userCaller(ctx, set)
	case claims.Application:
		tenant, err := s.tenantOf(ctx, set)
		if err != nil {
			return nil, 0, err
		}
		return &Caller{Level: set.Level, Tenant: tenant}, tenant.client.Generation, nil
	case claims.Organization:
		return s.organizationCaller(ctx, set)
	case claims.AdminUser:
		admin, err := s.Store.Admin(ctx, set.Subject)
		if err != nil {
			return nil, 0, subjectGone(err)
		}
		if err := s.adminTokenState(&admin); err != nil {
			return nil, 0, err
		}
		caller, err := s.adminCaller(ctx, &admin)
		return caller, admin.Generation, err
	case claims.Guest:
	}
	return nil, 0, ErrBadToken
}

func (s *Service) userCaller(ctx context.Context, set *claims.Claims) (*Caller, int64, error) {
	tenant, err := s.tenantOf(ctx, set)
	if err != nil {
		return nil, 0, err
	}
	user, err := s.Store.User(ctx, tenant.Application.ID, set.Subject)
	if err != nil {
		return nil, 0, subjectGone(err)
	}
	switch {
	case user.Disabled:
		return nil, 0, ErrDisabled
	case !user.Activated:
		return nil, 0, ErrInactive
	}
	return &Caller{Level: claims.ApplicationUser, Tenant: tenant, User: &user}, user.Generation, nil
}

func (s *Service) organizationCaller(ctx context.Context, set *claims.Claims) (*Caller, int64, error) {
	id, err := uuid.Parse(set.Subject)
	if err != nil {
		return nil, 0, ErrBadToken.Because(err)
	}
	found, err := s.tenants.owner(ctx, id)
	if err != nil {
		return nil, 0, subjectGone(err)
	}
	return &Caller{Level: claims.Organization, Organization: &found.organization}, found.client.Generation, nil
}

func (s *Service) adminCaller(ctx context.Context, admin *models.Admin) (*Caller, error) {
	caller := &Caller{Level: claims.AdminUser, Admin: admin, Superuser: admin.Superuser}
	if admin.Superuser {
		return caller, nil
	}
	organizations, err := s.Store.OrganizationsOf(ctx, admin.ID)
	if err != nil {
		return nil, failure(err)
	}
	for i := range organizations {
		caller.memberOf = append(caller.memberOf, organizations[i].ID)
	}
	return caller, nil
}

func (s *Service) adminTokenState(admin *models.Admin) error {
	switch {
	case admin.Disabled:
		return ErrDisabled
	case !admin.Activated, s.AdminConfirmation && !admin.Confirmed && !admin.Superuser:
		return ErrInactive
	}
	return nil
}

// tenantOf finds the application of a token by its uuid: names in a token are a snapshot.
func (s *Service) tenantOf(ctx context.Context, set *claims.Claims) (*Tenant, error) {
	id, err := uuid.Parse(set.AppID)
	if err != nil {
		return nil, ErrBadToken.Because(err)
	}
	tenant, err := s.tenants.byApplication(ctx, id)
	if err != nil {
		return nil, subjectGone(err)
	}
	return tenant, nil
}

func subjectGone(err error) *Error {
	if errors.Is(err, models.ErrNotFound) {
		return ErrBadToken.Because(err)
	}
	return failure(err)
}

// AuthenticateClient checks client credentials on a request, found by their prefix. It answers ErrClientParameters, or
// TooManyAttempts after repeated failures.
func (s *Service) AuthenticateClient(ctx context.Context, clientID, secret, source string) (*Caller, error) {
	c, err := s.proveClient(ctx, nil, chosen{id: clientID, secret: secret}, source)
	if err != nil {
		return nil, orInstead(err, ErrClientParameters)
	}
	return c.caller(), nil
}

// AuthenticateBasic checks Basic credentials on a request: the superuser's name in any case, else a client. It is never a user. It answers
// ErrSuperuser or ErrBasic, or TooManyAttempts.
func (s *Service) AuthenticateBasic(ctx context.Context, username, password, source string) (*Caller, error) {
	if strings.EqualFold(username, s.Superuser) && s.Superuser != "" {
		return s.authenticateSuperuser(ctx, password, source)
	}
	c, err := s.proveClient(ctx, nil, chosen{id: username, secret: password, basic: true}, source)
	if err != nil {
		return nil, orInstead(err, ErrBasic)
	}
	return c.caller(), nil
}

func (s *Service) authenticateSuperuser(ctx context.Context, password, source string) (*Caller, error) {
	admin, err := s.Store.Superuser(ctx)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return nil, failure(err)
	}
	right, _, err := s.checkSecret(ctx, s.adminAccount(&admin, s.Superuser, source), source, admin.PasswordHash, password)
	if err == nil && !right {
		err = ErrSuperuser
	}
	if err != nil {
		who := adminTried(&admin)
		s.auditRefusal(&who, source, basicMethod, err)
		return nil, err
	}
	s.auditAdminLogin(&admin, source, basicMethod)
	return s.adminCaller(ctx, &admin)
}

// orInstead keeps throttling and failures of ours, and answers everything else with the error of this place.
func orInstead(err error, instead *Error) error {
	var known *Error
	if errors.As(err, &known) && known.In(RFC6749).Code == "invalid_client" {
		return instead
	}
	return err
}

func (c *client) caller() *Caller {
	return &Caller{Level: c.level(), Tenant: c.tenant, Organization: c.organization}
}
