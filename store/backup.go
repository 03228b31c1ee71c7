package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"gorm.io/driver/sqlite"
)

var (
	errNotSQLite = errors.New("only SQLite is backed up by Writ itself; PostgreSQL has pg_dump")
	errNotWrit   = errors.New("this is no database of Writ")
)

// Backup writes what the database (sqlite:PATH) holds at one moment to a new file of mode 0600, and checks it. A server may run and write
// meanwhile; it does not wait. The schema stays as it is.
func Backup(ctx context.Context, database, to string) (err error) {
	path, is := strings.CutPrefix(database, "sqlite:")
	if !is {
		return errNotSQLite
	}
	// Without the mode SQLite would make a file for everybody; an empty one it takes as it is.
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	if err := file.Close(); err != nil {
		return err
	}
	if err := withFile(ctx, path, func(db *sql.DB) error {
		if err := isWrit(ctx, db); err != nil {
			return err
		}
		_, err := db.ExecContext(ctx, "VACUUM INTO ?", to)
		return err
	}); err != nil {
		return fmt.Errorf("back up %s: %w", path, err)
	}
	if err := withFile(ctx, to, func(db *sql.DB) error { return isSound(ctx, db) }); err != nil {
		return fmt.Errorf("the copy in %s: %w", to, err)
	}
	return syncPath(to)
}

// Restore puts a backup where there is no database yet. The change log gets a new epoch: whoever follows it has seen changes that the backup
// does not know, and must begin anew instead of waiting for numbers that come a second time.
func Restore(ctx context.Context, backup, database string) (err error) {
	path, is := strings.CutPrefix(database, "sqlite:")
	if !is {
		return errNotSQLite
	}
	if err := isFree(path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	draft := path + ".restoring"
	if err := copyFile(backup, draft); err != nil {
		return err
	}
	defer os.Remove(draft) //nolint:errcheck // is not there after a success
	if err := withFile(ctx, draft, func(db *sql.DB) error {
		if err := errors.Join(isWrit(ctx, db), isSound(ctx, db)); err != nil {
			return err
		}
		_, err := db.ExecContext(ctx, "UPDATE change_head SET epoch = ? WHERE id = 1", uuid.NewString())
		return err
	}); err != nil {
		return fmt.Errorf("restore %s: %w", backup, err)
	}
	if err := syncPath(draft); err != nil {
		return err
	}
	// A link, unlike a rename, never replaces what somebody has made meanwhile.
	if err := os.Link(draft, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// isFree refuses to write over a database, or beside the log of one, which SQLite would mix into the new one.
func isFree(path string) error {
	for _, name := range []string{path, path + "-wal", path + "-journal"} {
		if info, err := os.Stat(name); err == nil && (name != path || info.Size() > 0) {
			return fmt.Errorf("%s is there already: stop the server and move the old database with its -wal and -shm files away, or name another place", name)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty file
		return err
	}
	return nil
}

func copyFile(from, to string) (err error) {
	source, err := os.Open(from) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer source.Close()                                                     //nolint:errcheck // only read
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // beside the database
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if err = errors.Join(err, target.Close()); err != nil {
		err = errors.Join(err, os.Remove(to))
	}
	return err
}

// withFile opens a database that exists, without migrating it.
func withFile(ctx context.Context, path string, work func(*sql.DB) error) (err error) {
	db, err := sql.Open(sqlite.DriverName, source(path, url.Values{"mode": {"rw"}}))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	return work(db)
}

func isWrit(ctx context.Context, db *sql.DB) error {
	var one int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM change_head WHERE id = 1").Scan(&one); err != nil {
		return fmt.Errorf("%w: %w", errNotWrit, err)
	}
	if one != 1 {
		return errNotWrit
	}
	return nil
}

func isSound(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("the file is damaged: %s", verdict)
	}
	return nil
}

// syncPath makes sure that a file, or the names in a folder, survive a power cut.
func syncPath(path string) error {
	file, err := os.Open(path) //nolint:gosec // see the callers
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
