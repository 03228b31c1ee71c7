// Package userimport imports users from a file that somebody has uploaded: first it tries the file without writing anything, then, when somebody says yes,
// it imports it. It goes on after a restart and on any replica, because the file and the place are in the database.
//
// It owns the uploaded file, its bounds and its end. Lines are the business of package transfer, and rights and pages that of the portal. The file is
// sealed with the master key and is nowhere else.
package userimport

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants/transfer"
	"github.com/writ-auth/writ/models"
)

// Bounds of an import. What is larger is for `writ users import`, which has none.
const (
	MaxBytes = 64 << 20
	MaxLines = 200_000 // the names of all lines are remembered while they are read, some 200 bytes each

	// MaxRefusals is how many refused lines are kept to be read; the others are counted.
	MaxRefusals = 2000

	// unfinished is how many imports may lie in the database, uploaded and not over, and ownUnfinished how many of one organization.
	unfinished    = 20
	ownUnfinished = 4
)

// How long something is kept.
const (
	uploadLife  = 30 * time.Minute
	workLife    = 24 * time.Hour
	checkedLife = time.Hour
	resultLife  = 7 * 24 * time.Hour
)

// partSize is how much of a file is in memory, and in a row.
const partSize = 512 << 10

// Why a file is not taken.
var (
	ErrTooLarge = errors.New("the file is too large")
	ErrTooMany  = errors.New("the file has too many lines")
	ErrEmpty    = errors.New("the file is empty")
	// ErrBusy says that the application has an import that is not over.
	ErrBusy = errors.New("another import is not over")
	// ErrFull says that there are too many imports, of the organization or of all.
	ErrFull = errors.New("too many imports wait")
	// ErrTrusted says that only the superuser can start an import that may have hashes and identifiers.
	ErrTrusted = errors.New("the superuser's file is started by the superuser only")
	// ErrOver says that the import is not, or no longer, in the state that somebody saw.
	ErrOver = errors.New("the import is in another state")
)

// Store keeps imports where every replica finds them.
type Store interface {
	transfer.Store

	BeginUserImport(ctx context.Context, job models.UserImportJob, places models.ImportPlaces) error
	AddUserImportPart(ctx context.Context, part models.UserImportPart, size int64) error
	UserImport(ctx context.Context, application uuid.UUID) (models.UserImportJob, error)
	AdvanceUserImport(ctx context.Context, id uuid.UUID, from, to models.ImportState, expires int64) error
	StartUserImport(ctx context.Context, id uuid.UUID, by models.ImportStarter, expires int64) error
	TakeUserImport(ctx context.Context, holder uuid.UUID, lease int64) (models.UserImportJob, error)
	StepUserImport(ctx context.Context, step models.ImportStep) error
	ReleaseUserImport(ctx context.Context, id, holder uuid.UUID, from int64) error
	UserImportPart(ctx context.Context, id uuid.UUID, part int64) ([]byte, error)
	UserImportRefusals(ctx context.Context, id uuid.UUID, after int64, limit int) ([]models.UserImportRefusal, error)

	Admin(ctx context.Context, ref string) (models.Admin, error)
	IsMember(ctx context.Context, admin, organization uuid.UUID) (bool, error)
}

// Sealer seals what is uploaded; *keys.Sealer is the implementation.
type Sealer interface {
	Seal(purpose string, plaintext []byte) ([]byte, error)
	Open(purpose string, sealed []byte) ([]byte, error)
}

// Config is what a Service needs. Every field is required.
type Config struct {
	Store  Store
	Sealer Sealer
	Now    func() time.Time
	Logger *slog.Logger
}

// Service takes files and imports them. Make it with New; Run does the work.
type Service struct {
	Config

	id   uuid.UUID     // of this process, as a holder
	wake chan struct{} // something may wait
}

// New makes a Service.
func New(cfg Config) *Service {
	return &Service{Config: cfg, id: uuid.New(), wake: make(chan struct{}, 1)}
}

// Upload is a file that somebody sends.
type Upload struct {
	Job  models.UserImportJob // who, where and how; the rest is filled in
	File io.Reader
}

// Take stores a file and has it checked.
func (s *Service) Take(ctx context.Context, upload Upload) (models.UserImportJob, error) {
	job, now := upload.Job, s.Now()
	job.ID, job.State = uuid.New(), models.ImportUploading
	job.Created, job.Modified, job.Expires = now.UnixMilli(), now.UnixMilli(), now.Add(uploadLife).UnixMilli()
	switch err := s.Store.BeginUserImport(ctx, job, models.ImportPlaces{All: unfinished, PerOrganization: ownUnfinished}); {
	case errors.Is(err, models.ErrSpent):
		return job, ErrFull
	case errors.Is(err, models.ErrConflict):
		return job, ErrBusy
	case err != nil:
		return job, err
	}
	if err := s.receive(ctx, &job, upload.File); err != nil {
		// The browser may be gone, and its request's context with it; what it has sent must not stay.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		ended := s.Store.AdvanceUserImport(ending, job.ID, models.ImportUploading, models.ImportCancelled, s.Now().UnixMilli())
		if ended != nil && !errors.Is(ended, models.ErrSpent) {
			s.Logger.ErrorContext(ctx, "an upload that was broken off stays until it expires", "error", ended)
		}
		return job, err
	}
	err := s.advance(ctx, job.ID, models.ImportUploading, models.ImportChecking, workLife)
	return job, err
}

// receive seals a file part by part.
func (s *Service) receive(ctx context.Context, job *models.UserImportJob, file io.Reader) error {
	part, lines := make([]byte, partSize), 0
	for {
		n, err := io.ReadFull(file, part)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		job.Size += int64(n)
		for _, b := range part[:n] {
			if b == '\n' {
				lines++
			}
		}
		switch {
		case job.Size > MaxBytes:
			return ErrTooLarge
		case lines > MaxLines:
			return ErrTooMany
		case job.Size == 0:
			return ErrEmpty
		}
		if n > 0 {
			if err := s.addPart(ctx, job, part[:n]); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}

func (s *Service) addPart(ctx context.Context, job *models.UserImportJob, text []byte) error {
	sealed, err := s.Sealer.Seal(purpose(job.ID, job.Parts), text)
	if err != nil {
		return err
	}
	err = s.Store.AddUserImportPart(ctx, models.UserImportPart{ImportID: job.ID, Part: job.Parts, Sealed: sealed}, int64(len(text)))
	if errors.Is(err, models.ErrSpent) {
		return ErrOver
	}
	job.Parts++
	return err
}

// purpose keeps a part where it belongs.
func purpose(id uuid.UUID, part int64) string {
	return "user import " + id.String() + " " + strconv.FormatInt(part, 10)
}

// advance moves an import and tells the worker.
func (s *Service) advance(ctx context.Context, id uuid.UUID, from, to models.ImportState, life time.Duration) error {
	err := s.Store.AdvanceUserImport(ctx, id, from, to, s.Now().Add(life).UnixMilli())
	return s.advanced(err, to)
}

func (s *Service) advanced(err error, to models.ImportState) error {
	if errors.Is(err, models.ErrSpent) {
		return ErrOver
	}
	if err == nil && to.Works() {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return err
}

// Find gives the import of an application, or the last one; models.ErrNotFound if there is none.
func (s *Service) Find(ctx context.Context, application uuid.UUID) (models.UserImportJob, transfer.Summary, error) {
	job, err := s.Store.UserImport(ctx, application)
	if err != nil {
		return job, transfer.Summary{}, err
	}
	summary, err := transfer.SummaryOf(job.Progress)
	return job, summary, err
}

// Confirm has a file imported that was checked, in the name of an admin, whoever has uploaded it.
func (s *Service) Confirm(ctx context.Context, application, id uuid.UUID, admin *models.Admin, source string) error {
	job, err := s.Store.UserImport(ctx, application)
	switch {
	case err != nil:
		return err
	case job.ID != id:
		return ErrOver
	case job.Trusted && !admin.Superuser:
		return ErrTrusted
	}
	by := models.ImportStarter{AdminID: admin.ID, AdminName: admin.Username, Source: source}
	err = s.Store.StartUserImport(ctx, id, by, s.Now().Add(workLife).UnixMilli())
	return s.advanced(err, models.ImportRunning)
}

// Cancel ends an import in whatever state it is. Users who are in stay.
func (s *Service) Cancel(ctx context.Context, application, id uuid.UUID) error {
	job, err := s.Store.UserImport(ctx, application)
	if err != nil {
		return err
	}
	if job.ID != id || job.State.Over() {
		return ErrOver
	}
	return s.advance(ctx, id, job.State, models.ImportCancelled, resultLife)
}

// Refusals are refused lines of an import behind a line, in order.
func (s *Service) Refusals(ctx context.Context, id uuid.UUID, after int64, limit int) ([]models.UserImportRefusal, error) {
	return s.Store.UserImportRefusals(ctx, id, after, limit)
}
