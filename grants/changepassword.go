package grants

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

var (
	errOldPassword    = NewError(http.StatusBadRequest, "auth_invalid_username_or_password", "Unable to authenticate due to username or password being incorrect")
	errRecentPassword = NewError(http.StatusConflict, "recently_used_password", "The new password was used recently")
)

// passwordChange is what both kinds of users have in common when a password changes.
type passwordChange struct {
	id          uuid.UUID // uuid.Nil: unknown user
	hash        string
	account     string
	who         account
	historySize int
	trusted     bool // the caller needs no old password
	old, new    string
	source      string
}

// ChangeUserPassword sets an application user's password (wire contract §8.2). The old password is the proof; with application access it may be
// missing or wrong, and an unknown user is models.ErrNotFound.
func (s *Service) ChangeUserPassword(ctx context.Context, t *Tenant, caller *Caller, userRef, oldPassword, newPassword, source string) error {
	user, err := s.Store.User(ctx, t.Application.ID, userRef)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return failure(err)
	}
	change := passwordChange{
		id: user.ID, hash: user.PasswordHash, account: userAccount(t.Application.ID, user.ID, userRef), trusted: caller.ApplicationAccess(t),
		historySize: t.Organization.PasswordHistorySize, old: oldPassword, new: newPassword, source: source, who: userTried(t, &user),
	}
	hash, err := s.provePasswordChange(ctx, change)
	if err != nil {
		return err
	}
	_, err = s.Store.UpdateUser(ctx, t.Application.ID, user.ID, func(u *models.User) error {
		if err := replaceHash(&u.PasswordHash, change.hash, hash); err != nil {
			return err
		}
		u.PasswordChanged = s.nextPasswordChange(u.PasswordChanged)
		s.raiseAfterPassword(&u.Generation)
		return nil
	})
	return s.passwordChanged(err)
}

// ChangeAdminPassword sets an admin's password (wire contract §7.4). The superuser needs no old one; his own comes from the configuration.
// also are further changes of the admin: all of them happen, or none. Their *models.Invalid and *models.Duplicate are passed on.
func (s *Service) ChangeAdminPassword(
	ctx context.Context, caller *Caller, adminRef, oldPassword, newPassword, source string, also ...func(*models.Admin) error,
) error {
	admin, err := s.Store.Admin(ctx, adminRef)
	if err != nil && !errors.Is(err, models.ErrNotFound) {
		return failure(err)
	}
	if admin.Superuser {
		return IllegalArgument("The superuser's password comes from the configuration")
	}
	size, err := s.historySizeOf(ctx, admin.ID)
	if err != nil {
		return err
	}
	change := passwordChange{
		id: admin.ID, hash: admin.PasswordHash, account: s.adminAccount(&admin, adminRef, source), trusted: caller.Superuser,
		historySize: size, old: oldPassword, new: newPassword, source: source, who: adminTried(&admin),
	}
	hash, err := s.provePasswordChange(ctx, change)
	if err != nil {
		return err
	}
	_, err = s.Store.UpdateAdmin(ctx, admin.ID, func(a *models.Admin) error {
		if err := replaceHash(&a.PasswordHash, change.hash, hash); err != nil {
			return err
		}
		a.PasswordChanged = s.nextPasswordChange(a.PasswordChanged)
		s.raiseAfterPassword(&a.Generation)
		for _, change := range also {
			if err := change(a); err != nil {
				return err
			}
		}
		return nil
	})
	return s.passwordChanged(err)
}

// historySizeOf is the largest history of the admin's organizations.
func (s *Service) historySizeOf(ctx context.Context, admin uuid.UUID) (int, error) {
	if admin == uuid.Nil {
		return 0, nil
	}
	organizations, err := s.Store.OrganizationsOf(ctx, admin)
	if err != nil {
		return 0, failure(err)
	}
	size := 0
	for i := range organizations {
		size = max(size, organizations[i].PasswordHistorySize)
	}
	return size, nil
}

func (s *Service) raiseAfterPassword(generation *int64) {
	if !s.KeepTokensOnPasswordChange {
		*generation++
	}
}

func (s *Service) passwordChanged(err error) error {
	if errors.Is(err, models.ErrConflict) {
		// Somebody else changed it between proof and update: the old password is no longer right.
		return errOldPassword
	}
	var (
		invalid   *models.Invalid
		duplicate *models.Duplicate
	)
	if err == nil || errors.As(err, &invalid) || errors.As(err, &duplicate) {
		return err
	}
	return failure(err)
}

// provePasswordChange checks parameters, proof, policy and history, in this order, and hashes the new password.
func (s *Service) provePasswordChange(ctx context.Context, p passwordChange) (string, error) {
	switch {
	case p.new == "" && (p.trusted || p.old != ""):
		return "", IllegalArgument("newpassword is required")
	case p.new == "", p.old == "" && !p.trusted:
		return "", IllegalArgument("oldpassword and newpassword are both required")
	case p.trusted && p.id == uuid.Nil:
		return "", models.ErrNotFound
	}
	ctx = From(ctx, p.source)
	if !p.trusted {
		right, _, err := s.checkSecret(ctx, p.account, p.source, p.hash, p.old)
		if err == nil && !right {
			err = errOldPassword
		}
		if err != nil {
			s.auditRefusal(&p.who, p.source, "password change", err)
			return "", err
		}
	}
	if err := s.Passwords.Check(p.new); err != nil {
		return "", err
	}
	if err := s.refuseRecent(ctx, p); err != nil {
		return "", err
	}
	return s.Passwords.Hash(ctx, p.new)
}

// refuseRecent compares the new password with the current one and those before it, as many as the organization remembers.
func (s *Service) refuseRecent(ctx context.Context, p passwordChange) error {
	if p.historySize <= 0 {
		return nil
	}
	hashes, err := s.Store.PastPasswords(ctx, p.id, p.historySize-1)
	if err != nil {
		return failure(err)
	}
	for _, hash := range append([]string{p.hash}, hashes...) {
		if hash == "" {
			continue
		}
		used, _, err := s.Passwords.Verify(ctx, hash, p.new)
		if err != nil {
			return failure(err)
		}
		if used {
			return errRecentPassword
		}
	}
	return nil
}

// nextPasswordChange is the time of a change (ms), always later than the one before: that tells a change from a rehash.
func (s *Service) nextPasswordChange(before int64) int64 { return max(s.Now().UnixMilli(), before+1) }
