package server

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

const (
	userPassword      = "quiet-harbor-7"
	adminPassword     = "slow-river-92"
	superuserPassword = "tall%cedar+4:711"
	userPIN           = "8123"
	publicURL         = "https://id.example.com"
)

// clock is a clock that tests move by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// options change the fixture's server; the zero value is the default configuration.
type options struct {
	strict, noNonExpiring, registration bool
	origins                             []string
	logger                              *slog.Logger
	configure                           func(*Config)
	service                             func(*grants.Config)
	feed                                func(*feed.Config)
}

// fixture is a server over a real store, real keys and the real token service: organization acme with the applications shop (as every new
// application is: guests may only register) and sandbox (open to guests), organization rival with the application stall; the
// admins olga (member of acme) and rita (member of rival), the superuser, and the user dana of shop.
type fixture struct {
	*Server

	store   *store.Store
	service *grants.Service
	clock   *clock

	acme, rival                   models.Organization
	shop, sandbox, stall          models.Application
	acmeID, acmeSecret            string // client credentials of acme
	rivalID, rivalSecret          string
	shopID, shopSecret            string
	sandboxID, sandboxSecret      string
	stallID, stallSecret          string
	olga, rita, superuser         models.Admin
	dana                          models.User
	danaToken, shopToken          string // made on first use
	acmeToken, olgaToken, suToken string
}

// cheap hashes in microseconds, with the code of production.
var cheap = grants.Cost{Memory: 64, Time: 1, Threads: 1}

func newServer(t testing.TB, opts options) *fixture {
	t.Helper()
	// Not a whole second: lifetimes round in different directions.
	f := &fixture{clock: &clock{at: time.UnixMilli(1_795_000_000_250)}}
	logger := opts.logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	var err error
	f.store, err = store.Open(t.Context(), store.Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "writ.db"), TokenTTL: 86_400_000, Now: f.clock.now, Logger: logger,
	})
	must(t, err)
	t.Cleanup(func() { must(t, f.store.Close()) })
	sealer, err := keys.NewSealer(make([]byte, 32))
	must(t, err)
	ring, err := keys.Open(t.Context(), keys.Config{Store: f.store, Sealer: sealer, Algorithm: "ES256", Now: f.clock.now, Logger: logger})
	must(t, err)
	passwords := grants.NewPasswords(grants.Policy{MinLength: 8, Cost: cheap}, 1)
	secrets := grants.NewSecrets(sealer, true)
	service := grants.Config{
		PublicURL: publicURL, TokenTTL: 86_400_000, NonExpiring: !opts.noNonExpiring, Strict: opts.strict, Superuser: "superuser",
		Store: f.store, Keys: ring, Passwords: passwords, Secrets: secrets, Now: f.clock.now, Logger: logger,
	}
	if opts.service != nil {
		opts.service(&service)
	}
	f.service, err = grants.New(t.Context(), service)
	must(t, err)
	f.store.Subscribe(func(change models.Change) { ring.Apply(t.Context(), change) })
	f.store.Subscribe(f.service.Apply)
	feeding := feed.Config{Store: f.store, Signer: ring, Now: f.clock.now, Logger: logger}
	if opts.feed != nil {
		opts.feed(&feeding)
	}
	hub, err := feed.New(t.Context(), feeding)
	must(t, err)
	t.Cleanup(hub.Close)
	f.store.Subscribe(hub.Apply)
	cfg := Config{
		PublicURL: publicURL, Strict: opts.strict, PublicRegistration: opts.registration, AllowedOrigins: opts.origins, Version: "test",
		AdminConfirmation: service.AdminConfirmation, AdminApproval: service.AdminApproval,
		Now: f.clock.now, Logger: logger, Grants: f.service, Store: f.store, Keys: ring, Passwords: passwords, Secrets: secrets,
		Feed: hub,
	}
	if opts.configure != nil {
		opts.configure(&cfg)
	}
	f.Server = New(cfg)
	f.seed(t)
	return f
}

func (f *fixture) seed(t testing.TB) {
	t.Helper()
	f.superuser = f.newAdmin(t, "superuser", "Superuser", superuserPassword)
	f.superuser.Superuser = true
	must(t, f.store.CreateAdmin(t.Context(), f.superuser))
	f.olga = f.newAdmin(t, "olga", "Olga Bern", adminPassword)
	f.rita = f.newAdmin(t, "rita", "Rita Vale", adminPassword)
	f.acme, f.acmeID, f.acmeSecret = f.newOrganization(t, "acme", &f.olga)
	f.rival, f.rivalID, f.rivalSecret = f.newOrganization(t, "rival", &f.rita)
	f.shop, f.shopID, f.shopSecret = f.newApplication(t, f.acme, "shop", false)
	f.sandbox, f.sandboxID, f.sandboxSecret = f.newApplication(t, f.acme, "sandbox", true)
	f.stall, f.stallID, f.stallSecret = f.newApplication(t, f.rival, "stall", false)
	f.dana = f.newUser(t, f.shop, "dana", "Dana Reed")
}

func (f *fixture) newAdmin(t testing.TB, username, name, password string) models.Admin {
	t.Helper()
	admin, err := models.NewAdmin(username, username+"@example.com", name, f.clock.now())
	must(t, err)
	admin.PasswordHash, err = f.Passwords.HashUnchecked(t.Context(), password)
	must(t, err)
	return admin
}

func (f *fixture) newOrganization(t testing.TB, name string, owner *models.Admin) (o models.Organization, clientID, secret string) {
	t.Helper()
	o, err := models.NewOrganization(name, f.clock.now())
	must(t, err)
	client, secret, err := f.Secrets.NewClient(models.OrganizationClient, o.ID, f.clock.now())
	must(t, err)
	must(t, f.store.CreateOrganization(t.Context(), store.NewOrganization{Organization: o, Client: client, Owner: owner}))
	return o, client.ClientID(), secret
}

func (f *fixture) newApplication(
	t testing.TB, owner models.Organization, name string, open bool,
) (a models.Application, clientID, secret string) {
	t.Helper()
	a, err := models.NewApplication(owner.ID, name, f.clock.now())
	must(t, err)
	client, secret, err := f.Secrets.NewClient(models.ApplicationClient, a.ID, f.clock.now())
	must(t, err)
	must(t, f.store.CreateApplication(t.Context(), store.NewApplication{
		Application: a, Client: client, Roles: models.DefaultRoles(a.ID, open, f.clock.now()),
	}))
	return a, client.ClientID(), secret
}

// newUser makes an application user with the password userPassword and the PIN userPIN.
func (f *fixture) newUser(t testing.TB, a models.Application, username, name string) models.User {
	t.Helper()
	user, err := models.NewUser(a.ID, username, username+"@example.com", name, f.clock.now())
	must(t, err)
	user.PasswordHash, err = f.Passwords.HashUnchecked(t.Context(), userPassword)
	must(t, err)
	user.PINHash, err = f.Passwords.HashUnchecked(t.Context(), userPIN)
	must(t, err)
	must(t, f.store.CreateUsers(t.Context(), []models.User{user}))
	return user
}

// settings changes the settings of the application shop.
func (f *fixture) settings(t testing.TB, change func(*models.Settings)) {
	t.Helper()
	_, err := f.store.UpdateApplication(t.Context(), f.shop.ID, func(a *models.Application) error {
		change(&a.Settings)
		return nil
	})
	must(t, err)
}

// changeDana changes the row of the user dana.
func (f *fixture) changeDana(t testing.TB, change func(*models.User)) {
	t.Helper()
	_, err := f.store.UpdateUser(t.Context(), f.shop.ID, f.dana.ID, func(u *models.User) error {
		change(u)
		return nil
	})
	must(t, err)
}

// answer is a response with its body read.
type answer struct {
	*httptest.ResponseRecorder

	text string
	body map[string]any // nil if the body is no JSON object
}

// do makes one request. The body's label follows from its looks: none for JSON, form for name=value; headers ("Name: value") override.
func (f *fixture) do(t testing.TB, method, target, body string, headers ...string) *answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	request.RemoteAddr = "192.0.2.1:4711"
	if body != "" && body[0] != '{' && body[0] != '[' {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		switch {
		case strings.EqualFold(name, "Remote"):
			request.RemoteAddr = value
		case strings.EqualFold(name, "Host"):
			request.Host = value
		case value == "":
			request.Header.Del(name)
		default:
			request.Header.Add(name, value)
		}
	}
	return f.serve(request)
}

func (f *fixture) serve(request *http.Request) *answer {
	recorder := httptest.NewRecorder()
	f.ServeHTTP(recorder, request)
	a := &answer{ResponseRecorder: recorder, text: recorder.Body.String()}
	if json.Unmarshal([]byte(a.text), &a.body) != nil {
		a.body = nil
	}
	return a
}

// get gives a member of the body by a dotted path, "entities.0.uuid" for example; nil if there is none.
func (a *answer) get(path string) any {
	var value any = a.body
	for step := range strings.SplitSeq(path, ".") {
		switch at := value.(type) {
		case map[string]any:
			value = at[step]
		case []any:
			if step != "0" || len(at) == 0 {
				return nil
			}
			value = at[0]
		default:
			return nil
		}
	}
	return value
}

// tokenOf makes a request to a token endpoint and gives its access token.
func (f *fixture) tokenOf(t testing.TB, path, body string) string {
	t.Helper()
	a := f.do(t, http.MethodPost, path, body)
	token, is := a.body["access_token"].(string)
	if !is {
		t.Fatalf("POST %s: no token: %d %s", path, a.Code, a.text)
	}
	return token
}

func once(kept *string, login func() string) string {
	if *kept == "" {
		*kept = login()
	}
	return *kept
}

// asDana and its like give the header that authenticates a request.

func (f *fixture) asDana(t testing.TB) string {
	t.Helper()
	return "Authorization: Bearer " + once(&f.danaToken, func() string {
		return f.tokenOf(t, "/acme/shop/token", `{"grant_type":"password","username":"dana","password":"`+userPassword+`"}`)
	})
}

func (f *fixture) asShop(t testing.TB) string {
	t.Helper()
	return "Authorization: Bearer " + once(&f.shopToken, func() string {
		return f.tokenOf(t, "/acme/shop/token", clientForm(f.shopID, f.shopSecret))
	})
}

func (f *fixture) asAcme(t testing.TB) string {
	t.Helper()
	return "Authorization: Bearer " + once(&f.acmeToken, func() string {
		return f.tokenOf(t, "/management/token", clientForm(f.acmeID, f.acmeSecret))
	})
}

func (f *fixture) asOlga(t testing.TB) string {
	t.Helper()
	return "Authorization: Bearer " + once(&f.olgaToken, func() string {
		return f.tokenOf(t, "/management/token", `{"grant_type":"password","username":"olga","password":"`+adminPassword+`"}`)
	})
}

func (f *fixture) asSuperuser(t testing.TB) string {
	t.Helper()
	return "Authorization: Bearer " + once(&f.suToken, func() string {
		return f.tokenOf(t, "/management/token", `{"grant_type":"password","username":"superuser","password":"`+superuserPassword+`"}`)
	})
}

// asRita is the admin of another organization.
func (f *fixture) asRita(t testing.TB) string {
	t.Helper()
	return "Authorization: Bearer " +
		f.tokenOf(t, "/management/token", `{"grant_type":"password","username":"rita","password":"`+adminPassword+`"}`)
}

func clientForm(id, secret string) string {
	return "grant_type=client_credentials&client_id=" + id + "&client_secret=" + secret
}

// bare takes the token out of an Authorization header.
func bare(header string) string { return strings.TrimPrefix(header, "Authorization: Bearer ") }

// claimsOf reads the claims of a token without checking it.
func claimsOf(t testing.TB, token string) *claims.Claims {
	t.Helper()
	compact, err := claims.Split(token)
	must(t, err)
	set, err := claims.Parse(compact.Payload)
	must(t, err)
	return set
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tenant is the application shop as the token service sees it.
func tenant(t testing.TB, f *fixture) *grants.Tenant {
	t.Helper()
	found, err := f.service.Tenant(t.Context(), "acme", "shop")
	must(t, err)
	return found
}

// basic gives the header of the Basic scheme.
func basic(username, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}
