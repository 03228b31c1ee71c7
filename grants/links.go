package grants

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// linkStore keeps the links of mails.
type linkStore interface {
	CreateLink(ctx context.Context, link models.LinkToken) error
	Link(ctx context.Context, hash []byte) (models.LinkToken, error)
	UpdateUserByLink(
		ctx context.Context, hash []byte, purpose models.LinkPurpose, application, id uuid.UUID, change func(*models.User) error,
	) (models.User, error)
	UpdateAdminByLink(
		ctx context.Context, hash []byte, purpose models.LinkPurpose, id uuid.UUID, change func(*models.Admin) error,
	) (models.Admin, error)
}

// Lives of links (wire contract §7.6).
const (
	resetLife = time.Hour
	otherLife = 7 * 24 * time.Hour
)

// LinkLife is how long a link of this purpose can be used.
func LinkLife(purpose models.LinkPurpose) time.Duration {
	if purpose == models.LinkReset {
		return resetLife
	}
	return otherLife
}

// errLink is the one answer to a link that does not exist, is another's or for something else, was used, or has expired.
var errLink = IllegalArgument("invalid token")

// InvalidLink is the answer to a link that is no good, and to one for an account that does not exist.
func InvalidLink() *Error { return errLink }

// linkBytes of randomness make a link's token (SEC-56 asks for 160 bits).
const linkBytes = 24

// NewUserLink makes the token of a link for an application user. It is shown nowhere else: only its hash is kept.
func (s *Service) NewUserLink(ctx context.Context, user *models.User, purpose models.LinkPurpose) (string, error) {
	return s.newLink(ctx, models.LinkToken{
		Purpose: purpose, OwnerKind: models.OwnerUser, OwnerID: user.ID, ApplicationID: &user.ApplicationID,
	})
}

// NewAdminLink makes the token of a link for an admin. The superuser has none: his account is the configuration's.
func (s *Service) NewAdminLink(ctx context.Context, admin *models.Admin, purpose models.LinkPurpose) (string, error) {
	if admin.Superuser {
		return "", errors.New("the superuser has no links")
	}
	return s.newLink(ctx, models.LinkToken{Purpose: purpose, OwnerKind: models.OwnerAdmin, OwnerID: admin.ID})
}

func (s *Service) newLink(ctx context.Context, link models.LinkToken) (string, error) {
	random := make([]byte, linkBytes)
	_, _ = rand.Read(random) // crypto/rand never fails
	token := base64.RawURLEncoding.EncodeToString(random)
	link.Hash = linkHash(token)
	link.Created = s.Now().UnixMilli()
	link.Expires = link.Created + LinkLife(link.Purpose).Milliseconds()
	return token, s.Store.CreateLink(ctx, link)
}

func linkHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// CheckLink tells whether a link would be accepted now, without using it up. owner is uuid.Nil for an account that does not exist.
func (s *Service) CheckLink(ctx context.Context, owner uuid.UUID, purpose models.LinkPurpose, token string) error {
	link, err := s.Store.Link(ctx, linkHash(token))
	switch {
	case errors.Is(err, models.ErrNotFound):
		return errLink
	case err != nil:
		return failure(err)
	case owner == uuid.Nil || link.OwnerID != owner || link.Purpose != purpose:
		return errLink
	}
	return nil
}

// ResetUserPassword sets a user's password; the link is the proof. user is nil if the path names nobody.
func (s *Service) ResetUserPassword(ctx context.Context, t *Tenant, user *models.User, token, newPassword string) error {
	if user == nil {
		user = &models.User{}
	}
	hash, err := s.proveReset(ctx, token, passwordChange{
		id: user.ID, hash: user.PasswordHash, historySize: t.Organization.PasswordHistorySize, new: newPassword,
	})
	if err != nil {
		return err
	}
	_, err = s.Store.UpdateUserByLink(ctx, linkHash(token), models.LinkReset, t.Application.ID, user.ID, func(u *models.User) error {
		u.PasswordHash = hash
		u.PasswordChanged = s.nextPasswordChange(u.PasswordChanged)
		s.raiseAfterPassword(&u.Generation)
		return nil
	})
	return linkFailure(err)
}

// ResetAdminPassword is ResetUserPassword for an admin.
func (s *Service) ResetAdminPassword(ctx context.Context, admin *models.Admin, token, newPassword string) error {
	if admin == nil || admin.Superuser {
		admin = &models.Admin{}
	}
	size, err := s.historySizeOf(ctx, admin.ID)
	if err != nil {
		return err
	}
	hash, err := s.proveReset(ctx, token, passwordChange{id: admin.ID, hash: admin.PasswordHash, historySize: size, new: newPassword})
	if err != nil {
		return err
	}
	_, err = s.Store.UpdateAdminByLink(ctx, linkHash(token), models.LinkReset, admin.ID, func(a *models.Admin) error {
		a.PasswordHash = hash
		a.PasswordChanged = s.nextPasswordChange(a.PasswordChanged)
		s.raiseAfterPassword(&a.Generation)
		return nil
	})
	return linkFailure(err)
}

// proveReset looks at the link first: nobody without one makes us hash. A password that is refused does not use it up.
func (s *Service) proveReset(ctx context.Context, token string, change passwordChange) (string, error) {
	if err := s.CheckLink(ctx, change.id, models.LinkReset, token); err != nil {
		return "", err
	}
	change.trusted = true
	return s.provePasswordChange(ctx, change)
}

// ActivateUser lets a deactivated user in again. The link came by mail, so the address is confirmed, too.
func (s *Service) ActivateUser(ctx context.Context, t *Tenant, user uuid.UUID, token string) (models.User, error) {
	row, err := s.Store.UpdateUserByLink(ctx, linkHash(token), models.LinkActivate, t.Application.ID, user, func(u *models.User) error {
		u.Activated, u.Confirmed, u.Deactivated = true, true, nil
		return nil
	})
	return row, linkFailure(err)
}

// ConfirmUser confirms a user's address. Whoever only waited for that is active then; approval, if the application demands it, comes
// behind, and who was shut out meanwhile stays out.
func (s *Service) ConfirmUser(ctx context.Context, t *Tenant, user uuid.UUID, token string) (models.User, error) {
	row, err := s.Store.UpdateUserByLink(ctx, linkHash(token), models.LinkConfirm, t.Application.ID, user, func(u *models.User) error {
		if !u.Confirmed && u.Deactivated == nil && !t.Application.Settings.AdminApproval {
			u.Activated = true
		}
		u.Confirmed = true
		return nil
	})
	return row, linkFailure(err)
}

// ActivateAdmin lets an admin in whom the superuser had it sent to.
func (s *Service) ActivateAdmin(ctx context.Context, admin uuid.UUID, token string) (models.Admin, error) {
	row, err := s.Store.UpdateAdminByLink(ctx, linkHash(token), models.LinkActivate, admin, func(a *models.Admin) error {
		a.Activated, a.Confirmed = true, true
		return nil
	})
	return row, linkFailure(err)
}

// ConfirmAdmin confirms an admin's address; approval is the superuser's business.
func (s *Service) ConfirmAdmin(ctx context.Context, admin uuid.UUID, token string) (models.Admin, error) {
	row, err := s.Store.UpdateAdminByLink(ctx, linkHash(token), models.LinkConfirm, admin, func(a *models.Admin) error {
		a.Confirmed = true
		return nil
	})
	return row, linkFailure(err)
}

func linkFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, models.ErrNotFound):
		return errLink
	}
	return failure(err)
}

// UserLinkOf is the link that an application user waits for: none if he may log in, or is disabled, which no link ends.
func (s *Service) UserLinkOf(t *Tenant, user *models.User) (models.LinkPurpose, bool) {
	switch {
	case user.Disabled:
		return "", false
	case user.Deactivated == nil && t.Application.Settings.EmailConfirmation && !user.Confirmed:
		return models.LinkConfirm, true
	case !user.Activated:
		return models.LinkActivate, true
	}
	return "", false
}

// AdminLinkOf is UserLinkOf for an admin.
func (s *Service) AdminLinkOf(admin *models.Admin) (models.LinkPurpose, bool) {
	switch {
	case admin.Disabled || admin.Superuser:
		return "", false
	case s.AdminConfirmation && !admin.Confirmed:
		return models.LinkConfirm, true
	case !admin.Activated:
		return models.LinkActivate, true
	}
	return "", false
}
