package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path, TokenTTL: 86_400_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestOpenCreatesFolderAndFilesForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	s := open(t, filepath.Join(folder, "odd ?#%.db"))
	if err := s.SetMeta(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		seen++
		return err
	})
	if err != nil || seen != 4 {
		t.Fatalf("found %d entries, want the folder, the database, -wal and -shm: %v", seen, err)
	}
}

func TestOpenRefusesInOneClearLine(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("this is not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		database, want string
	}{
		"another kind of database":  {"mysql:x", "want sqlite:PATH"},
		"no path":                   {"sqlite:", "want sqlite:PATH"},
		"memory":                    {"sqlite::memory:", "want sqlite:PATH"},
		"a folder that cannot be":   {"sqlite:" + filepath.Join(file, "sub", "writ.db"), "not a directory"},
		"a file that is none of us": {"sqlite:" + file, "file is not a database"},
		"a folder":                  {"sqlite:" + folder, "unable to open database file"},
		"nobody listens":            {"postgres://writ:canary@127.0.0.1:1/writ", "connection refused"},
		"a malformed address":       {"postgres://writ:canary%@[::/writ", "the address of the database is malformed"},
		"an unknown option":         {"postgres://writ:canary@127.0.0.1:1/writ?sslmode=canary", "the address of the database is malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.Open(t.Context(), store.Config{Database: test.database, TokenTTL: 1})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "canary") {
				t.Fatalf("got %v, want %q", err, test.want)
			}
		})
	}
}

// The version of Writ that changed the schema has said in the database which older ones may go on.
func TestOpenObeysWhatANewerSchemaSays(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		t.Helper()
		s, err := store.Open(t.Context(), store.Config{Database: database, TokenTTL: 1})
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
		raw := rawSQL(t, database)
		execute := func(statement string) {
			t.Helper()
			if _, err := raw.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		execute("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, " + map[bool]string{true: "TRUE", false: "1"}[store.IsPostgres(database)] + ")")
		s, err = store.Open(t.Context(), store.Config{Database: database, TokenTTL: 1})
		if err != nil {
			t.Fatalf("an additive change: %v", err)
		}
		_ = s.Close()
		for _, statement := range []string{
			"UPDATE meta SET value = '99999' WHERE name = 'schema_compatible_from'", "DELETE FROM meta WHERE name = 'schema_compatible_from'",
		} {
			execute(statement)
			_, err = store.Open(t.Context(), store.Config{Database: database, TokenTTL: 1})
			if !errors.Is(err, store.ErrNewerSchema) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("after %s: %v", statement, err)
			}
		}
	})
}

// onBoth runs a test on an empty SQLite database and on an empty PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "writ.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, postgrestest.Database(t))
	})
}

// rawSQL is a way to the database past the store.
func rawSQL(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, source := "pgx", database
	if path, is := strings.CutPrefix(database, "sqlite:"); is {
		driver, source = "sqlite3", path
	}
	raw, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

func TestManyMayOpenANewDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		t.Helper()
		var all sync.WaitGroup
		var mutex sync.Mutex
		epochs := map[string]bool{}
		for range 8 {
			all.Go(func() {
				s, err := store.Open(t.Context(), store.Config{Database: database, TokenTTL: 1000})
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = s.Close() }()
				if empty, err := s.Empty(t.Context()); err != nil || !empty {
					t.Errorf("empty: %v %v", empty, err)
				}
				_, epoch, err := s.Head(t.Context())
				if err != nil {
					t.Error(err)
				}
				mutex.Lock()
				defer mutex.Unlock()
				epochs[epoch] = true
			})
		}
		all.Wait()
		if len(epochs) != 1 {
			t.Errorf("epochs %v", epochs)
		}
	})
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		t.Helper()
		s, err := store.Open(t.Context(), store.Config{Database: database, TokenTTL: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{s.Ping(t.Context()), s.SetMeta(t.Context(), "a", "b"), s.CatchUp(t.Context())} {
			unavailable(t, err)
		}
		_, err = s.Organization(t.Context(), "acme")
		unavailable(t, err)
	})
}

func unavailable(t *testing.T, err error) {
	t.Helper()
	wantError(t, err, models.ErrUnavailable)
}
