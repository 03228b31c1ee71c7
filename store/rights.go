package store

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// The roles with a meaning of their own (wire contract §8.3).
const (
	defaultRole = "default"
	guestRole   = "guest"
)

// Rights gathers what a user holds, from one state of the database. A member of a/b is a member of a: the rules and roles of
// parents count, if the parents exist. The role default counts for everybody. Whether the user exists is not asked, and the
// right of everybody to read himself is not in the database.
func (s *Store) Rights(ctx context.Context, application, user uuid.UUID) (models.Rights, error) {
	var rights models.Rights
	err := s.snapshot(ctx, func(db *gorm.DB) error {
		var own []models.Group
		err := db.Where("application_id = ? AND id IN (SELECT group_id FROM group_members WHERE user_id = ?)", application, user).
			Find(&own).Error
		if err != nil {
			return err
		}
		groups, err := withParents(db, application, own)
		if err != nil {
			return err
		}
		roles, err := rolesOf(db, application, user, groups, defaultRole)
		if err != nil {
			return err
		}
		rights.Roles, rights.Groups = []string{}, []string{}
		for i := range roles {
			rights.Roles = append(rights.Roles, roles[i].Name)
		}
		for i := range own {
			rights.Groups = append(rights.Groups, own[i].Path)
		}
		slices.Sort(rights.Roles)
		slices.Sort(rights.Groups)
		rights.Rules, err = gathered(db, application, user, groups, roles)
		rights.Rules = rights.Rules[:min(len(rights.Rules), maxGathered)]
		return err
	})
	return rights, err
}

// maxGathered bounds the rules that somebody holds by whatever roles and groups; younger ones grant nothing.
const maxGathered = 10_000

// GroupRules is everything a member of a group gains by that: the rules of the group, of its parents and of their roles.
func (s *Store) GroupRules(ctx context.Context, application, group uuid.UUID) ([]string, error) {
	var rules []string
	err := s.snapshot(ctx, func(db *gorm.DB) error {
		own, err := one[models.Group](db, "id = ? AND application_id = ?", group, application)
		if err != nil {
			return err
		}
		groups, err := withParents(db, application, []models.Group{own})
		if err != nil {
			return err
		}
		roles, err := rolesOf(db, application, uuid.Nil, groups, "")
		if err != nil {
			return err
		}
		rules, err = gathered(db, application, uuid.Nil, groups, roles)
		if err == nil && len(rules) > maxGathered {
			// Rights would leave out some of them, but nobody knows which.
			err = models.Illegal("the group %s stands for more than %d permissions", models.Printable(own.Path), maxGathered)
		}
		return err
	})
	return rules, err
}

// GuestRules are the rules of the role guest; models.ErrNotFound if the application has no such role any more.
func (s *Store) GuestRules(ctx context.Context, application uuid.UUID) (rules []string, err error) {
	err = s.snapshot(ctx, func(db *gorm.DB) error {
		role, err := one[models.Role](db, "application_id = ? AND name = ?", application, guestRole)
		if err != nil {
			return err
		}
		rules, err = rulesOf(db, holder{application, models.HolderRole, role.ID})
		return err
	})
	return rules, err
}

// withParents answers the groups' ids and those of the existing groups above them.
func withParents(db *gorm.DB, application uuid.UUID, groups []models.Group) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	var parents []string
	for i := range groups {
		ids = append(ids, groups[i].ID)
		path := groups[i].PathKey
		for cut := strings.LastIndexByte(path, '/'); cut > 0; cut = strings.LastIndexByte(path, '/') {
			path = path[:cut]
			parents = append(parents, path)
		}
	}
	if len(parents) == 0 {
		return ids, nil
	}
	var above []uuid.UUID
	err := db.Model(&models.Group{}).Where("application_id = ? AND path_key IN ?", application, parents).Pluck("id", &above).Error
	ids = append(ids, above...)
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids), err
}

// rolesOf finds the roles of a user, of groups, and the one everybody has.
func rolesOf(db *gorm.DB, application, user uuid.UUID, groups []uuid.UUID, everybody string) ([]models.Role, error) {
	var roles []models.Role
	err := db.Where(`application_id = ? AND (name = ? OR id IN (
		SELECT role_id FROM role_assignments
		WHERE (holder_kind = 'user' AND holder_id = ?) OR (holder_kind = 'group' AND holder_id IN ?)))`,
		application, everybody, user, groups).Find(&roles).Error
	return roles, err
}

// gathered are the different rules of a user, groups and roles, in the order they were added.
func gathered(db *gorm.DB, application, user uuid.UUID, groups []uuid.UUID, roles []models.Role) ([]string, error) {
	ids := make([]uuid.UUID, 0, len(roles))
	for i := range roles {
		ids = append(ids, roles[i].ID)
	}
	rules := []string{}
	err := db.Model(&models.Permission{}).Where(`application_id = ? AND (
		(holder_kind = 'user' AND holder_id = ?) OR (holder_kind = 'group' AND holder_id IN ?) OR (holder_kind = 'role' AND holder_id IN ?))`,
		application, user, groups, ids).
		Group("rule").Order("MIN(created), rule").Limit(maxGathered+1).Pluck("rule", &rules).Error
	return rules, err
}
