package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// memberStore changes who is a member of an organization.
type memberStore interface {
	AddMember(ctx context.Context, admin, organization uuid.UUID) error
	RemoveMember(ctx context.Context, admin, organization uuid.UUID) error
}

// listMembers is GET /management/orgs/{org}/users (§7.5).
func (s *Server) listMembers(r *request) error {
	members, err := s.Store.MembersOf(r.ctx(), r.organization.ID)
	if err != nil {
		return err
	}
	data := make([]*adminObject, 0, len(members))
	for i := range members {
		data = append(data, newAdminObject(&members[i]))
	}
	return r.ok(envelope{Action: "get organization users", Data: data})
}

// createMember is POST /management/orgs/{org}/users: the admin who has this e-mail joins, otherwise one is created. A body cannot
// change an admin who exists.
func (s *Server) createMember(r *request) error {
	input, err := readAdmin(r.in)
	if err != nil {
		return err
	}
	invite, err := r.in.flag("invite", true)
	if err != nil {
		return err
	}
	admin, err := s.adminByEmail(r.ctx(), input.email)
	if err != nil {
		return err
	}
	existed := admin != nil
	if existed {
		err = s.Store.AddMember(r.ctx(), admin.ID, r.organization.ID)
	} else {
		admin, err = s.createAdminIn(r, input)
	}
	if err != nil {
		return err
	}
	s.inviteMember(r, admin, existed || input.password != "", invite)
	return r.createdAdmin(admin)
}

// createAdminIn creates an admin who is a member of the organization from the start.
func (s *Server) createAdminIn(r *request, input adminInput) (*models.Admin, error) {
	admin, err := s.newAdmin(r, input, nil)
	if err != nil {
		return nil, err
	}
	if err := s.Store.CreateAdmin(r.ctx(), *admin, r.organization.ID); err != nil {
		return nil, err
	}
	s.announceAdmin(r, admin)
	return admin, nil
}

// addMember is PUT …/orgs/{org}/users/{u} and …/users/{u}/organizations/{org}.
func (s *Server) addMember(r *request) error {
	admin, err := s.adminOfPath(r)
	if err != nil {
		return err
	}
	if err := s.Store.AddMember(r.ctx(), admin.ID, r.organization.ID); err != nil {
		return err
	}
	return r.ok(envelope{Action: "add user to organization"})
}

// removeMember is DELETE of the same paths. Memberships are read live, so issued tokens lose the organization at once.
func (s *Server) removeMember(r *request) error {
	admin, err := s.adminOfPath(r)
	if err != nil {
		return err
	}
	err = s.Store.RemoveMember(r.ctx(), admin.ID, r.organization.ID)
	if isUnknown(err) {
		return adminNotFound(r.param("user"))
	}
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "remove user from organization"})
}

// adminOfPath finds the admin :user where the organization decides about access; "me" is the calling admin.
func (s *Server) adminOfPath(r *request) (*models.Admin, error) {
	name := r.param("user")
	if name == "me" {
		if r.caller.Level != claims.AdminUser {
			return nil, noAdminIdentity()
		}
		return r.caller.Admin, nil
	}
	admin, err := found(s.Store.Admin(r.ctx(), name))
	if err == nil && admin == nil {
		err = adminNotFound(name)
	}
	return admin, err
}

// listAdminOrganizations is GET /management/users/{u}/organizations.
func (s *Server) listAdminOrganizations(r *request) error {
	rows, err := s.Store.OrganizationsOf(r.ctx(), r.admin.ID)
	if err != nil {
		return err
	}
	data := make(map[string]uuid.UUID, len(rows))
	for i := range rows {
		data[rows[i].Name] = rows[i].ID
	}
	return r.ok(envelope{Action: "get user management", Data: data})
}

// createAdminOrganization is POST /management/users/{u}/organizations: an admin may found more organizations, registration public or not.
func (s *Server) createAdminOrganization(r *request) error {
	seed, err := s.organizationSeed(r, "")
	if err != nil {
		return err
	}
	seed.OwnerID = r.admin.ID
	if err := s.Store.CreateOrganization(r.ctx(), seed); err != nil {
		return err
	}
	return r.ok(envelope{
		Action: "new organization for user",
		Data:   map[string]uuid.UUID{seed.Organization.Name: seed.Organization.ID},
	})
}
