package server

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// adminStore creates and changes admins.
type adminStore interface {
	Admins(ctx context.Context, filter models.AdminFilter, page models.Page) ([]models.Admin, string, error)
	CreateAdmin(ctx context.Context, admin models.Admin, memberOf ...uuid.UUID) error
	UpdateAdmin(ctx context.Context, id uuid.UUID, change func(*models.Admin) error) (models.Admin, error)
}

// adminInput is what a body says about an admin to be created.
type adminInput struct{ email, username, name, password string }

func readAdmin(in *input) (adminInput, error) {
	var a adminInput
	for _, member := range []struct {
		name string
		into *string
	}{{"email", &a.email}, {"username", &a.username}, {"name", &a.name}, {"password", &a.password}} {
		text, err := in.text(member.name)
		if err != nil {
			return a, err
		}
		*member.into = text
	}
	return a, nil
}

// newAdmin makes an admin that is not stored yet. Everything about it is checked, the password too, before anything is created.
// Without a password every one is wrong: that is a random one that nobody knows. Confirmation and approval come later (§7.6).
func (s *Server) newAdmin(r *request, input adminInput, properties map[string]any) (*models.Admin, error) {
	admin, err := models.NewAdmin(input.username, input.email, input.name, r.now())
	if err != nil {
		return nil, err
	}
	if err := admin.Properties.Merge(properties); err != nil {
		return nil, err
	}
	admin.Activated, admin.Confirmed = !s.AdminApproval, !s.AdminConfirmation
	if input.password != "" {
		if admin.PasswordHash, err = s.Passwords.Hash(grants.From(r.ctx(), r.source()), input.password); err != nil {
			return nil, err
		}
	}
	return &admin, nil
}

// adminByEmail finds the admin who has an e-mail address; nil if nobody has. A username that looks like an address does not count.
func (s *Server) adminByEmail(ctx context.Context, address string) (*models.Admin, error) {
	if !models.IsEmail(address) {
		return nil, nil
	}
	admin, err := found(s.Store.Admin(ctx, address))
	if err != nil || admin == nil || admin.EmailKey != models.Fold(address) {
		return nil, err
	}
	return admin, nil
}

// createAdmin is POST /management/users (§7.4).
func (s *Server) createAdmin(r *request) error {
	if err := s.mayRegister(r); err != nil {
		return err
	}
	input, err := readAdmin(r.in)
	if err != nil {
		return err
	}
	admin, err := s.newAdmin(r, input, nil)
	if err != nil {
		return err
	}
	if err := s.Store.CreateAdmin(r.ctx(), *admin); err != nil {
		return err
	}
	s.announceAdmin(r, admin)
	return r.createdAdmin(admin)
}

func (r *request) createdAdmin(admin *models.Admin) error {
	return r.ok(envelope{Action: "create user", OK: true, Data: map[string]any{"user": newAdminObject(admin)}})
}

// listAdmins is GET /management/users: every admin, whichever organizations he is a member of. search= selects usernames and addresses that have
// this in them, waiting=true those who wait for the superuser's approval.
func (s *Server) listAdmins(r *request) error {
	page, err := r.plainPage()
	if err != nil {
		return err
	}
	filter := models.AdminFilter{Part: r.in.query.get("search")}
	if filter.Waiting, err = r.in.queryFlag("waiting"); err != nil {
		return err
	}
	rows, cursor, err := s.Store.Admins(r.ctx(), filter, page)
	if err != nil {
		return err
	}
	data := make([]any, 0, len(rows))
	for i := range rows {
		data = append(data, newAdminObject(&rows[i]))
	}
	return r.ok(envelope{Action: "get admin users", Data: data, List: true, Cursor: cursor})
}

// showAdmin is GET /management/users/{u}. There is no token in it: a path that shows a person must not hand out his credentials.
func (s *Server) showAdmin(r *request) error {
	shallow, err := r.in.queryFlag("shallow")
	if err != nil {
		return err
	}
	object := newAdminObject(r.admin)
	object.Organizations = map[string]*organizationObject{}
	if !r.admin.Superuser {
		if object.Organizations, err = s.organizationsOfAdmin(r.ctx(), r.admin.ID, shallow); err != nil {
			return err
		}
	}
	return r.ok(envelope{Action: "get admin user", OK: true, Data: object})
}

func (s *Server) organizationsOfAdmin(ctx context.Context, admin uuid.UUID, shallow bool) (map[string]*organizationObject, error) {
	rows, err := s.Store.OrganizationsOf(ctx, admin)
	if err != nil {
		return nil, err
	}
	objects := make(map[string]*organizationObject, len(rows))
	for i := range rows {
		row := &rows[i]
		if shallow {
			objects[row.Name] = &organizationObject{ID: row.ID, Name: row.Name, Properties: shownProperties(row.Properties)}
			continue
		}
		if objects[row.Name], err = s.organizationWithApplications(ctx, row); err != nil {
			return nil, err
		}
		if objects[row.Name].Users, err = s.memberObjects(ctx, row.ID); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// updateAdmin is PUT /management/users/{u}: profile, custom properties and, with its proof, the password, all or nothing.
func (s *Server) updateAdmin(r *request) error {
	change, err := readAdminChange(r)
	if err != nil {
		return err
	}
	if change.oldPassword == "" && change.newPassword == "" {
		_, err = s.Store.UpdateAdmin(r.ctx(), r.admin.ID, change.apply)
	} else {
		err = s.Grants.ChangeAdminPassword(
			r.ctx(), r.caller, r.admin.ID.String(), change.oldPassword, change.newPassword, r.source(), change.apply)
	}
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "update user info"})
}

// adminChange is what a PUT says about an admin; empty and nil members change nothing.
type adminChange struct {
	username, name, email    string
	oldPassword, newPassword string
	activated, disabled      *bool
	custom                   map[string]any
}

// readAdminChange reads the body. Who is active is the superuser's business: in anybody else's body these members mean nothing.
func readAdminChange(r *request) (*adminChange, error) {
	c := &adminChange{}
	for _, member := range []struct {
		name string
		into *string
	}{
		{"username", &c.username},
		{"name", &c.name},
		{"email", &c.email},
		{"oldpassword", &c.oldPassword},
		{"newpassword", &c.newPassword},
	} {
		text, err := r.in.text(member.name)
		if err != nil {
			return nil, err
		}
		*member.into = text
	}
	if _, err := r.in.object(); err != nil {
		return nil, err
	}
	c.custom = r.in.custom()
	nested, err := r.in.nested("properties")
	if err != nil {
		return nil, err
	}
	for name, value := range nested {
		if !isReservedForAdmins(name) {
			c.custom[name] = value
		}
	}
	if !r.caller.Superuser {
		return c, nil
	}
	if c.activated, err = r.in.optionalFlag("activated"); err != nil {
		return nil, err
	}
	c.disabled, err = r.in.optionalFlag("disabled")
	return c, err
}

// apply changes a row. The superuser's name and password come from the configuration, and nobody can lock him out.
func (c *adminChange) apply(a *models.Admin) error {
	if err := c.rename(a); err != nil {
		return err
	}
	if c.email != "" {
		if err := a.SetEmail(c.email); err != nil {
			return err
		}
	}
	if c.name != "" {
		if err := a.SetName(c.name); err != nil {
			return err
		}
	}
	if err := a.Properties.Merge(c.custom); err != nil {
		return err
	}
	return c.setState(a)
}

func (c *adminChange) rename(a *models.Admin) error {
	switch {
	case c.username == "":
		return nil
	case !a.Superuser:
		return a.SetUsername(c.username)
	case models.Fold(c.username) != a.UsernameKey:
		return models.Illegal("The superuser's name comes from the configuration")
	}
	return nil
}

// setState activates and disables. §6.2: who loses access loses his tokens with it, and does not get them back.
func (c *adminChange) setState(a *models.Admin) error {
	deactivate := c.activated != nil && !*c.activated
	disable := c.disabled != nil && *c.disabled
	if a.Superuser && (deactivate || disable) {
		return models.Illegal("The superuser cannot be disabled")
	}
	if deactivate && a.Activated || disable && !a.Disabled {
		a.Generation++
	}
	if c.activated != nil {
		a.Activated = *c.activated
	}
	if c.disabled != nil {
		a.Disabled = *c.disabled
	}
	return nil
}

// custom gives the members of a JSON body or form that become custom properties of an admin: everything but what the resource itself
// means by its names, and what it shows (mass assignment).
func (in *input) custom(documented ...string) map[string]any {
	custom := map[string]any{}
	object, err := in.object()
	if err != nil {
		return custom
	}
	for name, value := range object {
		if !isReservedForAdmins(name) && !isCredential(name) && !slices.Contains(documented, name) {
			custom[name] = value
		}
	}
	return custom
}

// isReservedForAdmins tells whether a name cannot be a custom property of an admin, in whatever case.
func isReservedForAdmins(name string) bool {
	switch strings.ToLower(name) {
	case "uuid", "type", "created", "modified", "applicationid", "adminuser", "superuser", "organizations", "properties", "generation",
		"username", "name", "email", "displayemailaddress", "htmldisplayemailaddress", "activated", "confirmed", "disabled",
		"password", "passwordhash", "passwordchanged", "oldpassword", "newpassword", "token":
		return true
	}
	return false
}
