package server

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// row is one situation of the error catalogue (§10), in the catalogue's words, with requests that meet it.
type row struct {
	situation string
	asks      []ask
}

// ask is one request that is refused, at the default server of the catalogue if no other is named.
type ask struct {
	request string // method and target
	body    string
	headers []string
	want    refusal
	at      *fixture
}

// refusal is what the caller must see of an error, and nothing else.
type refusal struct {
	status int
	code   string
	// description is exact. With a ~ before it the contract leaves the wording open: it must hold this text. Requests of one row with
	// the same description are answered by the same one, in both dialects; a ~ alone demands nothing but some description.
	description string
	oauth       bool // the members of RFC 6749 §5.2 alone
	// challenge, retry and allow are the headers WWW-Authenticate, Retry-After and Allow; "" means that there is none.
	challenge, retry, allow string
}

// oauth is an error in the shape of RFC 6749.
func oauth(status int, code, description string) refusal {
	return refusal{status: status, code: code, description: description, oauth: true}
}

// ordinary is an error in the shape of every other endpoint.
func ordinary(status int, code, description string) refusal {
	return refusal{status: status, code: code, description: description}
}

func (r refusal) challenged(by string) refusal { r.challenge = by; return r }

func (r refusal) after(seconds string) refusal { r.retry = seconds; return r }

func (r refusal) allows(methods string) refusal { r.allow = methods; return r }

// TestErrorCatalogue is section 10, row by row: every answer in all its members and headers, in both dialects where there are two, and
// nothing written. SEC-14 SEC-15 SEC-16 SEC-17
func TestErrorCatalogue(t *testing.T) {
	t.Parallel()
	for i, row := range newCatalogue(t).rows() {
		t.Run(strings.ReplaceAll(row.situation, "/", "|"), func(t *testing.T) {
			told := map[string]string{}
			for _, ask := range row.asks {
				method, target, _ := strings.Cut(ask.request, " ")
				path, _, _ := strings.Cut(target, "?")
				t.Run(method+strings.ReplaceAll(path, "/", "|"), func(t *testing.T) {
					before := ask.at.changes(t)
					// An address for every row: failures of one must not slow down the next.
					from := []string{fmt.Sprintf("Remote: 198.51.100.%d:4711", i+1)}
					a := ask.at.do(t, method, target, ask.body, append(from, ask.headers...)...)
					a.refused(t, path, ask.want)
					description, _ := a.body["error_description"].(string)
					if earlier, known := told[ask.want.description]; known && earlier != description && ask.want.description != "~" {
						t.Errorf("description %q, and %q before", description, earlier)
					}
					told[ask.want.description] = description
					if after := ask.at.changes(t); after != before {
						t.Errorf("a refused request wrote %d changes", after-before)
					}
				})
			}
		})
	}
}

// changes is as written, but for a server whose database is gone.
func (f *fixture) changes(t *testing.T) int {
	t.Helper()
	if f.store.Ping(t.Context()) != nil {
		return 0
	}
	return f.written(t)
}

// refused checks an answer against everything the contract says about it.
func (a *answer) refused(t *testing.T, path string, want refusal) {
	t.Helper()
	header := map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Pragma": pragmaOf(path),
		"Www-Authenticate": want.challenge, "Retry-After": want.retry, "Allow": want.allow,
	}
	a.check(t, scenario{wantStatus: want.status, wantHeader: header})
	members := slices.Sorted(maps.Keys(a.body))
	expected := []string{"duration", "error", "error_description", "exception", "timestamp"}
	switch {
	case want.status == http.StatusOK: // one credential wins over another
		return
	case want.code == "":
		expected = nil
	case want.oauth:
		expected = []string{"error", "error_description"}
	case a.body["exception"] != exceptionOf(want.code):
		t.Errorf("exception %v, want %s", a.body["exception"], exceptionOf(want.code))
	}
	// No error repeats a secret that was presented.
	for _, secret := range []string{"eyJ", userPassword, adminPassword, superuserPassword} {
		if strings.Contains(a.text, secret) {
			t.Errorf("the answer holds a secret: %s", a.text)
		}
	}
	if a.body == nil || !slices.Equal(members, expected) {
		t.Errorf("members %v, want %v: %s", members, expected, a.text)
	}
	if code, _ := a.body["error"].(string); code != want.code {
		t.Errorf("error %q, want %q: %s", code, want.code, a.text)
	}
	description, _ := a.body["error_description"].(string)
	if want.oauth && strings.ContainsFunc(description, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		t.Errorf("RFC 6749 §5.2 does not allow the description %q", description)
	}
	part, open := strings.CutPrefix(want.description, "~")
	if open && (description == "" || !strings.Contains(description, part)) || !open && description != want.description {
		t.Errorf("description %q, want %q", description, want.description)
	}
}

// pragmaOf is §1.6: answers about tokens, revocation, introspection and credentials are not kept by caches of HTTP/1.0 either.
func pragmaOf(path string) string {
	if regexp.MustCompile(`/(token|revoke|introspect|revoketokens?|credentials)$|^/management/me$`).MatchString(path) {
		return "no-cache"
	}
	return ""
}

// exceptionOf is §1.4: the code in camel case.
func exceptionOf(code string) string {
	words := strings.Split(code, "_")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "") + "Exception"
}

// TestErrorCatalogueIsComplete holds the table against the list of situations beside docs/errors.md, and its codes against that page.
func TestErrorCatalogueIsComplete(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("../docs/errors-catalogue.txt")
	must(t, err)
	page, err := os.ReadFile("../docs/errors.md")
	must(t, err)
	var want, got []string
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			want = append(want, line)
		}
	}
	shown := map[string]bool{}
	for _, row := range (&catalogue{fixture: &fixture{}}).rows() {
		got = append(got, row.situation)
		if len(row.asks) == 0 {
			t.Errorf("%s: no request", row.situation)
		}
		for _, ask := range row.asks {
			shown[ask.want.code] = true
			if code := ask.want.code; code != "" && !strings.Contains(string(page), "`"+code+"`") {
				t.Errorf("errors.md does not explain %s", code)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("situations\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// What the page explains beyond the catalogue: limits of HTTP and of concurrency, the revocation feed.
	for _, beyond := range []string{"conflict", "request_too_large", "snapshot_gone"} {
		shown[beyond] = true
	}
	for _, cell := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|(?: `([a-z_]+)` \\|)?").FindAllStringSubmatch(string(page), -1) {
		for _, code := range cell[1:] {
			if code != "" && !shown[code] {
				t.Errorf("errors.md explains %s, which no row shows", code)
			}
		}
	}
}
