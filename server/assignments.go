package server

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// assignmentStore is what the pairs of §8.3 need: who has which role, who is in which group.
type assignmentStore interface {
	AssignRole(ctx context.Context, application, role uuid.UUID, kind models.HolderKind, holder uuid.UUID) error
	UnassignRole(ctx context.Context, application, role uuid.UUID, kind models.HolderKind, holder uuid.UUID) error
	HasRole(ctx context.Context, role uuid.UUID, kind models.HolderKind, holder uuid.UUID) (bool, error)
	RolesOf(
		ctx context.Context, application uuid.UUID, kind models.HolderKind, holder uuid.UUID, page models.Page,
	) ([]models.Role, string, error)
	UsersWithRole(ctx context.Context, application, role uuid.UUID, page models.Page) ([]models.User, string, error)
	GroupsWithRole(ctx context.Context, application, role uuid.UUID, page models.Page) ([]models.Group, string, error)
	AddGroupMember(ctx context.Context, application, group, user uuid.UUID) error
	RemoveGroupMember(ctx context.Context, application, group, user uuid.UUID) error
	IsGroupMember(ctx context.Context, group, user uuid.UUID) (bool, error)
	GroupsOf(ctx context.Context, application, user uuid.UUID, page models.Page) ([]models.Group, string, error)
	UsersInGroup(ctx context.Context, application, group uuid.UUID, page models.Page) ([]models.User, string, error)
	GroupRules(ctx context.Context, application, group uuid.UUID) ([]string, error)
	Rights(ctx context.Context, application, user uuid.UUID) (models.Rights, error)
}

// pair is a relation between the two entities that a path names, from whichever side.
type pair interface {
	exists(r *request) (bool, error)
	add(r *request) error
	remove(r *request) error
	// gained is what somebody would gain by it.
	gained(r *request) (models.Rights, error)
	// gainers are the users who would gain it.
	gainers(r *request) ([]models.User, error)
}

// roleOfUser: the user has the role.
type roleOfUser struct{}

func (roleOfUser) exists(r *request) (bool, error) {
	return r.server.Store.HasRole(r.ctx(), r.role.ID, models.HolderUser, r.user.ID)
}

func (roleOfUser) add(r *request) error {
	return r.server.Store.AssignRole(r.ctx(), r.tenant.Application.ID, r.role.ID, models.HolderUser, r.user.ID)
}

func (roleOfUser) remove(r *request) error {
	return r.server.Store.UnassignRole(r.ctx(), r.tenant.Application.ID, r.role.ID, models.HolderUser, r.user.ID)
}

func (roleOfUser) gained(r *request) (models.Rights, error) { return r.rightsOfRole() }

func (roleOfUser) gainers(r *request) ([]models.User, error) { return []models.User{*r.user}, nil }

// roleOfGroup: every member of the group has the role.
type roleOfGroup struct{}

func (roleOfGroup) exists(r *request) (bool, error) {
	return r.server.Store.HasRole(r.ctx(), r.role.ID, models.HolderGroup, r.group.ID)
}

func (roleOfGroup) add(r *request) error {
	return r.server.Store.AssignRole(r.ctx(), r.tenant.Application.ID, r.role.ID, models.HolderGroup, r.group.ID)
}

func (roleOfGroup) remove(r *request) error {
	return r.server.Store.UnassignRole(r.ctx(), r.tenant.Application.ID, r.role.ID, models.HolderGroup, r.group.ID)
}

func (roleOfGroup) gained(r *request) (models.Rights, error) { return r.rightsOfRole() }

func (roleOfGroup) gainers(r *request) ([]models.User, error) {
	members, _, err := usersInGroup(r, models.Page{Limit: models.MaxLimit})
	return members, err
}

// userInGroup: the user is a member of the group.
type userInGroup struct{}

func (userInGroup) exists(r *request) (bool, error) {
	return r.server.Store.IsGroupMember(r.ctx(), r.group.ID, r.user.ID)
}

func (userInGroup) add(r *request) error {
	return r.server.Store.AddGroupMember(r.ctx(), r.tenant.Application.ID, r.group.ID, r.user.ID)
}

func (userInGroup) remove(r *request) error {
	return r.server.Store.RemoveGroupMember(r.ctx(), r.tenant.Application.ID, r.group.ID, r.user.ID)
}

func (userInGroup) gained(r *request) (models.Rights, error) {
	rules, err := r.server.Store.GroupRules(r.ctx(), r.tenant.Application.ID, r.group.ID)
	if err != nil {
		return models.Rights{}, err
	}
	gained := models.Rights{Groups: []string{r.group.Path}, Rules: rules}
	roles, _, err := rolesOfGroup(r, models.Page{Limit: models.MaxLimit})
	for i := range roles {
		gained.Roles = append(gained.Roles, roles[i].Name)
	}
	return gained, err
}

func (userInGroup) gainers(r *request) ([]models.User, error) { return []models.User{*r.user}, nil }

func (r *request) rightsOfRole() (models.Rights, error) {
	rules, err := r.server.Store.Rules(r.ctx(), r.tenant.Application.ID, models.HolderRole, r.role.ID)
	return models.Rights{Roles: []string{r.role.Name}, Rules: rules}, err
}

// last renders the entity that stands last in the path: that is what the calls on pairs answer.
func (r *request) last() map[string]any {
	switch r.route.path[strings.LastIndex(r.route.path, ":"):] {
	case ":user":
		return userEntity(r.user)
	case ":role":
		return roleEntity(r.role)
	default:
		return groupEntity(r.group)
	}
}

func (s *Server) showPair(p pair) handler {
	return func(r *request) error {
		assigned, err := p.exists(r)
		if err != nil {
			return err
		}
		if !assigned {
			return entityNotFound(r.segments[len(r.segments)-1])
		}
		return r.entity("get", r.last())
	}
}

// addPair is idempotent. Nobody hands out more than he holds (§13).
func (s *Server) addPair(p pair) handler {
	return func(r *request) error {
		gained, err := p.gained(r)
		if err != nil {
			return err
		}
		if err := s.Grants.CanGrant(r.ctx(), r.caller, r.tenant, gained.Rules); err != nil {
			return err
		}
		gainers, err := p.gainers(r)
		if err != nil {
			return err
		}
		for i := range gainers {
			if err := s.Grants.ClaimsFit(r.ctx(), r.tenant, gainers[i].ID, gained); err != nil {
				return err
			}
		}
		if err := p.add(r); err != nil {
			return err
		}
		return r.entity("post", r.last())
	}
}

// removePair is idempotent too.
func (s *Server) removePair(p pair) handler {
	return func(r *request) error {
		if err := p.remove(r); err != nil {
			return err
		}
		return r.entity("delete", r.last())
	}
}

// listRelated answers a page of what one entity is related to.
func listRelated[T any](load func(r *request, page models.Page) ([]T, string, error), render func(*T) map[string]any) handler {
	return func(r *request) error {
		page, err := r.plainPage()
		if err != nil {
			return err
		}
		rows, cursor, err := load(r, page)
		if err != nil {
			return err
		}
		return r.list(entitiesOf(rows, render), cursor)
	}
}

func usersWithRole(r *request, page models.Page) ([]models.User, string, error) {
	return r.server.Store.UsersWithRole(r.ctx(), r.tenant.Application.ID, r.role.ID, page)
}

func groupsWithRole(r *request, page models.Page) ([]models.Group, string, error) {
	return r.server.Store.GroupsWithRole(r.ctx(), r.tenant.Application.ID, r.role.ID, page)
}

func rolesOfUser(r *request, page models.Page) ([]models.Role, string, error) {
	return r.server.Store.RolesOf(r.ctx(), r.tenant.Application.ID, models.HolderUser, r.user.ID, page)
}

func rolesOfGroup(r *request, page models.Page) ([]models.Role, string, error) {
	return r.server.Store.RolesOf(r.ctx(), r.tenant.Application.ID, models.HolderGroup, r.group.ID, page)
}

func usersInGroup(r *request, page models.Page) ([]models.User, string, error) {
	return r.server.Store.UsersInGroup(r.ctx(), r.tenant.Application.ID, r.group.ID, page)
}

func groupsOfUser(r *request, page models.Page) ([]models.Group, string, error) {
	return r.server.Store.GroupsOf(r.ctx(), r.tenant.Application.ID, r.user.ID, page)
}

// showRoleNames answers the roles a user effectively has, name to title.
func (s *Server) showRoleNames(r *request) error {
	rights, err := s.Store.Rights(r.ctx(), r.tenant.Application.ID, r.user.ID)
	if err != nil {
		return err
	}
	titles := make(map[string]string, len(rights.Roles))
	for _, name := range rights.Roles {
		role, err := found(s.Store.Role(r.ctx(), r.tenant.Application.ID, name))
		if err != nil {
			return err
		}
		if role != nil {
			titles[name] = role.Title
		}
	}
	return r.ok(envelope{Action: "get", Data: titles})
}
