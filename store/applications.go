package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// NewApplication is what CreateApplication stores. The type is models', so that callers need not import this package.
type NewApplication = models.ApplicationSeed

// Restored is the detail (JSON) of a models.ChangeApplication that tells of a restored application: the store has denied all
// its older tokens at once. Whoever keeps denials in memory reads them anew.
const Restored = `{"restored":true}`

// CreateApplication stores all of it or nothing. *models.Duplicate names the application, a tombstone's name included;
// models.ErrNotFound means that there is no such organization.
func (s *Store) CreateApplication(ctx context.Context, input NewApplication) error {
	return s.write(ctx, func(t *transaction) error {
		live, err := exists[models.Organization](t.forUpdate(), "id = ? AND deleted IS NULL", input.Application.OrganizationID)
		if err != nil {
			return err
		}
		if !live {
			return models.ErrNotFound
		}
		return t.createApplication(input)
	})
}

func (t *transaction) createApplication(input NewApplication) error {
	application := input.Application
	application.LongestTTL = longest(application)
	if err := t.uniqueApplication(application); err != nil {
		return err
	}
	if err := t.db.Create(&application).Error; err != nil {
		return err
	}
	if err := t.createClient(input.Client, models.ApplicationClient, application.ID); err != nil {
		return err
	}
	for _, seed := range input.Roles {
		seed.Role.ApplicationID = application.ID
		if err := t.createRole(seed.Role); err != nil {
			return err
		}
		holder := holder{application.ID, models.HolderRole, seed.Role.ID}
		if _, err := t.insertRules(holder, seed.Rules); err != nil {
			return err
		}
	}
	t.changed(models.ChangeApplication, application.ID)
	t.policyChanged(application.ID)
	return nil
}

// uniqueApplication counts tombstones: names stand in tokens and are never reused.
func (t *transaction) uniqueApplication(a models.Application) error {
	taken := models.Duplicate{Entity: "application", Property: "name", Value: a.Name}
	return unique[models.Application](t, taken, "organization_id = ? AND name = ? AND id <> ?", a.OrganizationID, a.Name, a.ID)
}

// longest is the longest lifetime a finite token of the application may have: what is set now, or was before.
func longest(a models.Application) int64 {
	if a.Settings.AccessTokenTTL == nil {
		return a.LongestTTL
	}
	return max(a.LongestTTL, lifetime(*a.Settings.AccessTokenTTL))
}

// Application finds a live application of a live organization, each by name or uuid. With an organization of "" or "-" the
// application's uuid alone is enough.
func (s *Store) Application(
	ctx context.Context, organizationRef, applicationRef string,
) (models.Organization, models.Application, error) {
	ref, byID := models.Fold(applicationRef), models.IsUUID(applicationRef)
	var parent models.Organization
	var application models.Application
	db := s.read(ctx)
	if organizationRef == "" || organizationRef == "-" {
		if !byID {
			return parent, application, models.ErrNotFound
		}
		application, err := one[models.Application](db, "id = ? AND deleted IS NULL", ref)
		if err != nil {
			return parent, application, err
		}
		parent, err = organization(db, application.OrganizationID.String())
		return parent, application, err
	}
	parent, err := organization(db, organizationRef)
	if err != nil {
		return parent, application, err
	}
	column := "name"
	if byID {
		column = "id"
	}
	application, err = one[models.Application](db, "organization_id = ? AND "+column+" = ? AND deleted IS NULL", parent.ID, ref)
	return parent, application, err
}

// DeletedApplication finds an application of an organization by uuid, whether it is live or a tombstone.
func (s *Store) DeletedApplication(ctx context.Context, organization, application uuid.UUID) (models.Application, error) {
	return one[models.Application](s.read(ctx), "id = ? AND organization_id = ?", application, organization)
}

// ApplicationsOf lists the live applications of an organization by name.
func (s *Store) ApplicationsOf(ctx context.Context, organization uuid.UUID) ([]models.Application, error) {
	applications := []models.Application{}
	err := s.read(ctx).Where("organization_id = ? AND deleted IS NULL", organization).Order("name").Find(&applications).Error
	return applications, classify(err)
}

// DeletedApplicationsOf lists the tombstones among the applications of an organization by name.
func (s *Store) DeletedApplicationsOf(ctx context.Context, organization uuid.UUID) ([]models.Application, error) {
	applications := []models.Application{}
	err := s.read(ctx).Where("organization_id = ? AND deleted IS NOT NULL", organization).Order("name").Find(&applications).Error
	return applications, classify(err)
}

// UpdateApplication changes a live application. LongestTTL follows from the settings and only rises.
func (s *Store) UpdateApplication(
	ctx context.Context, id uuid.UUID, change func(*models.Application) error,
) (models.Application, error) {
	var row models.Application
	err := s.write(ctx, func(t *transaction) (err error) {
		if row, err = one[models.Application](t.forUpdate(), "id = ? AND deleted IS NULL", id); err != nil {
			return err
		}
		before := row
		if err := change(&row); err != nil {
			return err
		}
		row.ID, row.OrganizationID, row.Modified = id, before.OrganizationID, t.now
		row.LongestTTL = max(before.LongestTTL, longest(row))
		if err := t.uniqueApplication(row); err != nil {
			return err
		}
		t.changed(models.ChangeApplication, id)
		return t.save(&row)
	})
	return row, err
}

// DeleteApplication leaves a tombstone: the name stays taken, users and roles stay for RestoreApplication.
func (s *Store) DeleteApplication(ctx context.Context, id uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		row, err := one[models.Application](t.forUpdate(), "id = ? AND deleted IS NULL", id)
		if err != nil {
			return err
		}
		return t.buryApplication(&row)
	})
}

func (t *transaction) buryApplication(row *models.Application) error {
	row.Deleted, row.Modified = &t.now, t.now
	t.changed(models.ChangeApplication, row.ID)
	return t.save(row)
}

// RestoreApplication brings a deleted application of a live organization back; a live one stays as it is. Tokens from before
// stay dead: the generation of every user and of the client rises by one, denials say so, refresh tokens are gone.
// There is one change for all of it, with the detail Restored: an application may have a million users.
func (s *Store) RestoreApplication(ctx context.Context, id uuid.UUID) (models.Application, error) {
	var row models.Application
	err := s.write(ctx, func(t *transaction) (err error) {
		// The organization's row first, as DeleteOrganization has it: it must not go meanwhile.
		if _, err = one[models.Organization](t.forShare(),
			"deleted IS NULL AND id = (SELECT organization_id FROM applications WHERE id = ?)", id); err != nil {
			return err
		}
		if row, err = one[models.Application](t.forUpdate(), "id = ?", id); err != nil || row.Deleted == nil {
			return err
		}
		row.Deleted, row.Modified = nil, t.now
		if err := t.save(&row); err != nil {
			return err
		}
		if err := t.denyEverybody(id); err != nil {
			return fmt.Errorf("denying the tokens of a restored application: %w", err)
		}
		t.changed(models.ChangeClient, id)
		t.changes = append(t.changes, models.Change{Kind: models.ChangeApplication, Key: id.String(), Detail: Restored})
		return nil
	})
	return row, err
}

func (t *transaction) denyEverybody(application uuid.UUID) error {
	ttl, err := t.longestTTL(&application)
	if err != nil {
		return err
	}
	scope := application.String()
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"UPDATE users SET generation = generation + 1 WHERE application_id = ?", []any{scope}},
		{"UPDATE clients SET generation = generation + 1 WHERE id = ?", []any{scope}},
		// "WHERE" before ON CONFLICT is needed by SQLite's parser; PostgreSQL takes parameters in a UNION for texts.
		{
			`INSERT INTO denied_subjects (subject, scope, generation, expires, created)
		SELECT id, CAST(? AS TEXT), generation, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM users WHERE application_id = ?
		UNION ALL SELECT id, CAST(? AS TEXT), generation, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM clients WHERE id = ?
		ON CONFLICT (subject) DO UPDATE SET
			generation = excluded.generation, expires = excluded.expires, created = excluded.created`,
			[]any{scope, t.subjectExpiry(ttl), t.now, scope, scope, t.subjectExpiry(ttl), t.now, scope},
		},
		{"DELETE FROM refresh_tokens WHERE application_id = ?", []any{scope}},
		// While it was deleted every entry was invalid, and readers keep lists for a while: new tokens get entries of a new one.
		{"UPDATE status_lists SET assigned = size WHERE scope = ?", []any{scope}},
	} {
		if err := t.db.Exec(statement.sql, statement.args...).Error; err != nil {
			return err
		}
	}
	_, err = t.revokeRegistered(t.forUpdate().Where("application_id = ?", application))
	return err
}
