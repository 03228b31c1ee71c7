package models

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// MaxPasswordHistory is the longest password history an organization may demand, the present password included.
const MaxPasswordHistory = 24

// passwordHistorySize is the one property of an organization that Writ itself evaluates.
const passwordHistorySize = "passwordHistorySize"

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

// SetProperties replaces the properties. The password history follows from them; without it there is none.
func (o *Organization) SetProperties(properties map[string]any) error {
	for name := range properties {
		if name != passwordHistorySize && strings.EqualFold(name, passwordHistorySize) {
			return Illegal("%s is written %s", Printable(name), passwordHistorySize)
		}
	}
	size, given := properties[passwordHistorySize]
	o.PasswordHistorySize = 0
	if given && size != nil {
		// A number arrives as json.Number, from a form as text.
		n, err := strconv.Atoi(fmt.Sprint(size))
		if err != nil || n < 0 || n > MaxPasswordHistory {
			return Illegal("%s must be a number from 0 to %d", passwordHistorySize, MaxPasswordHistory)
		}
		o.PasswordHistorySize = n
	}
	o.Properties = Properties(maps.Clone(properties))
	maps.DeleteFunc(o.Properties, func(_ string, value any) bool { return value == nil })
	if o.Properties == nil {
		o.Properties = Properties{}
	}
	return nil
}

// Membership makes an admin user a member of an organization.
type Membership struct {
	AdminID        uuid.UUID `gorm:"primaryKey"`
	OrganizationID uuid.UUID `gorm:"primaryKey"`
	Created        int64
}
