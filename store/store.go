// Package store keeps Writ's rows in a database through gorm: SQLite for one process, PostgreSQL for several; the same SQL runs on both.
// It owns the schema (numbered migrations, embedded), transactions, the uniqueness of names, the change log that tells
// caches what they must forget, and the bookkeeping that makes a raised generation a denial. It knows neither HTTP nor what a
// token looks like, and it never sees a password or secret in the clear.
//
// Errors are the sentinels of package models: models.ErrNotFound, models.ErrConflict, models.ErrUnavailable,
// *models.Duplicate and *models.Invalid. Everything else is a defect.
//
// A method that writes returns when the write is on disk and every subscriber of the change log in this process has seen it.
package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// Config says where the database is.
type Config struct {
	// Database is "sqlite:PATH" or "postgres://USER:PASSWORD@HOST:PORT/NAME?OPTIONS". A database in memory is not offered: what
	// it acknowledged would not survive.
	Database string
	// Connections bounds what this process opens to PostgreSQL; 0 is 20. SQLite needs no bound.
	Connections int
	// TokenTTL (ms) is the server's default lifetime of access tokens, 0 for non-expiring. The longest value that was ever
	// used is remembered in the database, because a denial must outlive the tokens of former configurations.
	TokenTTL int64
	// AuditRetention is how long entries of the audit trail are kept; 0 is for ever.
	AuditRetention time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Trace is told of every statement; nil is nobody.
	Trace Trace
	// Logger gets slow queries and failures, never values; nil is nobody.
	Logger *slog.Logger

	copying bool // half a copy may be opened
}

// Store is the database. Its methods may be called concurrently.
type Store struct {
	writer *gorm.DB // one connection on SQLite
	reader *gorm.DB // a pool of connections that cannot write
	// watcher reads the change log. On PostgreSQL it is a connection of its own: readers that keep all others busy must not keep this
	// process from learning what is revoked.
	watcher *gorm.DB
	now     func() time.Time
	logger  *slog.Logger
	tail    tail
	doubt   doubt
	trace   Trace

	postgres       *postgres // nil: SQLite
	epoch          string    // of the change log
	auditRetention time.Duration
}

// tail is what this process has seen of the change log.
type tail struct {
	turn        chan struct{} // holds one: whoever put it in reads and applies
	applied     atomic.Int64
	asOf        atomic.Pointer[time.Time]
	lost        atomic.Bool // the last look found no database
	subscribers []func(models.Change)
}

// enter waits for one's turn no longer than ctx: whoever has it may wait for a database that does not answer.
func (t *tail) enter(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *tail) leave() { <-t.turn }

// Close releases the database. Later calls answer models.ErrUnavailable.
func (s *Store) Close() error {
	var failures []error
	for _, db := range []*gorm.DB{s.watcher, s.reader, s.writer} {
		pool, err := db.DB()
		if err == nil {
			err = pool.Close()
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// Ping asks the database for something trivial.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return classify(s.read(ctx).Raw("SELECT 1").Scan(&one).Error)
}

func (s *Store) read(ctx context.Context) *gorm.DB { return s.reader.WithContext(ctx) }

// snapshot runs reads that must agree with each other. On SQLite every transaction sees one state.
func (s *Store) snapshot(ctx context.Context, work func(*gorm.DB) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if s.postgres != nil {
		options.Isolation = sql.LevelRepeatableRead
	}
	return classify(s.read(ctx).Transaction(work, options))
}
