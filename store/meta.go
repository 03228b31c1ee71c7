package store

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

// metaRow is a fact about the whole installation.
type metaRow struct {
	Name  string `gorm:"primaryKey"`
	Value string
}

// TableName names the table for gorm.
func (metaRow) TableName() string { return "meta" }

// Meta is a remembered fact about the installation; models.ErrNotFound if it was never set.
func (s *Store) Meta(ctx context.Context, name string) (string, error) {
	return meta(s.read(ctx), name)
}

// SetMeta remembers a fact about the installation.
func (s *Store) SetMeta(ctx context.Context, name, value string) error {
	return s.write(ctx, func(t *transaction) error { return t.setMeta(name, value) })
}

// Empty tells whether nothing has been set up: there is no organization, deleted ones included, and no admin.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	organizations, err := exists[models.Organization](s.read(ctx), "1 = 1")
	if err != nil || organizations {
		return false, err
	}
	admins, err := exists[models.Admin](s.read(ctx), "1 = 1")
	return !admins, err
}

func meta(db *gorm.DB, name string) (string, error) {
	row, err := one[metaRow](db, "name = ?", name)
	return row.Value, err
}

func (t *transaction) setMeta(name, value string) error {
	return t.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&metaRow{Name: name, Value: value}).Error
}
