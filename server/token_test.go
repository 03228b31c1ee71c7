package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// §2.3: the four forms of success, member by member.
func TestTokenAnswers(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	t.Run("application user", func(t *testing.T) {
		a := f.do(t, "POST", "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"quiet-harbor-7"}`)
		a.check(t, scenario{
			wantStatus: 200,
			wantBody: map[string]any{
				"token_type": "Bearer", "expires_in": 86400, "user.uuid": f.dana.ID, "user.type": "user", "user.name": "Dana Reed",
				"user.created": 1795000000250, "user.modified": 1795000000250, "user.username": "dana", "user.email": "dana@example.com",
				"user.activated": true, "user.picture": "https://www.gravatar.com/avatar/e556d839bbda3d423c5b09096613f2d7",
				"user.metadata": nil, "application": nil, "organization": nil, "scope": nil, "refresh_token": nil,
				"timestamp": nil, "duration": nil, "passwordChanged": nil,
			},
			// SEC-14
			wantHeader:  map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff"},
			wantNotBody: []string{"assword", "pin", "Hash"},
		})
		set := claimsOf(t, a.get("access_token").(string)) //nolint:forcetypeassert // a test
		if set.Level != claims.ApplicationUser || set.ClientID != f.shopID || set.Issuer != publicURL+"/acme/shop" || *set.Expires != 1795086401 {
			t.Errorf("claims %+v", set)
		}
	})
	f.run(t, []scenario{
		{
			name: "application client", method: "POST", path: "/acme/shop/token", body: clientForm(f.shopID, f.shopSecret), wantStatus: 200,
			wantBody: map[string]any{
				"token_type": "Bearer", "expires_in": 86400, "application": f.shop.ID, "user": nil, "organization": nil,
				"refresh_token": nil, // SEC-20
			},
		},
		{
			name: "organization client", method: "POST", path: "/management/token?ttl=1800000", body: clientForm(f.acmeID, f.acmeSecret), wantStatus: 200,
			wantBody: map[string]any{
				"expires_in": 86400 / 48, "organization.uuid": f.acme.ID, "organization.name": "acme", "organization.properties": map[string]any{},
				"organization.passwordHistorySize":   0,
				"organization.applications":          map[string]any{"acme/shop": f.shop.ID, "acme/sandbox": f.sandbox.ID},
				"organization.users.olga.username":   "olga",
				"organization.users.olga.uuid":       f.olga.ID,
				"organization.users.olga.adminUser":  true,
				"organization.users.rita":            nil,
				"organization.users.olga.properties": map[string]any{}, "organization.users.olga.organizations": nil, "user": nil, "application": nil,
			},
		},
		{
			name: "admin", method: "POST", path: "/management/token", body: `{"grant_type":"password","username":"olga","password":"slow-river-92"}`, wantStatus: 200,
			wantBody: map[string]any{
				"expires_in": 86400, "passwordChanged": 1795000000250,
				"user.applicationId": "b6768a08-b5d5-11e3-a495-11ddb1de66c8", "user.uuid": f.olga.ID, "user.username": "olga",
				"user.name": "Olga Bern", "user.email": "olga@example.com", "user.activated": true, "user.confirmed": true, "user.disabled": false,
				"user.adminUser": true, "user.displayEmailAddress": "Olga Bern <olga@example.com>",
				"user.htmldisplayEmailAddress": `Olga Bern <<a href="mailto:olga@example.com">olga@example.com</a>>`,
				"user.properties":              map[string]any{},
				"user.organizations": map[string]any{"acme": map[string]any{
					"name": "acme", "uuid": f.acme.ID, "properties": map[string]any{},
					"applications": map[string]any{"acme/shop": f.shop.ID, "acme/sandbox": f.sandbox.ID},
				}},
			},
			wantNotBody: []string{"$argon2"},
		},
		{
			name: "superuser belongs to no organization", method: "POST", path: "/management/token",
			body: `{"grant_type":"password","username":"SuperUser","password":"` + superuserPassword + `"}`, wantStatus: 200,
			wantBody: map[string]any{"user.organizations": map[string]any{}, "user.username": "superuser"},
		},
		{
			name: "organization token at its application", method: "POST", path: "/acme/shop/token", body: clientForm(f.acmeID, f.acmeSecret), wantStatus: 200,
			wantBody: map[string]any{"organization.name": "acme"},
		},
		{
			name: "application token at management", method: "POST", path: "/management/token", body: clientForm(f.stallID, f.stallSecret), wantStatus: 200,
			wantBody: map[string]any{"application": f.stall.ID},
		},
	})
}

// §2.1: where the parameters come from, and that the grant wins over every other credential.
func TestTokenRequests(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	const login = `{"grant_type":"password","username":"dana","password":"quiet-harbor-7"}`
	const loginForm = "grant_type=password&username=dana&password=quiet-harbor-7"
	user := map[string]any{"user.username": "dana"}
	stale := bare(f.asDana(t))
	must(t, f.service.RevokeUserTokens(t.Context(), tenant(t, f), f.dana.ID))
	f.run(t, []scenario{
		{name: "form", method: "POST", path: "/acme/shop/token", body: loginForm, wantStatus: 200, wantBody: user},
		{name: "JSON labelled as form", method: "POST", path: "/acme/shop/token", body: " \n" + login, headers: []string{"Content-Type: application/x-www-form-urlencoded"}, wantStatus: 200, wantBody: user},
		{name: "JSON labelled as JSON", method: "POST", path: "/acme/shop/token", body: login, headers: []string{"Content-Type: application/json; charset=utf-8"}, wantStatus: 200, wantBody: user},
		{name: "JSON labelled as text", method: "POST", path: "/acme/shop/token", body: login, headers: []string{"Content-Type: text/plain"}, wantStatus: 200, wantBody: user},
		{name: "form without label", method: "POST", path: "/acme/shop/token", body: loginForm, headers: []string{"Content-Type: "}, wantStatus: 200, wantBody: user},
		{name: "GET", method: "GET", path: "/acme/shop/token?" + loginForm, wantStatus: 200, wantBody: user},
		{name: "GET ignores a body", method: "GET", path: "/acme/shop/token?" + loginForm, body: "{broken", wantStatus: 200, wantBody: user},
		{name: "e-mail as username", method: "POST", path: "/acme/shop/token", body: "grant_type=password&username=DANA@example.com&password=quiet-harbor-7", wantStatus: 200, wantBody: user},
		{name: "e-mail parameter", method: "POST", path: "/acme/shop/token", body: `{"grant_type":"password","email":"dana@example.com","password":"quiet-harbor-7"}`, wantStatus: 200, wantBody: user},
		{name: "uuid as username", method: "POST", path: "/acme/shop/token", body: "grant_type=password&password=quiet-harbor-7&username=" + f.dana.ID.String(), wantStatus: 200, wantBody: user},
		{name: "empty username counts as absent", method: "POST", path: "/acme/shop/token", body: "grant_type=password&username=&email=dana@example.com&password=quiet-harbor-7", wantStatus: 200, wantBody: user},
		{name: "null counts as absent", method: "POST", path: "/acme/shop/token", body: `{"grant_type":"password","username":null,"email":"dana@example.com","password":"quiet-harbor-7","scope":"","ttl":null}`, wantStatus: 200, wantBody: user},
		{name: "unknown parameters", method: "POST", path: "/acme/shop/token", body: loginForm + "&redirect_uri=x&x=y", wantStatus: 200, wantBody: user},
		{name: "pin", method: "POST", path: "/acme/shop/token", body: `{"grant_type":"pin","username":"dana","pin":"8123"}`, wantStatus: 200, wantBody: user},
		{name: "pin as number", method: "POST", path: "/acme/shop/token", body: `{"grant_type":"pin","username":"dana","pin":8123}`, wantStatus: 200, wantBody: user},
		{name: "stale token in the query", method: "POST", path: "/acme/shop/token?access_token=" + stale, body: login, wantStatus: 200, wantBody: user},
		{name: "empty token in the query", method: "POST", path: "/acme/shop/token?access_token=", body: login, wantStatus: 200, wantBody: user},
		{name: "garbage Bearer", method: "POST", path: "/acme/shop/token", body: loginForm, headers: []string{"Authorization: Bearer garbage"}, wantStatus: 200, wantBody: user},
		{name: "wrong client in the query of a POST", method: "POST", path: "/acme/shop/token?client_id=x&client_secret=y", body: login, wantStatus: 200, wantBody: user},
		{name: "token in the form", method: "POST", path: "/acme/shop/token", body: loginForm + "&access_token=" + stale, wantStatus: 200, wantBody: user},
		{name: "another scheme", method: "POST", path: "/acme/shop/token", body: loginForm, headers: []string{"Authorization: Digest x"}, wantStatus: 200, wantBody: user},
		{name: "the query of a POST has no grant", method: "POST", path: "/acme/shop/token?" + loginForm, body: "ttl=1", wantStatus: 400, wantBody: map[string]any{"error": "invalid_request"}},
		{name: "grants are case-sensitive", method: "POST", path: "/acme/shop/token", body: "grant_type=PASSWORD&username=dana&password=quiet-harbor-7", wantStatus: 400, wantBody: map[string]any{"error": "unsupported_grant_type"}},
		{name: "no pin for admins", method: "POST", path: "/management/token", body: "grant_type=pin&username=olga&pin=1", wantStatus: 400, wantBody: map[string]any{"error": "unsupported_grant_type"}},
		{name: "no refresh by GET", method: "GET", path: "/acme/shop/token?grant_type=refresh_token&refresh_token=x", wantStatus: 400, wantBody: fails("invalid_grant", "invalid username or password")},
		{name: "label too long", method: "POST", path: "/acme/shop/token", body: login[:len(login)-1] + `,"label":"` + strings.Repeat("x", 101) + `"}`, wantStatus: 400, wantBody: map[string]any{"error": "illegal_argument"}},
	})
}

func TestScopesAreThoseOfTheApplication(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.Scopes = []string{"orders.read", "orders.write"} })
	form := clientForm(f.shopID, f.shopSecret)
	// SEC-17
	f.run(t, []scenario{
		{name: "none", method: "POST", path: "/acme/shop/token", body: form, wantStatus: 200, wantBody: map[string]any{"scope": nil}},
		{name: "listed", method: "POST", path: "/acme/shop/token", body: form + "&scope=orders.read", wantStatus: 200, wantBody: map[string]any{"scope": "orders.read"}},
		{name: "not listed, form", method: "POST", path: "/acme/shop/token", body: form + "&scope=orders.read+admin", wantStatus: 400, wantBody: map[string]any{"error": "invalid_scope", "error_description": "scope not allowed: admin", "timestamp": nil}},
		{name: "not listed, JSON", method: "POST", path: "/acme/shop/token", body: `{"grant_type":"password","username":"dana","password":"quiet-harbor-7","scope":"admin"}`, wantStatus: 400, wantBody: map[string]any{"error": "invalid_scope", "timestamp": nil, "exception": nil}},
		{name: "management has none", method: "POST", path: "/management/token", body: form + "&scope=orders.read", wantStatus: 400, wantBody: map[string]any{"error": "invalid_scope"}},
	})
}

func TestRefreshTokens(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.settings(t, func(s *models.Settings) { s.RefreshTokens = true })
	login := f.do(t, "POST", "/acme/shop/token", "grant_type=password&username=dana&password=quiet-harbor-7")
	first, _ := login.get("refresh_token").(string)
	if first == "" {
		t.Fatalf("no refresh token: %s", login.text)
	}
	second := f.do(t, "POST", "/acme/shop/token", "grant_type=refresh_token&refresh_token="+first)
	second.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"user.username": "dana"}})
	bad := fails("invalid_grant", "invalid refresh token")
	f.run(t, []scenario{
		{name: "used once", method: "POST", path: "/acme/shop/token", body: "grant_type=refresh_token&refresh_token=" + first, wantStatus: 400, wantBody: bad},
		{name: "that ended the family", method: "POST", path: "/acme/shop/token", body: "grant_type=refresh_token&refresh_token=" + second.get("refresh_token").(string), wantStatus: 400, wantBody: bad}, //nolint:forcetypeassert // a test
		{name: "never an access token", method: "GET", path: "/acme/shop/users/me", headers: []string{"Authorization: Bearer " + first}, wantStatus: 401, wantBody: map[string]any{"error": "auth_bad_access_token"}},
		{name: "none beside a non-expiring token", method: "POST", path: "/acme/shop/token", body: "grant_type=password&username=dana&password=quiet-harbor-7&ttl=0", wantStatus: 200, wantBody: map[string]any{"refresh_token": nil}},
		{name: "none for clients", method: "POST", path: "/acme/shop/token", body: clientForm(f.shopID, f.shopSecret), wantStatus: 200, wantBody: map[string]any{"refresh_token": nil}},
	})
	f.settings(t, func(s *models.Settings) { s.RefreshTokens = false })
	f.run(t, []scenario{
		{name: "switched off, form", method: "POST", path: "/acme/shop/token", body: "grant_type=refresh_token&refresh_token=x", wantStatus: 400, wantBody: map[string]any{"error": "unauthorized_client"}},
		{name: "switched off, JSON", method: "POST", path: "/acme/shop/token", body: `{"grant_type":"refresh_token","refresh_token":"x"}`, wantStatus: 400, wantBody: fails("invalid_grant", "invalid username or password")},
	})
}

// §2.2: what a client presents, in both dialects.
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	good, wrong := basic(f.shopID, f.shopSecret), basic(f.shopID, f.shopSecret+"x")
	iup := with(fails("invalid_grant", "invalid username or password"), map[string]any{"timestamp": nil, "exception": nil})
	client := with(fails("invalid_client", "invalid username or password"), map[string]any{"timestamp": nil})
	invalid := map[string]any{"error": "invalid_request", "timestamp": nil}
	challenged, silent := map[string]string{"WWW-Authenticate": `Basic realm="writ"`}, map[string]string{"WWW-Authenticate": ""}
	const path, cc, ccJSON = "/acme/shop/token", "grant_type=client_credentials", `{"grant_type":"client_credentials"}`
	const pw, pwJSON = "grant_type=password&username=dana&password=quiet-harbor-7", `{"grant_type":"password","username":"dana","password":"quiet-harbor-7"}`
	inJSON := func(id, secret string) string {
		return `{"grant_type":"client_credentials","client_id":"` + id + `","client_secret":"` + secret + `"}`
	}
	app := map[string]any{"application": f.shop.ID}
	f.run(t, []scenario{
		{name: "Basic, form", method: "POST", path: path, body: cc, headers: []string{good}, wantStatus: 200, wantBody: app},
		{name: "Basic, JSON", method: "POST", path: path, body: ccJSON, headers: []string{good}, wantStatus: 200, wantBody: app},
		{name: "Basic, GET", method: "GET", path: path + "?" + cc, headers: []string{good}, wantStatus: 200, wantBody: app},
		{name: "Basic in any case", method: "POST", path: path, body: cc, headers: []string{strings.Replace(good, "Basic", "bAsIc", 1)}, wantStatus: 200, wantBody: app},
		{name: "Basic form-url-encoded", method: "POST", path: path, body: cc, headers: []string{basic(strings.ReplaceAll(f.shopID, "Y", "%59"), strings.ReplaceAll(f.shopSecret, "Y", "%59"))}, wantStatus: 200, wantBody: app}, // SEC-08
		{name: "body, form", method: "POST", path: path, body: clientForm(f.shopID, f.shopSecret), wantStatus: 200, wantBody: app},
		{name: "body, JSON", method: "POST", path: path, body: inJSON(f.shopID, f.shopSecret), wantStatus: 200, wantBody: app},
		{name: "query of a GET", method: "GET", path: path + "?" + clientForm(f.shopID, f.shopSecret), wantStatus: 200, wantBody: app},
		{name: "Basic beats the body, JSON", method: "POST", path: path, body: inJSON(f.shopID, "wrong"), headers: []string{good}, wantStatus: 200, wantBody: app},
		// SEC-07
		{name: "Basic and client_secret, form", method: "POST", path: path, body: clientForm(f.shopID, f.shopSecret), headers: []string{good}, wantStatus: 400, wantBody: invalid},
		{name: "Basic and another client_id, form", method: "POST", path: path, body: cc + "&client_id=" + f.acmeID, headers: []string{good}, wantStatus: 400, wantBody: invalid},
		{name: "Basic and the same client_id, form", method: "POST", path: path, body: cc + "&client_id=" + f.shopID, headers: []string{good}, wantStatus: 200, wantBody: app},
		{name: "empty secret in Basic, form", method: "POST", path: path, body: cc, headers: []string{basic(f.shopID, "")}, wantStatus: 401, wantBody: client, wantHeader: challenged},
		{name: "empty id in Basic, form", method: "POST", path: path, body: pw, headers: []string{basic("", "")}, wantStatus: 401, wantBody: client, wantHeader: challenged},
		{name: "empty part in Basic, JSON", method: "POST", path: path, body: pwJSON, headers: []string{basic("", "x")}, wantStatus: 200},
		{name: "empty part in Basic, JSON, body used", method: "POST", path: path, body: inJSON(f.shopID, f.shopSecret), headers: []string{basic(f.shopID, "")}, wantStatus: 200, wantBody: app},
		{name: "id and empty secret in Basic is client_id alone", method: "POST", path: path, body: pw, headers: []string{basic(f.shopID, "")}, wantStatus: 200},
		{name: "id and empty secret in Basic, not served", method: "POST", path: path, body: pw, headers: []string{basic(f.stallID, "")}, wantStatus: 401, wantBody: client},
		{name: "malformed Basic, form", method: "POST", path: path, body: cc, headers: []string{"Authorization: Basic %%%"}, wantStatus: 401, wantBody: client, wantHeader: challenged},
		{name: "malformed Basic, JSON", method: "POST", path: path, body: pwJSON, headers: []string{"Authorization: Basic %%%"}, wantStatus: 200},
		// SEC-09
		{name: "wrong secret, Basic, form", method: "POST", path: path, body: cc, headers: []string{wrong}, wantStatus: 401, wantBody: client, wantHeader: challenged},
		{name: "wrong secret, body, form", method: "POST", path: path, body: clientForm(f.shopID, "YXA6wrong"), wantStatus: 401, wantBody: client, wantHeader: silent},
		{name: "wrong secret, Basic, JSON", method: "POST", path: path, body: ccJSON, headers: []string{wrong}, wantStatus: 400, wantBody: iup, wantHeader: silent},
		{name: "wrong secret, body, JSON", method: "POST", path: path, body: inJSON(f.shopID, "wrong"), wantStatus: 400, wantBody: iup},
		{name: "wrong client beside the right password", method: "POST", path: path, body: pw, headers: []string{wrong}, wantStatus: 401, wantBody: client},
		{name: "unknown client", method: "POST", path: path, body: clientForm("YXA6AAAAAAAAAAAAAAAAAAAAAA", "x"), wantStatus: 401, wantBody: client},
		// SEC-22
		{name: "client of another application", method: "POST", path: path, body: clientForm(f.stallID, f.stallSecret), wantStatus: 401, wantBody: client},
		{name: "client of another application, JSON", method: "POST", path: path, body: inJSON(f.stallID, f.stallSecret), wantStatus: 400, wantBody: iup},
		{name: "client of a sister application", method: "POST", path: path, body: clientForm(f.sandboxID, f.sandboxSecret), wantStatus: 401, wantBody: client},
		{name: "client of another organization", method: "POST", path: path, body: clientForm(f.rivalID, f.rivalSecret), wantStatus: 401, wantBody: client},
		{name: "superuser Basic, form", method: "POST", path: path, body: cc, headers: []string{basic("superuser", superuserPassword)}, wantStatus: 401, wantBody: client},
		{name: "superuser Basic, JSON", method: "POST", path: path, body: pwJSON, headers: []string{basic("superuser", superuserPassword)}, wantStatus: 400, wantBody: iup},
		{name: "none, client_credentials, form", method: "POST", path: path, body: cc, wantStatus: 401, wantBody: client, wantHeader: silent},
		{name: "none, client_credentials, JSON", method: "POST", path: path, body: ccJSON, wantStatus: 400, wantBody: iup},
		{name: "client_id alone, client_credentials", method: "POST", path: path, body: cc + "&client_id=" + f.shopID, wantStatus: 401, wantBody: client},
		{name: "none, password, form", method: "POST", path: path, body: pw, wantStatus: 200},
		{name: "client_id alone, form", method: "POST", path: path, body: pw + "&client_id=" + f.shopID, wantStatus: 200},
		{name: "client_id alone, not served, form", method: "POST", path: path, body: pw + "&client_id=" + f.stallID, wantStatus: 401, wantBody: client, wantHeader: silent},
		{name: "client_id alone, not served, JSON", method: "POST", path: path, body: `{"client_id":"` + f.stallID + `",` + pwJSON[1:], wantStatus: 200},
		{name: "two Authorization headers", method: "POST", path: path, body: cc, headers: []string{good, good}, wantStatus: 400, wantBody: invalid},
	})
	// The authenticated client is in the token.
	a := f.do(t, "POST", path, pw, basic(f.acmeID, f.acmeSecret))
	if set := claimsOf(t, a.get("access_token").(string)); set.ClientID != f.acmeID { //nolint:forcetypeassert // a test
		t.Errorf("client_id %s, want %s", set.ClientID, f.acmeID)
	}
}

// §2.2: the state of an account is told only to who knows the password. SEC-10
func TestStateIsToldOnlyAfterTheRightPassword(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	right, wrong := `{"grant_type":"password","username":"dana","password":"quiet-harbor-7"}`, `{"grant_type":"password","username":"dana","password":"wrong"}`
	iup := fails("invalid_grant", "invalid username or password")
	f.changeDana(t, func(u *models.User) { u.Activated = false })
	f.run(t, []scenario{
		{name: "not activated", method: "POST", path: "/acme/shop/token", body: right, wantStatus: 400, wantBody: with(fails("invalid_grant", "user not activated"), map[string]any{"timestamp": nil})},
		{name: "not activated, wrong password", method: "POST", path: "/acme/shop/token", body: wrong, wantStatus: 400, wantBody: iup},
	})
	f.changeDana(t, func(u *models.User) { u.Activated, u.Disabled = true, true })
	f.run(t, []scenario{
		{name: "disabled", method: "POST", path: "/acme/shop/token", body: right, wantStatus: 400, wantBody: fails("invalid_grant", "user disabled")},
		{name: "disabled, wrong password", method: "POST", path: "/acme/shop/token", body: wrong, wantStatus: 400, wantBody: iup},
		{name: "unknown", method: "POST", path: "/acme/shop/token", body: strings.Replace(wrong, "dana", "nobody", 1), wantStatus: 400, wantBody: iup},
	})
}

// §7.6: admins who must confirm or be approved first.
func TestAdminsWaitForConfirmationAndApproval(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{service: func(c *grants.Config) { c.AdminConfirmation, c.AdminApproval = true, true }})
	change := func(change func(*models.Admin)) {
		_, err := f.store.UpdateAdmin(t.Context(), f.olga.ID, func(a *models.Admin) error { change(a); return nil })
		must(t, err)
	}
	const form, inJSON = "grant_type=password&username=olga&password=slow-river-92", `{"grant_type":"password","username":"olga","password":"slow-river-92"}`
	unconfirmed := with(fails("invalid_grant", "User must be confirmed to authenticate"), map[string]any{"timestamp": nil})
	change(func(a *models.Admin) { a.Confirmed = false })
	f.run(t, []scenario{
		{name: "not confirmed, JSON", method: "POST", path: "/management/token", body: inJSON, wantStatus: 403, wantBody: unconfirmed},
		{name: "not confirmed, form", method: "POST", path: "/management/token", body: form, wantStatus: 400, wantBody: unconfirmed},
		{name: "not confirmed, wrong password", method: "POST", path: "/management/token", body: form + "x", wantStatus: 400, wantBody: fails("invalid_grant", "invalid username or password")},
		{name: "never the superuser", method: "POST", path: "/management/token", body: `{"grant_type":"password","username":"superuser","password":"` + superuserPassword + `"}`, wantStatus: 200},
	})
	change(func(a *models.Admin) { a.Confirmed, a.Activated = true, false })
	f.do(t, "POST", "/management/token", inJSON).check(t, scenario{wantStatus: 400, wantBody: fails("invalid_grant", "user not activated")})
	change(func(a *models.Admin) { a.Activated, a.Disabled = true, true })
	f.do(t, "POST", "/management/token", inJSON).check(t, scenario{wantStatus: 400, wantBody: fails("invalid_grant", "user disabled")})
}

// §2.2, §13: repeated failures from one address wait, the right password too; success ends the wait. SEC-28
func TestRepeatedFailuresWait(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	for _, dialect := range []struct{ right, wrong string }{
		{"grant_type=password&username=dana&password=quiet-harbor-7", "grant_type=password&username=dana&password=x"},
		{`{"grant_type":"password","username":"dana","password":"quiet-harbor-7"}`, `{"grant_type":"password","username":"dana","password":"x"}`},
	} {
		for range 10 {
			if a := f.do(t, "POST", "/acme/shop/token", dialect.wrong); a.Code != http.StatusBadRequest {
				t.Fatalf("%d %s", a.Code, a.text)
			}
		}
		a := f.do(t, "POST", "/acme/shop/token", dialect.right)
		a.check(t, scenario{wantStatus: 429, wantBody: fails("too_many_requests", "Too many attempts"), wantHeader: map[string]string{"Retry-After": "1"}})
		if _, ordinary := a.body["timestamp"]; ordinary != (dialect.right[0] == '{') {
			t.Errorf("shape: %s", a.text)
		}
		if a := f.do(t, "POST", "/acme/shop/token", dialect.right, "Remote: 192.0.2.2:1"); a.Code != http.StatusOK {
			t.Errorf("from another address: %d", a.Code)
		}
		f.clock.advance(time.Second)
		if a := f.do(t, "POST", "/acme/shop/token", dialect.right); a.Code != http.StatusOK {
			t.Errorf("after the wait: %d %s", a.Code, a.text)
		}
	}
}
