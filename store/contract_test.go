package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/writ-auth/writ/store"
	"github.com/writ-auth/writ/store/storetest"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

func TestContractOnSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "writ.db")
	})
}

func TestContractOnPostgreSQL(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) string {
		t.Helper()
		return postgrestest.Copy(t, migrated)
	})
}

// migrated makes the tables. Whoever opens the database afterwards finds them, as after a restart.
func migrated(address string) error {
	s, err := store.Open(context.Background(), store.Config{Database: address, TokenTTL: 1})
	if err != nil {
		return err
	}
	return s.Close()
}
