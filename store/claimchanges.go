package store

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// What users of an application a change of rights concerns: conditions on the table users.
const (
	thisUser  = "id = ?"
	everyUser = "1 = 1"
	// belowGroups takes a condition on groups (p): a member of a/b is a member of a.
	belowGroups = `id IN (SELECT m.user_id FROM group_members m
		JOIN groups g ON g.id = m.group_id
		JOIN groups p ON p.application_id = g.application_id
			AND (p.id = g.id OR SUBSTR(g.path_key, 1, LENGTH(p.path_key) + 1) = p.path_key || '/')
		WHERE p.id `
	belowGroup = belowGroups + "= ?)"
	withRole   = "id IN (SELECT holder_id FROM role_assignments WHERE role_id = ? AND holder_kind = 'user') OR " +
		belowGroups + "IN (SELECT holder_id FROM role_assignments WHERE role_id = ? AND holder_kind = 'group'))"
)

// claimsChanged notes that roles or groups in older tokens of some users are no longer right. It is called while the condition still
// selects everybody who had them, and once more behind a change that gives them to others.
func (t *transaction) claimsChanged(application uuid.UUID, users string, args ...any) error {
	ttl, err := t.longestTTL(&application)
	if err != nil {
		return err
	}
	// A token that never expires keeps the entry for ever.
	result := t.db.Exec(`INSERT INTO claim_changes (scope, subject, seq, expires)
		SELECT CAST(? AS TEXT), users.id, 0, CASE WHEN EXISTS (
			SELECT 1 FROM registered_tokens WHERE registered_tokens.subject = users.id AND registered_tokens.revoked IS NULL
		) THEN NULL ELSE CAST(? AS BIGINT) END
		FROM users WHERE application_id = ? AND (`+users+`) ORDER BY users.id
		ON CONFLICT (scope, subject) DO UPDATE SET seq = 0, expires = excluded.expires`,
		append([]any{application, t.subjectExpiry(ttl), application}, args...)...)
	if result.Error == nil && result.RowsAffected > 0 {
		t.claimsAnnounced(application)
	}
	return result.Error
}

// membershipChanged notes that the organizations in older tokens of an admin are no longer right.
func (t *transaction) membershipChanged(admin, organization uuid.UUID) error {
	ttl, err := t.longestTTL(nil)
	if err != nil {
		return err
	}
	t.claimsAnnounced(organization)
	return t.db.Exec(`INSERT INTO claim_changes (scope, subject, seq, expires)
		SELECT CAST(? AS TEXT), admins.id, 0, CASE WHEN EXISTS (
			SELECT 1 FROM registered_tokens WHERE registered_tokens.subject = admins.id AND registered_tokens.revoked IS NULL
		) THEN NULL ELSE CAST(? AS BIGINT) END
		FROM admins WHERE id = ?
		ON CONFLICT (scope, subject) DO UPDATE SET seq = 0, expires = excluded.expires`,
		organization, t.subjectExpiry(ttl), admin).Error
}

// outlived keeps what changed in the claims of a subject for ever, because a token that never expires may have been made from what
// they were a moment ago.
func (t *transaction) outlived(subject uuid.UUID) error {
	var scopes []uuid.UUID
	err := t.db.Model(&models.ClaimChange{}).Where("subject = ? AND expires IS NOT NULL", subject).Pluck("scope", &scopes).Error
	if err != nil || len(scopes) == 0 {
		return err
	}
	for _, scope := range scopes {
		t.claimsAnnounced(scope)
	}
	return t.db.Model(&models.ClaimChange{}).Where("subject = ? AND expires IS NOT NULL", subject).
		Updates(map[string]any{"seq": 0, "expires": nil}).Error
}

func (t *transaction) claimsAnnounced(scope uuid.UUID) { t.changedOnce(models.ChangeClaims, scope) }

// policyChanged notes that the rules of an application are others.
func (t *transaction) policyChanged(application uuid.UUID) {
	t.changedOnce(models.ChangePolicy, application)
}

// rulesLost notes that a user who may have rules of his own is about to go.
func (t *transaction) rulesLost(application, user uuid.UUID) error {
	has, err := exists[models.Permission](t.db, "holder_kind = ? AND holder_id = ?", models.HolderUser, user)
	if has {
		t.policyChanged(application)
	}
	return err
}

func (t *transaction) changedOnce(kind models.ChangeKind, key uuid.UUID) {
	text := key.String()
	if !slices.ContainsFunc(t.changes, func(c models.Change) bool { return c.Kind == kind && c.Key == text }) {
		t.changes = append(t.changes, models.Change{Kind: kind, Key: text})
	}
}

// number gives the rows of the feed that this transaction wrote their position, once it is known.
func (t *transaction) number(head int64) error {
	claims := false
	for _, change := range t.changes {
		switch change.Kind {
		case models.ChangeClaims:
			claims = true
		case models.ChangePolicy:
			err := t.db.Exec(`INSERT INTO policies (application_id, seq) VALUES (?, ?)
				ON CONFLICT (application_id) DO UPDATE SET seq = excluded.seq`, change.Key, head).Error
			if err != nil {
				return err
			}
		default:
		}
	}
	if !claims {
		return nil
	}
	return t.db.Exec("UPDATE claim_changes SET seq = ? WHERE seq = 0", head).Error
}

// ChangedUsers lists users of an application whose roles or groups changed behind a position while older tokens live, with what
// these are now: in the order of change, at most limit, behind the last one of the page before. The first page is behind uuid.Max.
func (s *Store) ChangedUsers(
	ctx context.Context, application uuid.UUID, after int64, last uuid.UUID, limit int,
) (changed []models.ChangedClaims, err error) {
	err = s.snapshot(ctx, func(db *gorm.DB) error {
		if changed, err = changedClaims(db, application, after, last, limit); err != nil {
			return err
		}
		for part := range slices.Chunk(changed, batch) {
			if err := describe(db, application, part); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

// ChangedMembers is ChangedUsers for the admins who joined or left an organization.
func (s *Store) ChangedMembers(
	ctx context.Context, organization uuid.UUID, after int64, last uuid.UUID, limit int,
) (changed []models.ChangedClaims, err error) {
	err = s.snapshot(ctx, func(db *gorm.DB) error {
		if changed, err = changedClaims(db, organization, after, last, limit); err != nil {
			return err
		}
		var members []uuid.UUID
		err := db.Model(&models.Membership{}).Where("organization_id = ?", organization).Pluck("admin_id", &members).Error
		for i := range changed {
			changed[i].Member = new(slices.Contains(members, changed[i].Subject))
		}
		return err
	})
	return changed, err
}

func changedClaims(db *gorm.DB, scope uuid.UUID, after int64, last uuid.UUID, limit int) ([]models.ChangedClaims, error) {
	var rows []models.ClaimChange
	err := db.Where("scope = ? AND (seq, subject) > (?, ?)", scope, after, last).Order("seq, subject").Limit(limit).Find(&rows).Error
	changed := make([]models.ChangedClaims, len(rows))
	for i := range rows {
		changed[i].ClaimChange = rows[i]
	}
	return changed, err
}

// describe fills in the roles and groups of users, as Rights would.
func describe(db *gorm.DB, application uuid.UUID, users []models.ChangedClaims) error {
	ids := make([]uuid.UUID, len(users))
	for i := range users {
		ids[i] = users[i].Subject
	}
	var memberships []struct {
		UserID        uuid.UUID
		ID            uuid.UUID
		Path, PathKey string
	}
	err := db.Table("group_members").Select("group_members.user_id, groups.id, groups.path, groups.path_key").
		Joins("JOIN groups ON groups.id = group_members.group_id").
		Where("groups.application_id = ? AND group_members.user_id IN ?", application, ids).Scan(&memberships).Error
	if err != nil {
		return err
	}
	groups, own := map[uuid.UUID][]models.Group{}, map[string]models.Group{}
	for _, m := range memberships {
		group := models.Group{ID: m.ID, Path: m.Path, PathKey: m.PathKey}
		groups[m.UserID], own[m.PathKey] = append(groups[m.UserID], group), group
	}
	known, err := parentsOf(db, application, own)
	if err != nil {
		return err
	}
	roles, everybody, err := roleNames(db, application, ids, known)
	if err != nil {
		return err
	}
	for i := range users {
		u := &users[i]
		u.Roles, u.Groups = append([]string{}, everybody...), []string{}
		u.Roles = append(u.Roles, roles[u.Subject]...)
		for _, group := range groups[u.Subject] {
			u.Groups = append(u.Groups, group.Path)
			for _, path := range upwards(group.PathKey) {
				u.Roles = append(u.Roles, roles[known[path]]...)
			}
		}
		slices.Sort(u.Roles)
		slices.Sort(u.Groups)
		u.Roles = slices.Compact(u.Roles)
	}
	return nil
}

// upwards are the paths of a group and of those above it.
func upwards(path string) []string {
	paths := []string{path}
	for cut := strings.LastIndexByte(path, '/'); cut > 0; cut = strings.LastIndexByte(path, '/') {
		path = path[:cut]
		paths = append(paths, path)
	}
	return paths
}

// parentsOf finds groups and those above them that exist, by path. uuid.Nil stands for none.
func parentsOf(db *gorm.DB, application uuid.UUID, groups map[string]models.Group) (map[string]uuid.UUID, error) {
	known := map[string]uuid.UUID{}
	var parents []string
	for key, group := range groups {
		known[key] = group.ID
		parents = append(parents, upwards(key)[1:]...)
	}
	slices.Sort(parents)
	for part := range slices.Chunk(slices.Compact(parents), batch) {
		var above []models.Group
		if err := db.Where("application_id = ? AND path_key IN ?", application, part).Find(&above).Error; err != nil {
			return nil, err
		}
		for i := range above {
			known[above[i].PathKey] = above[i].ID
		}
	}
	return known, nil
}

// roleNames finds the roles of users and groups, and what everybody has.
func roleNames(
	db *gorm.DB, application uuid.UUID, users []uuid.UUID, groups map[string]uuid.UUID,
) (names map[uuid.UUID][]string, everybody []string, err error) {
	holders := slices.Clone(users)
	for _, id := range groups {
		holders = append(holders, id)
	}
	names = map[uuid.UUID][]string{}
	for part := range slices.Chunk(holders, batch) {
		var held []struct {
			HolderID uuid.UUID
			Name     string
		}
		err := db.Table("role_assignments").Select("role_assignments.holder_id, roles.name").
			Joins("JOIN roles ON roles.id = role_assignments.role_id").
			Where("roles.application_id = ? AND holder_kind IN ('user', 'group') AND holder_id IN ?", application, part).Scan(&held).Error
		if err != nil {
			return nil, nil, err
		}
		for _, h := range held {
			names[h.HolderID] = append(names[h.HolderID], h.Name)
		}
	}
	err = db.Model(&models.Role{}).Where("application_id = ? AND name = ?", application, defaultRole).Pluck("name", &everybody).Error
	return names, everybody, err
}
