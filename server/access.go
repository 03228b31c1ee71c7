package server

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/models"
)

// access says who may use a route. The names are those of the golden route table.
type access int

const (
	// nobody is the zero value: a route without an access kind lets no one in.
	nobody access = iota
	// open does not look at credentials; r.caller is nil. The handler of a token endpoint checks its own.
	open
	// anyone verifies credentials that are present and lets guests in; the handler decides.
	anyone
	// holder is §6.1: as anyone, but with ?token= a wrong credential is ignored.
	holder
	// rules is section 9: the permission engine decides, and r.user, r.role, r.group exist if the path names them.
	rules
	// appUser is any application user of this application.
	appUser
	// userSelf is the application user of the path (r.user), or application access.
	userSelf
	// applicationAccess is AA of §1.1.
	applicationAccess
	// organizationAccess is OA of §1.1 for the organization of the path, r.organization.
	organizationAccess
	// adminSelf is the admin of the path (r.admin), or the superuser. "me" is the calling admin.
	adminSelf
	// superuser is the superuser alone.
	superuser
)

func (a access) String() string {
	return [...]string{
		"nobody", "open", "anyone", "holder", "rules", "app user", "user self", "application access", "organization access",
		"admin self", "superuser",
	}[a]
}

// authorize is the permission step. What a path names is looked up first, because rules count in every spelling; that it does not
// exist is told only to those who may know (§1.6).
func (r *request) authorize() error {
	switch r.route.access {
	case open, anyone:
		return nil
	case holder:
		return nil
	case rules:
		return r.authorizeByRules()
	case appUser:
		if r.caller.Level != claims.ApplicationUser || r.caller.Tenant.Application.ID != r.tenant.Application.ID {
			return notPermitted()
		}
		r.user = r.caller.User
		return nil
	case userSelf:
		return r.authorizeUserSelf()
	case applicationAccess:
		if !r.caller.ApplicationAccess(r.tenant) {
			return noApplicationAccess()
		}
		return nil
	case organizationAccess:
		return r.authorizeOrganization()
	case adminSelf:
		return r.authorizeAdmin()
	case superuser:
		if !r.caller.Superuser {
			return noSystemAccess()
		}
		return nil
	case nobody:
	}
	return notPermitted()
}

func (r *request) authorizeByRules() error {
	request, err := r.permissionRequest()
	if err != nil {
		return err
	}
	if err := r.server.Grants.Permits(r.ctx(), r.caller, r.tenant, request); err != nil {
		return err
	}
	return r.missing()
}

// permissionRequest is what the engine checks (§9.1): every spelling of every segment that names an existing entity.
func (r *request) permissionRequest() (permission.Request, error) {
	if err := r.resolve(); err != nil {
		return permission.Request{}, err
	}
	pattern := strings.Split(strings.TrimPrefix(strings.TrimPrefix(r.route.path, applicationRoot), "/"), "/")
	spellings := make([][]string, len(r.segments))
	for i, segment := range r.segments {
		spellings[i] = []string{segment}
		if i >= len(pattern) {
			continue
		}
		switch {
		case pattern[i] == ":user" && r.user != nil:
			var err error
			if spellings[i], err = r.spellingsOfUser(segment); err != nil {
				return permission.Request{}, err
			}
		case pattern[i] == ":role" && r.role != nil:
			spellings[i] = append(spellings[i], r.role.Name, r.role.ID.String())
		case pattern[i] == ":group" && r.group != nil:
			spellings[i] = append(spellings[i], r.group.Path, r.group.ID.String())
		}
	}
	return permission.Request{Method: r.method(), Paths: permission.Spellings(spellings)}, nil
}

// spellingsOfUser are the spellings of the user that a segment names. An e-mail address is none if it is another user's username, for a rule
// with ${user} would let that one in, or if it has a slash, for it would read like a path below somebody else.
func (r *request) spellingsOfUser(segment string) ([]string, error) {
	spellings := []string{r.user.Username, r.user.ID.String()}
	if models.Fold(segment) != r.user.UsernameKey && models.IsEmail(segment) {
		if strings.Contains(segment, "/") {
			return spellings, nil
		}
		namesake, err := found(r.server.Store.UserBy(r.ctx(), r.tenant.Application.ID, "username", segment))
		if namesake != nil || err != nil {
			return spellings, err
		}
	}
	return append([]string{segment}, spellings...), nil
}

// resolve looks up what the path names below an application's root; what does not exist stays nil.
func (r *request) resolve() error {
	application, store, ctx := r.tenant.Application.ID, r.server.Store, r.ctx()
	var err error
	if name := r.param("user"); name != "" {
		if r.user, err = r.findUser(name); err != nil {
			return err
		}
	}
	if name := r.param("role"); name != "" {
		role, err := store.Role(ctx, application, name)
		if r.role, err = found(role, err); err != nil {
			return err
		}
	}
	if name := r.param("group"); name != "" {
		group, err := store.Group(ctx, application, name)
		if r.group, err = found(group, err); err != nil {
			return err
		}
	}
	return nil
}

// missing is 404 if the path names something that does not exist.
func (r *request) missing() error {
	switch {
	case r.user == nil && r.param("user") != "":
		return resourceNotFound()
	case r.role == nil && r.param("role") != "":
		return entityNotFound(r.param("role"))
	case r.group == nil && r.param("group") != "":
		return entityNotFound(r.param("group"))
	}
	return nil
}

// found turns "does not exist" into nil.
func found[T any](row T, err error) (*T, error) {
	if isUnknown(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &row, nil
}

// findUser finds the application user that a path names (§1.5); nil if there is none. "me" is the calling user.
func (r *request) findUser(name string) (*models.User, error) {
	if strings.EqualFold(name, "me") {
		if r.caller == nil || r.caller.Level != claims.ApplicationUser || r.caller.Tenant.Application.ID != r.tenant.Application.ID {
			return nil, nil
		}
		return r.caller.User, nil
	}
	return r.server.findUser(r.ctx(), r.tenant.Application.ID, name, r.in.query.get("force"))
}

// findUser finds an application user by any reference, or as force says by one property; nil if there is none.
func (s *Server) findUser(ctx context.Context, application uuid.UUID, name, force string) (*models.User, error) {
	switch force {
	case "email":
		return found(s.Store.UserBy(ctx, application, "email", name))
	case "name":
		return found(s.Store.UserBy(ctx, application, "username", name))
	}
	return found(s.Store.User(ctx, application, name))
}

func (r *request) authorizeUserSelf() error {
	if err := r.resolve(); err != nil {
		return err
	}
	if r.caller.ApplicationAccess(r.tenant) {
		return r.missing()
	}
	if !r.isUserOfPath() {
		return notPermitted()
	}
	return nil
}

// isUserOfPath tells whether the caller is the application user that the path names.
func (r *request) isUserOfPath() bool {
	return r.caller.Level == claims.ApplicationUser && r.user != nil && r.caller.User.ID == r.user.ID
}

func (r *request) authorizeOrganization() error {
	name := r.param("org")
	organization, err := found(r.server.Store.Organization(r.ctx(), name))
	switch {
	case err != nil:
		return err
	case organization == nil && r.caller.Superuser:
		return organizationNotFound(name)
	case organization == nil || !r.caller.OrganizationAccess(organization.ID):
		return noOrganizationAccess()
	}
	r.organization = organization
	return nil
}

func (r *request) authorizeAdmin() error {
	name := r.param("user")
	if strings.EqualFold(name, "me") {
		if r.caller.Level != claims.AdminUser {
			return noAdminIdentity()
		}
		r.admin = r.caller.Admin
		return nil
	}
	admin, err := found(r.server.Store.Admin(r.ctx(), name))
	switch {
	case err != nil:
		return err
	case admin == nil && r.caller.Superuser:
		return adminNotFound(name)
	case admin == nil || !r.caller.Superuser && (r.caller.Level != claims.AdminUser || r.caller.Admin.ID != admin.ID):
		return noAdminAccess()
	}
	r.admin = admin
	return nil
}
