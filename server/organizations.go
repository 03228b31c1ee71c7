package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// organizationStore is what organizations need besides access and rendering.
type organizationStore interface {
	OrganizationsLike(ctx context.Context, part string, page models.Page) ([]models.Organization, string, error)
	CreateOrganization(ctx context.Context, seed models.OrganizationSeed) error
	UpdateOrganization(ctx context.Context, id uuid.UUID, change func(*models.Organization) error) (models.Organization, error)
	DeleteOrganization(ctx context.Context, id uuid.UUID) error
}

// sandbox is the application that a registered organization is born with. It is open: guests may do everything.
const sandbox = "sandbox"

// createOrganization is POST /management/orgs (§7.1). Organization, owner, sandbox and their clients come into being together or
// not at all.
func (s *Server) createOrganization(r *request) error {
	if err := s.mayRegister(r); err != nil {
		return err
	}
	seed, err := s.organizationSeed(r, "properties")
	if err != nil {
		return err
	}
	application, err := s.applicationSeed(seed.Organization.ID, sandbox, true, r.now())
	if err != nil {
		return err
	}
	seed.Applications = []models.ApplicationSeed{application}
	owner, err := s.owner(r, &seed)
	if err != nil {
		return err
	}
	if err := s.Store.CreateOrganization(r.ctx(), seed); err != nil {
		return err
	}
	if seed.Owner != nil {
		s.announceAdmin(r, owner)
	}
	organization, err := s.organizationObject(r.ctx(), &seed.Organization)
	if err != nil {
		return err
	}
	return r.ok(envelope{
		Action: "new organization", OK: true,
		Data: map[string]any{"owner": newAdminObject(owner), "organization": organization},
	})
}

// mayRegister is the first check where organizations and admins register (§13): with registration off, everybody but the superuser
// gets the same answer, whatever he sent.
func (s *Server) mayRegister(r *request) error {
	if s.PublicRegistration || r.caller.Superuser {
		return nil
	}
	return models.Illegal("Public organization registration is disabled")
}

// organizationSeed reads the organization of the body, with the properties of the named member if there is one, and makes its client.
func (s *Server) organizationSeed(r *request, properties string) (models.OrganizationSeed, error) {
	name, err := r.in.text("organization")
	if err != nil {
		return models.OrganizationSeed{}, err
	}
	if name == "" {
		return models.OrganizationSeed{}, models.Illegal("The organization parameter was missing")
	}
	organization, err := models.NewOrganization(name, r.now())
	if err != nil {
		return models.OrganizationSeed{}, err
	}
	if properties != "" {
		given, err := r.in.nested(properties)
		if err != nil {
			return models.OrganizationSeed{}, err
		}
		if err := organization.SetProperties(given); err != nil {
			return models.OrganizationSeed{}, err
		}
	}
	client, _, err := s.Secrets.NewClient(models.OrganizationClient, organization.ID, r.now())
	return models.OrganizationSeed{Organization: organization, Client: client}, err
}

// owner finds or makes the owner of a new organization. The superuser may name an existing admin by his e-mail alone; to everybody
// else that address is taken, or anybody could make others members of what he likes.
func (s *Server) owner(r *request, seed *models.OrganizationSeed) (*models.Admin, error) {
	input, err := readAdmin(r.in)
	if err != nil {
		return nil, err
	}
	if r.caller.Superuser && input.password == "" {
		existing, err := s.adminByEmail(r.ctx(), input.email)
		if err != nil {
			return nil, err
		}
		if existing != nil {
			seed.OwnerID = existing.ID
			return existing, nil
		}
	}
	if input.name == "" {
		input.name = input.email
	}
	var properties map[string]any
	if r.in.notation == jsonBody {
		properties = r.in.custom("organization")
	}
	seed.Owner, err = s.newAdmin(r, input, properties)
	return seed.Owner, err
}

// listOrganizations is GET /management/orgs. Applications and members are left to each organization's own path. search= selects names that
// have this in them.
func (s *Server) listOrganizations(r *request) error {
	page, err := r.plainPage()
	if err != nil {
		return err
	}
	rows, cursor, err := s.Store.OrganizationsLike(r.ctx(), r.in.query.get("search"), page)
	if err != nil {
		return err
	}
	organizations := make([]*organizationObject, 0, len(rows))
	for i := range rows {
		organizations = append(organizations, &organizationObject{
			ID: rows[i].ID, Name: rows[i].Name, Properties: shownProperties(rows[i].Properties), PasswordHistorySize: &rows[i].PasswordHistorySize,
		})
	}
	extra := map[string]any{"organizations": organizations, "count": len(organizations)}
	if cursor != "" {
		extra["cursor"] = cursor
	}
	return r.ok(envelope{Extra: extra})
}

// showOrganization is GET /management/orgs/{org}.
func (s *Server) showOrganization(r *request) error {
	organization, err := s.organizationObject(r.ctx(), r.organization)
	if err != nil {
		return err
	}
	return r.ok(envelope{Extra: map[string]any{"organization": organization}})
}

// updateOrganization is PUT /management/orgs/{org}: the properties are replaced if the body has any.
func (s *Server) updateOrganization(r *request) error {
	properties, err := r.in.nested("properties")
	if err != nil {
		return err
	}
	if properties != nil {
		_, err = s.Store.UpdateOrganization(r.ctx(), r.organization.ID, func(o *models.Organization) error {
			return o.SetProperties(properties)
		})
	}
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "put"})
}

// deleteOrganization is DELETE /management/orgs/{org}. A client is not enough: whoever finds a secret must not end the organization.
func (s *Server) deleteOrganization(r *request) error {
	if r.caller.Level != claims.AdminUser {
		return noOrganizationAccess()
	}
	if err := r.confirmed("confirm_organization_identifier", r.param("org")); err != nil {
		return err
	}
	if err := s.Store.DeleteOrganization(r.ctx(), r.organization.ID); err != nil {
		return err
	}
	return r.ok(envelope{Action: "delete"})
}

// confirmed demands that the query repeats an identifier as the path spells it.
func (r *request) confirmed(name, identifier string) error {
	if r.in.query.get(name) != identifier {
		return models.Illegal("%s must repeat the identifier in the path: %s", name, models.Printable(identifier))
	}
	return nil
}
