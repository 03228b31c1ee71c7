package main

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// portalVisit is a browser in the portal of a running Writ.
type portalVisit struct {
	http.Client

	at   *instance
	page string // the one shown last
}

// enterPortal signs the superuser in.
func enterPortal(t *testing.T, in *instance) *portalVisit {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	b := &portalVisit{Client: http.Client{Jar: jar, Timeout: patience}, at: in}
	b.send(t, http.MethodGet, "/portal/sign-in", "", nil)
	b.submit(t, "/portal/sign-in", "username", "superuser", "password", rootPassword)
	return b
}

func (b *portalVisit) send(t *testing.T, method, path, contentType string, body io.Reader) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.at.url+path, body)
	must(t, err)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response, err := b.Do(r)
	must(t, err)
	text, err := io.ReadAll(response.Body)
	must(t, err)
	must(t, response.Body.Close())
	if b.page = string(text); response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
}

// submit sends a form of the page shown last.
func (b *portalVisit) submit(t *testing.T, path string, fields ...string) {
	t.Helper()
	form := url.Values{"csrf": {b.hidden("csrf")}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	b.send(t, http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// hidden is the value of a hidden field; "" if the page has none.
func (b *portalVisit) hidden(name string) string {
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(b.page)
	if found == nil {
		return ""
	}
	return found[1]
}

func (b *portalVisit) upload(t *testing.T, path, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(t, form.WriteField("csrf", b.hidden("csrf")))
	must(t, form.WriteField("mode", "fail"))
	part, err := form.CreateFormFile("file", "users.jsonl")
	must(t, err)
	_, err = part.Write(text)
	must(t, err)
	must(t, form.Close())
	b.send(t, http.MethodPost, path, form.FormDataContentType(), &body)
}

// importState is what the database says of the only import.
func importState(t *testing.T, dir string) string {
	t.Helper()
	return stored[string](t, filepath.Join(dir, "writ.db"), "SELECT state FROM user_imports")
}

// The process that imports users for the portal is killed in the middle. The next one goes on by itself as soon as the minute is over in which the
// former one might still live, and everybody is there exactly once.
func TestAPortalImportSurvivesTheDeathOfTheProcess(t *testing.T) {
	t.Parallel()
	const (
		n  = 20_000
		at = "/portal/organizations/demo/applications/app/users/import"
	)
	dir, environ := filepath.Join(t.TempDir(), "data"), []string{"WRIT_SUPERUSER_PASSWORD=" + rootPassword}
	first := startApart(t, environ, arguments(dir, []string{"--demo"})...)
	first.waitUntilListening(t)
	b := enterPortal(t, first)
	b.send(t, http.MethodGet, at, "", nil)
	b.upload(t, at+"/upload", usersFile(t, n))
	promptly(t, "the file is checked", 4*patience, func() bool {
		b.send(t, http.MethodGet, at, "", nil)
		return strings.Contains(b.page, at+`/start"`)
	})
	b.submit(t, at+"/start", "import", b.hidden("import"))
	promptly(t, "some are imported", 4*patience, func() bool { return count(t, dir) >= 2000 })
	first.kill()
	before := count(t, dir)
	if state := importState(t, dir); before%1000 != 0 || before >= n || state != "running" {
		t.Fatalf("%d users are in, and the import is %s", before, state)
	}

	self, err := os.Executable()
	must(t, err)
	second := startProgram(t, self, append(environ, clockOff+"=2m"), arguments(dir, nil)...)
	second.waitUntilListening(t)
	promptly(t, "the import is done", 4*patience, func() bool { return importState(t, dir) == "done" })
	if got := count(t, dir); got != n {
		t.Errorf("%d users, %d of them from before", got, before)
	}
	b = enterPortal(t, second)
	b.send(t, http.MethodGet, at, "", nil)
	if !strings.Contains(b.page, "<dd>20000</dd>") || strings.Count(b.page, "<dd>0</dd>") != 1 {
		t.Errorf("the page does not say that all were created and none refused:\n%s", b.page)
	}
}
