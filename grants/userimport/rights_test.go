package userimport

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// admins are the superuser and a member of the organization.
type admins struct{ olga, rita models.Admin }

func newAdmins(t testing.TB, db *store.Store, organization uuid.UUID) (a admins) {
	t.Helper()
	var err error
	a.olga, err = models.NewAdmin("olga", "olga@example.com", "", time.Now())
	must(t, err)
	a.olga.Superuser = true
	must(t, db.CreateAdmin(t.Context(), a.olga))
	a.rita, err = models.NewAdmin("rita", "rita@example.com", "", time.Now())
	must(t, err)
	must(t, db.CreateAdmin(t.Context(), a.rita, organization))
	return a
}

func (a *admins) uploader(trusted bool) *models.Admin {
	if trusted {
		return &a.olga
	}
	return &a.rita
}

// Confirm is the superuser's word.
func (w *world) Confirm(ctx context.Context, application, id uuid.UUID) error {
	return w.Service.Confirm(ctx, application, id, &w.admins.olga, "192.0.2.7")
}

// A file with hashes is the superuser's to bring in, and the trail names who has said yes, not who has brought the file.
//
// SEC-70, SEC-80
func TestWhoConfirmsIsWhoImports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.take(t, linesOf(1), true)
	works(t, w.Service)
	if err := w.Service.Confirm(t.Context(), w.shop.ID, job.ID, &w.admins.rita, "192.0.2.9"); !errors.Is(err, ErrTrusted) {
		t.Errorf("a member has started the superuser's file: %v", err)
	}
	w.wantState(t, models.ImportChecked)
	must(t, w.Cancel(t.Context(), w.shop.ID, job.ID))

	upload := w.take(t, linesOf(1), false)
	works(t, w.Service)
	must(t, w.Confirm(t.Context(), w.shop.ID, upload.ID))
	works(t, w.Service)
	w.wantState(t, models.ImportDone)
	events, _, err := w.db.Audit(t.Context(), models.AuditFilter{Action: "user.import"}, models.Page{Limit: 10})
	must(t, err)
	if len(events) != 1 || *events[0].ActorID != w.admins.olga.ID || events[0].ActorName != "olga" || events[0].ActorLevel != models.AuditSuperuser {
		t.Errorf("trail %+v", events)
	}
}

// withdraws takes an admin's rights away behind the first batch.
type withdraws struct {
	Store

	withdraw func()
}

func (s *withdraws) ImportUsers(ctx context.Context, in models.UserImport) ([]models.ImportOutcome, error) {
	outcomes, err := s.Store.ImportUsers(ctx, in)
	if err == nil {
		s.withdraw()
	}
	return outcomes, err
}

// What an admin has left running ends with his rights, and waits for nobody to notice.
//
// SEC-70
func TestAnImportEndsWithTheRightsOfItsAdmin(t *testing.T) {
	t.Parallel()
	for name, withdraw := range map[string]func(t *testing.T, w *world) error{
		"removed": func(t *testing.T, w *world) error {
			t.Helper()
			return w.db.RemoveMember(t.Context(), w.admins.rita.ID, w.acme.ID)
		},
		"disabled": func(t *testing.T, w *world) error {
			t.Helper()
			_, err := w.db.UpdateAdmin(t.Context(), w.admins.rita.ID, func(a *models.Admin) error {
				a.Disabled = true
				return nil
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			must(t, w.db.CreateAdmin(t.Context(), another(t), w.acme.ID)) // or rita would be the last one
			job := w.take(t, linesOf(2500), false)
			works(t, w.Service)
			must(t, w.Service.Confirm(t.Context(), w.shop.ID, job.ID, &w.admins.rita, "192.0.2.9"))
			w.Store = &withdraws{Store: w.db, withdraw: func() { must(t, withdraw(t, w)) }}
			works(t, w.Service)
			w.Store = w.db
			failed, summary := w.wantState(t, models.ImportFailed)
			if failed.Problem != ProblemRights || summary.Created != linesPerBatch || w.users(t) > linesPerBatch {
				t.Errorf("problem %q, %+v", failed.Problem, summary)
			}
		})
	}
}

func another(t *testing.T) models.Admin {
	t.Helper()
	admin, err := models.NewAdmin("nina", "nina@example.com", "", time.Now())
	must(t, err)
	return admin
}
