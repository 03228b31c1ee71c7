package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

const notActivated = "user not activated"

func TestUsersConfirmTheirAddress(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.EmailConfirmation = true })
	f.do(t, http.MethodPost, "/acme/shop/users", `{"username":"erik","email":"erik@example.com","password":"`+linkPassword+`"}`).wants(t, http.StatusOK)
	link := f.link(t, "erik@example.com")
	if !strings.Contains(link, "/confirm?token=") {
		t.Fatal(link)
	}
	f.login(t, "/acme/shop/token", "erik", linkPassword).wants(t, http.StatusBadRequest, "invalid_grant", notActivated)
	// Programs that look at links do not use them up.
	f.do(t, http.MethodHead, link, "").wants(t, http.StatusOK)
	f.login(t, "/acme/shop/token", "erik", linkPassword).wants(t, http.StatusBadRequest, "invalid_grant", notActivated)
	a := f.do(t, http.MethodGet, link, "")
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "confirm user", "params.token": nil, "entities": nil}})
	f.login(t, "/acme/shop/token", "erik", linkPassword).wants(t, http.StatusOK)
	f.do(t, http.MethodGet, link, "").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
	f.do(t, http.MethodHead, link, "").wants(t, http.StatusBadRequest)
	if a := f.do(t, http.MethodGet, link, "", browser); a.Code != http.StatusBadRequest || !strings.Contains(a.text, "Invalid link") {
		t.Errorf("%d %s", a.Code, a.text)
	}
	// The link lives seven days.
	f.do(t, http.MethodPost, "/acme/shop/users", `[{"username":"ines","email":"ines@example.com"},{"username":"nomail"}]`).wants(t, http.StatusOK)
	link = f.link(t, "ines@example.com")
	f.clock.advance(7*24*time.Hour - time.Millisecond)
	f.do(t, http.MethodHead, link, "").wants(t, http.StatusOK)
	f.clock.advance(time.Millisecond)
	f.do(t, http.MethodGet, link, "").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
	// Sent again by whoever has application access.
	f.do(t, http.MethodPost, "/acme/shop/users/ines/reactivate", "", "Authorization: Bearer "+
		f.tokenOf(t, "/acme/shop/token", clientForm(f.shopID, f.shopSecret))).wants(t, http.StatusOK)
	if a := f.do(t, http.MethodGet, f.link(t, "ines@example.com"), "", browser); a.Code != http.StatusOK || !strings.Contains(a.text, "Address confirmed") {
		t.Errorf("%d %s", a.Code, a.text)
	}
}

// Confirmation, then approval.
func TestApprovalComesBehindConfirmation(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.EmailConfirmation, s.AdminApproval = true, true })
	f.do(t, http.MethodPost, "/acme/shop/users", `{"username":"erik","email":"erik@example.com","password":"`+linkPassword+`"}`).wants(t, http.StatusOK)
	a := f.do(t, http.MethodGet, f.link(t, "erik@example.com"), "", browser)
	if a.Code != http.StatusOK || !strings.Contains(a.text, "approved") {
		t.Errorf("%d %s", a.Code, a.text)
	}
	f.login(t, "/acme/shop/token", "erik", linkPassword).wants(t, http.StatusBadRequest, "invalid_grant", notActivated)
	f.do(t, http.MethodPut, "/acme/shop/users/erik", `{"activated":true}`, f.asShop(t)).wants(t, http.StatusOK)
	f.login(t, "/acme/shop/token", "erik", linkPassword).wants(t, http.StatusOK)

	// Approval alone sends nothing: it is not the user's to give.
	f.settings(t, func(s *models.Settings) { s.EmailConfirmation = false })
	f.do(t, http.MethodPost, "/acme/shop/users", `{"username":"ines","email":"ines@example.com","password":"`+linkPassword+`"}`).wants(t, http.StatusOK)
	f.login(t, "/acme/shop/token", "ines", linkPassword).wants(t, http.StatusBadRequest, "invalid_grant", notActivated)
	f.ask(t, "dana@example.com") // the next mail is this one
	f.do(t, http.MethodPut, "/acme/shop/users/ines", `{"activated":true}`, f.asShop(t)).wants(t, http.StatusOK)
	f.login(t, "/acme/shop/token", "ines", linkPassword).wants(t, http.StatusOK)
}

func TestDeactivatedUsersComeBackByLink(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	const reactivate = "/acme/shop/users/dana/reactivate"
	done := scenario{wantStatus: 200, wantBody: map[string]any{"action": "reactivate user", "status": nil}}
	f.do(t, http.MethodGet, reactivate, "", f.asShop(t)).check(t, done) // active: nothing is sent
	f.do(t, http.MethodPost, "/acme/shop/users/dana/deactivate", "", f.asShop(t)).wants(t, http.StatusOK)
	f.login(t, "/acme/shop/token", "dana", userPassword).wants(t, http.StatusBadRequest, "invalid_grant", notActivated)
	f.do(t, http.MethodPost, reactivate, "").wants(t, http.StatusUnauthorized)
	f.do(t, http.MethodPost, reactivate, "", f.asRita(t)).wants(t, http.StatusUnauthorized)
	f.do(t, http.MethodPost, "/acme/shop/users/nobody/reactivate", "", f.asShop(t)).wants(t, http.StatusNotFound)
	f.do(t, http.MethodGet, reactivate, "", f.asOlga(t)).check(t, done)
	link := f.link(t, "dana@example.com")
	a := f.do(t, http.MethodGet, link, "")
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "activate user"}})
	f.login(t, "/acme/shop/token", "dana", userPassword).wants(t, http.StatusOK)
	f.do(t, http.MethodGet, link, "").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")

	// No link brings back who was disabled.
	f.changeDana(t, func(u *models.User) { u.Disabled, u.Activated = true, false })
	f.do(t, http.MethodPost, reactivate, "", f.asOlga(t)).check(t, done)
	f.do(t, http.MethodPost, "/acme/shop/users/resetpw", "email=dana@example.com").wants(t, http.StatusOK)
	f.newUser(t, f.shop, "erik", "")
	f.ask(t, "erik@example.com")
	if f.smtp.Count() != 2 {
		t.Errorf("%d mails", f.smtp.Count())
	}
}

func TestAdminsConfirmTheirAddress(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{registration: true, service: confirming})
	const must = "User must be confirmed to authenticate"
	f.do(t, http.MethodPost, "/management/users", `{"username":"ada","email":"ada@example.com","password":"`+linkPassword+`"}`).wants(t, http.StatusOK)
	link := f.link(t, "ada@example.com")
	if !strings.HasPrefix(link, "/management/users/") || !strings.Contains(link, "/confirm?token=") {
		t.Fatal(link)
	}
	f.login(t, "/management/token", "ada", linkPassword).wants(t, http.StatusForbidden, "invalid_grant", must)
	f.do(t, http.MethodPost, "/management/token", "grant_type=password&username=ada&password="+linkPassword).wants(t, http.StatusBadRequest)
	f.do(t, http.MethodPost, "/management/users/ada/reactivate", "", f.asSuperuser(t)).wants(t, http.StatusOK)
	again := f.link(t, "ada@example.com")
	f.do(t, http.MethodGet, link, "").check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "confirm user"}})
	f.login(t, "/management/token", "ada", linkPassword).wants(t, http.StatusOK)
	f.do(t, http.MethodGet, link, "").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
	f.do(t, http.MethodGet, again, "").wants(t, http.StatusOK)
	// An active admin may ask, and gets nothing.
	token := "Authorization: Bearer " + f.tokenOf(t, "/management/token", `{"grant_type":"password","username":"ada","password":"`+linkPassword+`"}`)
	f.do(t, http.MethodGet, "/management/users/me/reactivate", "", token).wants(t, http.StatusOK)
	f.do(t, http.MethodGet, "/management/users/olga/reactivate", "", token).wants(t, http.StatusUnauthorized)

	f.do(t, http.MethodPost, "/management/orgs", `{"organization":"lab","email":"lin@example.com","password":"`+linkPassword+`"}`).wants(t, http.StatusOK)
	f.login(t, "/management/token", "lin@example.com", linkPassword).wants(t, http.StatusForbidden, "invalid_grant", must)
	if a := f.do(t, http.MethodGet, f.link(t, "lin@example.com"), "", browser); !strings.Contains(a.text, "Address confirmed") {
		t.Error(a.text)
	}
	f.login(t, "/management/token", "lin@example.com", linkPassword).wants(t, http.StatusOK)
}

func TestAdminsWaitForApproval(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{registration: true, service: func(c *grants.Config) { c.AdminApproval, c.AdminConfirmation = true, true }})
	f.do(t, http.MethodPost, "/management/users", `{"username":"ada","email":"ada@example.com","password":"`+linkPassword+`"}`).wants(t, http.StatusOK)
	if a := f.do(t, http.MethodGet, f.link(t, "ada@example.com"), "", browser); !strings.Contains(a.text, "approved") {
		t.Error(a.text)
	}
	f.login(t, "/management/token", "ada", linkPassword).wants(t, http.StatusBadRequest, "invalid_grant", notActivated)
	f.do(t, http.MethodPut, "/management/users/ada", `{"activated":true}`, f.asSuperuser(t)).wants(t, http.StatusOK)
	f.login(t, "/management/token", "ada", linkPassword).wants(t, http.StatusOK)
	f.do(t, http.MethodPut, "/management/users/ada", `{"activated":false}`, f.asSuperuser(t)).wants(t, http.StatusOK)
	f.do(t, http.MethodPost, "/management/users/ada/reactivate", "", f.asSuperuser(t)).wants(t, http.StatusOK)
	f.do(t, http.MethodGet, f.link(t, "ada@example.com"), "").check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "activate user"}})
	f.login(t, "/management/token", "ada", linkPassword).wants(t, http.StatusOK)
}

func TestMembersAreInvited(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	const members = "/management/orgs/acme/users"
	f.do(t, http.MethodPost, members, `{"email":"ada@example.com"}`, f.asOlga(t)).wants(t, http.StatusOK)
	welcome := f.smtp.Next(t)
	if welcome.Subject != "Your new account for acme" {
		t.Error(welcome.Subject)
	}
	f.reset(t, strings.TrimPrefix(welcome.Link(t), publicURL), linkPassword).wants(t, http.StatusOK)
	f.login(t, "/management/token", "ada@example.com", linkPassword).wants(t, http.StatusOK)

	f.do(t, http.MethodPost, members, `{"email":"rita@example.com"}`, f.asOlga(t)).wants(t, http.StatusOK)
	joined := f.smtp.Next(t)
	if joined.Subject != "You are now a member of acme" || joined.Link(t) != publicURL || joined.To[0] != "rita@example.com" {
		t.Errorf("%s: %s", joined.Subject, joined.Text)
	}
	f.do(t, http.MethodPost, members, `{"email":"lin@example.com","password":"`+linkPassword+`","invite":false}`, f.asOlga(t)).wants(t, http.StatusOK)
	f.do(t, http.MethodPost, members, `{"email":"noor@example.com","invite":false}`, f.asOlga(t)).wants(t, http.StatusOK)
	if link := f.link(t, "noor@example.com"); !strings.Contains(link, "/resetpw?token=") {
		t.Error(link)
	}
}
