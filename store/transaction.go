package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// batch is how many rows one INSERT or UPDATE names; SQLite allows 32766 parameters in a statement.
const batch = 500

// transaction is one write: its rows and the entries of the change log that tell of them are committed together.
type transaction struct {
	db      *gorm.DB
	now     int64 // ms
	changes []models.Change

	postgres bool
}

// retries bounds how often a transaction is tried that others got in the way of.
const retries = 8

// write runs work in one transaction and, when it is committed, shows its changes to the subscribers before it returns, so
// that an acknowledged write already holds in the memory of this process. That part does not end with the caller's context.
//
// A unique violation means that somebody took the name after work had looked: work runs a second time, sees who, and
// says so. So it does when PostgreSQL ended the transaction because two were waiting for each other. Therefore work, and with it the
// change functions of the Update methods, may run several times.
func (s *Store) write(ctx context.Context, work func(*transaction) error) error {
	seq, moment, err := s.attempt(ctx, work)
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		seq, moment, err = s.attempt(ctx, work)
	}
	for try := 1; try < retries && conflicting(err); try++ {
		select {
		case <-ctx.Done():
			return classify(ctx.Err())
		case <-time.After(time.Duration(1+rand.IntN(10*try)) * time.Millisecond): //nolint:gosec // G404: nobody gains by guessing a pause
		}
		seq, moment, err = s.attempt(ctx, work)
	}
	if err != nil || seq == 0 {
		return classify(err)
	}
	showing, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return s.catchUp(showing, seq, moment)
}

// attempt answers the sequence number of the last change, 0 if there was none, and a moment at which nothing behind it was committed.
func (s *Store) attempt(ctx context.Context, work func(*transaction) error) (seq int64, moment time.Time, err error) {
	err = s.writer.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &transaction{db: db, now: s.now().UnixMilli(), postgres: s.postgres != nil}
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
	statement := "UPDATE change_head SET seq = seq + ? WHERE id = 1 RETURNING seq"
	if t.postgres { // delivered with the commit
		statement += ", pg_notify('" + changeChannel + "', '')"
	}
	var row struct{ Seq int64 }
	if err := t.db.Raw(statement, count).Scan(&row).Error; err != nil {
		return 0, err
	}
	head := row.Seq
	for i := range t.changes {
		t.changes[i].Seq, t.changes[i].At = head-count+1+int64(i), t.now
	}
	if err := t.number(head); err != nil {
		return 0, err
	}
	return head, t.db.CreateInBatches(t.changes, batch).Error
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
	if !storable(args) {
		return row, models.ErrNotFound
	}
	err := db.Where(condition, args...).Take(&row).Error
	return row, classify(err)
}

// exists tells whether a condition selects any row.
func exists[T any](db *gorm.DB, condition string, args ...any) (bool, error) {
	var row T
	if !storable(args) {
		return false, nil
	}
	var found []int
	err := db.Model(&row).Select("1").Where(condition, args...).Limit(1).Scan(&found).Error
	return len(found) > 0, classify(err)
}

// storable tells whether rows can have such values at all. A reference in a path may have any bytes; PostgreSQL would refuse the statement.
func storable(values []any) bool {
	for _, value := range values {
		if text, is := value.(string); is && (!utf8.ValidString(text) || strings.ContainsRune(text, 0)) {
			return false
		}
	}
	return true
}

// unique refuses a value that another row already has.
func unique[T any](t *transaction, duplicate models.Duplicate, condition string, args ...any) error {
	taken, err := exists[T](t.db, condition, args...)
	if err != nil || !taken {
		return err
	}
	return &duplicate
}
