package interop

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/writ-auth/writ/mail/mailtest"
)

// TestServerPagesAndMailPagesLookWell is TestPortalLooksWell for the superuser's pages, and for those that users of an application reach from mails.
func TestServerPagesAndMailPagesLookWell(t *testing.T) {
	t.Parallel()
	smtp := mailtest.New(t, mailtest.Options{})
	settings := filepath.Join(t.TempDir(), "writ.toml") // the address of the SMTP server is no flag: it may hold a password
	if err := os.WriteFile(settings, []byte(`smtp-url = "smtp://`+smtp.Addr+`"`), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &portalWorld{browser: newBrowser(t), world: newWorld(t, "--config="+settings)}
	axe := w.axe(t)
	nils := text(w.set(t, "POST", "/management/users", `{"email":"nils.a.very.long.address.indeed@warehouse.example.com","username":"nils"}`), "data", "user", "uuid")
	w.set(t, "PUT", "/management/users/"+nils, `{"activated":false}`)
	for _, view := range []struct {
		name, scheme  string
		width, height int64
	}{{"390-light", "light", 390, 844}, {"390-dark", "dark", 390, 844}, {"1280-light", "light", 1280, 800}, {"1280-dark", "dark", 1280, 800}} {
		t.Run(view.name, func(t *testing.T) {
			p := newTab(t, w.browser)
			p.prefers(t, view.scheme)
			if view.width < 1000 {
				p.do(t, chromedp.EmulateViewport(view.width, view.height, chromedp.EmulateMobile))
			} else {
				p.do(t, chromedp.EmulateViewport(view.width, view.height))
			}
			w.looksAtMailPages(t, p, axe, view.name, view.width)
			p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
			p.signInWith(t, superuser, superuserPassword, "Organizations")
			for _, page := range []struct{ name, path, heading string }{
				{"server-organizations", "/portal", "Organizations"},
				{"server-administrators", "/portal/administrators", "Administrators"},
				{"server-administrators-none", "/portal/administrators?search=nobody", "Administrators"},
				{"server-administrator", "/portal/administrators/" + nils, "nils"},
				{"server-activity", "/portal/activity", "Activity"},
				{"server-keys", "/portal/keys", "Server"},
				{"server-review", "/portal/review", "Security review"},
				{"server-account", "/portal/account", "Your account"},
			} {
				p.open(t, w.url+page.path, http.StatusOK, page.heading)
				p.examine(t, axe, page.name, view.name, view.width)
			}
			p.open(t, w.url+"/portal/activity", http.StatusOK, "Activity")
			p.click(t, `form[action$="/check"] button`, http.StatusOK, "Activity")
			if said := p.text(t, ".notice"); !strings.HasPrefix(said, "Yes.") {
				t.Errorf("the check says %q", said)
			}
			p.examine(t, axe, "server-activity-checked", view.name, view.width)
			p.wantQuietConsole(t)
		})
	}
}

func (w *portalWorld) looksAtMailPages(t *testing.T, p *tab, axe, view string, width int64) {
	t.Helper()
	for _, page := range []struct {
		name, path, heading string
		status              int64
	}{
		{"mail-ask", "/acme/shop/users/resetpw", "Forgotten password", http.StatusOK},
		{"mail-ask-user", "/acme/shop/users/dana/resetpw", "Forgotten password", http.StatusOK},
		{"mail-invalid", "/acme/shop/users/dana/resetpw?token=x", "Invalid link", http.StatusBadRequest},
		{"mail-ask-admin", "/management/users/resetpw", "Forgotten password", http.StatusOK},
	} {
		p.open(t, w.url+page.path, page.status, page.heading)
		if place := p.text(t, ".place"); strings.HasPrefix(page.path, "/acme") && place != "acme/shop" {
			t.Errorf("%s speaks in the name of %q", page.name, place)
		}
		p.examineStyled(t, axe, page.name, view, width, "main")
	}
}
