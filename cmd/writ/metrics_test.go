package main

import (
	"crypto/tls"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// documentedMetrics reads the table of docs/operations.md.
func documentedMetrics(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Metrics\n")
	if !found {
		t.Fatal("docs/operations.md has no section Metrics")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	names := map[string]bool{}
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| `writ_") {
			for _, name := range regexp.MustCompile("`(writ_[a-z_]+)`").FindAllStringSubmatch(strings.SplitN(line, "|", 3)[1], -1) {
				names[name[1]] = true
			}
		}
	}
	return names
}

// What the documentation names is what a server shows once each thing has happened, and nothing else.
func TestEveryDocumentedMetricIsShownByARealServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile, roots := newCertificate(t, dir, 1, time.Now().Add(time.Hour))
	in := serveHere(t, filepath.Join(dir, "data"), nil, "--demo", "--tls-cert="+certFile, "--tls-key="+keyFile)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	ask := func(method, path, body, token string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, in.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := client.Do(r)
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
	app := in.printed(t, "client of demo/app")
	answer := ask("POST", "/demo/app/token", `{"grant_type":"client_credentials","client_id":"`+app.name+`","client_secret":"`+app.password+`"}`, "")
	token := regexp.MustCompile(`"access_token":"([^"]+)"`).FindStringSubmatch(answer)
	if token == nil {
		t.Fatal(answer)
	}
	ask("POST", "/demo/app/token", `{"grant_type":"magic"}`, "")
	ask("GET", "/demo/app/tokens", "", "nonsense")
	ask("POST", "/demo/app/credentials/revoketokens", "", token[1])

	shown := map[string]bool{}
	for line := range strings.Lines(ask("GET", "/metrics", "", "")) {
		if name, is := strings.CutPrefix(line, "# TYPE writ_"); is {
			shown["writ_"+strings.Fields(name)[0]] = true
		}
	}
	documented := documentedMetrics(t)
	if len(shown) < 20 {
		t.Errorf("only %d metrics", len(shown))
	}
	if got, want := slices.Sorted(maps.Keys(shown)), slices.Sorted(maps.Keys(documented)); !slices.Equal(got, want) {
		t.Errorf("shown and documented differ:\n%v\n%v", got, want)
	}
}
