package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// record is a user as an import says him.
func record(name string, changes ...func(*models.UserRecord)) models.UserRecord {
	r := models.UserRecord{Username: name, Email: new(name + "@shop.example")}
	for _, change := range changes {
		change(&r)
	}
	return r
}

// imported imports and compares what became of the users, "result reason" each.
func (f *fixture) imported(t *testing.T, mode models.OnConflict, records []models.UserRecord, want ...string) []models.ImportOutcome {
	t.Helper()
	outcomes, err := f.ImportUsers(t.Context(), models.UserImport{Application: f.shop.ID, OnConflict: mode, Users: records})
	must(t, err)
	got := make([]string, len(outcomes))
	for i, outcome := range outcomes {
		got[i] = strings.TrimSpace(string(outcome.Result) + " " + outcome.Reason)
		if (outcome.ID == uuid.Nil) != (outcome.Result == models.ImportRejected) {
			t.Errorf("%s has the identifier %s", got[i], outcome.ID)
		}
	}
	equal(t, "outcomes", got, want)
	return outcomes
}

func (f *fixture) named(t *testing.T, name string) models.User {
	t.Helper()
	user, err := f.User(t.Context(), f.shop.ID, name)
	must(t, err)
	return user
}

//nolint:thelper // these are the tests themselves
var imports = []contract{
	{"an imported user is as his record says", func(t *testing.T, f *fixture) {
		role, group := f.role(t, "clerk"), f.group(t, "Staff/Night")
		id := uuid.New()
		given := record("Eve", func(r *models.UserRecord) {
			r.ID, r.Name, r.Activated, r.Confirmed, r.Disabled = id, new("Eve E."), new(false), new(false), new(true)
			r.Deactivated, r.Created, r.PasswordHash, r.PINHash = new(int64(7)), new(int64(5)), new("hash"), new("pin")
			r.Properties = models.Properties{"a": "b", "gone": nil}
			r.Roles, r.Groups = []string{"Clerk", "clerk"}, []string{"staff/night"}
		})
		f.written(t, func() {
			f.imported(t, models.ConflictFail, []models.UserRecord{given, record("plain")}, "created", "created")
		})
		email, key, now := "Eve@shop.example", "eve@shop.example", f.clock.ms.Load()
		equal(t, "eve", f.named(t, "eve"), models.User{
			ID: id, ApplicationID: f.shop.ID, Username: "Eve", UsernameKey: "eve", Email: &email, EmailKey: &key, Name: "Eve E.",
			Properties: models.Properties{"a": "b"}, PasswordHash: "hash", PINHash: "pin", Disabled: true, Deactivated: new(int64(7)),
			Generation: 1, PasswordChanged: now, Created: 5, Modified: now,
		})
		rights, err := f.Rights(t.Context(), f.shop.ID, id)
		must(t, err)
		equal(t, "roles", rights.Roles, []string{"clerk", "default"})
		equal(t, "groups", rights.Groups, []string{"Staff/Night"})
		has, err := f.HasRole(t.Context(), role.ID, models.HolderUser, id)
		must(t, err)
		member, err := f.IsGroupMember(t.Context(), group.ID, id)
		must(t, err)
		equal(t, "assigned", []bool{has, member}, []bool{true, true})
		if plain := f.named(t, "plain"); !plain.Activated || !plain.Confirmed || plain.Disabled || plain.ID == uuid.Nil {
			t.Errorf("plain: %+v", plain)
		}
	}},
	{"a user who cannot be imported takes no other with him", func(t *testing.T, f *fixture) {
		elsewhere := f.application(t, f.acme.ID, "elsewhere")
		must(t, f.CreateApplication(t.Context(), elsewhere))
		records := []models.UserRecord{
			record("a"), record("DANA"), record("b", func(r *models.UserRecord) { r.Email = new("Dana@shop.example") }), record("me"),
			record("c", func(r *models.UserRecord) { r.Roles = []string{"ghost"} }), record("d", func(r *models.UserRecord) { r.Groups = []string{"no/where"} }),
			record("e", func(r *models.UserRecord) { r.ID = f.dana.ID }), record("A"), record("f", func(r *models.UserRecord) { r.Email = new("A@shop.example") }),
			record("g", func(r *models.UserRecord) {
				r.Properties = models.Properties{"x": strings.Repeat("x", models.MaxProperties)}
			}),
			record("", func(r *models.UserRecord) { r.Email = nil }), record("dana@shop.example", func(r *models.UserRecord) { r.Email = nil }),
			record("h", func(r *models.UserRecord) { r.Email = new("a@SHOP.example") }), record("i@x", func(r *models.UserRecord) { r.Email = nil }),
			record("j", func(r *models.UserRecord) { r.Email = new("I@X") }), record("z"),
		}
		f.imported(t, models.ConflictFail, records,
			"created", "rejected a user DANA exists", "rejected another user has the e-mail address Dana@shop.example", "rejected Username 'me' is reserved",
			"rejected there is no role ghost", "rejected there is no group no/where",
			"rejected another user of the application has the uuid "+f.dana.ID.String(), "rejected a user A exists",
			"rejected another user has the e-mail address A@shop.example", "rejected custom properties exceed 65536 bytes of JSON",
			"rejected Required property not found: username", "rejected another user has the e-mail address dana@shop.example",
			"rejected another user has the e-mail address a@SHOP.example", "created", "rejected another user has the username I@X", "created")
		all, _, err := f.Users(t.Context(), f.shop.ID, models.UserFilter{}, models.Page{Limit: 100})
		must(t, err)
		equal(t, "users", len(all), 4)
	}},
	{"an existing user is left alone by an import that skips", func(t *testing.T, f *fixture) {
		f.written(t, func() {
			got := f.imported(t, models.ConflictSkip, []models.UserRecord{record("DANA", func(r *models.UserRecord) { r.PasswordHash = new("other") })}, "unchanged")
			equal(t, "identifier", got[0].ID, f.dana.ID)
		})
		equal(t, "dana", f.named(t, "dana"), f.dana)
	}},
	{"an updating import changes what the record says and nothing else", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		clerk, staff := f.role(t, "clerk"), f.group(t, "staff")
		_ = f.role(t, "boss")
		must(t, f.AssignRole(ctx, f.shop.ID, clerk.ID, models.HolderUser, f.dana.ID))
		must(t, f.AddGroupMember(ctx, f.shop.ID, staff.ID, f.dana.ID))
		must(t, f.CreateRefreshToken(ctx, f.refreshToken(1)))
		bare := models.UserRecord{Username: "dana"}
		f.written(t, func() { f.imported(t, models.ConflictUpdate, []models.UserRecord{bare}, "unchanged") })
		named := models.UserRecord{Username: "dana", Name: new("Dana D."), Roles: []string{"boss"}}
		f.written(t, func() { f.imported(t, models.ConflictUpdate, []models.UserRecord{named}, "updated") },
			entry(models.ChangeUser, f.dana.ID), entry(models.ChangeUser, f.dana.ID), entry(models.ChangeClaims, f.shop.ID))
		f.written(t, func() { f.imported(t, models.ConflictUpdate, []models.UserRecord{named}, "unchanged") })
		rights, err := f.Rights(ctx, f.shop.ID, f.dana.ID)
		must(t, err)
		equal(t, "roles", rights.Roles, []string{"boss", "default"})
		equal(t, "groups", rights.Groups, []string{"staff"})
		after := f.named(t, "dana")
		equal(t, "what is not said", []any{after.EmailAddress(), after.PasswordHash, after.Generation}, []any{"dana@shop.example", f.dana.PasswordHash, int64(1)})
		_, err = f.RefreshToken(ctx, f.refreshToken(1).Hash)
		must(t, err)
		nothing := models.UserRecord{Username: "dana", Email: new(""), Roles: []string{}, Groups: []string{}}
		f.imported(t, models.ConflictUpdate, []models.UserRecord{nothing}, "updated")
		rights, err = f.Rights(ctx, f.shop.ID, f.dana.ID)
		must(t, err)
		equal(t, "rights", append(rights.Roles, rights.Groups...), []string{"default"})
		if after = f.named(t, "dana"); after.Email != nil {
			t.Error("the e-mail address stays")
		}
	}},
	{"another hash denies everything older", func(t *testing.T, f *fixture) { // SEC-62
		ctx := t.Context()
		must(t, f.CreateRefreshToken(ctx, f.refreshToken(1)))
		change := []models.UserRecord{{Username: "dana", PasswordHash: new("another")}}
		f.written(t, func() { f.imported(t, models.ConflictUpdate, change, "updated") },
			entry(models.ChangeUser, f.dana.ID), entry(models.ChangeSubjectDenied, f.dana.ID))
		after := f.named(t, "dana")
		equal(t, "generation", after.Generation, 2)
		_, subjects := f.denied(t, f.Store)
		equal(t, "denied", subjects[f.dana.ID].Generation, 2)
		_, err := f.RefreshToken(ctx, f.refreshToken(1).Hash)
		fails(t, err, models.ErrNotFound)
		f.written(t, func() { f.imported(t, models.ConflictUpdate, change, "unchanged") })
		change[0].PasswordHash = new("third")
		f.imported(t, models.ConflictUpdate, change, "updated")
		past, err := f.PastPasswords(ctx, f.dana.ID, 5)
		must(t, err)
		equal(t, "past", past, []string{"another"})
	}},
	{"an update refuses what belongs to others", func(t *testing.T, f *fixture) {
		must(t, f.CreateUsers(t.Context(), []models.User{f.user(t, "eve")}))
		f.imported(t, models.ConflictUpdate, []models.UserRecord{
			{Username: "dana", ID: uuid.New()},
			{Username: "dana", Email: new("EVE@shop.example")},
			{Username: "dana", Email: new("new@shop.example")},
			{Username: "eve", Email: new("dana@shop.example")},
			{Username: "new", Email: new("new@shop.example")},
		}, "rejected the user dana has another uuid, "+f.dana.ID.String(), "rejected another user has the e-mail address EVE@shop.example", "updated",
			"updated", "rejected another user has the e-mail address new@shop.example")
	}},
	{"an identifier is kept when it is free", func(t *testing.T, f *fixture) {
		other := f.application(t, f.acme.ID, "other")
		must(t, f.CreateApplication(t.Context(), other))
		outcomes, err := f.ImportUsers(t.Context(), models.UserImport{
			Application: other.Application.ID, OnConflict: models.ConflictFail,
			Users: []models.UserRecord{record("dana", func(r *models.UserRecord) { r.ID = f.dana.ID })},
		})
		must(t, err)
		if len(outcomes) != 1 || !outcomes[0].Renumbered || outcomes[0].ID == f.dana.ID {
			t.Errorf("%+v", outcomes)
		}
	}},
	{"tokens of a deleted user stay dead when he is imported again, new ones live", func(t *testing.T, f *fixture) {
		f.raise(t)
		_, err := f.DeleteUser(t.Context(), f.shop.ID, f.dana.ID)
		must(t, err)
		f.imported(t, models.ConflictFail, []models.UserRecord{record("dana", func(r *models.UserRecord) { r.ID = f.dana.ID })}, "created")
		_, subjects := f.denied(t, f.Store)
		equal(t, "generation", f.named(t, "dana").Generation, subjects[f.dana.ID].Generation)
	}},
	{"a dry run tells and writes nothing", func(t *testing.T, f *fixture) {
		f.written(t, func() {
			outcomes, err := f.ImportUsers(t.Context(), models.UserImport{
				Application: f.shop.ID, OnConflict: models.ConflictUpdate, DryRun: true,
				Users: []models.UserRecord{record("new"), {Username: "dana", PasswordHash: new("x")}, record("me")},
			})
			must(t, err)
			equal(t, "results", []models.ImportResult{outcomes[0].Result, outcomes[1].Result, outcomes[2].Result},
				[]models.ImportResult{models.ImportCreated, models.ImportUpdated, models.ImportRejected})
		})
		equal(t, "dana", f.named(t, "dana"), f.dana)
		_, err := f.User(t.Context(), f.shop.ID, "new")
		fails(t, err, models.ErrNotFound)
	}},
	{"what an import notes is committed with its users or not at all", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		in := models.UserImport{Application: f.shop.ID, OnConflict: models.ConflictFail, Users: []models.UserRecord{record("a")}}
		in.Note = func([]models.ImportOutcome) (models.ImportNote, error) { return models.ImportNote{}, errBroken }
		_, err := f.ImportUsers(ctx, in)
		fails(t, err, errBroken)
		_, err = f.User(ctx, f.shop.ID, "a")
		fails(t, err, models.ErrNotFound)
		in.Note = func(outcomes []models.ImportOutcome) (models.ImportNote, error) {
			return models.ImportNote{Name: "import", Value: fmt.Sprint(len(outcomes)), Audit: []models.AuditEvent{{
				Action: "user.import", ActorLevel: models.AuditSystem, ApplicationID: &f.shop.ID,
			}}}, nil
		}
		_, err = f.ImportUsers(ctx, in)
		must(t, err)
		noted, err := f.Meta(ctx, "import")
		must(t, err)
		equal(t, "noted", noted, "1")
		trail, err := f.VerifyAudit(ctx)
		must(t, err)
		equal(t, "entries", trail.Entries, 1)
	}},
	{"an application that is gone takes no users", func(t *testing.T, f *fixture) {
		must(t, f.DeleteApplication(t.Context(), f.shop.ID))
		for _, application := range []uuid.UUID{uuid.New(), f.shop.ID} {
			_, err := f.ImportUsers(t.Context(), models.UserImport{
				Application: application, OnConflict: models.ConflictFail, Users: []models.UserRecord{record("a")},
			})
			fails(t, err, models.ErrNotFound)
		}
	}},
	{"exported records are all users with their rights, page by page", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		_, _ = f.role(t, "clerk"), f.group(t, "staff")
		records := []models.UserRecord{}
		for i := range 25 {
			records = append(records, record(fmt.Sprintf("user%02d", i), func(r *models.UserRecord) {
				r.ID, r.Name, r.Activated, r.Confirmed, r.Disabled = uuid.New(), new(""), new(true), new(i%2 == 0), new(false)
				r.Deactivated, r.Created, r.PasswordHash, r.PINHash = new(int64(i%3)), new(int64(i)), new("hash"), new("")
				r.Properties, r.Roles, r.Groups = models.Properties{}, []string{"clerk"}, []string{}
				if i%5 == 0 {
					r.Groups = []string{"staff"}
				}
			}))
		}
		f.imported(t, models.ConflictFail, records, slices.Repeat([]string{"created"}, 25)...)
		got := []models.UserRecord{}
		for cursor := ""; ; {
			page, next, err := f.UserRecords(ctx, f.shop.ID, models.Page{Limit: 10, Cursor: cursor})
			must(t, err)
			got = append(got, page...)
			if cursor = next; cursor == "" {
				break
			}
		}
		equal(t, "records", got[:25], records)
		equal(t, "all", len(got), 26)
	}},
	{"a user whom only the database refuses takes no other with him", func(t *testing.T, f *fixture) {
		f.tamper(t, "CREATE TRIGGER cursed BEFORE INSERT ON users WHEN NEW.username_key = 'cursed' BEGIN SELECT RAISE(ABORT, 'no'); END")
		f.imported(t, models.ConflictFail, []models.UserRecord{record("a"), record("cursed"), record("b")},
			"created", "rejected the database refuses the user", "created")
		_, err := f.User(t.Context(), f.shop.ID, "cursed")
		fails(t, err, models.ErrNotFound)
		_, _ = f.named(t, "a"), f.named(t, "b")
	}},
	{"a large import is one batch", func(t *testing.T, f *fixture) {
		records := make([]models.UserRecord, 1200)
		for i := range records {
			records[i] = record(fmt.Sprintf("u%d", i), func(r *models.UserRecord) { r.ID = uuid.New() })
		}
		f.imported(t, models.ConflictFail, records, slices.Repeat([]string{"created"}, len(records))...)
	}},
	{"of two imports of one user one wins", func(t *testing.T, f *fixture) {
		race(t, 8, never, func(int) error {
			_, err := f.ImportUsers(t.Context(), models.UserImport{Application: f.shop.ID, OnConflict: models.ConflictFail, Users: []models.UserRecord{record("wanted")}})
			return err
		})
		all, _, err := f.Users(t.Context(), f.shop.ID, models.UserFilter{}, models.Page{Limit: 10})
		must(t, err)
		equal(t, "users", len(all), 2)
	}},
}
