package docs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every query of the dashboard names metrics that the documentation has, which a test of cmd/writ compares with a real server.
func TestTheDashboardAsksForMetricsThatExist(t *testing.T) {
	t.Parallel()
	operations, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join("deploy", "grafana-dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string `json:"title"`
		Panels []struct {
			ID      int    `json:"id"`
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		t.Fatal(err)
	}
	metric := regexp.MustCompile(`\b(writ|go|process)_[a-z_]+`)
	seen, asked := map[int]bool{}, 0
	for _, panel := range dashboard.Panels {
		if panel.Title == "" || seen[panel.ID] || len(panel.Targets) == 0 {
			t.Errorf("panel %d %q", panel.ID, panel.Title)
		}
		seen[panel.ID] = true
		for _, target := range panel.Targets {
			names := metric.FindAllString(target.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%s asks for nothing: %s", panel.Title, target.Expr)
			}
			for _, name := range names {
				asked++
				known := strings.Contains(string(operations), "`"+name+"`")
				for _, suffix := range []string{"_bucket", "_count", "_sum"} {
					base, is := strings.CutSuffix(name, suffix)
					known = known || is && strings.Contains(string(operations), "`"+base+"`")
				}
				if !known && strings.HasPrefix(name, "writ_") {
					t.Errorf("%s asks for %s, which nobody has documented", panel.Title, name)
				}
			}
			if strings.Count(target.Expr, "(") != strings.Count(target.Expr, ")") || strings.Count(target.Expr, "{") != strings.Count(target.Expr, "}") {
				t.Errorf("%s: unbalanced: %s", panel.Title, target.Expr)
			}
		}
	}
	if asked < 15 {
		t.Errorf("only %d metrics are asked for", asked)
	}
}

// Every link of the page for operators leads to a file or to one of its own headings.
func TestLinksForOperatorsLeadSomewhere(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(content), -1) {
		headings["#"+regexp.MustCompile(`[^a-z0-9-]`).ReplaceAllString(strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-"), "")] = true
	}
	for _, link := range regexp.MustCompile(`\]\(([^):]+)\)`).FindAllStringSubmatch(string(content), -1) {
		if strings.HasPrefix(link[1], "#") {
			if !headings[link[1]] {
				t.Errorf("no heading %s", link[1])
			}
			continue
		}
		path, _, _ := strings.Cut(link[1], "#")
		if _, err := os.Stat(path); err != nil { //nolint:gosec // a link of this page
			t.Error(err)
		}
	}
}
