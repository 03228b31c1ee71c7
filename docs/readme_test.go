package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The snippets in README are parts of programs that CI runs; here they are held to the letter.
func TestSnippetsInREADMEAreThoseOfTheExamples(t *testing.T) {
	t.Parallel()
	readme := read(t, "../README.md")
	for language, file := range map[string]string{
		"go": "../examples/gohttp/main.go",
	} {
		blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(readme, -1)
		if len(blocks) == 0 {
			t.Errorf("README has no %s block", language)
		}
		program := unindented(read(t, file))
		for _, block := range blocks {
			if !strings.Contains(program, unindented(block[1])) {
				t.Errorf("%s does not contain README's\n%s", file, block[1])
			}
		}
	}
}

// Every link to a file of the repository leads somewhere.
func TestLinksInREADMELeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(read(t, "../README.md"), -1) {
		if _, err := os.Stat("../" + link[1]); err != nil {
			t.Errorf("README links to %s: %v", link[1], err)
		}
	}
}

// unindented makes a part of a program comparable with the whole.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
