package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// permissionStore is what rules need.
type permissionStore interface {
	Rules(ctx context.Context, application uuid.UUID, kind models.HolderKind, holder uuid.UUID) ([]string, error)
	AddRules(ctx context.Context, application uuid.UUID, kind models.HolderKind, holder uuid.UUID, rules []string) ([]string, error)
	RemoveRules(ctx context.Context, application uuid.UUID, kind models.HolderKind, holder uuid.UUID, rules []string) ([]string, error)
}

// holderOfRules is the role, user or group that the path names.
func (r *request) holderOfRules() (models.HolderKind, uuid.UUID) {
	switch {
	case r.role != nil:
		return models.HolderRole, r.role.ID
	case r.group != nil:
		return models.HolderGroup, r.group.ID
	default:
		return models.HolderUser, r.user.ID
	}
}

func (s *Server) listPermissions(r *request) error {
	kind, holder := r.holderOfRules()
	held, err := s.Store.Rules(r.ctx(), r.tenant.Application.ID, kind, holder)
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "get", Data: held})
}

// addPermissions adds rules to those held and answers all of them (§8.4). Nobody hands out more than he holds (§13).
func (s *Server) addPermissions(r *request) error {
	given, err := r.in.texts("permission")
	if err != nil {
		return err
	}
	added, err := canonicalRules(given)
	if err != nil {
		return err
	}
	if err := s.Grants.CanGrant(r.ctx(), r.caller, r.tenant, added); err != nil {
		return err
	}
	kind, holder := r.holderOfRules()
	gainers, err := r.gainersOfRules()
	if err != nil {
		return err
	}
	for i := range gainers {
		if err := s.Grants.ClaimsFit(r.ctx(), r.tenant, gainers[i].ID, models.Rights{Rules: added}); err != nil {
			return err
		}
	}
	held, err := s.Store.AddRules(r.ctx(), r.tenant.Application.ID, kind, holder, added)
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: r.action(), Data: held})
}

// gainersOfRules are the users whose tokens would carry a new rule of the path's role, user or group: nobody where tokens carry none, and of
// very many the first thousand, which is where a rule too many shows as well.
func (r *request) gainersOfRules() ([]models.User, error) {
	if !r.tenant.Application.Settings.PermissionClaims {
		return nil, nil
	}
	page := models.Page{Limit: models.MaxLimit}
	switch {
	case r.role != nil && r.role.Name == "default": // everybody has it
		users, _, err := r.server.Store.Users(r.ctx(), r.tenant.Application.ID, models.UserFilter{}, page)
		return users, err
	case r.role != nil:
		users, _, err := usersWithRole(r, page)
		if err != nil {
			return nil, err
		}
		groups, _, err := groupsWithRole(r, page)
		for i := range groups {
			members, _, err := r.server.Store.UsersInGroup(r.ctx(), r.tenant.Application.ID, groups[i].ID, page)
			if err != nil {
				return nil, err
			}
			users = append(users, members...)
		}
		return users, err
	case r.group != nil:
		users, _, err := usersInGroup(r, page)
		return users, err
	}
	return []models.User{*r.user}, nil
}

// removePermissions takes rules away and answers the rest.
func (s *Server) removePermissions(r *request) error {
	removed, err := canonicalRules(r.in.query.all("permission"))
	if err != nil {
		return err
	}
	kind, holder := r.holderOfRules()
	held, err := s.Store.RemoveRules(r.ctx(), r.tenant.Application.ID, kind, holder, removed)
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "delete", Data: held})
}

// canonicalRules parses rules into the form they are stored in; empty ones count as absent (§1.2).
func canonicalRules(given []string) ([]string, error) {
	var canonical []string
	for _, text := range given {
		if text == "" {
			continue
		}
		rule, err := permission.Parse(text)
		if err != nil {
			return nil, err
		}
		canonical = append(canonical, rule.String())
	}
	if canonical == nil {
		return nil, grants.IllegalArgument("You must supply a 'permission' property")
	}
	return canonical, nil
}
