package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/writ-auth/writ/models"
)

// SEC-67
func TestFormsFromElsewhereDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	b.open(t, "/portal/organizations/acme")
	token := b.form
	create := func(name, token string, headers ...string) *reply {
		t.Helper()
		return b.send(t, http.MethodPost, "/portal/organizations/acme/applications", url.Values{"name": {name}, "csrf": {token}}.Encode(), headers...)
	}
	for name, headers := range map[string][]string{
		"cross-site":               {"Sec-Fetch-Site: cross-site"},
		"same-site":                {"Sec-Fetch-Site: same-site"},
		"typed address":            {"Sec-Fetch-Site: none"},
		"cross-site, own origin":   {"Sec-Fetch-Site: cross-site", "Origin: " + w.URL},
		"other origin":             {"Sec-Fetch-Site: ", "Origin: https://evil.example"},
		"origin that begins alike": {"Sec-Fetch-Site: ", "Origin: " + w.URL + ".evil.example"},
		"null origin":              {"Sec-Fetch-Site: ", "Origin: null"},
		"no origin":                {"Sec-Fetch-Site: "},
	} {
		want(t, create("evil", token, headers...), http.StatusForbidden, "This form was not sent by a page of the portal")
		if strings.Contains(b.open(t, "/portal/organizations/acme").text, "evil") {
			t.Fatalf("%s: the application was created", name)
		}
	}
	stranger := w.as(t, "rita").form
	for _, wrong := range []string{"", stranger, token + "x", strings.ToLower(token)} {
		want(t, create("evil", wrong), http.StatusForbidden, "from an earlier session")
	}
	want(t, b.send(t, http.MethodPost, "/portal/organizations/acme/applications", `{"name":"evil","csrf":"`+token+`"}`, "Content-Type: application/json"),
		http.StatusBadRequest)
	want(t, b.send(t, http.MethodPost, "/portal/organizations/acme/applications", "name=evil&csrf="+token, "Content-Type: text/plain"),
		http.StatusBadRequest)
	want(t, b.send(t, http.MethodPost, "/portal/organizations/acme/applications", "name=evil&name=good&csrf="+token), http.StatusBadRequest)
	want(t, b.send(t, http.MethodGet, "/portal/organizations/acme/applications?name=evil&csrf="+token, ""), http.StatusNotFound)
	want(t, b.open(t, "/portal/organizations/acme"), http.StatusOK, "!evil")

	want(t, create("good", token), http.StatusSeeOther)
	want(t, create("better", token, "Sec-Fetch-Site: ", "Origin: "+w.URL), http.StatusSeeOther)
	want(t, b.open(t, "/portal/organizations/acme"), http.StatusOK, "good", "better")
}

// A stranger cannot sign somebody in as himself, to have him work in the wrong account.
//
// SEC-67
func TestSignInFromElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	r := w.browser(t).send(t, http.MethodPost, "/portal/sign-in", "username=rita&password="+adminPassword, "Sec-Fetch-Site: cross-site")
	want(t, r, http.StatusForbidden)
	if len(r.Cookies()) != 0 {
		t.Error(r.Cookies())
	}
}

// SEC-68
func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	for _, tls := range []bool{true, false} {
		w := newWorld(t, options{tls: tls})
		b := w.as(t, "olga")
		for _, path := range []string{"/portal", "/portal/sign-in", "/portal/nothing", "/portal/organizations/rival", "/portal/account", "/portal/assets/none"} {
			r := b.send(t, http.MethodGet, path, "")
			for name, value := range map[string]string{
				"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
			} {
				if got := r.Header.Values(name); len(got) != 1 || got[0] != value {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			policy := r.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s: policy %q lacks %s", path, policy, part)
				}
			}
			if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") {
				t.Errorf("%s: policy %q", path, policy)
			}
			if got := r.Header.Get("Strict-Transport-Security") != ""; got != tls {
				t.Errorf("%s: HSTS %t over TLS %t", path, got, tls)
			}
			for name := range r.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s: %s", path, name)
				}
			}
		}
	}
}

// What a page refers to has its own name for each content, so it may be kept; everything else may not.
func TestAssetsAreKeptAndPagesAreNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.browser(t)
	page := b.open(t, "/portal/sign-in")
	total := len(page.text)
	for _, prefix := range []string{`href="/portal/assets/portal-`, `src="/portal/assets/portal-`, `src="/portal/assets/seal-`} {
		_, path, found := strings.Cut(page.text, prefix)
		path, _, _ = strings.Cut(path, `"`)
		_, attribute, _ := strings.Cut(prefix, `"`)
		if !found {
			t.Fatalf("no %s in\n%s", prefix, page.text)
		}
		r := b.send(t, http.MethodGet, attribute+path, "")
		want(t, r, http.StatusOK)
		total += len(r.text)
		if r.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
	if total > 40<<10 {
		t.Errorf("the first page weighs %d bytes with everything", total)
	}
}

// Plain HTTP is for this machine alone, and a name that somebody has point here is not this machine's.
//
// SEC-74
func TestPlainHTTPBeyondThisMachineIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for host, status := range map[string]int{
		"localhost:8080": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:8080": http.StatusOK,
		"192.168.1.5:8080": http.StatusForbidden, "rebound.example": http.StatusForbidden, "localhost.evil.example": http.StatusForbidden,
	} {
		want(t, w.browser(t).send(t, http.MethodGet, "/portal/sign-in", "", "Host: "+host), status)
	}
	for address, status := range map[string]int{"http://id.example.com": http.StatusForbidden, "https://id.example.com": http.StatusOK} {
		p := New(Config{PublicURL: address, Now: w.clock.now, Logger: nil})
		if got := (&visit{Portal: p, r: &http.Request{Host: "127.0.0.1"}}).mayServe(); got != (status == http.StatusOK) {
			t.Errorf("%s: %t", address, got)
		}
	}
}

// Names from elsewhere are text wherever they are shown.
//
// SEC-69
func TestNamesCannotBecomeMarkup(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	w := newWorld(t, options{mail: true})
	b := w.browser(t)
	b.open(t, "/portal/sign-in")
	want(t, b.submit(t, "/portal/sign-in", "username", evil, "password", "x", "next", "/portal?"+evil), http.StatusBadRequest, "!<script>alert", "!<img src=x")
	r := b.send(t, http.MethodPost, "/portal/sign-in", "username=olga&password="+adminPassword, "User-Agent: "+evil)
	want(t, r, http.StatusSeeOther)
	_, err := w.store.UpdateAdmin(t.Context(), w.olga.ID, func(a *models.Admin) error {
		a.Name, a.Email = evil, evil+"@example.com"
		return nil
	})
	must(t, err)
	_, err = w.store.UpdateOrganization(t.Context(), w.acme.ID, func(o *models.Organization) error {
		o.Properties = models.Properties{evil: "</textarea>" + evil}
		return nil
	})
	must(t, err)
	_, err = w.store.UpdateApplication(t.Context(), w.shop.ID, func(a *models.Application) error {
		a.Settings.Scopes, a.Settings.AllowedOrigins = []string{"</textarea>" + evil}, []string{"</textarea>" + evil}
		return nil
	})
	must(t, err)
	must(t, w.store.AppendAudit(t.Context(), []models.AuditEvent{{
		At: w.clock.now().UnixMilli(), Action: evil, Result: models.AuditRefused, Code: evil, Count: 2, OrganizationID: &w.acme.ID,
		ApplicationID: &w.shop.ID, ActorName: evil, ActorLevel: evil, TargetKind: evil, TargetID: evil, TargetName: evil, Source: evil,
		Detail: models.AuditDetail(map[string]any{"x": "</pre>" + evil}),
	}}))
	query := url.QueryEscape(evil)
	shown := 0
	for _, path := range append(pagesOf(w),
		"/portal?search="+query, "/portal?done="+query, "/portal/organizations/"+url.PathEscape(evil), "/portal/"+url.PathEscape(evil),
		"/portal/organizations/acme/activity?who="+query+"&whom="+query+"&kind="+query+"&from="+query+"&to="+query,
		"/portal/organizations/acme/activity?application="+query, "/portal/organizations/acme/activity?cursor="+query+"&result="+query,
	) {
		r := b.open(t, path)
		if r.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
		want(t, r, r.StatusCode, "!<script>alert", "!<img src=x", "!onerror=alert(1)>")
		if strings.Contains(r.text, "&lt;script&gt;alert") {
			shown++
		}
	}
	if shown < 7 {
		t.Errorf("only %d pages show the name at all", shown)
	}
	for path, fields := range map[string][]string{
		"/portal/organizations":                                          {"name", evil},
		"/portal/organizations/acme/applications":                        {"name", evil},
		"/portal/organizations/acme/administrators/add":                  {"who", evil, "name", evil},
		"/portal/organizations/acme/settings/save":                       {"history", evil, "properties", evil},
		"/portal/organizations/acme/applications/shop/settings/save":     {"kind", "fixed", "lifetime", evil, "lifetime_unit", evil, "origins", evil, "scopes", evil},
		"/portal/organizations/acme/settings/delete":                     {"name", evil},
		"/portal/organizations/acme/applications/shop/settings/delete":   {"name", evil},
		"/portal/organizations/acme/applications/shop/credentials/renew": {"overlap", evil},
	} {
		w.clock.advance(provenLife + 1) // the page in between repeats the fields
		for range 2 {
			b.open(t, "/portal")
			r := b.submit(t, path, fields...)
			want(t, r, r.StatusCode, "!<script>alert", "!<img src=x", "!onerror=alert(1)>")
			b.submit(t, path, append(fields, passwordField, adminPassword)...)
		}
	}
}

// pagesOf is every page that can be opened by following links.
func pagesOf(w *world) []string {
	const acme, shop = "/portal/organizations/acme", "/portal/organizations/acme/applications/shop"
	return []string{
		"/portal", "/portal/account", acme, acme + "/credentials", acme + "/administrators",
		acme + "/administrators/" + w.olga.ID.String() + "/remove", acme + "/activity", acme + "/settings", acme + "/settings/delete",
		shop + "/users/import",
		acme + "/tokens", acme + "/tokens/all", shop + "/tokens", shop + "/tokens/all", shop + "/review",
		acme + "/insight", acme + "/insight?window=day", acme + "/review", shop + "/insight", shop + "/insight?window=day",
		shop, shop + "/credentials", shop + "/activity", shop + "/settings", shop + "/settings/delete",
	}
}

// Nobody sees or changes anything of an organization that he is no member of, and cannot tell whether it exists.
//
// SEC-22, SEC-70
func TestOtherOrganizationsAreOutOfReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	rita := w.as(t, "rita")
	nothing := rita.open(t, "/portal/organizations/nowhere").text
	for _, path := range pagesOf(w)[2:] {
		r := rita.open(t, path)
		want(t, r, http.StatusNotFound)
		if r.text != nothing {
			t.Errorf("%s answers other than for what does not exist", path)
		}
	}
	const acme, shop = "/portal/organizations/acme", "/portal/organizations/acme/applications/shop"
	for path, fields := range map[string][]string{
		acme + "/applications":                                     {"name", "evil"},
		acme + "/restore":                                          {"application", w.shop.ID.String()},
		acme + "/credentials/reveal":                               nil,
		acme + "/credentials/renew":                                nil,
		acme + "/credentials/revoke":                               nil,
		acme + "/administrators/add":                               {"who", "rita"},
		acme + "/administrators/invite":                            {"admin", w.olga.ID.String()},
		acme + "/administrators/" + w.olga.ID.String() + "/remove": {"name", "olga"},
		acme + "/settings/save":                                    {"history", "3"},
		acme + "/settings/delete":                                  {"name", "acme"},
		acme + "/tokens/all/revoke":                                {"name", "acme"},
		shop + "/users/import/start":                               {"import", w.shop.ID.String()},
		shop + "/users/import/cancel":                              {"import", w.shop.ID.String()},
		shop + "/tokens/all/revoke":                                {"name", "shop"},
		shop + "/reveal":                                           nil,
		shop + "/credentials/reveal":                               nil,
		shop + "/credentials/renew":                                nil,
		shop + "/credentials/revoke":                               nil,
		shop + "/settings/save":                                    {"kind", "default", "passwords", "off"},
		shop + "/settings/delete":                                  {"name", "shop"},
		"/portal/organizations/rival/applications/shop/reveal":     nil,
		"/portal/organizations/rival/administrators/" + w.olga.ID.String() + "/remove": {"name", "olga"},
		"/portal/organizations/rival/restore":                                          {"application", w.shop.ID.String()},
	} {
		rita.open(t, "/portal")
		r := rita.submit(t, path, append(fields, passwordField, adminPassword)...)
		want(t, r, http.StatusNotFound, "!"+w.acmeSecret, "!"+w.shopSecret)
	}
	olga := w.as(t, "olga")
	want(t, olga.open(t, acme), http.StatusOK, "shop", "!evil")
	want(t, olga.open(t, acme+"/administrators"), http.StatusOK, "olga", "!rita")
	want(t, olga.open(t, acme+"/settings"), http.StatusOK, `value="0"`)
	if revealed := w.events(t, "client.secret.reveal"); len(revealed) != 0 && revealed[0].Result == models.AuditOK {
		t.Errorf("revealed: %v", revealed)
	}
}

// Every page but the sign-in is for who is signed in, and no form does anything for others.
//
// SEC-22
func TestStrangersSeeTheSignInAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	p := New(Config{PublicURL: w.URL, Now: w.clock.now})
	for _, rt := range p.routes() {
		if rt.needs == nothing {
			continue
		}
		path := strings.NewReplacer("{$}", "", "{org}", "acme", "{app}", "shop", "{admin}", w.olga.ID.String()).Replace(rt.path)
		r := w.browser(t).send(t, rt.method, path, "")
		status := http.StatusSeeOther
		if rt.method == http.MethodPost {
			status = http.StatusForbidden
		}
		if r.StatusCode != status || strings.Contains(r.text, w.shopSecret) {
			t.Errorf("%s %s: %d", rt.method, path, r.StatusCode)
		}
	}
}

// What is too large or malformed is refused before anything looks at it.
//
// SEC-75
func TestFormsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	want(t, b.submit(t, "/portal/organizations", "name", strings.Repeat("x", maxForm)), http.StatusRequestEntityTooLarge)
	want(t, b.send(t, http.MethodPost, "/portal/organizations", "name=%zz"), http.StatusBadRequest)
	want(t, b.send(t, http.MethodPost, "/portal/organizations", "name=%ff&csrf="), http.StatusBadRequest)
}

// The log of the portal has no passwords, secrets, cookies, forms or queries in it.
//
// SEC-79
func TestTheLogHasNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	token := b.form
	r := b.submit(t, "/portal/organizations/acme/applications/shop/reveal", passwordField, adminPassword)
	want(t, r, http.StatusOK, w.shopSecret)
	b.open(t, "/portal/organizations/acme/activity?who=canary-4711")
	session := b.session(t)
	b.submit(t, "/portal/sign-out")
	for _, secret := range []string{adminPassword, w.shopSecret, session, token, "canary-4711", "csrf"} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	if !strings.Contains(w.log.String(), `route=/portal/organizations/{org}/activity`) {
		t.Error("requests are not in the log")
	}
}
