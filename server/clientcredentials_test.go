package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/keys"
)

// credentialPath is one of the places of §7.3 together with the client it shows.
type credentialPath struct {
	path, tokenPath    string
	shown, made, ended string // actions
	id, secret         func(*fixture) string
	ok                 any
}

func credentialPaths() map[string]credentialPath {
	shopID, shopSecret := func(f *fixture) string { return f.shopID }, func(f *fixture) string { return f.shopSecret }
	return map[string]credentialPath{
		"organization": {
			path: "/management/orgs/acme/credentials", tokenPath: "/management/token",
			shown: "get organization client credentials", made: "generate organization client credentials",
			ended: "revoked organization client tokens",
			id:    func(f *fixture) string { return f.acmeID }, secret: func(f *fixture) string { return f.acmeSecret },
		},
		"managed application": {
			path: "/management/orgs/acme/apps/shop/credentials", tokenPath: "/acme/shop/token",
			shown: "get application client credentials", made: "generate application client credentials",
			ended: "revoked application client tokens", id: shopID, secret: shopSecret,
		},
		"application": {
			path: "/acme/shop/credentials", tokenPath: "/acme/shop/token", shown: "get application keys", made: "generate application keys",
			ended: "revoked application client tokens", id: shopID, secret: shopSecret, ok: "ok",
		},
	}
}

func TestClientSecretsAreShownRenewedAndRevoked(t *testing.T) {
	t.Parallel()
	for name, at := range credentialPaths() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, options{})
			olga := f.asOlga(t)
			a := f.status(t, 200, "GET", at.path, "", olga)
			a.check(t, scenario{
				wantStatus: 200, wantHeader: map[string]string{"Cache-Control": "no-store", "Pragma": "no-cache"},
				wantBody: map[string]any{
					"action": at.shown, "status": at.ok, "credentials.client_id": at.id(f), "credentials.client_secret": at.secret(f),
				},
			})
			first := f.tokenOf(t, at.tokenPath, clientForm(at.id(f), at.secret(f)))

			// A new secret: the identifier stays, the old secret fails at once, issued tokens live on.
			a = f.status(t, 200, "POST", at.path, "", olga)
			secret, _ := a.get("credentials.client_secret").(string)
			a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": at.made, "status": at.ok, "credentials.client_id": at.id(f)}})
			if len(secret) != 31 || secret[:4] != at.id(f)[:4] || secret == at.secret(f) {
				t.Fatalf("new secret %q", secret)
			}
			f.status(t, 401, "POST", at.tokenPath, clientForm(at.id(f), at.secret(f)))
			second := f.tokenOf(t, at.tokenPath, clientForm(at.id(f), secret))
			f.accepts(t, first, true)

			// With revoketokens=true they die, and the new secret works right away.
			a = f.status(t, 200, "POST", at.path+"?revoketokens=true", "", olga)
			latest, _ := a.get("credentials.client_secret").(string)
			f.accepts(t, first, false)
			f.accepts(t, second, false)
			third := f.tokenOf(t, at.tokenPath, clientForm(at.id(f), latest))
			f.accepts(t, third, true)

			// …/revoketokens ends the tokens and leaves the secret.
			a = f.status(t, 200, "PUT", at.path+"/revoketokens", "{broken", olga)
			a.check(t, scenario{wantStatus: 200, wantBody: map[string]any{"action": at.ended}})
			f.accepts(t, third, false)
			f.accepts(t, f.tokenOf(t, at.tokenPath, clientForm(at.id(f), latest)), true)
			f.status(t, 200, "GET", at.path, "", olga).check(t, scenario{
				wantStatus: 200, wantBody: map[string]any{"credentials.client_secret": latest},
			})
		})
	}
}

// accepts tells whether a client's token is accepted: revoked ones are auth_invalid, others lack the right.
func (f *fixture) accepts(t testing.TB, token string, want bool) {
	t.Helper()
	a := f.do(t, "GET", "/management/orgs", "", "Authorization: Bearer "+token)
	if got := a.get("error") == "unauthorized"; got != want {
		t.Errorf("accepted is %v, want %v: %s", got, want, a.text)
	}
}

func TestRenewingRefusesWhatIsNoFlagAndUnknownApplications(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	olga := []string{f.asOlga(t)}
	illegal := map[string]any{"error": "illegal_argument"}
	unknown := fails("entity_not_found", "Application depot does not exist for organization acme")
	f.refuse(t, []scenario{
		{name: "no flag", method: "POST", path: "/management/orgs/acme/credentials?revoketokens=yes", headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "no flag at the root", method: "POST", path: "/acme/shop/credentials?revoketokens=1", headers: olga, wantStatus: 400, wantBody: illegal},
		{name: "show unknown", method: "GET", path: "/management/orgs/acme/apps/depot/credentials", headers: olga, wantStatus: 404, wantBody: unknown},
		{name: "renew unknown", method: "POST", path: "/management/orgs/acme/apps/depot/credentials", headers: olga, wantStatus: 404, wantBody: unknown},
		{name: "revoke unknown", method: "POST", path: "/management/orgs/acme/apps/depot/credentials/revoketokens", headers: olga, wantStatus: 404, wantBody: unknown},
		{
			name: "another organization's", method: "GET", path: "/management/orgs/acme/apps/stall/credentials", headers: olga, wantStatus: 404,
			wantBody: map[string]any{"error": "entity_not_found"}, wantNotBody: []string{f.stallSecret},
		},
		{name: "application elsewhere", method: "GET", path: "/acme/sandbox/credentials", headers: []string{f.asShop(t)}, wantStatus: 401, wantBody: map[string]any{"error": "unauthorized"}},
		{name: "method", method: "DELETE", path: "/acme/shop/credentials", headers: olga, wantStatus: 405, wantBody: map[string]any{"error": "not_allowed"}},
	})
	f.status(t, 200, "POST", "/management/orgs/acme/credentials?revoketokens=false", "", olga[0])
}

// SEC-79, SEC-80
func TestRevealingASecretIsLoggedWithoutIt(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newServer(t, options{logger: slog.New(slog.NewTextHandler(&log, nil))})
	olga := f.asOlga(t)
	f.status(t, 200, "GET", "/acme/shop/credentials", "", olga)
	a := f.status(t, 200, "POST", "/acme/shop/credentials", "", olga)
	secret, _ := a.get("credentials.client_secret").(string)
	for _, want := range []string{"client secret revealed", "client secret renewed", f.shopID, f.olga.ID.String(), "192.0.2.1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not tell %q", want)
		}
	}
	for _, canary := range []string{secret, f.shopSecret, bare(olga)} {
		if strings.Contains(log.String(), canary) {
			t.Errorf("the log tells %q", canary)
		}
	}
}

func TestSecretsThatAreNotKeptAreShownOnlyWhenTheyAreMade(t *testing.T) {
	t.Parallel()
	sealer, err := keys.NewSealer(make([]byte, 32))
	must(t, err)
	f := newServer(t, options{configure: func(c *Config) { c.Secrets = grants.NewSecrets(sealer, false) }})
	f.clock.advance(time.Second)
	a := f.status(t, 200, "POST", "/acme/shop/credentials", "", f.asOlga(t))
	secret, _ := a.get("credentials.client_secret").(string)
	f.tokenOf(t, "/acme/shop/token", clientForm(f.shopID, secret))
	f.status(t, 200, "GET", "/acme/shop/credentials", "", f.asOlga(t)).check(t, scenario{
		wantStatus: 200, wantBody: map[string]any{"credentials.client_id": f.shopID, "credentials.client_secret": nil},
	})
}
