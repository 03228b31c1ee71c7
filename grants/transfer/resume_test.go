package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/models"
)

// dying is a database that goes away after some batches; the batch during which it does may be committed or not.
type dying struct {
	Store

	left      int
	committed bool
}

var errDied = errors.New("died")

func (d *dying) ImportUsers(ctx context.Context, in models.UserImport) ([]models.ImportOutcome, error) {
	if d.left--; d.left >= 0 {
		return d.Store.ImportUsers(ctx, in)
	}
	if d.committed {
		_, err := d.Store.ImportUsers(ctx, in)
		return nil, errors.Join(err, errDied)
	}
	in.Note = func(note func([]models.ImportOutcome) (models.ImportNote, error)) func([]models.ImportOutcome) (models.ImportNote, error) {
		return func(o []models.ImportOutcome) (models.ImportNote, error) {
			_, err := note(o) // rejects are written already
			return models.ImportNote{}, errors.Join(err, errDied)
		}
	}(in.Note)
	return d.Store.ImportUsers(ctx, in)
}

func TestInterruptedImportIsResumedExactlyOnce(t *testing.T) {
	t.Parallel()
	var input strings.Builder
	for i := range 2600 {
		switch {
		case i%100 == 7:
			fmt.Fprintf(&input, `{"username":"u%d","oops":1}`+"\n", i)
		case i%100 == 8:
			fmt.Fprintf(&input, `{"username":"u%d","roles":["ghost"]}`+"\n", i)
		case i == 2599:
			fmt.Fprintln(&input, `{"username":"U0"}`)
		default:
			fmt.Fprintf(&input, `{"username":"u%d","hash":"%s"}`+"\n", i, sha1Hash)
		}
	}
	whole := newWorld(t)
	wholePath := filepath.Join(t.TempDir(), "rejects")
	job, _ := whole.job(input.String(), func(i *Import) { i.Rejects = &Rejects{Path: wholePath} })
	want, err := job.Run(t.Context())
	must(t, err)
	wantRejects, err := os.ReadFile(wholePath)
	must(t, err)
	for batches := range 7 {
		for _, committed := range []bool{false, true} {
			w := newWorld(t)
			path := filepath.Join(t.TempDir(), "rejects")
			job, _ := w.job(input.String(), func(i *Import) {
				i.Store, i.Rejects = &dying{w.Store, batches, committed}, &Rejects{Path: path}
			})
			if _, err := job.Run(t.Context()); (err == nil) != (batches == 6) {
				t.Fatalf("%d: %v", batches, err)
			}
			must(t, job.Rejects.Close())
			for range 2 { // resuming what is complete does nothing
				again, _ := w.job(input.String(), func(i *Import) { i.Resume, i.Rejects = true, &Rejects{Path: path} })
				got, err := again.Run(t.Context())
				must(t, err)
				must(t, again.Rejects.Close())
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%d %v:\n%+v\n%+v", batches, committed, got, want)
				}
			}
			rejects, err := os.ReadFile(path)
			must(t, err)
			if !bytes.Equal(rejects, wantRejects) || !slices.Equal(w.usernames(t), whole.usernames(t)) {
				t.Errorf("%d %v: %d users, %d bytes of rejects", batches, committed, len(w.usernames(t)), len(rejects))
			}
		}
	}
}

func TestResumeWantsTheSameInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var input strings.Builder
	for i := range 600 {
		fmt.Fprintf(&input, `{"username":"u%d"}`+"\n", i)
	}
	job, _ := w.job(input.String(), func(i *Import) { i.Store = &dying{w.Store, 1, false} })
	if _, err := job.Run(t.Context()); !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	if line, err := job.Unfinished(t.Context()); err != nil || line != 500 {
		t.Errorf("%d, %v", line, err)
	}
	for name, other := range map[string]string{
		"changed": strings.Replace(input.String(), "u17", "v17", 1), "shorter": input.String()[:1000], "longer": "\n" + input.String(), "empty": "",
	} {
		job, _ := w.job(other, func(i *Import) { i.Resume = true })
		if _, err := job.Run(t.Context()); !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	job, _ = w.job(input.String(), func(i *Import) { i.Resume, i.OnConflict = true, models.ConflictSkip })
	if _, err := job.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--on-conflict=fail") {
		t.Errorf("another mode: %v", err)
	}
	// What comes behind the place may be mended or added.
	job, _ = w.job(input.String()+`{"username":"late"}`, func(i *Import) { i.Resume = true })
	summary, err := job.Run(t.Context())
	must(t, err)
	if summary.Created != 601 || len(w.usernames(t)) != 601 {
		t.Errorf("%+v", summary)
	}
}
