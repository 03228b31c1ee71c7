package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

// ErrNewerSchema says that a newer version of Writ has changed the database in a way that this binary does not know: it must not
// touch it.
var ErrNewerSchema = errors.New("the database was written by a newer version of Writ")

// How long and how often another process that migrates the same SQLite database is waited for.
const (
	migrationAttempts = 100
	migrationPause    = 100 * time.Millisecond
)

// migrationSet is what changes the tables of a database.
type migrationSet struct {
	*goose.Provider

	db    *sql.DB
	steps []Migration
}

func newMigrationSet(d *database) (*migrationSet, error) {
	steps, err := steps()
	if err != nil {
		return nil, err
	}
	files, dialect := migrationFiles(), goose.DialectSQLite3
	if d.postgres != nil {
		files, dialect = rendered{files}, goose.DialectPostgres
	}
	provider, err := goose.NewProvider(dialect, d.migrator, files, goose.WithDisableGlobalRegistry(true))
	return &migrationSet{provider, d.migrator, steps}, err
}

// migrate applies what is missing. Each migration is one transaction.
func migrate(ctx context.Context, d *database, logger *slog.Logger) error {
	s, err := newMigrationSet(d)
	if err != nil {
		return err
	}
	return d.alone(ctx, func(ctx context.Context) (int64, error) {
		current, target, err := s.GetVersions(ctx)
		switch {
		case err != nil:
			return -1, err
		case current > target:
			return current, s.tolerate(ctx, current, target, logger)
		case current == target:
			return current, s.note(ctx, current)
		}
		return current, s.up(ctx, current, target)
	})
}

// alone lets one of several processes at a time change the schema. On PostgreSQL a lock makes the others wait. On SQLite a migration
// holds the write lock from its beginning, so of several processes one applies it; the others fail, look again and find it done.
// work answers the version that it found.
func (d *database) alone(ctx context.Context, work func(context.Context) (int64, error)) error {
	if d.postgres != nil {
		return d.postgres.locked(ctx, "schema", func() error {
			_, err := work(ctx)
			return err
		})
	}
	var before int64 = -1
	for range migrationAttempts {
		current, err := work(ctx)
		if err == nil || errors.Is(err, ErrNewerSchema) {
			return err
		}
		// Only a lock, or progress made by somebody else since the last attempt, is a reason to look again.
		if !locked(err) && current == before {
			return err
		}
		before = current
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(migrationPause):
		}
	}
	return errors.New("another process keeps migrating the database")
}

func locked(err error) bool {
	var failure sqlite3.Error
	return errors.As(err, &failure) && (failure.Code == sqlite3.ErrBusy || failure.Code == sqlite3.ErrLocked)
}

// up applies every migration up to a version. What the database says about who may use it is raised before the tables change: were it
// raised afterwards, an old version could start between the two.
func (s *migrationSet) up(ctx context.Context, current, target int64) error {
	if current > 0 {
		if err := s.note(ctx, target); err != nil {
			return err
		}
	}
	if _, err := s.UpTo(ctx, target); err != nil {
		return err
	}
	return s.note(ctx, target)
}

// tolerate decides about a schema that is newer than this binary: whether an older one may use it stands in the database.
func (s *migrationSet) tolerate(ctx context.Context, current, target int64, logger *slog.Logger) error {
	least, err := s.compatibleFrom(ctx)
	if err != nil {
		return err
	}
	if least == 0 || least > target {
		return fmt.Errorf("%w: its schema is version %d, this binary knows %d", ErrNewerSchema, current, target)
	}
	logger.WarnContext(ctx, "the database was changed by a newer version of Writ, which lets this one go on: finish the upgrade",
		"schema", current, "known", target)
	return nil
}

// metaCompatible is the name of the fact which schema a binary must know at least to use the database.
const metaCompatible = "schema_compatible_from"

// compatibleFrom is 0 if the database does not say: it was last changed by a version that did not know of this.
func (s *migrationSet) compatibleFrom(ctx context.Context) (version int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT CAST(value AS BIGINT) FROM meta WHERE name = '"+metaCompatible+"'").Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return version, err
}

// note writes down which binaries may use the schema of a version.
func (s *migrationSet) note(ctx context.Context, version int64) error {
	var least int64
	for _, step := range s.steps {
		if step.Version <= version && !step.Additive {
			least = step.Version
		}
	}
	if known, err := s.compatibleFrom(ctx); err != nil || known == least {
		return err
	}
	_, err := s.db.ExecContext(ctx, fmt.Sprintf(
		"INSERT INTO meta (name, value) VALUES ('%s', '%d') ON CONFLICT (name) DO UPDATE SET value = excluded.value", metaCompatible, least))
	return err
}
