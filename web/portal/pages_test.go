package portal

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// Every page renders, has one heading, a language, labels for its fields, and nothing from elsewhere.
func TestEveryPageIsWhole(t *testing.T) {
	t.Parallel()
	labelled := regexp.MustCompile(`<(?:input|select|textarea)[^>]*>`)
	id := regexp.MustCompile(` id="([^"]+)"`)
	for _, opts := range []options{{}, {mail: true}, {once: true}, {denyNonExpiring: true}} {
		w := newWorld(t, opts)
		b := w.as(t, "olga")
		for _, path := range pagesOf(w) {
			r := b.open(t, path)
			want(t, r, http.StatusOK, "!<script>", "!javascript:", "! style=", "! onclick=", `lang="en"`, "!ZgotmplZ", "!<no value>", `class="skip"`)
			if n := strings.Count(r.text, "<h1>"); n != 1 {
				t.Errorf("%s has %d headings", path, n)
			}
			if missing := regexp.MustCompile(`\[[a-z]+\.[a-z.]+\]`).FindString(r.text); missing != "" {
				t.Errorf("%s: the text %s is missing", path, missing)
			}
			if len(r.text) > 60<<10 {
				t.Errorf("%s has %d bytes", path, len(r.text))
			}
			for _, field := range labelled.FindAllString(r.text, -1) {
				name := id.FindStringSubmatch(field)
				switch {
				case strings.Contains(field, `type="hidden"`), strings.Contains(field, "aria-label="), strings.Contains(field, "aria-hidden"):
				case name == nil, !strings.Contains(r.text, `<label for="`+name[1]+`"`):
					t.Errorf("%s: no label for %s", path, field)
				}
			}
		}
	}
}

func TestTheSuperuserSeesEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{mail: true})
	for i := range 30 {
		w.newOrganization(t, "branch-"+string(rune('a'+i%26))+strings.Repeat("x", i/26), nil)
		w.clock.advance(time.Millisecond)
	}
	b := w.as(t, "superuser")
	want(t, b.open(t, "/portal"), http.StatusOK, "acme", "rival", "Next page", "Superuser")
	_, next, _ := strings.Cut(b.last.text, `<p class="pages"><a href="`)
	next, _, _ = strings.Cut(next, `"`)
	want(t, b.open(t, strings.ReplaceAll(next, "&amp;", "&")), http.StatusOK, "branch-zx"[:8], "First page", "!>acme<")
	want(t, b.open(t, "/portal?search=ACM"), http.StatusOK, ">acme<", "!>rival<")
	want(t, b.open(t, "/portal?search=%25"), http.StatusOK, "No organization has “%” in its name", "!>acme<")
	want(t, b.open(t, "/portal/organizations/rival/applications/stall"), http.StatusOK, "Getting started")
	want(t, b.open(t, "/portal/account"), http.StatusOK, "comes from the server's configuration")

	r := b.submit(t, "/portal/organizations", "name", "newcomer", "email", "rita@example.com")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The organization was created.")
	want(t, w.as(t, "rita").open(t, "/portal"), http.StatusOK, "newcomer")
	b.open(t, "/portal")
	want(t, b.submit(t, "/portal/organizations", "name", "acme"), http.StatusBadRequest, "acme")
}

func TestSomebodyWithoutOrganizationsIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	must(t, w.store.CreateAdmin(t.Context(), w.newAdmin(t, "nils", adminPassword)))
	b := w.as(t, "nils")
	want(t, b.last, http.StatusOK, "You do not belong to an organization", "<details class=\"card\" open>")
	want(t, b.submit(t, "/portal/organizations", "name", "Not a name!"), http.StatusBadRequest, `value="Not a name!"`)
	r := b.submit(t, "/portal/organizations", "name", "nils-works")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "No application yet", "nils-works")
}

// SEC-72
func TestSecretsAreRevealedOnlyAfterThePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for _, place := range []struct{ page, secret string }{
		{"/portal/organizations/acme/credentials", w.acmeSecret},
		{"/portal/organizations/acme/applications/shop/credentials", w.shopSecret},
		{"/portal/organizations/acme/applications/shop", w.shopSecret},
	} {
		b := w.as(t, "olga")
		w.clock.advance(provenLife + time.Second)
		before := len(w.events(t, "client.secret.reveal"))
		want(t, b.open(t, place.page), http.StatusOK, "••••", "!"+place.secret)
		want(t, b.send(t, http.MethodGet, place.page+"/reveal", ""), http.StatusNotFound)
		b.open(t, place.page)
		want(t, b.submit(t, place.page+"/reveal"), http.StatusForbidden, "Confirm that it is you", "!"+place.secret)
		want(t, b.submit(t, place.page+"/reveal", passwordField, "wrong-one-77"), http.StatusBadRequest, "password is wrong", "!"+place.secret)
		if got := len(w.events(t, "client.secret.reveal")); got != before {
			t.Errorf("%d entries before anything was revealed", got-before)
		}
		session := b.session(t)
		want(t, b.submit(t, place.page+"/reveal", passwordField, adminPassword), http.StatusOK, place.secret)
		if b.session(t) == session {
			t.Error("the same identifier after the password")
		}
		want(t, w.browser(t).send(t, http.MethodGet, "/portal", "", "Cookie: writ-portal="+session), http.StatusSeeOther)
		trail := w.events(t, "client.secret.reveal")
		if len(trail) != before+1 || trail[0].ActorName != "olga" || trail[0].Source != "127.0.0.1" || trail[0].Detail != `{"by":"portal"}` {
			t.Errorf("trail %+v", trail)
		}
		w.clock.advance(provenLife)
		want(t, b.submit(t, place.page+"/reveal"), http.StatusOK, place.secret)
		w.clock.advance(time.Second)
		want(t, b.submit(t, place.page+"/reveal"), http.StatusForbidden, "!"+place.secret)
		want(t, b.open(t, place.page), http.StatusOK, "!"+place.secret)
	}
}

// SEC-72, SEC-28
func TestGuessingThePasswordOfAnOpenSessionIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	w.clock.advance(provenLife + time.Second)
	b.open(t, "/portal/organizations/acme/credentials")
	for range 10 {
		want(t, b.submit(t, "/portal/organizations/acme/credentials/reveal", passwordField, "wrong-one-77"), http.StatusBadRequest)
	}
	want(t, b.submit(t, "/portal/organizations/acme/credentials/reveal", passwordField, adminPassword), http.StatusTooManyRequests, "!"+w.acmeSecret)
	if failed := w.events(t, "login.failed"); len(failed) == 0 || !strings.Contains(failed[0].Detail, "portal confirmation") {
		t.Errorf("trail %v", failed)
	}
}

// SEC-72
func TestWithoutKeptSecretsThereIsNothingToReveal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{once: true})
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/credentials"
	want(t, b.open(t, page), http.StatusOK, "only once", "!Reveal the secret")
	want(t, b.submit(t, page+"/reveal"), http.StatusOK, "!"+w.acmeSecret)
	r := b.submit(t, page+"/renew")
	want(t, r, http.StatusOK, "This is the new secret", "Copy it now")
	want(t, b.open(t, page), http.StatusOK, "!"+secretIn(t, r))
}

var secretShown = regexp.MustCompile(`<code class="secret"[^>]*>([^<]+)</code>`)

func secretIn(t *testing.T, r *reply) string {
	t.Helper()
	found := secretShown.FindStringSubmatch(r.text)
	if found == nil {
		t.Fatalf("no secret in\n%s", r.text)
	}
	return found[1]
}

func TestANewSecretOverlapsWithTheOldOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/applications/shop/credentials"
	authenticates := func(secret string) bool {
		t.Helper()
		id := models.ClientID(models.ApplicationClient, w.shop.ID)
		r := w.browser(t).send(t, http.MethodPost, "/acme/shop/token", "grant_type=client_credentials&client_id="+id+"&client_secret="+secret)
		return r.StatusCode == http.StatusOK
	}
	r := b.submit(t, page+"/renew", "overlap", "24")
	want(t, r, http.StatusOK, "This is the new secret", w.shopSecret, "valid until")
	second := secretIn(t, r)
	if second == w.shopSecret || !authenticates(second) || !authenticates(w.shopSecret) {
		t.Errorf("secret %s", second)
	}
	want(t, b.open(t, page), http.StatusOK, "Former secret", "!"+w.shopSecret, "!"+second)
	r = b.submit(t, page+"/renew", "overlap", "24", "revoke", "yes")
	want(t, r, http.StatusOK, "!Former secret")
	if third := secretIn(t, r); !authenticates(third) || authenticates(second) || authenticates(w.shopSecret) {
		t.Error("former secrets still work")
	}
	r = b.submit(t, page+"/revoke")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "Every token of this client is refused")
	if client, err := w.store.Client(t.Context(), w.shop.ID); err != nil || client.Generation != 3 {
		t.Errorf("%v %v", client, err)
	}
}

// SEC-72
func TestAdministratorsComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/administrators"
	w.clock.advance(provenLife + time.Second)
	b.open(t, page)
	want(t, b.submit(t, page+"/add", "who", "nils@example.com", "name", "Nils"), http.StatusForbidden, "Confirm that it is you",
		`name="who" value="nils@example.com"`)
	r := b.submit(t, page+"/add", "who", "nils@example.com", "name", "Nils", passwordField, adminPassword)
	want(t, r, http.StatusOK, "nils@example.com can sign in now", "shown only this once")
	initial := secretIn(t, r)
	want(t, b.open(t, page), http.StatusOK, "nils@example.com", "!"+initial)
	want(t, w.browser(t).signIn(t, "nils@example.com", initial).open(t, "/portal"), http.StatusOK, "acme")

	b.open(t, page)
	want(t, b.submit(t, page+"/add", "who", "nobody"), http.StatusBadRequest, "No administrator has the username nobody", `value="nobody"`)
	r = b.submit(t, page+"/add", "who", "rita")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "rita@example.com", "The administrator was added")
	rita := w.as(t, "rita")
	want(t, rita.open(t, "/portal/organizations/acme"), http.StatusOK)

	remove := page + "/" + w.rita.ID.String() + "/remove"
	want(t, b.open(t, remove), http.StatusOK, "rita loses every right in acme")
	want(t, b.submit(t, remove, "name", "olga"), http.StatusBadRequest, "Type rita")
	r = b.submit(t, remove, "name", "rita")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "was removed", "!rita@example.com")
	want(t, rita.open(t, "/portal/organizations/acme"), http.StatusNotFound)
}

// SEC-73
func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	remove := "/portal/organizations/acme/administrators/" + w.olga.ID.String() + "/remove"
	want(t, b.open(t, remove), http.StatusOK, "This is you")
	want(t, b.submit(t, remove, "name", "olga"), http.StatusBadRequest, "needs at least one administrator")
	want(t, b.open(t, "/portal/organizations/acme"), http.StatusOK)
}

func TestInvitationsGoByMailWhereThereIsMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{mail: true})
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/administrators"
	r := b.submit(t, page+"/add", "who", "nils@example.com", "name", "Nils")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "Nils", "invited", "Invite again", "!initial password</")
	nils, err := w.store.Admin(t.Context(), "nils@example.com")
	must(t, err)
	r = b.submit(t, page+"/invite", "admin", nils.ID.String())
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The invitation was sent again")
	want(t, b.submit(t, page+"/invite", "admin", w.olga.ID.String()), http.StatusNotFound)
	want(t, b.submit(t, page+"/invite", "admin", w.rita.ID.String()), http.StatusNotFound)
}

func TestApplicationsAreDeletedByNameAndRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	const acme, remove = "/portal/organizations/acme", "/portal/organizations/acme/applications/shop/settings/delete"
	want(t, b.submit(t, acme+"/applications", "name", "shop"), http.StatusConflict, "Names are never used twice", `value="shop"`)
	want(t, b.open(t, remove), http.StatusOK, "Type shop to confirm")
	want(t, b.submit(t, remove, "name", "shops"), http.StatusBadRequest, "Type shop")
	r := b.submit(t, remove, "name", "shop")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The application was deleted", "Deleted applications (1)", "No application yet")
	want(t, b.submit(t, acme+"/restore", "application", "nothing"), http.StatusNotFound)
	b.open(t, acme)
	r = b.submit(t, acme+"/restore", "application", w.shop.ID.String())
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The application is back", ">shop<", "!Deleted applications")
}

func TestOrganizationsAreDeletedByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	const remove = "/portal/organizations/acme/settings/delete"
	want(t, b.open(t, remove), http.StatusOK, "applications (1) end at once")
	want(t, b.submit(t, remove, "name", "ACME"), http.StatusBadRequest)
	w.clock.advance(provenLife + time.Second)
	want(t, b.submit(t, remove, "name", "acme"), http.StatusForbidden, "Confirm that it is you")
	r := b.submit(t, remove, "name", "acme", passwordField, adminPassword)
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "The organization was deleted", "You do not belong")
	want(t, b.open(t, "/portal/organizations/acme"), http.StatusNotFound)
}

func TestPropertiesOfAnOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/settings"
	r := b.submit(t, page+"/save", "history", "5", "properties", `{"department":"sales","seats":12345678901234567890}`)
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "Saved.", `value="5"`, `"department": "sales"`, "!passwordHistorySize")
	for _, wrong := range []string{"[]", "nonsense", `{"a":1} {"b":2}`, "null"} {
		want(t, b.submit(t, page+"/save", "history", "5", "properties", wrong), http.StatusBadRequest, "must be a JSON object", wrong)
	}
	want(t, b.submit(t, page+"/save", "history", "99", "properties", ""), http.StatusBadRequest, "0 to 24", `value="99"`)
	want(t, b.submit(t, page+"/save", "history", "", "properties", ""), http.StatusSeeOther)
	want(t, b.open(t, page), http.StatusOK, `value="0"`, "!sales")
}

func TestSettingsOfAnApplication(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/applications/shop/settings"
	save := func(fields ...string) *reply {
		t.Helper()
		return b.submit(t, page+"/save", append([]string{"kind", "default", "passwords", "default"}, fields...)...)
	}
	r := save("kind", "fixed", "lifetime", "90", "lifetime_unit", "minute", "refresh", "yes", "refreshlife", "7", "refreshlife_unit", "day",
		"refreshidle", "12", "refreshidle_unit", "hour", "passwords", "off", "permissions", "yes", "scopes", "orders.read\r\n\r\n orders.write ",
		"origins", "https://Shop.example.com\n", "confirmation", "yes", "approval", "yes", "exp", "yes")
	want(t, r, http.StatusSeeOther)
	_, a, err := w.store.Application(t.Context(), "acme", "shop")
	must(t, err)
	s := a.Settings
	if *s.AccessTokenTTL != 5_400_000 || !s.RefreshTokens || *s.RefreshTokenTTL != 604_800_000 || *s.RefreshTokenIdleTTL != 43_200_000 ||
		*s.PasswordGrant || !s.PermissionClaims || len(s.Scopes) != 2 || s.AllowedOrigins[0] != "https://shop.example.com" ||
		!s.EmailConfirmation || !s.AdminApproval || !s.NonExpiringExp {
		t.Errorf("settings %+v", s)
	}
	want(t, b.open(t, page), http.StatusOK, `value="90"`, `<option value="minute" selected>`, "orders.write", `id="passwords-off" value="off" checked`)
	want(t, b.open(t, "/portal/organizations/acme/applications/shop"), http.StatusOK, "!grant_type=password")

	want(t, save("kind", "never"), http.StatusSeeOther)
	want(t, b.open(t, page), http.StatusOK, `id="kind-never" value="never" checked`, `id="refreshlife"`[:0], "!orders.write")
	want(t, save(), http.StatusSeeOther)
	_, a, err = w.store.Application(t.Context(), "acme", "shop")
	must(t, err)
	if s := a.Settings; s.AccessTokenTTL != nil || s.PasswordGrant != nil || s.RefreshTokens || s.RefreshTokenTTL != nil || s.Scopes != nil {
		t.Errorf("settings %+v", s)
	}
	for text, fields := range map[string][]string{
		"whole number":       {"kind", "fixed", "lifetime", "", "lifetime_unit", "hour"},
		"greater than zero":  {"kind", "fixed", "lifetime", "0", "lifetime_unit", "hour"},
		"than zero.":         {"refreshlife", "-1", "refreshlife_unit", "day"},
		"cannot be more":     {"kind", "fixed", "lifetime", "9223372036854775807", "lifetime_unit", "day"},
		"illegal entry":      {"origins", "https://a.example/path"},
		"entry twice":        {"scopes", "a\na"},
		"one of the options": {"kind", "other"},
		"of the options.":    {"passwords", "perhaps"},
	} {
		want(t, save(fields...), http.StatusBadRequest, text)
	}
	want(t, save("origins", "nonsense", "scopes", "kept"), http.StatusBadRequest, "nonsense</textarea>", "kept</textarea>")
}

func TestActivityIsFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/activity"
	must(t, w.audit.Flush(t.Context()))
	for i := range 30 {
		r := b.submit(t, "/portal/organizations/acme/applications", "name", "branch-"+strings.Repeat("x", i+1))
		want(t, r, http.StatusSeeOther)
		w.clock.advance(time.Second)
		b.open(t, "/portal/organizations/acme")
	}
	want(t, b.open(t, page), http.StatusOK, "Application created", "Older", "2026-11-", "!Administrator logged in")
	_, older, _ := strings.Cut(b.last.text, `<p class="pages"><a href="`)
	older, _, _ = strings.Cut(older, `"`)
	want(t, b.open(t, strings.ReplaceAll(older, "&amp;", "&")), http.StatusOK, "Newest", "Administrator logged in", "olga", "127.0.0.1")
	want(t, b.open(t, page+"?kind=admin.login"), http.StatusOK, "Administrator logged in", "!Application created</", "Show everything")
	want(t, b.open(t, page+"?application=branch-x"), http.StatusOK, "Application created", "!Older")
	want(t, b.open(t, page+"?who=nobody"), http.StatusOK, "Nothing matches")
	want(t, b.open(t, page+"?from=2026-11-01&to=2026-11-30&result=ok&whom=branch-x"), http.StatusOK, "Application created")
	want(t, b.open(t, page+"?to=2026-01-01"), http.StatusOK, "Nothing matches")
	want(t, b.open(t, page+"?from=nonsense"), http.StatusBadRequest, "from must be a time")
	want(t, b.open(t, page+"?application=rival"), http.StatusNotFound)
	want(t, b.open(t, "/portal/organizations/acme/applications/shop/activity"), http.StatusOK, "!branch-x")
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	want(t, b.open(t, "/portal/nothing"), http.StatusNotFound, "Nothing here")
	want(t, b.open(t, "/portal/organizations/acme/applications/none"), http.StatusNotFound)
	want(t, b.open(t, "/portal/organizations/acme/applications/%2e%2e"), http.StatusNotFound)
	want(t, b.open(t, "/portal/organizations/acme%2f..%2frival"), http.StatusNotFound)
	if r := b.send(t, http.MethodDelete, "/portal/organizations/acme", ""); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", r.StatusCode)
	}
	if r := b.send(t, http.MethodHead, "/portal", ""); r.StatusCode != http.StatusOK || r.text != "" {
		t.Errorf("HEAD: %d", r.StatusCode)
	}
}
