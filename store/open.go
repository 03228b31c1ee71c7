package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// Open opens the database, creating it if absent, and brings its schema up to date. Several processes may do so at once.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.TokenTTL < 0 {
		return nil, fmt.Errorf("token lifetime %d: want 0 or more milliseconds", cfg.TokenTTL)
	}
	s := newStore(cfg)
	database, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx, database, cfg.TokenTTL); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", database.name, oneLine(err)), database.close())
	}
	if !cfg.copying {
		if err := s.halfCopied(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("open database %s: %w", database.name, err), s.Close())
		}
	}
	return s, nil
}

func newStore(cfg Config) *Store {
	s := &Store{now: cfg.Now, logger: cfg.Logger, trace: cfg.Trace, auditRetention: cfg.AuditRetention}
	s.tail.turn = make(chan struct{}, 1)
	if s.now == nil {
		s.now = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	return s
}

// database is a database that can be reached, but that nobody has looked into yet.
type database struct {
	name     string // for people; without a password
	writer   *sql.DB
	reader   *sql.DB   // cannot write
	watcher  *sql.DB   // cannot write; reads the change log
	migrator *sql.DB   // may take its time
	postgres *postgres // nil: SQLite
	// dialector is how gorm speaks to a pool.
	dialector func(*sql.DB) gorm.Dialector
}

// connect never repeats what it was given as a whole: the address of a PostgreSQL has a password.
func connect(cfg Config) (*database, error) {
	if path, is := strings.CutPrefix(cfg.Database, "sqlite:"); is && path != "" && !strings.Contains(path, ":memory:") {
		return connectSQLite(path)
	}
	if IsPostgres(cfg.Database) {
		return connectPostgres(cfg)
	}
	return nil, errors.New("database: want sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")
}

// CheckDatabase tells whether a Config.Database is well-formed. It opens nothing and repeats nothing of it.
func CheckDatabase(database string) error {
	if IsPostgres(database) {
		_, err := parsePostgres(database)
		return err
	}
	return nil
}

// Name is what people may be shown of a Config.Database: everything but user and password.
func Name(database string) string {
	if !IsPostgres(database) {
		return strings.TrimPrefix(database, "sqlite:")
	}
	config, err := parsePostgres(database)
	if err != nil {
		return "postgres"
	}
	return postgresName(config)
}

func (d *database) close() error {
	return errors.Join(d.watcher.Close(), d.reader.Close(), d.writer.Close(), d.migrator.Close())
}

func (s *Store) open(ctx context.Context, d *database, ttl int64) error {
	if d.postgres != nil {
		if err := d.postgres.check(ctx, d.writer, s.logger); err != nil {
			return err
		}
	}
	err := migrate(ctx, d, s.logger)
	if d.migrator != d.writer {
		err = errors.Join(err, d.migrator.Close())
	}
	if err != nil {
		return err
	}
	s.postgres = d.postgres
	if s.writer, err = s.gorm(d, d.writer, false); err != nil {
		return err
	}
	if s.reader, err = s.gorm(d, d.reader, d.postgres == nil); err != nil {
		return err
	}
	s.watcher = s.reader
	if d.watcher != d.reader {
		if s.watcher, err = s.gorm(d, d.watcher, false); err != nil {
			return err
		}
	}
	return s.prepare(ctx, ttl)
}

// gorm wraps a pool. Statements of the writer always run inside a transaction, where gorm's prepared statements are prepared
// anew every time; there the driver's own cache serves, and PostgreSQL's driver has one for all.
func (s *Store) gorm(d *database, pool *sql.DB, prepared bool) (*gorm.DB, error) {
	db, err := gorm.Open(d.dialector(pool), &gorm.Config{
		TranslateError:         true,
		SkipDefaultTransaction: true,
		PrepareStmt:            prepared,
		PrepareStmtMaxSize:     500,
		DisableAutomaticPing:   true,
		// A newer version of Writ may add columns while this one runs: what is read is named.
		QueryFields: d.postgres != nil,
		NowFunc:     s.now,
		Logger:      queryLog{s.logger},
	})
	if err == nil && s.trace != nil {
		err = db.Use(statements{s.trace})
	}
	return db, err
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
	seq, epoch, err := s.Head(ctx)
	s.tail.applied.Store(seq)
	s.epoch = epoch
	return err
}

// oneLine keeps a failure to open from filling the screen of whoever started the program.
func oneLine(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if text == err.Error() {
		return err
	}
	return &openError{text, err}
}

type openError struct {
	text  string
	cause error
}

func (e *openError) Error() string { return e.text }
func (e *openError) Unwrap() error { return e.cause }

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
func (t *transaction) serverTTL() (int64, error) { return serverTTL(t.db) }

func serverTTL(db *gorm.DB) (int64, error) {
	text, err := meta(db, metaLongestTTL)
	if errors.Is(err, models.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}
