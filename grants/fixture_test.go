package grants

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

const (
	userPassword  = "quiet-harbor-7"
	adminPassword = "slow-river-92"
	rootPassword  = "tall-cedar-4711"
	userPIN       = "8123"
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

// fixture is a token service over a real SQLite store: organization acme with the applications shop and depot, organization rival with the
// application stall, the user dana of shop, the admin olga of acme and the superuser.
type fixture struct {
	*Service

	store                   *store.Store
	clock                   *clock
	shop, depot, stall      *Tenant
	shopSecret, depotSecret string
	acmeSecret, rivalSecret string
	dana                    models.User
	olga, root              models.Admin
}

// cheap hashes in microseconds, with the same code.
var cheap = Cost{Memory: 64, Time: 1, Threads: 1}

func newFixture(t testing.TB, changes ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{clock: &clock{at: time.Unix(1_796_117_400, 0)}}
	logger := slog.New(slog.DiscardHandler)
	ctx := t.Context()
	var err error
	f.store, err = store.Open(ctx, store.Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "writ.db"), TokenTTL: 86_400_000, Now: f.clock.now, Logger: logger,
	})
	must(t, err)
	t.Cleanup(func() { must(t, f.store.Close()) })
	sealer, err := keys.NewSealer(make([]byte, 32))
	must(t, err)
	ring, err := keys.Open(ctx, keys.Config{Store: f.store, Sealer: sealer, Algorithm: "ES256", Now: f.clock.now, Logger: logger})
	must(t, err)
	cfg := Config{
		PublicURL: "https://id.example.com", TokenTTL: 86_400_000, NonExpiring: true, Superuser: "superuser",
		Store: f.store, Keys: ring, Passwords: NewPasswords(Policy{MinLength: 8, Cost: cheap}, 2), Secrets: NewSecrets(sealer, true),
		Now: f.clock.now, Logger: logger,
	}
	for _, change := range changes {
		change(&cfg)
	}
	f.Service, err = New(ctx, cfg)
	must(t, err)
	f.store.Subscribe(f.Apply)
	f.seed(t)
	return f
}

func (f *fixture) seed(t testing.TB) {
	t.Helper()
	now := f.clock.now()
	f.olga = f.admin(t, "olga", "olga@example.com", adminPassword)
	f.root = f.admin(t, "superuser", "superuser@localhost", rootPassword)
	f.root.Superuser = true
	must(t, f.store.CreateAdmin(t.Context(), f.root))
	acme := f.organization(t, "acme", &f.olga, &f.acmeSecret)
	rival := f.organization(t, "rival", nil, &f.rivalSecret)
	f.shop = f.application(t, acme, "shop", &f.shopSecret)
	f.depot = f.application(t, acme, "depot", &f.depotSecret)
	f.stall = f.application(t, rival, "stall", new(string))
	dana, err := models.NewUser(f.shop.Application.ID, "dana", "dana@example.com", "Dana Reed", now)
	must(t, err)
	dana.PasswordHash, err = f.Passwords.Hash(t.Context(), userPassword)
	must(t, err)
	dana.PINHash, err = f.Passwords.HashUnchecked(t.Context(), userPIN)
	must(t, err)
	must(t, f.store.CreateUsers(t.Context(), []models.User{dana}))
	f.dana = dana
}

func (f *fixture) admin(t testing.TB, name, email, password string) models.Admin {
	t.Helper()
	admin, err := models.NewAdmin(name, email, name, f.clock.now())
	must(t, err)
	admin.PasswordHash, err = f.Passwords.Hash(t.Context(), password)
	must(t, err)
	return admin
}

func (f *fixture) organization(t testing.TB, name string, owner *models.Admin, secret *string) models.Organization {
	t.Helper()
	organization, err := models.NewOrganization(name, f.clock.now())
	must(t, err)
	c, plain, err := f.Secrets.NewClient(models.OrganizationClient, organization.ID, f.clock.now())
	must(t, err)
	*secret = plain
	must(t, f.store.CreateOrganization(t.Context(), store.NewOrganization{Organization: organization, Client: c, Owner: owner}))
	return organization
}

func (f *fixture) application(t testing.TB, owner models.Organization, name string, secret *string) *Tenant {
	t.Helper()
	application, err := models.NewApplication(owner.ID, name, f.clock.now())
	must(t, err)
	c, plain, err := f.Secrets.NewClient(models.ApplicationClient, application.ID, f.clock.now())
	must(t, err)
	*secret = plain
	must(t, f.store.CreateApplication(t.Context(), store.NewApplication{
		Application: application, Client: c, Roles: models.DefaultRoles(application.ID, false, f.clock.now()),
	}))
	tenant, err := f.Tenant(t.Context(), owner.Name, name)
	must(t, err)
	return tenant
}

// configure changes the settings of an application and gives its new snapshot.
func (f *fixture) configure(t testing.TB, tenant *Tenant, change func(*models.Settings)) *Tenant {
	t.Helper()
	_, err := f.store.UpdateApplication(t.Context(), tenant.Application.ID, func(a *models.Application) error {
		change(&a.Settings)
		return nil
	})
	must(t, err)
	fresh, err := f.Tenant(t.Context(), tenant.Organization.Name, tenant.Application.Name)
	must(t, err)
	return fresh
}

func (f *fixture) clientID(tenant *Tenant) string {
	return models.ClientID(models.ApplicationClient, tenant.Application.ID)
}

func (f *fixture) organizationID(tenant *Tenant) string {
	return models.ClientID(models.OrganizationClient, tenant.Organization.ID)
}

// login is a password request of dana at shop.
func (f *fixture) login() TokenRequest {
	return TokenRequest{Tenant: f.shop, Dialect: RFC6749, GrantType: "password", Username: "dana", Password: userPassword, Source: "192.0.2.1"}
}

// own is a client_credentials request of an application's client.
func (f *fixture) own(tenant *Tenant, secret string) TokenRequest {
	return TokenRequest{
		Tenant: tenant, Dialect: RFC6749, GrantType: "client_credentials", Source: "192.0.2.1",
		Client: PresentedClient{ID: f.clientID(tenant), Secret: secret},
	}
}

func (f *fixture) token(t testing.TB, req TokenRequest) *Token {
	t.Helper()
	token, err := f.Token(t.Context(), req)
	must(t, err)
	return token
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// code is the wire code of an error in a dialect, "" for none.
func code(t testing.TB, err error, d Dialect) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var known *Error
	if !errors.As(err, &known) {
		t.Fatalf("%T is not an *Error: %v", err, err)
	}
	return known.In(d).Code
}

func (f *fixture) accepted(ctx context.Context, raw string) error {
	_, err := f.AuthenticateToken(ctx, raw)
	return err
}

func orgOf(tenant *Tenant) uuid.UUID { return tenant.Organization.ID }
