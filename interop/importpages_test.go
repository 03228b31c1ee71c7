package interop

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const importPage = "/portal/organizations/acme/applications/shop/users/import"

// TestUsersAreImportedByAPage has an administrator import a file, with scripts and without: what was found is shown before anything is written, the page
// goes on by itself, and refused lines are named.
func TestUsersAreImportedByAPage(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	for _, scripts := range []bool{true, false} {
		t.Run("scripts "+strconv.FormatBool(scripts), func(t *testing.T) {
			p := newTab(t, w.browser)
			if !scripts {
				p.withoutScripts(t)
			}
			p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
			p.signIn(t, "olga", "Organizations")
			username := "eva-" + strconv.FormatBool(scripts)
			w.uploads(t, p, username)
			if shown := p.text(t, "main"); !strings.Contains(shown, "Would be created") || !strings.Contains(shown, "dana") {
				t.Errorf("checked: %s", shown)
			}
			p.open(t, w.url+"/portal/organizations/acme/applications/shop/users?search="+username, http.StatusOK, "Users")
			if shown := p.text(t, "main"); !strings.Contains(shown, "Nobody") {
				t.Errorf("before anybody has said yes: %s", shown)
			}
			p.open(t, w.url+importPage, http.StatusOK, "Import users")
			p.click(t, `form[action$="/start"] button`, http.StatusOK, "Import users")
			p.waitAcross(t, "document.querySelector('#import').textContent === 'The import is complete'")
			p.open(t, w.url+"/portal/organizations/acme/applications/shop/users?search="+username, http.StatusOK, "Users")
			if shown := p.text(t, "ul.list"); !strings.Contains(shown, username) {
				t.Errorf("afterwards: %s", shown)
			}
			p.wantQuietConsole(t)
		})
	}
}

// uploads sends a file of two lines that go in and two that do not, and waits until it is checked.
func (w *portalWorld) uploads(t *testing.T, p *tab, username string) {
	t.Helper()
	lines := []string{
		`{"username":"` + username + `","email":"` + username + `@warehouse.example.com","name":"Eva Lind","roles":["clerk"]}`,
		`{"username":"dana","email":"dana@example.com"}`,
		`{"username":"` + username + `-2","activated":false,"properties":{"plan":"gold"}}`,
		`{"username":"` + username + `-3","roles":["nobody-has-made-this-role"]}`,
	}
	p.open(t, w.url+importPage, http.StatusOK, "Import users")
	p.do(t, chromedp.Evaluate[chromedp.Void](`(() => {
		const files = new DataTransfer();
		files.items.add(new File([`+strconv.Quote(strings.Join(lines, "\n"))+`], 'users of the warehouse.jsonl'));
		document.querySelector('#file').files = files.files;
	})()`))
	p.click(t, `form[action$="/upload"] button`, http.StatusOK, "Import users")
	p.waitAcross(t, `document.querySelector('form[action$="/start"]') !== null`)
}

// looksAtImports examines the page of an import in each of its states. Those that pass too quickly are written into the database, as if a process that is
// slower had them in hand.
func (w *portalWorld) looksAtImports(t *testing.T, p *tab, axe, view string, width int64) {
	t.Helper()
	w.uploads(t, p, "eva-"+view)
	p.examine(t, axe, "users-import-checked", view, width)
	for _, state := range []string{"checking", "running", "failed"} {
		w.alter(t, fmt.Sprintf("UPDATE user_imports SET state = '%s', done = size * 2 / 5, lease = %d", state, time.Now().Add(time.Hour).UnixMilli()))
		p.open(t, w.url+importPage, http.StatusOK, "Import users")
		p.examine(t, axe, "users-import-"+state, view, width)
	}
	w.alter(t, "UPDATE user_imports SET state = 'checked', done = 0, lease = 0")
	p.open(t, w.url+importPage, http.StatusOK, "Import users")
	p.click(t, `form[action$="/start"] button`, http.StatusOK, "Import users")
	p.waitAcross(t, "document.querySelector('#import').textContent === 'The import is complete'")
	p.examine(t, axe, "users-import-done", view, width)
}

// waitAcross waits until something holds on a page that loads itself anew meanwhile.
func (p *tab) waitAcross(t *testing.T, condition string) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		if holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](condition)); err == nil && holds {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: never, on\n%s", condition, p.text(t, "body"))
		}
		select {
		case <-p.ctx.Done():
			t.Fatal(p.ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
