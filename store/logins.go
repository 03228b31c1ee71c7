package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// loginsKept is how many logins a list has at most: the newest.
const loginsKept = 1000

// Logins lists the families of refresh tokens of a user that have not ended, those used last first. Whether one has idled too long is for the caller
// to judge.
func (s *Store) Logins(ctx context.Context, user uuid.UUID) ([]models.Login, error) {
	logins := []models.Login{}
	// A family has one unused token, which was made when the family was used last.
	began := s.read(ctx).Table("refresh_tokens AS first").Select("MIN(first.created)").Where("first.family = refresh_tokens.family")
	err := s.read(ctx).Table("refresh_tokens").Select("family, client_id, scope, created AS used, expires, (?) AS began", began).
		Where("user_id = ? AND used IS NULL AND expires > ?", user, s.now().UnixMilli()).
		Order("created DESC, family").Limit(loginsKept).Find(&logins).Error
	return logins, classify(err)
}

// EndLogin ends one family of a user; models.ErrNotFound if he has none like it.
func (s *Store) EndLogin(ctx context.Context, user, family uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.holdUser(user); err != nil {
			return err
		}
		if _, err := one[models.RefreshToken](t.db, "family = ? AND user_id = ?", family, user); err != nil {
			return err
		}
		return t.endFamily(family)
	})
}

// EndLogins ends every family of a user.
func (s *Store) EndLogins(ctx context.Context, user uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.holdUser(user); err != nil {
			return err
		}
		return t.db.Where("user_id = ?", user).Delete(&models.RefreshToken{}).Error
	})
}
