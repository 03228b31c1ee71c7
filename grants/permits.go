package grants

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/models"
)

// Unauthorized is a caller without the right: 401 unauthorized in the words of the wire.
func Unauthorized(description string) *Error {
	return NewError(http.StatusUnauthorized, "unauthorized", description)
}

const (
	notPermitted  = "Subject does not have permission to access this resource"
	noGuestAccess = "No application guest access authorized"
)

// Permits decides whether the caller may make a request inside an application (wire contract §9.3); nil means yes. It reads rules live,
// so that a change of rights holds for tokens already issued.
func (s *Service) Permits(ctx context.Context, caller *Caller, t *Tenant, req permission.Request) error {
	if caller.ApplicationAccess(t) {
		return nil
	}
	rules, who, err := s.rulesOf(ctx, caller, t)
	if err != nil {
		return err
	}
	if !permission.Compile(rules).Allows(req, who) {
		return Unauthorized(notPermitted)
	}
	return nil
}

// CanGrant refuses to hand out rules that the caller does not hold himself (wire contract §13).
func (s *Service) CanGrant(ctx context.Context, caller *Caller, t *Tenant, gained []string) error {
	if caller.ApplicationAccess(t) {
		return nil
	}
	rules, who, err := s.rulesOf(ctx, caller, t)
	if err != nil {
		return err
	}
	for _, rule := range gained {
		if !permission.Covers(rules, who, rule) {
			return Unauthorized(notPermitted)
		}
	}
	return nil
}

// rulesOf gathers the rules of a guest or an application user; everybody else without access holds none here.
func (s *Service) rulesOf(ctx context.Context, caller *Caller, t *Tenant) ([]string, permission.Subject, error) {
	switch caller.Level {
	case claims.Guest:
		rules, err := s.Store.GuestRules(ctx, t.Application.ID)
		if errors.Is(err, models.ErrNotFound) {
			return nil, permission.Subject{}, Unauthorized(noGuestAccess)
		}
		if err != nil {
			return nil, permission.Subject{}, failure(err)
		}
		return rules, permission.Subject{}, nil
	case claims.ApplicationUser:
		if caller.Tenant.Application.ID != t.Application.ID {
			return nil, permission.Subject{}, Unauthorized(notPermitted)
		}
		rights, err := s.Store.Rights(ctx, t.Application.ID, caller.User.ID)
		if err != nil {
			return nil, permission.Subject{}, failure(err)
		}
		who := permission.Subject{Username: caller.User.Username, UUID: caller.User.ID.String()}
		return append([]string{ownRule(caller.User.ID)}, rights.Rules...), who, nil
	case claims.Application, claims.Organization, claims.AdminUser:
	}
	return nil, permission.Subject{}, Unauthorized(notPermitted)
}

// ownRule lets every application user read himself.
func ownRule(user uuid.UUID) string { return "get:/users/" + user.String() }
