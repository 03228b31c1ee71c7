package store

import (
	"context"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

// MembersOf lists the members of an organization, oldest admin first.
func (s *Store) MembersOf(ctx context.Context, organization uuid.UUID) ([]models.Admin, error) {
	members := []models.Admin{}
	err := s.read(ctx).Where("id IN (SELECT admin_id FROM memberships WHERE organization_id = ?)", organization).
		Order("created, id").Find(&members).Error
	return members, classify(err)
}

// IsMember tells whether an admin is a member of an organization.
func (s *Store) IsMember(ctx context.Context, admin, organization uuid.UUID) (bool, error) {
	return exists[models.Membership](s.read(ctx), "admin_id = ? AND organization_id = ?", admin, organization)
}

// AddMember makes an admin a member; being one already is no error.
func (s *Store) AddMember(ctx context.Context, admin, organization uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		member, err := t.lockMember(admin)
		if err != nil {
			return err
		}
		row := models.Membership{AdminID: admin, OrganizationID: organization, Created: t.now}
		result := t.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		t.memberChanged(admin, organization)
		if err := t.membershipChanged(admin, organization); err != nil {
			return err
		}
		return t.membershipsFit(member)
	})
}

// RemoveMember ends a membership: models.ErrNotFound if there is none, models.ErrLastMember if there is no other.
func (s *Store) RemoveMember(ctx context.Context, admin, organization uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error {
		// The organization's row is what two leaving members queue for: counting alone would let both go.
		if _, err := one[models.Organization](t.forUpdate(), "id = ?", organization); err != nil {
			return err
		}
		var members []models.Membership
		if err := t.db.Where("organization_id = ?", organization).Find(&members).Error; err != nil {
			return err
		}
		for i := range members {
			if members[i].AdminID != admin {
				continue
			}
			if len(members) == 1 {
				return models.ErrLastMember
			}
			t.memberChanged(admin, organization)
			if err := t.membershipChanged(admin, organization); err != nil {
				return err
			}
			return t.db.Delete(&members[i]).Error
		}
		return models.ErrNotFound
	})
}

func (t *transaction) createMembership(admin, organization uuid.UUID) error {
	member, err := t.lockMember(admin)
	if err != nil {
		return err
	}
	if err := t.db.Create(&models.Membership{AdminID: admin, OrganizationID: organization, Created: t.now}).Error; err != nil {
		return err
	}
	return t.membershipsFit(member)
}

// maxMembershipNames bounds the names of an admin's organizations, in bytes of JSON. They stand in his token, which must fit into an HTTP
// header, and whoever owns an organization may make anybody its member: without a bound he could keep others from logging in.
const maxMembershipNames = 4 << 10

// lockMember keeps two organizations from taking the same admin at once; models.ErrNotFound if there is no such admin.
func (t *transaction) lockMember(admin uuid.UUID) (models.Admin, error) {
	return one[models.Admin](t.forUpdate(), "id = ?", admin)
}

// membershipsFit refuses a membership too many. The superuser's token names no organizations.
func (t *transaction) membershipsFit(row models.Admin) error {
	if row.Superuser {
		return nil
	}
	var size int64
	err := t.db.Model(&models.Organization{}).Select("COALESCE(SUM(LENGTH(name) + 3), 0)").
		Where("deleted IS NULL AND id IN (SELECT organization_id FROM memberships WHERE admin_id = ?)", row.ID).Scan(&size).Error
	if err == nil && size > maxMembershipNames {
		err = models.Illegal("%s is a member of too many organizations: their names do not fit into a token", models.Printable(row.Username))
	}
	return err
}

func (t *transaction) memberChanged(admin, organization uuid.UUID) {
	t.changed(models.ChangeAdmin, admin)
	t.changed(models.ChangeOrganization, organization)
}
