package server

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/models"
)

// Whatever happens in whatever order, and however often readers lose their connection, get answers twice, late or from a cache: once they have
// caught up, they decide about every token ever issued as Writ itself does.
// SEC-61 SEC-64
func TestReadersDecideAsWritDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			w := newFeedWorld(t, seed)
			for range 220 {
				w.happen(t)
				for _, r := range w.readers {
					r.live(t, w)
				}
			}
			if w.app == nil {
				must(t, w.restore(t))
			}
			w.clock.advance(31 * time.Second)
			must(t, w.store.CatchUp(t.Context()))
			w.compare(t)
		})
	}
}

// feedWorld is a server to which things happen at random, and its readers.
type feedWorld struct {
	*fixture

	random  *rand.Rand
	address string
	app     *models.Application // nil while shop is deleted
	users   []models.User
	roles   []models.Role
	groups  []models.Group
	tokens  []issuedToken
	readers []*carelessReader
}

type issuedToken struct{ raw, path string }

// carelessReader follows the rules, but its network does not.
type carelessReader struct {
	*reader

	old  []*readDocument   // increments it got once
	list [][]*readDocument // complete lists a cache may give again
}

func newFeedWorld(t *testing.T, seed uint64) *feedWorld {
	t.Helper()
	w := &feedWorld{
		fixture: newServer(t, options{feed: func(c *feed.Config) { c.Kept, c.PageSize, c.Heartbeat = 12, 8, 3*time.Millisecond }}),
		random:  rand.New(rand.NewPCG(seed, 64)),
	}
	w.address = w.listen(t)().RemoteAddr().String()
	w.app = &w.shop
	w.users = append(w.users, w.dana)
	for _, name := range []string{"erik", "fred", "gina"} {
		w.users = append(w.users, w.newUser(t, w.shop, name, name))
	}
	for _, name := range []string{"clerk", "boss"} {
		role, err := models.NewRole(w.shop.ID, name, "", w.clock.now())
		must(t, err)
		must(t, w.store.CreateRole(t.Context(), role))
		w.roles = append(w.roles, role)
	}
	for _, path := range []string{"staff", "staff/north"} {
		group, err := models.NewGroup(w.shop.ID, path, "", "", w.clock.now())
		must(t, err)
		must(t, w.store.CreateGroup(t.Context(), group))
		w.groups = append(w.groups, group)
	}
	for _, r := range []*reader{
		w.newReader(t, "/acme/shop"),
		w.newReader(t, "/acme/shop", basic(w.shopID, w.shopSecret)),
		w.newReader(t, "/management"),
		w.newReader(t, "/management", basic(w.acmeID, w.acmeSecret)),
	} {
		w.readers = append(w.readers, &carelessReader{reader: r})
	}
	return w
}

func pick[T any](w *feedWorld, from []T) T { return from[w.random.IntN(len(from))] }

// happen does one thing that a tenant may do. What cannot be done just now (a user is gone) is nothing.
func (w *feedWorld) happen(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	w.clock.advance(time.Duration(w.random.IntN(1500)) * time.Millisecond)
	var err error
	switch n := w.random.IntN(100); {
	case n < 40:
		w.issue(t)
		return
	case n < 52 && len(w.tokens) > 0:
		token := pick(w, w.tokens)
		at := (*grants.Tenant)(nil)
		if token.path != "/management" {
			if w.app == nil {
				return
			}
			at = tenant(t, w.fixture)
		}
		err = w.service.Revoke(ctx, at, grants.PresentedClient{}, token.raw, "")
	case n < 54:
		err = w.service.RevokeClientTokens(ctx, pick(w, []uuid.UUID{w.shop.ID, w.acme.ID}))
	case n < 56:
		err = w.service.RevokeAdminTokens(ctx, pick(w, []uuid.UUID{w.olga.ID, w.rita.ID}))
	case n < 60:
		err = w.membership(t)
	case n < 61:
		w.clock.advance(time.Duration(w.random.IntN(30)) * time.Hour)
		must(t, w.store.CatchUp(ctx))
		_, err = w.store.PruneDenials(ctx, 1000)
	case n < 62:
		w.restart(t)
	case n < 63:
		rows, failed := w.store.SigningKeys(ctx)
		must(t, failed)
		if row := rows[w.random.IntN(len(rows))]; row.State == models.KeySigning {
			_, err = w.Keys.Drop(ctx, row.KID)
		}
	case w.app == nil && n < 80:
		err = w.restore(t)
	case w.app == nil:
	case n < 64:
		w.app = nil
		err = w.store.DeleteApplication(ctx, w.shop.ID)
	default:
		err = w.ofUser(t)
	}
	if err != nil && !errors.Is(err, models.ErrNotFound) && !errors.Is(err, models.ErrLastMember) {
		t.Fatal(err)
	}
}

func (w *feedWorld) membership(t *testing.T) error {
	t.Helper()
	if w.random.IntN(2) == 0 {
		return w.store.AddMember(t.Context(), w.rita.ID, w.acme.ID)
	}
	return w.store.RemoveMember(t.Context(), w.rita.ID, w.acme.ID)
}

// ofUser changes a user of shop, or what users hold.
func (w *feedWorld) ofUser(t *testing.T) error {
	t.Helper()
	ctx, shop, user, role, group := t.Context(), w.shop.ID, pick(w, w.users).ID, pick(w, w.roles).ID, pick(w, w.groups).ID
	update := func(change func(*models.User)) error {
		_, err := w.store.UpdateUser(ctx, shop, user, func(u *models.User) error { change(u); return nil })
		return err
	}
	var err error
	switch w.random.IntN(14) {
	case 0:
		return w.service.RevokeUserTokens(ctx, tenant(t, w.fixture), user)
	case 1:
		return update(func(u *models.User) { u.Disabled = true })
	case 2, 3:
		return update(func(u *models.User) { u.Disabled, u.Activated = false, true })
	case 4:
		return update(func(u *models.User) { u.Activated = false })
	case 5:
		if w.random.IntN(4) == 0 {
			_, err = w.store.DeleteUser(ctx, shop, user)
		}
	case 6:
		return w.store.AssignRole(ctx, shop, role, models.HolderUser, user)
	case 7:
		return w.store.UnassignRole(ctx, shop, role, models.HolderUser, user)
	case 8:
		return w.store.AssignRole(ctx, shop, role, models.HolderGroup, group)
	case 9:
		return w.store.UnassignRole(ctx, shop, role, models.HolderGroup, group)
	case 10, 11:
		return w.store.AddGroupMember(ctx, shop, group, user)
	case 12:
		return w.store.RemoveGroupMember(ctx, shop, group, user)
	case 13:
		_, err = w.store.AddRules(ctx, shop, models.HolderRole, role, []string{"get:/x/" + strconv.Itoa(w.random.IntN(9))})
	}
	return err
}

// issue asks for a token, which somebody may not get just now.
func (w *feedWorld) issue(t *testing.T) {
	t.Helper()
	ttl := pick(w, []string{"", "", "&ttl=0", "&ttl=60000"})
	user := "grant_type=password&username=" + pick(w, w.users).Username + "&password=" + userPassword
	admin := "grant_type=password&username=" + pick(w, []string{"olga", "rita"}) + "&password=" + adminPassword
	for _, ask := range []struct {
		path, body string
		chance     int
	}{
		{"/acme/shop", user, 70},
		{"/acme/shop", clientForm(w.shopID, w.shopSecret), 20},
		{"/management", clientForm(w.acmeID, w.acmeSecret), 20},
		{"/management", admin, 30},
	} {
		if w.random.IntN(100) >= ask.chance {
			continue
		}
		a := w.do(t, http.MethodPost, ask.path+"/token", ask.body+ttl)
		if token, is := a.body["access_token"].(string); is {
			w.tokens = append(w.tokens, issuedToken{token, ask.path})
		}
	}
}

func (w *feedWorld) restore(t *testing.T) error {
	t.Helper()
	w.app = &w.shop
	_, err := w.store.RestoreApplication(t.Context(), w.shop.ID)
	return err
}

// restart puts another feed in the place of the present one, as a restart of the server does.
func (w *feedWorld) restart(t *testing.T) {
	t.Helper()
	w.Feed.Close()
	hub, err := feed.New(t.Context(), feed.Config{
		Store: w.store, Signer: w.Keys, Now: w.clock.now, Logger: slog.New(slog.DiscardHandler), Kept: 12, PageSize: 8, Heartbeat: 3 * time.Millisecond,
	})
	must(t, err)
	t.Cleanup(hub.Close)
	w.store.Subscribe(hub.Apply)
	w.Feed = hub
}

// live is what happens to a reader between two changes: mostly nothing.
func (r *carelessReader) live(t *testing.T, w *feedWorld) {
	t.Helper()
	switch n := w.random.IntN(100); {
	case n < 55:
	case n < 75 && r.known && !r.gap:
		r.stream(t, w)
	case n < 85 && r.known:
		_, body := r.get(r.path+"/revocations?after="+strconv.FormatInt(r.seq, 10)+"&epoch="+r.epoch+"&wait=0", r.auth...)
		if d, err := r.open(body); err == nil && !d.Complete {
			r.old = append(r.old, d)
			if w.random.IntN(3) > 0 { // else the answer is lost
				r.apply(d)
			}
		}
	case n < 90 && len(r.old) > 0:
		r.apply(pick(w, r.old)) // once more, late
	case n < 92 && len(r.list) > 0:
		r.replace(r.list[len(r.list)-1])
	case n < 96:
		r.fetch(t)
		if d, err := r.open(lastComplete(r)); err == nil && d.Pages == 1 {
			r.list = append(r.list, []*readDocument{d})
		}
	default:
		r.sync(t)
	}
	r.forget(w.clock.now().Unix())
}

func lastComplete(r *carelessReader) string {
	_, body := r.get(r.path+"/revocations", r.auth...)
	return body
}

// stream follows over a real connection that is cut after some events.
func (r *carelessReader) stream(t *testing.T, w *feedWorld) {
	t.Helper()
	headers := append([]string{"Last-Event-ID: " + r.epoch + ":" + strconv.FormatInt(r.seq, 10)}, r.auth...)
	opened := openStream(t, w.address, r.path+"/revocations?after=0", headers...)
	defer opened.cut()
	if opened.code != http.StatusOK {
		t.Fatalf("stream: %d", opened.code)
	}
	if r.events(t, opened.body, 1+w.random.IntN(3)) == 0 {
		t.Error("the stream ended without an event")
	}
}

// forget is docs/feed.md, Forgetting, with a minute of leeway.
func (r *reader) forget(now int64) {
	over := func(exp *int64) bool { return exp != nil && *exp+60 < now }
	for id, exp := range r.tokens {
		if over(exp) {
			delete(r.tokens, id)
		}
	}
	for id, subject := range r.subjects {
		if over(subject.Exp) {
			delete(r.subjects, id)
		}
	}
	for id, c := range r.claims {
		if over(c.Exp) {
			delete(r.claims, id)
		}
	}
}

// compare lets every reader catch up and decide about every token.
func (w *feedWorld) compare(t *testing.T) {
	t.Helper()
	accepted, refused := 0, 0
	for _, r := range w.readers {
		r.sync(t)
		r.keys = nil // whoever decides has a JWKS that is not older than a few minutes
		for _, token := range w.tokens {
			if token.path != r.path {
				continue
			}
			set := claimsOf(t, token.raw)
			caller, err := w.service.AuthenticateToken(t.Context(), token.raw)
			offline := r.refuses(token.raw)
			if set.Expires != nil && *set.Expires <= w.clock.now().Unix() {
				offline = "expired"
			}
			if (err != nil) != (offline != "") {
				t.Errorf("%s of %s: Writ says %v, the reader %q", set.Level, set.Subject, err, offline)
			}
			if err != nil {
				refused++
				continue
			}
			accepted++
			w.compareRights(t, r.reader, set, caller)
		}
	}
	if accepted == 0 || refused == 0 {
		t.Logf("%d tokens accepted, %d refused", accepted, refused)
	}
}

func (w *feedWorld) compareRights(t *testing.T, r *reader, set *claims.Claims, caller *grants.Caller) {
	t.Helper()
	switch {
	case r.auth == nil:
	case set.Level == claims.ApplicationUser:
		live, err := w.store.Rights(t.Context(), w.shop.ID, caller.User.ID)
		must(t, err)
		if roles, groups := r.rightsOf(set); !slices.Equal(roles, live.Roles) || !slices.Equal(groups, live.Groups) {
			t.Errorf("%s: the reader knows %v %v, right is %v %v", set.Username, roles, groups, live.Roles, live.Groups)
		}
	case set.Level == claims.AdminUser:
		member, err := w.store.IsMember(t.Context(), caller.Admin.ID, w.acme.ID)
		must(t, err)
		if knows := slices.Contains(r.organizationsOf(set, "acme"), "acme"); knows != member {
			t.Errorf("%s: the reader believes in membership: %t, right is %t", set.Username, knows, member)
		}
	}
}
