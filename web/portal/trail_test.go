package portal

import (
	"database/sql"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // to change what the store never changes

	"github.com/writ-auth/writ/models"
)

func TestTheTrailOfTheServerIsFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	olga, rita := w.as(t, "olga"), w.as(t, "rita")
	olga.submit(t, "/portal/organizations/acme/applications", "name", "club")
	rita.submit(t, "/portal/organizations/rival/applications/stall/settings/save", "kind", "default", "passwords", "off")
	must(t, w.audit.Flush(t.Context()))
	b := w.as(t, "superuser")
	want(t, b.open(t, "/portal/activity"), http.StatusOK, "Application created", "in acme", "in rival/stall", "Administrator logged in", "!in acme/stall")
	want(t, b.open(t, "/portal/activity?who=rita"), http.StatusOK, "in rival/stall", "!in acme", "Show everything")
	want(t, b.open(t, "/portal/activity?kind=application.&result=ok"), http.StatusOK, "in acme", "!Administrator logged in")
	want(t, b.open(t, "/portal/activity?whom="+w.acme.ID.String()+"&from=1999-01-01&to=2000-01-01"), http.StatusOK, "Nothing matches")
	want(t, b.open(t, "/portal/activity?from=soon"), http.StatusBadRequest, `value="soon"`)

	events := make([]models.AuditEvent, 30)
	for i := range events {
		w.clock.advance(time.Second)
		events[i] = models.AuditEvent{
			At: w.clock.now().UnixMilli(), Action: "organization.delete", Result: models.AuditOK, Count: 1, ActorLevel: "superuser",
			OrganizationID: new(w.newAdmin(t, "nobody", adminPassword).ID),
		}
	}
	must(t, w.store.AppendAudit(t.Context(), events))
	want(t, b.open(t, "/portal/activity?result=ok"), http.StatusOK, "Organization deleted", "Older", "!Application created")
	want(t, b.open(t, nextPage(t, b.last)), http.StatusOK, "Application created", "Newest")
}

// SEC-80
func TestTheCheckOfTheTrailIsAPlainStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "superuser")
	must(t, w.audit.Flush(t.Context()))
	want(t, b.open(t, "/portal/activity"), http.StatusOK, "Is the trail as it was written?", "!Yes. All")
	want(t, b.send(t, http.MethodGet, "/portal/activity/check", ""), http.StatusNotFound)
	want(t, b.submit(t, "/portal/activity/check"), http.StatusOK, "Yes. All", "fingerprint")
	found, err := w.store.VerifyAudit(t.Context())
	must(t, err)
	if hash := strings.ToLower(b.last.text); found.Entries == 0 || !strings.Contains(hash, hex.EncodeToString(found.Hash)) {
		t.Errorf("%d entries, and the page has not the hash of the newest", found.Entries)
	}
}

func TestTheStatementAboutABrokenTrail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "superuser")
	must(t, w.audit.Flush(t.Context()))
	db, err := sql.Open("sqlite3", "file:"+w.database+"?_busy_timeout=5000")
	must(t, err)
	_, err = db.ExecContext(t.Context(), "UPDATE audit_events SET source = 'elsewhere' WHERE seq = 1")
	must(t, err)
	must(t, db.Close())
	want(t, b.submit(t, "/portal/activity/check"), http.StatusOK, "No. At entry 1", "Somebody has changed the database", "!Yes. All")
}
