package userimport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants/transfer"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

const (
	sha1Hash   = "{sha1}a9993e364706816aba3e25717850c26c9cd0d89d"
	bcryptHash = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
)

// world is a database with the application shop and a service that works only when it is told to.
type world struct {
	*Service

	db       *store.Store
	database string
	acme     models.Organization
	shop     models.Application
	admins   admins
	log      *bytes.Buffer
	later    atomic.Int64 // how much later it is than it is
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{log: &bytes.Buffer{}, database: filepath.Join(t.TempDir(), "writ.db")}
	var err error
	w.db, err = store.Open(t.Context(), store.Config{Database: "sqlite:" + w.database, TokenTTL: 1000, Now: w.now})
	must(t, err)
	t.Cleanup(func() { _ = w.db.Close() })
	w.acme, err = models.NewOrganization("acme", time.Now())
	must(t, err)
	w.shop, err = models.NewApplication(w.acme.ID, "shop", time.Now())
	must(t, err)
	client := func(kind models.ClientKind, owner uuid.UUID) models.Client {
		return models.Client{ID: owner, Kind: kind, SecretHash: []byte{1}, Generation: 1}
	}
	must(t, w.db.CreateOrganization(t.Context(), models.OrganizationSeed{
		Organization: w.acme, Client: client(models.OrganizationClient, w.acme.ID),
		Applications: []models.ApplicationSeed{{Application: w.shop, Client: client(models.ApplicationClient, w.shop.ID)}},
	}))
	w.Service, w.admins = w.replica(t), newAdmins(t, w.db, w.acme.ID)
	return w
}

// replica is one more process on the database.
func (w *world) replica(t testing.TB) *Service {
	t.Helper()
	sealer, err := keys.NewSealer(make([]byte, 32))
	must(t, err)
	return New(Config{Store: w.db, Sealer: sealer, Now: w.now, Logger: slog.New(slog.NewTextHandler(w.log, nil))})
}

func (w *world) upload(text io.Reader, trusted bool) Upload {
	return Upload{File: text, Job: models.UserImportJob{
		ApplicationID: w.shop.ID, ApplicationName: "shop", OrganizationID: w.acme.ID, OnConflict: models.ConflictFail, Trusted: trusted,
		AdminID: w.admins.uploader(trusted).ID, AdminName: "olga", Source: "192.0.2.7", File: "users.jsonl",
	}}
}

// take uploads a text and answers its import.
func (w *world) take(t *testing.T, text string, trusted bool) models.UserImportJob {
	t.Helper()
	job, err := w.Take(t.Context(), w.upload(strings.NewReader(text), trusted))
	must(t, err)
	return job
}

// works does one phase of what waits.
func works(t testing.TB, s *Service) {
	t.Helper()
	if worked, err := s.next(t.Context()); err != nil || !worked {
		t.Fatalf("worked %t, %v", worked, err)
	}
}

// wantState tells the counts, too.
func (w *world) wantState(t *testing.T, want models.ImportState) (models.UserImportJob, transfer.Summary) {
	t.Helper()
	job, summary, err := w.Find(t.Context(), w.shop.ID)
	must(t, err)
	if job.State != want {
		t.Fatalf("the import is %s, want %s", job.State, want)
	}
	return job, summary
}

func (w *world) users(t *testing.T) int {
	t.Helper()
	users, _, err := w.db.Users(t.Context(), w.shop.ID, models.UserFilter{}, models.Page{Limit: models.MaxLimit})
	must(t, err)
	return len(users)
}

// linesOf are some users.
func linesOf(count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, `{"username":"user-%d","name":"User %d"}`+"\n", i, i)
	}
	return b.String()
}

func TestAFileIsCheckedAndThenImported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const file = `{"username":"dana","hash":"` + bcryptHash + `"}` + "\n" + `{"username":"erik","hash":"` + sha1Hash + `"}` + "\n" +
		`{"username":"finn","password":"x"}` + "\n" + `{"username":"gwen"}`
	w.take(t, file, true)
	w.wantState(t, models.ImportChecking)
	works(t, w.Service)
	job, summary := w.wantState(t, models.ImportChecked)
	if summary.Created != 3 || summary.Rejected != 1 || summary.Fast != 1 || summary.NoHash != 1 || job.Done != int64(len(file)) {
		t.Errorf("checked %+v of %d bytes", summary, job.Done)
	}
	if w.users(t) != 0 {
		t.Error("a check has written users")
	}
	must(t, w.Confirm(t.Context(), w.shop.ID, job.ID))
	works(t, w.Service)
	job, summary = w.wantState(t, models.ImportDone)
	if summary.Created != 3 || summary.Rejected != 1 || w.users(t) != 3 {
		t.Errorf("imported %+v", summary)
	}
	refusals, err := w.Refusals(t.Context(), job.ID, 0, 10)
	must(t, err)
	if len(refusals) != 1 || refusals[0].Line != 3 || !strings.Contains(refusals[0].Refusal, "passwords in the clear are not imported") {
		t.Errorf("refused %+v", refusals)
	}
	events, _, err := w.db.Audit(t.Context(), models.AuditFilter{Action: "user.import"}, models.Page{Limit: 10})
	must(t, err)
	if len(events) != 1 || events[0].ActorName != "olga" || events[0].ActorLevel != models.AuditSuperuser || events[0].Source != "192.0.2.7" {
		t.Errorf("trail %+v", events)
	}
	if worked, err := w.next(t.Context()); worked || err != nil {
		t.Errorf("there is still something to do: %t, %v", worked, err)
	}
}

// Whoever has rights in one application only brings no hashes, which cost everybody time, and chooses no identifiers: one that something else has
// could have its tokens denied.
//
// SEC-70
func TestMembersBringNoHashesAndChooseNoIdentifiers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := uuid.New()
	w.take(t, `{"username":"dana","hash":"`+bcryptHash+`"}`+"\n"+`{"username":"erik","pin":"`+bcryptHash+`"}`+"\n"+
		`{"username":"finn","uuid":"`+id.String()+`","created":1}`, false)
	works(t, w.Service)
	job, summary := w.wantState(t, models.ImportChecked)
	if summary.Rejected != 2 {
		t.Errorf("checked %+v", summary)
	}
	must(t, w.Confirm(t.Context(), w.shop.ID, job.ID))
	works(t, w.Service)
	finn, err := w.db.User(t.Context(), w.shop.ID, "finn")
	must(t, err)
	if finn.ID == id || finn.Created == 1 || w.users(t) != 1 {
		t.Errorf("imported %+v", finn)
	}
}

// What is uploaded is nowhere in the clear, and nowhere at all when it is not needed any more.
//
// SEC-79
func TestWhatIsUploadedIsSealedAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := func() (count int64) {
		job, _, err := w.Find(t.Context(), w.shop.ID)
		must(t, err)
		for part := range job.Parts {
			sealed, err := w.db.UserImportPart(t.Context(), job.ID, part)
			if errors.Is(err, models.ErrNotFound) {
				continue
			}
			must(t, err)
			if count++; bytes.Contains(sealed, []byte("canary")) {
				t.Error("a part is in the clear")
			}
		}
		return count
	}
	const file = `{"username":"canary","hash":"` + bcryptHash + `"}` + "\n" + `{"username":"canary","hash":"` + sha1Hash + `"}`
	for name, end := range map[string]func(models.UserImportJob){
		"cancelled": func(job models.UserImportJob) { must(t, w.Cancel(t.Context(), w.shop.ID, job.ID)) },
		"done": func(job models.UserImportJob) {
			works(t, w.Service)
			must(t, w.Confirm(t.Context(), w.shop.ID, job.ID))
			works(t, w.Service)
		},
	} {
		job := w.take(t, file, true)
		if parts() != 1 {
			t.Errorf("%s: nothing is kept", name)
		}
		if end(job); parts() != 0 {
			t.Errorf("%s: what was uploaded is still there", name)
		}
	}
	job := w.take(t, file, true)
	works(t, w.Service)
	w.later.Add(int64(checkedLife + time.Second))
	if err := w.Confirm(t.Context(), w.shop.ID, job.ID); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("forgotten, and confirmed: %v", err)
	}
	_, err := w.db.PruneDenials(t.Context(), 100)
	must(t, err)
	if _, err := w.db.UserImportPart(t.Context(), job.ID, 0); !errors.Is(err, models.ErrNotFound) {
		t.Errorf("forgotten, and still there: %v", err)
	}
	if text := w.log.String(); strings.Contains(text, "canary") || strings.Contains(text, bcryptHash) {
		t.Errorf("log %s", text)
	}
}

// SEC-75
func TestFilesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := errors.New("the line broke")
	for name, c := range map[string]struct {
		file io.Reader
		want error
	}{
		"empty":          {strings.NewReader(""), ErrEmpty},
		"too many lines": {strings.NewReader(strings.Repeat("\n", MaxLines+1)), ErrTooMany},
		"too large":      {io.LimitReader(endless{}, MaxBytes+1), ErrTooLarge},
		"broken off":     {io.MultiReader(strings.NewReader(linesOf(20_000)), iotest.ErrReader(broken)), broken},
	} {
		job, err := w.Take(t.Context(), w.upload(c.file, true))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.db.UserImportPart(t.Context(), job.ID, 0); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("%s: what was uploaded stays: %v", name, err)
		}
		if _, _, err := w.Find(t.Context(), w.shop.ID); !errors.Is(err, models.ErrNotFound) {
			t.Errorf("%s: there is an import: %v", name, err)
		}
	}
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = 'x'
	}
	return len(into), nil
}

func TestAnApplicationHasOneImportAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.take(t, linesOf(3), true)
	for _, state := range []models.ImportState{models.ImportChecking, models.ImportChecked} {
		if _, err := w.Take(t.Context(), w.upload(strings.NewReader(linesOf(3)), true)); !errors.Is(err, ErrBusy) {
			t.Errorf("a second one while the first is %s: %v", state, err)
		}
		if state == models.ImportChecking {
			works(t, w.Service)
		}
	}
	w.wantState(t, models.ImportChecked)
	if err := w.Confirm(t.Context(), w.shop.ID, uuid.New()); !errors.Is(err, ErrOver) {
		t.Errorf("another one was confirmed: %v", err)
	}
	must(t, w.Cancel(t.Context(), w.shop.ID, job.ID))
	if err := w.Confirm(t.Context(), w.shop.ID, job.ID); !errors.Is(err, ErrOver) {
		t.Errorf("a cancelled one was confirmed: %v", err)
	}
	w.take(t, linesOf(3), true)
}

// stops is a database at which the process dies before the n-th batch is stored.
type stops struct {
	Store

	left int
	die  func()
}

func (s *stops) ImportUsers(ctx context.Context, in models.UserImport) ([]models.ImportOutcome, error) {
	if s.left--; s.left < 0 {
		s.die()
		return nil, context.Canceled
	}
	return s.Store.ImportUsers(ctx, in)
}

// A process that is stopped in the middle lets another one go on at once; one that dies without a word is waited for. Each user is imported once.
func TestAnotherProcessGoesOn(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"stopped": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.take(t, linesOf(3500)+"broken\n", true)
			works(t, w.Service)
			job, _ := w.wantState(t, models.ImportChecked)
			must(t, w.Confirm(t.Context(), w.shop.ID, job.ID))

			dying, die := context.WithCancel(t.Context())
			w.Store = &stops{Store: w.db, left: 2, die: die}
			if killed {
				taken, err := w.Store.TakeUserImport(t.Context(), w.id, w.Now().Add(lease).UnixMilli())
				must(t, err)
				if err := w.work(dying, &taken); err == nil {
					t.Fatal("it did not die")
				}
			} else if _, err := w.next(dying); err != nil {
				t.Fatal(err)
			}
			w.Store = w.db
			if _, summary := w.wantState(t, models.ImportRunning); summary.Created != 2000 {
				t.Fatalf("%+v are in", summary)
			}
			heir := w.replica(t)
			if killed {
				if worked, err := heir.next(t.Context()); worked || err != nil {
					t.Fatalf("another process did not wait: %t, %v", worked, err)
				}
				w.later.Add(int64(lease + time.Second))
			}
			works(t, heir)
			_, summary := w.wantState(t, models.ImportDone)
			if summary.Created != 3500 || summary.Rejected != 1 || summary.Lines != 3501 {
				t.Errorf("all in all %+v", summary)
			}
		})
	}
}

// A process that comes back after its import was given to another one, or cancelled, stores nothing.
func TestAFormerHolderStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.take(t, linesOf(10), true)
	works(t, w.Service)
	job, _ := w.wantState(t, models.ImportChecked)
	must(t, w.Confirm(t.Context(), w.shop.ID, job.ID))
	late, err := w.Store.TakeUserImport(t.Context(), w.id, w.Now().Add(lease).UnixMilli())
	must(t, err)
	w.later.Add(int64(lease + time.Second))
	heir := w.replica(t)
	taken, err := w.db.TakeUserImport(t.Context(), heir.id, w.Now().Add(lease).UnixMilli())
	must(t, err)
	if err := w.work(t.Context(), &late); !errors.Is(err, models.ErrSpent) || w.users(t) != 0 {
		t.Errorf("late: %v, %d users", err, w.users(t))
	}
	must(t, heir.Cancel(t.Context(), w.shop.ID, job.ID))
	if err := heir.work(t.Context(), &taken); !errors.Is(err, models.ErrSpent) || w.users(t) != 0 {
		t.Errorf("cancelled: %v, %d users", err, w.users(t))
	}
	w.wantState(t, models.ImportCancelled)
}

func TestAnImportIntoADeletedApplicationFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.take(t, linesOf(10), true)
	must(t, w.db.DeleteApplication(t.Context(), w.shop.ID))
	works(t, w.Service)
	if job, _ := w.wantState(t, models.ImportFailed); job.Problem != ProblemApplication {
		t.Errorf("problem %q", job.Problem)
	}
}
