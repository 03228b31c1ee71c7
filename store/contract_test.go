package store_test

import (
	"path/filepath"
	"testing"

	"github.com/writ-auth/writ/store/storetest"
)

func TestContractOnSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) string {
		t.Helper()
		return "sqlite:" + filepath.Join(t.TempDir(), "writ.db")
	})
}
