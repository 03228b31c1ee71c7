package server

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// managedStore is what applications under /management need besides access and rendering.
type managedStore interface {
	CreateApplication(ctx context.Context, seed models.ApplicationSeed) error
	DeletedApplicationsOf(ctx context.Context, organization uuid.UUID) ([]models.Application, error)
	DeletedApplication(ctx context.Context, organization, application uuid.UUID) (models.Application, error)
	DeleteApplication(ctx context.Context, id uuid.UUID) error
	RestoreApplication(ctx context.Context, id uuid.UUID) (models.Application, error)
}

// applicationSeed is a new application with its client and its default roles; an open one lets guests do everything.
func (s *Server) applicationSeed(organization uuid.UUID, name string, open bool, now time.Time) (models.ApplicationSeed, error) {
	application, err := models.NewApplication(organization, name, now)
	if err != nil {
		return models.ApplicationSeed{}, err
	}
	client, _, err := s.Secrets.NewClient(models.ApplicationClient, application.ID, now)
	return models.ApplicationSeed{
		Application: application, Client: client, Roles: models.DefaultRoles(application.ID, open, now),
	}, err
}

// listApplications is GET /management/orgs/{org}/apps (§7.2); with deleted=true those that can be restored.
func (s *Server) listApplications(r *request) error {
	deleted, err := r.in.queryFlag("deleted")
	if err != nil {
		return err
	}
	list := s.applicationIDs
	if deleted {
		list = s.deletedApplicationIDs
	}
	ids, err := list(r.ctx(), r.organization)
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "get organization application", Data: ids})
}

// createApplication is POST /management/orgs/{org}/apps. A name stays taken for ever: tokens of its first bearer may live.
func (s *Server) createApplication(r *request) error {
	name, err := r.in.text("name")
	if err != nil {
		return err
	}
	if name == "" {
		return models.Illegal("The name parameter was missing")
	}
	seed, err := s.applicationSeed(r.organization.ID, name, false, r.now())
	if err != nil {
		return err
	}
	if err := s.Store.CreateApplication(r.ctx(), seed); err != nil {
		return err
	}
	return r.ok(envelope{
		Action:   "new application for organization",
		Data:     map[string]uuid.UUID{r.organization.Name + "/" + seed.Application.Name: seed.Application.ID},
		Entities: []any{applicationEntity(r.organization, &seed.Application)},
	})
}

// showManagedApplication is GET /management/orgs/{org}/apps/{app}.
func (s *Server) showManagedApplication(r *request) error {
	tenant, err := r.managedApplication(r.ctx())
	if err != nil {
		return err
	}
	return r.entity("get", applicationEntity(r.organization, &tenant.Application))
}

// deleteApplication is DELETE /management/orgs/{org}/apps/{app}: a tombstone stays, and all tokens are refused.
func (s *Server) deleteApplication(r *request) error {
	tenant, err := r.managedApplication(r.ctx())
	if err != nil {
		return err
	}
	if err := r.confirmed("confirm_application_identifier", r.param("app")); err != nil {
		return err
	}
	if err := s.Store.DeleteApplication(r.ctx(), tenant.Application.ID); err != nil {
		return err
	}
	return r.ok(envelope{Action: "delete", Extra: map[string]any{"application": tenant.Application.ID}})
}

// restoreApplication is PUT /management/orgs/{org}/apps/{appUuid}: a tombstone has no other name. A live application stays as it is.
func (s *Server) restoreApplication(r *request) error {
	name := r.param("app")
	unknown := applicationEntityNotFound(name, r.organization.Name)
	id, err := uuid.Parse(name)
	if err != nil || !models.IsUUID(name) {
		return unknown
	}
	application, err := s.Store.DeletedApplication(r.ctx(), r.organization.ID, id)
	if isUnknown(err) {
		return unknown
	}
	if err != nil {
		return err
	}
	if _, err := s.Store.RestoreApplication(r.ctx(), application.ID); err != nil {
		return err
	}
	return r.ok(envelope{Action: "restore"})
}
