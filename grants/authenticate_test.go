package grants

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/permission"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
)

// forge signs any claims with the server's own key: what a bug elsewhere could let out must still be refused.
func (f *fixture) forge(t *testing.T, change func(*claims.Claims)) string {
	t.Helper()
	set := *f.token(t, f.login()).Claims
	change(&set)
	payload, err := json.Marshal(set)
	must(t, err)
	raw, err := f.Keys.Sign(keys.Ordinary, payload)
	must(t, err)
	return raw
}

// The order of wire contract §5: what is wrong first decides.
func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	past := f.clock.now().Unix() - 1
	idle := f.user(t, "idle", func(u *models.User) { u.Activated = false })
	gone := f.user(t, "gone", func(u *models.User) { u.Disabled = true })
	for name, c := range map[string]struct {
		raw  string
		want *Error
	}{
		"garbage": {"abc.def.ghi", ErrBadToken},
		"empty":   {"", ErrBadToken},
		"foreign issuer": {f.forge(t, func(c *claims.Claims) {
			c.Issuer = "https://evil.example/acme/shop"
			c.Audience = claims.Audience{c.Issuer}
		}), ErrBadToken}, // SEC-44
		"issuer of another application": {f.forge(t, func(c *claims.Claims) { c.Issuer = f.depot.Issuer; c.Audience = claims.Audience{c.Issuer} }), ErrBadToken},
		"user token of /management":     {f.forge(t, func(c *claims.Claims) { c.Issuer = f.management; c.Audience = claims.Audience{c.Issuer} }), ErrBadToken},
		"foreign audience":              {f.forge(t, func(c *claims.Claims) { c.Audience = claims.Audience{f.depot.Issuer} }), ErrBadToken}, // SEC-43
		"foreign and expired":           {f.forge(t, func(c *claims.Claims) { c.Issuer = "https://evil.example"; c.Expires = &past }), ErrBadToken},
		"expired":                       {f.forge(t, func(c *claims.Claims) { c.Expires = &past }), ErrExpired},
		"expired, subject gone":         {f.forge(t, func(c *claims.Claims) { c.Expires = &past; c.Subject = uuid.NewString() }), ErrExpired},
		"subject gone":                  {f.forge(t, func(c *claims.Claims) { c.Subject = uuid.NewString() }), ErrBadToken},
		"subject of another application": {f.forge(t, func(c *claims.Claims) {
			c.Issuer, c.App, c.AppID = f.depot.Issuer, "depot", f.depot.Application.ID.String()
			c.Audience = claims.Audience{c.Issuer}
		}), ErrBadToken},
		"inactive":         {f.forge(t, func(c *claims.Claims) { c.Subject = idle.ID.String() }), ErrInactive},
		"disabled":         {f.forge(t, func(c *claims.Claims) { c.Subject = gone.ID.String() }), ErrDisabled},
		"older generation": {f.forge(t, func(c *claims.Claims) { c.Generation = f.dana.Generation - 1 }), ErrBadToken}, // 0 is malformed
		"unknown level":    {f.forge(t, func(c *claims.Claims) { c.Level = "root" }), ErrBadToken},
		"another level":    {f.forge(t, func(c *claims.Claims) { c.Level = claims.AdminUser }), ErrBadToken},
		"admin with a user's subject": {f.forge(t, func(c *claims.Claims) {
			c.Level, c.Issuer = claims.AdminUser, f.management
			c.Audience = claims.Audience{c.Issuer}
		}), ErrBadToken}, // SEC-21
		"from the future":     {f.forge(t, func(c *claims.Claims) { c.IssuedAt += 3600 }), ErrBadToken},
		"jti that is no uuid": {f.forge(t, func(c *claims.Claims) { c.ID = "1" }), ErrRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			err := f.accepted(t.Context(), c.raw)
			e, ok := err.(*Error) //nolint:errorlint // AuthenticateToken promises *Error
			if !ok || e.Wire != c.want.Wire {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// SEC-42: a token lives until the millisecond before exp; Writ itself allows no leeway.
func TestExpiryHasNoLeeway(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.token(t, with(f.login(), func(r *TokenRequest) { r.TTL = TTL{set: true, millis: 2000} }))
	f.clock.advance(1999 * time.Millisecond)
	must(t, f.accepted(t.Context(), token.AccessToken))
	f.clock.advance(time.Millisecond)
	if got := code(t, f.accepted(t.Context(), token.AccessToken), Usergrid); got != "expired_token" {
		t.Errorf("at exp: %q", got)
	}
}

func TestWhoHasAccessWhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := func(req TokenRequest) *Caller {
		t.Helper()
		caller, err := f.AuthenticateToken(t.Context(), f.token(t, req).AccessToken)
		must(t, err)
		return caller
	}
	admin := TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga", Password: adminPassword}
	acme, err := f.AuthenticateBasic(t.Context(), f.organizationID(f.shop), f.acmeSecret, "")
	must(t, err)
	rival, err := f.AuthenticateClient(t.Context(), f.organizationID(f.stall), f.rivalSecret, "")
	must(t, err)
	for name, c := range map[string]struct {
		caller                      *Caller
		shop, depot, stall, orgShop bool
	}{
		"guest":              {&Caller{}, false, false, false, false},
		"user":               {token(f.login()), false, false, false, false},
		"application":        {token(f.own(f.shop, f.shopSecret)), true, false, false, false},
		"organization":       {acme, true, true, false, true},
		"other organization": {rival, false, false, true, false},
		"admin":              {token(admin), true, true, false, true},
		"superuser":          {token(with(admin, func(r *TokenRequest) { r.Username, r.Password = "superuser", rootPassword })), true, true, true, true},
	} {
		got := [...]bool{
			c.caller.ApplicationAccess(f.shop), c.caller.ApplicationAccess(f.depot), c.caller.ApplicationAccess(f.stall),
			c.caller.OrganizationAccess(orgOf(f.shop)),
		}
		if got != [...]bool{c.shop, c.depot, c.stall, c.orgShop} {
			t.Errorf("%s: shop, depot, stall, acme: %v", name, got)
		}
	}
}

func TestPermits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	dana, err := f.AuthenticateToken(t.Context(), f.token(t, f.login()).AccessToken)
	must(t, err)
	ask := func(caller *Caller, tenant *Tenant, method, path string) string {
		err := f.Permits(t.Context(), caller, tenant, permission.Request{Method: method, Paths: []string{path}})
		if err == nil {
			return ""
		}
		return err.(*Error).Description //nolint:errorlint,forcetypeassert // Permits promises *Error
	}
	own, hers := "/users/"+f.dana.ID.String(), "/users/dana"
	for _, c := range []struct {
		caller       *Caller
		tenant       *Tenant
		method, path string
		want         string
	}{
		{&Caller{}, f.shop, "POST", "/users", ""},
		{&Caller{}, f.shop, "GET", "/users", notPermitted},
		{dana, f.shop, "GET", own, ""},
		{dana, f.shop, "PUT", hers, ""},
		{dana, f.shop, "DELETE", hers, notPermitted},
		{dana, f.shop, "POST", "/users", notPermitted}, // the role guest is not hers
		{dana, f.shop, "GET", "/users/erik", notPermitted},
		{dana, f.depot, "GET", own, notPermitted},
	} {
		if got := ask(c.caller, c.tenant, c.method, c.path); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.method, c.path, got, c.want)
		}
	}
	// A change of rights holds for tokens already issued.
	_, err = f.store.AddRules(t.Context(), f.shop.Application.ID, models.HolderUser, f.dana.ID, []string{"get:/orders/**"})
	must(t, err)
	if got := ask(dana, f.shop, "GET", "/orders/1"); got != "" {
		t.Errorf("after the new rule: %q", got)
	}
	for rule, want := range map[string]string{"get:/orders/1": "", "put:/orders/1": notPermitted, "/orders/1": notPermitted} {
		err := f.CanGrant(t.Context(), dana, f.shop, []string{rule})
		if got := err == nil; got != (want == "") {
			t.Errorf("granting %s: %v", rule, err)
		}
	}
	guest, err := f.store.Role(t.Context(), f.shop.Application.ID, "guest")
	must(t, err)
	err = f.store.DeleteRole(t.Context(), f.shop.Application.ID, guest.ID)
	must(t, err)
	if got := ask(&Caller{}, f.shop, "POST", "/users"); got != noGuestAccess {
		t.Errorf("without the role guest: %q", got)
	}
}

func TestReissueAndImpersonation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	admin := f.token(t, TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga", Password: adminPassword})
	olga, err := f.AuthenticateToken(t.Context(), admin.AccessToken)
	must(t, err)
	again, err := f.Reissue(t.Context(), olga, TTL{set: true, millis: 2000}, "", "", "192.0.2.1")
	must(t, err)
	if again.AccessToken == admin.AccessToken || again.ExpiresIn != 2 {
		t.Errorf("re-issued with expires_in %d", again.ExpiresIn)
	}
	must(t, f.accepted(t.Context(), admin.AccessToken))
	app, err := f.AuthenticateClient(t.Context(), f.clientID(f.shop), f.shopSecret, "")
	must(t, err)
	if _, err := f.Reissue(t.Context(), app, TTL{}, "", "", ""); code(t, err, Usergrid) != "unauthorized" {
		t.Errorf("re-issue for a client: %v", err)
	}
	token, err := f.Impersonate(t.Context(), app, f.shop, "dana", TTL{set: true}, "", "support", "192.0.2.1")
	must(t, err)
	row, err := f.store.RegisteredToken(t.Context(), token.Claims.ID)
	must(t, err)
	if token.Claims.Subject != f.dana.ID.String() || row.IssuedBy != f.shop.Application.ID || row.Subject != f.dana.ID {
		t.Errorf("impersonated %+v, registered %+v", token.Claims, row)
	}
	if _, err := f.Impersonate(t.Context(), app, f.depot, "dana", TTL{}, "", "", ""); code(t, err, Usergrid) != "unauthorized" {
		t.Errorf("in another application: %v", err)
	}
	f.user(t, "idle", func(u *models.User) { u.Activated = false })
	if _, err := f.Impersonate(t.Context(), olga, f.shop, "idle", TTL{}, "", "", ""); code(t, err, Usergrid) != "invalid_grant" {
		t.Errorf("an inactive user: %v", err)
	}
}
