package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/writ-auth/writ/models"
)

func openTest(t testing.TB, logger *slog.Logger) *Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "writ.db")
	s, err := Open(t.Context(), Config{Database: "sqlite:" + path, TokenTTL: 1000, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestModelsAndSchemaNameTheSameColumns(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	known := []string{"goose_db_version", "change_head", "audit_head", "sqlite_sequence"}
	for _, model := range []any{
		metaRow{},
		models.Change{},
		models.Organization{},
		models.Application{},
		models.Client{},
		models.Admin{},
		models.Membership{},
		models.PastPassword{},
		models.User{},
		models.Role{},
		models.Group{},
		models.GroupMember{},
		models.RoleAssignment{},
		models.Permission{},
		models.DeniedToken{},
		models.DeniedSubject{},
		models.ClaimChange{},
		models.FailureCount{},
		models.ThrottleWait{},
		models.Policy{},
		models.RegisteredToken{},
		models.RefreshToken{},
		models.StatusList{},
		models.SigningKey{},
		models.LinkToken{},
		models.PortalSession{},
		models.UserImportJob{},
		models.UserImportPart{},
		models.UserImportRefusal{},
		models.AuditEvent{},
		auditOrganization{},
	} {
		parsed, err := schema.Parse(model, &sync.Map{}, s.reader.NamingStrategy)
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, parsed.Table)
		columns, keys := tableColumns(t, s, parsed.Table)
		if want := sorted(parsed.DBNames); !slices.Equal(columns, want) {
			t.Errorf("%s has columns %v, the model %v", parsed.Table, columns, want)
		}
		if want := sorted(parsed.PrimaryFieldDBNames); !slices.Equal(keys, want) {
			t.Errorf("%s has the key %v, the model %v", parsed.Table, keys, want)
		}
	}
	var tables []string
	if err := s.reader.Raw("SELECT name FROM sqlite_master WHERE type = 'table'").Scan(&tables).Error; err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if !slices.Contains(known, table) {
			t.Errorf("no model for table %s", table)
		}
	}
}

func tableColumns(t *testing.T, s *Store, table string) (columns, keys []string) {
	t.Helper()
	var rows []struct {
		Name string
		Pk   int
	}
	if err := s.reader.Raw("SELECT name, pk FROM pragma_table_info(?)", table).Scan(&rows).Error; err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		columns = append(columns, row.Name)
		if row.Pk > 0 {
			keys = append(keys, row.Name)
		}
	}
	return sorted(columns), sorted(keys)
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}

func TestFailuresOfTheDatabaseAreClassified(t *testing.T) { // SEC-78
	t.Parallel()
	for _, test := range []struct {
		err, want error
	}{
		{sqlite3.Error{Code: sqlite3.ErrBusy}, models.ErrUnavailable},
		{sqlite3.Error{Code: sqlite3.ErrLocked}, models.ErrUnavailable},
		{sqlite3.Error{Code: sqlite3.ErrFull}, models.ErrUnavailable},
		{sqlite3.Error{Code: sqlite3.ErrIoErr}, models.ErrUnavailable},
		{fmt.Errorf("commit: %w", sqlite3.Error{Code: sqlite3.ErrCantOpen}), models.ErrUnavailable},
		{driver.ErrBadConn, models.ErrUnavailable},
		{sql.ErrConnDone, models.ErrUnavailable},
		{context.DeadlineExceeded, models.ErrUnavailable},
		{sql.ErrNoRows, models.ErrNotFound},
		{gorm.ErrRecordNotFound, models.ErrNotFound},
		{gorm.ErrForeignKeyViolated, models.ErrNotFound},
		{gorm.ErrDuplicatedKey, models.ErrConflict},
		{context.Canceled, context.Canceled},
		{models.ErrLastMember, models.ErrLastMember},
	} {
		if got := classify(test.err); !errors.Is(got, test.want) {
			t.Errorf("%v became %v, want %v", test.err, got, test.want)
		}
	}
	for _, err := range []error{nil, errors.New("defect"), context.Canceled, sqlite3.Error{Code: sqlite3.ErrError}} {
		if got := classify(err); !errors.Is(got, err) || errors.Is(got, models.ErrUnavailable) {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestAFullDatabaseIsUnavailableAndKeepsWhatItHas(t *testing.T) { // SEC-78
	t.Parallel()
	s := openTest(t, nil)
	if err := s.SetMeta(t.Context(), "a", "kept"); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.Exec("PRAGMA max_page_count = 1").Error; err != nil { // SQLite raises it to the present size
		t.Fatal(err)
	}
	err := s.SetMeta(t.Context(), "a", strings.Repeat("x", 1_000_000))
	if !errors.Is(err, models.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if got, err := s.Meta(t.Context(), "a"); err != nil || got != "kept" {
		t.Errorf("got %.10q, %v", got, err)
	}
}

func TestAWriteQueuesNoLongerThanItsCallerWaits(t *testing.T) { // SEC-78
	t.Parallel()
	s := openTest(t, nil)
	err := s.write(t.Context(), func(*transaction) error { // holds the one connection that writes
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		return s.SetMeta(ctx, "a", "b")
	})
	if !errors.Is(err, models.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestANameTakenBetweenTheLookAndTheInsertIsADuplicate(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	organization, err := models.NewOrganization("acme", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	attempts := 0
	err = s.write(t.Context(), func(*transaction) error {
		attempts++
		if attempts == 1 { // what another replica's commit looks like from here
			return gorm.ErrDuplicatedKey
		}
		return &models.Duplicate{Entity: "organization", Property: "name", Value: organization.Name}
	})
	var duplicate *models.Duplicate
	if !errors.As(err, &duplicate) || attempts != 2 {
		t.Errorf("got %v after %d attempts", err, attempts)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	err := s.reader.Exec("DELETE FROM change_head").Error
	if err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("got %v", err)
	}
}

func TestConnectionsAreSetUpForDurability(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		if err := s.writer.Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil || got != want {
			t.Errorf("%s = %q, want %q (%v)", pragma, got, want, err)
		}
	}
}

func TestTheLogNeverHasValues(t *testing.T) { // SEC-79
	t.Parallel()
	var out bytes.Buffer
	q := queryLog{slog.New(slog.NewTextHandler(&out, nil))}
	s := openTest(t, q.Logger)
	if err := s.SetMeta(t.Context(), "canary-name", "canary-value"); err != nil {
		t.Fatal(err)
	}
	explained := s.reader.ToSQL(func(db *gorm.DB) *gorm.DB { return db.Where("name = ?", "x").Find(&metaRow{}) })
	if !strings.Contains(explained, "meta") {
		t.Fatal(explained)
	}
	text, values := q.ParamsFilter(t.Context(), "SELECT ?", "canary-param")
	q.Trace(t.Context(), time.Now().Add(-time.Hour), func() (string, int64) { return s.reader.Explain(text, values...), 1 }, nil)
	q.Error(t.Context(), "message", "canary-data")
	q.Warn(t.Context(), "message", "canary-data")
	if !strings.Contains(out.String(), "slow query") || strings.Contains(out.String(), "canary") {
		t.Error(out.String())
	}
}

// A million denials are loaded at every start.
func BenchmarkDenials(b *testing.B) {
	s := openTest(b, nil)
	const rows = 100_000
	err := s.write(b.Context(), func(t *transaction) error {
		return t.db.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO denied_tokens (jti, scope, expires, created) SELECT 'jti-0000-0000-0000-' || i, 'management', NULL, 1 FROM n`, rows).Error
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		count := 0
		err := s.Denials(b.Context(), func(models.DeniedToken) { count++ }, func(models.DeniedSubject) {})
		if err != nil || count != rows {
			b.Fatal(count, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}

// A password login reads one user.
func BenchmarkUser(b *testing.B) {
	s := openTest(b, nil)
	input := NewOrganization{}
	input.Organization, _ = models.NewOrganization("acme", time.Now())
	input.Client = models.Client{ID: input.Organization.ID, Kind: models.OrganizationClient, Generation: 1}
	application, _ := models.NewApplication(input.Organization.ID, "shop", time.Now())
	input.Applications = []NewApplication{{
		Application: application, Client: models.Client{ID: application.ID, Kind: models.ApplicationClient, Generation: 1},
	}}
	user, _ := models.NewUser(application.ID, "dana", "", "", time.Now())
	if err := errors.Join(s.CreateOrganization(b.Context(), input), s.CreateUsers(b.Context(), []models.User{user})); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.User(b.Context(), application.ID, "dana"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPruningEmptiesTheTablesBatchByBatch(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	const rows = 2*pruneBatch + 7
	err := s.write(t.Context(), func(t *transaction) error {
		expired := make([]models.DeniedToken, 0, rows)
		for i := range rows {
			expired = append(expired, models.DeniedToken{JTI: fmt.Sprint(i), Scope: "x", Expires: new(int64(1))})
		}
		return t.denyTokens(expired)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return time.Now().Add(changesKept + time.Hour) }
	if err := s.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	var denied, changes int64
	if err := errors.Join(s.reader.Model(&models.DeniedToken{}).Count(&denied).Error, s.reader.Model(&models.Change{}).Count(&changes).Error); err != nil {
		t.Fatal(err)
	}
	if denied != 0 || changes != 0 {
		t.Errorf("%d denials and %d changes are left", denied, changes)
	}
}
