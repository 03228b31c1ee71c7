package store

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// Sources tells where the rules come from that a user holds, or somebody who has nothing but a role or a group: each role, group and user with
// its rules, from one state of the database. It is Rights, told apart; what does not exist has no source.
func (s *Store) Sources(
	ctx context.Context, application uuid.UUID, kind models.HolderKind, holder uuid.UUID,
) ([]models.Source, error) {
	var sources []models.Source
	err := s.snapshot(ctx, func(db *gorm.DB) error {
		g := gathering{db: db, application: application, ways: map[uuid.UUID]string{}}
		var roles []models.Role
		var err error
		switch kind {
		case models.HolderUser:
			err = g.ofUser(holder)
		case models.HolderGroup:
			err = g.ofGroup(holder)
		case models.HolderRole:
			g.ways[holder] = ""
		}
		if err != nil {
			return err
		}
		err = db.Where("application_id = ? AND (name = ? OR id IN ?)", application, defaultRole, slices.Collect(maps.Keys(g.ways))).
			Order("name").Find(&roles).Error
		if err != nil {
			return err
		}
		for i := range roles {
			g.add(models.HolderRole, roles[i].ID, roles[i].Name, g.ways[roles[i].ID])
		}
		sources, err = g.withRules()
		return err
	})
	return sources, err
}

// gathering is a list of sources that grows, and by which group somebody has a role, by the role.
type gathering struct {
	db          *gorm.DB
	application uuid.UUID
	sources     []models.Source
	ways        map[uuid.UUID]string
}

func (g *gathering) add(kind models.HolderKind, id uuid.UUID, name, through string) {
	g.sources = append(g.sources, models.Source{Kind: kind, ID: id, Name: name, Through: through, Rules: []string{}})
}

func (g *gathering) ofUser(id uuid.UUID) error {
	user, err := one[models.User](g.db, "id = ? AND application_id = ?", id, g.application)
	if err != nil {
		return err
	}
	g.add(models.HolderUser, id, user.Username, "")
	var own []models.Group
	err = g.db.Where("application_id = ? AND id IN (SELECT group_id FROM group_members WHERE user_id = ?)", g.application, id).Find(&own).Error
	if err != nil {
		return err
	}
	if err := g.groups(own); err != nil {
		return err
	}
	return g.rolesOf(models.HolderUser, id, "")
}

func (g *gathering) ofGroup(id uuid.UUID) error {
	group, err := one[models.Group](g.db, "id = ? AND application_id = ?", id, g.application)
	if err != nil {
		return err
	}
	return g.groups([]models.Group{group})
}

// groups adds groups, those above them, and finds their roles.
func (g *gathering) groups(own []models.Group) error {
	ids, err := withParents(g.db, g.application, own)
	if err != nil {
		return err
	}
	var all []models.Group
	if err := g.db.Where("application_id = ? AND id IN ?", g.application, ids).Order("path_key").Find(&all).Error; err != nil {
		return err
	}
	for i := range all {
		g.add(models.HolderGroup, all[i].ID, all[i].Path, "")
		if err := g.rolesOf(models.HolderGroup, all[i].ID, all[i].Path); err != nil {
			return err
		}
	}
	return nil
}

// rolesOf remembers the roles of a holder. What somebody has himself is told rather than the group that gives it to him, too.
func (g *gathering) rolesOf(kind models.HolderKind, id uuid.UUID, through string) error {
	var roles []uuid.UUID
	err := g.db.Model(&models.RoleAssignment{}).
		Where("application_id = ? AND holder_kind = ? AND holder_id = ?", g.application, kind, id).Pluck("role_id", &roles).Error
	for _, role := range roles {
		if _, known := g.ways[role]; !known || through == "" {
			g.ways[role] = through
		}
	}
	return err
}

// withRules reads the rules of all sources at once, in the order they were added.
func (g *gathering) withRules() ([]models.Source, error) {
	ids, at := map[models.HolderKind][]uuid.UUID{}, map[uuid.UUID]int{}
	for i := range g.sources {
		source := &g.sources[i]
		ids[source.Kind] = append(ids[source.Kind], source.ID)
		at[source.ID] = i
	}
	var rows []models.Permission
	err := g.db.Where(`application_id = ? AND (
		(holder_kind = 'user' AND holder_id IN ?) OR (holder_kind = 'group' AND holder_id IN ?) OR (holder_kind = 'role' AND holder_id IN ?))`,
		g.application, ids[models.HolderUser], ids[models.HolderGroup], ids[models.HolderRole]).
		Order("created, rule").Limit(maxGathered).Find(&rows).Error
	for i := range rows {
		source := &g.sources[at[rows[i].HolderID]]
		source.Rules = append(source.Rules, rows[i].Rule)
	}
	return g.sources, err
}
