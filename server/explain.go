package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// Explain tells whether {issuer}/authorize would let a request pass, and by which rules, whoever is asked about. It is for the portal: the caller
// must have every right in the application. A name that nobody has is models.ErrNotFound.
func (s *Server) Explain(
	ctx context.Context, caller *grants.Caller, organization, application string, as grants.Asker, who, method, path string,
) (*grants.Explanation, error) {
	tenant, err := s.Grants.Tenant(ctx, organization, application)
	if err != nil {
		return nil, err
	}
	if !caller.ApplicationAccess(tenant) {
		return nil, noApplicationAccess()
	}
	question := grants.Question{As: as}
	switch as {
	case grants.AsUser:
		if question.User, err = s.findUser(ctx, tenant.Application.ID, who, ""); err == nil && question.User == nil {
			err = models.ErrNotFound
		}
	case grants.AsRole:
		role, missing := s.Store.Role(ctx, tenant.Application.ID, who)
		question.Who, err = role.ID, missing
	case grants.AsGroup:
		group, missing := s.Store.Group(ctx, tenant.Application.ID, who)
		question.Who, err = group.ID, missing
	case grants.AsGuest, grants.AsClient:
	}
	if err != nil {
		return nil, err
	}
	if !isMethod(method) || method == "" {
		return nil, grants.IllegalArgument("method is not an HTTP method")
	}
	clean, err := servicePath(path)
	if refused, is := errors.AsType[*grants.Error](err); is && refused.Status < http.StatusInternalServerError {
		return &grants.Explanation{Status: refused.Status, Reason: grants.BadPath, Detail: refused.Description}, nil
	}
	if err != nil {
		return nil, err
	}
	return s.Grants.Explain(ctx, tenant, question, permission.Request{Method: strings.ToUpper(method), Paths: []string{clean}})
}
