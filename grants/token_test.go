package grants

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/models"
)

func TestTokensOfFourLevels(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	org := TokenRequest{
		Dialect: RFC6749, GrantType: "client_credentials",
		Client: PresentedClient{Basic: &BasicCredentials{f.organizationID(f.shop), f.acmeSecret}},
	}
	admin := TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga@example.com", Password: adminPassword}
	for name, c := range map[string]struct {
		req              TokenRequest
		level            claims.Level
		issuer, clientID string
		subject          uuid.UUID
	}{
		"application user":  {f.login(), claims.ApplicationUser, f.shop.Issuer, f.clientID(f.shop), f.dana.ID},
		"application":       {f.own(f.shop, f.shopSecret), claims.Application, f.shop.Issuer, f.clientID(f.shop), f.shop.Application.ID},
		"organization":      {org, claims.Organization, f.ManagementIssuer(), f.organizationID(f.shop), orgOf(f.shop)},
		"admin":             {admin, claims.AdminUser, f.ManagementIssuer(), "management", f.olga.ID},
		"organization here": {with(org, func(r *TokenRequest) { r.Tenant = f.shop }), claims.Organization, f.ManagementIssuer(), f.organizationID(f.shop), orgOf(f.shop)},
		"application there": {with(f.own(f.depot, f.depotSecret), func(r *TokenRequest) { r.Tenant = nil }), claims.Application, f.depot.Issuer, f.clientID(f.depot), f.depot.Application.ID},
	} {
		t.Run(name, func(t *testing.T) {
			token := f.token(t, c.req)
			caller, err := f.AuthenticateToken(t.Context(), token.AccessToken)
			must(t, err)
			got := caller.Claims
			if got.Level != c.level || got.Issuer != c.issuer || got.ClientID != c.clientID || caller.ID() != c.subject {
				t.Errorf("claims = %+v, caller %s", got, caller.ID())
			}
			if got.Expires == nil || *got.Expires != got.IssuedAt+86_400 || token.ExpiresIn != 86_400 {
				t.Errorf("lifetime: iat %d, exp %v, expires_in %d", got.IssuedAt, got.Expires, token.ExpiresIn)
			}
			if token.RefreshToken != "" {
				t.Error("a refresh token nobody asked for") // SEC-20
			}
		})
	}
}

func with(req TokenRequest, change func(*TokenRequest)) TokenRequest {
	change(&req)
	return req
}

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, secret := f.clientID(f.shop), f.shopSecret
	basic := func(user, password string) PresentedClient {
		return PresentedClient{Basic: &BasicCredentials{user, password}}
	}
	both := basic(id, secret)
	both.ID, both.Secret = id, secret
	beats := basic(id, secret)
	beats.ID, beats.Secret = "YXA6wrong", "wrong"
	falls := basic("", "")
	falls.ID, falls.Secret = id, secret
	for name, c := range map[string]struct {
		client        PresentedClient
		password      bool   // the password grant instead of client_credentials
		usergrid, rfc string // codes, "" for a token
	}{
		"body":                           {PresentedClient{ID: id, Secret: secret}, false, "", ""},
		"basic":                          {basic(id, secret), false, "", ""},
		"basic and the same in the body": {both, false, "", "invalid_request"},
		"basic beats the body":           {beats, false, "", "invalid_request"},
		"empty basic":                    {falls, false, "", "invalid_client"},
		"basic without secret":           {basic(id, ""), false, "invalid_grant", "invalid_client"},
		"basic without secret, login":    {basic(id, ""), true, "", ""},
		"nothing":                        {PresentedClient{}, false, "invalid_grant", "invalid_client"},
		"nothing, login":                 {PresentedClient{}, true, "", ""},
		"id alone":                       {PresentedClient{ID: id}, false, "invalid_grant", "invalid_client"},
		"id alone, login":                {PresentedClient{ID: id}, true, "", ""},
		"foreign id alone, login":        {PresentedClient{ID: f.clientID(f.depot)}, true, "", "invalid_client"},
		"wrong secret":                   {PresentedClient{ID: id, Secret: secret + "x"}, false, "invalid_grant", "invalid_client"},
		"wrong secret, login":            {PresentedClient{ID: id, Secret: "x"}, true, "invalid_grant", "invalid_client"},
		"another application's client":   {PresentedClient{ID: f.clientID(f.depot), Secret: f.depotSecret}, false, "invalid_grant", "invalid_client"}, // SEC-22
		"another organization's client":  {PresentedClient{ID: f.organizationID(f.stall), Secret: f.rivalSecret}, false, "invalid_grant", "invalid_client"},
		"the owner's client":             {PresentedClient{ID: f.organizationID(f.shop), Secret: f.acmeSecret}, false, "", ""},
		"unknown client":                 {PresentedClient{ID: models.ClientID(models.ApplicationClient, uuid.New()), Secret: "x"}, false, "invalid_grant", "invalid_client"},
		"superuser":                      {basic("superuser", rootPassword), true, "invalid_grant", "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			for d, want := range map[Dialect]string{Usergrid: c.usergrid, RFC6749: c.rfc} {
				req := f.login()
				if !c.password {
					req.GrantType = "client_credentials"
				}
				req.Dialect, req.Client, req.Source = d, c.client, uuid.NewString()
				_, err := f.Token(t.Context(), req)
				if got := code(t, err, d); got != want {
					t.Errorf("dialect %d: code %q, want %q", d, got, want)
				}
			}
		})
	}
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	inactive := f.user(t, "idle", func(u *models.User) { u.Activated = false })
	disabled := f.user(t, "gone", func(u *models.User) { u.Disabled = true })
	noSecret := with(f.login(), func(r *TokenRequest) { r.Client = PresentedClient{Secret: "orphan"} })
	for name, c := range map[string]struct {
		req           TokenRequest
		usergrid, rfc string
		description   string
	}{
		"no grant":           {with(f.login(), func(r *TokenRequest) { r.GrantType = "" }), "invalid_grant", "invalid_request", ""},
		"unknown grant":      {with(f.login(), func(r *TokenRequest) { r.GrantType = "Password" }), "invalid_grant", "unsupported_grant_type", ""},
		"pin at management":  {with(f.login(), func(r *TokenRequest) { r.GrantType, r.Tenant = "pin", nil }), "invalid_grant", "unsupported_grant_type", ""},
		"refresh by GET":     {with(f.login(), func(r *TokenRequest) { r.GrantType, r.Get = "refresh_token", true }), "invalid_grant", "unsupported_grant_type", ""},
		"refresh off":        {with(f.login(), func(r *TokenRequest) { r.GrantType, r.RefreshToken = "refresh_token", "x" }), "invalid_grant", "unauthorized_client", ""},
		"no username":        {with(f.login(), func(r *TokenRequest) { r.Username = "" }), "invalid_grant", "invalid_request", ""},
		"no password":        {with(f.login(), func(r *TokenRequest) { r.Password = "" }), "invalid_grant", "invalid_request", ""},
		"wrong password":     {with(f.login(), func(r *TokenRequest) { r.Password = "wrong" }), "invalid_grant", "invalid_grant", badLogin},
		"unknown user":       {with(f.login(), func(r *TokenRequest) { r.Username = "nobody" }), "invalid_grant", "invalid_grant", badLogin},
		"foreign user":       {with(f.login(), func(r *TokenRequest) { r.Tenant = f.depot }), "invalid_grant", "invalid_grant", badLogin},
		"user at management": {with(f.login(), func(r *TokenRequest) { r.Tenant = nil }), "invalid_grant", "invalid_grant", badLogin},
		"scope not offered":  {with(f.login(), func(r *TokenRequest) { r.Scope = "orders.read" }), "invalid_scope", "invalid_scope", "scope not allowed: orders.read"},
		"scope of bytes":     {with(f.login(), func(r *TokenRequest) { r.Scope = "a\"\\\x00ü" }), "invalid_scope", "invalid_scope", "scope not allowed: a????"},
		"inactive":           {with(f.login(), func(r *TokenRequest) { r.Username = inactive.Username }), "invalid_grant", "invalid_grant", "user not activated"},
		"inactive, wrong":    {with(f.login(), func(r *TokenRequest) { r.Username, r.Password = inactive.Username, "wrong" }), "invalid_grant", "invalid_grant", badLogin}, // SEC-10
		"disabled":           {with(f.login(), func(r *TokenRequest) { r.Username = disabled.Username }), "invalid_grant", "invalid_grant", "user disabled"},
		"secret without id":  {noSecret, "", "invalid_client", ""},
		"long label":         {with(f.login(), func(r *TokenRequest) { r.Label = strings.Repeat("x", 101) }), "illegal_argument", "invalid_request", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for d, want := range map[Dialect]string{Usergrid: c.usergrid, RFC6749: c.rfc} {
				req := c.req
				req.Dialect, req.Source = d, uuid.NewString()
				_, err := f.Token(t.Context(), req)
				if got := code(t, err, d); got != want {
					t.Errorf("dialect %d: code %q, want %q", d, got, want)
				}
				if c.description != "" && err.(*Error).In(d).Description != c.description { //nolint:errorlint,forcetypeassert // code has checked it
					t.Errorf("description %q, want %q", err.(*Error).In(d).Description, c.description) //nolint:errorlint,forcetypeassert // as above
				}
			}
		})
	}
}

// user makes one more user of shop with dana's password.
func (f *fixture) user(t testing.TB, name string, change func(*models.User)) models.User {
	t.Helper()
	user, err := models.NewUser(f.shop.Application.ID, name, "", "", f.clock.now())
	must(t, err)
	user.PasswordHash = f.dana.PasswordHash
	change(&user)
	must(t, f.store.CreateUsers(t.Context(), []models.User{user}))
	return user
}

func TestUsersAreFoundByEveryName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, name := range []string{"dana", "DANA", "dana@example.com", "Dana@Example.COM", f.dana.ID.String(), strings.ToUpper(f.dana.ID.String())} {
		token := f.token(t, with(f.login(), func(r *TokenRequest) { r.Username = name }))
		if token.User.ID != f.dana.ID {
			t.Errorf("%s logged in as %s", name, token.User.Username)
		}
	}
}

func TestPINGrant(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	req := with(f.login(), func(r *TokenRequest) { r.GrantType, r.Password, r.PIN = "pin", "", userPIN })
	if token := f.token(t, req); token.User.ID != f.dana.ID {
		t.Errorf("logged in as %s", token.User.Username)
	}
	req.PIN = "0000"
	_, err := f.Token(t.Context(), req)
	if got := code(t, err, Usergrid); got != "invalid_grant" {
		t.Errorf("wrong pin: %q", got)
	}
	req.PIN = userPassword
	if _, err = f.Token(t.Context(), req); code(t, err, Usergrid) != "invalid_grant" {
		t.Error("the password passes for the pin")
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.Scopes = []string{"orders.read", "orders.write"} })
	token := f.token(t, with(f.login(), func(r *TokenRequest) { r.Scope = "orders.write orders.read  orders.write" }))
	if token.Scope != "orders.write orders.read" || token.Claims.Scope != token.Scope {
		t.Errorf("scope %q, claim %q", token.Scope, token.Claims.Scope)
	}
	if token = f.token(t, f.login()); token.Scope != "" || token.Claims.Scope != "" {
		t.Errorf("scope nobody asked for: %q", token.Scope)
	}
}

func TestStrictMode(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Strict = true })
	refused := func(req TokenRequest, want string) {
		t.Helper()
		_, err := f.Token(t.Context(), req)
		if got := code(t, err, req.Dialect); got != want {
			t.Errorf("%s: code %q, want %q", req.GrantType, got, want)
		}
	}
	refused(f.login(), "unauthorized_client")
	refused(with(f.login(), func(r *TokenRequest) { r.GrantType = "pin" }), "unsupported_grant_type")
	refused(with(f.login(), func(r *TokenRequest) { r.Tenant, r.Username, r.Password = nil, "olga", adminPassword }), "unauthorized_client")
	refused(with(f.own(f.shop, f.shopSecret), func(r *TokenRequest) { r.Dialect, r.Get = Usergrid, true }), "invalid_request")
	f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.PasswordGrant = new(true) })
	refused(f.login(), "")
	refused(f.own(f.shop, f.shopSecret), "")
}

func TestPasswordGrantSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.shop = f.configure(t, f.shop, func(s *models.Settings) { s.PasswordGrant = new(false) })
	_, err := f.Token(t.Context(), f.login())
	if got := code(t, err, RFC6749); got != "unauthorized_client" {
		t.Errorf("code %q", got)
	}
}

func TestAdminStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.AdminConfirmation, c.AdminApproval = true, true })
	set := func(id uuid.UUID, change func(*models.Admin)) {
		t.Helper()
		_, err := f.store.UpdateAdmin(t.Context(), id, func(a *models.Admin) error { change(a); return nil })
		must(t, err)
	}
	login := TokenRequest{Dialect: Usergrid, GrantType: "password", Username: "olga", Password: adminPassword}
	set(f.olga.ID, func(a *models.Admin) { a.Confirmed = false })
	_, err := f.Token(t.Context(), login)
	if e := err.(*Error); e.In(Usergrid).Status != 403 || e.In(RFC6749).Status != 400 || e.In(RFC6749).Code != "invalid_grant" { //nolint:errorlint,forcetypeassert // Token promises *Error
		t.Errorf("unconfirmed: %+v", e)
	}
	set(f.olga.ID, func(a *models.Admin) { a.Confirmed, a.Activated = true, false })
	_, err = f.Token(t.Context(), login)
	if got := code(t, err, Usergrid); got != "invalid_grant" {
		t.Errorf("unapproved: %q", got)
	}
	set(f.root.ID, func(a *models.Admin) { a.Confirmed, a.Activated = false, false })
	login.Username, login.Password = "superuser", rootPassword
	if token := f.token(t, login); !token.Claims.Superuser || token.Claims.Orgs == nil || len(token.Claims.Orgs) != 0 {
		t.Errorf("superuser claims: %+v", token.Claims)
	}
}

// SEC-13: hashes of equal length are compared, and a missing hash matches nothing, not even the empty secret.
func TestSecretsAreComparedByTheirHashes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hash := f.shop.client.SecretHash
	if len(hash) != 32 || !secretMatches(hash, f.shopSecret) {
		t.Fatalf("a hash of %d bytes does not match its secret", len(hash))
	}
	for name, c := range map[string]struct {
		hash   []byte
		secret string
	}{
		"prefix":            {hash, f.shopSecret[:len(f.shopSecret)-1]},
		"longer":            {hash, f.shopSecret + "A"},
		"empty secret":      {hash, ""},
		"no hash":           {nil, ""},
		"cut hash":          {hash[:31], f.shopSecret},
		"the hash itself":   {hash, string(hash)},
		"another's secret":  {hash, f.depotSecret},
		"client id instead": {hash, f.clientID(f.shop)},
	} {
		if secretMatches(c.hash, c.secret) {
			t.Errorf("%s matches", name)
		}
	}
}
