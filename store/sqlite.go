package store

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// connectSQLite makes the file if there is none.
func connectSQLite(path string) (*database, error) {
	if err := createFile(path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	d := &database{name: path, dialector: func(pool *sql.DB) gorm.Dialector { return sqlite.New(sqlite.Config{Conn: pool}) }}
	var err error
	if d.writer, err = sql.Open(sqlite.DriverName, writerSource(path)); err != nil {
		return nil, err
	}
	d.migrator = d.writer
	if d.reader, err = sql.Open(sqlite.DriverName, readerSource(path)); err != nil {
		return nil, err
	}
	// SQLite has one writer; a queue in database/sql is fair and can be left when the request ends, SQLite's own cannot.
	d.writer.SetMaxOpenConns(1)
	d.watcher = d.reader
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	d.reader.SetMaxOpenConns(readers)
	d.reader.SetMaxIdleConns(readers)
	return d, nil
}

// createFile makes the folder and the file before SQLite does, which would let everybody read them. The files beside it
// (-wal, -shm) inherit its mode.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // G304: the operator names it
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// writerSource: synchronous=FULL, because a denial that was acknowledged must survive a power cut. It costs one fsync a write,
// and issuing tokens writes nothing. Transactions take the write lock at once: a lock taken later could only fail.
func writerSource(path string) string {
	return source(path, url.Values{"_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}})
}

func readerSource(path string) string {
	return source(path, url.Values{"_query_only": {"true"}})
}

func source(path string, options url.Values) string {
	options.Set("_busy_timeout", "5000")
	options.Set("_foreign_keys", "true")
	options.Set("_stmt_cache_size", "100")
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
}
