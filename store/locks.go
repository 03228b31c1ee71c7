package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// lockKey is the number of a named lock in PostgreSQL's one space of advisory locks for a database.
func lockKey(name string) int64 {
	sum := sha256.Sum256([]byte("writ " + name))
	return int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // G115: any number will do
}

// locked runs work while no other process holds the lock of that name; it waits as long as ctx.
func (p *postgres) locked(ctx context.Context, name string, work func() error) error {
	connection, err := p.connection(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, connection) // and with it ends the lock
	if _, err = connection.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey(name)); err != nil {
		return err
	}
	return work()
}

// lock keeps other transactions that take the same lock waiting until the commit: for decisions about the absence of rows, which
// no row lock can guard. SQLite has one writer anyway.
func (t *transaction) lock(name string) error {
	if !t.postgres {
		return nil
	}
	return t.db.Exec("SELECT pg_advisory_xact_lock(?)", lockKey(name)).Error
}

// lockHead makes this the only transaction that appends changes. The audit trail's head is locked before it, as in every transaction that
// takes both: two that take them in different orders would wait for each other.
func (t *transaction) lockHead() error {
	for _, head := range []string{"audit_head", "change_head"} {
		var seq int64
		if err := t.forUpdate().Table(head).Where("id = 1").Select("seq").Scan(&seq).Error; err != nil {
			return err
		}
	}
	return nil
}

// forUpdate reads rows that stay as they are until the commit. SQLite has no such clause and needs none.
func (t *transaction) forUpdate() *gorm.DB {
	return t.db.Clauses(clause.Locking{Strength: "UPDATE"})
}

// forShare reads rows that stay as they are until the commit, which others may do at the same time.
func (t *transaction) forShare() *gorm.DB {
	return t.db.Clauses(clause.Locking{Strength: "SHARE"})
}
