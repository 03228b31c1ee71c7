package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// golden compares text with testdata/<name>, or rewrites it with -update.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o750))
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if string(want) != text {
		t.Errorf("%s differs from the golden file, got:\n%s", path, text)
	}
}

var (
	uuids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	secrets = regexp.MustCompile(`"(YXA6|b3U6)[\w-]{27}"`)
	clients = regexp.MustCompile(`"(YXA6|b3U6)[\w-]{22}"`)
)

// goldenBody shows a JSON body so that only what matters is compared: uuids and secrets are numbered or named, the clock stands.
func goldenBody(t testing.TB, text string) string {
	t.Helper()
	var out bytes.Buffer
	must(t, json.Indent(&out, []byte(text), "", "  "))
	out.WriteByte('\n')
	seen := map[string]string{adminApplication: adminApplication}
	shown := uuids.ReplaceAllStringFunc(out.String(), func(id string) string {
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("<uuid %d>", len(seen))
		}
		return seen[id]
	})
	shown = secrets.ReplaceAllString(shown, `"$1<secret>"`)
	return clients.ReplaceAllString(shown, `"$1<id>"`)
}
