// Package storetest is the contract of package store as a suite of tests that runs on any database store can open: what is
// unique, what is all or nothing, what concurrent callers may rely on, what the change log tells and what survives a restart.
package storetest

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// Database makes an empty database for one test, removes it afterwards and answers what store.Config.Database is for it.
type Database func(t *testing.T) string

// Run runs the whole suite; each test has a database of its own.
func Run(t *testing.T, database Database) {
	t.Helper()
	for _, group := range [][]contract{
		organizations, applications, admins, users, imports, userImports, links, sessions, lists, denials, registered, statusLists, refresh, roles, rules, rights, changes, feed, keys, setup, auditing, concurrency, throttle,
	} {
		for _, test := range group {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				test.run(t, newFixture(t, database(t)))
			})
		}
	}
}

// contract is one promise of the store.
type contract struct {
	name string
	run  func(*testing.T, *fixture)
}

// serverTTL is the server's default lifetime in every test: a day.
const serverTTL int64 = 86_400_000

// fixture is an open store with the organization acme, its application shop and its member root.
type fixture struct {
	*store.Store
	database string
	clock    *clock
	seen     *recorder
	acme     models.Organization
	shop     models.Application
	root     models.Admin
	dana     models.User
}

func newFixture(t *testing.T, database string) *fixture {
	t.Helper()
	f := &fixture{database: database, clock: &clock{}}
	f.clock.ms.Store(1_796_117_400_000)
	f.Store, f.seen = f.open(t, serverTTL), &recorder{}
	f.Subscribe(f.seen.see)
	f.root = f.admin(t, "root@acme.example")
	input := f.organization(t, "acme")
	input.Owner = &f.root
	input.Applications = []store.NewApplication{f.application(t, input.Organization.ID, "shop")}
	must(t, f.CreateOrganization(t.Context(), input))
	f.acme, f.shop = input.Organization, input.Applications[0].Application
	f.dana = f.user(t, "dana")
	must(t, f.CreateUsers(t.Context(), []models.User{f.dana}))
	return f
}

// open opens the fixture's database once more, as another process or after a restart.
func (f *fixture) open(t *testing.T, ttl int64) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Database: f.database, TokenTTL: ttl, Now: f.clock.now})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (f *fixture) organization(t *testing.T, name string) store.NewOrganization {
	t.Helper()
	row, err := models.NewOrganization(name, f.clock.now())
	must(t, err)
	return store.NewOrganization{Organization: row, Client: client(models.OrganizationClient, row.ID)}
}

func (f *fixture) application(t *testing.T, organization uuid.UUID, name string) store.NewApplication {
	t.Helper()
	row, err := models.NewApplication(organization, name, f.clock.now())
	must(t, err)
	return store.NewApplication{
		Application: row, Client: client(models.ApplicationClient, row.ID), Roles: models.DefaultRoles(row.ID, false, f.clock.now()),
	}
}

func client(kind models.ClientKind, owner uuid.UUID) models.Client {
	return models.Client{ID: owner, Kind: kind, SecretHash: []byte{1, 2, 3}, Generation: 1}
}

func (f *fixture) admin(t *testing.T, email string) models.Admin {
	t.Helper()
	row, err := models.NewAdmin("", email, "", f.clock.now())
	must(t, err)
	return row
}

// user makes a user of shop; the e-mail is name@shop.example.
func (f *fixture) user(t *testing.T, name string) models.User {
	t.Helper()
	row, err := models.NewUser(f.shop.ID, name, name+"@shop.example", "", f.clock.now())
	must(t, err)
	return row
}

func (f *fixture) role(t *testing.T, name string) models.Role {
	t.Helper()
	row, err := models.NewRole(f.shop.ID, name, "", f.clock.now())
	must(t, err)
	must(t, f.CreateRole(t.Context(), row))
	return row
}

func (f *fixture) group(t *testing.T, path string) models.Group {
	t.Helper()
	row, err := models.NewGroup(f.shop.ID, path, "", "", f.clock.now())
	must(t, err)
	must(t, f.CreateGroup(t.Context(), row))
	return row
}

// written runs write and compares what it added to the change log, and showed to the subscriber, with want ("kind key").
func (f *fixture) written(t *testing.T, write func(), want ...string) []models.Change {
	t.Helper()
	head, _, err := f.Head(t.Context())
	must(t, err)
	before := len(f.seen.all())
	write()
	seen := f.seen.all()[before:]
	logged, err := f.Changes(t.Context(), head, 10_000)
	must(t, err)
	equal(t, "what the subscriber saw", seen, logged)
	got := []string{}
	for _, change := range logged {
		got = append(got, string(change.Kind)+" "+change.Key)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("changes: got %q, want %q", got, want)
	}
	return logged
}

// entry is a change in the notation of written.
func entry(kind models.ChangeKind, key uuid.UUID) string { return string(kind) + " " + key.String() }

// recorder is a subscriber that remembers.
type recorder struct {
	mutex   sync.Mutex
	changes []models.Change
}

func (r *recorder) see(change models.Change) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.changes = append(r.changes, change)
}

func (r *recorder) all() []models.Change {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]models.Change{}, r.changes...)
}

// clock stands until it is advanced.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected: %v", err)
	}
}

func fails(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func duplicate(t *testing.T, err error, entity, property, value string) {
	t.Helper()
	var got *models.Duplicate
	want := models.Duplicate{Entity: entity, Property: property, Value: value}
	if !errors.As(err, &got) || *got != want {
		t.Errorf("got error %v, want %v", err, &want)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// race runs n callers at once and answers how many had no error; the others must have failed with lost.
func race(t *testing.T, n int, lost func(error) bool, call func(int) error) int {
	t.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			err := call(i)
			switch {
			case err == nil:
				won.Add(1)
			case !lost(err):
				t.Errorf("a loser got %v", err)
			}
		})
	}
	all.Wait()
	return int(won.Load())
}

func isDuplicate(err error) bool {
	var duplicate *models.Duplicate
	return errors.As(err, &duplicate)
}

func isConflict(err error) bool { return errors.Is(err, models.ErrConflict) }

func never(error) bool { return false }

var errBroken = errors.New("broken on purpose")
