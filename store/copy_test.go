package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

const copiedUsers = 1203 // more than two batches

// furnished is a SQLite database with something in most tables.
func furnished(t *testing.T) (string, furniture) {
	t.Helper()
	path := "sqlite:" + filepath.Join(t.TempDir(), "writ.db")
	s := openAt(t, path)
	w := furnish(t, s, time.Now())
	users := make([]models.User, copiedUsers)
	for i := range users {
		var err error
		if users[i], err = models.NewUser(w.shop.ID, fmt.Sprint("user", i), "", "Ünïcödé ✓", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.AddRules(t.Context(), w.shop.ID, models.HolderUser, w.dana.ID, []string{"get:/a", "get:/b"})
	for _, err := range []error{
		err, s.CreateUsers(t.Context(), users), s.AppendAudit(t.Context(), []models.AuditEvent{{Action: "x", OrganizationID: &w.acme.ID}}),
		s.DenyToken(t.Context(), models.DeniedToken{JTI: "denied", Scope: w.shop.ID.String()}), s.SetMeta(t.Context(), "fact", "kept"),
		s.CreateSigningKey(t.Context(), models.SigningKey{KID: "k", Alg: "ES256", Purpose: "ordinary", State: "signing", Public: []byte("{}"), Sealed: []byte{}}),
		s.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return path, w
}

func openAt(t *testing.T, database string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Database: database, TokenTTL: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestACopyIsTheSameInBothDirections(t *testing.T) {
	t.Parallel()
	source, w := furnished(t)
	middle, end := postgrestest.Database(t), "sqlite:"+filepath.Join(t.TempDir(), "back.db")
	var last, total int64
	there, err := Copy(t.Context(), source, middle, nil, func(_ string, done, all int64) { last, total = done, all })
	if err != nil || there.Rows < copiedUsers || last != total || total != there.Rows {
		t.Fatal(there, last, total, err)
	}
	back, err := Copy(t.Context(), middle, end, nil, nil)
	if err != nil || back != there {
		t.Fatal(back, there, err)
	}
	before := openAt(t, source)
	seq, epoch, err := before.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, database := range []string{middle, end} {
		s := openAt(t, database)
		now, another, err := s.Head(t.Context())
		if err != nil || now != seq || another == epoch {
			t.Errorf("number %d, want %d; the epochs are %s and %s: %v", now, seq, epoch, another, err)
		}
		if chain, err := s.VerifyAudit(t.Context()); err != nil || chain.Complaint != "" || chain.Entries == 0 {
			t.Errorf("audit trail: %+v %v", chain, err)
		}
		if user, err := s.User(t.Context(), w.shop.ID, "DANA"); err != nil || !reflect.DeepEqual(user, w.dana) {
			t.Errorf("%+v %v", user, err)
		}
		if fact, err := s.Meta(t.Context(), "fact"); err != nil || fact != "kept" {
			t.Error(fact, err)
		}
		// Numbers go on without a gap, so that the trail of a process never misses one.
		if err := s.DenyToken(t.Context(), models.DeniedToken{JTI: "next", Scope: "x"}); err != nil {
			t.Error(err)
		}
		if now, _, err := s.Head(t.Context()); err != nil || now != seq+1 {
			t.Error(now, err)
		}
	}
}

func TestAnInterruptedCopyIsContinued(t *testing.T) {
	t.Parallel()
	source, _ := furnished(t)
	target := postgrestest.Database(t)
	interrupted, interrupt := context.WithCancel(t.Context())
	stopped := int64(0)
	_, err := Copy(interrupted, source, target, nil, func(name string, done, _ int64) {
		if name == "users" {
			stopped = done
			interrupt()
		}
	})
	if !errors.Is(err, context.Canceled) || stopped == 0 {
		t.Fatal(err, stopped)
	}
	if _, err := Open(t.Context(), Config{Database: target, TokenTTL: 1}); !errors.Is(err, ErrHalfCopied) {
		t.Fatalf("a server may use half a copy: %v", err)
	}
	first := int64(0)
	summary, err := Copy(t.Context(), source, target, nil, func(_ string, done, _ int64) {
		if first == 0 {
			first = done
		}
	})
	if err != nil || first <= stopped {
		t.Fatalf("it went on at %d of %d, having stopped at %d: %v", first, summary.Rows, stopped, err)
	}
	if _, err := Copy(t.Context(), source, target, nil, nil); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("a second copy: %v", err)
	}
}

func TestACopyRefusesWhatItWouldMix(t *testing.T) {
	t.Parallel()
	source, w := furnished(t)
	target := postgrestest.Database(t)
	begun, stop := context.WithCancel(t.Context())
	_, _ = Copy(begun, source, target, nil, func(string, int64, int64) { stop() })
	s := openAt(t, source)
	if _, err := s.UpdateUser(t.Context(), w.shop.ID, w.dana.ID, func(u *models.User) error { u.Name = "changed"; return nil }); err != nil {
		t.Fatal(err)
	}
	other, _ := furnished(t)
	for name, test := range map[string]struct {
		from, to string
		want     error
	}{
		"the same kind":              {source, "sqlite:" + filepath.Join(t.TempDir(), "x.db"), ErrCopyEnds},
		"a source that went on":      {source, target, ErrSourceChanged},
		"half a copy of another one": {other, target, ErrNotEmpty},
		"a database in use":          {postgrestest.Copy(t, migratedHere), other, ErrNotEmpty},
	} {
		if _, err := Copy(t.Context(), test.from, test.to, nil, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func migratedHere(address string) error {
	s, err := Open(context.Background(), Config{Database: address, TokenTTL: 1})
	if err != nil {
		return err
	}
	return s.Close()
}

func TestACopyThatDiffersIsNotFinished(t *testing.T) {
	t.Parallel()
	source, w := furnished(t)
	target := postgrestest.Database(t)
	behind := openAt(t, target)
	_, err := Copy(t.Context(), source, target, nil, func(name string, _, _ int64) {
		if name == "users" {
			_ = behind.writer.Exec("UPDATE users SET name = 'damaged' WHERE id = ?", w.dana.ID).Error
		}
	})
	if !errors.Is(err, ErrCopyDiffers) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(t.Context(), Config{Database: target, TokenTTL: 1}); !errors.Is(err, ErrHalfCopied) {
		t.Errorf("got %v", err)
	}
}

// Nobody writes to a source while it is copied.
func TestASourceStandsStillWhileItIsCopied(t *testing.T) {
	t.Parallel()
	source, _ := furnished(t)
	middle := postgrestest.Database(t)
	for _, ends := range [][2]string{{source, middle}, {middle, "sqlite:" + filepath.Join(t.TempDir(), "back.db")}} {
		beside := openAt(t, ends[0])
		tried := false
		_, err := Copy(t.Context(), ends[0], ends[1], nil, func(string, int64, int64) {
			if tried {
				return
			}
			tried = true
			waiting, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := beside.DenyToken(waiting, models.DeniedToken{JTI: "late", Scope: "x"}); !errors.Is(err, models.ErrUnavailable) {
				t.Errorf("a write while copying: %v", err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
