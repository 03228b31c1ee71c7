package userimport

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/writ-auth/writ/grants/transfer"
	"github.com/writ-auth/writ/models"
)

const (
	// lease is how long nobody else goes on with an import whose holder is not heard of. Each batch begins it anew.
	lease = time.Minute
	// look is how often a process looks whether another one has left an import lying.
	look = 5 * time.Second
	// retry is how long an import rests that a database could not serve.
	retry = 5 * time.Second

	// linesPerBatch is fewer than at the command line: whoever writes meanwhile waits for one batch.
	linesPerBatch = 1000
	// changesPerBatch is for users who exist, who take longer.
	changesPerBatch = 250
	// rest is what part of the time others are let be, one in so many.
	rest = 8
)

// Why an import failed, as models.UserImportJob has it.
const (
	ProblemApplication = "application" // it was deleted
	ProblemRights      = "rights"      // those of the admin were withdrawn
	ProblemInternal    = "internal"
)

// Run imports what waits, one after the other, until ctx ends. What it leaves lying then, another process or the next one goes on with.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		switch worked, err := s.next(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.Logger.WarnContext(ctx, "imports of users cannot be looked for", "error", err)
		case worked:
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-ticker.C:
		}
	}
}

// next works on the import that has waited longest; false if none does.
func (s *Service) next(ctx context.Context) (bool, error) {
	job, err := s.Store.TakeUserImport(ctx, s.id, s.Now().Add(lease).UnixMilli())
	if errors.Is(err, models.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.end(ctx, &job, s.work(ctx, &job))
	return true, nil
}

// work does the phase of an import that it is in.
func (s *Service) work(ctx context.Context, job *models.UserImportJob) error {
	by, err := s.importer(ctx, job)
	if err != nil {
		return err
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	j := &journal{Service: s, job: job, by: &by, began: s.Now()}
	imported := &transfer.Import{
		Store: s.Store, Organization: models.Organization{ID: job.OrganizationID},
		Application: models.Application{ID: job.ApplicationID, Name: job.ApplicationName},
		OnConflict:  job.OnConflict, DryRun: job.State == models.ImportChecking, Resume: true, Restricted: !job.Trusted,
		Input: &parts{ctx: working, service: s, job: job}, Now: s.Now, Journal: j, Audit: j.audit, Batch: linesPerBatch,
		Progress: func(int64) {
			j.rest(working)
			if _, err := s.importer(working, job); err != nil {
				stop(err)
			}
		},
	}
	if job.OnConflict == models.ConflictUpdate {
		imported.Batch = changesPerBatch
	}
	_, err = imported.Run(working)
	if cause := context.Cause(working); err != nil && cause != nil && ctx.Err() == nil {
		return cause
	}
	return err
}

// errWithdrawn says that the admin who imports has no longer the rights that he had.
var errWithdrawn = errors.New("the admin may not import any more")

// importer is the admin who imports. He must have the rights now that let him begin: what he has left running must not outlive them.
func (s *Service) importer(ctx context.Context, job *models.UserImportJob) (models.Admin, error) {
	admin, err := s.Store.Admin(ctx, job.AdminID.String())
	switch {
	case errors.Is(err, models.ErrNotFound):
		return admin, errWithdrawn
	case err != nil:
		return admin, err
	case admin.Disabled, !admin.Activated, job.Trusted && !admin.Superuser:
		return admin, errWithdrawn
	case admin.Superuser:
		return admin, nil
	}
	member, err := s.Store.IsMember(ctx, admin.ID, job.OrganizationID)
	if err == nil && !member {
		err = errWithdrawn
	}
	return admin, err
}

// end looks at what became of the work.
func (s *Service) end(ctx context.Context, job *models.UserImportJob, err error) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var later error
	switch {
	case err == nil, errors.Is(err, models.ErrSpent):
		return // it has ended, was cancelled, or is somebody else's by now
	case ctx.Err() != nil:
		later = s.Store.ReleaseUserImport(ending, job.ID, s.id, 0)
	case errors.Is(err, models.ErrUnavailable):
		s.Logger.WarnContext(ctx, "an import of users waits for the database", "import", job.ID, "error", err)
		later = s.Store.ReleaseUserImport(ending, job.ID, s.id, s.Now().Add(retry).UnixMilli())
	case errors.Is(err, errWithdrawn):
		later = s.fail(ending, job, ProblemRights)
	case errors.Is(err, models.ErrNotFound):
		later = s.fail(ending, job, ProblemApplication)
	default:
		s.Logger.ErrorContext(ctx, "an import of users failed", "import", job.ID, "error", err)
		later = s.fail(ending, job, ProblemInternal)
	}
	if later != nil && !errors.Is(later, models.ErrSpent) {
		s.Logger.WarnContext(ctx, "an import of users rests until its lease is over", "import", job.ID, "error", later)
	}
}

// fail ends an import that cannot go on. Its place and counts stay as the last batch has left them.
func (s *Service) fail(ctx context.Context, job *models.UserImportJob, problem string) error {
	now, err := s.Store.UserImport(ctx, job.ApplicationID)
	if err != nil || now.ID != job.ID {
		return err
	}
	return s.Store.StepUserImport(ctx, models.ImportStep{
		Import: job.ID, Holder: s.id, Phase: job.State, Done: now.Done, Progress: now.Progress, Problem: problem,
		Next: models.ImportFailed, Expires: s.Now().Add(resultLife).UnixMilli(),
	})
}

// parts reads what was uploaded.
type parts struct {
	ctx     context.Context //nolint:containedctx // a reader has no other way
	service *Service
	job     *models.UserImportJob
	next    int64
	left    []byte
}

// Read implements io.Reader.
func (p *parts) Read(into []byte) (int, error) {
	for len(p.left) == 0 {
		if p.next == p.job.Parts {
			return 0, io.EOF
		}
		sealed, err := p.service.Store.UserImportPart(p.ctx, p.job.ID, p.next)
		if errors.Is(err, models.ErrNotFound) {
			return 0, models.ErrSpent // cancelled
		}
		if err != nil {
			return 0, err
		}
		if p.left, err = p.service.Sealer.Open(purpose(p.job.ID, p.next), sealed); err != nil {
			return 0, err
		}
		p.next++
	}
	n := copy(into, p.left)
	p.left = p.left[n:]
	return n, nil
}

// journal keeps the place of an import in its row. It implements transfer.Journal.
type journal struct {
	*Service

	job   *models.UserImportJob
	by    *models.Admin
	began time.Time // of the batch at hand
}

// Former implements transfer.Journal.
func (j *journal) Former(context.Context) (string, error) {
	if j.job.Progress == "" {
		return "", models.ErrNotFound
	}
	return j.job.Progress, nil
}

// Keep implements transfer.Journal.
func (j *journal) Keep(p transfer.Place) (models.ImportNote, error) {
	step, err := j.step(p)
	return models.ImportNote{Step: step}, err
}

// Tried implements transfer.Journal.
func (j *journal) Tried(ctx context.Context, p transfer.Place) error {
	step, err := j.step(p)
	if err != nil {
		return err
	}
	return j.Store.StepUserImport(ctx, *step)
}

func (j *journal) step(p transfer.Place) (*models.ImportStep, error) {
	now := j.Now()
	step := &models.ImportStep{
		Import: j.job.ID, Holder: j.id, Phase: j.job.State, Lease: now.Add(lease).UnixMilli(), Done: p.Bytes, Progress: p.State,
		Expires: j.job.Expires,
	}
	if p.Done {
		step.Next, step.Expires = models.ImportDone, now.Add(resultLife).UnixMilli()
		if j.job.State == models.ImportChecking {
			step.Next, step.Expires = models.ImportChecked, now.Add(checkedLife).UnixMilli()
		}
	}
	for i, rejection := range p.Rejections {
		if p.Rejected+i >= MaxRefusals {
			break
		}
		text, err := refusal(rejection)
		if err != nil {
			return nil, err
		}
		step.Refusals = append(step.Refusals, models.UserImportRefusal{ImportID: j.job.ID, Line: int64(rejection.Line), Refusal: text})
	}
	return step, nil
}

// maxRefusal bounds what is kept of a refused line: 2000 of them are not to take more than a small file.
const maxRefusal = 8 << 10

func refusal(rejection transfer.Rejection) (string, error) {
	text, err := json.Marshal(rejection)
	if err == nil && len(text) > maxRefusal {
		rejection.User = nil
		text, err = json.Marshal(rejection)
	}
	return string(text), err
}

// audit says who imports.
func (j *journal) audit(e *models.AuditEvent) {
	e.ActorID, e.ActorName, e.ActorLevel, e.Source = &j.by.ID, j.job.AdminName, "admin_user", j.job.Source
	if j.by.Superuser {
		e.ActorLevel = "superuser"
	}
	var detail map[string]any
	if json.Unmarshal([]byte(e.Detail), &detail) == nil {
		detail["by"] = "portal"
		e.Detail = models.AuditDetail(detail)
	}
}

// rest lets others be for a part of the time that the last batch took.
func (j *journal) rest(ctx context.Context) {
	timer := time.NewTimer(min(j.Now().Sub(j.began)/rest, time.Second))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	j.began = j.Now()
}
