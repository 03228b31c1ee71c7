package userimport

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/grants/transfer"
	"github.com/writ-auth/writ/models"
)

// The same file by the command and by the portal, in turn: the portal's check, which writes nothing, and its import, with the rests in which others are
// let be. Each has a database of its own.
func BenchmarkImports(b *testing.B) {
	const users = 20_000
	var lines strings.Builder
	for i := range users {
		fmt.Fprintf(&lines, `{"username":"user%d","email":"user%d@example.com","name":"User %d","hash":"%s"}`+"\n", i, i, i, bcryptHash)
	}
	text := lines.String()
	var took struct{ command, check, portal time.Duration }
	for b.Loop() {
		w := newWorld(b)
		began := time.Now()
		command := &transfer.Import{
			Store: w.db, Organization: w.acme, Application: w.shop, OnConflict: models.ConflictFail, Input: strings.NewReader(text), Now: time.Now,
		}
		if _, err := command.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
		took.command += time.Since(began)

		w = newWorld(b)
		job, err := w.Take(b.Context(), w.upload(strings.NewReader(text), true))
		must(b, err)
		began = time.Now()
		works(b, w.Service)
		took.check += time.Since(began)
		must(b, w.Confirm(b.Context(), w.shop.ID, job.ID))
		began = time.Now()
		works(b, w.Service)
		took.portal += time.Since(began)
		if found, _, err := w.Find(b.Context(), w.shop.ID); err != nil || found.State != models.ImportDone {
			b.Fatal(found.State, err)
		}
	}
	rate := func(d time.Duration) float64 { return float64(users*b.N) / d.Seconds() }
	b.ReportMetric(rate(took.command), "command-users/s")
	b.ReportMetric(rate(took.portal), "portal-users/s")
	b.ReportMetric(rate(took.check), "checked-users/s")
	b.ReportMetric(took.portal.Seconds()/took.command.Seconds(), "portal/command")
}
