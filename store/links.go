package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// linksKept is how many live links an account has at most: the oldest make room, so that whoever asks for ever more of them does not fill
// the table, and a mail that is only late still works.
const linksKept = 20

// CreateLink stores a link of an account that exists; models.ErrNotFound if it does not.
func (s *Store) CreateLink(ctx context.Context, link models.LinkToken) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.ownerExists(&link); err != nil {
			return err
		}
		row := link
		if err := t.db.Create(&row).Error; err != nil {
			return err
		}
		kept := t.db.Model(&models.LinkToken{}).Select("hash").Where("owner_id = ?", link.OwnerID).
			Order("created DESC, hash").Limit(linksKept)
		return t.db.Where("owner_id = ? AND hash NOT IN (?)", link.OwnerID, kept).Delete(&models.LinkToken{}).Error
	})
}

func (t *transaction) ownerExists(link *models.LinkToken) error {
	var err error
	if link.OwnerKind == models.OwnerAdmin {
		_, err = one[models.Admin](t.forUpdate(), "id = ?", link.OwnerID)
	} else {
		_, err = one[models.User](t.forUpdate(), "id = ? AND application_id = ?", link.OwnerID, link.ApplicationID)
	}
	return err
}

// Link finds a live link by its hash. That it is found proves nothing yet: who acts on it uses UpdateUserByLink or UpdateAdminByLink.
func (s *Store) Link(ctx context.Context, hash []byte) (models.LinkToken, error) {
	return one[models.LinkToken](s.read(ctx), "hash = ? AND expires > ?", hash, s.now().UnixMilli())
}

// UpdateUserByLink uses up a link and changes the user it is for, both or neither. models.ErrNotFound means that there is no such link for
// this user and purpose, that it was used or has expired; of many attempts at once exactly one succeeds.
func (s *Store) UpdateUserByLink(
	ctx context.Context, hash []byte, purpose models.LinkPurpose, application, id uuid.UUID, change func(*models.User) error,
) (models.User, error) {
	var row models.User
	err := s.write(ctx, func(t *transaction) (err error) {
		if err := t.useLink(hash, purpose, models.OwnerUser, id); err != nil {
			return err
		}
		row, err = t.updateUser(application, id, change)
		return err
	})
	return row, err
}

// UpdateAdminByLink is UpdateUserByLink for an admin.
func (s *Store) UpdateAdminByLink(
	ctx context.Context, hash []byte, purpose models.LinkPurpose, id uuid.UUID, change func(*models.Admin) error,
) (models.Admin, error) {
	var row models.Admin
	err := s.write(ctx, func(t *transaction) (err error) {
		if err := t.useLink(hash, purpose, models.OwnerAdmin, id); err != nil {
			return err
		}
		row, err = t.updateAdmin(id, change)
		return err
	})
	return row, err
}

// useLink is one statement, so that of many at once one finds the row.
func (t *transaction) useLink(hash []byte, purpose models.LinkPurpose, kind models.OwnerKind, owner uuid.UUID) error {
	result := t.db.Where("hash = ? AND purpose = ? AND owner_kind = ? AND owner_id = ? AND expires > ?", hash, purpose, kind, owner, t.now).
		Delete(&models.LinkToken{})
	if result.Error == nil && result.RowsAffected != 1 {
		return models.ErrNotFound
	}
	return result.Error
}

// endLinks removes the links of an account that a change makes void: all of them when the address they were sent to is no longer the
// account's, or when the account is shut out, and those that set a password when the password has changed.
func (t *transaction) endLinks(owner uuid.UUID, moved, shut, password bool) error {
	links := t.db.Where("owner_id = ?", owner)
	switch {
	case moved || shut:
	case password:
		links = links.Where("purpose = ?", models.LinkReset)
	default:
		return nil
	}
	return links.Delete(&models.LinkToken{}).Error
}
