package store

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// crowd is from how many members on a list of them is read along the list of all, which is in the order that is asked for: with most of a million
// users in one role, the first of them are soon found there, while finding and sorting all members takes seconds. Few members are found
// and sorted at once, and may lie far apart in the list of all.
const crowd = 5_000

// membersOf restricts a list of rows of a table to those that are named, in a column of another table, for an owner. args belong to owner.
func (s *Store) membersOf(ctx context.Context, application uuid.UUID, table, members, column, owner string, args ...any) *gorm.DB {
	var found int64
	some := s.read(ctx).Raw("SELECT count(*) FROM (SELECT 1 FROM "+members+" WHERE "+owner+" LIMIT ?) AS found", append(slices.Clip(args), crowd)...).Scan(&found)
	db := s.read(ctx)
	if some.Error != nil {
		_ = db.AddError(some.Error)
		return db
	}
	if found >= crowd {
		return db.Where("application_id = ?", application).Where("EXISTS (SELECT 1 FROM "+members+" WHERE "+owner+" AND "+column+" = "+table+".id)", args...)
	}
	// The expression keeps SQLite from reading all of the application, in the order that is asked for, until it has met enough members.
	return db.Where("application_id || '' = ?", application).Where("id IN (SELECT "+column+" FROM "+members+" WHERE "+owner+")", args...)
}
