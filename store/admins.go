package store

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// CreateAdmin stores an admin and makes him a member of organizations. *models.Duplicate names the username or e-mail;
// models.ErrConflict means a second superuser, models.ErrNotFound an unknown organization.
func (s *Store) CreateAdmin(ctx context.Context, admin models.Admin, memberOf ...uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.createAdmin(admin); err != nil {
			return err
		}
		t.changed(models.ChangeAdmin, admin.ID)
		for _, organization := range memberOf {
			if err := t.createMembership(admin.ID, organization); err != nil {
				return err
			}
			t.changed(models.ChangeOrganization, organization)
		}
		return nil
	})
}

// adminNames is the lock of who gives names to admins: no index tells a username from an address.
const adminNames = "names of admins"

func (t *transaction) createAdmin(admin models.Admin) error {
	if err := t.lock(adminNames); err != nil {
		return err
	}
	if err := t.uniqueAdmin(admin); err != nil {
		return err
	}
	return t.db.Create(&admin).Error
}

// uniqueAdmin uses the wire's word for an admin, which is "user".
// uniqueAdmin keeps usernames apart from the e-mail addresses of others, too.
func (t *transaction) uniqueAdmin(a models.Admin) error {
	taken := models.Duplicate{Entity: "user", Property: "username", Value: a.Username}
	if err := unique[models.Admin](t, taken, "(username_key = ? OR email_key = ?) AND id <> ?", a.UsernameKey, a.UsernameKey, a.ID); err != nil {
		return err
	}
	if a.EmailKey == "" {
		return nil
	}
	taken = models.Duplicate{Entity: "user", Property: "email", Value: a.Email}
	return unique[models.Admin](t, taken, "(email_key = ? OR username_key = ?) AND id <> ?", a.EmailKey, a.EmailKey, a.ID)
}

// Admin finds an admin by uuid, by e-mail or by username, as the shape of the reference says. What looks like an e-mail is also
// tried as a username.
func (s *Store) Admin(ctx context.Context, ref string) (models.Admin, error) {
	db, key := s.read(ctx), models.Fold(ref)
	if models.IsUUID(ref) {
		return one[models.Admin](db, "id = ?", key)
	}
	if models.IsEmail(ref) {
		admin, err := one[models.Admin](db, "email_key = ?", key)
		if !errors.Is(err, models.ErrNotFound) {
			return admin, err
		}
	}
	return one[models.Admin](db, "username_key = ?", key)
}

var byAdmin = ordering[models.Admin]{
	time: "created", id: "id",
	of: func(a *models.Admin) (int64, string) { return a.Created, a.ID.String() },
}

// Admins lists the admins whom a filter selects, the superuser too, oldest first. They are few and rarely listed: neither order nor filter
// has an index.
func (s *Store) Admins(ctx context.Context, filter models.AdminFilter, page models.Page) ([]models.Admin, string, error) {
	if !storable([]any{filter.Part}) {
		return []models.Admin{}, "", nil
	}
	db := s.read(ctx)
	if filter.Part != "" {
		part := containing(models.Fold(filter.Part))
		db = db.Where("(username_key LIKE ? ESCAPE '!' OR email_key LIKE ? ESCAPE '!')", part, part)
	}
	if filter.Waiting {
		db = db.Where("NOT activated AND NOT disabled")
	}
	return list(db, page, byAdmin)
}

// Superuser finds the built-in admin.
func (s *Store) Superuser(ctx context.Context) (models.Admin, error) {
	return one[models.Admin](s.read(ctx), "superuser")
}

// UpdateAdmin changes an admin. A raised generation denies all older tokens, a replaced password is remembered.
func (s *Store) UpdateAdmin(ctx context.Context, id uuid.UUID, change func(*models.Admin) error) (models.Admin, error) {
	var row models.Admin
	err := s.write(ctx, func(t *transaction) (err error) {
		row, err = t.updateAdmin(id, change)
		return err
	})
	return row, err
}

func (t *transaction) updateAdmin(id uuid.UUID, change func(*models.Admin) error) (models.Admin, error) {
	row, err := one[models.Admin](t.forUpdate(), "id = ?", id)
	if err != nil {
		return row, err
	}
	before := row
	if err := change(&row); err != nil {
		return row, err
	}
	row.ID, row.Modified = id, t.now
	if row.UsernameKey != before.UsernameKey || row.EmailKey != before.EmailKey {
		if err := t.lock(adminNames); err != nil {
			return row, err
		}
		if err := t.uniqueAdmin(row); err != nil {
			return row, err
		}
	}
	shut := row.Disabled && !before.Disabled || !row.Activated && before.Activated
	if shut && row.Generation == before.Generation {
		row.Generation++ // whoever is shut out has no valid tokens, offline neither
	}
	t.changed(models.ChangeAdmin, id)
	if err := t.raise(subject{id: id, scope: models.ManagementScope}, before.Generation, row.Generation); err != nil {
		return row, err
	}
	// A stronger hash of the same password comes without a new date, and is no change of the password.
	changed := row.PasswordChanged != before.PasswordChanged
	if changed {
		if err := t.rememberPassword(id, before.PasswordHash); err != nil {
			return row, err
		}
	}
	if err := t.endLinks(id, row.Email != before.Email, shut, changed); err != nil {
		return row, err
	}
	return row, t.save(&row)
}
