package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// Issuer finds an application and its organization, each by name or uuid, whether they are live or tombstones: names are never reused.
// Of an application that is named by its uuid the organization may be "-".
func (s *Store) Issuer(ctx context.Context, organizationRef, applicationRef string) (models.Organization, models.Application, error) {
	var organization models.Organization
	var application models.Application
	err := s.snapshot(ctx, func(db *gorm.DB) (err error) {
		if organizationRef != "-" {
			if organization, err = one[models.Organization](db, column(organizationRef)+" = ?", models.Fold(organizationRef)); err != nil {
				return err
			}
			db = db.Where("organization_id = ?", organization.ID)
		} else if !models.IsUUID(applicationRef) {
			return models.ErrNotFound
		}
		application, err = one[models.Application](db, column(applicationRef)+" = ?", models.Fold(applicationRef))
		if err != nil || organizationRef != "-" {
			return err
		}
		organization, err = one[models.Organization](db.Session(&gorm.Session{NewDB: true}), "id = ?", application.OrganizationID)
		return err
	})
	return organization, application, err
}

// column is what a reference is looked up by.
func column(ref string) string {
	if models.IsUUID(ref) {
		return "id"
	}
	return "name"
}

// Ended tells whether an application is a tombstone: all its tokens are dead.
func (s *Store) Ended(ctx context.Context, application uuid.UUID) (bool, error) {
	return exists[models.Application](s.read(ctx), "id = ? AND deleted IS NOT NULL", application)
}

// DenyUnconfirmed ends the tokens of admins who have not confirmed their e-mail address, for a server that has begun to demand it: it
// refuses them itself, and resource servers must learn of it.
func (s *Store) DenyUnconfirmed(ctx context.Context) error {
	return s.write(ctx, func(t *transaction) error {
		var admins []models.Admin
		err := t.db.Where(`NOT confirmed AND NOT superuser AND NOT EXISTS (
			SELECT 1 FROM denied_subjects WHERE denied_subjects.subject = admins.id AND denied_subjects.generation = admins.generation)`).
			Order("id").Find(&admins).Error
		if err != nil {
			return err
		}
		for i := range admins {
			_, err := t.updateAdmin(admins[i].ID, func(a *models.Admin) error {
				a.Generation++
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
