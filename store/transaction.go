package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/writ-auth/writ/models"
)

// batch is how many rows one INSERT or UPDATE names; SQLite allows 32766 parameters in a statement.
const batch = 500

// transaction is one write: its rows and the entries of the change log that tell of them are committed together.
type transaction struct {
	db      *gorm.DB
	now     int64 // ms
	changes []models.Change
}

// write runs work in one transaction and, when it is committed, shows its changes to the subscribers before it returns, so
// that an acknowledged write already holds in the memory of this process. That part does not end with the caller's context.
//
// A unique violation means that somebody took the name after work had looked: work runs a second time, sees who, and
// says so. Therefore work, and with it the change functions of the Update methods, may run twice.
func (s *Store) write(ctx context.Context, work func(*transaction) error) error {
	seq, moment, err := s.attempt(ctx, work)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		seq, moment, err = s.attempt(ctx, work)
	}
	if err != nil || seq == 0 {
		return classify(err)
	}
	return s.catchUp(context.WithoutCancel(ctx), seq, moment)
}

// attempt answers the sequence number of the last change, 0 if there was none, and a moment at which nothing behind it was committed.
func (s *Store) attempt(ctx context.Context, work func(*transaction) error) (seq int64, moment time.Time, err error) {
	err = s.writer.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &transaction{db: db, now: s.now().UnixMilli()}
		if err := work(t); err != nil {
			return err
		}
		seq, err = t.appendChanges()
		moment = s.now() // the head of the log is locked
		return err
	})
	return seq, moment, err
}

// changed notes that others must forget what they know of key.
func (t *transaction) changed(kind models.ChangeKind, key uuid.UUID) {
	t.changes = append(t.changes, models.Change{Kind: kind, Key: key.String()})
}

// announce notes a change that carries its content.
func (t *transaction) announce(kind models.ChangeKind, key string, detail any) error {
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	t.changes = append(t.changes, models.Change{Kind: kind, Key: key, Detail: string(text)})
	return nil
}

// appendChanges is the last thing a transaction does. Raising change_head locks its one row until the commit, so whoever gets
// the next number commits later: order of seq is order of commit, without gaps. A sequence of the database would hand out
// numbers that become visible out of order, and a reader that has seen n+1 would miss n for ever.
func (t *transaction) appendChanges() (int64, error) {
	count := int64(len(t.changes))
	if count == 0 {
		return 0, nil
	}
	var head int64
	err := t.db.Raw("UPDATE change_head SET seq = seq + ? WHERE id = 1 RETURNING seq", count).Scan(&head).Error
	if err != nil {
		return 0, err
	}
	for i := range t.changes {
		t.changes[i].Seq, t.changes[i].At = head-count+1+int64(i), t.now
	}
	return head, t.db.CreateInBatches(t.changes, batch).Error
}

// lockHead makes this the only transaction that appends changes: for decisions about the absence of rows, which no row lock
// can guard. SQLite has one writer anyway.
func (t *transaction) lockHead() error {
	var seq int64
	return t.forUpdate().Table("change_head").Where("id = 1").Select("seq").Scan(&seq).Error
}

// forUpdate reads rows that stay as they are until the commit. SQLite has no such clause and needs none.
func (t *transaction) forUpdate() *gorm.DB {
	return t.db.Clauses(clause.Locking{Strength: "UPDATE"})
}

// save stores every column of a row that exists.
func (t *transaction) save(row any) error {
	result := t.db.Model(row).Select("*").Updates(row)
	if result.Error == nil && result.RowsAffected != 1 {
		return fmt.Errorf("saving %T concerned %d rows", row, result.RowsAffected)
	}
	return result.Error
}

// one reads the row that a condition selects.
func one[T any](db *gorm.DB, condition string, args ...any) (T, error) {
	var row T
	err := db.Where(condition, args...).Take(&row).Error
	return row, classify(err)
}

// exists tells whether a condition selects any row.
func exists[T any](db *gorm.DB, condition string, args ...any) (bool, error) {
	var row T
	var found []int
	err := db.Model(&row).Select("1").Where(condition, args...).Limit(1).Scan(&found).Error
	return len(found) > 0, classify(err)
}

// unique refuses a value that another row already has.
func unique[T any](t *transaction, duplicate models.Duplicate, condition string, args ...any) error {
	taken, err := exists[T](t.db, condition, args...)
	if err != nil || !taken {
		return err
	}
	return &duplicate
}
