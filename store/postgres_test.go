package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// The two databases have the same tables, columns and types, and on PostgreSQL every text is compared by its bytes.
func TestBothDatabasesHaveTheSameColumns(t *testing.T) {
	t.Parallel()
	type column struct{ Table, Name, Type, Collation, Nullable string }
	var there, here []column
	err := openAt(t, postgrestest.Copy(t, migratedHere)).reader.Raw(`SELECT table_name AS "table", column_name AS name, data_type AS type,
		COALESCE(collation_name, '') AS collation, is_nullable AS nullable
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'`).Scan(&there).Error
	if err != nil {
		t.Fatal(err)
	}
	err = openTest(t, nil).reader.Raw(`SELECT m.name AS "table", c.name AS name, lower(c.type) AS type,
		CASE c.type WHEN 'TEXT' THEN 'C' ELSE '' END AS collation, CASE WHEN c."notnull" THEN 'NO' ELSE 'YES' END AS nullable
		FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'goose_db_version'`).Scan(&here).Error
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range [][]column{here, there} {
		slices.SortFunc(columns, func(a, b column) int { return strings.Compare(a.Table+"."+a.Name, b.Table+"."+b.Name) })
	}
	if len(here) < 50 || !slices.Equal(here, there) {
		for i := range min(len(here), len(there)) {
			if here[i] != there[i] {
				t.Fatalf("SQLite has %v, PostgreSQL %v", here[i], there[i])
			}
		}
		t.Fatalf("SQLite has %d columns, PostgreSQL %d", len(here), len(there))
	}
}

func TestFailuresOfPostgreSQLAreClassified(t *testing.T) { // SEC-78
	t.Parallel()
	for code, want := range map[string]error{
		"08006": models.ErrUnavailable, "08P01": models.ErrUnavailable, "28P01": models.ErrUnavailable, "53300": models.ErrUnavailable,
		"53100": models.ErrUnavailable, "57P01": models.ErrUnavailable, "57P03": models.ErrUnavailable, "57014": models.ErrUnavailable,
		"58030": models.ErrUnavailable, "XX001": models.ErrUnavailable, "40001": models.ErrUnavailable, "40P01": models.ErrUnavailable,
		"25006": models.ErrUnavailable, "25P03": models.ErrUnavailable, "55P03": models.ErrUnavailable, "3D000": models.ErrUnavailable,
	} {
		if got := classify(fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code})); !errors.Is(got, want) {
			t.Errorf("%s became %v, want %v", code, got, want)
		}
	}
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, errors.New("conn closed")} {
		if got := classify(err); !errors.Is(got, models.ErrUnavailable) {
			t.Errorf("%v became %v", err, got)
		}
	}
	for _, code := range []string{"22021", "22P05"} {
		if _, is := errors.AsType[*models.Invalid](classify(&pgconn.PgError{Code: code})); !is {
			t.Errorf("%s is not the caller's fault", code)
		}
	}
	for _, code := range []string{"42601", "42P01", "22P02", "23502"} {
		if got := classify(&pgconn.PgError{Code: code}); errors.Is(got, models.ErrUnavailable) {
			t.Errorf("a defect, %s, became %v", code, got)
		}
	}
}

func TestTransactionsThatWaitForEachOtherBothSucceed(t *testing.T) { // SEC-78
	t.Parallel()
	s := openAt(t, postgrestest.Copy(t, migratedHere))
	var first [2]sync.Once
	var meet, both sync.WaitGroup
	meet.Add(2)
	attempts := make([]int, 2)
	for i := range 2 {
		both.Go(func() {
			err := s.write(t.Context(), func(t *transaction) error {
				attempts[i]++
				if err := t.lock(fmt.Sprint(i)); err != nil {
					return err
				}
				first[i].Do(func() {
					meet.Done()
					meet.Wait() // each has its lock
				})
				return t.lock(fmt.Sprint(1 - i))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if attempts[0]+attempts[1] < 3 {
		t.Errorf("%v attempts: nothing was shown", attempts)
	}
}

func TestWhoWaitsTooLongForALockIsToldSo(t *testing.T) { // SEC-78
	t.Parallel()
	s := openAt(t, postgrestest.Copy(t, migratedHere)+"&lock_timeout=100")
	err := s.write(t.Context(), func(t1 *transaction) error {
		if err := t1.lock("one"); err != nil {
			return err
		}
		err := s.write(t.Context(), func(t2 *transaction) error { return t2.lock("one") })
		if !errors.Is(err, models.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReadersGoOnWhileWritersWait(t *testing.T) { // SEC-78
	t.Parallel()
	address := postgrestest.Copy(t, migratedHere)
	s, err := Open(t.Context(), Config{Database: address, TokenTTL: 1, Connections: leastConnections})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // a test's store
	err = s.write(t.Context(), func(*transaction) error {
		return s.write(t.Context(), func(*transaction) error { // these are all the connections that write
			waiting, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := s.SetMeta(waiting, "a", "b"); !errors.Is(err, models.ErrUnavailable) {
				t.Errorf("a third writer: %v", err)
			}
			return s.Ping(t.Context())
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func TestASnapshotIsOneStateOfPostgreSQL(t *testing.T) {
	t.Parallel()
	s := openAt(t, postgrestest.Copy(t, migratedHere))
	err := s.snapshot(t.Context(), func(db *gorm.DB) error {
		if _, err := meta(db, "fact"); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("before: %v", err)
		}
		if err := s.SetMeta(t.Context(), "fact", "new"); err != nil {
			return err
		}
		if _, err := meta(db, "fact"); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("afterwards: %v", err)
		}
		if err := db.Exec("DELETE FROM meta").Error; err == nil {
			t.Error("a reader wrote")
		}
		return nil
	})
	if err == nil {
		t.Error("the refused statement did not end the transaction")
	}
	if err := s.reader.Exec("DELETE FROM meta").Error; err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a reader wrote: %v", err)
	}
}

// While PostgreSQL is away everything answers that, and says since when it knows nothing new; when it is back, everything goes on with
// what was acknowledged. SEC-78
func TestAStoreOutlivesItsDatabase(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.Start(t)
	var log bytes.Buffer
	s, err := Open(t.Context(), Config{
		Database: cluster.Database(t), TokenTTL: 1000, Logger: slog.New(slog.NewTextHandler(&lockedWriter{w: &log}, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // a test's store
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	tail := follow(s)
	deny := func(jti string) error {
		return s.DenyToken(t.Context(), models.DeniedToken{JTI: jti, Scope: "x"})
	}
	for i := range 10 {
		if err := deny(fmt.Sprint("before ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	since := s.AsOf()
	for range 3 {
		for _, err := range []error{deny("lost"), s.Ping(t.Context()), s.CatchUp(t.Context())} {
			if !errors.Is(err, models.ErrUnavailable) {
				t.Errorf("without a database: %v", err)
			}
		}
	}
	if now := s.AsOf(); now.After(since) {
		t.Errorf("without a database something is known as of %v after %v", now, since)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "a write succeeds", func() bool { return deny("after") == nil })
	await(t, "the tail goes on", func() bool { return s.AsOf().After(since) })
	if seen := tail.seen(); len(seen) != 11 || seen[10].Key != "after" {
		t.Errorf("saw %v", seen)
	}
	count := 0
	if err := s.Denials(t.Context(), func(models.DeniedToken) { count++ }, func(models.DeniedSubject) {}); err != nil || count != 11 {
		t.Errorf("%d denials are left: %v", count, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), postgrestest.Password) {
		t.Error("the log has the password") // SEC-79
	}
}

type lockedWriter struct {
	mutex sync.Mutex
	w     io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.w.Write(p)
}
