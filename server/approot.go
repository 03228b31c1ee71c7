package server

import (
	"context"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// applicationStore is what the root of an application needs.
type applicationStore interface {
	UpdateApplication(ctx context.Context, id uuid.UUID, change func(*models.Application) error) (models.Application, error)
}

// showApplication is GET of an application's root (§8.1).
func (s *Server) showApplication(r *request) error {
	return r.entity("get", applicationEntity(&r.tenant.Organization, &r.tenant.Application))
}

// updateApplication is PUT of an application's root: documented properties are checked, others are kept as custom ones, all or nothing.
func (s *Server) updateApplication(r *request) error {
	changes, err := r.in.object()
	if err != nil {
		return err
	}
	changes = withoutFixed(changes, "name", "organizationName", "applicationName")
	application, err := s.Store.UpdateApplication(r.ctx(), r.tenant.Application.ID, func(a *models.Application) error {
		custom, err := a.Settings.Apply(changes)
		if err != nil {
			return err
		}
		return a.Properties.Merge(custom)
	})
	if err != nil {
		return err
	}
	return r.entity("put", applicationEntity(&r.tenant.Organization, &application))
}

// withoutFixed drops members that no caller can set: what Writ itself writes into entities, what authenticates a request, and those
// named besides.
func withoutFixed(members map[string]any, besides ...string) map[string]any {
	kept := maps.Clone(members)
	for _, name := range append(besides, strings.Fields(fixedKeys)...) {
		delete(kept, name)
	}
	maps.DeleteFunc(kept, func(name string, _ any) bool { return isCredential(name) })
	return kept
}
