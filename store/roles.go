package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

var byRole = ordering[models.Role]{
	time: "created", id: "id",
	of: func(r *models.Role) (int64, string) { return r.Created, r.ID.String() },
}

// CreateRole stores a role; *models.Duplicate if its application has one of that name.
func (s *Store) CreateRole(ctx context.Context, role models.Role) error {
	return s.write(ctx, func(t *transaction) error {
		t.changed(models.ChangeRights, role.ApplicationID)
		t.policyChanged(role.ApplicationID)
		if err := t.createRole(role); err != nil || role.Name != defaultRole {
			return err
		}
		return t.claimsChanged(role.ApplicationID, everyUser)
	})
}

func (t *transaction) createRole(role models.Role) error {
	if err := t.uniqueRole(role); err != nil {
		return err
	}
	return t.db.Create(&role).Error
}

func (t *transaction) uniqueRole(r models.Role) error {
	taken := models.Duplicate{Entity: "role", Property: "name", Value: r.Name}
	return unique[models.Role](t, taken, "application_id = ? AND name = ? AND id <> ?", r.ApplicationID, r.Name, r.ID)
}

// Role finds a role of an application by name or uuid.
func (s *Store) Role(ctx context.Context, application uuid.UUID, ref string) (models.Role, error) {
	column := "name"
	if models.IsUUID(ref) {
		column = "id"
	}
	return one[models.Role](s.read(ctx), "application_id = ? AND "+column+" = ?", application, models.Fold(ref))
}

// Roles lists the roles of an application, oldest first.
func (s *Store) Roles(ctx context.Context, application uuid.UUID, page models.Page) ([]models.Role, string, error) {
	return list(s.read(ctx).Where("application_id = ?", application), page, byRole)
}

// UpdateRole changes a role.
func (s *Store) UpdateRole(ctx context.Context, application, id uuid.UUID, change func(*models.Role) error) (models.Role, error) {
	var row models.Role
	err := s.write(ctx, func(t *transaction) (err error) {
		if row, err = one[models.Role](t.forUpdate(), "id = ? AND application_id = ?", id, application); err != nil {
			return err
		}
		before := row
		if err := change(&row); err != nil {
			return err
		}
		row.ID, row.ApplicationID, row.Modified = id, application, t.now
		if err := t.uniqueRole(row); err != nil {
			return err
		}
		t.changed(models.ChangeRights, application)
		if row.Name != before.Name {
			t.policyChanged(application)
			if err := t.roleLost(&before, row.Name == defaultRole); err != nil {
				return err
			}
		}
		return t.save(&row)
	})
	return row, err
}

// roleLost notes whose tokens name a role that is about to go, or that everybody has from now on.
func (t *transaction) roleLost(role *models.Role, everybody bool) error {
	if everybody || role.Name == defaultRole {
		return t.claimsChanged(role.ApplicationID, everyUser)
	}
	return t.claimsChanged(role.ApplicationID, withRole, role.ID, role.ID)
}

// DeleteRole removes a role, its rules and its assignments.
func (s *Store) DeleteRole(ctx context.Context, application, id uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		row, err := one[models.Role](t.forUpdate(), "id = ? AND application_id = ?", id, application)
		if err != nil {
			return err
		}
		t.changed(models.ChangeRights, application)
		t.policyChanged(application)
		if err := t.roleLost(&row, false); err != nil {
			return err
		}
		if err := t.dropHolder(models.HolderRole, id); err != nil {
			return err
		}
		return t.db.Delete(&row).Error
	})
}
