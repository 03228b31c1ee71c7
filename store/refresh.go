package store

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// CreateRefreshToken stores the first token of a family. models.ErrConflict means that the user's generation is another, or the
// user gone.
func (s *Store) CreateRefreshToken(ctx context.Context, token models.RefreshToken) error {
	return s.write(ctx, func(t *transaction) error {
		generation, err := t.userGeneration(token.ApplicationID, token.UserID)
		if errors.Is(err, models.ErrNotFound) || (err == nil && generation != token.Generation) {
			return models.ErrConflict
		}
		if err != nil {
			return err
		}
		row := token
		return t.db.Create(&row).Error
	})
}

// RefreshToken finds a refresh token by its hash, used and expired ones included.
func (s *Store) RefreshToken(ctx context.Context, hash []byte) (models.RefreshToken, error) {
	return one[models.RefreshToken](s.read(ctx), "hash = ?", hash)
}

// RotateRefreshToken consumes one token and stores the next of its family. models.ErrConflict means that it was used or ended
// already; of many attempts at once exactly one succeeds.
func (s *Store) RotateRefreshToken(ctx context.Context, spent []byte, next models.RefreshToken) error {
	return s.write(ctx, func(t *transaction) error {
		// The condition and the change are one statement: reading first would let two readers both find it unused.
		result := t.db.Model(&models.RefreshToken{}).Where("hash = ? AND used IS NULL", spent).Update("used", t.now)
		if result.Error != nil {
			return result.Error
		}
		if result.RowsAffected != 1 {
			return models.ErrConflict
		}
		row := next
		return t.db.Create(&row).Error
	})
}

// EndRefreshFamily removes every token that follows from one login.
func (s *Store) EndRefreshFamily(ctx context.Context, family uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		return t.db.Where("family = ?", family).Delete(&models.RefreshToken{}).Error
	})
}
