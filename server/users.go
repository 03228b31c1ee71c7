package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// userStore is what the users of an application need.
type userStore interface {
	CreateUsers(ctx context.Context, users []models.User) error
	Users(ctx context.Context, application uuid.UUID, filter models.UserFilter, page models.Page) ([]models.User, string, error)
	UsersBeginning(ctx context.Context, application uuid.UUID, text string, limit int) ([]models.User, error)
	UpdateUser(ctx context.Context, application, id uuid.UUID, change func(*models.User) error) (models.User, error)
	DeleteUser(ctx context.Context, application, id uuid.UUID) (models.User, error)
}

// entitiesOf renders a page.
func entitiesOf[T any](rows []T, render func(*T) map[string]any) []any {
	entities := make([]any, len(rows))
	for i := range rows {
		entities[i] = render(&rows[i])
	}
	return entities
}

// maxNewUsers bounds what somebody without application access can have hashed by one request: guests may register.
const maxNewUsers = 20

// createUsers is POST of one user or an array of them, all or nothing (§8.2). Everything is checked before the first password is hashed.
func (s *Server) createUsers(r *request) error {
	bodies, err := r.in.objects()
	if err != nil {
		return err
	}
	if len(bodies) > maxNewUsers && !r.caller.ApplicationAccess(r.tenant) {
		return models.Illegal("at most %d users may be created at once", maxNewUsers)
	}
	drafts := make([]userDraft, 0, len(bodies))
	for _, body := range bodies {
		draft, err := s.draftUser(r, body)
		if err != nil {
			return err
		}
		drafts = append(drafts, draft)
	}
	users := make([]models.User, 0, len(drafts))
	for i := range drafts {
		if err := s.hashSecrets(grants.From(r.ctx(), r.source()), &drafts[i]); err != nil {
			return err
		}
		users = append(users, drafts[i].User)
	}
	if err := s.Store.CreateUsers(r.ctx(), users); err != nil {
		return err
	}
	s.announceUsers(r, users)
	return r.ok(envelope{Action: "post", Entities: entitiesOf(users, userEntity)})
}

// userDraft is a user who is checked but whose secrets are not hashed yet.
type userDraft struct {
	models.User

	password, pin string
}

// draftUser checks one body. States of the account cannot be set here, whoever asks.
func (s *Server) draftUser(r *request, body map[string]any) (userDraft, error) {
	named, err := textsOf(body, "username", "email", "name", "password", "pin", "picture")
	if err != nil {
		return userDraft{}, err
	}
	user, err := models.NewUser(r.tenant.Application.ID, named["username"], named["email"], named["name"], r.now())
	if err != nil {
		return userDraft{}, err
	}
	settings := &r.tenant.Application.Settings
	user.Confirmed = !settings.EmailConfirmation
	user.Activated = !settings.EmailConfirmation && !settings.AdminApproval
	if err := user.Properties.Merge(customOfUser(body, user.EmailAddress())); err != nil {
		return userDraft{}, err
	}
	draft := userDraft{User: user, password: named["password"], pin: named["pin"]}
	if draft.password != "" {
		err = s.Passwords.Check(draft.password)
	}
	return draft, err
}

func (s *Server) hashSecrets(ctx context.Context, draft *userDraft) (err error) {
	if draft.password != "" {
		if draft.PasswordHash, err = s.Passwords.Hash(ctx, draft.password); err != nil {
			return err
		}
	}
	if draft.pin != "" {
		draft.PINHash, err = s.Passwords.HashUnchecked(ctx, draft.pin)
	}
	return err
}

// textsOf reads several members of a body as text; absent ones are "".
func textsOf(body map[string]any, names ...string) (map[string]string, error) {
	texts := make(map[string]string, len(names))
	for _, name := range names {
		text, err := textOf(name, body[name])
		if err != nil {
			return nil, err
		}
		texts[name] = text
	}
	return texts, nil
}

// shownTextsOf reads members that are only shown.
func shownTextsOf(body map[string]any, names ...string) (map[string]string, error) {
	texts, err := textsOf(body, names...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := models.ShownText(name, texts[name]); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// customOfUser is what remains of a body as custom properties: nothing that Writ itself writes, and no secret, which would be shown.
// A picture that is the default one stays the default: clients send back whole entities, and the e-mail address may change later.
func customOfUser(body map[string]any, email string) map[string]any {
	custom := withoutFixed(body, "username", "email", "name", "password", "pin", "oldpassword", "newpassword", "credentials",
		"activated", "confirmed", "disabled", "deactivated")
	if picture := custom["picture"]; picture == "" || picture == gravatar(email) {
		delete(custom, "picture")
	}
	return custom
}

// listUsers is GET of the collection, with the small query language.
func (s *Server) listUsers(r *request) error {
	if search := r.in.query.get("search"); search != "" {
		return s.searchUsers(r, search)
	}
	filter, err := parseQL(r.in.query.get("ql"))
	if err != nil {
		return err
	}
	page, err := r.page()
	if err != nil {
		return err
	}
	users, cursor, err := s.Store.Users(r.ctx(), r.tenant.Application.ID, filter, page)
	if err != nil {
		return err
	}
	return r.list(entitiesOf(users, userEntity), cursor)
}

// searchUsers is the list of those whose username or e-mail address begins with a text, by username. There is no next page: a longer text
// finds fewer.
func (s *Server) searchUsers(r *request, text string) error {
	page, err := r.plainPage()
	if err != nil {
		return err
	}
	if page.Cursor != "" {
		return models.Illegal("search has no cursor")
	}
	users, err := s.Store.UsersBeginning(r.ctx(), r.tenant.Application.ID, text, page.Limit)
	if err != nil {
		return err
	}
	return r.list(entitiesOf(users, userEntity), "")
}

// showMe is GET of the calling user, whatever the rules say (§9.3).
func (s *Server) showMe(r *request) error { return r.entity("get", userEntity(r.caller.User)) }

func (s *Server) showUser(r *request) error { return r.entity("get", userEntity(r.user)) }

// updateUser is PUT: members are merged; secrets and, below application access, states of the account are ignored.
func (s *Server) updateUser(r *request) error {
	body, err := r.in.object()
	if err != nil {
		return err
	}
	named, err := textsOf(body, "username", "email", "name", "picture")
	if err != nil {
		return err
	}
	states, err := r.accountStates()
	if err != nil {
		return err
	}
	user, err := s.Store.UpdateUser(r.ctx(), r.tenant.Application.ID, r.user.ID, func(u *models.User) error {
		custom := customOfUser(body, u.EmailAddress())
		if err := rename(u, named); err != nil {
			return err
		}
		states.apply(u)
		u.Modified = r.now().UnixMilli()
		return u.Properties.Merge(custom)
	})
	if err != nil {
		return err
	}
	return r.entity("put", userEntity(&user))
}

// rename sets those of the three names that are given.
func rename(u *models.User, named map[string]string) error {
	if name := named["name"]; name != "" {
		if err := u.SetName(name); err != nil {
			return err
		}
	}
	if username := named["username"]; username != "" {
		if err := u.SetUsername(username); err != nil {
			return err
		}
	}
	if email := named["email"]; email != "" {
		return u.SetEmail(email)
	}
	return nil
}

// accountStates are the members that count only with application access; nil leaves a state as it is.
type accountStates struct{ activated, confirmed, disabled *bool }

func (r *request) accountStates() (accountStates, error) {
	var states accountStates
	if !r.caller.ApplicationAccess(r.tenant) {
		return states, nil
	}
	for name, into := range map[string]**bool{
		"activated": &states.activated, "confirmed": &states.confirmed, "disabled": &states.disabled,
	} {
		if r.in.value(name) == nil {
			continue
		}
		flag, err := r.in.flag(name, false)
		if err != nil {
			return states, err
		}
		*into = &flag
	}
	return states, nil
}

// apply sets states. Whoever is shut out loses his tokens (§6.2).
func (a accountStates) apply(u *models.User) {
	could := u.Activated && !u.Disabled
	if a.activated != nil {
		u.Activated = *a.activated
	}
	if u.Activated {
		u.Deactivated = nil
	}
	if a.confirmed != nil {
		u.Confirmed = *a.confirmed
	}
	if a.disabled != nil {
		u.Disabled = *a.disabled
	}
	if could && (!u.Activated || u.Disabled) {
		u.Generation++
	}
}

func (s *Server) deleteUser(r *request) error {
	user, err := s.Store.DeleteUser(r.ctx(), r.tenant.Application.ID, r.user.ID)
	if err != nil {
		return err
	}
	return r.entity("delete", userEntity(&user))
}

// deactivateUser shuts a user out until somebody with application access lets him in again.
func (s *Server) deactivateUser(r *request) error {
	user, err := s.Store.UpdateUser(r.ctx(), r.tenant.Application.ID, r.user.ID, func(u *models.User) error {
		u.Activated, u.Deactivated = false, new(r.now().UnixMilli())
		u.Modified = r.now().UnixMilli()
		u.Generation++
		return nil
	})
	if err != nil {
		return err
	}
	r.countRevoked("user")
	return r.entity("Deactivate user", userEntity(&user))
}
