package storetest

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

func event(action, target string) models.AuditEvent {
	return models.AuditEvent{Action: action, TargetKind: "thing", TargetID: target}
}

// audit gives the actions of a page and its cursor.
func (f *fixture) audit(t *testing.T, filter models.AuditFilter, page models.Page) ([]string, string) {
	t.Helper()
	rows, cursor, err := f.Audit(t.Context(), filter, page)
	must(t, err)
	actions := []string{}
	for i := range rows {
		actions = append(actions, rows[i].Action)
	}
	return actions, cursor
}

// tamper changes the database behind the store's back.
func (f *fixture) tamper(t *testing.T, statement string) {
	t.Helper()
	path, is := strings.CutPrefix(f.database, "sqlite:")
	if !is {
		t.Skip("only SQLite is opened beside the store")
	}
	db, err := sql.Open("sqlite3", path+"?_busy_timeout=5000") // the driver that the store has registered
	must(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	must(t, err)
	must(t, db.Close())
}

// verified is where the chain is broken, 0 if it is intact.
func (f *fixture) verified(t *testing.T) int64 {
	t.Helper()
	chain, err := f.VerifyAudit(t.Context())
	must(t, err)
	equal(t, "complaint", chain.Complaint != "", chain.BrokenAt != 0)
	return chain.BrokenAt
}

//nolint:thelper // these are the tests themselves
var auditing = []contract{
	{"entries are listed newest first, by filters and by pages", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		actor, other := uuid.New(), uuid.New()
		now := f.clock.now().UnixMilli()
		rows := []models.AuditEvent{
			{Action: "user.create", OrganizationID: &f.acme.ID, ApplicationID: &f.shop.ID, ActorID: &actor, ActorName: "olga", TargetID: "t1"},
			{Action: "user.delete", OrganizationID: &f.acme.ID, ApplicationID: &other, ActorID: &other, TargetName: "dana", At: now + 1000},
			{Action: "login.failed", OrganizationID: &f.acme.ID, Result: models.AuditRefused, Code: "invalid_grant", At: now + 2000},
			{Action: "user.update", OrganizationID: &other, ActorName: "olga"},
			{Action: "key.create"},
		}
		must(t, f.AppendAudit(ctx, rows))
		must(t, f.AppendAudit(ctx, nil))
		equal(t, "the caller's rows stay as they are", rows[0].Seq, int64(0))
		all, _ := f.audit(t, models.AuditFilter{}, models.Page{})
		equal(t, "all", all, []string{"key.create", "user.update", "login.failed", "user.delete", "user.create"})
		mine := models.AuditFilter{OrganizationID: f.acme.ID}
		for _, tc := range []struct {
			change func(*models.AuditFilter)
			want   []string
		}{
			{func(*models.AuditFilter) {}, []string{"login.failed", "user.delete", "user.create"}},
			{func(a *models.AuditFilter) { a.Action = "user." }, []string{"user.delete", "user.create"}},
			{func(a *models.AuditFilter) { a.Action = "%" }, []string{}},
			{func(a *models.AuditFilter) { a.Actor = "olga" }, []string{"user.create"}},
			{func(a *models.AuditFilter) { a.Actor = other.String() }, []string{"user.delete"}},
			{func(a *models.AuditFilter) { a.Target = "dana" }, []string{"user.delete"}},
			{func(a *models.AuditFilter) { a.Target = "t1" }, []string{"user.create"}},
			{func(a *models.AuditFilter) { a.ApplicationID = f.shop.ID }, []string{"user.create"}},
			{func(a *models.AuditFilter) { a.Result = models.AuditRefused }, []string{"login.failed"}},
			{func(a *models.AuditFilter) { a.From = now + 1000 }, []string{"login.failed", "user.delete"}},
			{func(a *models.AuditFilter) { a.To = now + 1000 }, []string{"user.create"}},
		} {
			filter := mine
			tc.change(&filter)
			got, _ := f.audit(t, filter, models.Page{})
			equal(t, fmt.Sprint(filter), got, tc.want)
		}
		first, cursor := f.audit(t, mine, models.Page{Limit: 2})
		equal(t, "first page", first, []string{"login.failed", "user.delete"})
		must(t, f.AppendAudit(ctx, []models.AuditEvent{{Action: "later", OrganizationID: &f.acme.ID}}))
		second, cursor := f.audit(t, mine, models.Page{Limit: 2, Cursor: cursor})
		equal(t, "second page", second, []string{"user.create"})
		equal(t, "no further page", cursor, "")
		if _, _, err := f.Audit(ctx, mine, models.Page{Cursor: "?"}); err == nil {
			t.Error("a malformed cursor was accepted")
		}
	}},
	{"what concerns an admin is seen by his organizations of that moment", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		rival := f.organization(t, "rival")
		owner := f.admin(t, "owner@rival.example")
		rival.Owner = &owner
		must(t, f.CreateOrganization(ctx, rival))
		login := func() {
			must(t, f.AppendAudit(ctx, []models.AuditEvent{{Action: "admin.login", TargetKind: "admin", TargetID: f.root.ID.String()}}))
		}
		count := func(organization uuid.UUID) int {
			rows, _ := f.audit(t, models.AuditFilter{OrganizationID: organization}, models.Page{})
			return len(rows)
		}
		login()
		must(t, f.AddMember(ctx, f.root.ID, rival.Organization.ID))
		equal(t, "a later membership shows nothing", count(rival.Organization.ID), 0)
		login()
		must(t, f.RemoveMember(ctx, f.root.ID, rival.Organization.ID))
		login()
		equal(t, "leaving hides nothing", count(rival.Organization.ID), 1)
		equal(t, "the other organization", count(f.acme.ID), 3)
		equal(t, "broken at", f.verified(t), 0)
	}},
	{"a person is found by uuid in any case, and by name only where it is no uuid", func(t *testing.T, f *fixture) {
		actor, target := uuid.New(), uuid.New()
		must(t, f.AppendAudit(t.Context(), []models.AuditEvent{
			{Action: "a", OrganizationID: &f.acme.ID, ActorID: &actor, ActorName: "olga", TargetID: target.String(), TargetName: "dana"},
			{Action: "b", ActorID: &actor, ActorName: "olga", TargetID: "Some-Kid", TargetName: target.String()},
		}))
		for _, tc := range []struct {
			filter models.AuditFilter
			want   []string
		}{
			{models.AuditFilter{Actor: strings.ToUpper(actor.String())}, []string{"b", "a"}},
			{models.AuditFilter{Actor: actor.String(), OrganizationID: f.acme.ID}, []string{"a"}},
			{models.AuditFilter{Actor: actor.String(), OrganizationID: uuid.New()}, []string{}},
			{models.AuditFilter{Actor: "olga"}, []string{"b", "a"}},
			{models.AuditFilter{Target: strings.ToUpper(target.String())}, []string{"a"}},
			{models.AuditFilter{Target: target.String(), OrganizationID: f.acme.ID}, []string{"a"}},
			{models.AuditFilter{Target: target.String(), OrganizationID: uuid.New()}, []string{}},
			{models.AuditFilter{Target: "Some-Kid"}, []string{"b"}},
			{models.AuditFilter{Target: "dana"}, []string{"a"}},
		} {
			got, _ := f.audit(t, tc.filter, models.Page{})
			equal(t, fmt.Sprintf("%+v", tc.filter), got, tc.want)
		}
	}},
	{"the newest logins of administrators are found at once, and by an organization those that it sees", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		nina := f.admin(t, "nina@nowhere.example")
		must(t, f.CreateAdmin(ctx, nina))
		at := f.clock.now().UnixMilli()
		login := func(admin models.Admin, result models.AuditResult, at int64) models.AuditEvent {
			return models.AuditEvent{Action: "admin.login", ActorID: &admin.ID, ActorLevel: "admin_user", Result: result, At: at}
		}
		must(t, f.AppendAudit(ctx, []models.AuditEvent{
			login(f.root, models.AuditOK, at+1), login(f.root, models.AuditOK, at+2), login(f.root, models.AuditRefused, at+3), login(nina, models.AuditOK, at+4),
			{Action: "admin.logout", ActorID: &f.root.ID, At: at + 5},
		}))
		many := []uuid.UUID{f.root.ID, nina.ID}
		for range 1200 {
			many = append(many, uuid.New())
		}
		for organization, want := range map[uuid.UUID]map[uuid.UUID]int64{
			uuid.Nil:   {f.root.ID: at + 2, nina.ID: at + 4},
			f.acme.ID:  {f.root.ID: at + 2},
			uuid.New(): {},
		} {
			got, err := f.LastLogins(ctx, organization, many)
			must(t, err)
			equal(t, "logins", got, want)
		}
		got, err := f.LastLogins(ctx, uuid.Nil, nil)
		must(t, err)
		equal(t, "of nobody", got, map[uuid.UUID]int64{})
	}},
	{"foreign text is made harmless", func(t *testing.T, f *fixture) { // SEC-79
		must(t, f.AppendAudit(t.Context(), []models.AuditEvent{{Action: "x", ActorName: "a\r\nlogin ok", TargetName: "\x1b[2J\u202e", Source: "s\n"}}))
		rows, _, err := f.Audit(t.Context(), models.AuditFilter{}, models.Page{})
		must(t, err)
		equal(t, "actor", rows[0].ActorName, "a??login ok")
		equal(t, "target", rows[0].TargetName, "?[2J?")
		equal(t, "source", rows[0].Source, "s?")
		equal(t, "result", rows[0].Result, models.AuditOK)
		equal(t, "count", rows[0].Count, 1)
	}},
	{"numbers have no gaps however many write", func(t *testing.T, f *fixture) {
		processes := []*store.Store{f.Store, f.open(t, serverTTL), f.open(t, serverTTL)}
		var all sync.WaitGroup
		for n, process := range processes {
			all.Go(func() {
				for i := range 20 {
					if err := process.AppendAudit(t.Context(), []models.AuditEvent{event("a", strconv.Itoa(n)), event("b", strconv.Itoa(i))}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		chain, err := f.VerifyAudit(t.Context())
		must(t, err)
		equal(t, "broken at", chain.BrokenAt, 0)
		equal(t, "entries", chain.Entries, 120)
		equal(t, "newest", chain.Last, 120)
	}},
	{"an entry that is changed, removed or moved shows", func(t *testing.T, f *fixture) { // SEC-80
		ctx := t.Context()
		equal(t, "an empty trail", f.verified(t), 0)
		for i := range 5 {
			must(t, f.AppendAudit(ctx, []models.AuditEvent{{Action: "a" + strconv.Itoa(i), OrganizationID: &f.acme.ID}}))
		}
		equal(t, "untouched", f.verified(t), 0)
		const swapped = "UPDATE audit_events SET seq = -2 WHERE seq = 2; UPDATE audit_events SET seq = 2 WHERE seq = 3;" +
			"UPDATE audit_events SET seq = 3 WHERE seq = -2"
		for _, tc := range []struct {
			name, do, undo string
			want           int64
		}{
			{"changed", "UPDATE audit_events SET source = 'x' WHERE seq = 3", "UPDATE audit_events SET source = '' WHERE seq = 3", 3},
			{
				"shown to nobody", "DELETE FROM audit_organizations WHERE seq = 2",
				"INSERT INTO audit_organizations SELECT organizations, 2 FROM audit_events WHERE seq = 2", 2,
			},
			{"two swapped", swapped, swapped, 2},
			{"one moved to the front", "UPDATE audit_events SET seq = 0 WHERE seq = 5", "UPDATE audit_events SET seq = 5 WHERE seq = 0", 1},
			{"forged end", "UPDATE audit_head SET hash = 'x'", "UPDATE audit_head SET hash = (SELECT hash FROM audit_events WHERE seq = 5)", 5},
			{"forged beginning", "UPDATE audit_head SET before = 1", "UPDATE audit_head SET before = 0", 2},
			{"a first one removed", "DELETE FROM audit_events WHERE seq = 1", "", 1},
		} {
			f.tamper(t, tc.do)
			equal(t, tc.name, f.verified(t), tc.want)
			if tc.undo != "" {
				f.tamper(t, tc.undo)
				equal(t, tc.name+" and undone", f.verified(t), 0)
			}
		}
	}},
	{"a removed entry shows, at the end too", func(t *testing.T, f *fixture) { // SEC-80
		for i := range 5 {
			must(t, f.AppendAudit(t.Context(), []models.AuditEvent{event("a", strconv.Itoa(i))}))
		}
		f.tamper(t, "DELETE FROM audit_events WHERE seq = 5")
		equal(t, "the last one", f.verified(t), 5)
		f.tamper(t, "DELETE FROM audit_events WHERE seq = 3")
		equal(t, "one in the middle", f.verified(t), 3)
		f.tamper(t, "DELETE FROM audit_events")
		equal(t, "all", f.verified(t), 1)
	}},
	{"old entries go in batches and the chain still holds", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		kept, err := store.Open(ctx, store.Config{Database: f.database, TokenTTL: serverTTL, Now: f.clock.now, AuditRetention: time.Hour})
		must(t, err)
		t.Cleanup(func() { _ = kept.Close() })
		for i := range 10 {
			must(t, f.AppendAudit(ctx, []models.AuditEvent{{Action: "a" + strconv.Itoa(i), OrganizationID: &f.acme.ID}}))
			f.clock.ms.Add(10 * time.Minute.Milliseconds())
		}
		counts := []int{}
		for range 4 {
			n, err := f.PruneAudit(ctx, 3)
			must(t, err)
			equal(t, "without a retention", n, 0)
			n, err = kept.PruneAudit(ctx, 3)
			must(t, err)
			counts = append(counts, n)
			equal(t, "broken at", f.verified(t), 0)
		}
		equal(t, "batches", counts, []int{3, 1, 0, 0})
		f.clock.ms.Add(time.Hour.Milliseconds())
		for _, want := range []int{3, 3, 0} {
			n, err := kept.PruneAudit(ctx, 3)
			must(t, err)
			equal(t, "batch", n, want)
		}
		equal(t, "an emptied trail", f.verified(t), 0)
		must(t, f.AppendAudit(ctx, []models.AuditEvent{event("z", "")}))
		chain, err := f.VerifyAudit(ctx)
		must(t, err)
		equal(t, "numbers go on", []int64{chain.First, chain.Last, chain.Entries, chain.BrokenAt}, []int64{11, 11, 1, 0})
	}},
	{"the life of a key is in the trail", func(t *testing.T, f *fixture) { // SEC-80
		ctx := t.Context()
		must(t, f.CreateSigningKey(ctx, key("a", "announced", 2)))
		_, err := f.RemoveSigningKey(ctx, "a", "announced")
		must(t, err)
		actions, _ := f.audit(t, models.AuditFilter{Target: "a"}, models.Page{})
		slices.Reverse(actions)
		equal(t, "actions", actions, []string{"key.create", "key.removed"})
	}},
}
