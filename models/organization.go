package models

import (
	"time"

	"github.com/google/uuid"
)

// Organization owns applications and has admin users as members. Deleted is the tombstone: names are never reused.
type Organization struct {
	ID                  uuid.UUID `gorm:"primaryKey"`
	Name                string
	Properties          Properties
	PasswordHistorySize int
	Created             int64
	Modified            int64
	Deleted             *int64
}

// NewOrganization checks the name; its client is made by NewClient.
func NewOrganization(name string, now time.Time) (Organization, error) {
	name, err := OrganizationName(name)
	if err != nil {
		return Organization{}, err
	}
	at := now.UnixMilli()
	return Organization{ID: uuid.New(), Name: name, Properties: Properties{}, Created: at, Modified: at}, nil
}

// Membership makes an admin user a member of an organization.
type Membership struct {
	AdminID        uuid.UUID `gorm:"primaryKey"`
	OrganizationID uuid.UUID `gorm:"primaryKey"`
	Created        int64
}
