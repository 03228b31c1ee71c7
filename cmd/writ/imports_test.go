package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/writ-auth/writ/"

// allowed says for each folder which of ours it may import and which third-party modules, besides google/uuid. Imports run one way:
// cmd, server, web, grants, keys and claims, models; store knows models only, verifier claims only. A folder that is not listed is a
// decision that nobody has taken yet.
func allowed() map[string]struct{ ours, theirs []string } {
	type row = struct{ ours, theirs []string }
	return map[string]row{
		"cmd/writ": {
			[]string{"cmd/writ/operator", "server", "server/tracing", "web", "web/portal", "grants", "grants/feed", "mail", "claims", "claims/permission", "keys", "models", "store", "grants/transfer", "grants/userimport"},
			[]string{"github.com/urfave/cli/v3", "github.com/BurntSushi/toml", "golang.org/x/sync", "github.com/schollz/progressbar/v3", "golang.org/x/term"},
		},
		"grants/userimport": {[]string{"grants/transfer", "models"}, nil},
		"grants/transfer":   {[]string{"claims/strictjson", "grants", "models"}, nil},
		"cmd/writ/operator": {[]string{"claims", "models"}, []string{"github.com/urfave/cli/v3", "golang.org/x/term"}},
		"server": {
			[]string{"web", "grants", "grants/feed", "mail", "claims", "claims/permission", "claims/revocation", "claims/strictjson", "keys", "models", "server/insight", "server/tracing"},
			[]string{"github.com/labstack/echo/v4", "github.com/prometheus/client_golang"},
		},
		"server/insight": {[]string{"claims"}, nil},
		"server/tracing": {nil, []string{"go.opentelemetry.io/otel"}},
		"web":            {[]string{"grants", "claims", "claims/permission", "keys", "models", "web/wording"}, []string{"github.com/labstack/echo/v4"}},
		"web/portal":     {[]string{"claims", "claims/permission", "grants", "grants/transfer", "grants/userimport", "models", "server/insight", "web/wording"}, nil},
		"web/wording":    {nil, nil},
		"grants": {
			[]string{"claims", "claims/permission", "claims/strictjson", "keys", "models"},
			[]string{"github.com/go-oauth2/oauth2/v4", "golang.org/x/crypto", "golang.org/x/text", "golang.org/x/sys", "github.com/hashicorp/golang-lru/v2"},
		},
		"grants/feed":                  {[]string{"claims", "claims/permission", "claims/revocation", "keys", "models"}, nil},
		"mail":                         {nil, []string{"github.com/wneessen/go-mail"}},
		"mail/mailtest":                {nil, []string{"github.com/emersion"}},
		"claims":                       {[]string{"claims/strictjson"}, nil},
		"claims/strictjson":            {nil, nil},
		"claims/permission":            {nil, nil},
		"claims/revocation":            {nil, nil},
		"keys":                         {[]string{"claims", "models"}, []string{"github.com/lestrrat-go/jwx/v2", "golang.org/x/crypto"}},
		"models":                       {nil, nil},
		"store":                        {[]string{"models"}, []string{"gorm.io", "github.com/mattn/go-sqlite3", "github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"}},
		"store/storetest":              {[]string{"models", "store"}, nil},
		"store/storetest/postgrestest": {nil, []string{"github.com/jackc/pgx/v5"}},
		"verifier": {
			[]string{"claims", "claims/permission", "claims/revocation", "claims/strictjson", "verifier/denylist", "verifier/statuslist"},
			[]string{"github.com/lestrrat-go/jwx/v2"},
		},
		"verifier/denylist":   {[]string{"claims/revocation"}, nil},
		"verifier/statuslist": {nil, nil},
		"verifier/echoverify": {[]string{"verifier", "claims", "claims/permission"}, []string{"github.com/labstack/echo/v4"}},
		"verifier/verifytest": {[]string{"verifier", "claims", "claims/permission", "claims/revocation"}, []string{"github.com/lestrrat-go/jwx/v2"}},
		"bench":               {[]string{"grants", "keys", "models", "store", "store/storetest/postgrestest", "server", "verifier"}, []string{"github.com/labstack/echo/v4", "github.com/mattn/go-sqlite3"}},
		"interop":             {nil, nil}, // tests only
		"examples/verify":     {nil, []string{"github.com/coreos/go-oidc/v3"}},
		"examples/gohttp":     {[]string{"claims", "verifier"}, nil},
		"examples/goecho":     {[]string{"claims", "verifier", "verifier/echoverify"}, []string{"github.com/labstack/echo/v4"}},
	}
}

func golist(t *testing.T, args ...string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	list.Dir = filepath.Join("..", "..")
	text, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return string(text)
}

func TestImportsRunOneWay(t *testing.T) {
	t.Parallel()
	table := allowed()
	for line := range strings.Lines(golist(t, "-f", `{{if .GoFiles}}{{.ImportPath}} {{join .Imports " "}}{{end}}`, "./...")) {
		words := strings.Fields(line)
		if len(words) == 0 { // tests only
			continue
		}
		folder := strings.TrimPrefix(words[0], module)
		row, listed := table[folder]
		if !listed {
			t.Errorf("%s is not in the table", folder)
			continue
		}
		for _, imported := range words[1:] {
			ours, isOurs := strings.CutPrefix(imported, module)
			switch {
			case isOurs && !slices.Contains(row.ours, ours):
				t.Errorf("%s must not import %s", folder, ours)
			case !isOurs && thirdParty(imported) && !slices.ContainsFunc(row.theirs, func(m string) bool { return within(m, imported) }):
				t.Errorf("%s must not import %s", folder, imported)
			}
		}
	}
}

// thirdParty tells modules from the standard library, whose paths have no dot in the first element. Identifiers are uuids everywhere.
func thirdParty(path string) bool {
	host, _, _ := strings.Cut(path, "/")
	return strings.Contains(host, ".") && path != "github.com/google/uuid"
}

func within(module, path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// A resource server must never need cgo, gorm or echo.
func TestWhatResourceServersImportBuildsWithoutCgo(t *testing.T) {
	t.Parallel()
	patterns := []string{"./claims/..."}
	if strings.Contains(golist(t, "./..."), module+"verifier\n") {
		patterns = append(patterns, "./verifier/...")
	}
	build := exec.CommandContext(t.Context(), "go", append([]string{"build"}, patterns...)...)
	build.Dir = filepath.Join("..", "..")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}
