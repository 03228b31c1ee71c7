package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/writ-auth/writ/models"
)

// Errors of Copy and, the first, of Open.
var (
	// ErrHalfCopied says that Copy has begun to fill a database and has not finished.
	ErrHalfCopied = errors.New("the database is half a copy: finish or drop it")
	// ErrCopyEnds says that a copy does not go from SQLite to PostgreSQL or back.
	ErrCopyEnds = errors.New("one of the two databases must be SQLite, the other PostgreSQL")
	// ErrNotEmpty says that the target holds something else than the beginning of this copy.
	ErrNotEmpty = errors.New("the target is not empty")
	// ErrSourceChanged says that the source is not what it was when the copy began.
	ErrSourceChanged = errors.New("the source has changed since the copy began: drop the target and begin again")
	// ErrCopyDiffers says that what was written is not what was read.
	ErrCopyDiffers = errors.New("the copy is not equal to the source")
)

// CopyProgress is told how many of all rows are copied.
type CopyProgress func(table string, done, total int64)

// CopySummary is what was copied and compared.
type CopySummary struct {
	Tables int
	Rows   int64
}

// Copy copies everything in one database into an empty other one, and then compares both, row by row. Nobody can write to the source
// meanwhile. An interrupted copy is continued by the same call; until it is finished, Open refuses the target.
//
// Numbers of changes and of the audit trail go on where the source's end. The epoch of the change log is a new one: were the source ever
// started again, two databases would give the same numbers to different changes, and who follows them could not tell.
func Copy(ctx context.Context, from, to string, logger *slog.Logger, progress CopyProgress) (CopySummary, error) {
	if IsPostgres(from) == IsPostgres(to) {
		return CopySummary{}, ErrCopyEnds
	}
	source, err := openForCopy(ctx, from, logger)
	if err != nil {
		return CopySummary{}, err
	}
	defer source.Close() //nolint:errcheck // only read
	target, err := openForCopy(ctx, to, logger)
	if err != nil {
		return CopySummary{}, err
	}
	defer target.Close() //nolint:errcheck // what matters is committed
	c := &copying{source: source, target: target, progress: progress}
	err = c.run(ctx)
	return c.summary, classify(err)
}

func openForCopy(ctx context.Context, database string, logger *slog.Logger) (*Store, error) {
	return Open(ctx, Config{Database: database, TokenTTL: 1, Logger: logger, copying: true})
}

// metaCopy is the name of the fact that a database is half a copy; copyState is what it says.
const metaCopy = "copy"

type copyState struct {
	Epoch string // the source's
	Seq   int64  // of its change log
	Audit int64  // of its audit trail
}

// halfCopied keeps servers away from what is not complete.
func (s *Store) halfCopied(ctx context.Context) error {
	_, err := s.Meta(ctx, metaCopy)
	if errors.Is(err, models.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = ErrHalfCopied
	}
	return err
}

// copying is a copy on its way.
type copying struct {
	source, target *Store
	from           *sql.Tx // keeps everybody from writing
	into           *sql.DB
	tables         []table
	total, done    int64
	progress       CopyProgress
	summary        CopySummary
}

func (c *copying) run(ctx context.Context) (err error) {
	if c.into, err = c.target.writer.DB(); err != nil {
		return err
	}
	sqlite := c.source
	if c.source.postgres != nil {
		sqlite = c.target
	}
	if c.tables, err = tables(ctx, sqlite); err != nil {
		return err
	}
	end, err := c.freeze(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := c.begin(ctx); err != nil {
		return err
	}
	for i := range c.tables {
		if err := c.copyTable(ctx, &c.tables[i]); err != nil {
			return fmt.Errorf("table %s: %w", c.tables[i].name, err)
		}
	}
	for i := range c.tables {
		if err := c.compare(ctx, &c.tables[i]); err != nil {
			return fmt.Errorf("table %s: %w", c.tables[i].name, err)
		}
	}
	c.summary = CopySummary{Tables: len(c.tables), Rows: c.total}
	return c.finish(ctx)
}

// freeze begins the transaction that everything is read in. On SQLite it holds the write lock from its beginning.
func (c *copying) freeze(ctx context.Context) (end func(), err error) {
	if c.source.postgres == nil {
		pool, err := c.source.writer.DB()
		if err != nil {
			return nil, err
		}
		if c.from, err = pool.BeginTx(ctx, nil); err != nil {
			return nil, err
		}
		return func() { _ = c.from.Rollback() }, nil
	}
	pool := c.source.postgres.unbounded()
	if c.from, err = pool.BeginTx(ctx, nil); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	end = func() { _, _ = c.from.Rollback(), pool.Close() }
	names := []string{"meta", "change_head", "audit_head"}
	for i := range c.tables {
		names = append(names, c.tables[i].name)
	}
	if _, err := c.from.ExecContext(ctx, "LOCK TABLE "+strings.Join(names, ", ")+" IN SHARE MODE"); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// begin marks the target as the beginning of this copy, or finds that it is.
func (c *copying) begin(ctx context.Context) error {
	var now copyState
	err := c.from.QueryRowContext(ctx, "SELECT c.epoch, c.seq, a.seq FROM change_head c, audit_head a").Scan(&now.Epoch, &now.Seq, &now.Audit)
	if err != nil {
		return err
	}
	for i := range c.tables {
		var rows int64
		if err := c.from.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+c.tables[i].name).Scan(&rows); err != nil {
			return err
		}
		c.total += rows
	}
	text, err := c.target.Meta(ctx, metaCopy)
	switch {
	case err == nil:
		var before copyState
		if err := json.Unmarshal([]byte(text), &before); err != nil {
			return fmt.Errorf("%w: %w", ErrNotEmpty, err)
		}
		switch {
		case before.Epoch != now.Epoch:
			return fmt.Errorf("%w: it is half a copy of another database", ErrNotEmpty)
		case before != now:
			return ErrSourceChanged
		}
		return nil
	case !errors.Is(err, models.ErrNotFound):
		return err
	}
	for i := range c.tables {
		var rows int
		err := c.into.QueryRowContext(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM "+c.tables[i].name+" LIMIT 1) AS filled").Scan(&rows)
		if err != nil {
			return err
		}
		if rows > 0 {
			return fmt.Errorf("%w: there are rows in table %s", ErrNotEmpty, c.tables[i].name)
		}
	}
	state, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return c.target.SetMeta(ctx, metaCopy, string(state))
}

// finish writes what every database has one of, and takes the mark away.
func (c *copying) finish(ctx context.Context) error {
	var seq int64
	if err := c.from.QueryRowContext(ctx, "SELECT seq FROM change_head").Scan(&seq); err != nil {
		return err
	}
	var head auditHead
	err := c.from.QueryRowContext(ctx, "SELECT id, seq, hash, before, anchor FROM audit_head").Scan(&head.ID, &head.Seq, &head.Hash, &head.Before, &head.Anchor)
	if err != nil {
		return err
	}
	facts, err := c.facts(ctx)
	if err != nil {
		return err
	}
	return c.target.write(ctx, func(t *transaction) error {
		if err := t.db.Exec("UPDATE change_head SET seq = ? WHERE id = 1", seq).Error; err != nil {
			return err
		}
		if err := t.save(&head); err != nil {
			return err
		}
		for _, fact := range facts {
			if err := t.setMeta(fact.Name, fact.Value); err != nil {
				return err
			}
		}
		return t.db.Where("name = ?", metaCopy).Delete(&metaRow{}).Error
	})
}

// facts are those of the installation; those of the schema are the target's own.
func (c *copying) facts(ctx context.Context) (facts []metaRow, err error) {
	rows, err := c.from.QueryContext(ctx, "SELECT name, value FROM meta WHERE name NOT IN ('"+metaCopy+"', '"+metaCompatible+"')")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var fact metaRow
		if err := rows.Scan(&fact.Name, &fact.Value); err != nil {
			return nil, err
		}
		facts = append(facts, fact)
	}
	return facts, rows.Err()
}
