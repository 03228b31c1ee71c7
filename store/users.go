package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

var byUser = ordering[models.User]{
	time: "created", id: "id",
	of: func(u *models.User) (int64, string) { return u.Created, u.ID.String() },
}

// CreateUsers stores all users or none; they may belong to different applications. *models.Duplicate names what is taken, by
// another user of the list too; models.ErrNotFound means an unknown application. Nobody knows new users yet, so there is no
// entry in the change log.
func (s *Store) CreateUsers(ctx context.Context, users []models.User) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.lockUserNames(users); err != nil {
			return err
		}
		for i := range users {
			user := users[i]
			if err := t.uniqueUser(user); err != nil {
				return err
			}
			if err := t.db.Create(&user).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// lockUserNames keeps others from giving names to users of the same applications: no index tells a username from an address.
func (t *transaction) lockUserNames(users []models.User) error {
	var applications []string
	for i := range users {
		applications = append(applications, users[i].ApplicationID.String())
	}
	slices.Sort(applications) // everybody in the same order
	for _, application := range slices.Compact(applications) {
		if err := t.lock("users of " + application); err != nil {
			return err
		}
	}
	return nil
}

// uniqueUser also keeps usernames apart from the e-mail addresses of others: a reference must not find two people.
func (t *transaction) uniqueUser(u models.User) error {
	taken := models.Duplicate{Entity: "user", Property: "username", Value: u.Username}
	err := unique[models.User](t, taken, "application_id = ? AND (username_key = ? OR email_key = ?) AND id <> ?",
		u.ApplicationID, u.UsernameKey, u.UsernameKey, u.ID)
	if err != nil || u.EmailKey == nil {
		return err
	}
	taken = models.Duplicate{Entity: "user", Property: "email", Value: u.EmailAddress()}
	return unique[models.User](t, taken, "application_id = ? AND (email_key = ? OR username_key = ?) AND id <> ?",
		u.ApplicationID, *u.EmailKey, *u.EmailKey, u.ID)
}

// User finds a user of an application by uuid, by e-mail or by username, as the shape of the reference says. What looks like an
// e-mail is also tried as a username.
func (s *Store) User(ctx context.Context, application uuid.UUID, ref string) (models.User, error) {
	if models.IsUUID(ref) {
		return s.UserBy(ctx, application, "uuid", ref)
	}
	if models.IsEmail(ref) {
		user, err := s.UserBy(ctx, application, "email", ref)
		if !errors.Is(err, models.ErrNotFound) {
			return user, err
		}
	}
	return s.UserBy(ctx, application, "username", ref)
}

// UserBy finds a user by one property: "username", "email" or "uuid".
func (s *Store) UserBy(ctx context.Context, application uuid.UUID, property, value string) (models.User, error) {
	column, err := userColumn(property)
	if err != nil {
		return models.User{}, err
	}
	return one[models.User](s.read(ctx), "application_id = ? AND "+column+" = ?", application, models.Fold(value))
}

// userColumn is also what keeps a property's name from becoming SQL.
func userColumn(property string) (string, error) {
	switch property {
	case "username":
		return "username_key", nil
	case "email":
		return "email_key", nil
	case "uuid":
		return "id", nil
	}
	return "", models.Illegal("users have no property %s to search by", models.Printable(property))
}

// Users lists the users of an application that a filter lets through, oldest first.
func (s *Store) Users(
	ctx context.Context, application uuid.UUID, filter models.UserFilter, page models.Page,
) ([]models.User, string, error) {
	db := s.read(ctx).Where("application_id = ?", application)
	var alternatives []string
	var values []any
	for _, conditions := range filter.Any {
		all := []string{"1 = 1"}
		for _, condition := range conditions {
			column, err := userColumn(condition.Property)
			if err != nil {
				return nil, "", err
			}
			value := models.Fold(condition.Value)
			if !storable([]any{value}) {
				value = "" // which nobody has
			}
			all, values = append(all, column+" = ?"), append(values, value)
		}
		alternatives = append(alternatives, "("+strings.Join(all, " AND ")+")")
	}
	if len(alternatives) > 0 {
		db = db.Where("("+strings.Join(alternatives, " OR ")+")", values...)
	}
	return list(db, page, byUser)
}

// UsersBeginning finds users whose username or e-mail address begins with a text, ignoring case, at most limit of them, by username. It reads
// no more rows than that: with a hundred thousand users it is as quick as with ten.
func (s *Store) UsersBeginning(ctx context.Context, application uuid.UUID, text string, limit int) ([]models.User, error) {
	first := models.Fold(text)
	if !storable([]any{first}) {
		return []models.User{}, nil
	}
	var found []models.User
	for _, column := range []string{"username_key", "email_key"} {
		var rows []models.User
		// Keys are compared byte by byte; behind the last code point there is nothing.
		err := s.read(ctx).Where("application_id = ? AND "+column+" >= ? AND "+column+" < ?", application, first, first+string(utf8.MaxRune)).
			Order(column).Limit(limit).Find(&rows).Error
		if err != nil {
			return nil, classify(err)
		}
		found = append(found, rows...)
	}
	slices.SortFunc(found, func(a, b models.User) int { return strings.Compare(a.UsernameKey, b.UsernameKey) })
	found = slices.CompactFunc(found, func(a, b models.User) bool { return a.ID == b.ID })
	return found[:min(limit, len(found))], nil
}

// UpdateUser changes a user. A raised generation denies all older tokens, a replaced password is remembered.
func (s *Store) UpdateUser(
	ctx context.Context, application, id uuid.UUID, change func(*models.User) error,
) (models.User, error) {
	var row models.User
	err := s.write(ctx, func(t *transaction) (err error) {
		row, err = t.updateUser(application, id, change)
		return err
	})
	return row, err
}

func (t *transaction) updateUser(application, id uuid.UUID, change func(*models.User) error) (models.User, error) {
	row, err := one[models.User](t.forUpdate(), "id = ? AND application_id = ?", id, application)
	if err != nil {
		return row, err
	}
	before := row
	if err := change(&row); err != nil {
		return row, err
	}
	row.ID, row.ApplicationID, row.Modified = id, application, t.now
	if row.UsernameKey != before.UsernameKey || row.EmailAddress() != before.EmailAddress() {
		if err := t.lockUserNames([]models.User{row}); err != nil {
			return row, err
		}
		if err := t.uniqueUser(row); err != nil {
			return row, err
		}
	}
	shut := row.Disabled && !before.Disabled || !row.Activated && before.Activated
	if shut && row.Generation == before.Generation {
		row.Generation++ // whoever is shut out has no valid tokens, offline neither
	}
	t.changed(models.ChangeUser, id)
	if err := t.raise(userSubject(application, id), before.Generation, row.Generation); err != nil {
		return row, err
	}
	// A stronger hash of the same password comes without a new date, and is no change of the password.
	changed := row.PasswordChanged != before.PasswordChanged
	if changed {
		if err := t.rememberPassword(id, before.PasswordHash); err != nil {
			return row, err
		}
	}
	if err := t.endLinks(id, row.EmailAddress() != before.EmailAddress(), shut, changed); err != nil {
		return row, err
	}
	return row, t.save(&row)
}

// DeleteUser removes a user and everything that hangs on him, and denies all his tokens. It answers the row as it was.
func (s *Store) DeleteUser(ctx context.Context, application, id uuid.UUID) (models.User, error) {
	var row models.User
	err := s.write(ctx, func(t *transaction) (err error) {
		if row, err = one[models.User](t.forUpdate(), "id = ? AND application_id = ?", id, application); err != nil {
			return err
		}
		t.changed(models.ChangeUser, id)
		if err := t.raise(userSubject(application, id), row.Generation, row.Generation+1); err != nil {
			return err
		}
		if err := t.rulesLost(application, id); err != nil {
			return err
		}
		if err := t.dropHolder(models.HolderUser, id); err != nil {
			return err
		}
		// Nobody has a token of his any more.
		if err := t.db.Where("scope = ? AND subject = ?", application, id).Delete(&models.ClaimChange{}).Error; err != nil {
			return err
		}
		if err := t.db.Where("owner_id = ?", id).Delete(&models.PastPassword{}).Error; err != nil {
			return err
		}
		if err := t.db.Where("owner_id = ?", id).Delete(&models.LinkToken{}).Error; err != nil {
			return err
		}
		// Memberships and refresh tokens go with the row.
		return t.db.Delete(&row).Error
	})
	return row, err
}

func userSubject(application, id uuid.UUID) subject {
	return subject{id: id, scope: application.String(), application: &application, refreshes: true}
}
