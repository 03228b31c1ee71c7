package interop

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSnippetsOfThePortalWork pastes what the page "Getting started" offers, filled with the real values, and runs it.
func TestSnippetsOfThePortalWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.snippets(t)
	t.Run("curl", func(t *testing.T) {
		script := strings.NewReplacer("=NAME'", "=dana'", "=PASSWORD'", "="+userPassword+"'").Replace(code["curl"])
		got := run(t, "", nil, tool(t, "bash"), "-euc", script)
		for _, part := range []string{`"username":"dana"`, `"access_token":`, `"active":true`, `{}`} {
			if got.code != 0 || !strings.Contains(got.stdout, part) {
				t.Errorf("%d %s: no %s in %s", got.code, got.stderr, part, got.stdout)
			}
		}
	})
	t.Run("Go", func(t *testing.T) {
		program := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(program, []byte(code["Go"]), 0o600); err != nil {
			t.Fatal(err)
		}
		binary, err := build("portal-snippet", program)
		if err != nil {
			t.Fatal(err)
		}
		w.wantSubject(t, run(t, "", nil, binary))
	})
	t.Run("Node.js", func(t *testing.T) {
		w.wantSubject(t, run(t, "", nil, node(t), "--input-type=module", "--eval", code["Node.js"]))
	})
	t.Run("Python", func(t *testing.T) {
		w.wantSubject(t, run(t, "", nil, python(t), "-c", code["Python"]))
	})
}

// wantSubject is what each program prints in the end.
func (w *world) wantSubject(t *testing.T, got outcome) {
	t.Helper()
	if got.code != 0 || strings.TrimSpace(got.stdout) != w.shopID+" application" {
		t.Errorf("exit code %d\nstdout: %s\nstderr: %s", got.code, got.stdout, got.stderr)
	}
}

var (
	portalToken   = regexp.MustCompile(`name="csrf" value="([^"]+)"`)
	portalSnippet = regexp.MustCompile(`(?s)<pre[^>]*data-copy="([^"]+)"[^>]*>(.*?)</pre>`)
)

// snippets signs in, reveals the secret of shop and gives the code of the page by language.
func (w *world) snippets(t *testing.T) map[string]string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Transport: w.client.Transport, Timeout: patience}
	const start = "/portal/organizations/acme/applications/shop"
	page := w.post(t, client, "/portal/sign-in", url.Values{"username": {"olga"}, "password": {adminPassword}, "next": {start}})
	token := portalToken.FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("not signed in:\n%s", page)
	}
	page = w.post(t, client, start+"/reveal", url.Values{"csrf": {html.UnescapeString(token[1])}})
	code := map[string]string{}
	for _, found := range portalSnippet.FindAllStringSubmatch(page, -1) {
		code[found[1]] = html.UnescapeString(found[2])
	}
	if len(code) != 4 || !strings.Contains(page, w.shop.Secret) {
		t.Fatalf("%d snippets in\n%s", len(code), page)
	}
	return code
}

// post sends a form as a page of the portal does, and follows where it leads.
func (w *world) post(t *testing.T, client *http.Client, path string, form url.Values) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", w.url)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
