package docs_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/writ-auth/writ/"

// mayImport says which of our own folders each folder may import, besides what lies below itself. A folder that is missing here may
// import nothing of ours.
func mayImport() map[string][]string {
	return map[string][]string{
		"claims":   nil,
		"models":   nil,
		"keys":     {"claims", "models"},
		"store":    {"models"},
		"grants":   {"claims", "keys", "models"},
		"web":      {"claims", "grants", "models"},
		"server":   {"claims", "grants", "keys", "models", "web"},
		"verifier": {"claims"},
		"cmd":      {"claims", "grants", "keys", "models", "server", "store", "web"},
		"examples": {"claims", "verifier"},
		"bench":    {"claims", "grants", "keys", "models", "server", "store", "verifier"},
		"docs":     nil,
	}
}

// TestImportsRunOneWay compares what `go list` says with the folder table of the architecture. Tests may import more.
func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	table := mayImport()
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		importer := folder(fields[0])
		for _, imported := range fields[1:] {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			if to := folder(imported); to != importer && !slices.Contains(table[importer], to) {
				t.Errorf("%s imports %s", strings.TrimPrefix(fields[0], module), strings.TrimPrefix(imported, module))
			}
		}
	}
}

func folder(importPath string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(importPath, module), "/")
	return first
}
