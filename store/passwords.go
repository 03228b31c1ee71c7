package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// passwordsKept is the largest password history an organization may demand.
const passwordsKept = 24

// PastPasswords are the hashes of the n passwords an admin or user had before the present one, newest first.
func (s *Store) PastPasswords(ctx context.Context, owner uuid.UUID, n int) ([]string, error) {
	hashes := []string{}
	err := pastPasswords(s.read(ctx), owner).Limit(n).Pluck("hash", &hashes).Error
	return hashes, classify(err)
}

func pastPasswords(db *gorm.DB, owner uuid.UUID) *gorm.DB {
	return db.Model(&models.PastPassword{}).Where("owner_id = ?", owner).Order("created DESC, id DESC")
}

// rememberPassword keeps a replaced hash.
func (t *transaction) rememberPassword(owner uuid.UUID, before string) error {
	if before == "" {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	row := models.PastPassword{ID: id, OwnerID: owner, Hash: before, Created: t.now}
	if err := t.db.Create(&row).Error; err != nil {
		return err
	}
	kept := pastPasswords(t.db, owner).Select("id").Limit(passwordsKept)
	return t.db.Where("owner_id = ? AND id NOT IN (?)", owner, kept).Delete(&models.PastPassword{}).Error
}
