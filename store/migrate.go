package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewerSchema says that a newer version of Writ has changed the database: this binary must not touch it.
var ErrNewerSchema = errors.New("the database was written by a newer version of Writ")

// How long and how often another process that migrates the same database is waited for.
const (
	migrationAttempts = 100
	migrationPause    = 100 * time.Millisecond
)

// migrate applies what is missing. Each migration is one transaction that holds the write lock from its beginning, so of
// several processes one applies it; the others fail, look again and find it done.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	var before int64 = -1
	for range migrationAttempts {
		current, err := apply(ctx, provider)
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

func apply(ctx context.Context, provider *goose.Provider) (int64, error) {
	current, target, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return -1, err
	case current > target:
		return current, fmt.Errorf("%w: its schema is version %d, this binary knows %d", ErrNewerSchema, current, target)
	case current == target:
		return current, nil
	}
	_, err = provider.Up(ctx)
	return current, err
}

func locked(err error) bool {
	var failure sqlite3.Error
	return errors.As(err, &failure) && (failure.Code == sqlite3.ErrBusy || failure.Code == sqlite3.ErrLocked)
}
