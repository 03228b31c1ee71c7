package server

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// roleStore is what roles need.
type roleStore interface {
	CreateRole(ctx context.Context, role models.Role) error
	Roles(ctx context.Context, application uuid.UUID, page models.Page) ([]models.Role, string, error)
	UpdateRole(ctx context.Context, application, id uuid.UUID, change func(*models.Role) error) (models.Role, error)
	DeleteRole(ctx context.Context, application, id uuid.UUID) error
}

// roleEntity renders a role (§8.3).
func roleEntity(role *models.Role) map[string]any {
	path := "/roles/" + role.ID.String()
	return map[string]any{
		"uuid": role.ID, "type": "role", "name": role.Name, "roleName": role.Name, "title": role.Title, "inactivity": role.Inactivity,
		"created": role.Created, "modified": role.Modified,
		"metadata": map[string]any{
			"path":        path,
			"sets":        map[string]string{"permissions": path + "/permissions"},
			"collections": map[string]string{"users": path + "/users", "groups": path + "/groups"},
		},
	}
}

func (s *Server) listRoles(r *request) error {
	page, err := r.plainPage()
	if err != nil {
		return err
	}
	roles, cursor, err := s.Store.Roles(r.ctx(), r.tenant.Application.ID, page)
	if err != nil {
		return err
	}
	return r.list(entitiesOf(roles, roleEntity), cursor)
}

func (s *Server) createRole(r *request) error {
	body, err := r.in.object()
	if err != nil {
		return err
	}
	named, err := textsOf(body, "name", "title")
	if err != nil {
		return err
	}
	role, err := models.NewRole(r.tenant.Application.ID, named["name"], named["title"], r.now())
	if err != nil {
		return err
	}
	if role.Inactivity, err = inactivityOf(body, 0); err != nil {
		return err
	}
	if err := s.Store.CreateRole(r.ctx(), role); err != nil {
		return err
	}
	return r.entity(r.action(), roleEntity(&role))
}

// inactivityOf reads a number of ms, which is stored and not evaluated.
func inactivityOf(body map[string]any, absent int64) (int64, error) {
	text := ""
	switch value := body["inactivity"].(type) {
	case nil:
		return absent, nil
	case string:
		if value == "" {
			return absent, nil // §1.2
		}
		text = value
	case json.Number:
		text = value.String()
	}
	inactivity, err := strconv.ParseInt(text, 10, 64)
	if err != nil || inactivity < 0 {
		return 0, models.Illegal("inactivity must be a number of milliseconds >= 0")
	}
	return inactivity, nil
}

func (s *Server) showRole(r *request) error { return r.entity("get", roleEntity(r.role)) }

func (s *Server) updateRole(r *request) error {
	body, err := r.in.object()
	if err != nil {
		return err
	}
	named, err := shownTextsOf(body, "title")
	if err != nil {
		return err
	}
	role, err := s.Store.UpdateRole(r.ctx(), r.tenant.Application.ID, r.role.ID, func(role *models.Role) (err error) {
		if named["title"] != "" {
			role.Title = named["title"]
		}
		role.Modified = r.now().UnixMilli()
		role.Inactivity, err = inactivityOf(body, role.Inactivity)
		return err
	})
	if err != nil {
		return err
	}
	return r.entity("put", roleEntity(&role))
}

func (s *Server) deleteRole(r *request) error {
	if err := s.Store.DeleteRole(r.ctx(), r.tenant.Application.ID, r.role.ID); err != nil {
		return err
	}
	return r.entity("delete", roleEntity(r.role))
}
