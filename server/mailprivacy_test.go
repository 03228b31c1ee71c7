package server

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// The answer to a request for a mail says nothing about the account: status, headers and body are the same. It comes before anybody looks
// for the account, so the time it takes is the same, too.
func TestAskingForAMailRevealsNoAccount(t *testing.T) { // SEC-10, SEC-32
	t.Parallel()
	f := newMailServer(t, options{})
	f.newUser(t, f.shop, "shut", "")
	_, err := f.store.UpdateUser(t.Context(), f.shop.ID, f.newUser(t, f.shop, "nomail", "").ID, func(u *models.User) error { return u.SetEmail("") })
	must(t, err)
	f.do(t, http.MethodPut, "/acme/shop/users/shut", `{"disabled":true}`, f.asShop(t)).wants(t, http.StatusOK)
	seen := func(a *answer, ref string) string {
		header := a.Header().Clone()
		header.Del("X-Request-Id")
		header.Del("Content-Length") // the body below has the name that was asked for
		text := strings.ReplaceAll(a.text, "users/"+ref, "users/REF")
		return fmt.Sprint(a.Code, slices.Sorted(maps.Keys(header)), header, text)
	}
	for _, accept := range []string{"Accept: application/json", browser} {
		for base, refs := range map[string][]string{
			"/acme/shop/users":  {"dana@example.com", "nobody@example.com", "shut@example.com", "no address", "superuser@example.com"},
			"/management/users": {"olga@example.com", "nobody@example.com", "superuser@example.com", "dana@example.com", "no address"},
		} {
			want := ""
			for _, ref := range refs {
				a := f.do(t, http.MethodPost, base+"/resetpw", `{"email":"`+ref+`"}`, accept)
				if got := seen(a, ref); a.Code != http.StatusOK || want != "" && got != want {
					t.Errorf("%s %s:\n%s\nwant %s", base, ref, got, want)
				} else {
					want = got
				}
			}
		}
		for base, refs := range map[string][]string{
			"/acme/shop/users":  {"dana", "nobody", "shut", "nomail", "me", "dana@example.com", f.dana.ID.String(), f.olga.ID.String()},
			"/management/users": {"olga", "nobody", "superuser", "me", "dana@example.com", f.olga.ID.String()},
		} {
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				want := ""
				for _, ref := range refs {
					a := f.do(t, method, base+"/"+ref+"/resetpw", "", accept)
					if got := seen(a, ref); a.Code != http.StatusOK || want != "" && got != want {
						t.Errorf("%s %s/%s:\n%s\nwant %s", method, base, ref, got, want)
					} else {
						want = got
					}
				}
			}
		}
	}
	if f.log.String() == "" || strings.Contains(f.log.String(), "nobody@example.com") {
		t.Error("names that were asked for are in the log")
	}
}

func TestMailsAreFew(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	ask := func(email, source string) {
		t.Helper()
		f.do(t, http.MethodPost, "/acme/shop/users/resetpw", "email="+email, "Remote: "+source+":1").check(t,
			scenario{wantStatus: 200, wantBody: map[string]any{"action": "request password reset", "status": "ok"}})
	}
	// One mailbox gets five an hour, whoever asks and however he names it.
	for i := range 20 {
		ask([]string{"dana@example.com", "DANA@example.com"}[i%2], fmt.Sprint("192.0.2.", i))
	}
	for range 5 {
		f.link(t, "dana@example.com")
	}
	// One source asks for two hundred an hour, for whomever; that mails stay away is told to the operator alone.
	for i := range 210 {
		ask(fmt.Sprint("nobody", i, "@example.com"), "198.51.100.7")
	}
	erik := f.newUser(t, f.shop, "erik", "")
	ask("erik@example.com", "198.51.100.7")
	ask("erik@example.com", "198.51.100.8")
	f.link(t, "erik@example.com")
	f.clock.advance(time.Hour)
	ask("erik@example.com", "198.51.100.7")
	if link := f.link(t, "erik@example.com"); !strings.Contains(link, erik.ID.String()) {
		t.Error(link)
	}
	ask("dana@example.com", "192.0.2.1")
	f.link(t, "dana@example.com")
	if !strings.Contains(f.log.String(), "too many for this source address") {
		t.Error("the operator does not learn of it")
	}
	if f.smtp.Count() != 8 {
		t.Errorf("%d mails", f.smtp.Count())
	}
}

// SEC-68: the pages of mail flows run no script, are in no frame and leave no trace of the token.
func TestHeadersOfMailPages(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{origins: []string{"*"}})
	link := f.ask(t, "dana@example.com")
	for name, a := range map[string]*answer{
		"ask":     f.do(t, http.MethodGet, "/acme/shop/users/resetpw", "", "Origin: https://evil.example"),
		"form":    f.do(t, http.MethodGet, link, "", "Origin: https://evil.example"),
		"invalid": f.do(t, http.MethodGet, "/acme/shop/users/dana/confirm?token=x", "", browser, "Origin: https://evil.example"),
		"broken":  f.do(t, http.MethodPost, "/acme/shop/users/resetpw", "", browser, "Origin: https://evil.example"),
	} {
		_, rest, _ := strings.Cut(a.text, "<style>")
		style, _, found := strings.Cut(rest, "</style>")
		hash := sha256.Sum256([]byte(style))
		policy := a.Header().Get("Content-Security-Policy")
		if !found || !strings.Contains(policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'") {
			t.Errorf("%s: %s does not allow the style", name, policy)
		}
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", name, policy)
		}
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000", "Access-Control-Allow-Origin": "",
			"Set-Cookie": "", "Content-Type": "text/html; charset=utf-8",
		} {
			if got := a.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
	}
}

// SEC-69: whatever stands in path, token or form is shown as text.
func TestMailPagesEscape(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	const attack = `"><script>alert(1)</script>`
	const escaped = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"
	for _, a := range []*answer{
		f.do(t, http.MethodGet, "/acme/shop/users/"+escaped+"/resetpw", ""),
		f.do(t, http.MethodGet, "/acme/shop/users/dana/resetpw?token="+escaped, ""),
		f.do(t, http.MethodPost, "/acme/shop/users/"+escaped+"/resetpw", "token="+escaped+"&password1=a&password2=b", browser),
		f.do(t, http.MethodPost, "/acme/shop/users/resetpw?x="+escaped, "email="+escaped, browser),
		f.do(t, http.MethodGet, "/management/users/"+escaped+"/activate?token="+escaped, "", browser),
	} {
		if strings.Contains(a.text, "<script") || strings.Contains(a.text, attack) || !strings.HasPrefix(a.text, "<!doctype html>") {
			t.Error(a.text)
		}
	}
}

// Line breaks in names and addresses neither get in nor make a header.
func TestNamesMakeNoMailHeaders(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.EmailConfirmation = true })
	for _, body := range []string{
		`{"username":"erik","email":"erik@example.com\r\nBcc: eve@example.com"}`,
		`{"username":"erik","email":"erik@example.com, eve@example.com"}`,
	} {
		if a := f.do(t, http.MethodPost, "/acme/shop/users", body); a.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", body, a.Code)
		}
	}
	f.do(t, http.MethodPost, "/acme/shop/users", `{"username":"erik","email":"erik@example.com","name":"<b>Visit</b> http://evil.example"}`).wants(t, http.StatusOK)
	m := f.smtp.Next(t)
	if m.Header.Get("Bcc") != "" || strings.Contains(m.Raw, "evil") || len(m.To) != 1 {
		t.Error(m.Raw)
	}
}

// JSON without Accept, for a wildcard and for what lists HTML as not acceptable; GET of resetpw is always the page.
func TestPagesAreForWhoListsHTML(t *testing.T) {
	t.Parallel()
	f := newMailServer(t, options{})
	for accept, page := range map[string]bool{
		"": false, "Accept: */*": false, "Accept: application/json": false, "Accept: text/html;q=0, */*": false, "Accept: text/plain": false,
		"Accept: text/html": true, "Accept: application/json, TEXT/HTML;q=0.1": true, browser: true,
	} {
		var headers []string
		if accept != "" {
			headers = []string{accept}
		}
		for method, path := range map[string]string{"POST": "/management/users/resetpw", "GET": "/acme/shop/users/dana/confirm?token=x"} {
			a := f.do(t, method, path, "", headers...)
			if got := strings.HasPrefix(a.Header().Get("Content-Type"), "text/html"); got != page || a.Code != http.StatusBadRequest {
				t.Errorf("%s %q: %d %s", path, accept, a.Code, a.text)
			}
		}
		if a := f.do(t, http.MethodGet, "/management/users/resetpw", "", headers...); !strings.HasPrefix(a.text, "<!doctype html>") {
			t.Errorf("%q: %s", accept, a.text)
		}
	}
}
