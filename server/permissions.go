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
	if kind == models.HolderUser {
		if err := s.Grants.ClaimsFit(r.ctx(), r.tenant, holder, models.Rights{Rules: added}); err != nil {
			return err
		}
	}
	held, err := s.Store.AddRules(r.ctx(), r.tenant.Application.ID, kind, holder, added)
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: r.action(), Data: held})
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
