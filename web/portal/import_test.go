package portal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants/userimport"
	"github.com/writ-auth/writ/server"
)

const (
	importAt   = usersAt + "/import"
	bcryptHash = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
)

// upload sends a file with the form of the page shown last; headers are as in send.
func (b *browser) upload(t *testing.T, path, name, mode, text string, headers ...string) *reply {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(t, form.WriteField(formName, b.form))
	must(t, form.WriteField("mode", mode))
	file, err := form.CreateFormFile("file", name)
	must(t, err)
	_, err = file.Write([]byte(text))
	must(t, err)
	must(t, form.Close())
	return b.send(t, http.MethodPost, path, body.String(), append([]string{"Content-Type: " + form.FormDataContentType()}, headers...)...)
}

// importer lets imports go on until the test ends, or until stop.
func (w *world) importer(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.imports.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// awaitImport opens the page until it has a text.
func (b *browser) awaitImport(t *testing.T, text string) *reply {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		r := b.open(t, importAt)
		if strings.Contains(r.text, text) {
			return r
		}
		if time.Now().After(end) {
			t.Fatalf("the page never says %q\n%s", text, r.shown())
		}
		select {
		case <-t.Context().Done():
			t.Fatal("over")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// decision is the identifier of the import on the page.
func (b *browser) decision(t *testing.T) string {
	t.Helper()
	_, id, found := strings.Cut(b.last.text, `name="import" value="`)
	if !found {
		t.Fatalf("nothing to decide\n%s", b.last.shown())
	}
	id, _, _ = strings.Cut(id, `"`)
	return id
}

func TestUsersAreImportedByAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.importer(t)
	b := w.as(t, "superuser")
	w.newUser(t, "dana")
	want(t, b.open(t, usersAt), http.StatusOK, "Import users from a file")
	want(t, b.open(t, importAt), http.StatusOK, "Choose a file", "64 MiB", "!http-equiv")
	const file = `{"username":"dana"}` + "\n" + `{"username":"erik","hash":"` + bcryptHash + `"}` + "\n" + `{"username":"finn","roles":["none"]}` + "\n" +
		`{"username":"gwen","hash":"{sha1}2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"}` + "\n"
	r := b.upload(t, importAt+"/upload", `C:\files\users.jsonl`, "fail", file)
	want(t, r, http.StatusSeeOther)
	b.awaitImport(t, "Import 2 users")
	want(t, b.last, http.StatusOK, "Would be created", "a user dana exists", "there is no role none", "users.jsonl", "bcrypt 1",
		"with a fast hash: 1", "!C:\\files", "!"+bcryptHash, "!http-equiv")
	if len(w.events(t, "user.import")) != 0 {
		t.Error("a check is in the trail")
	}
	want(t, b.submit(t, importAt+"/start", "import", b.decision(t)), http.StatusSeeOther)
	b.awaitImport(t, "The import is complete")
	want(t, b.last, http.StatusOK, "Created", "To the users", "Choose a file")
	if events := w.events(t, "user.import"); len(events) != 1 || events[0].ActorName != "superuser" || !strings.Contains(events[0].Detail, `"by":"portal"`) {
		t.Errorf("trail %+v", events)
	}
	r = b.open(t, importAt+"/refused")
	want(t, r, http.StatusOK, `"line":1`, `"line":3`, "!"+bcryptHash)
	if r.Header.Get("Content-Type") != "application/jsonl; charset=utf-8" || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("headers %v", r.Header)
	}
	want(t, b.open(t, usersAt), http.StatusOK, "erik", "gwen")
	want(t, b.open(t, importAt+"/progress"), http.StatusOK, `"state":"done"`, `"percent":100`)
	if strings.Contains(w.log.String(), bcryptHash) || strings.Contains(w.log.String(), "gwen") {
		t.Error("the log has a line of the file")
	}
}

// SEC-70
func TestMembersImportNoHashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.importer(t)
	b := w.as(t, "olga")
	want(t, b.open(t, importAt), http.StatusOK, "imported by the superuser only")
	id := uuid.NewString()
	want(t, b.upload(t, importAt+"/upload", "u", "skip", `{"username":"erik","hash":"`+bcryptHash+`"}`+"\n"+`{"username":"finn","uuid":"`+id+`"}`), http.StatusSeeOther)
	b.awaitImport(t, "Import 1 users")
	want(t, b.last, http.StatusOK, "hashes are imported by the superuser only")
	want(t, b.submit(t, importAt+"/start", "import", b.decision(t)), http.StatusSeeOther)
	b.awaitImport(t, "The import is complete")
	finn, err := w.store.User(t.Context(), w.shop.ID, "finn")
	must(t, err)
	if finn.ID.String() == id {
		t.Error("a member has chosen an identifier")
	}
	if events := w.events(t, "user.import"); len(events) != 1 || events[0].ActorName != "olga" || *events[0].ActorID != w.olga.ID {
		t.Errorf("trail %+v", events)
	}
}

// A restart in the middle loses nothing and does nothing twice; meanwhile the page says how far it is.
func TestAnImportGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	stop := w.importer(t)
	b := w.as(t, "olga")
	b.open(t, importAt)
	var file strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&file, `{"username":"user-%d"}`+"\n", i)
	}
	want(t, b.upload(t, importAt+"/upload", "users", "fail", file.String()), http.StatusSeeOther)
	b.awaitImport(t, "Import 6000 users")
	want(t, b.submit(t, importAt+"/start", "import", b.decision(t)), http.StatusSeeOther)
	for { // some are in
		_, summary, err := w.imports.Find(t.Context(), w.shop.ID)
		must(t, err)
		if summary.Created > 0 {
			break
		}
		select {
		case <-t.Context().Done():
			t.Fatal("nobody is imported")
		case <-time.After(time.Millisecond):
		}
	}
	stop()
	r := b.open(t, importAt)
	if !strings.Contains(r.text, "The import is complete") { // a fast machine may have ended it
		want(t, r, http.StatusOK, "Users are being imported", `http-equiv="refresh"`, "data-progress", "End the import", "!Choose a file")
		want(t, b.open(t, importAt+"/progress"), http.StatusOK, `"state":"running"`)
	}
	w.importer(t)
	b.awaitImport(t, "The import is complete")
	if _, summary, err := w.imports.Find(t.Context(), w.shop.ID); err != nil || summary.Created != 6000 || summary.Rejected != 0 {
		t.Errorf("%+v, %v", summary, err)
	}
}

func TestAnImportIsCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	b.open(t, importAt)
	want(t, b.upload(t, importAt+"/upload", "users", "fail", `{"username":"erik"}`), http.StatusSeeOther)
	want(t, b.open(t, importAt), http.StatusOK, "The file is being checked", `http-equiv="refresh"`)
	id := b.decision(t)
	want(t, b.upload(t, importAt+"/upload", "users", "fail", `{"username":"finn"}`), http.StatusConflict, "not over yet")
	want(t, b.submit(t, importAt+"/start", "import", id), http.StatusConflict, "see below")
	want(t, b.submit(t, importAt+"/cancel", "import", uuid.NewString()), http.StatusConflict)
	want(t, b.submit(t, importAt+"/cancel", "import", "x"), http.StatusBadRequest)
	r := b.submit(t, importAt+"/cancel", "import", id)
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The import was ended", "Choose a file")
	w.importer(t)
	want(t, b.upload(t, importAt+"/upload", "users", "fail", `{"username":"finn"}`), http.StatusSeeOther)
	b.awaitImport(t, "Import 1 users")
}

// A file is taken from a page of ours only, read no further than it may be, and never by somebody else's application.
//
// SEC-22, SEC-67, SEC-75
func TestUploadsOfStrangersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	b.open(t, importAt)
	const line = `{"username":"evil"}`
	upload := importAt + "/upload"
	want(t, b.upload(t, upload, "x", "fail", line, "Sec-Fetch-Site: cross-site"), http.StatusForbidden)
	want(t, b.upload(t, upload, "x", "fail", line, "Sec-Fetch-Site: ", "Origin: https://evil.example"), http.StatusForbidden)
	own := b.form
	b.form = w.as(t, "rita").form
	want(t, b.upload(t, upload, "x", "fail", line), http.StatusForbidden, "from an earlier session")
	b.form = ""
	want(t, b.upload(t, upload, "x", "fail", line), http.StatusForbidden)
	b.form = own
	want(t, w.browser(t).upload(t, upload, "x", "fail", line), http.StatusForbidden)
	rita := w.as(t, "rita")
	want(t, rita.upload(t, upload, "x", "fail", line), http.StatusNotFound)
	for _, path := range []string{"", "/progress", "/refused"} {
		want(t, rita.open(t, importAt+path), http.StatusNotFound)
	}
	if _, _, err := w.imports.Find(t.Context(), w.shop.ID); err == nil {
		t.Fatal("an import has begun")
	}
	want(t, b.upload(t, upload, "x", "all", line), http.StatusBadRequest)
	want(t, b.submit(t, upload, "mode", "fail", "file", line), http.StatusBadRequest)
	want(t, b.upload(t, upload, "x", "fail", ""), http.StatusBadRequest, "The file is empty")
	want(t, b.upload(t, upload, "x", "skip", strings.Repeat("\n", userimport.MaxLines+1)), http.StatusRequestEntityTooLarge,
		"more than 200000 lines", `value="skip" checked`)
	want(t, b.upload(t, upload, "x", "fail", strings.Repeat("x", userimport.MaxBytes+1)), http.StatusRequestEntityTooLarge, "larger than 64 MiB")
	for name, body := range map[string]string{
		"no file":       "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n" + b.form + "\r\n--x\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\nfail\r\n--x--\r\n",
		"field twice":   "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n" + b.form + "\r\n--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n" + b.form + "\r\n--x--\r\n",
		"large field":   "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n" + strings.Repeat("x", maxUploadField+1) + "\r\n--x--\r\n",
		"not multipart": "mode=fail",
	} {
		r := b.send(t, http.MethodPost, upload, body, "Content-Type: multipart/form-data; boundary=x")
		switch name {
		case "no file":
			want(t, r, http.StatusBadRequest, "Choose a file first")
		case "not multipart": // nothing before a first part, nothing behind a last one
			want(t, r, http.StatusForbidden)
		default:
			want(t, r, http.StatusBadRequest)
		}
	}
	if job, _, err := w.imports.Find(t.Context(), w.shop.ID); err == nil {
		t.Errorf("there is an import: %+v", job)
	}
}

// SEC-69
func TestNothingOfAFileBecomesMarkup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.importer(t)
	b := w.as(t, "olga")
	b.open(t, importAt)
	const evil = `<script>alert(1)</script><img src=x onerror=alert(1)>`
	want(t, b.upload(t, importAt+"/upload", evil+".jsonl", "fail", `{"username":"`+evil+`"}`+"\n"+`{"`+evil+`":1}`+"\n"+`{"email":"`+evil+`@x.y","roles":["`+evil+`"]}`),
		http.StatusSeeOther)
	r := b.awaitImport(t, "The file was checked")
	want(t, r, http.StatusOK, "Illegal username: "+evil, ".jsonl", "!<script>alert", "!<img src=x")
	want(t, b.open(t, importAt+"/refused"), http.StatusOK, "!<script>alert")
	_, err := w.store.UserImport(t.Context(), w.shop.ID)
	must(t, err)
}

// The superuser's file is not for members to start, who see it, and names from a file do not fill the page.
//
// SEC-70, SEC-73
func TestMembersDoNotStartTheSuperusersImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.importer(t)
	b := w.as(t, "superuser")
	b.open(t, importAt)
	file := `{"username":"erik","hash":"` + bcryptHash + `"}` + "\n" + strings.Repeat(`{"username":"`+strings.Repeat("a", 5000)+`<"}`+"\n", 50)
	want(t, b.upload(t, importAt+"/upload", "u", "fail", file), http.StatusSeeOther)
	b.awaitImport(t, "Import 1 users")
	if size := len(b.last.text); size > 100<<10 {
		t.Errorf("the page has %d bytes", size)
	}
	olga := w.as(t, "olga")
	want(t, olga.open(t, importAt), http.StatusOK, "only the superuser can begin", "!Import 1 users", "Do not import")
	want(t, olga.submit(t, importAt+"/start", "import", olga.decision(t)), http.StatusForbidden, "only the superuser can begin")
	want(t, b.open(t, importAt), http.StatusOK, "Import 1 users")
}

// trickle is a body that does not end until the test does.
type trickle struct {
	io.Reader

	asked chan struct{} // closed once everything is sent
	once  sync.Once
	end   <-chan struct{}
}

func (r *trickle) Read(into []byte) (int, error) {
	if n, err := r.Reader.Read(into); err == nil {
		return n, nil
	}
	r.once.Do(func() { close(r.asked) })
	<-r.end
	return 0, io.ErrUnexpectedEOF
}

// An upload may take long, so nobody has many of them at once: connections are for everybody.
//
// SEC-75
func TestAnAdminHasFewUploadsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b, olga := w.as(t, "olga"), w.as(t, "olga")
	b.open(t, importAt)
	olga.open(t, importAt)
	end := make(chan struct{})
	var ended sync.WaitGroup
	for range uploadsAtOnce {
		body := &trickle{Reader: strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n"), asked: make(chan struct{}), end: end}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+importAt+"/upload", body)
		must(t, err)
		request.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
		ended.Go(func() {
			if r, err := olga.client.Do(request); err == nil {
				_ = r.Body.Close()
			}
		})
		<-body.asked
	}
	w.awaitUploads(t, uploadsAtOnce)
	want(t, b.upload(t, importAt+"/upload", "u", "fail", `{"username":"erik"}`), http.StatusTooManyRequests)
	want(t, w.as(t, "superuser").open(t, importAt), http.StatusOK)
	close(end)
	ended.Wait()
	w.awaitUploads(t, 0)
	b.open(t, importAt)
	want(t, b.upload(t, importAt+"/upload", "u", "fail", `{"username":"erik"}`), http.StatusSeeOther)
}

// awaitUploads waits until so many uploads of olga are being read.
func (w *world) awaitUploads(t *testing.T, count int) {
	t.Helper()
	portal := w.Config.Handler.(*server.Server).Portal.(*Portal) //nolint:forcetypeassert // as newWorld makes them
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		portal.uploads.mu.Lock()
		running := portal.uploads.running[w.olga.ID]
		portal.uploads.mu.Unlock()
		if running == count {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d uploads are read, want %d", running, count)
		}
	}
}
