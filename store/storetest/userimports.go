package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// importJob is an import into shop.
func (f *fixture) importJob() models.UserImportJob {
	now := f.clock.ms.Load()
	return models.UserImportJob{
		ApplicationID: f.shop.ID, ID: uuid.New(), OrganizationID: f.acme.ID, ApplicationName: "shop", State: models.ImportUploading,
		OnConflict: models.ConflictFail, Trusted: true, AdminID: uuid.New(), AdminName: "olga", Created: now, Modified: now, Expires: now + 3_600_000,
	}
}

//nolint:thelper // these are the tests themselves
var userImports = []contract{
	{"an import is held by one process, and only its steps count", func(t *testing.T, f *fixture) {
		ctx, three := t.Context(), models.ImportPlaces{All: 3, PerOrganization: 3}
		job := f.importJob()
		must(t, f.BeginUserImport(ctx, job, three))
		fails(t, f.BeginUserImport(ctx, f.importJob(), three), models.ErrConflict)
		must(t, f.AddUserImportPart(ctx, models.UserImportPart{ImportID: job.ID, Sealed: []byte("sealed")}, 7))
		fails(t, f.AddUserImportPart(ctx, models.UserImportPart{ImportID: job.ID, Sealed: []byte("again")}, 7), models.ErrSpent)
		until := f.clock.ms.Load() + 60_000
		_, err := f.TakeUserImport(ctx, uuid.New(), until)
		fails(t, err, models.ErrNotFound)
		must(t, f.AdvanceUserImport(ctx, job.ID, models.ImportUploading, models.ImportChecking, job.Expires))
		holders := make([]uuid.UUID, 20)
		won := race(t, len(holders), func(err error) bool { return err != nil }, func(i int) error {
			holders[i] = uuid.New()
			_, err := f.TakeUserImport(ctx, holders[i], until)
			return err
		})
		equal(t, "holders", won, 1)
		held, err := f.UserImport(ctx, f.shop.ID)
		must(t, err)
		step := models.ImportStep{
			Import: job.ID, Holder: held.Holder, Phase: models.ImportChecking, Lease: until, Done: 5, Progress: "{}", Expires: job.Expires,
			Refusals: []models.UserImportRefusal{{ImportID: job.ID, Line: 3, Refusal: "{}"}},
		}
		must(t, f.StepUserImport(ctx, step))
		step.Holder = uuid.New()
		fails(t, f.StepUserImport(ctx, step), models.ErrSpent)
		rows, err := f.UserImportRefusals(ctx, job.ID, 0, 10)
		must(t, err)
		equal(t, "refusals", len(rows), 1)

		f.clock.ms.Add(time.Minute.Milliseconds() + 1)
		again, err := f.TakeUserImport(ctx, uuid.New(), until+60_000)
		must(t, err)
		equal(t, "a check that starts anew", again.Done, 0)
		must(t, f.AdvanceUserImport(ctx, job.ID, models.ImportChecking, models.ImportCancelled, job.Expires))
		_, err = f.UserImportPart(ctx, job.ID, 0)
		fails(t, err, models.ErrNotFound)
		must(t, f.BeginUserImport(ctx, f.importJob(), three))
	}},
	{"there are only so many imports", func(t *testing.T, f *fixture) {
		fails(t, f.BeginUserImport(t.Context(), f.importJob(), models.ImportPlaces{PerOrganization: 1}), models.ErrSpent)
		must(t, f.BeginUserImport(t.Context(), f.importJob(), models.ImportPlaces{All: 1, PerOrganization: 1}))
	}},
	{"an organization takes no more than its places", func(t *testing.T, f *fixture) {
		places := models.ImportPlaces{All: 3, PerOrganization: 1}
		must(t, f.BeginUserImport(t.Context(), f.importJob(), places))
		cart := f.application(t, f.acme.ID, "cart")
		must(t, f.CreateApplication(t.Context(), cart))
		another := f.importJob()
		another.ApplicationID = cart.Application.ID
		fails(t, f.BeginUserImport(t.Context(), another, places), models.ErrSpent)
		another.OrganizationID = uuid.New()
		must(t, f.BeginUserImport(t.Context(), another, places))
	}},
	{"who starts an import is who imports", func(t *testing.T, f *fixture) {
		ctx, job := t.Context(), f.importJob()
		must(t, f.BeginUserImport(ctx, job, models.ImportPlaces{All: 1, PerOrganization: 1}))
		by := models.ImportStarter{AdminID: uuid.New(), AdminName: "rita", Source: "192.0.2.8"}
		fails(t, f.StartUserImport(ctx, job.ID, by, job.Expires), models.ErrSpent)
		must(t, f.AdvanceUserImport(ctx, job.ID, models.ImportUploading, models.ImportChecked, job.Expires))
		must(t, f.StartUserImport(ctx, job.ID, by, job.Expires))
		fails(t, f.StartUserImport(ctx, job.ID, by, job.Expires), models.ErrSpent)
		started, err := f.UserImport(ctx, f.shop.ID)
		must(t, err)
		equal(t, "starter", models.ImportStarter{AdminID: started.AdminID, AdminName: started.AdminName, Source: started.Source}, by)
		equal(t, "state", started.State, models.ImportRunning)
	}},
	{"a login is listed once, whatever was exchanged, and ended by its user's name only", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		first := f.refreshToken(1)
		must(t, f.CreateRefreshToken(ctx, first))
		f.clock.ms.Add(1000)
		must(t, f.RotateRefreshToken(ctx, first.Hash, 0, f.next("second")))
		logins, err := f.Logins(ctx, f.dana.ID)
		must(t, err)
		equal(t, "logins", logins, []models.Login{{
			Family: first.Family, Scope: "read", Began: first.Created, Used: first.Created + 1000, Expires: f.next("second").Expires,
		}})
		fails(t, f.EndLogin(ctx, uuid.New(), first.Family), models.ErrNotFound)
		fails(t, f.EndLogin(ctx, f.dana.ID, uuid.New()), models.ErrNotFound)
		must(t, f.EndLogin(ctx, f.dana.ID, first.Family))
		fails(t, f.EndLogin(ctx, f.dana.ID, first.Family), models.ErrNotFound)
		must(t, f.CreateRefreshToken(ctx, f.refreshToken(1)))
		must(t, f.EndLogins(ctx, f.dana.ID))
		logins, err = f.Logins(ctx, f.dana.ID)
		must(t, err)
		equal(t, "logins", fmt.Sprint(logins), "[]")
	}},
}
