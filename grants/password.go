package grants

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// provePassword is RFC 6749 §4.3: an application user at an application, an admin at /management.
func provePassword(ctx context.Context, s *Service, req *TokenRequest, _ *client) (subject, error) {
	if req.Username == "" {
		return subject{}, MissingParameter("username")
	}
	if req.Password == "" {
		return subject{}, MissingParameter("password")
	}
	if req.Tenant == nil {
		return s.proveAdmin(ctx, req)
	}
	user, err := s.login(ctx, req, req.Password, func(u *models.User) string { return u.PasswordHash })
	if err != nil {
		return subject{}, err
	}
	return s.userSubject(ctx, req.Tenant, user)
}

// login finds an application user and checks a secret of his. Unknown users cost as much as known ones.
func (s *Service) login(ctx context.Context, req *TokenRequest, secret string, hashOf func(*models.User) string) (*models.User, error) {
	user, err := s.Store.User(ctx, req.Tenant.Application.ID, req.Username)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return nil, failure(err)
	}
	req.tried = userTried(req.Tenant, &user)
	account := userAccount(req.Tenant.Application.ID, user.ID, req.Username)
	right, outdated, err := s.checkSecret(ctx, account, req.Source, hashOf(&user), secret)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, BadLogin()
	}
	if err := userState(req.Tenant, &user); err != nil {
		return nil, err
	}
	if outdated && hashOf(&user) == user.PasswordHash {
		s.rehashUser(ctx, &user, secret)
	}
	return &user, nil
}

// checkSecret verifies a password or PIN under the throttle. The wait is looked at again after the hash: guesses that ran side by side must not
// outrun it.
func (s *Service) checkSecret(ctx context.Context, account, source, hash, secret string) (right, outdated bool, err error) {
	if wait := s.throttle.wait(account, source); wait > 0 {
		return false, false, TooManyAttempts(wait)
	}
	right, outdated, err = s.Passwords.Verify(From(ctx, source), hash, secret)
	if err != nil {
		return false, false, failure(err)
	}
	if wait := s.throttle.wait(account, source); wait > 0 {
		return false, false, TooManyAttempts(wait)
	}
	if !right {
		s.throttle.failed(account, source)
		return false, false, nil
	}
	s.throttle.succeeded(account, source)
	return true, outdated, nil
}

// userState refuses users who must not log in. It is asked only after the right secret, so that it tells nothing to others.
func userState(t *Tenant, user *models.User) error {
	switch {
	case user.Disabled:
		return InvalidGrant("user disabled")
	case !user.Activated, t.Application.Settings.EmailConfirmation && !user.Confirmed:
		return InvalidGrant("user not activated")
	}
	return nil
}

// userSubject gathers what a token of an application user says.
func (s *Service) userSubject(ctx context.Context, t *Tenant, user *models.User) (subject, error) {
	holds, err := s.rights.ofUser(ctx, t.Application.ID, user.ID)
	if err != nil {
		return subject{}, failure(err)
	}
	return subject{
		level: claims.ApplicationUser, id: user.ID, generation: user.Generation, tenant: t, user: user, rights: holds.Rights, issuedBy: user.ID,
	}, nil
}

// proveAdmin is the password grant at /management.
func (s *Service) proveAdmin(ctx context.Context, req *TokenRequest) (subject, error) {
	admin, err := s.loginAdmin(ctx, req.Username, req.Password, req.Source, &req.tried)
	if err != nil {
		return subject{}, err
	}
	return s.adminSubject(ctx, admin)
}

// loginAdmin finds an admin and checks his password. Unknown ones cost as much as known ones. tried is whom it was about, for the audit trail.
func (s *Service) loginAdmin(ctx context.Context, ref, password, source string, tried *account) (*models.Admin, error) {
	admin, err := s.Store.Admin(ctx, ref)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return nil, failure(err)
	}
	*tried = adminTried(&admin)
	right, outdated, err := s.checkSecret(ctx, s.adminAccount(&admin, ref, source), source, admin.PasswordHash, password)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, BadLogin()
	}
	if err := s.adminLoginState(&admin); err != nil {
		return nil, err
	}
	if outdated {
		s.rehashAdmin(ctx, &admin, password)
	}
	return &admin, nil
}

// adminLoginState is wire contract §7.6. The superuser needs no confirmation and no approval.
func (s *Service) adminLoginState(admin *models.Admin) error {
	switch {
	case admin.Disabled:
		return InvalidGrant("user disabled")
	case admin.Superuser:
		return nil
	case s.AdminConfirmation && !admin.Confirmed:
		e := InvalidGrant("User must be confirmed to authenticate")
		e.RFC = e.Wire
		e.Status = http.StatusForbidden
		return e
	case !admin.Activated:
		return InvalidGrant("user not activated")
	}
	return nil
}

func (s *Service) adminSubject(ctx context.Context, admin *models.Admin) (subject, error) {
	orgs := []string{}
	if !admin.Superuser {
		organizations, err := s.Store.OrganizationsOf(ctx, admin.ID)
		if err != nil {
			return subject{}, failure(err)
		}
		for i := range organizations {
			orgs = append(orgs, organizations[i].Name)
		}
	}
	return subject{level: claims.AdminUser, id: admin.ID, generation: admin.Generation, admin: admin, orgs: orgs, issuedBy: admin.ID}, nil
}

// rehashUser replaces a hash of outdated strength now that the password is at hand. Failing to is no reason to refuse the login.
func (s *Service) rehashUser(ctx context.Context, user *models.User, password string) {
	before := user.PasswordHash
	hash, err := s.Passwords.HashUnchecked(ctx, password)
	if err == nil {
		_, err = s.Store.UpdateUser(ctx, user.ApplicationID, user.ID, func(u *models.User) error {
			return replaceHash(&u.PasswordHash, before, hash)
		})
	}
	s.logRehash(user.ID, err)
}

func (s *Service) rehashAdmin(ctx context.Context, admin *models.Admin, password string) {
	before := admin.PasswordHash
	hash, err := s.Passwords.HashUnchecked(ctx, password)
	if err == nil {
		_, err = s.Store.UpdateAdmin(ctx, admin.ID, func(a *models.Admin) error {
			return replaceHash(&a.PasswordHash, before, hash)
		})
	}
	s.logRehash(admin.ID, err)
}

func (s *Service) logRehash(id uuid.UUID, err error) {
	if err != nil {
		s.Logger.Warn("password hash could not be strengthened", "subject", id, "cause", err)
	}
}

// replaceHash sets a hash unless somebody else changed the password meanwhile.
func replaceHash(current *string, before, after string) error {
	if *current != before {
		return models.ErrConflict
	}
	*current = after
	return nil
}
