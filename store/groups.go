package store

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

var byGroup = ordering[models.Group]{
	time: "created", id: "id",
	of: func(g *models.Group) (int64, string) { return g.Created, g.ID.String() },
}

// CreateGroup stores a group; *models.Duplicate if its application has one of that path.
func (s *Store) CreateGroup(ctx context.Context, group models.Group) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.uniqueGroup(group); err != nil {
			return err
		}
		t.changed(models.ChangeRights, group.ApplicationID)
		row := group
		return t.db.Create(&row).Error
	})
}

func (t *transaction) uniqueGroup(g models.Group) error {
	taken := models.Duplicate{Entity: "group", Property: "path", Value: g.Path}
	return unique[models.Group](t, taken, "application_id = ? AND path_key = ? AND id <> ?", g.ApplicationID, g.PathKey, g.ID)
}

// Group finds a group of an application by path or uuid.
func (s *Store) Group(ctx context.Context, application uuid.UUID, ref string) (models.Group, error) {
	column := "path_key"
	if models.IsUUID(ref) {
		column = "id"
	}
	key := models.Fold(strings.Trim(ref, "/"))
	return one[models.Group](s.read(ctx), "application_id = ? AND "+column+" = ?", application, key)
}

// Groups lists the groups of an application, oldest first.
func (s *Store) Groups(ctx context.Context, application uuid.UUID, page models.Page) ([]models.Group, string, error) {
	return list(s.read(ctx).Where("application_id = ?", application), page, byGroup)
}

// UpdateGroup changes a group.
func (s *Store) UpdateGroup(
	ctx context.Context, application, id uuid.UUID, change func(*models.Group) error,
) (models.Group, error) {
	var row models.Group
	err := s.write(ctx, func(t *transaction) (err error) {
		if row, err = one[models.Group](t.forUpdate(), "id = ? AND application_id = ?", id, application); err != nil {
			return err
		}
		before := row
		if err := change(&row); err != nil {
			return err
		}
		row.ID, row.ApplicationID, row.Modified = id, application, t.now
		if err := t.uniqueGroup(row); err != nil {
			return err
		}
		t.changed(models.ChangeRights, application)
		if row.Path == before.Path {
			return t.save(&row)
		}
		t.policyChanged(application)
		if err := t.claimsChanged(application, belowGroup, id); err != nil {
			return err
		}
		if err := t.save(&row); err != nil {
			return err
		}
		return t.claimsChanged(application, belowGroup, id)
	})
	return row, err
}

// DeleteGroup removes a group, its rules, its roles' assignments and its memberships. Groups below it stay.
func (s *Store) DeleteGroup(ctx context.Context, application, id uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		row, err := one[models.Group](t.forUpdate(), "id = ? AND application_id = ?", id, application)
		if err != nil {
			return err
		}
		t.changed(models.ChangeRights, application)
		t.policyChanged(application)
		if err := t.claimsChanged(application, belowGroup, id); err != nil {
			return err
		}
		if err := t.dropHolder(models.HolderGroup, id); err != nil {
			return err
		}
		return t.db.Delete(&row).Error
	})
}

// AddGroupMember makes a user a member of a group; being one already is no error.
func (s *Store) AddGroupMember(ctx context.Context, application, group, user uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		for _, end := range []holder{{application, models.HolderGroup, group}, {application, models.HolderUser, user}} {
			if err := t.lockHolder(end); err != nil {
				return err
			}
		}
		row := models.GroupMember{ApplicationID: application, GroupID: group, UserID: user, Created: t.now}
		result := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		return t.membersChanged(result, application, user)
	})
}

// RemoveGroupMember ends a membership; that there is none is no error.
func (s *Store) RemoveGroupMember(ctx context.Context, application, group, user uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		result := t.db.Where("application_id = ? AND group_id = ? AND user_id = ?", application, group, user).
			Delete(&models.GroupMember{})
		return t.membersChanged(result, application, user)
	})
}

// membersChanged tells of a membership that has begun or ended, if one has.
func (t *transaction) membersChanged(result *gorm.DB, application, user uuid.UUID) error {
	if result.Error != nil || result.RowsAffected == 0 {
		return result.Error
	}
	t.changed(models.ChangeUser, user)
	return t.claimsChanged(application, thisUser, user)
}

// IsGroupMember tells whether a user is a member of exactly this group; parents do not count.
func (s *Store) IsGroupMember(ctx context.Context, group, user uuid.UUID) (bool, error) {
	return exists[models.GroupMember](s.read(ctx), "group_id = ? AND user_id = ?", group, user)
}

// GroupsOf lists the groups a user was made a member of.
func (s *Store) GroupsOf(ctx context.Context, application, user uuid.UUID, page models.Page) ([]models.Group, string, error) {
	db := s.read(ctx).Where("application_id = ? AND id IN (SELECT group_id FROM group_members WHERE user_id = ?)", application, user)
	return list(db, page, byGroup)
}

// UsersInGroup lists the users that were made members of a group.
func (s *Store) UsersInGroup(ctx context.Context, application, group uuid.UUID, page models.Page) ([]models.User, string, error) {
	db := s.membersOf(ctx, application, "users", "group_members", "user_id", "group_id = ?", group)
	return list(db, page, byUser)
}
