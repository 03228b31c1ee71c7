package store

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// Whatever is sealed must be sealed again: a forgotten column is lost with the old key.
func TestEverySealedColumnIsKnown(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	var columns []struct{ Table, Column string }
	err := s.reader.Raw(`SELECT m.name AS "table", c.name AS "column" FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name LIKE '%sealed%'`).Scan(&columns).Error
	if err != nil || len(columns) != len(sealedColumns()) {
		t.Errorf("%v, %v", columns, err)
	}
	for _, c := range columns {
		if !slices.ContainsFunc(sealedColumns(), func(known sealedColumn) bool { return known.table == c.Table && known.column == c.Column }) {
			t.Errorf("%s.%s is not sealed again", c.Table, c.Column)
		}
	}
}

func TestResealChangesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		testReseal(t, "sqlite:"+filepath.Join(t.TempDir(), "writ.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		testReseal(t, postgrestest.Database(t))
	})
}

func testReseal(t *testing.T, database string) {
	t.Helper()
	ctx := t.Context()
	cfg := Config{Database: database}
	s, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	owner := uuid.New()
	seed := func(t *transaction) error {
		return errors.Join(
			t.db.Create(&models.SigningKey{KID: "a", State: models.KeySigning, Public: []byte("p"), Sealed: []byte("one")}).Error,
			t.db.Create(&models.SigningKey{KID: "b", State: models.KeyRemoved, Public: []byte("p"), Sealed: []byte{}}).Error,
			t.db.Create(&models.Client{ID: owner, Kind: models.ApplicationClient, SecretSealed: []byte("two"), PreviousSealed: []byte("three")}).Error,
		)
	}
	if err := s.write(ctx, seed); err != nil {
		t.Fatal(err)
	}
	change := func(stop error) func(Sealed, []byte) ([]byte, error) {
		return func(at Sealed, sealed []byte) ([]byte, error) {
			if at.Column == "previous_sealed" && stop != nil {
				return nil, stop
			}
			return append([]byte(at.ID+" "), sealed...), nil
		}
	}
	if _, err := Reseal(ctx, cfg, change(nil)); !errors.Is(err, ErrInUse) {
		t.Errorf("while it is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sealed := func() string {
		again, err := Open(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close() //nolint:errcheck // a test
		keys, err := again.SigningKeys(ctx)
		if err != nil {
			t.Fatal(err)
		}
		client, err := again.Client(ctx, owner)
		if err != nil {
			t.Fatal(err)
		}
		return string(bytes.Join([][]byte{keys[0].Sealed, keys[1].Sealed, client.SecretSealed, client.PreviousSealed}, []byte{'|'}))
	}
	stop := errors.New("stop")
	if _, err := Reseal(ctx, cfg, change(stop)); !errors.Is(err, stop) || sealed() != "one||two|three" {
		t.Errorf("%v, %s", err, sealed())
	}
	want := "a one||" + owner.String() + " two|" + owner.String() + " three"
	if n, err := Reseal(ctx, cfg, change(nil)); err != nil || n != 3 || sealed() != want {
		t.Errorf("%d, %v, %s", n, err, sealed())
	}
}
