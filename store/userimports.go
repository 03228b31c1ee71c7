package store

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// uploadPatience (ms) is how long an upload that no longer moves keeps others from starting one.
const uploadPatience = 2 * 60 * 1000

// BeginUserImport makes an import the one of its application, in place of one that is over. models.ErrConflict says that there is one that is not,
// models.ErrSpent that there are already as many as there may be.
func (s *Store) BeginUserImport(ctx context.Context, job models.UserImportJob, places models.ImportPlaces) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.lock("user imports"); err != nil {
			return err
		}
		before, err := one[models.UserImportJob](t.forUpdate(), "application_id = ?", job.ApplicationID)
		switch {
		case errors.Is(err, models.ErrNotFound):
		case err != nil:
			return err
		case !before.State.Over() && before.Expires > t.now && (before.State != models.ImportUploading || before.Modified > t.now-uploadPatience):
			return models.ErrConflict
		default:
			if err := t.db.Where("id = ?", before.ID).Delete(&models.UserImportJob{}).Error; err != nil {
				return err
			}
		}
		if err := t.placeFor(&job, places); err != nil {
			return err
		}
		row := job
		return t.db.Create(&row).Error
	})
}

// placeFor answers models.ErrSpent if there is no place for one more import.
func (t *transaction) placeFor(job *models.UserImportJob, places models.ImportPlaces) error {
	var live []uuid.UUID
	err := t.db.Model(&models.UserImportJob{}).Where("state IN ?", unfinishedImports()).Where("expires > ?", t.now).Pluck("organization_id", &live).Error
	if err != nil {
		return err
	}
	own := 0
	for _, organization := range live {
		if organization == job.OrganizationID {
			own++
		}
	}
	if len(live) >= places.All || own >= places.PerOrganization {
		return models.ErrSpent
	}
	return nil
}

func unfinishedImports() []models.ImportState {
	return []models.ImportState{models.ImportUploading, models.ImportChecking, models.ImportChecked, models.ImportRunning}
}

// AddUserImportPart stores the next part of an upload. models.ErrSpent says that the upload was ended meanwhile.
func (s *Store) AddUserImportPart(ctx context.Context, part models.UserImportPart, size int64) error {
	return s.write(ctx, func(t *transaction) error {
		row := part
		err := t.exactlyOne("UPDATE user_imports SET parts = ?, size = size + ?, modified = ? WHERE id = ? AND state = ? AND parts = ?",
			part.Part+1, size, t.now, part.ImportID, models.ImportUploading, part.Part)
		if err != nil {
			return err
		}
		return t.db.Create(&row).Error
	})
}

// UserImport finds the import of an application, or its last one.
func (s *Store) UserImport(ctx context.Context, application uuid.UUID) (models.UserImportJob, error) {
	return one[models.UserImportJob](s.read(ctx), "application_id = ? AND expires > ?", application, s.now().UnixMilli())
}

// AdvanceUserImport brings an import from one state to another in which it is nobody's, with an empty place. models.ErrSpent says that it is in
// another state. What was uploaded goes when nobody will read it again; the refused lines are those of the phase.
func (s *Store) AdvanceUserImport(ctx context.Context, id uuid.UUID, from, to models.ImportState, expires int64) error {
	return s.write(ctx, func(t *transaction) error { return t.advanceImport(id, from, to, expires) })
}

// StartUserImport has a checked file imported, in the name of whoever says so. models.ErrSpent says that the import is in another state.
func (s *Store) StartUserImport(ctx context.Context, id uuid.UUID, by models.ImportStarter, expires int64) error {
	return s.write(ctx, func(t *transaction) error {
		err := t.exactlyOne("UPDATE user_imports SET admin_id = ?, admin_name = ?, source = ? WHERE id = ? AND state = ?",
			by.AdminID, by.AdminName, by.Source, id, models.ImportChecked)
		if err != nil {
			return err
		}
		return t.advanceImport(id, models.ImportChecked, models.ImportRunning, expires)
	})
}

func (t *transaction) advanceImport(id uuid.UUID, from, to models.ImportState, expires int64) error {
	err := t.exactlyOne("UPDATE user_imports SET state = ?, expires = ?, modified = ?, holder = ?, lease = 0 WHERE id = ? AND state = ?",
		to, expires, t.now, uuid.Nil, id, from)
	if err != nil {
		return err
	}
	if to.Works() {
		return t.restartImport(id)
	}
	return t.leaveImport(id, to)
}

// restartImport forgets how far a phase was.
func (t *transaction) restartImport(id uuid.UUID) error {
	if err := t.db.Where("import_id = ?", id).Delete(&models.UserImportRefusal{}).Error; err != nil {
		return err
	}
	return t.db.Exec("UPDATE user_imports SET done = 0, progress = '' WHERE id = ?", id).Error
}

// leaveImport removes what was uploaded, once it is not needed.
func (t *transaction) leaveImport(id uuid.UUID, state models.ImportState) error {
	if !state.Over() {
		return nil
	}
	return t.db.Where("import_id = ?", id).Delete(&models.UserImportPart{}).Error
}

// TakeUserImport gives the import that has waited longest to a holder until lease (ms): one that nobody works on, or whose holder has not been heard of
// for so long that his lease is over. A check starts anew, for it has written nothing. models.ErrNotFound: nothing waits.
func (s *Store) TakeUserImport(ctx context.Context, holder uuid.UUID, lease int64) (models.UserImportJob, error) {
	var job models.UserImportJob
	now := s.now().UnixMilli()
	waiting := []models.ImportState{models.ImportChecking, models.ImportRunning}
	err := s.read(ctx).Where("state IN ? AND lease <= ? AND expires > ?", waiting, now, now).Order("created, id").Limit(1).Take(&job).Error
	if err != nil {
		return job, classify(err)
	}
	err = s.write(ctx, func(t *transaction) error {
		err := t.exactlyOne("UPDATE user_imports SET holder = ?, lease = ? WHERE id = ? AND state = ? AND lease = ? AND holder = ?",
			holder, lease, job.ID, job.State, job.Lease, job.Holder)
		if err != nil || job.State != models.ImportChecking {
			return err
		}
		return t.restartImport(job.ID)
	})
	if errors.Is(err, models.ErrSpent) {
		return job, models.ErrNotFound // somebody was quicker
	}
	if err != nil {
		return job, err
	}
	return one[models.UserImportJob](s.read(ctx), "id = ? AND holder = ?", job.ID, holder)
}

// StepUserImport notes how far a holder is who writes nothing else, or that he has ended it. models.ErrSpent says that it is no longer his.
func (s *Store) StepUserImport(ctx context.Context, step models.ImportStep) error {
	return s.write(ctx, func(t *transaction) error { return t.step(step) })
}

// step holds only for who holds the import: a process that was stopped for a while, or an import that was cancelled, commits nothing.
func (t *transaction) step(step models.ImportStep) error {
	next := step.Phase
	if step.Next != "" {
		next = step.Next
	}
	err := t.exactlyOne(
		"UPDATE user_imports SET state = ?, lease = ?, done = ?, progress = ?, problem = ?, modified = ?, expires = ?"+
			" WHERE id = ? AND holder = ? AND state = ?",
		next, step.Lease, step.Done, step.Progress, step.Problem, t.now, step.Expires, step.Import, step.Holder, step.Phase)
	if err != nil {
		return err
	}
	if len(step.Refusals) > 0 {
		if err := t.db.CreateInBatches(step.Refusals, batch).Error; err != nil {
			return err
		}
	}
	return t.leaveImport(step.Import, next)
}

// ReleaseUserImport lets others go on with an import from a time (ms).
func (s *Store) ReleaseUserImport(ctx context.Context, id, holder uuid.UUID, from int64) error {
	return s.write(ctx, func(t *transaction) error {
		return t.db.Exec("UPDATE user_imports SET holder = ?, lease = ? WHERE id = ? AND holder = ?", uuid.Nil, from, id, holder).Error
	})
}

// UserImportPart is one part of what was uploaded, sealed; models.ErrNotFound if it is gone.
func (s *Store) UserImportPart(ctx context.Context, id uuid.UUID, part int64) ([]byte, error) {
	row, err := one[models.UserImportPart](s.read(ctx), "import_id = ? AND part = ?", id, part)
	return row.Sealed, err
}

// UserImportRefusals lists refused lines behind a line, in order.
func (s *Store) UserImportRefusals(ctx context.Context, id uuid.UUID, after int64, limit int) ([]models.UserImportRefusal, error) {
	var rows []models.UserImportRefusal
	err := s.read(ctx).Where("import_id = ? AND line > ?", id, after).Order("line").Limit(limit).Find(&rows).Error
	return rows, classify(err)
}
