package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// SEC-66
func TestTheCookieIsForThisHostAndNoScript(t *testing.T) {
	t.Parallel()
	for name, tls := range map[string]bool{"__Host-writ-portal": true, "writ-portal": false} {
		w := newWorld(t, options{tls: tls})
		b := w.browser(t)
		b.open(t, "/portal/sign-in")
		if b.session(t) != "" {
			t.Error("a session before the sign-in")
		}
		r := b.submit(t, "/portal/sign-in", "username", "olga", "password", adminPassword)
		cookies := r.Cookies()
		if len(cookies) != 1 {
			t.Fatalf("cookies %v", cookies)
		}
		c := cookies[0]
		if c.Name != name || c.Secure != tls || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("cookie %v", c)
		}
		if len(c.Value) < 43 { // 256 bits
			t.Errorf("identifier %q", c.Value)
		}
		if _, err := w.store.Session(t.Context(), []byte(c.Value)); err == nil {
			t.Error("the identifier is kept as it is")
		}
	}
}

// A session that somebody else began, or made up, is not the one of whoever signs in with it.
//
// SEC-66
func TestSigningInChangesTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	attacker := w.as(t, "rita")
	planted := attacker.session(t)

	victim := w.browser(t)
	victim.open(t, "/portal/sign-in")
	for _, cookie := range []string{planted, "made-up"} {
		r := victim.send(t, http.MethodPost, "/portal/sign-in", "username=olga&password="+adminPassword+"&csrf="+attacker.form,
			"Cookie: writ-portal="+cookie)
		want(t, r, http.StatusSeeOther)
		if got := victim.session(t); got == "" || got == cookie {
			t.Errorf("session %q after %q", got, cookie)
		}
	}
	if r := attacker.send(t, http.MethodGet, "/portal", ""); r.StatusCode != http.StatusSeeOther {
		t.Errorf("the planted session lives on: %d %s", r.StatusCode, r.text)
	}
	want(t, victim.open(t, "/portal"), http.StatusOK, "acme", "!rival")
}

// SEC-66
func TestSessionsEndIdleAndAbsolutely(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	for range 23 { // 11 h 30 min
		w.clock.advance(30 * time.Minute)
		want(t, b.send(t, http.MethodGet, "/portal", ""), http.StatusOK)
	}
	w.clock.advance(29 * time.Minute)
	want(t, b.send(t, http.MethodGet, "/portal", ""), http.StatusOK)
	w.clock.advance(time.Minute)
	want(t, b.send(t, http.MethodGet, "/portal", ""), http.StatusSeeOther)

	b = w.as(t, "olga")
	w.clock.advance(30*time.Minute + time.Second)
	r := b.send(t, http.MethodGet, "/portal/organizations/acme?x=1", "")
	want(t, r, http.StatusSeeOther)
	if to := r.Header.Get("Location"); to != "/portal/sign-in?next=%2Fportal%2Forganizations%2Facme%3Fx%3D1" {
		t.Errorf("leads to %s", to)
	}
	if b.session(t) != "" {
		t.Error("the browser keeps the cookie")
	}
}

// SEC-66, SEC-31
func TestSessionsEndWithWhatTheyStandFor(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *world, *browser){
		"signed out": func(t *testing.T, _ *world, b *browser) {
			t.Helper()
			want(t, b.submit(t, "/portal/sign-out"), http.StatusSeeOther)
		},
		"signed out everywhere": func(t *testing.T, w *world, _ *browser) {
			t.Helper()
			other := w.as(t, "olga")
			want(t, other.submit(t, "/portal/account/sign-out-everywhere"), http.StatusSeeOther)
			want(t, other.send(t, http.MethodGet, "/portal", ""), http.StatusSeeOther)
		},
		"signed out everywhere with tokens": func(t *testing.T, w *world, _ *browser) {
			t.Helper()
			want(t, w.as(t, "olga").submit(t, "/portal/account/sign-out-everywhere", "tokens", "yes"), http.StatusSeeOther)
			if admin, err := w.store.Admin(t.Context(), "olga"); err != nil || admin.Generation != 2 {
				t.Errorf("%v %v", admin, err)
			}
		},
		"tokens revoked": change(func(a *models.Admin) { a.Generation++ }),
		"disabled":       change(func(a *models.Admin) { a.Disabled = true }),
		"deactivated":    change(func(a *models.Admin) { a.Activated = false }),
		"other password": change(func(a *models.Admin) { a.PasswordChanged++ }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, options{})
			b := w.as(t, "olga")
			stolen := "Cookie: writ-portal=" + b.session(t)
			end(t, w, b)
			want(t, w.browser(t).send(t, http.MethodGet, "/portal", "", stolen), http.StatusSeeOther)
			want(t, w.browser(t).send(t, http.MethodGet, "/portal/organizations/acme", "", stolen), http.StatusSeeOther)
		})
	}
}

func change(how func(*models.Admin)) func(*testing.T, *world, *browser) {
	return func(t *testing.T, w *world, _ *browser) {
		t.Helper()
		_, err := w.store.UpdateAdmin(t.Context(), w.olga.ID, func(a *models.Admin) error {
			how(a)
			return nil
		})
		must(t, err)
	}
}

// SEC-31
func TestChangingThePasswordEndsOtherSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b, other := w.as(t, "olga"), w.as(t, "olga")
	before := b.session(t)
	b.open(t, "/portal/account")
	want(t, b.submit(t, "/portal/account/password", "oldpassword", "wrong-one-77", "newpassword", "amber-lantern-5", "again", "amber-lantern-5"),
		http.StatusBadRequest, "The old password is wrong.")
	want(t, b.submit(t, "/portal/account/password", "oldpassword", adminPassword, "newpassword", "amber-lantern-5", "again", "amber-lantern-6"),
		http.StatusBadRequest, "not the same")
	want(t, b.submit(t, "/portal/account/password", "oldpassword", adminPassword, "newpassword", "password", "again", "password"),
		http.StatusBadRequest, "commonly used", "!"+adminPassword)
	r := b.submit(t, "/portal/account/password", "oldpassword", adminPassword, "newpassword", "amber-lantern-5", "again", "amber-lantern-5")
	want(t, r, http.StatusSeeOther)
	want(t, b.open(t, r.Header.Get("Location")), http.StatusOK, "Your password was changed")
	if b.session(t) == before {
		t.Error("the same identifier")
	}
	want(t, other.send(t, http.MethodGet, "/portal", ""), http.StatusSeeOther)
	w.browser(t).signIn(t, "olga", "amber-lantern-5")
}

// SEC-10, SEC-28
func TestSignInTellsNothingAndIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.browser(t)
	_, err := w.store.UpdateAdmin(t.Context(), w.rita.ID, func(a *models.Admin) error {
		a.Disabled = true
		return nil
	})
	must(t, err)
	var pages []string
	for _, username := range []string{"olga", "nobody", "rita"} {
		b.open(t, "/portal/sign-in")
		r := b.submit(t, "/portal/sign-in", "username", username, "password", "wrong-one-77")
		want(t, r, http.StatusBadRequest, "!wrong-one-77")
		pages = append(pages, strings.ReplaceAll(r.text, username, "NAME"))
		if len(r.Cookies()) != 0 {
			t.Errorf("cookies %v", r.Cookies())
		}
	}
	if pages[0] != pages[1] || pages[0] != pages[2] {
		t.Errorf("different answers:\n%s\n%s\n%s", pages[0], pages[1], pages[2])
	}
	for range 9 {
		b.submit(t, "/portal/sign-in", "username", "olga", "password", "wrong-one-77")
	}
	r := b.submit(t, "/portal/sign-in", "username", "olga", "password", adminPassword)
	want(t, r, http.StatusTooManyRequests, "Too many attempts")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if failed := w.events(t, "login.failed"); len(failed) < 3 || !strings.Contains(failed[0].Detail, `"method":"portal"`) {
		t.Errorf("trail %v", failed)
	}
}

// A link leads to the page it was made for after the sign-in, and nobody's link leads elsewhere.
func TestSignInLeadsBackAndNowhereElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for next, to := range map[string]string{
		"/portal/organizations/acme?x=1": "/portal/organizations/acme?x=1",
		"":                               "/portal",
		"https://evil.example/portal":    "/portal",
		"//evil.example/portal":          "/portal",
		"/\\evil.example/portal":         "/portal",
		"/portal/../status":              "/portal",
		"/portal/%2e%2e/status":          "/portal",
		"/portalx":                       "/portal",
		"javascript:alert(1)":            "/portal",
		"/portal/sign-in?next=/portal":   "/portal",
	} {
		b := w.browser(t)
		b.open(t, "/portal/sign-in")
		r := b.submit(t, "/portal/sign-in", "username", "olga", "password", adminPassword, "next", next)
		if got := r.Header.Get("Location"); r.StatusCode != http.StatusSeeOther || got != to {
			t.Errorf("%s leads to %d %s", next, r.StatusCode, got)
		}
	}
}

// A session is no access token, and an access token is no session.
//
// SEC-45, SEC-66
func TestSessionsAndTokensAreDifferentThings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	for _, header := range []string{"Authorization: Bearer " + b.session(t), "Cookie: writ-portal=" + b.session(t)} {
		r := w.browser(t).send(t, http.MethodGet, "/management/orgs/acme", "", header)
		want(t, r, http.StatusUnauthorized)
	}
	r := b.send(t, http.MethodPost, "/management/token", `grant_type=password&username=olga&password=`+adminPassword)
	want(t, r, http.StatusOK)
	_, token, _ := strings.Cut(r.text, `"access_token":"`)
	token, _, _ = strings.Cut(token, `"`)
	for _, header := range []string{"Authorization: Bearer " + token, "Cookie: writ-portal=" + token} {
		want(t, w.browser(t).send(t, http.MethodGet, "/portal", "", header), http.StatusSeeOther)
	}
	want(t, w.browser(t).send(t, http.MethodGet, "/portal?access_token="+token, ""), http.StatusSeeOther)
}
