package transfer

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// Summary counts what became of the lines of an import.
type Summary struct {
	Lines      int            `json:"lines"` // read so far, empty ones included
	Created    int            `json:"created"`
	Updated    int            `json:"updated"`
	Unchanged  int            `json:"unchanged"`
	Rejected   int            `json:"rejected"`
	Renumbered int            `json:"renumbered"` // created with a new uuid, because another application has theirs
	NoHash     int            `json:"withoutHash"`
	Hashes     map[string]int `json:"hashes"`   // created and updated users by the form of their hash
	Fast       int            `json:"fast"`     // of these, those that can be guessed by the billion
	Unsalted   int            `json:"unsalted"` // of these, those that are equal for equal passwords
}

func (s *Summary) add(u *user, outcome models.ImportOutcome) {
	switch outcome.Result {
	case models.ImportCreated:
		s.Created++
	case models.ImportUpdated:
		s.Updated++
	case models.ImportUnchanged:
		s.Unchanged++
		return
	case models.ImportRejected:
		return // counted with the lines that could not be read
	}
	if outcome.Renumbered {
		s.Renumbered++
	}
	if u.form == nil {
		s.NoHash++
		return
	}
	s.Hashes[u.form.Name]++
	if u.form.Fast {
		s.Fast++
	}
	if !u.form.Salted {
		s.Unsalted++
	}
}

// state is how far an import has come. It is committed with each batch.
type state struct {
	OnConflict  models.OnConflict `json:"onConflict"`
	Offset      int64             `json:"offset"`
	Sum         string            `json:"sum"` // SHA-256 of the input up to there, in hex
	RejectsSize int64             `json:"rejectsSize"`
	Done        bool              `json:"done"`
	Summary     Summary           `json:"summary"`
}

func newState(mode models.OnConflict) state {
	return state{OnConflict: mode, Summary: Summary{Hashes: map[string]int{}}}
}

func (s state) clone() state {
	s.Summary.Hashes = maps.Clone(s.Summary.Hashes)
	return s
}

func (s state) encode() (string, error) {
	text, err := json.Marshal(s)
	return string(text), err
}

func (i *Import) stateName() string { return "users_import:" + i.Application.ID.String() }

// former is the state that an earlier import has left, if there was one.
func (i *Import) former(ctx context.Context) (state, bool, error) {
	text, err := i.noted(ctx)
	if errors.Is(err, models.ErrNotFound) {
		return state{}, false, nil
	}
	if err != nil {
		return state{}, false, err
	}
	former, err := decode(text)
	return former, err == nil, err
}

func (i *Import) noted(ctx context.Context) (string, error) {
	if i.Journal != nil {
		return i.Journal.Former(ctx)
	}
	return i.Store.Meta(ctx, i.stateName())
}

func decode(text string) (state, error) {
	former := newState("")
	if err := json.Unmarshal([]byte(text), &former); err != nil {
		return state{}, fmt.Errorf("the note of an earlier import cannot be read: %w", err)
	}
	return former, nil
}

// SummaryOf reads the counts from the state of a Place; those of nothing for an empty one.
func SummaryOf(state string) (Summary, error) {
	if state == "" {
		return newState("").Summary, nil
	}
	former, err := decode(state)
	return former.Summary, err
}

// Unfinished tells on which line an earlier import into the application stopped; 0 if none did.
func (i *Import) Unfinished(ctx context.Context) (line int, err error) {
	former, found, err := i.former(ctx)
	if err != nil || !found || former.Done {
		return 0, err
	}
	return former.Summary.Lines, nil
}

// begin goes to the place where the import is to start. Lines before it are read again, for their names and to be sure that
// they are the same ones.
func (r *importRun) begin(ctx context.Context) error {
	former, found := state{}, false
	if r.Resume {
		var err error
		if former, found, err = r.former(ctx); err != nil {
			return err
		}
	}
	if found && former.OnConflict != r.OnConflict {
		return fmt.Errorf("the import that was interrupted had --on-conflict=%s", former.OnConflict)
	}
	for found && r.lines.offset < former.Offset {
		if err := ctx.Err(); err != nil {
			return err
		}
		one, err := r.lines.next()
		if errors.Is(err, io.EOF) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
		_, _ = r.understand(one) // reported when it was read first
	}
	if found {
		if r.lines.offset != former.Offset || r.lines.fingerprint() != former.Sum {
			return ErrChanged
		}
		r.state = former
		r.state.Done = false
	}
	if r.Rejects != nil {
		return r.Rejects.open(r.state.RejectsSize)
	}
	return nil
}

func (l *lines) fingerprint() string { return hex.EncodeToString(l.sum.Sum(nil)) }

func isNil(id uuid.UUID) bool { return id == uuid.Nil }
