package permission

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The vectors of docs/feed.md, from which people write verifiers in other languages.
func TestVectorsOfTheFeedPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/feed.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| rule | matches | does not match |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	code := regexp.MustCompile("`([^`]+)`")
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "`") {
			continue
		}
		rows++
		rule := mustParse(t, code.FindStringSubmatch(cells[1])[1])
		for i, want := range map[int]bool{2: true, 3: false} {
			for _, found := range code.FindAllStringSubmatch(cells[i], -1) {
				path := strings.ReplaceAll(found[1], "<her uuid>", danaID)
				if rule.Allows(get(path), dana()) != want {
					t.Errorf("%s and %s: want %t", rule, path, want)
				}
			}
		}
	}
	if rows < 10 {
		t.Errorf("the page has %d vectors", rows)
	}
}
