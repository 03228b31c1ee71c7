package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// PolicySeq is the position of the newest change of an application's rules.
func (s *Store) PolicySeq(ctx context.Context, application uuid.UUID) (int64, error) {
	return policySeq(s.read(ctx), application)
}

func policySeq(db *gorm.DB, application uuid.UUID) (int64, error) {
	row, err := one[models.Policy](db, "application_id = ?", application)
	if errors.Is(err, models.ErrNotFound) {
		return 0, nil
	}
	return row.Seq, err
}

// AllRules gathers the rules of an application from one state of the database, in the order they were added.
func (s *Store) AllRules(ctx context.Context, application uuid.UUID) (models.Rules, error) {
	all := models.Rules{Roles: map[string][]string{}, Groups: map[string][]string{}, Users: map[uuid.UUID][]string{}}
	err := s.snapshot(ctx, func(db *gorm.DB) (err error) {
		if all.Seq, err = policySeq(db, application); err != nil {
			return err
		}
		var roles []models.Role
		if err := db.Where("application_id = ?", application).Find(&roles).Error; err != nil {
			return err
		}
		var groups []models.Group
		if err := db.Where("application_id = ?", application).Find(&groups).Error; err != nil {
			return err
		}
		var rules []models.Permission
		err = db.Where("application_id = ?", application).Order("holder_id, created, rule").Find(&rules).Error
		collect(&all, roles, groups, rules)
		return err
	})
	return all, err
}

func collect(all *models.Rules, roles []models.Role, groups []models.Group, rules []models.Permission) {
	names := map[uuid.UUID]string{}
	for i := range roles {
		names[roles[i].ID] = roles[i].Name
		if roles[i].Name == guestRole {
			all.Guest = []string{}
		}
	}
	for i := range groups {
		names[groups[i].ID] = groups[i].Path
	}
	for i := range rules {
		rule, name := rules[i].Rule, names[rules[i].HolderID]
		switch rules[i].HolderKind {
		case models.HolderRole:
			all.Roles[name] = append(all.Roles[name], rule)
			if name == guestRole {
				all.Guest = append(all.Guest, rule)
			}
		case models.HolderGroup:
			all.Groups[name] = append(all.Groups[name], rule)
		case models.HolderUser:
			all.Users[rules[i].HolderID] = append(all.Users[rules[i].HolderID], rule)
		}
	}
}
