package portal

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

const adminsAt = "/portal/administrators"

// addAdmin stores an admin who belongs to no organization; change may be nil.
func (w *world) addAdmin(t *testing.T, username string, change func(*models.Admin)) models.Admin {
	t.Helper()
	w.clock.advance(time.Millisecond)
	admin := w.newAdmin(t, username, adminPassword)
	if change != nil {
		change(&admin)
	}
	must(t, w.store.CreateAdmin(t.Context(), admin))
	return admin
}

func (w *world) admin(t *testing.T, username string) models.Admin {
	t.Helper()
	row, err := w.store.Admin(t.Context(), username)
	must(t, err)
	return row
}

// signsIn tells whether an admin gets in.
func (w *world) signsIn(t *testing.T, username, password string) bool {
	t.Helper()
	b := w.browser(t)
	b.open(t, "/portal/sign-in")
	return b.submit(t, "/portal/sign-in", "username", username, "password", password).StatusCode == http.StatusSeeOther
}

func TestAdministratorsOfTheServerAreListedAndFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for i := range 26 {
		w.addAdmin(t, "helper-"+strconv.Itoa(10+i), nil)
	}
	w.addAdmin(t, "nils", func(a *models.Admin) { a.Activated = false })
	for _, name := range []string{"acme-east", "acme-west", "acme-zone"} {
		organization, _ := w.newOrganization(t, name, nil)
		must(t, w.store.AddMember(t.Context(), w.olga.ID, organization.ID))
	}
	w.as(t, "olga")
	b := w.as(t, "superuser")
	must(t, w.audit.Flush(t.Context()))
	want(t, b.open(t, adminsAt), http.StatusOK, "olga@example.com", "acme-west", "and 1 more", "!acme-zone", "not lately",
		`<time datetime="2026-11-18T`, "all of them", "Next page", "!nils")
	next := nextPage(t, b.last)
	want(t, b.open(t, next), http.StatusOK, "nils", "waits for approval", "First page", "!olga@")
	want(t, b.open(t, adminsAt+"?search=LGA"), http.StatusOK, ">olga<", "!>rita<")
	want(t, b.open(t, adminsAt+"?search=helper"), http.StatusOK, "helper-10", "Next page")
	want(t, b.open(t, nextPage(t, b.last)), http.StatusOK, "helper-35", "!>olga<")
	want(t, b.open(t, adminsAt+"?search=%25"), http.StatusOK, "Nobody has “%” in a username")
	want(t, b.open(t, adminsAt+"?waiting=yes"), http.StatusOK, ">nils<", "!>olga<", "Show all")
	want(t, b.open(t, adminsAt+"?waiting=yes&search=olga"), http.StatusOK, "Nobody has “olga”")
	want(t, b.open(t, adminsAt+"?cursor=nonsense"), http.StatusBadRequest)
}

// Somebody who was invited and must be approved shows both, for each is to be done by somebody else.
func TestAdministratorsWhoAreInvitedMayWaitToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	nils := w.addAdmin(t, "nils", func(a *models.Admin) { a.Activated, a.PasswordHash = false, "" })
	must(t, w.store.AddMember(t.Context(), nils.ID, w.acme.ID))
	b := w.as(t, "superuser")
	for _, page := range []string{adminsAt + "?waiting=yes", "/portal/organizations/acme/administrators"} {
		want(t, b.open(t, page), http.StatusOK, ">invited, waits for approval<")
	}
	want(t, b.open(t, adminsAt+"/"+nils.ID.String()), http.StatusOK, ">invited, waits for approval<", "Has not chosen a password yet", "Waits for your approval", "Approve")
}

// nextPage is the last of the links between the pages of a list.
func nextPage(t *testing.T, r *reply) string {
	t.Helper()
	_, links, found := strings.Cut(r.text, `<p class="pages">`)
	if !found {
		t.Fatalf("no further page\n%s", r.shown())
	}
	links, _, _ = strings.Cut(links, "</p>")
	all := linkShown.FindAllStringSubmatch(links, -1)
	return strings.ReplaceAll(all[len(all)-1][1], "&amp;", "&")
}

// SEC-72
func TestAdministratorsAreApprovedAndShutOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	nils := w.addAdmin(t, "nils", func(a *models.Admin) { a.Activated = false })
	at := adminsAt + "/" + nils.ID.String()
	if w.signsIn(t, "nils", adminPassword) {
		t.Error("somebody who waits gets in")
	}
	b := w.as(t, "superuser")
	want(t, b.open(t, at), http.StatusOK, "Waits for your approval", "Approve", "none in the trail")
	w.clock.advance(provenLife + time.Second)
	want(t, b.submit(t, at+"/state", "to", "approved"), http.StatusForbidden, "Confirm that it is you", "change who may sign in")
	want(t, b.submit(t, at+"/state", "to", "approved", passwordField, "wrong-one-77"), http.StatusBadRequest)
	if w.signsIn(t, "nils", adminPassword) {
		t.Error("approved without the password")
	}
	want(t, b.submit(t, at+"/state", "to", "approved", passwordField, rootPassword), http.StatusSeeOther)
	want(t, b.open(t, b.last.Header.Get("Location")), http.StatusOK, "The account is approved.", "Can sign in", "!Waits for your")
	session := w.as(t, "nils")
	must(t, w.audit.Flush(t.Context()))
	want(t, b.open(t, at), http.StatusOK, "2026-11-18", "!none in the trail")

	want(t, b.submit(t, at+"/state", "to", "disabled"), http.StatusSeeOther)
	want(t, b.open(t, b.last.Header.Get("Location")), http.StatusOK, "is shut out", "Let in again", "disabled")
	want(t, session.send(t, http.MethodGet, "/portal/account", ""), http.StatusSeeOther)
	if w.signsIn(t, "nils", adminPassword) {
		t.Error("somebody who is shut out gets in")
	}
	want(t, b.submit(t, at+"/state", "to", "enabled"), http.StatusSeeOther)
	if !w.signsIn(t, "nils", adminPassword) {
		t.Error("he does not get in again")
	}
	want(t, b.submit(t, at+"/state", "to", "superuser"), http.StatusBadRequest)
	trail := w.events(t, "admin.update")
	if len(trail) != 3 || trail[0].ActorName != "superuser" || trail[0].TargetName != "nils" || !strings.Contains(trail[0].Detail, "portal") {
		t.Errorf("trail %+v", trail)
	}
}

func TestThePasswordsAndTokensOfAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	nils := w.addAdmin(t, "nils", nil)
	at := adminsAt + "/" + nils.ID.String()
	session := w.as(t, "nils")
	b := w.as(t, "superuser")
	want(t, b.open(t, at), http.StatusOK, "Set the password", "!Send a link")
	want(t, b.submit(t, at+"/password", "newpassword", "short"), http.StatusBadRequest, "at least 8 characters")
	want(t, b.submit(t, at+"/password", "newpassword", "amber-lantern-5"), http.StatusSeeOther)
	want(t, session.send(t, http.MethodGet, "/portal/account", ""), http.StatusSeeOther)
	if w.signsIn(t, "nils", adminPassword) || !w.signsIn(t, "nils", "amber-lantern-5") {
		t.Error("the password was not set")
	}
	session = w.browser(t).signIn(t, "nils", "amber-lantern-5")
	want(t, b.submit(t, at+"/revoke"), http.StatusSeeOther)
	want(t, b.open(t, b.last.Header.Get("Location")), http.StatusOK, "Every session and token")
	want(t, session.send(t, http.MethodGet, "/portal/account", ""), http.StatusSeeOther)

	// The superuser's own name, password and state are the configuration's.
	own := adminsAt + "/" + w.admin(t, "superuser").ID.String()
	want(t, b.open(t, own), http.StatusOK, "This is you", "!Shut out", "!newpassword")
	want(t, b.submit(t, own+"/state", "to", "disabled"), http.StatusBadRequest, "cannot be disabled")
	want(t, b.submit(t, own+"/password", "newpassword", "amber-lantern-5"), http.StatusBadRequest)
}

func TestLinksForAdministratorsGoByMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{mail: true})
	nils := w.addAdmin(t, "nils", func(a *models.Admin) { a.Confirmed = false })
	at := adminsAt + "/" + nils.ID.String()
	b := w.as(t, "superuser")
	want(t, b.open(t, at), http.StatusOK, "address not confirmed", "Send the link to confirm again", "Send a link to set a password")
	for _, form := range []string{"/link", "/confirmation"} {
		want(t, b.submit(t, at+form), http.StatusSeeOther)
		want(t, b.open(t, b.last.Header.Get("Location")), http.StatusOK, "A mail with a link is on its way.")
	}
}

// SEC-22, SEC-70
func TestAdministratorsOfTheServerAreTheSuperusersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	nothing := b.open(t, "/portal/nothing").text
	own, others := adminsAt+"/"+w.olga.ID.String(), adminsAt+"/"+w.rita.ID.String()
	for _, path := range []string{
		adminsAt, adminsAt + "?search=rita", own, others, own + "/tokens", others + "/tokens", "/portal/activity", adminsAt + "/none",
	} {
		want(t, b.open(t, path), http.StatusNotFound, "!rita@")
		if b.last.text != nothing {
			t.Errorf("%s answers other than for what does not exist", path)
		}
	}
	for _, at := range []string{own, others} {
		for form, fields := range map[string][]string{
			"/state": {"to", "disabled"}, "/revoke": nil, "/password": {"newpassword", "amber-lantern-5"}, "/link": nil, "/confirmation": nil,
			"/tokens/all/revoke": {"name", "rita"},
		} {
			b.open(t, "/portal")
			want(t, b.submit(t, at+form, fields...), http.StatusNotFound)
		}
	}
	want(t, b.submit(t, "/portal/activity/check"), http.StatusNotFound)
	if w.admin(t, "rita").Disabled || !w.signsIn(t, "rita", adminPassword) {
		t.Error("rita was shut out")
	}
}

// SEC-69
func TestNamesOfAdministratorsAreText(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>`
	w := newWorld(t, options{mail: true})
	nils := w.addAdmin(t, "nils", func(a *models.Admin) {
		a.Username, a.Name, a.Email, a.Activated = evil, evil, evil+"@example.com", false
	})
	must(t, w.store.AppendAudit(t.Context(), []models.AuditEvent{{
		At: w.clock.now().UnixMilli(), Action: evil, Result: models.AuditRefused, Code: evil, Count: 2, ActorName: evil, ActorLevel: evil,
		TargetKind: evil, TargetID: evil, TargetName: evil, Source: evil, Detail: models.AuditDetail(map[string]any{"x": evil}),
	}}))
	b := w.as(t, "superuser")
	for _, path := range []string{
		adminsAt, adminsAt + "?waiting=yes", adminsAt + "/" + nils.ID.String(), adminsAt + "/" + nils.ID.String() + "/tokens/all", "/portal/activity",
	} {
		want(t, b.open(t, path), http.StatusOK, "!<script>alert", evil)
	}
	want(t, b.open(t, adminsAt+"?search=%22%3E%3Cscript%3Ealert(2)"), http.StatusOK, "!<script>alert", `<script>alert(2)`)
	for form, fields := range map[string][]string{
		adminsAt + "/" + nils.ID.String() + "/state": {"to", evil}, "/portal/account/profile": {"name", evil, "email", evil},
	} {
		want(t, b.submit(t, form, fields...), http.StatusBadRequest, "!<script>alert")
	}
}
