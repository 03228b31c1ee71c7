package feed

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// clock stands until it is advanced.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// fixture is a feed over a real store and real keys: organization acme with the application shop, whose user is dana, and the application
// stall; the admin olga.
type fixture struct {
	*Hub

	store       *store.Store
	ring        *keys.Ring
	clock       *clock
	database    string
	acme        models.Organization
	shop, stall models.Application
	dana        models.User
	olga        models.Admin
}

func newFixture(t testing.TB, cfg Config) *fixture {
	t.Helper()
	f := &fixture{clock: &clock{}, database: "sqlite:" + filepath.Join(t.TempDir(), "writ.db")}
	f.clock.ms.Store(1_796_117_400_000)
	if cfg.Now == nil {
		cfg.Now = f.clock.now
	}
	f.store = f.open(t, cfg.Now)
	sealer, err := keys.NewSealer(make([]byte, 32))
	must(t, err)
	f.ring, err = keys.Open(t.Context(), keys.Config{
		Store: f.store, Sealer: sealer, Algorithm: "ES256", Now: cfg.Now, Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	f.store.Subscribe(func(change models.Change) { f.ring.Apply(t.Context(), change) })
	f.seed(t, cfg.Now())
	f.Hub = f.hub(t, f.store, cfg)
	return f
}

func (f *fixture) open(t testing.TB, now func() time.Time) *store.Store {
	t.Helper()
	opened, err := store.Open(t.Context(), store.Config{Database: f.database, TokenTTL: 86_400_000, Now: now})
	must(t, err)
	t.Cleanup(func() { must(t, opened.Close()) })
	return opened
}

// hub makes a feed on a store, as another process would.
func (f *fixture) hub(t testing.TB, on *store.Store, cfg Config) *Hub {
	t.Helper()
	cfg.Store, cfg.Signer, cfg.Logger = on, f.ring, slog.New(slog.DiscardHandler)
	if cfg.Now == nil {
		cfg.Now = f.clock.now
	}
	made, err := New(t.Context(), cfg)
	must(t, err)
	t.Cleanup(made.Close)
	on.Subscribe(made.Apply)
	return made
}

func (f *fixture) seed(t testing.TB, now time.Time) {
	t.Helper()
	var err error
	f.acme, err = models.NewOrganization("acme", now)
	must(t, err)
	f.olga, err = models.NewAdmin("olga", "olga@example.com", "", now)
	must(t, err)
	seed := store.NewOrganization{
		Organization: f.acme, Client: models.Client{ID: f.acme.ID, Kind: models.OrganizationClient, Generation: 1}, Owner: &f.olga,
	}
	for _, name := range []string{"shop", "stall"} {
		a, err := models.NewApplication(f.acme.ID, name, now)
		must(t, err)
		seed.Applications = append(seed.Applications, store.NewApplication{
			Application: a, Client: models.Client{ID: a.ID, Kind: models.ApplicationClient, Generation: 1},
			Roles: models.DefaultRoles(a.ID, false, now),
		})
	}
	must(t, f.store.CreateOrganization(t.Context(), seed))
	f.shop, f.stall = seed.Applications[0].Application, seed.Applications[1].Application
	f.dana = f.user(t, "dana", now)
}

func (f *fixture) user(t testing.TB, name string, now time.Time) models.User {
	t.Helper()
	user, err := models.NewUser(f.shop.ID, name, "", "", now)
	must(t, err)
	must(t, f.store.CreateUsers(t.Context(), []models.User{user}))
	return user
}

func (f *fixture) public() View {
	return View{Scope: f.shop.ID, Issuer: "https://id.example.com/acme/shop"}
}

func (f *fixture) client() View {
	v := f.public()
	v.Audience = v.Scope
	return v
}

func (f *fixture) member() View {
	return View{Scope: Management, Issuer: "https://id.example.com/management", Audience: f.acme.ID}
}

// deny denies a token of shop and gives its jti.
func (f *fixture) deny(t testing.TB, jti string) string {
	t.Helper()
	if jti == "" {
		jti = uuid.NewString()
	}
	must(t, f.store.DenyToken(t.Context(), models.DeniedToken{JTI: jti, Scope: f.shop.ID.String()}))
	return jti
}

// now is the position of the newest change.
func (f *fixture) position() Position { return Position{f.Epoch(), f.head()} }

// parsed reads a document, without checking the signature.
func parsed(t testing.TB, d *Document) *revocation.Document {
	t.Helper()
	parts := strings.Split(d.Text, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWS: %.100s", d.Text)
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	must(t, err)
	if !bytes.Contains(header, []byte(`"typ":"writ-revocations+jwt"`)) {
		t.Errorf("header %s", header)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	read, err := revocation.Parse(payload)
	must(t, err)
	return read
}

// lists tells whether a document denies a token.
func lists(d *revocation.Document, jti string) bool {
	for _, token := range d.Tokens {
		if token.ID == revocation.Hash(jti) {
			return true
		}
	}
	return false
}

// follow starts to follow; the follower is closed at the end of the test.
func (f *fixture) follow(t testing.TB, v View, from Position) *Follower {
	t.Helper()
	follower, err := f.Follow(t.Context(), v, from)
	must(t, err)
	t.Cleanup(follower.Close)
	return follower
}

func next(t testing.TB, f *Follower) *revocation.Document {
	t.Helper()
	d, err := f.Next(t.Context())
	must(t, err)
	return parsed(t, d)
}

// until reads on to the document that somebody waits for.
func until(t testing.TB, f *Follower, found func(*revocation.Document) bool) {
	t.Helper()
	for d := next(t, f); !found(d); d = next(t, f) {
		continue
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
