package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// UserRecords lists the users of an application, oldest first, with the roles and groups that they were given themselves. A page is
// one state of the database.
func (s *Store) UserRecords(ctx context.Context, application uuid.UUID, page models.Page) (records []models.UserRecord, next string, err error) {
	err = s.snapshot(ctx, func(db *gorm.DB) error {
		var users []models.User
		if users, next, err = list(db.Where("application_id = ?", application), page, byUser); err != nil {
			return err
		}
		records = make([]models.UserRecord, len(users))
		places := make(map[uuid.UUID]*models.UserRecord, len(users))
		ids := make([]uuid.UUID, len(users))
		for i := range users {
			records[i], ids[i] = record(&users[i]), users[i].ID
			places[ids[i]] = &records[i]
		}
		if len(ids) == 0 {
			return nil
		}
		roles, err := heldNames(db, `SELECT a.holder_id AS user_id, r.name AS name FROM role_assignments a JOIN roles r ON r.id = a.role_id
			WHERE a.holder_kind = 'user' AND a.holder_id IN ? ORDER BY r.name`, ids)
		if err != nil {
			return err
		}
		for _, held := range roles {
			places[held.UserID].Roles = append(places[held.UserID].Roles, held.Name)
		}
		groups, err := heldNames(db, `SELECT m.user_id AS user_id, g.path AS name FROM group_members m JOIN groups g ON g.id = m.group_id
			WHERE m.user_id IN ? ORDER BY g.path`, ids)
		for _, held := range groups {
			places[held.UserID].Groups = append(places[held.UserID].Groups, held.Name)
		}
		return err
	})
	return records, next, err
}

// heldName is the name of a role or the path of a group that a user has.
type heldName struct {
	UserID uuid.UUID
	Name   string
}

func heldNames(db *gorm.DB, query string, users []uuid.UUID) ([]heldName, error) {
	var names []heldName
	err := db.Raw(query, users).Scan(&names).Error
	return names, err
}

// record says everything about a user but his rights.
func record(u *models.User) models.UserRecord {
	email, deactivated := u.EmailAddress(), int64(0)
	if u.Deactivated != nil {
		deactivated = *u.Deactivated
	}
	return models.UserRecord{
		ID: u.ID, Username: u.Username, Email: &email, Name: &u.Name, Activated: &u.Activated, Confirmed: &u.Confirmed, Disabled: &u.Disabled,
		Deactivated: &deactivated, Created: &u.Created, PasswordHash: &u.PasswordHash, PINHash: &u.PINHash, Properties: u.Properties,
		Roles: []string{}, Groups: []string{},
	}
}
