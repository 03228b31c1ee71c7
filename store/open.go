package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// Open opens the database, creating it if absent, and brings its schema up to date. Several processes may do so at once.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	path, ok := strings.CutPrefix(cfg.Database, "sqlite:")
	if !ok || path == "" || strings.Contains(path, ":memory:") {
		return nil, fmt.Errorf("database %q: want sqlite:PATH", cfg.Database)
	}
	if cfg.TokenTTL < 0 {
		return nil, fmt.Errorf("token lifetime %d: want 0 or more milliseconds", cfg.TokenTTL)
	}
	s := &Store{now: cfg.Now, logger: cfg.Logger, auditRetention: cfg.AuditRetention}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := s.open(ctx, path, cfg.TokenTTL); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string, ttl int64) (err error) {
	if err := createFile(path); err != nil {
		return err
	}
	var pools []*sql.DB
	defer func() {
		if err != nil {
			for _, pool := range pools {
				_ = pool.Close()
			}
		}
	}()
	for _, source := range []string{writerSource(path), readerSource(path)} {
		pool, err := sql.Open(sqlite.DriverName, source)
		if err != nil {
			return err
		}
		pools = append(pools, pool)
	}
	writer, reader := pools[0], pools[1]
	// SQLite has one writer; a queue in database/sql is fair and can be left when the request ends, SQLite's own cannot.
	writer.SetMaxOpenConns(1)
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)

	if err := migrate(ctx, writer); err != nil {
		return err
	}
	if s.writer, err = s.gorm(writer, false); err != nil {
		return err
	}
	if s.reader, err = s.gorm(reader, true); err != nil {
		return err
	}
	return s.prepare(ctx, ttl)
}

// gorm wraps a pool. Statements of the writer always run inside a transaction, where gorm's prepared statements are prepared
// anew every time; there the driver's own cache serves.
func (s *Store) gorm(pool *sql.DB, prepared bool) (*gorm.DB, error) {
	return gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), &gorm.Config{
		TranslateError:         true,
		SkipDefaultTransaction: true,
		PrepareStmt:            prepared,
		PrepareStmtMaxSize:     500,
		DisableAutomaticPing:   true,
		NowFunc:                s.now,
		Logger:                 queryLog{s.logger},
	})
}

// prepare makes sure of the rows every database has, and finds where the change log ends.
func (s *Store) prepare(ctx context.Context, ttl int64) error {
	asked := s.now()
	s.tail.asOf.Store(&asked)
	err := s.write(ctx, func(t *transaction) error {
		if err := t.lockHead(); err != nil {
			return err
		}
		err := t.db.Exec("UPDATE change_head SET epoch = ? WHERE id = 1 AND epoch = ''", uuid.NewString()).Error
		if err != nil {
			return err
		}
		known, err := t.serverTTL()
		if err != nil || known >= lifetime(ttl) {
			return err
		}
		return t.setMeta(metaLongestTTL, strconv.FormatInt(lifetime(ttl), 10))
	})
	if err != nil {
		return err
	}
	s.tail.applied, _, err = s.Head(ctx)
	return err
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

// forever is the lifetime (ms) from which on a token counts as non-expiring: 100 years of 365 days, which is also the largest
// that may be asked for (wire contract §3).
const forever int64 = 100 * 365 * 24 * 3600 * 1000

// lifetime reads a configured lifetime, in which 0 means that tokens do not expire.
func lifetime(ttl int64) int64 {
	if ttl <= 0 {
		return forever
	}
	return ttl
}

const metaLongestTTL = "longest_token_ttl"

// serverTTL is the longest default lifetime (ms) that this server was ever configured with.
func (t *transaction) serverTTL() (int64, error) {
	text, err := meta(t.db, metaLongestTTL)
	if errors.Is(err, models.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}
