package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// errUndo ends a transaction of which nothing is to stay.
var errUndo = errors.New("only tried")

// ImportUsers stores a batch of users in one transaction and answers what became of each. A user that cannot be stored takes no other
// with him. models.ErrNotFound means that there is no such application; then, and with any other error, nothing is stored. A changed hash
// raises the user's generation. Nobody knows new users yet, so the change log has entries for the changed ones only.
func (s *Store) ImportUsers(ctx context.Context, in models.UserImport) ([]models.ImportOutcome, error) {
	var outcomes []models.ImportOutcome
	err := s.write(ctx, func(t *transaction) error {
		i := &userImport{transaction: t, UserImport: in}
		if err := i.run(); err != nil {
			return err
		}
		outcomes = i.outcomes
		if in.DryRun {
			return errUndo
		}
		return i.note()
	})
	if errors.Is(err, errUndo) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// userImport is an import within its transaction.
type userImport struct {
	*transaction
	models.UserImport

	known    taken
	roles    map[string]uuid.UUID
	groups   map[string]uuid.UUID
	created  []draft
	outcomes []models.ImportOutcome
}

// draft is a user to be created, with the place of his outcome.
type draft struct {
	at            int
	user          models.User
	roles, groups []uuid.UUID
}

func (i *userImport) run() (err error) {
	if _, err = one[models.Application](i.db, "id = ? AND deleted IS NULL", i.Application); err != nil {
		return err
	}
	if err := i.lock("users of " + i.Application.String()); err != nil {
		return err
	}
	if i.known, err = i.findTaken(i.Application, i.Users); err != nil {
		return err
	}
	if err := i.findRights(); err != nil {
		return err
	}
	i.outcomes = make([]models.ImportOutcome, len(i.Users))
	for at := range i.Users {
		outcome, err := i.one(at, &i.Users[at])
		var refused *refusal
		var invalid *models.Invalid
		var duplicate *models.Duplicate
		switch {
		case errors.As(err, &refused), errors.As(err, &invalid), errors.As(err, &duplicate):
			outcome = models.ImportOutcome{Result: models.ImportRejected, Reason: err.Error()}
		case err != nil:
			return err
		}
		i.outcomes[at] = outcome
	}
	return i.createAll()
}

func (i *userImport) note() error {
	if i.Note == nil {
		return nil
	}
	note, err := i.Note(i.outcomes)
	if err != nil {
		return err
	}
	if note.Name != "" {
		if err := i.setMeta(note.Name, note.Value); err != nil {
			return err
		}
	}
	if note.Step != nil {
		if err := i.step(*note.Step); err != nil {
			return err
		}
	}
	if len(note.Audit) == 0 {
		return nil
	}
	return i.appendAudit(note.Audit)
}

// refusal is why a user cannot be imported.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// one decides about one user. New ones are only noted: they are stored together.
func (i *userImport) one(at int, record *models.UserRecord) (models.ImportOutcome, error) {
	outcome := models.ImportOutcome{}
	user, err := record.NewUser(i.Application, i.clock())
	if err != nil {
		return outcome, err
	}
	roles, err := identified("role", i.roles, record.Roles)
	if err != nil {
		return outcome, err
	}
	groups, err := identified("group", i.groups, record.Groups)
	if err != nil {
		return outcome, err
	}
	owner, exists := i.known.usernames[user.UsernameKey]
	switch {
	case exists && i.OnConflict == models.ConflictSkip:
		return models.ImportOutcome{ID: owner, Result: models.ImportUnchanged}, nil
	case exists && i.OnConflict == models.ConflictUpdate && !i.isDraft(owner):
		return i.update(owner, record, roles, groups)
	case exists:
		return outcome, refuse("a user %s exists", models.Printable(user.Username))
	}
	if err := i.known.free(&user); err != nil {
		return outcome, err
	}
	if application, has := i.known.ids[user.ID]; has {
		if application == i.Application {
			return outcome, refuse("another user of the application has the uuid %s", user.ID)
		}
		user.ID, outcome.Renumbered = uuid.New(), true
	}
	// Tokens of a deleted user of the same identifier stay denied, those of the new one must not be.
	user.Generation = max(user.Generation, i.known.denied[user.ID])
	i.known.add(&user)
	i.created = append(i.created, draft{at, user, roles, groups})
	outcome.ID, outcome.Result = user.ID, models.ImportCreated
	return outcome, nil
}

func (i *userImport) isDraft(id uuid.UUID) bool {
	for at := range i.created {
		if i.created[at].user.ID == id {
			return true
		}
	}
	return false
}

// identified answers the identifiers of roles or groups, each once. Names that an import misspells would be rights that nobody meant.
func identified(kind string, known map[string]uuid.UUID, names []string) ([]uuid.UUID, error) {
	if names == nil {
		return nil, nil
	}
	ids, seen := make([]uuid.UUID, 0, len(names)), map[uuid.UUID]bool{}
	for _, name := range names {
		id, is := known[models.Fold(name)]
		if !is {
			return nil, refuse("there is no %s %s", kind, models.Printable(name))
		}
		if !seen[id] {
			ids, seen[id] = append(ids, id), true
		}
	}
	return ids, nil
}

// createAll stores the new users. If the database refuses one for a reason that was not foreseen, they are stored one by one.
func (i *userImport) createAll() error {
	if len(i.created) == 0 {
		return nil
	}
	err := i.db.Transaction(func(db *gorm.DB) error { return i.insert(db, i.created) })
	if err == nil || i.db.Statement.Context.Err() != nil || unavailable(err) {
		return err
	}
	for at := range i.created {
		one := i.created[at : at+1]
		err := i.db.Transaction(func(db *gorm.DB) error { return i.insert(db, one) })
		switch {
		case err == nil:
		case i.db.Statement.Context.Err() != nil, unavailable(err):
			return err
		default:
			i.outcomes[one[0].at] = models.ImportOutcome{Result: models.ImportRejected, Reason: "the database refuses the user"}
		}
	}
	return nil
}

func (i *userImport) insert(db *gorm.DB, drafts []draft) error {
	users := make([]models.User, len(drafts))
	var assignments []models.RoleAssignment
	var members []models.GroupMember
	for at := range drafts {
		d := &drafts[at]
		users[at] = d.user
		for _, role := range d.roles {
			assignments = append(assignments, i.assignment(role, d.user.ID))
		}
		for _, group := range d.groups {
			members = append(members, i.member(group, d.user.ID))
		}
	}
	if err := db.CreateInBatches(users, batch).Error; err != nil {
		return err
	}
	if len(assignments) > 0 {
		if err := db.CreateInBatches(assignments, batch).Error; err != nil {
			return err
		}
	}
	if len(members) > 0 {
		return db.CreateInBatches(members, batch).Error
	}
	return nil
}

func (i *userImport) assignment(role, user uuid.UUID) models.RoleAssignment {
	return models.RoleAssignment{ApplicationID: i.Application, RoleID: role, HolderKind: models.HolderUser, HolderID: user, Created: i.now}
}

func (i *userImport) member(group, user uuid.UUID) models.GroupMember {
	return models.GroupMember{ApplicationID: i.Application, GroupID: group, UserID: user, Created: i.now}
}
