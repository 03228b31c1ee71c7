package store

import (
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

// taken is who has what the users of a batch want to have, before it and within it.
type taken struct {
	usernames, emails map[string]uuid.UUID
	ids               map[uuid.UUID]uuid.UUID // to the application
	denied            map[uuid.UUID]int64     // generations of deleted users
}

func (t *taken) add(u *models.User) {
	t.usernames[u.UsernameKey], t.ids[u.ID] = u.ID, u.ApplicationID
	if u.EmailKey != nil {
		t.emails[*u.EmailKey] = u.ID
	}
}

// free tells whether nobody else answers to the names of a user. A reference must not find two people, so e-mail addresses and usernames
// are kept apart, too.
func (t *taken) free(u *models.User) error {
	keys := []string{u.UsernameKey}
	if u.EmailKey != nil {
		keys = append(keys, *u.EmailKey)
	}
	for at, name := range []string{u.Username, u.EmailAddress()}[:len(keys)] {
		if owner, has := t.emails[keys[at]]; has && owner != u.ID {
			return refuse("another user has the e-mail address %s", models.Printable(name))
		}
		if owner, has := t.usernames[keys[at]]; has && owner != u.ID {
			return refuse("another user has the username %s", models.Printable(name))
		}
	}
	return nil
}

// move notes what a user has after a change, and no longer has.
func (t *taken) move(before, after *models.User) {
	if before.EmailKey != nil {
		delete(t.emails, *before.EmailKey)
	}
	t.add(after)
}

func (t *transaction) findTaken(application uuid.UUID, records []models.UserRecord) (taken, error) {
	found := taken{map[string]uuid.UUID{}, map[string]uuid.UUID{}, map[uuid.UUID]uuid.UUID{}, map[uuid.UUID]int64{}}
	for part := range slices.Chunk(records, batch) {
		var names []string
		var ids []uuid.UUID
		for at := range part {
			r := &part[at]
			names = append(names, models.Fold(r.Username))
			if r.Email != nil {
				names = append(names, models.Fold(*r.Email))
			}
			if r.ID != uuid.Nil {
				ids = append(ids, r.ID)
			}
		}
		err := errors.Join(
			t.taken(&found, application, "application_id = ? AND username_key IN ?", application, names),
			t.taken(&found, application, "application_id = ? AND email_key IN ?", application, names),
			t.taken(&found, application, "id IN ?", ids),
			t.denied(&found, ids),
		)
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// taken adds the users of a condition. An empty list in it is NULL for gorm, which nobody equals.
func (t *transaction) taken(found *taken, application uuid.UUID, condition string, args ...any) error {
	var rows []models.User
	err := t.db.Select("id", "application_id", "username_key", "email_key").Where(condition, args...).Find(&rows).Error
	for at := range rows {
		if rows[at].ApplicationID == application {
			found.add(&rows[at])
		} else {
			found.ids[rows[at].ID] = rows[at].ApplicationID
		}
	}
	return err
}

func (t *transaction) denied(found *taken, ids []uuid.UUID) error {
	var rows []models.DeniedSubject
	err := t.db.Where("subject IN ?", ids).Find(&rows).Error
	for _, row := range rows {
		found.denied[row.Subject] = row.Generation
	}
	return err
}

// findRights finds the roles and groups that the users of the batch are to have.
func (i *userImport) findRights() error {
	i.roles, i.groups = map[string]uuid.UUID{}, map[string]uuid.UUID{}
	var roles, groups []string
	for at := range i.Users {
		roles, groups = append(roles, i.Users[at].Roles...), append(groups, i.Users[at].Groups...)
	}
	for part := range slices.Chunk(folded(roles), batch) {
		var rows []models.Role
		if err := i.forShare().Where("application_id = ? AND name IN ?", i.Application, part).Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			i.roles[row.Name] = row.ID
		}
	}
	for part := range slices.Chunk(folded(groups), batch) {
		var rows []models.Group
		if err := i.forShare().Where("application_id = ? AND path_key IN ?", i.Application, part).Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			i.groups[row.PathKey] = row.ID
		}
	}
	return nil
}

// folded are the different names.
func folded(names []string) []string {
	keys := make([]string, 0, len(names))
	for _, name := range names {
		keys = append(keys, models.Fold(name))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (t *transaction) clock() time.Time { return time.UnixMilli(t.now) }

// update makes an existing user what the record says, and gives him exactly the roles and groups it names.
func (i *userImport) update(id uuid.UUID, record *models.UserRecord, roles, groups []uuid.UUID) (models.ImportOutcome, error) {
	outcome := models.ImportOutcome{ID: id, Result: models.ImportUnchanged}
	before, err := one[models.User](i.db, "id = ? AND application_id = ?", id, i.Application)
	if err != nil {
		return outcome, err
	}
	if record.ID != uuid.Nil && record.ID != id {
		return outcome, refuse("the user %s has another uuid, %s", models.Printable(before.Username), id)
	}
	after := before
	if err := record.Update(&after); err != nil {
		return outcome, err
	}
	if err := i.known.free(&after); err != nil {
		return outcome, err
	}
	if !reflect.DeepEqual(before, after) {
		outcome.Result = models.ImportUpdated
		if after, err = i.updateUser(i.Application, id, func(u *models.User) error { return i.change(u, record) }); err != nil {
			return outcome, err
		}
		i.known.move(&before, &after)
	}
	moved, err := i.setRights(id, roles, groups)
	if moved {
		outcome.Result = models.ImportUpdated
		i.changed(models.ChangeUser, id)
		err = errors.Join(err, i.claimsChanged(i.Application, thisUser, id))
	}
	return outcome, err
}

// change applies a record. Whoever brings another hash sets another password: what the former one opened is shut.
func (i *userImport) change(u *models.User, record *models.UserRecord) error {
	before := u.PasswordHash
	if err := record.Update(u); err != nil {
		return err
	}
	if u.PasswordHash != before {
		u.PasswordChanged = max(i.now, u.PasswordChanged+1)
		u.Generation++
	}
	return nil
}

// setRights gives a user exactly these roles and groups, where they are not nil, and tells whether that changed anything.
func (i *userImport) setRights(user uuid.UUID, roles, groups []uuid.UUID) (bool, error) {
	byRole, err := setLinks(i.db, roles, "role_id", func(role uuid.UUID) models.RoleAssignment { return i.assignment(role, user) },
		"application_id = ? AND holder_kind = ? AND holder_id = ?", i.Application, models.HolderUser, user)
	if err != nil {
		return false, err
	}
	byGroup, err := setLinks(i.db, groups, "group_id", func(group uuid.UUID) models.GroupMember { return i.member(group, user) },
		"application_id = ? AND user_id = ?", i.Application, user)
	return byRole+byGroup > 0, err
}

// setLinks removes and adds rows until a user, who is the condition, is linked with exactly these roles or groups; nil changes nothing.
// It answers how many rows went and came.
func setLinks[T any](
	db *gorm.DB, wanted []uuid.UUID, column string, link func(uuid.UUID) T, condition string, args ...any,
) (changed int64, err error) {
	if wanted == nil {
		return 0, nil
	}
	var row T
	superfluous := db.Where(condition, args...)
	if len(wanted) > 0 {
		superfluous = superfluous.Where(column+" NOT IN ?", wanted)
	}
	result := superfluous.Delete(&row)
	if result.Error != nil || len(wanted) == 0 {
		return result.RowsAffected, result.Error
	}
	changed = result.RowsAffected
	rows := make([]T, 0, len(wanted))
	for _, id := range wanted {
		rows = append(rows, link(id))
	}
	result = db.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(rows, batch)
	return changed + result.RowsAffected, result.Error
}
