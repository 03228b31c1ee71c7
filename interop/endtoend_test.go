package interop

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/writ-auth/writ/verifier"
)

// Headings that the ways through the portal meet.
const (
	confirmHeading = "Confirm that it is you"
	examineHeading = "Examine a token"
)

// TestFromSignInToARevokedToken does in Chromium, with scripts and without, all that lies between the first sign-in and a token that is refused: an
// organization, an application, a user, a token by what the pages show, what it says, its end, and the end of all that.
//
// SEC-22, SEC-66, SEC-72
func TestFromSignInToARevokedToken(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	for name, scripts := range map[string]bool{"bakery": true, "brewery": false} {
		t.Run(name, func(t *testing.T) {
			way := &journey{world: w, tab: newTab(t, w.browser), organization: name}
			if !scripts {
				way.withoutScripts(t)
			}
			way.open(t, w.url+"/portal", http.StatusOK, "Sign in")
			way.signIn(t, "olga", "Organizations")
			way.setsUp(t)
			way.revokesUser(t)
			way.revokesOneWithoutEnd(t)
			way.deletes(t)
			way.signsOutEverywhere(t)
			way.wantQuietConsole(t)
		})
	}
}

// journey is one administrator at work.
type journey struct {
	*tab

	world          *portalWorld
	organization   string
	issuer         string
	client         credentials
	user           string // address of her page
	resourceServer *verifier.Verifier
}

func (j *journey) application() string {
	return j.world.url + "/portal/organizations/" + j.organization + "/applications/till"
}

// copyable is a value that a page offers under this name.
func (p *tab) copyable(t *testing.T, name string) string {
	t.Helper()
	return p.text(t, `dd code[data-copy="`+name+`"]`)
}

// confirms gives the password that was asked for in between.
func (p *tab) confirms(t *testing.T, password, heading string) {
	t.Helper()
	p.enter(t, "#confirm_password", password)
	p.click(t, "main button.main", http.StatusOK, heading)
}

// setsUp makes an organization, an application and a user, and a service that relies on its tokens: with nothing but what the pages show.
func (j *journey) setsUp(t *testing.T) {
	t.Helper()
	j.do(t, chromedp.Click(chromedp.CSS("details summary")))
	j.enter(t, "#name", j.organization)
	j.click(t, `form[action="/portal/organizations"] button`, http.StatusOK, j.organization)
	j.enter(t, "#name", "till")
	j.click(t, `form[action$="/applications"] button`, http.StatusOK, "till")
	j.issuer = j.copyable(t, "Issuer")
	j.client.ID = j.copyable(t, "Client ID")
	j.world.forgetPasswords(t)
	j.click(t, `form[action$="/reveal"] button`, http.StatusForbidden, confirmHeading)
	j.confirms(t, adminPassword, "till")
	j.client.Secret = j.copyable(t, "Client secret")
	if endpoint := j.copyable(t, "Token endpoint"); endpoint != j.issuer+"/token" || j.issuer != j.world.url+"/"+j.organization+"/till" {
		t.Fatalf("issuer %s, token endpoint %s", j.issuer, endpoint)
	}

	j.click(t, `.tabs a[href$="/users"]`, http.StatusOK, "Users")
	j.enter(t, "#username", "dora")
	j.enter(t, "#email", "dora@example.com")
	j.enter(t, "#name", "Dora Lind")
	j.enter(t, "#password", userPassword)
	j.click(t, `form[action$="/create"] button`, http.StatusOK, "dora")
	j.user = strings.Split(asked[string](t, j.tab, "location.href"), "?")[0]

	var err error
	j.resourceServer, err = verifier.New(t.Context(), verifier.Config{
		Issuer: j.issuer, ClientID: j.client.ID, ClientSecret: j.client.Secret, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.resourceServer.Close)
}

// login gets a token for dora over HTTP; more are further parameters and their values.
func (j *journey) login(t *testing.T, more ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {"dora"}, "password": {userPassword}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return j.world.token(t, strings.TrimPrefix(j.issuer, j.world.url), form)
}

// wantGood checks that the API and the resource server accept a token, and that the portal says so.
func (j *journey) wantGood(t *testing.T, what, raw string) {
	t.Helper()
	if status := j.status(t, raw); status != http.StatusOK {
		t.Errorf("%s: the API answers %d", what, status)
	}
	if _, err := j.resourceServer.Verify(t.Context(), raw); err != nil {
		t.Errorf("%s: the resource server says %v", what, err)
	}
	if shown := j.examines(t, raw); !strings.Contains(shown, "not revoked") {
		t.Errorf("%s: the portal says %s", what, shown)
	}
}

// wantRefused checks that nobody accepts a token any more.
func (j *journey) wantRefused(t *testing.T, what, raw, why string) {
	t.Helper()
	if status := j.status(t, raw); status != http.StatusUnauthorized {
		t.Errorf("%s: the API answers %d", what, status)
	}
	j.wantRefusedByFollowers(t, what, raw)
	if shown := j.examines(t, raw); !strings.Contains(shown, "refused") || !strings.Contains(shown, why) || strings.Contains(shown, "not revoked") {
		t.Errorf("%s: the portal does not say %q but %s", what, why, shown)
	}
}

func (j *journey) wantRefusedByFollowers(t *testing.T, what, raw string) {
	t.Helper()
	for began := time.Now(); ; <-time.After(time.Millisecond) {
		_, err := j.resourceServer.Verify(t.Context(), raw)
		if errors.Is(err, verifier.ErrRevoked) {
			return
		}
		if time.Since(began) > patience/2 { // promised are 2 s, which other tests hold
			t.Errorf("%s: the resource server says %v", what, err)
			return
		}
	}
}

// status of the API for the bearer of a token.
func (j *journey) status(t *testing.T, raw string) int {
	t.Helper()
	status, _ := j.world.do(t, "GET", strings.TrimPrefix(j.issuer, j.world.url)+"/users/me", "", "Authorization", "Bearer "+raw)
	return status
}

// examines pastes a token and gives what the page says.
func (j *journey) examines(t *testing.T, raw string) string {
	t.Helper()
	j.open(t, j.world.url+"/portal/token", http.StatusOK, examineHeading)
	// Typing a thousand letters takes seconds; pasting does what this does.
	j.do(t, chromedp.SetValue(chromedp.CSS("#pasted"), raw))
	j.click(t, "main button.main", http.StatusOK, examineHeading)
	shown := j.text(t, "main")
	if strings.Contains(shown, raw) || strings.Contains(asked[string](t, j.tab, "document.documentElement.outerHTML"), raw) {
		t.Error("the page shows the token")
	}
	return shown
}

// revokesUser ends all tokens of a user, after a look at one.
func (j *journey) revokesUser(t *testing.T) {
	t.Helper()
	raw := j.login(t)
	j.wantGood(t, "a fresh token", raw)
	shown := j.text(t, "main")
	id := j.user[strings.LastIndex(j.user, "/")+1:]
	for _, part := range []string{"good", headerOf(t, raw), `"username": "dora"`, `"sub": "` + id, `"iss": "` + j.issuer, "Expires", "user of an application"} {
		if !strings.Contains(shown, part) {
			t.Errorf("no %s in %s", part, shown)
		}
	}
	if shown := j.examines(t, raw[:len(raw)-8]+"AAAAAAAA"); !strings.Contains(shown, "wrong: the token was changed") {
		t.Errorf("a changed token: %s", shown)
	}
	j.open(t, j.user, http.StatusOK, "dora")
	j.click(t, `form[action$="/revoke"] button`, http.StatusOK, "dora")
	if notice := j.text(t, ".notice"); !strings.Contains(notice, "Every token and login of the user has ended") {
		t.Errorf("notice %q", notice)
	}
	j.wantRefused(t, "a token of before", raw, "Every token of its subject from that time was revoked")
	j.wantGood(t, "the next token", j.login(t))
}

// revokesOneWithoutEnd finds tokens without an end by their labels, ends one of them and then all.
func (j *journey) revokesOneWithoutEnd(t *testing.T) {
	t.Helper()
	nightly, weekly := j.login(t, "ttl", "0", "label", "nightly report"), j.login(t, "ttl", "0", "label", "weekly report")
	list := j.application() + "/tokens"
	j.open(t, list, http.StatusOK, "Tokens")
	shown := j.text(t, "main table")
	for _, part := range []string{"nightly report", "weekly report", "just now", "dora", "live"} {
		if !strings.Contains(shown, part) {
			t.Errorf("no %s in %s", part, shown)
		}
	}
	j.click(t, `a[aria-label="Revoke nightly report"]`, http.StatusOK, "Revoke nightly report")
	j.typesName(t, "nightly", "nightly report", "Revoke nightly report", "Tokens")
	j.wantRefused(t, "the one revoked", nightly, "This token was revoked")
	j.wantGood(t, "the other one", weekly)
	j.open(t, list, http.StatusOK, "Tokens")
	j.click(t, `a[href$="/tokens/all"]`, http.StatusOK, "Revoke the tokens of till")
	j.typesName(t, j.organization, "till", "Revoke the tokens of till", "Tokens")
	j.wantRefused(t, "the last one", weekly, "This token was revoked")
}

// typesName types a wrong name and then the right one, without a password in between and with one.
func (j *journey) typesName(t *testing.T, wrong, right, heading, next string) {
	t.Helper()
	j.world.forgetPasswords(t)
	j.enter(t, "#name", wrong)
	j.click(t, "main button.bad", http.StatusForbidden, confirmHeading)
	j.enter(t, "#confirm_password", adminPassword)
	j.click(t, "main button.main", http.StatusBadRequest, heading)
	if problem := j.text(t, "#problem"); problem == "" {
		t.Error("nothing says what was wrong")
	}
	j.enter(t, "#name", right)
	j.click(t, "main button.bad", http.StatusOK, next)
}

// deletes ends the user, the application and the organization, whose names have to be typed.
func (j *journey) deletes(t *testing.T) {
	t.Helper()
	raw := j.login(t)
	j.open(t, j.user, http.StatusOK, "dora")
	j.click(t, `a[href$="/delete"]`, http.StatusOK, "Delete dora")
	j.typesName(t, "Dora", "dora", "Delete dora", "Users")
	j.wantRefused(t, "a token of who is gone", raw, "Its subject does not exist any more")
	j.open(t, j.application()+"/settings", http.StatusOK, "Settings")
	j.click(t, `a[href$="/delete"]`, http.StatusOK, "Delete till")
	j.typesName(t, "tills", "till", "Delete till", j.organization)
	j.open(t, j.world.url+"/portal/organizations/"+j.organization+"/settings", http.StatusOK, "Settings")
	j.click(t, `a[href$="/delete"]`, http.StatusOK, "Delete "+j.organization)
	j.typesName(t, "till", j.organization, "Delete "+j.organization, "Organizations")
	j.open(t, j.world.url+"/portal/organizations/"+j.organization, http.StatusNotFound, "Nothing here")
}

// signsOutEverywhere ends the session of another browser, too.
func (j *journey) signsOutEverywhere(t *testing.T) {
	t.Helper()
	other := newTab(t, j.world.browser)
	other.open(t, j.world.url+"/portal", http.StatusOK, "Sign in")
	other.signIn(t, "olga", "Organizations")
	j.open(t, j.world.url+"/portal/account", http.StatusOK, "Your account")
	j.click(t, `form[action$="/sign-out-everywhere"] button`, http.StatusOK, "Sign in")
	for _, p := range []*tab{j.tab, other} {
		p.open(t, j.world.url+"/portal/organizations/acme", http.StatusOK, "Sign in")
	}
}

// Sessions end after a while without use, and after a longer one in any case. The clock of a program cannot be moved, so its sessions are made older.
//
// SEC-66
func TestSessionsEndInABrowser(t *testing.T) {
	t.Parallel()
	w := newPortalWorld(t)
	p := newTab(t, w.browser)
	p.withoutScripts(t)
	p.open(t, w.url+"/portal/account", http.StatusOK, "Sign in")
	p.signIn(t, "olga", "Your account")
	for _, statement := range []string{
		"UPDATE portal_sessions SET seen = seen - 31 * 60000",         // not used for half an hour
		"UPDATE portal_sessions SET expires = expires - 12 * 3600000", // begun half a day ago
	} {
		p.open(t, w.url+"/portal/account", http.StatusOK, "Your account")
		w.alter(t, statement)
		p.open(t, w.url+"/portal/account", http.StatusOK, "Sign in")
		p.signIn(t, "olga", "Your account")
	}
}
