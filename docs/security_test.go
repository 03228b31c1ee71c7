package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tests that name a requirement into security.md")

const (
	securityPage     = "security.md"
	lastRequirement  = 80
	extraRequirement = "61b"
)

var (
	requirementRow  = regexp.MustCompile(`(?m)^\| (\d+b?) \| (.+?) \| (.*?) \| (.+) \|$`)
	requirementMark = regexp.MustCompile(`\bSEC-0*(\d+b?)\b`)
	testName        = regexp.MustCompile("`([a-z/]+\\.(?:Test|Fuzz|Benchmark)\\w+)`")
)

// TestSecurityPageNamesEveryRequirementOnce compares the rows with the numbers 1 to 80 and 61b, in order.
func TestSecurityPageNamesEveryRequirementOnce(t *testing.T) {
	t.Parallel()
	var want []string
	for n := 1; n <= lastRequirement; n++ {
		want = append(want, fmt.Sprint(n))
		if extra := fmt.Sprint(n, "b"); extra == extraRequirement {
			want = append(want, extra)
		}
	}
	var got []string
	for _, row := range requirementRow.FindAllStringSubmatch(read(t, securityPage), -1) {
		got = append(got, row[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has the numbers\n%v, want\n%v", securityPage, got, want)
	}
}

// TestSecurityPageNamesTestsThatExist holds every test of the table against the code: it exists, and its comments name the number.
// With -update it writes the column anew from those comments; notes behind the tests stay.
func TestSecurityPageNamesTestsThatExist(t *testing.T) {
	marked := markedTests(t)
	page := read(t, securityPage)
	if *update {
		page = requirementRow.ReplaceAllStringFunc(page, func(row string) string { return rewritten(row, marked) })
		if err := os.WriteFile(securityPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range requirementRow.FindAllStringSubmatch(page, -1) {
		number, shown := row[1], row[4]
		named := testName.FindAllStringSubmatch(shown, -1)
		for _, name := range named {
			if !slices.Contains(marked[number], name[1]) {
				t.Errorf("requirement %s: there is no %s with a comment SEC-%s", number, name[1], number)
			}
		}
		if note := noteOf(shown); len(named) == 0 && !strings.HasPrefix(note, "open") && !strings.HasPrefix(note, "does not apply: ") {
			t.Errorf("requirement %s: %q is neither a test nor \"open\" nor \"does not apply: reason\"", number, shown)
		}
	}
}

// markedTests maps a requirement to the tests whose comments name it, as folder.Name.
func markedTests(t *testing.T) map[string][]string {
	t.Helper()
	marked := map[string][]string{}
	fset, all := sources(t)
	for _, s := range all {
		if !s.isTest(fset) {
			continue
		}
		for _, declaration := range s.file.Decls {
			function, is := declaration.(*ast.FuncDecl)
			if !is || !testName.MatchString("`x."+function.Name.Name+"`") {
				continue
			}
			begin := function.Pos()
			if function.Doc != nil {
				begin = function.Doc.Pos()
			}
			for _, comment := range s.file.Comments {
				if comment.Pos() < begin || comment.End() > function.End() {
					continue
				}
				// The comment as written: Text leaves out what looks like a directive.
				for _, line := range comment.List {
					for _, mark := range requirementMark.FindAllStringSubmatch(line.Text, -1) {
						marked[mark[1]] = append(marked[mark[1]], s.folder+"."+function.Name.Name)
					}
				}
			}
		}
	}
	for number := range marked {
		slices.Sort(marked[number])
		marked[number] = slices.Compact(marked[number])
	}
	return marked
}

func rewritten(row string, marked map[string][]string) string {
	cells := requirementRow.FindStringSubmatch(row)
	var parts []string
	for _, name := range marked[cells[1]] {
		parts = append(parts, "`"+name+"`")
	}
	shown, note := strings.Join(parts, ", "), noteOf(cells[4])
	switch {
	case note == "open" && shown != "":
	case note != "" && shown != "":
		shown += "; " + note
	case note != "":
		shown = note
	case shown == "":
		shown = "open"
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", cells[1], cells[2], cells[3], shown)
}

// noteOf is what stands behind the tests of a cell.
func noteOf(shown string) string {
	return strings.TrimLeft(testName.ReplaceAllString(shown, ""), " ,;")
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
