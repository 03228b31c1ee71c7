package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// groupStore is what groups need.
type groupStore interface {
	CreateGroup(ctx context.Context, group models.Group) error
	Groups(ctx context.Context, application uuid.UUID, page models.Page) ([]models.Group, string, error)
	UpdateGroup(ctx context.Context, application, id uuid.UUID, change func(*models.Group) error) (models.Group, error)
	DeleteGroup(ctx context.Context, application, id uuid.UUID) error
}

// groupEntity renders a group (§8.3).
func groupEntity(group *models.Group) map[string]any {
	path := "/groups/" + group.ID.String()
	entity := map[string]any{
		"uuid": group.ID, "type": "group", "path": group.Path, "created": group.Created, "modified": group.Modified,
		"metadata": map[string]any{
			"path":        path,
			"sets":        map[string]string{"permissions": path + "/permissions"},
			"collections": map[string]string{"users": path + "/users", "roles": path + "/roles"},
		},
	}
	setIf(entity, "name", group.Name, group.Name != "")
	setIf(entity, "title", group.Title, group.Title != "")
	return entity
}

func (s *Server) listGroups(r *request) error {
	page, err := r.plainPage()
	if err != nil {
		return err
	}
	groups, cursor, err := s.Store.Groups(r.ctx(), r.tenant.Application.ID, page)
	if err != nil {
		return err
	}
	return r.list(entitiesOf(groups, groupEntity), cursor)
}

func (s *Server) createGroup(r *request) error {
	body, err := r.in.object()
	if err != nil {
		return err
	}
	named, err := textsOf(body, "path", "name", "title")
	if err != nil {
		return err
	}
	group, err := models.NewGroup(r.tenant.Application.ID, named["path"], named["name"], named["title"], r.now())
	if err != nil {
		return err
	}
	if err := s.Store.CreateGroup(r.ctx(), group); err != nil {
		return err
	}
	return r.entity("post", groupEntity(&group))
}

func (s *Server) showGroup(r *request) error { return r.entity("get", groupEntity(r.group)) }

func (s *Server) updateGroup(r *request) error {
	body, err := r.in.object()
	if err != nil {
		return err
	}
	named, err := shownTextsOf(body, "name", "title")
	if err != nil {
		return err
	}
	group, err := s.Store.UpdateGroup(r.ctx(), r.tenant.Application.ID, r.group.ID, func(group *models.Group) error {
		if named["name"] != "" {
			group.Name = named["name"]
		}
		if named["title"] != "" {
			group.Title = named["title"]
		}
		group.Modified = r.now().UnixMilli()
		return nil
	})
	if err != nil {
		return err
	}
	return r.entity("put", groupEntity(&group))
}

func (s *Server) deleteGroup(r *request) error {
	if err := s.Store.DeleteGroup(r.ctx(), r.tenant.Application.ID, r.group.ID); err != nil {
		return err
	}
	return r.entity("delete", groupEntity(r.group))
}
