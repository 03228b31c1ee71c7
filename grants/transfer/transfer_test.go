package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/strictjson"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// world is a database with the applications shop, which has the role clerk and the group staff, and copy, which has them too.
type world struct {
	*store.Store

	acme       models.Organization
	shop, copy models.Application
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	var err error
	w.Store, err = store.Open(t.Context(), store.Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "writ.db"), TokenTTL: 1000})
	must(t, err)
	t.Cleanup(func() { _ = w.Close() })
	w.acme, err = models.NewOrganization("acme", time.Now())
	must(t, err)
	seed := models.OrganizationSeed{Organization: w.acme, Client: client(models.OrganizationClient, w.acme.ID)}
	for name, into := range map[string]*models.Application{"shop": &w.shop, "copy": &w.copy} {
		*into, err = models.NewApplication(w.acme.ID, name, time.Now())
		must(t, err)
		seed.Applications = append(seed.Applications, models.ApplicationSeed{Application: *into, Client: client(models.ApplicationClient, into.ID)})
	}
	must(t, w.CreateOrganization(t.Context(), seed))
	for _, application := range []models.Application{w.shop, w.copy} {
		role, err := models.NewRole(application.ID, "clerk", "", time.Now())
		must(t, err)
		must(t, w.CreateRole(t.Context(), role))
		group, err := models.NewGroup(application.ID, "staff/night", "", "", time.Now())
		must(t, err)
		must(t, w.CreateGroup(t.Context(), group))
	}
	return w
}

func client(kind models.ClientKind, owner uuid.UUID) models.Client {
	return models.Client{ID: owner, Kind: kind, SecretHash: []byte{1}, Generation: 1}
}

// job is an import into shop; what is reported goes to the list.
func (w *world) job(input string, change ...func(*Import)) (*Import, *[]string) {
	reports := &[]string{}
	job := &Import{
		Store: w.Store, Organization: w.acme, Application: w.shop, OnConflict: models.ConflictFail, Input: strings.NewReader(input), Now: time.Now, Batch: 500,
		Report: func(r Rejection) { *reports = append(*reports, fmt.Sprintf("%d: %s", r.Line, r.Reason)) },
	}
	for _, c := range change {
		c(job)
	}
	return job, reports
}

func (w *world) usernames(t *testing.T) []string {
	t.Helper()
	names := []string{}
	for page := (models.Page{Limit: models.MaxLimit}); ; {
		users, next, err := w.Users(t.Context(), w.shop.ID, models.UserFilter{}, page)
		must(t, err)
		for i := range users {
			names = append(names, users[i].Username)
		}
		if page.Cursor = next; next == "" {
			slices.Sort(names)
			return names
		}
	}
}

const sha1Hash = "{sha1}a9993e364706816aba3e25717850c26c9cd0d89d"

func TestBadLinesAreReportedAndCostNoOther(t *testing.T) {
	t.Parallel()
	good := func(i int) string { return fmt.Sprintf(`{"username":"good%d"}`, i) }
	const twice = `{"username":"x","username":"y"}`
	_, errTwice := strictjson.Decode([]byte(twice), maxDepth)
	bad := []struct{ line, reason string }{
		{`{"username":"x"`, "not valid JSON at byte 15"},
		{`{"username":"x"} {}`, "data after the value at byte 17"},
		{`["x"]`, "must be a JSON object"},
		{`null`, "must be a JSON object"},
		{`{}`, "Required property not found: username"},
		{twice, errTwice.Error()},
		{`{"username":"x","Email":"x@y"}`, `unknown field "Email"`},
		{`{"username":"x","pasword":"secret"}`, `unknown field "pasword"`},
		{`{"username":"x","password":"secret"}`, "password: passwords in the clear are not imported, give the hash"},
		{"{\"username\":\"x\xff\"}", "not valid UTF-8 at byte 0"},
		{`{"username":"x","email":"no address"}`, "Illegal email: no address"},
		{`{"username":"me"}`, "Username 'me' is reserved"},
		{`{"username":7}`, "username: must be a text"},
		{`{"username":"x","activated":"yes"}`, "activated: must be true or false"},
		{`{"username":"x","created":"yesterday"}`, "created: must be milliseconds since 1970 or a time as in RFC 3339"},
		{`{"username":"x","created":1.5}`, "created: must be milliseconds since 1970 or a time as in RFC 3339"},
		{`{"username":"x","created":-1}`, "created: must be milliseconds since 1970 or a time as in RFC 3339"},
		{`{"username":"x","uuid":"x"}`, "uuid: must be a uuid"},
		{`{"username":"x","uuid":"00000000-0000-0000-0000-000000000000"}`, "uuid: must be a uuid"},
		{`{"username":"x","hash":"secret"}`, "hash: is no hash that can be verified"},
		{`{"username":"x","hash":"$6$salt$secret"}`, "hash: is no hash that can be verified"},
		{`{"username":"x","pin":"1234"}`, "pin: must be an argon2id or bcrypt hash"},
		{`{"username":"x","pin":"` + sha1Hash + `"}`, "pin: must be an argon2id or bcrypt hash"},
		{`{"username":"x","properties":[]}`, "properties: must be an object"},
		{`{"username":"x","properties":{"password":"secret"}}`, "properties: password cannot be a custom property"},
		{`{"username":"x","properties":{"a":"` + strings.Repeat("a", models.MaxProperties) + `"}}`, "custom properties exceed 65536 bytes of JSON"},
		{`{"username":"x","roles":"clerk"}`, "roles: must be an array of texts"},
		{`{"username":"x","roles":[7]}`, "roles: must be an array of texts"},
		{`{"username":"x","roles":["ghost"]}`, "there is no role ghost"},
		{`{"username":"y","groups":["no/where"]}`, "there is no group no/where"},
		{`{"username":"x","groups":["users"]}`, "groups: Illegal characters found in group name: users"},
		{`{"username":"GOOD0"}`, "good0 stands on line 1, too"},
		{`{"username":"x","email":"good0"}`, "Illegal email: good0"},
		{`{"username":"` + strings.Repeat("x", MaxLine) + `"}`, "longer than 262144 bytes"},
		{strings.Repeat(`[`, 100), "nested too deep at byte 32"},
	}
	var input strings.Builder
	want := []string{}
	fmt.Fprintln(&input, good(0))
	for i, b := range bad {
		fmt.Fprintf(&input, "%s\n%s\n", b.line, good(i+1))
		want = append(want, fmt.Sprintf("%d: %s", 2*i+2, b.reason))
	}
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "rejects.jsonl")
	job, reports := w.job(input.String(), func(i *Import) { i.Rejects = &Rejects{Path: path} })
	summary, err := job.Run(t.Context())
	must(t, err)
	must(t, job.Rejects.Close())
	if !slices.Equal(*reports, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(*reports, "\n"), strings.Join(want, "\n"))
	}
	if len(w.usernames(t)) != len(bad)+1 || summary.Created != len(bad)+1 || summary.Rejected != len(bad) || summary.Lines != 2*len(bad)+1 {
		t.Errorf("%+v", summary)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	rejected := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	for i, line := range rejected {
		var r Rejection
		must(t, json.Unmarshal(line, &r))
		if got := fmt.Sprintf("%d: %s", r.Line, r.Reason); got != want[i] {
			t.Errorf("rejects file: %s, want %s", got, want[i])
		}
	}
	// SEC-79: neither reports nor the file have a hash or what was meant to be one.
	for _, secret := range []string{"a9993e", `:"secret"`, "$6$"} {
		if bytes.Contains(text, []byte(secret)) || strings.Contains(strings.Join(*reports, "\n"), secret) {
			t.Errorf("%q is told", secret)
		}
	}
}

func TestWhatOtherProgramsWriteIsTolerated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job, reports := w.job("\ufeff{\"username\":\"a\",\"email\":null}\r\n\r\n\n {\"username\" : \"b\", \"created\":\"2020-01-02T03:04:05+01:00\"}\t\r\n{\"email\":\"C@x.example\"}")
	summary, err := job.Run(t.Context())
	must(t, err)
	if got := w.usernames(t); !slices.Equal(got, []string{"C@x.example", "a", "b"}) || len(*reports) > 0 || summary.Lines != 5 {
		t.Errorf("%q, %q, %+v", got, *reports, summary)
	}
	b, err := w.User(t.Context(), w.shop.ID, "b")
	must(t, err)
	if b.Created != time.Date(2020, 1, 2, 2, 4, 5, 0, time.UTC).UnixMilli() {
		t.Error(b.Created)
	}
}

func TestNamesStandOnOneLineOnly(t *testing.T) {
	t.Parallel()
	id := uuid.NewString()
	for _, mode := range []models.OnConflict{models.ConflictFail, models.ConflictSkip, models.ConflictUpdate} {
		w := newWorld(t)
		job, reports := w.job(`{"username":"a","email":"a@x.example","uuid":"`+id+`"}
{"username":"A","name":"second"}
{"username":"b","email":"A@x.example"}
{"username":"a@X.example"}
{"username":"c","uuid":"`+strings.ToUpper(id)+`"}
{"username":"d@x.example","email":"d@x.example"}`, func(i *Import) { i.OnConflict = mode })
		_, err := job.Run(t.Context())
		must(t, err)
		want := []string{
			"2: a stands on line 1, too", "3: a@x.example stands on line 1, too", "4: a@x.example stands on line 1, too", "5: " + id + " stands on line 1, too",
		}
		if !slices.Equal(*reports, want) || !slices.Equal(w.usernames(t), []string{"a", "d@x.example"}) {
			t.Errorf("%s: %q, %q", mode, *reports, w.usernames(t))
		}
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	input := `{"username":"a","hash":"` + sha1Hash + `"}` + "\n" + `{"username":"b","roles":["ghost"]}`
	seq, _, err := w.Head(t.Context())
	must(t, err)
	job, reports := w.job(input, func(i *Import) { i.DryRun = true })
	summary, err := job.Run(t.Context())
	must(t, err)
	if summary.Created != 1 || summary.Rejected != 1 || summary.Unsalted != 1 || !slices.Equal(*reports, []string{"2: there is no role ghost"}) {
		t.Errorf("%+v %q", summary, *reports)
	}
	after, _, err := w.Head(t.Context())
	must(t, err)
	line, err := job.Unfinished(t.Context())
	must(t, err)
	trail, err := w.VerifyAudit(t.Context())
	must(t, err)
	if len(w.usernames(t)) > 0 || after != seq || line != 0 || trail.Entries != 0 {
		t.Errorf("%q, %d changes, stopped at %d, %d audit entries", w.usernames(t), after-seq, line, trail.Entries)
	}
}

func TestImportIsInTheAuditTrail(t *testing.T) { // SEC-80
	t.Parallel()
	w := newWorld(t)
	job, _ := w.job(`{"username":"a"}` + "\n" + `{"username":"me"}`)
	_, err := job.Run(t.Context())
	must(t, err)
	trail, err := w.VerifyAudit(t.Context())
	must(t, err)
	if trail.Entries != 1 || trail.BrokenAt != 0 {
		t.Errorf("%+v", trail)
	}
}

func TestExportAndImportAreInverse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := uuid.NewString()
	job, reports := w.job(`{"uuid":"` + id + `","username":"Ämilie <&>","email":null}
{"uuid":"` + id + `","username":"Ana","email":"Ana@x.example","name":"Ana <b>&","activated":false,"confirmed":false,"disabled":true,"deactivated":9,"created":7,` +
		`"hash":"` + sha1Hash + `$sälz","pin":"$2a$04$CD9K/FaLvF8WNtLUmbJUH./kAdJOROf11pF5EzZN3d8yM6b4C/5Sq","properties":{"n":1e400,"deep":{"a":[null,true,"\u2028"]}},` +
		`"roles":["clerk"],"groups":["Staff/Night"]}
{"username":"bare"}`)
	_, err := job.Run(t.Context())
	must(t, err)
	if !slices.Equal(*reports, []string{"1: Illegal username: Ämilie <&>"}) {
		t.Errorf("%q", *reports)
	}
	var first, second, bare bytes.Buffer
	count, err := Export(t.Context(), w, w.shop.ID, true, &first)
	must(t, err)
	if _, err := Export(t.Context(), w, w.shop.ID, false, &bare); err != nil || count != 2 {
		t.Errorf("%d users, %v", count, err)
	}
	if bytes.Contains(bare.Bytes(), []byte("{sha1}")) || bytes.Contains(bare.Bytes(), []byte("$2a$")) || bytes.Contains(bare.Bytes(), []byte(`"hash"`)) {
		t.Errorf("hashes without being asked for: %s", &bare)
	}
	again := func(application models.Application, mode models.OnConflict) Summary {
		job, reports := w.job(first.String(), func(i *Import) { i.Application, i.OnConflict = application, mode })
		summary, err := job.Run(t.Context())
		must(t, err)
		if len(*reports) > 0 {
			t.Errorf("%q", *reports)
		}
		return summary
	}
	if s := again(w.shop, models.ConflictUpdate); s.Unchanged != 2 {
		t.Errorf("into the same application: %+v", s)
	}
	if s := again(w.copy, models.ConflictFail); s.Created != 2 || s.Renumbered != 2 {
		t.Errorf("into another application: %+v", s)
	}
	users, _, err := w.Users(t.Context(), w.shop.ID, models.UserFilter{}, models.Page{Limit: 10})
	must(t, err)
	for i := range users {
		_, err := w.DeleteUser(t.Context(), w.shop.ID, users[i].ID)
		must(t, err)
	}
	if s := again(w.shop, models.ConflictFail); s.Created != 2 || s.Renumbered != 0 {
		t.Errorf("again: %+v", s)
	}
	_, err = Export(t.Context(), w, w.shop.ID, true, &second)
	must(t, err)
	if first.String() != second.String() {
		t.Errorf("got\n%s\nwant\n%s", &second, &first)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"username":"a","created":1,"roles":["x"],"hash":"` + sha1Hash + `"}`))
	f.Add([]byte(`{"username":"a","properties":{"a":null}}`))
	p := parser{fields(), uuid.New(), time.UnixMilli(1), false}
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := p.parse(text)
		if err != nil {
			return
		}
		row, err := u.NewUser(p.application, p.now)
		if err != nil || row.Username == "" {
			t.Errorf("%q: %+v, %v", text, row, err)
		}
	})
}

func TestExamplesOfTheManualAreImported(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "import.md"))
	must(t, err)
	_, rest, _ := strings.Cut(string(page), "```jsonl\n")
	example, _, found := strings.Cut(rest, "```")
	w := newWorld(t)
	job, reports := w.job(example)
	summary, err := job.Run(t.Context())
	must(t, err)
	if !found || len(*reports) > 0 || summary.Created != 3 {
		t.Errorf("%+v %q", summary, *reports)
	}
	for name := range fields() {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("the field %s is not described", name)
		}
	}
}
