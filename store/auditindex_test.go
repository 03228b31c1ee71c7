package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// grown is a trail of so many entries, by a hundred actors about as many users as there are entries.
func grown(t testing.TB, s *Store, entries int, organization uuid.UUID) {
	t.Helper()
	actors := make([]uuid.UUID, 100)
	for i := range actors {
		actors[i] = uuid.New()
	}
	events := make([]models.AuditEvent, 0, entries)
	for i := range entries {
		events = append(events, models.AuditEvent{
			Action: "user.update", OrganizationID: &organization, ActorID: &actors[i%len(actors)], ActorName: "olga", ActorLevel: "admin_user",
			TargetKind: "user", TargetID: uuid.NewString(), TargetName: fmt.Sprint("user-", i), Source: "192.0.2.1",
		})
	}
	if err := s.AppendAudit(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// asked collects what is asked of the database, as the database explains it.
func asked(t *testing.T, s *Store, explain string) func() []string {
	t.Helper()
	var queries []string
	note := func(db *gorm.DB) {
		if sql := db.Statement.SQL.String(); strings.Contains(sql, "audit_events") && !strings.HasPrefix(sql, explain) {
			queries = append(queries, s.reader.Explain(sql, db.Statement.Vars...))
		}
	}
	for _, processor := range []interface {
		Register(name string, fn func(*gorm.DB)) error
	}{s.reader.Callback().Query().After("gorm:query"), s.reader.Callback().Row().After("gorm:row")} {
		if err := processor.Register("note", note); err != nil {
			t.Fatal(err)
		}
	}
	return func() (plans []string) {
		for _, query := range queries {
			var lines []struct {
				Detail string // of SQLite
				Plan   string `gorm:"column:QUERY PLAN"` // of PostgreSQL
			}
			if err := s.reader.Raw(explain + query).Scan(&lines).Error; err != nil {
				t.Fatal(err)
			}
			var plan strings.Builder
			for _, line := range lines {
				plan.WriteString(line.Detail + line.Plan + "\n")
			}
			plans = append(plans, plan.String())
		}
		queries = nil
		return plans
	}
}

// onBothDatabases gives a store with a long trail, and the plans of what it was asked, on each kind of database.
func onBothDatabases(t *testing.T, show func(t *testing.T, kind string, s *Store, w furniture, plans func() []string)) {
	t.Helper()
	for kind, c := range map[string]struct {
		database func(*testing.T) string
		explain  string
	}{
		"SQLite":     {func(t *testing.T) string { t.Helper(); return "sqlite:" + t.TempDir() + "/writ.db" }, "EXPLAIN QUERY PLAN "},
		"PostgreSQL": {func(t *testing.T) string { t.Helper(); return postgrestest.Database(t) }, "EXPLAIN "},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, c.database(t))
			w := furnish(t, s, s.now())
			grown(t, s, 5000, w.acme.ID)
			if s.postgres != nil { // which does so by itself, in its time; nobody does on SQLite
				if err := s.writer.Exec("ANALYZE").Error; err != nil {
					t.Fatal(err)
				}
			}
			show(t, kind, s, w, asked(t, s, c.explain))
		})
	}
}

// What one person did, what was done to him and when he last signed in is found without reading the trail, and each is one question.
func TestTheTrailOfAPersonIsFoundByAnIndex(t *testing.T) {
	t.Parallel()
	reading := map[string][]string{ // parts of a plan that reads all entries
		"SQLite": {
			"SCAN audit_events", "USE TEMP B-TREE FOR ORDER BY",
			"SEARCH audit_organizations USING COVERING INDEX sqlite_autoindex_audit_organizations_1 (organization_id=?)",
		},
		"PostgreSQL": {"Seq Scan on audit_events", "Seq Scan on audit_organizations"},
	}
	onBothDatabases(t, func(t *testing.T, kind string, s *Store, w furniture, plans func() []string) {
		t.Helper()
		for question, ask := range map[string]func() error{
			"audit_events_actor": func() error {
				_, _, err := s.Audit(t.Context(), models.AuditFilter{Actor: w.olga.ID.String()}, models.Page{})
				return err
			},
			"audit_events_actor, of an organization": func() error {
				filter := models.AuditFilter{Actor: w.olga.ID.String(), OrganizationID: w.acme.ID, Action: "admin.login", Result: models.AuditOK}
				_, _, err := s.Audit(t.Context(), filter, models.Page{Limit: 1})
				return err
			},
			"audit_events_target": func() error {
				filter := models.AuditFilter{Target: w.dana.ID.String(), ApplicationID: w.shop.ID, OrganizationID: w.acme.ID}
				_, _, err := s.Audit(t.Context(), filter, models.Page{Cursor: cursor(4000, "user.update")})
				return err
			},
			"audit_events_actor, for the newest logins": func() error {
				_, err := s.LastLogins(t.Context(), uuid.Nil, []uuid.UUID{w.olga.ID, w.nils.ID})
				return err
			},
			"audit_events_actor, for the newest logins in an organization": func() error {
				_, err := s.LastLogins(t.Context(), w.acme.ID, []uuid.UUID{w.olga.ID, w.nils.ID})
				return err
			},
		} {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			index, _, _ := strings.Cut(question, ",")
			told := plans()
			if len(told) != 1 || !strings.Contains(told[0], index) {
				t.Errorf("%s: %q", question, told)
			}
			for _, plan := range told {
				for _, whole := range reading[kind] {
					if strings.Contains(plan, whole) {
						t.Errorf("%s reads everything: %s", question, plan)
					}
				}
			}
		}
	})
}

// The newest entries of an organization are the first ones of an index: however long its trail is, nothing is sorted.
func TestTheTrailOfAnOrganizationIsNotSorted(t *testing.T) {
	t.Parallel()
	expected := map[string]struct{ sorts, index string }{
		"SQLite":     {"TEMP B-TREE", "SEARCH audit_organizations USING COVERING INDEX"},
		"PostgreSQL": {"Sort", "Index"},
	}
	onBothDatabases(t, func(t *testing.T, kind string, s *Store, w furniture, plans func() []string) {
		t.Helper()
		for _, page := range []models.Page{{Limit: 25}, {Limit: 25, Cursor: cursor(4000, "user.update")}} {
			if _, _, err := s.Audit(t.Context(), models.AuditFilter{OrganizationID: w.acme.ID}, page); err != nil {
				t.Fatal(err)
			}
			told, of := plans(), expected[kind]
			if len(told) != 1 || strings.Contains(told[0], of.sorts) || !strings.Contains(told[0], of.index) {
				t.Errorf("%+v: %q", page, told)
			}
		}
	})
}

// What an entry costs while the trail is long, with the indexes by actor and target and without: most writes have one.
func BenchmarkAppendAudit(b *testing.B) {
	for name, statements := range map[string][]string{
		"indexed": nil, "bare": {"DROP INDEX audit_events_actor", "DROP INDEX audit_events_target"},
	} {
		b.Run(name, func(b *testing.B) {
			s := openTest(b, nil)
			organization := uuid.New()
			for _, statement := range statements {
				if err := s.writer.Exec(statement).Error; err != nil {
					b.Fatal(err)
				}
			}
			grown(b, s, 100_000, organization)
			for b.Loop() {
				actor := uuid.New()
				err := s.AppendAudit(b.Context(), []models.AuditEvent{{
					Action: "user.update", OrganizationID: &organization, ActorID: &actor, ActorName: "olga", ActorLevel: "admin_user",
					TargetKind: "user", TargetID: uuid.NewString(), TargetName: "dana", Source: "192.0.2.1",
				}})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
