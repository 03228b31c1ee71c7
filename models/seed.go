package models

import "github.com/google/uuid"

// ApplicationSeed is an application with everything it is born with.
type ApplicationSeed struct {
	Application Application
	Client      Client
	Roles       []RoleSeed
}

// OrganizationSeed is an organization with everything it is born with. Its members are Owner, who is created too, or else the
// existing admin OwnerID; with neither it has none.
type OrganizationSeed struct {
	Organization Organization
	Client       Client
	Owner        *Admin
	OwnerID      uuid.UUID
	Applications []ApplicationSeed
}
