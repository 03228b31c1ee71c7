package store

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// NewOrganization is what CreateOrganization stores. The type is models', so that callers need not import this package.
type NewOrganization = models.OrganizationSeed

var byOrganization = ordering[models.Organization]{
	time: "created", id: "id",
	of: func(o *models.Organization) (int64, string) { return o.Created, o.ID.String() },
}

// CreateOrganization stores all of it or nothing. *models.Duplicate names the organization or the owner's username or e-mail;
// models.ErrNotFound means that OwnerID is nobody.
func (s *Store) CreateOrganization(ctx context.Context, input NewOrganization) error {
	return s.write(ctx, func(t *transaction) error {
		organization := input.Organization
		if err := t.uniqueOrganization(organization); err != nil {
			return err
		}
		if err := t.db.Create(&organization).Error; err != nil {
			return err
		}
		if err := t.createClient(input.Client, models.OrganizationClient, organization.ID); err != nil {
			return err
		}
		t.changed(models.ChangeOrganization, organization.ID)
		owner := input.OwnerID
		if input.Owner != nil {
			owner = input.Owner.ID
			if err := t.createAdmin(*input.Owner); err != nil {
				return err
			}
		}
		if owner != uuid.Nil {
			if err := t.createMembership(owner, organization.ID); err != nil {
				return err
			}
			t.changed(models.ChangeAdmin, owner)
			if input.Owner == nil { // a new admin has no older tokens
				if err := t.membershipChanged(owner, organization.ID); err != nil {
					return err
				}
			}
		}
		for _, application := range input.Applications {
			if err := t.createApplication(application); err != nil {
				return err
			}
		}
		return nil
	})
}

// uniqueOrganization counts tombstones: names stand in tokens and are never reused.
func (t *transaction) uniqueOrganization(o models.Organization) error {
	taken := models.Duplicate{Entity: "organization", Property: "name", Value: o.Name}
	return unique[models.Organization](t, taken, "name = ? AND id <> ?", o.Name, o.ID)
}

// Organization finds a live organization by name or uuid.
func (s *Store) Organization(ctx context.Context, ref string) (models.Organization, error) {
	return organization(s.read(ctx), ref)
}

func organization(db *gorm.DB, ref string) (models.Organization, error) {
	column := "name"
	if models.IsUUID(ref) {
		column = "id"
	}
	return one[models.Organization](db, column+" = ? AND deleted IS NULL", models.Fold(ref))
}

// Organizations lists the live organizations, oldest first.
func (s *Store) Organizations(ctx context.Context, page models.Page) ([]models.Organization, string, error) {
	return list(s.read(ctx).Where("deleted IS NULL"), page, byOrganization)
}

// OrganizationsLike lists the live organizations whose name has a part in it, oldest first; "" is in every name.
func (s *Store) OrganizationsLike(ctx context.Context, part string, page models.Page) ([]models.Organization, string, error) {
	if part == "" {
		return s.Organizations(ctx, page)
	}
	if !storable([]any{part}) {
		return []models.Organization{}, "", nil
	}
	return list(s.read(ctx).Where("deleted IS NULL AND name LIKE ? ESCAPE '!'", containing(models.Fold(part))), page, byOrganization)
}

// containing is the pattern of LIKE for what has a part in it, with ! before what is no letter of a pattern but of the part.
func containing(part string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(part) + "%"
}

// OrganizationsOf lists the live organizations an admin is a member of, by name.
func (s *Store) OrganizationsOf(ctx context.Context, admin uuid.UUID) ([]models.Organization, error) {
	organizations := []models.Organization{}
	err := s.read(ctx).
		Where("deleted IS NULL AND id IN (SELECT organization_id FROM memberships WHERE admin_id = ?)", admin).
		Order("name").Find(&organizations).Error
	return organizations, classify(err)
}

// UpdateOrganization changes a live organization.
func (s *Store) UpdateOrganization(
	ctx context.Context, id uuid.UUID, change func(*models.Organization) error,
) (models.Organization, error) {
	var row models.Organization
	err := s.write(ctx, func(t *transaction) (err error) {
		if row, err = one[models.Organization](t.forUpdate(), "id = ? AND deleted IS NULL", id); err != nil {
			return err
		}
		if err := change(&row); err != nil {
			return err
		}
		row.ID, row.Modified = id, t.now
		if err := t.uniqueOrganization(row); err != nil {
			return err
		}
		t.changed(models.ChangeOrganization, id)
		return t.save(&row)
	})
	return row, err
}

// DeleteOrganization leaves a tombstone of the organization and of each of its applications.
func (s *Store) DeleteOrganization(ctx context.Context, id uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		row, err := one[models.Organization](t.forUpdate(), "id = ? AND deleted IS NULL", id)
		if err != nil {
			return err
		}
		row.Deleted, row.Modified = &t.now, t.now
		t.changed(models.ChangeOrganization, id)
		var applications []models.Application
		err = t.forUpdate().Where("organization_id = ? AND deleted IS NULL", id).Order("created, id").Find(&applications).Error
		if err != nil {
			return err
		}
		for i := range applications {
			if err := t.buryApplication(&applications[i]); err != nil {
				return err
			}
		}
		if err := t.denyClient(id); err != nil {
			return err
		}
		return t.save(&row)
	})
}

// denyClient ends the tokens of a deleted organization's client: they are of the management issuer, which outlives it, with its status
// lists and its revocation feed.
func (t *transaction) denyClient(organization uuid.UUID) error {
	client, err := one[models.Client](t.forUpdate(), "id = ?", organization)
	if err != nil {
		return err
	}
	t.changed(models.ChangeClient, organization)
	client.Generation++
	if err := t.raise(subject{id: organization, scope: models.ManagementScope}, client.Generation-1, client.Generation); err != nil {
		return err
	}
	return t.save(&client)
}
