package models

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// Role of an application; its name is stored folded. Inactivity (ms) is stored and not evaluated.
type Role struct {
	ID            uuid.UUID `gorm:"primaryKey"`
	ApplicationID uuid.UUID
	Name          string
	Title         string
	Inactivity    int64
	Created       int64
	Modified      int64
}

// NewRole checks the name; without a title the name is the title.
func NewRole(application uuid.UUID, name, title string, now time.Time) (Role, error) {
	if name == "" {
		return Role{}, Missing("name")
	}
	folded, err := RoleName(name)
	if err != nil {
		return Role{}, err
	}
	if title == "" {
		title = strings.TrimSpace(name)
	}
	if err := ShownText("title", title); err != nil {
		return Role{}, err
	}
	return Role{ID: uuid.New(), ApplicationID: application, Name: folded, Title: title, Created: now.UnixMilli(), Modified: now.UnixMilli()}, nil
}

// Group of an application's users. A member of a/b is a member of a.
type Group struct {
	ID            uuid.UUID `gorm:"primaryKey"`
	ApplicationID uuid.UUID
	Path          string
	PathKey       string
	Name          string
	Title         string
	Created       int64
	Modified      int64
}

// NewGroup checks the path.
func NewGroup(application uuid.UUID, path, name, title string, now time.Time) (Group, error) {
	if path == "" {
		return Group{}, Illegal("You must provide a 'path' property when creating a group")
	}
	path, err := GroupPath(path)
	if err != nil {
		return Group{}, err
	}
	if err := ShownText("name", name); err != nil {
		return Group{}, err
	}
	if err := ShownText("title", title); err != nil {
		return Group{}, err
	}
	return Group{
		ID: uuid.New(), ApplicationID: application, Path: path, PathKey: Fold(path), Name: name, Title: title,
		Created: now.UnixMilli(), Modified: now.UnixMilli(),
	}, nil
}

// HolderKind says what a permission rule is attached to.
type HolderKind string

// The holders of rules.
const (
	HolderRole  HolderKind = "role"
	HolderUser  HolderKind = "user"
	HolderGroup HolderKind = "group"
)

// Permission is one rule held by a role, a user or a group.
type Permission struct {
	ApplicationID uuid.UUID
	HolderKind    HolderKind `gorm:"primaryKey"`
	HolderID      uuid.UUID  `gorm:"primaryKey"`
	Rule          string     `gorm:"primaryKey"`
	Created       int64
}

// RoleAssignment gives a role to a user or a group.
type RoleAssignment struct {
	ApplicationID uuid.UUID
	RoleID        uuid.UUID  `gorm:"primaryKey"`
	HolderKind    HolderKind `gorm:"primaryKey"` // HolderUser or HolderGroup
	HolderID      uuid.UUID  `gorm:"primaryKey"`
	Created       int64
}

// GroupMember makes a user a member of a group.
type GroupMember struct {
	ApplicationID uuid.UUID
	GroupID       uuid.UUID `gorm:"primaryKey"`
	UserID        uuid.UUID `gorm:"primaryKey"`
	Created       int64
}

// Rights are what an application user holds, gathered live: his roles' names (the role default included, direct and through
// groups, sorted), his own groups' paths (sorted) and every rule that follows from them (own, roles', groups').
type Rights struct {
	Roles  []string
	Groups []string
	Rules  []string
}

// Source is one of the places that the rules of somebody come from. Through is the path of the group by which he has a role; "" is himself, or
// the role default.
type Source struct {
	Kind    HolderKind
	ID      uuid.UUID
	Name    string // of a role, the path of a group, a username
	Through string
	Rules   []string
}
