package models

import (
	"database/sql/driver"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Application belongs to one organization and holds users, roles and groups. Deleted is the tombstone.
type Application struct {
	ID             uuid.UUID `gorm:"primaryKey"`
	OrganizationID uuid.UUID
	Name           string
	Settings       Settings
	Properties     Properties
	// LongestTTL is the longest lifetime (ms) that a finite token of this application may ever have been given. It only rises:
	// a subject denial must outlive every older token.
	LongestTTL int64
	Created    int64
	Modified   int64
	Deleted    *int64
}

// Settings are the properties of an application that Writ itself evaluates (wire contract §8.1). Pointers are nil when unset.
type Settings struct {
	AccessTokenTTL  *int64 `json:"accesstokenttl,omitempty"` // ms; 0 = non-expiring by default
	RefreshTokens   bool   `json:"refreshtokens,omitempty"`
	RefreshTokenTTL *int64 `json:"refreshtokenttl,omitempty"` // ms
	// RefreshTokenIdleTTL is how long (ms) a refresh token lives without being used; nil: as long as its family.
	RefreshTokenIdleTTL *int64   `json:"refreshtokenidlettl,omitempty"`
	PasswordGrant       *bool    `json:"passwordgrant,omitempty"`
	PermissionClaims    bool     `json:"permissionclaims,omitempty"`
	Scopes              []string `json:"scopes,omitempty"`
	AllowedOrigins      []string `json:"allowedorigins,omitempty"`
	EmailConfirmation   bool     `json:"registration_requires_email_confirmation,omitempty"`
	AdminApproval       bool     `json:"registration_requires_admin_approval,omitempty"`
	NonExpiringExp      bool     `json:"nonexpiringexp,omitempty"`
}

// Value implements driver.Valuer.
func (s Settings) Value() (driver.Value, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

// Scan implements sql.Scanner. What was there before goes, for encoding/json would merge into it.
func (s *Settings) Scan(value any) error {
	*s = Settings{}
	return scanJSON(value, s)
}

// NewApplication checks the name; DefaultRoles says what it is born with.
func NewApplication(organization uuid.UUID, name string, now time.Time) (Application, error) {
	name, err := ApplicationName(name)
	if err != nil {
		return Application{}, err
	}
	at := now.UnixMilli()
	return Application{ID: uuid.New(), OrganizationID: organization, Name: name, Properties: Properties{}, Created: at, Modified: at}, nil
}

// RoleSeed is a role together with its first rules.
type RoleSeed struct {
	Role  Role
	Rules []string
}

// DefaultRoles are the roles of a new application (wire contract §8.3). An open application lets guests do everything:
// that is what the sandbox of a new organization is.
func DefaultRoles(application uuid.UUID, open bool, now time.Time) []RoleSeed {
	guest := []string{"post:/users"}
	if open {
		guest = []string{"get,post,put,delete:/**"}
	}
	seeds := []RoleSeed{
		{Role: Role{Name: "admin", Title: "Administrator"}},
		{Role: Role{Name: "default", Title: "Default"}, Rules: []string{"get,put:/users/${user}", "get:/users/${user}/**"}},
		{Role: Role{Name: "guest", Title: "Guest"}, Rules: guest},
	}
	for i := range seeds {
		role := &seeds[i].Role
		role.ID, role.ApplicationID, role.Created, role.Modified = uuid.New(), application, now.UnixMilli(), now.UnixMilli()
	}
	return seeds
}
