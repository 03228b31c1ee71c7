package grants

import (
	"slices"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

// Caller is who makes a request, authenticated, with the live rows behind him.
type Caller struct {
	Level        claims.Level // claims.Guest: no credentials
	Superuser    bool
	Tenant       *Tenant              // of application users and applications
	Organization *models.Organization // of organizations
	User         *models.User         // of application users
	Admin        *models.Admin        // of admin users
	// Claims and Raw are the token that was presented, if one was.
	Claims *claims.Claims
	Raw    string

	memberOf []uuid.UUID
}

// ID is the uuid of the subject; uuid.Nil for a guest.
func (c *Caller) ID() uuid.UUID {
	switch c.Level {
	case claims.ApplicationUser:
		return c.User.ID
	case claims.Application:
		return c.Tenant.Application.ID
	case claims.Organization:
		return c.Organization.ID
	case claims.AdminUser:
		return c.Admin.ID
	case claims.Guest:
	}
	return uuid.Nil
}

// OrganizationAccess tells whether the caller has every right in an organization: its client, its members, the superuser.
func (c *Caller) OrganizationAccess(organization uuid.UUID) bool {
	switch c.Level {
	case claims.Organization:
		return c.Organization.ID == organization
	case claims.AdminUser:
		return c.Superuser || slices.Contains(c.memberOf, organization)
	case claims.Guest, claims.ApplicationUser, claims.Application:
	}
	return false
}

// ApplicationAccess tells whether the caller has every right in an application: its client, or organization access to its owner.
func (c *Caller) ApplicationAccess(t *Tenant) bool {
	if c.Level == claims.Application {
		return c.Tenant.Application.ID == t.Application.ID
	}
	return c.OrganizationAccess(t.Organization.ID)
}

// clientID is the client_id of tokens this caller has made for others.
func (c *Caller) clientID(t *Tenant) string {
	switch c.Level {
	case claims.Application:
		return c.Tenant.clientID
	case claims.Organization:
		return models.ClientID(models.OrganizationClient, c.Organization.ID)
	case claims.Guest, claims.ApplicationUser, claims.AdminUser:
	}
	return t.clientID
}
