package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

// AssignRole gives a role to a user or a group; having it already is no error.
func (s *Store) AssignRole(ctx context.Context, application, role uuid.UUID, kind models.HolderKind, id uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		to := holder{application, kind, id}
		for _, end := range []holder{{application, models.HolderRole, role}, to} {
			if err := t.lockHolder(end); err != nil {
				return err
			}
		}
		row := models.RoleAssignment{ApplicationID: application, RoleID: role, HolderKind: kind, HolderID: id, Created: t.now}
		result := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		t.holderChanged(to)
		return t.rolesChanged(to)
	})
}

// UnassignRole takes a role away; that it is not held is no error.
func (s *Store) UnassignRole(ctx context.Context, application, role uuid.UUID, kind models.HolderKind, id uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		result := t.db.
			Where("application_id = ? AND role_id = ? AND holder_kind = ? AND holder_id = ?", application, role, kind, id).
			Delete(&models.RoleAssignment{})
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		t.holderChanged(holder{application, kind, id})
		return t.rolesChanged(holder{application, kind, id})
	})
}

// rolesChanged: the roles of a group are those of its members, and of the groups' below it.
func (t *transaction) rolesChanged(of holder) error {
	if of.kind == models.HolderUser {
		return t.claimsChanged(of.application, thisUser, of.id)
	}
	return t.claimsChanged(of.application, belowGroup, of.id)
}

// HasRole tells whether a user or group was given a role itself; roles of his groups and the role default do not count.
func (s *Store) HasRole(ctx context.Context, role uuid.UUID, kind models.HolderKind, id uuid.UUID) (bool, error) {
	return exists[models.RoleAssignment](s.read(ctx), "role_id = ? AND holder_kind = ? AND holder_id = ?", role, kind, id)
}

// RolesOf lists the roles a user or group was given itself.
func (s *Store) RolesOf(
	ctx context.Context, application uuid.UUID, kind models.HolderKind, id uuid.UUID, page models.Page,
) ([]models.Role, string, error) {
	db := s.read(ctx).Where(
		"application_id = ? AND id IN (SELECT role_id FROM role_assignments WHERE holder_kind = ? AND holder_id = ?)",
		application, kind, id)
	return list(db, page, byRole)
}

// UsersWithRole lists the users that were given a role themselves.
func (s *Store) UsersWithRole(ctx context.Context, application, role uuid.UUID, page models.Page) ([]models.User, string, error) {
	return list(s.holdersOf(ctx, application, "users", role, models.HolderUser), page, byUser)
}

// GroupsWithRole lists the groups that were given a role.
func (s *Store) GroupsWithRole(ctx context.Context, application, role uuid.UUID, page models.Page) ([]models.Group, string, error) {
	return list(s.holdersOf(ctx, application, "groups", role, models.HolderGroup), page, byGroup)
}

func (s *Store) holdersOf(ctx context.Context, application uuid.UUID, table string, role uuid.UUID, kind models.HolderKind) *gorm.DB {
	return s.membersOf(ctx, application, table, "role_assignments", "holder_id", "role_id = ? AND holder_kind = ?", role, kind)
}
