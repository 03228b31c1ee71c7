package portal

import (
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/models"
)

// Pages and texts name each other: nothing is missing, and nothing is left over.
func TestTextsAndPagesKnowEachOther(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	for _, pattern := range []string{"*.go", "templates/*.html", "templates/frame/*.html"} {
		names, err := fs.Glob(os.DirFS("."), pattern)
		must(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			must(t, err)
			sources.Write(text)
		}
	}
	known, named := english(), map[string]bool{}
	for _, found := range regexp.MustCompile(`(?:\bt |say\(|done\([^\n]*, )"([a-z]+(?:\.[a-z]+)*)"`).FindAllStringSubmatch(sources.String(), -1) {
		named[found[1]] = true
		if !known.has(found[1]) {
			t.Errorf("there is no text %s", found[1])
		}
	}
	if len(named) < 200 {
		t.Errorf("only %d texts are named", len(named))
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		family, _, _ := strings.Cut(name, ".")
		// Some are put together of a family and what the API says.
		if !named[name] && !strings.Contains(sources.String(), `"`+name+`"`) && !strings.Contains(sources.String(), `"`+family+".") {
			t.Errorf("nothing names %s", name)
		}
	}
}

// What the trail calls things stands where they are done; nobody should read these words on a page.
func TestEveryActionOfTheTrailHasAText(t *testing.T) {
	t.Parallel()
	actions := []string{
		"change", "login.failed", "admin.login", "user.login", "refresh.reused", "token.refused", "token.register", "user.import", "audit.dropped",
		"key.create", "user.activate", "user.confirm", "admin.activate", "admin.confirm",
	}
	for _, state := range []string{models.KeyAnnounced, models.KeySigning, models.KeyRetiring, models.KeyDropped, models.KeyRemoved} {
		actions = append(actions, "key."+state)
	}
	words, err := os.ReadFile("../../server/auditwords.go")
	must(t, err)
	found := regexp.MustCompile(`\{"([a-z]+(?:\.[a-z]+)+)", `).FindAllStringSubmatch(string(words), -1)
	if len(found) < 40 {
		t.Fatalf("only %d words of the server are found", len(found))
	}
	for _, word := range found {
		actions = append(actions, word[1])
	}
	for _, action := range actions {
		if !english().has("action." + action) {
			t.Errorf("there is no text action.%s", action)
		}
	}
}

func TestTimesAreSaid(t *testing.T) {
	t.Parallel()
	for ms, want := range map[int64]string{
		86_400_000: "24 hours", 172_800_000: "2 days", 3_600_000: "1 hour", 90_000: "90 seconds", 1: "1 millisecond", 1_500: "1500 milliseconds", 0: "0 milliseconds",
	} {
		if got := english().span(ms); got != want {
			t.Errorf("%d ms are %q, want %q", ms, got, want)
		}
	}
	for past, want := range map[int64]string{0: "just now", 59_999: "just now", 61_000: "1 minute ago", 26 * 3_600_000: "24 hours ago", 49 * 3_600_000: "2 days ago"} {
		if got := english().ago(0, past); got != want {
			t.Errorf("%d ms ago is %q, want %q", past, got, want)
		}
	}
}
