package grants

import (
	"context"
	"errors"
	"net/http"

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

// Permits decides whether the caller may make a request inside an application (wire contract §9.3); nil means yes.
func (s *Service) Permits(ctx context.Context, caller *Caller, t *Tenant, req permission.Request) error {
	if caller.ApplicationAccess(t) {
		return nil
	}
	holds, who, err := s.heldBy(ctx, caller, t)
	if err != nil {
		return err
	}
	if !holds.set.Allows(req, who) {
		return Unauthorized(notPermitted)
	}
	return nil
}

// CanGrant refuses to hand out rules that the caller does not hold himself (wire contract §13).
func (s *Service) CanGrant(ctx context.Context, caller *Caller, t *Tenant, gained []string) error {
	if caller.ApplicationAccess(t) {
		return nil
	}
	holds, who, err := s.heldBy(ctx, caller, t)
	if err != nil {
		return err
	}
	for _, rule := range gained {
		if !permission.Covers(holds.Rules, who, rule) {
			return Unauthorized(notPermitted)
		}
	}
	return nil
}

// RightsOf gives what an application user has now: his token may say something older.
func (s *Service) RightsOf(ctx context.Context, caller *Caller) (models.Rights, error) {
	holds, err := s.rights.ofUser(ctx, caller.Tenant.Application.ID, caller.User.ID)
	if err != nil {
		return models.Rights{}, failure(err)
	}
	return holds.Rights, nil
}

// heldBy finds what a guest or an application user holds; everybody else without access holds nothing here.
func (s *Service) heldBy(ctx context.Context, caller *Caller, t *Tenant) (*held, permission.Subject, error) {
	switch caller.Level {
	case claims.Guest:
		holds, err := s.rights.ofGuest(ctx, t.Application.ID)
		if errors.Is(err, models.ErrNotFound) {
			return nil, permission.Subject{}, Unauthorized(noGuestAccess)
		}
		if err != nil {
			return nil, permission.Subject{}, failure(err)
		}
		return holds, permission.Subject{}, nil
	case claims.ApplicationUser:
		if caller.Tenant.Application.ID != t.Application.ID {
			return nil, permission.Subject{}, Unauthorized(notPermitted)
		}
		holds, err := s.rights.ofUser(ctx, t.Application.ID, caller.User.ID)
		if err != nil {
			return nil, permission.Subject{}, failure(err)
		}
		return holds, permission.Subject{Username: caller.User.Username, UUID: caller.User.ID.String()}, nil
	case claims.Application, claims.Organization, claims.AdminUser:
	}
	return nil, permission.Subject{}, Unauthorized(notPermitted)
}
