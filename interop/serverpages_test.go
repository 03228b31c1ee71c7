package interop

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/writ-auth/writ/mail/mailtest"
)

// TestServerPagesAndMailPagesLookWell is TestPortalLooksWell for the superuser's pages, and for those that users of an application reach from mails.
func TestServerPagesAndMailPagesLookWell(t *testing.T) {
	onlyLooks(t)
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
	w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"warehouse-`+strings.Repeat("x", 50)+`"}`)
	for _, app := range []string{"club", "guild"} {
		w.set(t, "POST", "/management/orgs/acme/apps", `{"name":"`+app+`"}`)
		w.set(t, "PUT", "/acme/"+app, `{"registration_requires_email_confirmation":true,"registration_requires_admin_approval":`+strconv.FormatBool(app == "guild")+`}`)
	}
	for _, view := range views() {
		t.Run(view.name, func(t *testing.T) {
			p := newTab(t, w.browser)
			p.sees(t, view)
			w.looksAtMailPages(t, p, smtp, axe, view.name, view.width)
			p.open(t, w.url+"/portal", http.StatusOK, "Sign in")
			p.signInWith(t, superuser, superuserPassword, "Organizations")
			for _, page := range []struct{ name, path, heading string }{
				{"server-organizations", "/portal", "Organizations"},
				{"server-administrators", "/portal/administrators", "Administrators"},
				{"server-administrators-none", "/portal/administrators?search=nobody", "Administrators"},
				{"server-administrator", "/portal/administrators/" + nils, "nils"},
				{"server-activity", "/portal/activity", "Activity"},
				{"server-keys", "/portal/keys", "Server"},
				{"server-insight", "/portal/insight", "Insight"},
				{"server-insight-day", "/portal/insight?window=day", "Insight"},
				{"server-administrators-waiting", "/portal/administrators?waiting=yes", "Administrators"},
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
