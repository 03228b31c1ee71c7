package interop

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/mail/mailtest"
)

// looksAtMailPages examines every page of the mail flows, on the way that leads to it. That the way needs no scripts is shown by
// TestMailPagesInABrowser; that there are none, by their policy.
func (w *portalWorld) looksAtMailPages(t *testing.T, p *tab, smtp *mailtest.Server, axe, view string, width int64) {
	t.Helper()
	look := func(name, place string) {
		if shown := p.text(t, ".place"); shown != place {
			t.Errorf("%s speaks in the name of %q, not of %q", name, shown, place)
		}
		p.examineStyled(t, axe, name, view, width, "main")
	}
	for _, page := range []struct {
		name, path, heading, place string
		status                     int64
	}{
		{"mail-ask", "/acme/shop/users/resetpw", "Forgotten password", "acme/shop", http.StatusOK},
		{"mail-ask-user", "/acme/shop/users/dana/resetpw", "Forgotten password", "acme/shop", http.StatusOK},
		{"mail-ask-admin", "/management/users/resetpw", "Forgotten password", "Writ", http.StatusOK},
		{"mail-ask-long", "/acme/warehouse-" + strings.Repeat("x", 50) + "/users/resetpw", "Forgotten password", "acme/warehouse-" + strings.Repeat("x", 50), http.StatusOK},
		{"mail-invalid", "/acme/shop/users/dana/resetpw?token=x", "Invalid link", "acme/shop", http.StatusBadRequest},
	} {
		p.open(t, w.url+page.path, page.status, page.heading)
		look(page.name, page.place)
	}

	nora := "nora-" + view
	w.addUser(t, nora, "Nora Lind")
	p.open(t, w.url+"/acme/shop/users/resetpw", http.StatusOK, "Forgotten password")
	p.enter(t, "#email", nora+"@example.com")
	p.click(t, "button", http.StatusOK, "Check your mail")
	look("mail-check-mail", "acme/shop")
	p.open(t, linkTo(t, smtp, nora), http.StatusOK, "Set a new password")
	look("mail-reset", "acme/shop")
	p.enter(t, "#password1", pagePassword)
	p.enter(t, "#password2", pagePassword+"2")
	p.click(t, "button", http.StatusBadRequest, "Set a new password")
	look("mail-reset-differs", "acme/shop")
	p.enter(t, "#password1", pagePassword)
	p.enter(t, "#password2", pagePassword)
	p.click(t, "button", http.StatusOK, "Password set")
	look("mail-password-set", "acme/shop")

	w.set(t, "PUT", "/acme/shop/users/"+nora, `{"activated":false}`)
	w.set(t, "POST", "/acme/shop/users/"+nora+"/reactivate", "")
	p.open(t, linkTo(t, smtp, nora), http.StatusOK, "Account activated")
	look("mail-activated", "acme/shop")
	for _, page := range [][2]string{{"club", "mail-confirmed"}, {"guild", "mail-waiting"}} {
		erik := page[0] + "-" + view
		w.set(t, "POST", "/acme/"+page[0]+"/users", `{"username":"`+erik+`","email":"`+erik+`@example.com","password":"`+userPassword+`"}`)
		p.open(t, linkTo(t, smtp, erik), http.StatusOK, "Address confirmed")
		look(page[1], "acme/"+page[0])
	}
}

// linkTo waits for the next mail to a user, past those to others, and gives its link.
func linkTo(t *testing.T, smtp *mailtest.Server, username string) string {
	t.Helper()
	for {
		if m := smtp.Next(t); slices.Contains(m.To, username+"@example.com") {
			return m.Link(t)
		}
	}
}
