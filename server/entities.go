package server

import (
	"context"
	"crypto/md5" //nolint:gosec // Gravatar's address format, no security
	"encoding/hex"
	"html"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// entityStore is what the rendering of organizations and admins needs.
type entityStore interface {
	ApplicationsOf(ctx context.Context, organization uuid.UUID) ([]models.Application, error)
	MembersOf(ctx context.Context, organization uuid.UUID) ([]models.Admin, error)
	OrganizationsOf(ctx context.Context, admin uuid.UUID) ([]models.Organization, error)
}

// adminApplication is the constant applicationId of admin objects (§2.3): the application admins live in with Usergrid.
const adminApplication = "b6768a08-b5d5-11e3-a495-11ddb1de66c8"

// userEntity renders an application user (§8.2), his custom properties beside the documented ones. Password and PIN have no way in.
func userEntity(u *models.User) map[string]any {
	entity := userObject(u)
	path := "/users/" + u.ID.String()
	entity["metadata"] = map[string]any{
		"path":        path,
		"sets":        map[string]string{"rolenames": path + "/rolenames", "permissions": path + "/permissions"},
		"collections": map[string]string{"roles": path + "/roles", "groups": path + "/groups"},
	}
	return entity
}

// userObject is the entity without metadata, as token answers have it (§2.3).
func userObject(u *models.User) map[string]any {
	entity := make(map[string]any, len(u.Properties)+12)
	maps.Copy(entity, u.Properties)
	for _, secret := range []string{"password", "pin", "metadata"} {
		delete(entity, secret)
	}
	entity["uuid"], entity["type"] = u.ID, "user"
	entity["username"], entity["activated"] = u.Username, u.Activated
	entity["created"], entity["modified"] = u.Created, u.Modified
	setIf(entity, "name", u.Name, u.Name != "")
	setIf(entity, "confirmed", u.Confirmed, !u.Confirmed)
	setIf(entity, "disabled", u.Disabled, u.Disabled)
	setIf(entity, "deactivated", u.Deactivated, u.Deactivated != nil)
	email := u.EmailAddress()
	setIf(entity, "email", email, email != "")
	if _, own := entity["picture"]; !own && email != "" {
		entity["picture"] = gravatar(email)
	}
	return entity
}

// setIf sets a member or removes a custom property of the same name.
func setIf(entity map[string]any, name string, value any, present bool) {
	if present {
		entity[name] = value
		return
	}
	delete(entity, name)
}

func gravatar(email string) string {
	sum := md5.Sum([]byte(strings.ToLower(strings.TrimSpace(email)))) //nolint:gosec // see the import
	return "https://www.gravatar.com/avatar/" + hex.EncodeToString(sum[:])
}

// applicationEntity renders an application (§8.1).
func applicationEntity(organization *models.Organization, a *models.Application) map[string]any {
	entity := make(map[string]any, len(a.Properties)+18)
	maps.Copy(entity, a.Properties)
	setSettings(entity, &a.Settings)
	entity["uuid"], entity["type"] = a.ID, "application"
	entity["name"] = organization.Name + "/" + a.Name
	entity["organizationName"], entity["applicationName"] = organization.Name, a.Name
	entity["created"], entity["modified"] = a.Created, a.Modified
	entity["metadata"] = map[string]any{"collections": map[string]string{"users": "/users", "groups": "/groups", "roles": "/roles"}}
	return entity
}

func setSettings(entity map[string]any, s *models.Settings) {
	setIf(entity, "accesstokenttl", s.AccessTokenTTL, s.AccessTokenTTL != nil)
	setIf(entity, "refreshtokens", s.RefreshTokens, s.RefreshTokens)
	setIf(entity, "refreshtokenttl", s.RefreshTokenTTL, s.RefreshTokenTTL != nil)
	setIf(entity, "refreshtokenidlettl", s.RefreshTokenIdleTTL, s.RefreshTokenIdleTTL != nil)
	setIf(entity, "passwordgrant", s.PasswordGrant, s.PasswordGrant != nil)
	setIf(entity, "permissionclaims", s.PermissionClaims, s.PermissionClaims)
	setIf(entity, "scopes", s.Scopes, s.Scopes != nil)
	setIf(entity, "allowedorigins", s.AllowedOrigins, s.AllowedOrigins != nil)
	setIf(entity, "registration_requires_email_confirmation", s.EmailConfirmation, s.EmailConfirmation)
	setIf(entity, "registration_requires_admin_approval", s.AdminApproval, s.AdminApproval)
	setIf(entity, "nonexpiringexp", s.NonExpiringExp, s.NonExpiringExp)
}

// adminObject is the admin object of §2.3: a user without organizations.
type adminObject struct {
	ApplicationID           string         `json:"applicationId"`
	ID                      uuid.UUID      `json:"uuid"`
	Username                string         `json:"username"`
	Name                    string         `json:"name"`
	Email                   string         `json:"email"`
	Activated               bool           `json:"activated"`
	Confirmed               bool           `json:"confirmed"`
	Disabled                bool           `json:"disabled"`
	AdminUser               bool           `json:"adminUser"`
	DisplayEmailAddress     string         `json:"displayEmailAddress"`
	HTMLDisplayEmailAddress string         `json:"htmldisplayEmailAddress"`
	Properties              map[string]any `json:"properties"`

	// Organizations is left out of the plain admin object.
	Organizations map[string]*organizationObject `json:"organizations,omitzero"`
}

func newAdminObject(a *models.Admin) *adminObject {
	return &adminObject{
		ApplicationID: adminApplication, ID: a.ID, Username: a.Username, Name: a.Name, Email: a.Email,
		Activated: a.Activated, Confirmed: a.Confirmed, Disabled: a.Disabled, AdminUser: true,
		DisplayEmailAddress: displayed(a.Name, a.Email), HTMLDisplayEmailAddress: displayedHTML(a.Name, a.Email),
		Properties: shownProperties(a.Properties),
	}
}

func displayed(name, email string) string {
	if name == "" {
		return email
	}
	return name + " <" + email + ">"
}

func displayedHTML(name, email string) string {
	escaped := html.EscapeString(email)
	link := `<a href="mailto:` + escaped + `">` + escaped + `</a>`
	return displayed(html.EscapeString(name), link)
}

func shownProperties(p models.Properties) map[string]any {
	if p == nil {
		return map[string]any{}
	}
	return p
}

// organizationObject is an organization as §2.3 shows it. The short form inside an admin has neither users nor history size.
type organizationObject struct {
	ID                  uuid.UUID               `json:"uuid"`
	Name                string                  `json:"name"`
	Properties          map[string]any          `json:"properties"`
	PasswordHistorySize *int                    `json:"passwordHistorySize,omitempty"`
	Applications        map[string]uuid.UUID    `json:"applications,omitzero"` // "org/app" to uuid
	Users               map[string]*adminObject `json:"users,omitzero"`
}

// organizationObject renders an organization with its applications and members.
func (s *Server) organizationObject(ctx context.Context, o *models.Organization) (*organizationObject, error) {
	object, err := s.organizationWithApplications(ctx, o)
	if err != nil {
		return nil, err
	}
	object.PasswordHistorySize = &o.PasswordHistorySize
	object.Users, err = s.memberObjects(ctx, o.ID)
	return object, err
}

func (s *Server) organizationWithApplications(ctx context.Context, o *models.Organization) (*organizationObject, error) {
	applications, err := s.applicationIDs(ctx, o)
	return &organizationObject{ID: o.ID, Name: o.Name, Properties: shownProperties(o.Properties), Applications: applications}, err
}

func (s *Server) memberObjects(ctx context.Context, organization uuid.UUID) (map[string]*adminObject, error) {
	members, err := s.Store.MembersOf(ctx, organization)
	if err != nil {
		return nil, err
	}
	objects := make(map[string]*adminObject, len(members))
	for i := range members {
		objects[members[i].Username] = newAdminObject(&members[i])
	}
	return objects, nil
}

// applicationIDs maps "org/app" to the uuid of every application of an organization.
func (s *Server) applicationIDs(ctx context.Context, o *models.Organization) (map[string]uuid.UUID, error) {
	applications, err := s.Store.ApplicationsOf(ctx, o.ID)
	return idsByName(o, applications), err
}

// deletedApplicationIDs is the same of the applications that can be restored.
func (s *Server) deletedApplicationIDs(ctx context.Context, o *models.Organization) (map[string]uuid.UUID, error) {
	applications, err := s.Store.DeletedApplicationsOf(ctx, o.ID)
	return idsByName(o, applications), err
}

func idsByName(o *models.Organization, applications []models.Application) map[string]uuid.UUID {
	ids := make(map[string]uuid.UUID, len(applications))
	for i := range applications {
		ids[o.Name+"/"+applications[i].Name] = applications[i].ID
	}
	return ids
}

// adminWithOrganizations is the user of an admin's token answer (§2.3); the superuser's organizations are an empty object.
func (s *Server) adminWithOrganizations(ctx context.Context, a *models.Admin) (*adminObject, error) {
	object := newAdminObject(a)
	object.Organizations = map[string]*organizationObject{}
	if a.Superuser {
		return object, nil
	}
	organizations, err := s.Store.OrganizationsOf(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	for i := range organizations {
		if object.Organizations[organizations[i].Name], err = s.organizationWithApplications(ctx, &organizations[i]); err != nil {
			return nil, err
		}
	}
	return object, nil
}
