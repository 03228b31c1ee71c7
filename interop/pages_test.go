package interop

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/writ-auth/writ/mail/mailtest"
)

const pagePassword = "broad-meadow-31"

// mailWorld is a world whose mails come to the test, and a browser.
type mailWorld struct {
	*world

	smtp    *mailtest.Server
	browser context.Context
}

// TestMailPagesInABrowser follows the links of mails in Chromium: a forgotten password of a user, of an admin whose browser runs no
// scripts, and a new address.
//
// SEC-32, SEC-68
func TestMailPagesInABrowser(t *testing.T) {
	t.Parallel()
	w := &mailWorld{browser: newBrowser(t), smtp: mailtest.New(t, mailtest.Options{})}
	settings := filepath.Join(t.TempDir(), "writ.toml") // the address of the SMTP server is no flag: it may hold a password
	if err := os.WriteFile(settings, []byte(`smtp-url = "smtp://`+w.smtp.Addr+`"`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.world = newWorld(t, "--config="+settings)
	w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"club"}`)
	w.set(t, "PUT", "/acme/club", `{"registration_requires_email_confirmation":true}`)

	t.Run("password of a user", func(t *testing.T) {
		p := newTab(t, w.browser)
		w.resetsPassword(t, p, "/acme/shop", "dana", userPassword)
		p.wantQuietConsole(t)
	})
	t.Run("password of an admin, without scripts", func(t *testing.T) {
		p := newTab(t, w.browser)
		p.withoutScripts(t)
		w.resetsPassword(t, p, "/management", "olga", adminPassword)
		p.wantQuietConsole(t)
	})
	t.Run("confirmation", w.confirms)
	t.Run("looks", w.looksWell)
}

// resetsPassword is the way from "forgotten" to the login with a new password. tenant is the path of the token endpoint.
func (w *mailWorld) resetsPassword(t *testing.T, p *tab, tenant, username, before string) {
	t.Helper()
	p.open(t, w.url+tenant+"/users/resetpw", http.StatusOK, "Forgotten password")
	p.enter(t, "#email", username+"@example.com")
	p.click(t, "button", http.StatusOK, "Check your mail")
	link := w.link(t, username)
	if !strings.HasPrefix(link, w.url+tenant+"/users/") {
		t.Fatal(link)
	}

	p.open(t, link, http.StatusOK, "Set a new password")
	p.enter(t, "#password1", pagePassword)
	p.enter(t, "#password2", pagePassword+"2")
	p.click(t, "button", http.StatusBadRequest, "Set a new password")
	if problem := p.text(t, "#problem"); problem != "The two passwords are not the same." {
		t.Errorf("problem %q", problem)
	}
	w.wantLogin(t, tenant, username, before, http.StatusOK)
	p.enter(t, "#password1", pagePassword)
	p.enter(t, "#password2", pagePassword)
	p.click(t, "button", http.StatusOK, "Password set")
	w.wantLogin(t, tenant, username, before, http.StatusBadRequest)
	w.wantLogin(t, tenant, username, pagePassword, http.StatusOK)

	p.open(t, link, http.StatusBadRequest, "Invalid link")
	p.click(t, "a", http.StatusOK, "Forgotten password")
}

func (w *mailWorld) confirms(t *testing.T) {
	w.set(t, "POST", "/acme/club/users", `{"username":"erik","email":"erik@example.com","password":"`+userPassword+`"}`)
	w.wantLogin(t, "/acme/club", "erik", userPassword, http.StatusBadRequest)
	link := w.link(t, "erik")
	p := newTab(t, w.browser)
	p.open(t, link+"x", http.StatusBadRequest, "Invalid link")
	p.open(t, link, http.StatusOK, "Address confirmed")
	w.wantLogin(t, "/acme/club", "erik", userPassword, http.StatusOK)
	p.open(t, link, http.StatusBadRequest, "Invalid link")
	p.wantQuietConsole(t)
}

// looksWell checks what a policy that forbids the style, or a style that forgets narrow screens and dark rooms, would break.
func (w *mailWorld) looksWell(t *testing.T) {
	long := strings.Repeat("x", 60)
	w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"`+long+`"}`)
	users := w.url + "/acme/" + long + "/users"
	p := newTab(t, w.browser)
	for _, page := range []struct {
		address string
		status  int64
		heading string
	}{
		{users + "/resetpw", http.StatusOK, "Forgotten password"},
		{users + "/dana/resetpw", http.StatusOK, "Forgotten password"},
		{users + "/dana/resetpw?token=x", http.StatusBadRequest, "Invalid link"},
	} {
		p.do(t, chromedp.EmulateViewport(1280, 800))
		p.prefers(t, "light")
		p.open(t, page.address, page.status, page.heading)
		if got := p.style(t, "main", "max-width"); got != "416px" {
			t.Errorf("%s: the style is not applied: max-width %s", page.address, got)
		}
		light := p.style(t, "body", "background-color")
		p.prefers(t, "dark")
		if dark := p.style(t, "body", "background-color"); dark == light {
			t.Errorf("%s: background %s for light and dark", page.address, dark)
		}
		p.do(t, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
		p.open(t, page.address, page.status, page.heading)
		// A phone that may zoom out makes room for what is too wide.
		if widths := asked[[]int](t, p, "[innerWidth, document.documentElement.scrollWidth]"); widths[0] != 390 || widths[1] != 390 {
			t.Errorf("%s: at 390 px the window is %d and the page %d wide", page.address, widths[0], widths[1])
		}
	}
	p.wantQuietConsole(t)
}

// link waits for the next mail, which must be to this user, and gives its link.
func (w *mailWorld) link(t *testing.T, username string) string {
	t.Helper()
	m := w.smtp.Next(t)
	if len(m.To) != 1 || m.To[0] != username+"@example.com" {
		t.Fatalf("mail to %v, want %s", m.To, username)
	}
	return m.Link(t)
}

func (w *mailWorld) wantLogin(t *testing.T, tenant, username, password string, status int) {
	t.Helper()
	body := `{"grant_type":"password","username":"` + username + `","password":"` + password + `"}`
	if got, answer := w.do(t, "POST", tenant+"/token", body, "Content-Type", "application/json"); got != status {
		t.Errorf("login of %s: %d %v, want %d", username, got, answer, status)
	}
}
