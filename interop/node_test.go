package interop

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// oldestNode is the release line that the scripts are written for.
const oldestNode = 20

// node finds Node.js and the packages of package-lock.json.
func node(t *testing.T) string {
	t.Helper()
	path := tool(t, "node")
	version := strings.TrimPrefix(strings.TrimSpace(run(t, "", nil, path, "--version").stdout), "v")
	major, _, _ := strings.Cut(version, ".")
	if number, err := strconv.Atoi(major); err != nil || number < oldestNode {
		missing(t, "node is "+version+", too old")
	}
	if !installed(t) && inCI() {
		if err := install(); err != nil {
			t.Fatal(err)
		}
	}
	if !installed(t) {
		missing(t, "the packages of package-lock.json are not installed: npm ci --ignore-scripts --prefix interop")
	}
	return path
}

// install takes the packages from the lock file, once, and only in CI: a test of a developer downloads nothing.
var install = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	text, err := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput()
	if err != nil {
		return errors.New("npm ci: " + string(text))
	}
	return nil
})

// pinned is what package.json asks for.
func pinned(t *testing.T) map[string]string {
	t.Helper()
	var manifest struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	readJSON(t, "package.json", &manifest)
	return manifest.Dependencies
}

// installed says whether node_modules holds the pinned versions.
func installed(t *testing.T) bool {
	t.Helper()
	for name, want := range pinned(t) {
		path := filepath.Join("node_modules", name, "package.json")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return false
		}
		var found struct {
			Version string `json:"version"`
		}
		readJSON(t, path, &found)
		if found.Version != want {
			return false
		}
	}
	return true
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// environment is how scripts learn where Writ is and who they are.
func (w *world) environment() []string {
	return []string{
		"WRIT_URL=" + w.url, "USER_PASSWORD=" + userPassword, "ADMIN_PASSWORD=" + adminPassword,
		"ACME_ID=" + w.acme.ID, "ACME_SECRET=" + w.acme.Secret, "SHOP_ID=" + w.shop.ID, "SHOP_SECRET=" + w.shop.Secret,
	}
}

// TestLockedPackages holds the lock file to what the scripts are tested with and to what it may say.
func TestLockedPackages(t *testing.T) {
	t.Parallel()
	var lock struct {
		Packages map[string]struct {
			Version   string `json:"version"`
			Integrity string `json:"integrity"`
			Resolved  string `json:"resolved"`
		} `json:"packages"`
	}
	readJSON(t, "package-lock.json", &lock)
	for name, want := range pinned(t) {
		if got := lock.Packages["node_modules/"+name].Version; got != want {
			t.Errorf("%s is locked at %q, want %q", name, got, want)
		}
	}
	for path, locked := range lock.Packages {
		bundled := strings.Count(path, "node_modules/") > 1 // comes inside of another package
		if path != "" && !bundled && !strings.HasPrefix(locked.Integrity, "sha512-") {
			t.Errorf("%s has no digest", path)
		}
		if locked.Resolved != "" {
			t.Errorf("%s names a registry: %s", path, locked.Resolved)
		}
	}
}
