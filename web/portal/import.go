package portal

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants/transfer"
	"github.com/writ-auth/writ/grants/userimport"
	"github.com/writ-auth/writ/models"
)

// Imports takes files of users and imports them; *userimport.Service is the implementation. It knows no rights: what the API shows to the caller of the
// application decides who may ask.
type Imports interface {
	Take(ctx context.Context, upload userimport.Upload) (models.UserImportJob, error)
	Find(ctx context.Context, application uuid.UUID) (models.UserImportJob, transfer.Summary, error)
	Confirm(ctx context.Context, application, id uuid.UUID, admin *models.Admin, source string) error
	Cancel(ctx context.Context, application, id uuid.UUID) error
	Refusals(ctx context.Context, id uuid.UUID, after int64, limit int) ([]models.UserImportRefusal, error)
}

const (
	refusalsShown = 50
	// importRefresh is after how many seconds a browser without scripts asks again, or the script does.
	importRefresh = 2
	maxShownName  = 100
)

// importPage is an import of users at whatever stage.
type importPage struct {
	Page    string // address
	Users   string
	Form    bool // a file can be sent
	Trusted bool // with hashes and identifiers
	Mode    string
	MiB     int
	Lines   int

	Job *importJob // nil: there was none
}

// importJob is the import that an application has or had last.
type importJob struct {
	ID       uuid.UUID
	State    string
	Heading  string
	What     string
	Works    bool
	Percent  int64
	Status   string // of the bar, in words
	File, By string
	When     int64
	Mode     string
	Failed   string
	Summary  transfer.Summary
	Ready    int  // lines that would go in
	Foreign  bool // the superuser's file, which this admin cannot start
	Hashes   []count
	Refused  []refusedLine
	More     int // refused lines that are not shown
	Lost     int // of these, those that are not kept either
}

// count is how many of something there are.
type count struct {
	Name  string
	Count int
}

// refusedLine is a line that is not imported.
type refusedLine struct {
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
	User   struct {
		Username string `json:"username"`
		Email    string `json:"email"`
	} `json:"user"`

	Who string `json:"-"`
}

// showImport is GET …/users/import.
func (v *visit) showImport() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	return v.showImportForm(a, http.StatusOK, "", "fail")
}

func (v *visit) showImportForm(a *application, status int, complaint, mode string) error {
	body := importPage{
		Page: a.at("users", "import"), Users: a.at("users"), Form: true, Trusted: v.caller.Superuser, Mode: mode,
		MiB: userimport.MaxBytes >> 20, Lines: userimport.MaxLines,
	}
	p := page{
		Title: v.texts.say("import.title"), Problem: complaint,
		Crumbs: []link{{Text: v.texts.say("tab.users"), Address: a.at("users")}},
	}
	job, summary, err := v.Imports.Find(v.ctx(), a.ID)
	switch {
	case errors.Is(err, models.ErrNotFound):
	case err != nil:
		return err
	default:
		if body.Job, err = v.importJob(&job, summary); err != nil {
			return err
		}
		if body.Form = job.State.Over(); body.Job.Works {
			p.Refresh = importRefresh
		}
	}
	p.Body = body
	return v.showOf(a, "users", status, "import", p)
}

// importJob puts an import into words.
func (v *visit) importJob(job *models.UserImportJob, summary transfer.Summary) (*importJob, error) {
	shown := &importJob{
		ID: job.ID, State: string(job.State), File: job.File, By: job.AdminName, When: job.Created, Mode: string(job.OnConflict), Summary: summary,
		Heading: v.texts.say("import.is." + string(job.State)), What: v.texts.say("import.what." + string(job.State)),
		Foreign: job.Trusted && !v.caller.Superuser,
		Works:   job.State.Works() || job.State == models.ImportUploading, Ready: summary.Created + summary.Updated + summary.Unchanged,
	}
	shown.Percent, shown.Status = v.importProgress(job, summary)
	if job.State == models.ImportFailed {
		shown.Failed = v.texts.say("import.problem." + firstOf(job.Problem, userimport.ProblemInternal))
	}
	for _, name := range slices.Sorted(maps.Keys(summary.Hashes)) {
		shown.Hashes = append(shown.Hashes, count{name, summary.Hashes[name]})
	}
	rows, err := v.Imports.Refusals(v.ctx(), job.ID, 0, refusalsShown)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		line := refusedLine{Line: rows[i].Line}
		if err := json.Unmarshal([]byte(rows[i].Refusal), &line); err != nil {
			return nil, err
		}
		line.Who = shortened(firstOf(line.User.Username, line.User.Email))
		shown.Refused = append(shown.Refused, line)
	}
	shown.More, shown.Lost = max(0, summary.Rejected-len(rows)), max(0, summary.Rejected-userimport.MaxRefusals)
	return shown, nil
}

// importProgress is how much of the file is done, and what to say about it.
func (v *visit) importProgress(job *models.UserImportJob, summary transfer.Summary) (percent int64, status string) {
	if job.Size > 0 {
		percent = min(100, 100*job.Done/job.Size)
	}
	return percent, v.texts.say("import.status", summary.Lines, summary.Rejected)
}

// tellImport is GET …/progress, for the script: how far the import is. Any replica can tell.
func (v *visit) tellImport() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	job, summary, err := v.Imports.Find(v.ctx(), a.ID)
	if err != nil {
		return err
	}
	percent, status := v.importProgress(&job, summary)
	text, err := json.Marshal(map[string]any{"state": job.State, "percent": percent, "status": status})
	if err != nil {
		return err
	}
	v.write(http.StatusOK, "application/json", text)
	return nil
}

// uploadImport is POST …/upload.
func (v *visit) uploadImport() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	o, err := v.organization()
	if err != nil {
		return err
	}
	mode := models.OnConflict(v.field("mode"))
	switch {
	case mode != models.ConflictFail && mode != models.ConflictSkip && mode != models.ConflictUpdate:
		return errBadForm
	case v.file == nil:
		return v.showImportForm(a, http.StatusBadRequest, v.texts.say("import.nofile"), string(mode))
	}
	_, err = v.Imports.Take(v.ctx(), userimport.Upload{File: v.file, Job: models.UserImportJob{
		ApplicationID: a.ID, ApplicationName: a.Name, OrganizationID: o.ID, OnConflict: mode, Trusted: v.caller.Superuser,
		AdminID: v.caller.Admin.ID, AdminName: v.caller.Admin.Username, Source: v.r.RemoteAddr, File: shortName(v.fileName),
	}})
	if err != nil {
		return v.importComplaint(a, err, string(mode))
	}
	return v.redirect(a.at("users", "import"))
}

// shortName is what a file is called, without the folders that old browsers add.
func shortName(name string) string {
	return shortened(models.Printable(path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, "?"), "\\", "/"))))
}

// shortened keeps what a file says from filling a page: nothing has bounded it yet.
func shortened(name string) string {
	if short := []rune(name); len(short) > maxShownName {
		return string(short[:maxShownName]) + "…"
	}
	return name
}

// importComplaint shows the page again with why a file was not taken, or why nothing can be done with an import.
func (v *visit) importComplaint(a *application, err error, mode string) error {
	status := http.StatusConflict
	var text string
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge, errors.Is(err, userimport.ErrTooLarge):
		status, text = http.StatusRequestEntityTooLarge, v.texts.say("import.toolarge", userimport.MaxBytes>>20)
	case errors.Is(err, userimport.ErrTooMany):
		status, text = http.StatusRequestEntityTooLarge, v.texts.say("import.toomany", userimport.MaxLines)
	case errors.Is(err, userimport.ErrEmpty):
		status, text = http.StatusBadRequest, v.texts.say("import.empty")
	case errors.Is(err, userimport.ErrBusy):
		text = v.texts.say("import.busy")
	case errors.Is(err, userimport.ErrTrusted):
		status, text = http.StatusForbidden, v.texts.say("import.trustedstart")
	case errors.Is(err, userimport.ErrFull):
		status, text = http.StatusServiceUnavailable, v.texts.say("import.full")
	case errors.Is(err, userimport.ErrOver), errors.Is(err, models.ErrNotFound):
		text = v.texts.say("import.over")
	default:
		return err
	}
	if v.file != nil {
		// A browser that is still sending shows no answer, but says that the connection broke.
		_, _ = io.Copy(io.Discard, v.r.Body)
	}
	return v.showImportForm(a, status, text, mode)
}

// startImport is POST …/start: what was checked is imported.
func (v *visit) startImport() error {
	return v.decideImport(func(ctx context.Context, application, id uuid.UUID) error {
		return v.Imports.Confirm(ctx, application, id, v.caller.Admin, v.r.RemoteAddr)
	}, "")
}

// cancelImport is POST …/cancel.
func (v *visit) cancelImport() error {
	return v.decideImport(v.Imports.Cancel, "notice.importcancelled")
}

func (v *visit) decideImport(decide func(ctx context.Context, application, id uuid.UUID) error, notice string) error {
	a, err := v.application()
	if err != nil {
		return err
	}
	id, err := uuid.Parse(v.field("import"))
	if err != nil {
		return errBadForm
	}
	if err := decide(v.ctx(), a.ID, id); err != nil {
		return v.importComplaint(a, err, "fail")
	}
	at := a.at("users", "import")
	if notice == "" {
		return v.redirect(at)
	}
	return v.done(at, notice)
}

// downloadRefused is GET …/refused: the lines that were refused and are kept, as JSON Lines, to be mended and imported.
func (v *visit) downloadRefused() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	job, _, err := v.Imports.Find(v.ctx(), a.ID)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/jsonl; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="refused-`+time.UnixMilli(job.Created).UTC().Format("20060102-150405")+`.jsonl"`)
	for after := int64(0); ; {
		rows, err := v.Imports.Refusals(v.ctx(), job.ID, after, 500)
		if err != nil && v.status == 0 {
			h.Del("Content-Disposition")
			return err
		}
		if err != nil {
			panic(http.ErrAbortHandler) // half of the list must not look like all of it
		}
		v.status = http.StatusOK
		for i := range rows {
			after = rows[i].Line
			if _, err := v.w.Write([]byte(rows[i].Refusal + "\n")); err != nil {
				return nil //nolint:nilerr // the browser is gone
			}
		}
		if len(rows) == 0 {
			return nil
		}
	}
}
