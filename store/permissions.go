package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

// holder is what rules and roles are attached to.
type holder struct {
	application uuid.UUID
	kind        models.HolderKind
	id          uuid.UUID
}

// lockHolder makes sure that a holder is there, and stays until the commit. Rules and assignments have no foreign key to it,
// because it may stand in one of three tables.
func (t *transaction) lockHolder(h holder) error {
	var err error
	const condition = "id = ? AND application_id = ?"
	switch h.kind {
	case models.HolderRole:
		_, err = one[models.Role](t.forUpdate(), condition, h.id, h.application)
	case models.HolderUser:
		_, err = one[models.User](t.forUpdate(), condition, h.id, h.application)
	case models.HolderGroup:
		_, err = one[models.Group](t.forUpdate(), condition, h.id, h.application)
	default:
		err = fmt.Errorf("nothing is attached to a %q", h.kind)
	}
	return err
}

// holderChanged: rules and roles of a user concern him, those of a role or group concern the application.
func (t *transaction) holderChanged(h holder) {
	if h.kind == models.HolderUser {
		t.changed(models.ChangeUser, h.id)
		return
	}
	t.changed(models.ChangeRights, h.application)
}

// dropHolder removes the rules and assignments of a holder that is about to go.
func (t *transaction) dropHolder(kind models.HolderKind, id uuid.UUID) error {
	const condition = "holder_kind = ? AND holder_id = ?"
	if err := t.db.Where(condition, kind, id).Delete(&models.Permission{}).Error; err != nil {
		return err
	}
	return t.db.Where(condition, kind, id).Delete(&models.RoleAssignment{}).Error
}

// Rules are the rules attached to a role, user or group itself, in the order they were added.
func (s *Store) Rules(ctx context.Context, application uuid.UUID, kind models.HolderKind, id uuid.UUID) ([]string, error) {
	return rulesOf(s.read(ctx), holder{application, kind, id})
}

// RulesOf are the rules attached to users or groups of an application themselves, of those given; who has none is not in the answer.
func (s *Store) RulesOf(ctx context.Context, application uuid.UUID, kind models.HolderKind, ids []uuid.UUID) (map[uuid.UUID][]string, error) {
	rules := map[uuid.UUID][]string{}
	for some := range slices.Chunk(ids, batch) {
		var rows []models.Permission
		err := s.read(ctx).Where("application_id = ? AND holder_kind = ? AND holder_id IN ?", application, kind, some).
			Order("holder_id, created, rule").Find(&rows).Error
		if err != nil {
			return nil, classify(err)
		}
		for i := range rows {
			rules[rows[i].HolderID] = append(rules[rows[i].HolderID], rows[i].Rule)
		}
	}
	return rules, nil
}

func rulesOf(db *gorm.DB, h holder) ([]string, error) {
	rules := []string{}
	err := permissions(db, h).Order("created, rule").Pluck("rule", &rules).Error
	return rules, classify(err)
}

func permissions(db *gorm.DB, h holder) *gorm.DB {
	return db.Model(&models.Permission{}).
		Where("application_id = ? AND holder_kind = ? AND holder_id = ?", h.application, h.kind, h.id)
}

// AddRules attaches rules and answers all afterwards; a rule that is there already is no error. models.ErrNotFound means that
// there is no such role, user or group.
func (s *Store) AddRules(
	ctx context.Context, application uuid.UUID, kind models.HolderKind, id uuid.UUID, rules []string,
) ([]string, error) {
	return s.changeRules(ctx, holder{application, kind, id}, func(t *transaction, h holder) (int64, error) {
		return t.insertRules(h, rules)
	})
}

// RemoveRules detaches rules and answers the rest; a rule that is not there is no error. models.ErrNotFound means that there is
// no such role, user or group.
func (s *Store) RemoveRules(
	ctx context.Context, application uuid.UUID, kind models.HolderKind, id uuid.UUID, rules []string,
) ([]string, error) {
	return s.changeRules(ctx, holder{application, kind, id}, func(t *transaction, h holder) (int64, error) {
		result := permissions(t.db, h).Where("rule IN ?", rules).Delete(&models.Permission{})
		return result.RowsAffected, result.Error
	})
}

func (s *Store) changeRules(
	ctx context.Context, h holder, change func(*transaction, holder) (int64, error),
) (rules []string, err error) {
	err = s.write(ctx, func(t *transaction) error {
		if err := t.lockHolder(h); err != nil {
			return err
		}
		count, err := change(t, h)
		if err != nil {
			return err
		}
		if count > 0 {
			t.holderChanged(h)
			t.policyChanged(h.application)
		}
		rules, err = rulesOf(t.db, h)
		return err
	})
	return rules, err
}

// insertRules answers how many rules are new. Rules added at once, or in one millisecond, get increasing times: they are listed
// in the order they were added.
func (t *transaction) insertRules(h holder, rules []string) (int64, error) {
	if len(rules) == 0 {
		return 0, nil
	}
	var last int64
	if err := permissions(t.db, h).Select("COALESCE(MAX(created), 0)").Scan(&last).Error; err != nil {
		return 0, err
	}
	first := max(t.now, last+1)
	rows := make([]models.Permission, 0, len(rules))
	for i, rule := range rules {
		rows = append(rows, models.Permission{
			ApplicationID: h.application, HolderKind: h.kind, HolderID: h.id, Rule: rule, Created: first + int64(i),
		})
	}
	result := t.db.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(rows, batch)
	if result.Error != nil {
		return 0, result.Error
	}
	var held int64
	if err := permissions(t.db, h).Count(&held).Error; err != nil {
		return 0, err
	}
	if held > maxRules {
		return 0, models.Illegal("a %s can have at most %d permissions", h.kind, maxRules)
	}
	return result.RowsAffected, nil
}

// maxRules bounds the rules of a role, user or group: every request of whoever has them may have to look at each.
const maxRules = 1000
