package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// table is what must be known of a table to copy it.
type table struct {
	name    string
	columns []string
	key     []string // columns of the primary key, in their order
}

// single are the tables that every database has the rows of from the beginning, and that of the migrations.
func single() []string {
	return []string{"meta", "change_head", "audit_head", "goose_db_version"}
}

// tables reads the schema of a SQLite database: every table behind those that it refers to. Reading it keeps the copy complete whatever
// tables a later version adds.
func tables(ctx context.Context, s *Store) ([]table, error) {
	var names []string
	err := s.reader.WithContext(ctx).Raw("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name").Scan(&names).Error
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(single(), name) })
	var ordered []table
	for len(names) > 0 {
		before := len(names)
		for _, name := range slices.Clone(names) {
			var parents []string
			if err := s.reader.WithContext(ctx).Raw(`SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)`, name).Scan(&parents).Error; err != nil {
				return nil, err
			}
			if slices.ContainsFunc(parents, func(parent string) bool { return parent != name && slices.Contains(names, parent) }) {
				continue
			}
			one, err := described(ctx, s, name)
			if err != nil {
				return nil, err
			}
			ordered = append(ordered, one)
			names = slices.DeleteFunc(names, func(other string) bool { return other == name })
		}
		if len(names) == before {
			return nil, fmt.Errorf("tables %v refer to each other", names)
		}
	}
	return ordered, nil
}

func described(ctx context.Context, s *Store, name string) (table, error) {
	var columns []struct {
		Name string
		Pk   int
	}
	err := s.reader.WithContext(ctx).Raw("SELECT name, pk FROM pragma_table_info(?)", name).Scan(&columns).Error
	if err != nil {
		return table{}, err
	}
	one := table{name: name, key: make([]string, 0, 1)}
	for place := 1; ; place++ {
		at := slices.IndexFunc(columns, func(c struct {
			Name string
			Pk   int
		},
		) bool {
			return c.Pk == place
		})
		if at < 0 {
			break
		}
		one.key = append(one.key, columns[at].Name)
	}
	for _, column := range columns {
		one.columns = append(one.columns, column.Name)
	}
	if len(one.key) == 0 {
		err = fmt.Errorf("table %s has no primary key", name)
	}
	return one, err
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// rows reads the rows behind a key, in the order of the key; nil is the beginning.
func (t *table) rows(ctx context.Context, from querier, numbered bool, after []any, limit int) (found [][]any, err error) {
	query := "SELECT " + strings.Join(t.columns, ", ") + " FROM " + t.name
	if after != nil {
		query += " WHERE (" + strings.Join(t.key, ", ") + ") > (" + placeholders(len(t.key), 0, numbered) + ")"
	}
	query += " ORDER BY " + strings.Join(t.key, ", ") + " LIMIT " + strconv.Itoa(limit)
	rows, err := from.QueryContext(ctx, query, after...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row, into := make([]any, len(t.columns)), make([]any, len(t.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

// keyOf is the primary key of a row.
func (t *table) keyOf(row []any) []any {
	key := make([]any, 0, len(t.key))
	for _, column := range t.key {
		key = append(key, row[slices.Index(t.columns, column)])
	}
	return key
}

func placeholders(count, before int, numbered bool) string {
	marks := make([]string, count)
	for i := range marks {
		marks[i] = "?"
		if numbered {
			marks[i] = "$" + strconv.Itoa(before+i+1)
		}
	}
	return strings.Join(marks, ", ")
}

// copyTable goes on behind the last row that the target has: rows are written in the order of the key, each batch whole.
func (c *copying) copyTable(ctx context.Context, t *table) error {
	after, there, err := c.reached(ctx, t)
	if err != nil {
		return err
	}
	c.done += there
	for {
		rows, err := t.rows(ctx, c.from, c.source.postgres != nil, after, batch)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := c.insert(ctx, t, rows); err != nil {
			return err
		}
		after = t.keyOf(rows[len(rows)-1])
		c.done += int64(len(rows))
		if c.progress != nil {
			c.progress(t.name, c.done, c.total)
		}
	}
}

// reached is the key of the target's last row and how many it has.
func (c *copying) reached(ctx context.Context, t *table) (key []any, count int64, err error) {
	err = c.into.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+t.name).Scan(&count)
	if err != nil || count == 0 {
		return nil, 0, err
	}
	key = make([]any, len(t.key))
	into := make([]any, len(t.key))
	for i := range key {
		into[i] = &key[i]
	}
	err = c.into.QueryRowContext(ctx, "SELECT "+strings.Join(t.key, ", ")+" FROM "+t.name+
		" ORDER BY "+strings.Join(t.key, " DESC, ")+" DESC LIMIT 1").Scan(into...)
	return key, count, err
}

func (c *copying) insert(ctx context.Context, t *table, rows [][]any) error {
	numbered := c.target.postgres != nil
	values, args := make([]string, 0, len(rows)), make([]any, 0, len(rows)*len(t.columns))
	for _, row := range rows {
		values = append(values, "("+placeholders(len(row), len(args), numbered)+")")
		args = append(args, row...)
	}
	_, err := c.into.ExecContext(ctx, "INSERT INTO "+t.name+" ("+strings.Join(t.columns, ", ")+") VALUES "+strings.Join(values, ", "), args...) //nolint:gosec // G202: of the schema
	return err
}

// compare reads both tables once more.
func (c *copying) compare(ctx context.Context, t *table) error {
	here, rowsHere, err := t.digest(ctx, c.from, c.source.postgres != nil)
	if err != nil {
		return err
	}
	there, rowsThere, err := t.digest(ctx, c.into, c.target.postgres != nil)
	switch {
	case err != nil:
		return err
	case rowsHere != rowsThere:
		return fmt.Errorf("%w: %d rows became %d", ErrCopyDiffers, rowsHere, rowsThere)
	case !bytes.Equal(here, there):
		return fmt.Errorf("%w: its %d rows differ", ErrCopyDiffers, rowsHere)
	}
	return nil
}

func (t *table) digest(ctx context.Context, from querier, numbered bool) ([]byte, int64, error) {
	sum, count := sha256.New(), int64(0)
	var after []any
	for {
		rows, err := t.rows(ctx, from, numbered, after, batch)
		if err != nil || len(rows) == 0 {
			return sum.Sum(nil), count, err
		}
		for _, row := range rows {
			for _, value := range row {
				if err := digest(sum, value); err != nil {
					return nil, 0, err
				}
			}
		}
		count += int64(len(rows))
		after = t.keyOf(rows[len(rows)-1])
	}
}

// digest adds a value to a sum; different values, of different types too, never add the same bytes.
func digest(sum hash.Hash, value any) error {
	var kind byte
	var content []byte
	switch v := value.(type) {
	case nil:
		kind = 'n'
	case string:
		kind, content = 's', []byte(v)
	case []byte:
		kind, content = 'b', v
	case int64:
		kind, content = 'i', binary.BigEndian.AppendUint64(nil, uint64(v)) //nolint:gosec // G115: the same bits
	case bool:
		kind = 'f'
		if v {
			kind = 't'
		}
	default:
		return fmt.Errorf("a value of type %T", value)
	}
	sum.Write([]byte{kind}) // never fails
	sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(content))))
	sum.Write(content)
	return nil
}
