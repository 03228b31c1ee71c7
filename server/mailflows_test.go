package server

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

func TestPasswordIsResetByLink(t *testing.T) { // SEC-32
	t.Parallel()
	f := newMailServer(t, options{})
	before := f.asDana(t)
	link := f.ask(t, "dana@example.com")
	other := f.ask(t, "dana@example.com")
	f.reset(t, link, "short").wants(t, http.StatusBadRequest, "error_password_policy_violation", "error_length_policy: must be at least 8 characters")
	path, token := split(t, link)
	f.do(t, http.MethodPost, path, `{"token":"`+token+`"}`).wants(t, http.StatusBadRequest, "illegal_argument", "newpassword is required")
	a := f.reset(t, link, linkPassword)
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "set user password", "status": nil}, wantNotBody: []string{token}})

	f.login(t, "/acme/shop/token", "dana", userPassword).wants(t, http.StatusBadRequest, "invalid_grant", "invalid username or password")
	f.login(t, "/acme/shop/token", "dana", linkPassword).wants(t, http.StatusOK)
	f.do(t, http.MethodGet, "/acme/shop/users/me", "", before).wants(t, http.StatusUnauthorized, "auth_invalid", "Unable to authenticate")
	// Neither this link nor another that was sent before sets one again.
	f.reset(t, link, "third-summit-55").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
	f.reset(t, other, "third-summit-55").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
	f.login(t, "/acme/shop/token", "dana", linkPassword).wants(t, http.StatusOK)
}

func TestAdminPasswordIsResetByLink(t *testing.T) { // SEC-32
	t.Parallel()
	f := newMailServer(t, options{})
	for _, request := range []string{"/management/users/resetpw", "/management/user/olga/resetpw/", "/management/users/olga@example.com/resetpw"} {
		body := ""
		if request == "/management/users/resetpw" {
			body = "email=OLGA@example.com"
		}
		a := f.do(t, http.MethodPost, request, body)
		a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": "request password reset", "status": "ok"}})
		link := f.link(t, "olga@example.com")
		if !strings.HasPrefix(link, "/management/users/"+f.olga.ID.String()+"/resetpw?token=") {
			t.Error(link)
		}
		f.reset(t, link, linkPassword+request).wants(t, http.StatusOK)
		f.login(t, "/management/token", "olga", linkPassword+request).wants(t, http.StatusOK)
		f.reset(t, link, linkPassword).wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
	}
}

// The password history of the organization counts here, too; what is refused does not use up the link.
func TestResetKeepsToThePasswordHistory(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	_, err := f.store.UpdateOrganization(t.Context(), f.acme.ID, func(o *models.Organization) error { o.PasswordHistorySize = 3; return nil })
	must(t, err)
	link := f.ask(t, "dana@example.com")
	if a := f.reset(t, link, userPassword); a.Code != http.StatusConflict || a.get("error") != "recently_used_password" {
		t.Errorf("%d %s", a.Code, a.text)
	}
	f.reset(t, link, linkPassword).wants(t, http.StatusOK)
	if a := f.reset(t, f.ask(t, "dana@example.com"), userPassword); a.Code != http.StatusConflict {
		t.Errorf("%d %s", a.Code, a.text)
	}
}

// A browser without scripts and cookies, over a real connection.
func TestPasswordIsResetByPage(t *testing.T) { // SEC-32
	t.Parallel()
	f := newMailServer(t, options{})
	site := httptest.NewServer(f)
	t.Cleanup(site.Close)
	jar, err := cookiejar.New(nil)
	must(t, err)
	visitor := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	visit := func(method, path string, form url.Values, status int, shown ...string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, site.URL+path, strings.NewReader(form.Encode()))
		must(t, err)
		request.Header.Set("Accept", "text/html")
		if form != nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		response, err := visitor.Do(request)
		must(t, err)
		defer func() { _ = response.Body.Close() }()
		raw, err := io.ReadAll(response.Body)
		must(t, err)
		text := string(raw)
		if response.StatusCode != status || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			t.Fatalf("%s %s: %d %s\n%s", method, path, response.StatusCode, response.Header.Get("Content-Type"), text)
		}
		for _, part := range append(shown, "acme/shop") {
			if !strings.Contains(text, part) {
				t.Errorf("%s %s lacks %q:\n%s", method, path, part, text)
			}
		}
		return text
	}

	visit("GET", "/acme/shop/users/resetpw", nil, 200, `name="email"`, `action="/acme/shop/users/resetpw"`)
	visit("POST", "/acme/shop/users/resetpw", url.Values{"email": {""}}, 400, `name="email"`, "email is required")
	visit("POST", "/acme/shop/users/resetpw", url.Values{"email": {"dana@example.com"}}, 200, "Check your mail")
	link := f.link(t, "dana@example.com")
	path, token := split(t, link)
	page := visit("GET", link, nil, 200, `name="password1"`, `name="password2"`, `value="`+token+`"`, `action="`+path+`"`)
	if strings.Contains(page, "<script") || strings.Contains(page, "http://") || strings.Contains(page, "https://") {
		t.Error(page)
	}
	visit("POST", path, url.Values{"token": {token}, "password1": {linkPassword}, "password2": {"other"}}, 400, "not the same", `value="`+token+`"`)
	visit("POST", path, url.Values{"token": {token}, "password1": {"short"}, "password2": {"short"}}, 400, "The password must be at least 8 characters.")
	visit("POST", path, url.Values{"token": {token}, "password1": {linkPassword}, "password2": {linkPassword}}, 200, "Password set")
	f.login(t, "/acme/shop/token", "dana", linkPassword).wants(t, http.StatusOK)
	visit("GET", link, nil, 400, "Invalid link", `href="/acme/shop/users/resetpw"`)
	visit("POST", path, url.Values{"token": {token}, "password1": {linkPassword}, "password2": {linkPassword}}, 400, "Invalid link")
	visit("GET", path, nil, 200, "Send the link")
	visit("POST", path, nil, 200, "Check your mail")
	f.link(t, "dana@example.com")
}

func TestLinksAreBoundAndEnd(t *testing.T) { // SEC-32
	t.Parallel()
	f := newMailServer(t, options{registration: true})
	erik := f.newUser(t, f.shop, "erik", "")
	f.newUser(t, f.sandbox, "dana", "")
	danas := "/acme/shop/users/" + f.dana.ID.String() + "/"
	refused := func(name, path, token string) {
		t.Helper()
		a := f.do(t, http.MethodPost, path, `{"token":"`+token+`","newpassword":"`+linkPassword+`"}`)
		if a.Code != http.StatusBadRequest || a.get("error_description") != "invalid token" {
			t.Errorf("%s: %d %s", name, a.Code, a.text)
		}
		if a := f.do(t, http.MethodGet, path+"?token="+url.QueryEscape(token), ""); a.Code != http.StatusBadRequest || !strings.Contains(a.text, "Invalid link") {
			t.Errorf("%s: page %d %s", name, a.Code, a.text)
		}
	}
	_, token := split(t, f.ask(t, "dana@example.com"))
	refused("another user", "/acme/shop/users/"+erik.ID.String()+"/resetpw", token)
	refused("unknown user", "/acme/shop/users/nobody/resetpw", token)
	refused("me", "/acme/shop/users/me/resetpw", token)
	refused("same name in another application", "/acme/sandbox/users/dana/resetpw", token)
	refused("admin", "/management/users/olga/resetpw", token)
	refused("superuser", "/management/users/superuser/resetpw", token)
	refused("other token", danas+"resetpw", token+"x")
	refused("access token", danas+"resetpw", bare(f.asDana(t)))
	for _, purpose := range []string{"activate", "confirm"} {
		f.do(t, http.MethodGet, danas+purpose+"?token="+token, "").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
		f.do(t, http.MethodGet, danas+purpose, "").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
		f.do(t, http.MethodGet, "/management/users/nobody/"+purpose+"?token="+token, "").wants(t, http.StatusBadRequest, "illegal_argument", "invalid token")
	}
	// Whoever names the user otherwise means the same one.
	f.do(t, http.MethodPost, "/acme/shop/users/DANA/resetpw", `{"token":"`+token+`","newpassword":"`+linkPassword+`"}`).wants(t, http.StatusOK)

	link := f.ask(t, "dana@example.com")
	f.clock.advance(time.Hour - time.Millisecond)
	if a := f.do(t, http.MethodGet, link, ""); a.Code != http.StatusOK {
		t.Errorf("before the end: %d %s", a.Code, a.text)
	}
	f.clock.advance(time.Millisecond)
	_, token = split(t, link)
	refused("expired", danas+"resetpw", token)

	_, token = split(t, f.ask(t, "dana@example.com"))
	a := f.do(t, http.MethodPut, danas+"password", `{"oldpassword":"`+linkPassword+`","newpassword":"`+userPassword+`"}`)
	a.wants(t, http.StatusOK)
	refused("after a password change", danas+"resetpw", token)

	_, token = split(t, f.ask(t, "dana@example.com"))
	f.do(t, http.MethodPut, danas, `{"email":"elsewhere@example.com"}`, f.asShop(t)).wants(t, http.StatusOK)
	refused("after the address has changed", danas+"resetpw", token)

	_, token = split(t, f.ask(t, "elsewhere@example.com"))
	f.do(t, http.MethodPut, danas, `{"disabled":true}`, f.asShop(t)).wants(t, http.StatusOK)
	refused("after the account was disabled", danas+"resetpw", token)
}

func TestOfManyUsesOfALinkOneWins(t *testing.T) { // SEC-32
	t.Parallel()
	f := newMailServer(t, options{})
	link := f.ask(t, "dana@example.com")
	var won atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if a := f.reset(t, link, linkPassword); a.Code == http.StatusOK {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d uses", won.Load())
	}
}

func TestLinkTokensAreNoAccessTokens(t *testing.T) { // SEC-45
	t.Parallel()
	f := newMailServer(t, options{})
	_, token := split(t, f.ask(t, "dana@example.com"))
	for _, a := range []*answer{
		f.do(t, http.MethodGet, "/acme/shop/users/me", "", "Authorization: Bearer "+token),
		f.do(t, http.MethodGet, "/acme/shop/users/me?access_token="+token, ""),
		f.do(t, http.MethodGet, "/management/me", "", "Authorization: Bearer "+token),
	} {
		a.wants(t, http.StatusUnauthorized, "auth_bad_access_token", "Unable to authenticate due to corrupt access token")
	}
	a := f.do(t, http.MethodPost, "/acme/shop/introspect", "token="+token, f.asShop(t))
	a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"active": false}})
}

func TestLinksAreNeverInTheLog(t *testing.T) { // SEC-79
	t.Parallel()
	f := newMailServer(t, options{})
	path, token := split(t, f.ask(t, "dana@example.com"))
	f.do(t, http.MethodGet, path+"?token="+token, "", browser)
	f.do(t, http.MethodGet, strings.Replace(path, "resetpw", "confirm", 1)+"?token="+token, "")
	f.do(t, http.MethodPost, path+"?token="+token, "password1=x&password2=y")
	f.do(t, http.MethodPost, path, `{"token":"`+token+`","newpassword":"`+linkPassword+`"}`).wants(t, http.StatusOK)
	if text := f.log.String(); !strings.Contains(text, "resetpw") || strings.Contains(text, token) || strings.Contains(text, linkPassword) {
		t.Errorf("log:\n%s", text)
	}
}

func TestMailFlowsAreAudited(t *testing.T) { // SEC-80
	t.Parallel()
	f := newMailServer(t, options{})
	f.reset(t, f.ask(t, "dana@example.com"), linkPassword).wants(t, http.StatusOK)
	f.do(t, http.MethodPost, "/acme/shop/users/resetpw", "email=nobody@example.com").wants(t, http.StatusOK)
	rows, _, err := f.store.Audit(t.Context(), models.AuditFilter{Action: "user."}, models.Page{Limit: 10})
	must(t, err)
	if len(rows) != 1 || rows[0].Action != "user.password" || rows[0].TargetID != f.dana.ID.String() || rows[0].ActorLevel != models.AuditGuest {
		t.Errorf("%+v", rows)
	}
}
