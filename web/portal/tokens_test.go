package portal

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// token asks for a token as a program does; fields are names and values.
func (w *world) token(t *testing.T, path, id, secret string, fields ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := w.browser(t).send(t, http.MethodPost, path, form.Encode())
	want(t, r, http.StatusOK)
	var answer struct {
		Token string `json:"access_token"`
	}
	must(t, json.Unmarshal([]byte(r.text), &answer))
	return answer.Token
}

func (w *world) shopToken(t *testing.T, fields ...string) string {
	t.Helper()
	return w.token(t, "/acme/shop/token", models.ClientID(models.ApplicationClient, w.shop.ID), w.shopSecret, fields...)
}

// endless makes a registered token and gives its identifier.
func (w *world) endless(t *testing.T, label string) (token, jti string) {
	t.Helper()
	w.clock.advance(time.Second) // newest first
	token = w.shopToken(t, "ttl", "0", "label", label)
	rows, _, err := w.store.RegisteredTokens(t.Context(), models.TokenFilter{ApplicationID: w.shop.ID}, models.Page{Limit: 1})
	must(t, err)
	return token, rows[0].JTI
}

func (w *world) works(t *testing.T, token string) bool {
	t.Helper()
	return w.browser(t).send(t, http.MethodGet, "/acme/shop", "", "Authorization: Bearer "+token).StatusCode == http.StatusOK
}

func TestATokenIsExamined(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	token := w.shopToken(t)
	olga, rita := w.as(t, "olga"), w.as(t, "rita")
	examine := func(b *browser, token string) *reply {
		t.Helper()
		want(t, b.open(t, "/portal/token"), http.StatusOK, "Paste an access token")
		return b.submit(t, "/portal/token/examine", "token", token)
	}
	want(t, examine(olga, token), http.StatusOK, "Nothing speaks against it", "not revoked", "signs, since", `"level": "application"`, w.shop.ID.String(), "!>refused<")
	want(t, examine(rita, token), http.StatusOK, "Signature", "shown to administrators of its organization only", "!>refused<", "!not revoked;")
	must(t, w.service.RevokeClientTokens(t.Context(), w.shop.ID))
	want(t, examine(olga, token), http.StatusOK, "Every token of its subject from that time was revoked", "accept it until it expires", "it has ended")
	want(t, examine(w.as(t, "superuser"), token), http.StatusOK, "Every token of its subject from that time was revoked")
	want(t, examine(rita, token), http.StatusOK, "!>refused<", "!from that time was revoked")
	w.clock.advance(25 * time.Hour)
	want(t, examine(w.as(t, "rita"), token), http.StatusOK, "It has expired")
	want(t, examine(w.as(t, "olga"), token[:len(token)-6]+"AAAAAA"), http.StatusOK, "The signature does not hold", "not looked up")
	for garbage, why := range map[string]string{"": "required", "rubbish": "three parts", "a.b.c": "This is no token", strings.Repeat("x", 9000): "longer"} {
		want(t, examine(w.as(t, "olga"), garbage), http.StatusBadRequest, why, "This is no token", "Access token")
	}
}

// A pasted token leaves nothing behind: no page, log, trail or row has it.
//
// SEC-79
func TestAnExaminedTokenIsKeptNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	token := w.shopToken(t)
	b := w.as(t, "olga")
	before := len(w.events(t, ""))
	b.open(t, "/portal/token")
	want(t, b.submit(t, "/portal/token/examine", "token", token), http.StatusOK, "!"+token, "!"+token[len(token)-20:])
	want(t, b.send(t, http.MethodGet, "/portal/token/examine?token="+token, ""), http.StatusNotFound, "!"+token)
	want(t, b.open(t, "/portal/token?token="+token), http.StatusOK, "!"+token)
	if strings.Contains(w.log.String(), token[:40]) || strings.Contains(w.log.String(), token[len(token)-20:]) {
		t.Error("the log has the token")
	}
	if after := len(w.events(t, "")); after != before {
		t.Errorf("%d entries in the trail", after-before)
	}
	want(t, b.submit(t, "/portal/token/examine", "token", token, formName, "x"), http.StatusForbidden)
	want(t, b.send(t, http.MethodPost, "/portal/token/examine", url.Values{"token": {token}, formName: {b.form}}.Encode(), "Sec-Fetch-Site: cross-site"),
		http.StatusForbidden)
}

// SEC-72
func TestTokensWithoutAnEndAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/applications/shop/tokens"
	want(t, b.open(t, page), http.StatusOK, "as soon as somebody asks for one", "!Revoke all of them")
	first, jti := w.endless(t, "nightly")
	second, other := w.endless(t, "")
	want(t, b.open(t, page), http.StatusOK, "nightly", other[:8], "the application's client", "127.0.0.1", "just now")

	w.clock.advance(provenLife + time.Second)
	want(t, b.open(t, page+"/"+jti), http.StatusOK, "Revoke nightly", "Type nightly to confirm")
	want(t, b.submit(t, page+"/"+jti+"/revoke", "name", "nightly"), http.StatusForbidden, "Confirm that it is you")
	want(t, b.submit(t, page+"/"+jti+"/revoke", "name", "weekly", passwordField, adminPassword), http.StatusBadRequest, "does not match")
	if !w.works(t, first) {
		t.Fatal("revoked before the name was typed")
	}
	want(t, b.submit(t, page+"/"+jti+"/revoke", "name", "nightly"), http.StatusSeeOther)
	want(t, b.open(t, b.last.Header.Get("Location")), http.StatusOK, "The token is refused from now on.", ">revoked<", ">live<")
	if w.works(t, first) || !w.works(t, second) {
		t.Error("not that one and that one alone")
	}
	want(t, b.open(t, page+"/all"), http.StatusOK, "of its users and its client")
	want(t, b.submit(t, page+"/all/revoke", "name", "acme"), http.StatusBadRequest, "does not match")
	want(t, b.submit(t, page+"/all/revoke", "name", "shop"), http.StatusSeeOther)
	want(t, b.open(t, page), http.StatusOK, "!>live<")
	if w.works(t, second) {
		t.Error("the other one still works")
	}
	trail := w.events(t, "token.revoke")
	if len(trail) != 1 || trail[0].ActorName != "olga" || !strings.Contains(trail[0].Detail, "portal") {
		t.Errorf("trail %+v", trail)
	}
}

func TestTokensOfAnOrganizationAndOfOnesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	w.token(t, "/management/token", models.ClientID(models.OrganizationClient, w.acme.ID), w.acmeSecret, "ttl", "0", "label", "deployment")
	w.token(t, "/management/token", "", "", "grant_type", "password", "username", "olga", "password", adminPassword, "ttl", "0", "label", "my laptop")
	b := w.as(t, "olga")
	want(t, b.open(t, "/portal/organizations/acme/tokens"), http.StatusOK, "deployment", "the organization's client", "!my laptop")
	want(t, b.open(t, "/portal/account/tokens"), http.StatusOK, "my laptop", "administrator", "!deployment")
	want(t, b.submit(t, "/portal/account/tokens/all/revoke", "name", "olga"), http.StatusSeeOther)
	want(t, b.open(t, "/portal/account/tokens"), http.StatusOK, "!>live<")
	want(t, b.open(t, "/portal/organizations/acme/tokens"), http.StatusOK, ">live<")
	want(t, w.as(t, "rita").open(t, "/portal/account/tokens"), http.StatusOK, "There are none", "!my laptop")
	denied := newWorld(t, options{denyNonExpiring: true})
	want(t, denied.as(t, "olga").open(t, "/portal/account/tokens"), http.StatusOK, "this server issues none")
}

// A token cannot be reached through a list that it is not on.
//
// SEC-70
func TestForeignTokensAreOutOfReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	token, jti := w.endless(t, "nightly")
	rita := w.as(t, "rita")
	for _, list := range []string{
		"/portal/account/tokens/", "/portal/organizations/rival/tokens/", "/portal/organizations/rival/applications/stall/tokens/",
		"/portal/organizations/acme/tokens/", "/portal/organizations/acme/applications/shop/tokens/", "/portal/organizations/rival/applications/shop/tokens/",
	} {
		want(t, rita.open(t, list+jti), http.StatusNotFound, "!nightly")
		rita.open(t, "/portal")
		want(t, rita.submit(t, list+jti+"/revoke", "name", "nightly"), http.StatusNotFound, "!nightly")
	}
	want(t, w.as(t, "olga").open(t, "/portal/organizations/acme/tokens/"+jti), http.StatusNotFound)
	if !w.works(t, token) {
		t.Error("revoked by a stranger")
	}
}

// What tokens say and are called is shown as text.
//
// SEC-69
func TestTokensCannotRunScripts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	const evil = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`
	_, jti := w.endless(t, evil)
	b := w.as(t, "olga")
	const page = "/portal/organizations/acme/applications/shop/tokens"
	for _, path := range []string{page, page + "/" + jti} {
		want(t, b.open(t, path), http.StatusOK, "!<script>alert", "!<img src=x", evil)
	}
	want(t, b.submit(t, page+"/"+jti+"/revoke", "name", "x"), http.StatusBadRequest, "!<script>alert", "!<img src=x")
	forged := encoded(`{"typ":"at+jwt","alg":"ES256","kid":"`+strings.ReplaceAll(evil, `"`, `\"`)+`"}`) + "." +
		encoded(`{"username":"`+strings.ReplaceAll(evil, `"`, `\"`)+`"}`) + ".AAAA"
	want(t, b.submit(t, "/portal/token/examine", "token", forged), http.StatusOK, "!<script>alert", "!<img src=x", "no key of this server", "<script>alert(1)")
	want(t, b.submit(t, "/portal/token/examine", "token", evil), http.StatusBadRequest, "!<script>alert", "!<img src=x")
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
