package store_test

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.Open(t.Context(), store.Config{Database: test.database, TokenTTL: 1})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "writ.db")
	_ = open(t, path).Close()
	raw, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	if _, err := raw.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), store.Config{Database: "sqlite:" + path, TokenTTL: 1})
	if err == nil || !strings.Contains(err.Error(), store.ErrNewerSchema.Error()) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v", err)
	}
}

func TestManyMayOpenANewDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "writ.db")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path, TokenTTL: 1000})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			if empty, err := s.Empty(t.Context()); err != nil || !empty {
				t.Errorf("empty: %v %v", empty, err)
			}
		})
	}
	all.Wait()
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "writ.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Ping(t.Context()), s.SetMeta(t.Context(), "a", "b"), s.CatchUp(t.Context())} {
		unavailable(t, err)
	}
	_, err := s.Organization(t.Context(), "acme")
	unavailable(t, err)
}

func unavailable(t *testing.T, err error) {
	t.Helper()
	wantError(t, err, models.ErrUnavailable)
}
