package transfer

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/writ-auth/writ/models"
)

// Bounds of a transaction. Identifiers are scattered over all of the index, so that large transactions write each page of it less often: a
// hundred thousand users took 8 s with 2500 lines each and 44 s with 500. Changing users takes longer, and others wait meanwhile.
const (
	linesPerBatch   = 2500
	changesPerBatch = 500
	bytesPerBatch   = 4 << 20
)

// Import is one import of users.
type Import struct {
	Store        Store
	Organization models.Organization
	Application  models.Application
	OnConflict   models.OnConflict
	DryRun       bool
	Resume       bool // go on where an earlier import of the same input was interrupted
	Input        io.Reader
	Rejects      *Rejects // nil: rejected lines are only reported
	Now          func() time.Time
	// Report is told of every rejected line, in order. What Rejects has is exact; a report may be lost if the process dies.
	Report func(Rejection)
	// Progress is told how many bytes of the input are done.
	Progress func(bytes int64)

	// Restricted says that whoever imports has rights in this application only. Hashes and PINs reject a line, for what it costs to verify
	// them is everybody's; identifiers and dates of creation are passed over, as by POST /users.
	Restricted bool
	// Journal is where the place is kept; nil: in a fact of the installation, by the application.
	Journal Journal
	// Audit completes the entry of a batch in the audit trail with who imports; nil: somebody at the command line.
	Audit func(*models.AuditEvent)

	Batch int // lines of a transaction; 0: as above
}

// Journal keeps the place of an import.
type Journal interface {
	// Former is the place that was kept last, models.ErrNotFound if none was.
	Former(ctx context.Context) (string, error)
	// Keep makes what is committed together with a batch. It may be asked twice.
	Keep(p Place) (models.ImportNote, error)
	// Tried is told of a batch of a dry run.
	Tried(ctx context.Context, p Place) error
}

// Place is how far an import is behind a batch.
type Place struct {
	State      string // for Former
	Bytes      int64  // of the input
	Rejected   int    // lines before the batch
	Rejections []Rejection
	Summary    Summary
	Done       bool
}

// ErrChanged says that the input is not the one of the import that was interrupted.
var ErrChanged = errors.New("this is not the input of the import that was interrupted, or it was changed before the place where that stopped")

// importRun is an import at work.
type importRun struct {
	*Import

	perBatch int
	parser   parser
	lines    lines
	claims   map[string]int // names and identifiers of the lines so far, to their numbers
	state    state          // committed
	next     state          // what the batch at hand makes of it

	rejections []Rejection // of the batch at hand
}

// Run imports. The summary is right even with an error: it is what has been committed.
func (i *Import) Run(ctx context.Context) (Summary, error) {
	r := &importRun{Import: i, claims: map[string]int{}}
	r.parser = parser{fields(), i.Application.ID, i.Now(), i.Restricted}
	r.lines = lines{in: bufio.NewReaderSize(i.Input, 64<<10), sum: sha256.New()}
	r.state = newState(i.OnConflict)
	if r.perBatch = i.Batch; r.perBatch == 0 {
		r.perBatch = linesPerBatch
		if i.OnConflict == models.ConflictUpdate {
			r.perBatch = changesPerBatch
		}
	}
	if err := r.begin(ctx); err != nil {
		return r.state.Summary, err
	}
	for {
		batch, err := r.read()
		if err != nil {
			return r.state.Summary, fmt.Errorf("line %d cannot be read: %w", r.lines.number+1, err)
		}
		if err := r.store(ctx, batch); err != nil {
			return r.state.Summary, err
		}
		if r.state.Done {
			return r.state.Summary, nil
		}
	}
}

// batch is some lines, and whether they are the last.
type batch struct {
	users   []user
	numbers []int // of the users' lines
	texts   [][]byte
	end     bool
}

func (r *importRun) read() (batch, error) {
	var b batch
	r.rejections = nil
	start := r.lines.offset
	for first := r.lines.number; r.lines.number-first < r.perBatch && r.lines.offset-start < bytesPerBatch; {
		one, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			b.end = true
			return b, nil
		}
		if err != nil {
			return b, err
		}
		u, err := r.understand(one)
		switch {
		case err != nil:
			r.reject(one.number, one.text, err.Error())
		case u != nil:
			b.users, b.numbers, b.texts = append(b.users, *u), append(b.numbers, one.number), append(b.texts, one.text)
		}
	}
	return b, nil
}

// understand reads a line; an empty one is nobody. Names that two lines claim would leave to chance who gets them.
func (r *importRun) understand(one line) (*user, error) {
	if one.tooLong {
		return nil, fmt.Errorf("longer than %d bytes", MaxLine)
	}
	if len(one.text) == 0 {
		return nil, nil
	}
	u, err := r.parser.parse(one.text)
	if err != nil {
		return nil, err
	}
	claims := u.claims()
	for _, claim := range claims {
		if before, taken := r.claims[claim]; taken {
			return nil, fmt.Errorf("%s stands on line %d, too", models.Printable(claim), before)
		}
	}
	for _, claim := range claims {
		r.claims[claim] = one.number
	}
	return &u, nil
}

// claims are the names and the identifier that only one user can have. A username cannot have the shape of a uuid, and must not be the e-mail
// address of somebody else.
func (u *user) claims() []string {
	var claims []string
	add := func(name string) {
		if name = models.Fold(name); name != "" && !slices.Contains(claims, name) {
			claims = append(claims, name)
		}
	}
	add(u.Username)
	if u.Email != nil {
		add(*u.Email)
	}
	if !isNil(u.ID) {
		add(u.ID.String())
	}
	return claims
}

func (r *importRun) reject(number int, text []byte, reason string) {
	r.rejections = append(r.rejections, Rejection{Line: number, Reason: reason, User: withoutSecrets(text)})
}

// store commits a batch with the place up to which the input is done.
func (r *importRun) store(ctx context.Context, b batch) error {
	records := make([]models.UserRecord, len(b.users))
	for at := range b.users {
		records[at] = b.users[at].UserRecord
	}
	unread := r.rejections
	outcomes, err := r.Store.ImportUsers(ctx, models.UserImport{
		Application: r.Application.ID, OnConflict: r.OnConflict, Users: records, DryRun: r.DryRun,
		Note: func(outcomes []models.ImportOutcome) (models.ImportNote, error) {
			r.rejections = slices.Clone(unread)
			return r.note(b, outcomes)
		},
	})
	if err != nil {
		return err
	}
	if r.DryRun {
		r.count(b, outcomes)
		if err := r.tried(ctx); err != nil {
			return err
		}
	}
	r.state = r.next
	if r.Report != nil {
		for _, rejection := range r.rejections {
			r.Report(rejection)
		}
	}
	if r.Progress != nil {
		r.Progress(r.lines.offset)
	}
	return nil
}

// count makes r.next and the rejections complete.
func (r *importRun) count(b batch, outcomes []models.ImportOutcome) {
	r.next = r.state.clone()
	s := &r.next.Summary
	for at, outcome := range outcomes {
		s.add(&b.users[at], outcome)
		if outcome.Result == models.ImportRejected {
			r.reject(b.numbers[at], b.texts[at], outcome.Reason)
		}
	}
	slices.SortFunc(r.rejections, func(a, b Rejection) int { return cmp.Compare(a.Line, b.Line) })
	s.Lines, s.Rejected = r.lines.number, s.Rejected+len(r.rejections)
	r.next.Offset, r.next.Sum, r.next.Done = r.lines.offset, r.lines.fingerprint(), b.end
}

// note is called within the transaction, twice perhaps.
func (r *importRun) note(b batch, outcomes []models.ImportOutcome) (models.ImportNote, error) {
	r.count(b, outcomes)
	if err := r.keepRejects(); err != nil {
		return models.ImportNote{}, err
	}
	note, err := r.place()
	if err != nil {
		return note, err
	}
	if event, happened := r.audit(); happened {
		note.Audit = []models.AuditEvent{event}
	}
	return note, nil
}

// place is what is kept of how far the import is.
func (r *importRun) place() (models.ImportNote, error) {
	value, err := r.next.encode()
	if err != nil || r.Journal == nil {
		return models.ImportNote{Name: r.stateName(), Value: value}, err
	}
	return r.Journal.Keep(r.placeOf(value))
}

func (r *importRun) placeOf(state string) Place {
	return Place{state, r.next.Offset, r.state.Summary.Rejected, r.rejections, r.next.Summary, r.next.Done}
}

// tried is what happens behind a batch of a dry run.
func (r *importRun) tried(ctx context.Context) error {
	if err := r.keepRejects(); err != nil || r.Journal == nil {
		return err
	}
	value, err := r.next.encode()
	if err != nil {
		return err
	}
	return r.Journal.Tried(ctx, r.placeOf(value))
}

// keepRejects comes before the commit: what is committed is in the file, and what is not is overwritten by whoever resumes.
func (r *importRun) keepRejects() (err error) {
	if r.Rejects == nil {
		return nil
	}
	if r.next.RejectsSize, err = r.Rejects.write(r.state.RejectsSize, r.rejections); err != nil {
		return fmt.Errorf("rejected lines cannot be written: %w", err)
	}
	return nil
}

// audit is the entry of a batch in the audit trail; false if it changed nobody.
func (r *importRun) audit() (models.AuditEvent, bool) {
	created, updated := r.next.Summary.Created-r.state.Summary.Created, r.next.Summary.Updated-r.state.Summary.Updated
	event := models.AuditEvent{
		Action: "user.import", Result: models.AuditOK, Count: int64(created + updated),
		OrganizationID: &r.Organization.ID, ApplicationID: &r.Application.ID,
		ActorLevel: models.AuditSystem, TargetKind: "application", TargetID: r.Application.ID.String(), TargetName: r.Application.Name,
		Source: "command line", Detail: models.AuditDetail(map[string]any{"created": created, "updated": updated}),
	}
	if r.Audit != nil {
		r.Audit(&event)
	}
	return event, created+updated > 0
}
