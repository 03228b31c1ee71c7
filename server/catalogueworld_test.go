package server

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// throttled is an address whose guesses were too many.
const throttled = "Remote: 203.0.113.9:4711"

// catalogue is what the rows of the error catalogue are about: servers and, on the default one, people, tokens and things in every state
// that makes a request fail. Application shop lists a scope and has refresh tokens; sandbox has no password grant and a bound for
// lifetimes; stall has no role guest and a client whose secret cannot be shown; depot was deleted.
type catalogue struct {
	*fixture // the default configuration

	strict      *fixture // compat=strict
	unconfirmed *fixture // olga has not followed the link of her mail
	unsigned    *fixture // no token can be signed
	closed      *fixture // the database is gone

	// as holds the headers that authenticate.
	as struct{ dana, shop, sandbox, acme, olga, rita, superuser, strictDana, unsignedShop string }
	// Headers with tokens that are worth nothing: expired, revoked, of users who are gone or shut out, of the deleted application.
	expired, revoked, gone, disabled, inactive, depot string
	revokedAdmin, expiredAdmin                        string
	refresh                                           struct{ expired, used, usedToo string }
}

const (
	inactiveUser, disabledUser = "ines", "dirk"
	unknownID                  = "6f1f0f3e-58a5-4c2b-9f6a-0b9d0d3b7d11"
)

func newCatalogue(t *testing.T) *catalogue {
	t.Helper()
	c := &catalogue{fixture: newServer(t, options{})}
	c.settings(t, func(s *models.Settings) {
		s.Scopes, s.RefreshTokens, s.RefreshTokenTTL = []string{"orders.read"}, true, new(int64(5000))
	})
	for _, name := range []string{inactiveUser, disabledUser, "gustav", "rolf", "xaver"} {
		c.newUser(t, c.shop, name, name)
	}
	c.loseTokens(t)
	c.loseThings(t)
	c.as.dana, c.as.shop, c.as.acme, c.as.olga = c.asDana(t), c.asShop(t), c.asAcme(t), c.asOlga(t)
	c.as.rita, c.as.superuser = c.asRita(t), c.asSuperuser(t)
	c.as.sandbox = "Authorization: Bearer " + c.tokenOf(t, "/acme/sandbox/token", clientForm(c.sandboxID, c.sandboxSecret))
	c.guess(t)
	c.otherServers(t)
	return c
}

// loseTokens makes tokens that are worth nothing any more.
func (c *catalogue) loseTokens(t *testing.T) {
	t.Helper()
	change := func(username string, change func(*models.User)) {
		user, err := c.store.User(t.Context(), c.shop.ID, username)
		must(t, err)
		_, err = c.store.UpdateUser(t.Context(), c.shop.ID, user.ID, func(u *models.User) error { change(u); return nil })
		must(t, err)
	}
	refresh := func() string {
		return c.do(t, "POST", "/acme/shop/token", loginForm("dana", userPassword)).get("refresh_token").(string) //nolint:forcetypeassert // a test
	}
	c.inactive, c.disabled, c.gone = c.asUser(t, "shop", inactiveUser), c.asUser(t, "shop", disabledUser), c.asUser(t, "shop", "gustav")
	change(inactiveUser, func(u *models.User) { u.Activated = false })
	change(disabledUser, func(u *models.User) { u.Disabled = true })
	c.status(t, 200, "DELETE", "/acme/shop/users/gustav", "", basic(c.shopID, c.shopSecret))
	c.revoked, c.revokedAdmin = c.asUser(t, "shop", "rolf"), c.asRita(t)
	c.status(t, 200, "POST", "/acme/shop/users/rolf/revoketoken?token="+bare(c.revoked), "")
	c.status(t, 200, "POST", "/management/users/rita/revoketoken?token="+bare(c.revokedAdmin), "")
	c.expired = "Authorization: Bearer " + c.tokenOf(t, "/acme/shop/token?ttl=1000", loginForm("xaver", userPassword))
	c.expiredAdmin = "Authorization: Bearer " + c.tokenOf(t, "/management/token?ttl=1000", loginForm("olga", adminPassword))
	c.refresh.expired = refresh()
	c.clock.advance(10 * time.Second)
	c.settings(t, func(s *models.Settings) { s.RefreshTokenTTL = nil })
	c.refresh.used, c.refresh.usedToo = refresh(), refresh()
	for _, used := range []string{c.refresh.used, c.refresh.usedToo} {
		c.status(t, 200, "POST", "/acme/shop/token", "grant_type=refresh_token&refresh_token="+used)
	}
}

// loseThings deletes, forbids and breaks what the rows ask for.
func (c *catalogue) loseThings(t *testing.T) {
	t.Helper()
	depot, id, secret := c.newApplication(t, c.acme, "depot", false)
	c.depot = "Authorization: Bearer " + c.tokenOf(t, "/acme/depot/token", clientForm(id, secret))
	must(t, c.store.DeleteApplication(t.Context(), depot.ID))
	_, err := c.store.UpdateApplication(t.Context(), c.sandbox.ID, func(a *models.Application) error {
		a.Settings.PasswordGrant, a.Settings.AccessTokenTTL = new(false), new(int64(60_000))
		return nil
	})
	must(t, err)
	_, err = c.store.UpdateOrganization(t.Context(), c.acme.ID, func(o *models.Organization) error {
		o.PasswordHistorySize = 2
		return nil
	})
	must(t, err)
	guest, err := c.store.Role(t.Context(), c.stall.ID, "guest")
	must(t, err)
	must(t, c.store.DeleteRole(t.Context(), c.stall.ID, guest.ID))
	breakSeal := func(client *models.Client) error { client.SecretSealed[len(client.SecretSealed)-1]++; return nil }
	_, err = c.store.UpdateClient(t.Context(), c.stall.ID, breakSeal)
	must(t, err)
	for path, body := range map[string]string{"roles": `{"name":"clerk"}`, "groups": `{"path":"staff"}`} {
		c.status(t, 200, "POST", "/acme/shop/"+path, body, basic(c.shopID, c.shopSecret))
	}
}

// guess fails ten times in a row from one address, as dana, as the client of shop and as the superuser.
func (c *catalogue) guess(t *testing.T) {
	t.Helper()
	for range 10 {
		c.status(t, 400, "POST", "/acme/shop/token", loginForm("dana", "x"), throttled)
		c.status(t, 401, "GET", "/acme/shop/users", "", basic(c.shopID, "x"), throttled)
		c.status(t, 401, "GET", "/acme/shop/users", "", basic("superuser", "x"), throttled)
	}
}

func (c *catalogue) otherServers(t *testing.T) {
	t.Helper()
	c.strict = newServer(t, options{strict: true})
	c.strict.settings(t, func(s *models.Settings) { s.PasswordGrant = new(true) })
	c.as.strictDana = c.strict.asDana(t)

	c.unconfirmed = newServer(t, options{service: confirming})
	_, err := c.unconfirmed.store.UpdateAdmin(t.Context(), c.unconfirmed.olga.ID, func(a *models.Admin) error {
		a.Confirmed = false
		return nil
	})
	must(t, err)

	var signer *brokenKeys
	c.unsigned = newServer(t, options{service: func(cfg *grants.Config) {
		signer = &brokenKeys{Keys: cfg.Keys}
		cfg.Keys = signer
	}})
	c.as.unsignedShop = c.unsigned.asShop(t)
	signer.broken.Store(true)

	c.closed = newServer(t, options{})
	must(t, c.closed.store.Close())
}

// brokenKeys cannot sign once they are broken, as a key that went wrong.
type brokenKeys struct {
	grants.Keys

	broken atomic.Bool
}

var errBrokenKey = errors.New("the private key is a teapot")

func (k *brokenKeys) Sign(purpose keys.Purpose, payload []byte) (string, error) {
	if k.broken.Load() {
		return "", errBrokenKey
	}
	return k.Keys.Sign(purpose, payload)
}

func loginForm(username, password string) string {
	return "grant_type=password&username=" + username + "&password=" + password
}

func loginJSON(username, password string) string {
	return `{"grant_type":"password","username":"` + username + `","password":"` + password + `"}`
}

func clientJSON(id, secret string) string {
	return `{"grant_type":"client_credentials","client_id":"` + id + `","client_secret":"` + secret + `"}`
}
