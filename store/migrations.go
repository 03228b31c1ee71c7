package store

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// additive is the line by which a migration says that the version of Writ before it works with the tables behind it: it adds tables, indexes, or
// columns that have a default. Everything else needs that all replicas stop.
const additive = "-- additive"

// Migration is one numbered change of the schema.
type Migration struct {
	Version int64
	Name    string
	// Additive: versions of Writ that do not know it go on working.
	Additive bool
	// Applied is when it was; zero: it was not.
	Applied time.Time
}

// steps are the migrations of this binary, in order.
func steps() ([]Migration, error) {
	files := migrationFiles()
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	all := make([]Migration, 0, len(names))
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		lines := strings.Split(string(text), "\n")
		all = append(all, Migration{Version: version, Name: strings.TrimSuffix(name, ".sql"), Additive: slices.Contains(lines, additive)})
	}
	return all, nil
}

// Migrations tells which changes of the schema this binary knows, and which of them the database has. It changes nothing. version is the
// database's; it may be newer than all of them.
func Migrations(ctx context.Context, cfg Config) (known []Migration, version int64, err error) {
	err = withSchema(cfg, func(_ *database, s *migrationSet) error {
		known = s.steps
		applied, err := s.Status(ctx)
		if err != nil {
			return err
		}
		for at := range applied {
			if applied[at].State == goose.StateApplied {
				known[at].Applied = applied[at].AppliedAt
			}
		}
		version, err = s.GetDBVersion(ctx)
		return err
	})
	return known, version, err
}

// ErrUnknownVersion says that there is no such version of the schema.
var ErrUnknownVersion = errors.New("there is no such version of the schema")

// MigrateTo brings the schema to a version that this binary knows. Going down destroys what later versions keep.
func MigrateTo(ctx context.Context, cfg Config, version int64) error {
	return withSchema(cfg, func(d *database, s *migrationSet) error {
		if version != 0 && !slices.ContainsFunc(s.steps, func(m Migration) bool { return m.Version == version }) {
			return ErrUnknownVersion
		}
		return d.alone(ctx, func(ctx context.Context) (int64, error) {
			current, target, err := s.GetVersions(ctx)
			switch {
			case err != nil:
				return -1, err
			case current > target:
				return current, fmt.Errorf("%w: its schema is version %d, this binary knows %d", ErrNewerSchema, current, target)
			case current < version:
				return current, s.up(ctx, current, version)
			case current == version:
				return current, nil
			}
			if _, err := s.DownTo(ctx, version); err != nil || version == 0 {
				return current, err
			}
			return current, s.note(ctx, version)
		})
	})
}

func withSchema(cfg Config, work func(*database, *migrationSet) error) error {
	d, err := connect(cfg)
	if err != nil {
		return err
	}
	s, err := newMigrationSet(d)
	if err == nil {
		err = work(d, s)
	}
	if err != nil {
		err = fmt.Errorf("database %s: %w", d.name, oneLine(err))
	}
	return errors.Join(err, d.close())
}

// rendered is the migrations in the words of PostgreSQL: texts compare by their bytes, as they do in SQLite, whatever the language of the
// database. So both sort alike, and what is unique is the same.
type rendered struct{ fs.FS }

func (r rendered) Open(name string) (fs.File, error) {
	file, err := r.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &renderedFile{file, bytes.NewReader(regexp.MustCompile(`\bTEXT\b`).ReplaceAll(text, []byte(`TEXT COLLATE "C"`)))}, nil
}

type renderedFile struct {
	fs.File

	content *bytes.Reader
}

func (f *renderedFile) Read(p []byte) (int, error) { return f.content.Read(p) }
