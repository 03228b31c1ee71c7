package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// ErrInUse says that another process uses the database.
var ErrInUse = errors.New("a server, or another command, uses the database: stop it first")

// Sealed is where a sealed secret is: the row whose key is ID.
type Sealed struct{ Table, Column, ID string }

// sealedColumn is a column that holds secrets sealed with the master key.
type sealedColumn struct{ table, key, column string }

// sealedColumns are all of them.
func sealedColumns() []sealedColumn {
	return []sealedColumn{
		{"signing_keys", "kid", "sealed"},
		{"clients", "id", "secret_sealed"},
		{"clients", "id", "previous_sealed"},
	}
}

// forgottenTables hold sealed things that go when the key changes: what was uploaded for an import lives for hours, and whoever imports uploads it again.
func forgottenTables() []any {
	return []any{&models.UserImportPart{}, &models.UserImportJob{}}
}

// Reseal replaces every sealed secret of a database by what again makes of it: either all of them or, if again fails for one, none. It
// answers how many there are. Imports of users that were uploaded are gone. Nobody else may use the database meanwhile: ErrInUse.
func Reseal(ctx context.Context, cfg Config, again func(Sealed, []byte) ([]byte, error)) (count int, err error) {
	s, err := openAlone(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = s.write(ctx, func(t *transaction) error {
		count = 0
		for _, c := range sealedColumns() {
			n, err := t.reseal(c, again)
			if err != nil {
				return err
			}
			count += n
		}
		for _, table := range forgottenTables() {
			if err := t.db.Where("1 = 1").Delete(table).Error; err != nil {
				return err
			}
		}
		return t.appendAudit([]models.AuditEvent{{
			Action: "masterkey.replace", ActorLevel: models.AuditSystem, Detail: models.AuditDetail(map[string]any{"secrets": count}),
		}})
	})
	return count, err
}

func (t *transaction) reseal(c sealedColumn, again func(Sealed, []byte) ([]byte, error)) (int, error) {
	var rows []struct {
		ID     string
		Sealed []byte
	}
	present := c.column + " IS NOT NULL AND length(" + c.column + ") > 0"
	err := t.forUpdate().Table(c.table).Select(c.key + " AS id, " + c.column + " AS sealed").Where(present).Order(c.key).Find(&rows).Error
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		sealed, err := again(Sealed{c.table, c.column, row.ID}, row.Sealed)
		if err != nil {
			return 0, fmt.Errorf("%s.%s of %s: %w", c.table, c.column, models.Printable(row.ID), err)
		}
		if err := t.exactlyOne("UPDATE "+c.table+" SET "+c.column+" = ? WHERE "+c.key+" = ?", sealed, row.ID); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// resealing is what this program calls itself to PostgreSQL, to tell its connections from those of others.
const resealing = "writ-keys-reseal"

// openAlone opens a database that nobody else uses.
func openAlone(ctx context.Context, cfg Config) (*Store, error) {
	if path, isFile := strings.CutPrefix(cfg.Database, "sqlite:"); isFile {
		return openFileAlone(ctx, cfg, path)
	}
	address, err := url.Parse(cfg.Database)
	if err != nil {
		return nil, CheckDatabase(cfg.Database)
	}
	query := address.Query()
	query.Set("application_name", resealing)
	address.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // PostgreSQL knows no plus for a blank
	cfg.Database = address.String()
	s, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.alone(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openFileAlone uses a mode in which SQLite locks the whole file at the first access and never lets go. That fails while any other
// connection has the file open.
func openFileAlone(ctx context.Context, cfg Config, path string) (*Store, error) {
	pool, err := sql.Open(sqlite.DriverName, source(path, url.Values{
		"_locking_mode": {"EXCLUSIVE"}, "_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"},
	}))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	s := newStore(cfg)
	err = s.open(ctx, &database{
		name: path, writer: pool, reader: pool, watcher: pool, migrator: pool,
		dialector: func(pool *sql.DB) gorm.Dialector { return sqlite.New(sqlite.Config{Conn: pool}) },
	}, cfg.TokenTTL)
	if err == nil {
		return s, nil
	}
	if failure, is := errors.AsType[sqlite3.Error](err); is && (failure.Code == sqlite3.ErrBusy || failure.Code == sqlite3.ErrLocked) {
		err = ErrInUse
	}
	return nil, errors.Join(err, pool.Close())
}

// aloneAttempts and alonePause bound for how long others may take to hang up: PostgreSQL learns of it a moment later.
const (
	aloneAttempts = 20
	alonePause    = 250 * time.Millisecond
)

// alone looks for other programs that use the database as the same user. One that starts a moment later is not seen: that nobody
// starts one is the operator's part.
func (s *Store) alone(ctx context.Context) error {
	for range aloneAttempts {
		var others int
		err := s.read(ctx).Raw("SELECT count(*) FROM pg_stat_activity "+
			"WHERE datname = current_database() AND usename = current_user AND application_name <> ?", resealing).Scan(&others).Error
		if err != nil || others == 0 {
			return classify(err)
		}
		if !sleep(ctx, alonePause) {
			return ctx.Err()
		}
	}
	return ErrInUse
}
