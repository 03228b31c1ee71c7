package store

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm/schema"

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
	if err != nil || len(columns) < len(sealedColumns()) {
		t.Errorf("%v, %v", columns, err)
	}
	forgotten := map[string]bool{}
	for _, model := range forgottenTables() {
		parsed, err := schema.Parse(model, &sync.Map{}, s.reader.NamingStrategy)
		if err != nil {
			t.Fatal(err)
		}
		forgotten[parsed.Table] = true
	}
	for _, c := range columns {
		if !forgotten[c.Table] && !slices.ContainsFunc(sealedColumns(), func(known sealedColumn) bool { return known.table == c.Table && known.column == c.Column }) {
			t.Errorf("%s.%s is neither sealed again nor forgotten", c.Table, c.Column)
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

// An import that waits is sealed with the key that goes: it goes, too, with everything that belongs to it. One that fails lets it be.
func TestResealingForgetsImports(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "writ.db") },
		"PostgreSQL": func(t *testing.T) string { t.Helper(); return postgrestest.Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Database: database(t)}
			s := openAt(t, cfg.Database)
			w := furnish(t, s, time.Now())
			now := time.Now().UnixMilli()
			job := models.UserImportJob{
				ApplicationID: w.shop.ID, ID: uuid.New(), OrganizationID: w.acme.ID, State: models.ImportUploading, Created: now, Modified: now, Expires: now + 1e9,
			}
			part := models.UserImportPart{ImportID: job.ID, Sealed: []byte("sealed")}
			refusal := models.UserImportRefusal{ImportID: job.ID, Line: 1, Refusal: "{}"}
			err := errors.Join(
				s.BeginUserImport(t.Context(), job, models.ImportPlaces{All: 1, PerOrganization: 1}), s.AddUserImportPart(t.Context(), part, 1),
				s.write(t.Context(), func(t *transaction) error { return t.db.Create(&refusal).Error }), s.Close(),
			)
			if err != nil {
				t.Fatal(err)
			}
			rows := func() [3]int64 {
				again := openAt(t, cfg.Database)
				defer again.Close() //nolint:errcheck // a test
				var n [3]int64
				for i, model := range []any{models.UserImportJob{}, models.UserImportPart{}, models.UserImportRefusal{}} {
					if err := again.reader.Model(model).Count(&n[i]).Error; err != nil {
						t.Fatal(err)
					}
				}
				return n
			}
			stop := errors.New("stop")
			if err := reseal(t, cfg, stop); !errors.Is(err, stop) || rows() != [3]int64{1, 1, 1} {
				t.Errorf("%v, %v", err, rows())
			}
			if err := reseal(t, cfg, nil); err != nil || rows() != [3]int64{} {
				t.Errorf("%v, %v", err, rows())
			}
		})
	}
}

// reseal seals everything as it was, unless there is a reason not to.
func reseal(t *testing.T, cfg Config, stop error) error {
	t.Helper()
	s := openAt(t, cfg.Database)
	err := errors.Join(s.write(t.Context(), func(t *transaction) error {
		return t.db.Exec("UPDATE clients SET secret_sealed = ?", []byte("one")).Error
	}), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Reseal(t.Context(), cfg, func(_ Sealed, sealed []byte) ([]byte, error) { return sealed, stop })
	return err
}
