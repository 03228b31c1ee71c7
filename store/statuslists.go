package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// FreeStatusEntry chooses, at random, an entry of a scope's current status list that no token has. It is taken when a token is
// registered with it, which may fail with models.ErrEntryTaken.
func (s *Store) FreeStatusEntry(ctx context.Context, scope string) (models.StatusList, int64, error) {
	list, err := currentList(s.read(ctx), scope)
	if errors.Is(err, models.ErrNotFound) || err == nil && !list.Open() {
		list, err = s.newStatusList(ctx, scope)
	}
	if err != nil {
		return list, 0, err
	}
	// Half of the entries are free and fifteen in sixteen are no decoys: a hundred attempts do not all fail.
	for range 100 {
		random, err := rand.Int(rand.Reader, big.NewInt(list.Size))
		if err != nil {
			return list, 0, err
		}
		index := random.Int64()
		if list.Decoy(index) {
			continue
		}
		taken, err := entryTaken(s.read(ctx), list.ID, index)
		if err != nil || !taken {
			return list, index, err
		}
	}
	return list, 0, fmt.Errorf("status list %d of %s has no free entry", list.Number, scope)
}

func entryTaken(db *gorm.DB, list uuid.UUID, index int64) (bool, error) {
	return exists[models.RegisteredToken](db, "status_list = ? AND status_index = ?", list, index)
}

func currentList(db *gorm.DB, scope string) (models.StatusList, error) {
	return one[models.StatusList](db.Order("number DESC"), "scope = ?", scope)
}

// newStatusList begins a scope's next list, unless somebody else just has.
func (s *Store) newStatusList(ctx context.Context, scope string) (models.StatusList, error) {
	var list models.StatusList
	err := s.write(ctx, func(t *transaction) (err error) {
		list, err = currentList(t.db, scope)
		switch {
		case err == nil && list.Open():
			return nil
		case err != nil && !errors.Is(err, models.ErrNotFound):
			return err
		}
		list = models.StatusList{
			ID: uuid.New(), Scope: scope, Number: list.Number + 1, Size: models.StatusListSize, Salt: make([]byte, 32), Created: t.now,
		}
		rand.Read(list.Salt) // never fails (Go 1.24)
		t.changes = append(t.changes, models.Change{Kind: models.ChangeStatusList, Key: scope})
		return t.db.Create(&list).Error
	})
	return list, err
}

// takeEntry counts the entry of a token that is about to be stored. Two tokens cannot have one: the loser gets models.ErrEntryTaken, from
// here or, by way of the unique index, when write tries a second time.
func (t *transaction) takeEntry(token *models.RegisteredToken) error {
	if token.StatusList == nil || token.StatusIndex == nil {
		return nil
	}
	taken, err := entryTaken(t.db, *token.StatusList, *token.StatusIndex)
	if err != nil {
		return err
	}
	if taken {
		return models.ErrEntryTaken
	}
	// A list that was closed meanwhile gives nothing out any more.
	result := t.db.Exec("UPDATE status_lists SET assigned = assigned + 1 WHERE id = ? AND assigned < size", *token.StatusList)
	if result.Error == nil && result.RowsAffected != 1 {
		return models.ErrEntryTaken
	}
	return result.Error
}

// StatusLists gives the status lists of a scope by number. gone says that the scope is an application that is deleted, so that every
// token on its lists is invalid.
func (s *Store) StatusLists(ctx context.Context, scope string) (lists []models.StatusList, gone bool, err error) {
	db := s.read(ctx)
	if scope != models.ManagementScope {
		live, err := exists[models.Application](db, "id = ? AND deleted IS NULL", scope)
		if err != nil {
			return nil, false, err
		}
		gone = !live
	}
	err = s.read(ctx).Where("scope = ?", scope).Order("number").Find(&lists).Error
	return lists, gone, classify(err)
}

// RevokedEntries gives the entries of a status list whose tokens are revoked.
func (s *Store) RevokedEntries(ctx context.Context, list uuid.UUID) ([]int64, error) {
	var indices []int64
	err := s.read(ctx).Model(&models.RegisteredToken{}).
		Where("status_list = ? AND revoked IS NOT NULL", list).Order("status_index").Pluck("status_index", &indices).Error
	return indices, classify(err)
}

// AnyApplication finds an application of an organization as Application does, but tombstones too: names are never used again.
func (s *Store) AnyApplication(
	ctx context.Context, organizationRef, applicationRef string,
) (parent models.Organization, application models.Application, err error) {
	db := s.read(ctx)
	named := func(ref string) (column, value string) {
		if models.IsUUID(ref) {
			return "id", models.Fold(ref)
		}
		return "name", models.Fold(ref)
	}
	column, ref := named(applicationRef)
	if organizationRef == "" || organizationRef == "-" {
		if column != "id" {
			return parent, application, models.ErrNotFound
		}
		if application, err = one[models.Application](db, "id = ?", ref); err != nil {
			return parent, application, err
		}
		parent, err = one[models.Organization](db, "id = ?", application.OrganizationID)
		return parent, application, err
	}
	parentColumn, parentRef := named(organizationRef)
	if parent, err = one[models.Organization](db, parentColumn+" = ?", parentRef); err != nil {
		return parent, application, err
	}
	application, err = one[models.Application](db, "organization_id = ? AND "+column+" = ?", parent.ID, ref)
	return parent, application, err
}
