package feed

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// readAll reads a complete list as docs/feed.md says.
func (f *fixture) readAll(t testing.TB, v View) (pages []*revocation.Document) {
	t.Helper()
	first, err := f.Complete(t.Context(), v)
	must(t, err)
	pages = append(pages, parsed(t, first))
	for number := 2; number <= pages[0].Pages; number++ {
		d, err := f.Page(v, pages[0].Seq, number)
		must(t, err)
		page := parsed(t, d)
		if page.Seq != pages[0].Seq || page.Pages != pages[0].Pages || page.Page != number || !page.Complete {
			t.Fatalf("page %d of %d at %d: %+v", number, pages[0].Pages, pages[0].Seq, page)
		}
		pages = append(pages, page)
	}
	return pages
}

// SEC-61
func TestACompleteListHasEverythingOfItsIssuerAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{PageSize: 16, Heartbeat: time.Hour})
	want := map[revocation.ID]bool{}
	for range 300 {
		want[revocation.Hash(f.deny(t, ""))] = true
	}
	must(t, f.store.DenyToken(t.Context(), models.DeniedToken{JTI: uuid.NewString(), Scope: f.stall.ID.String()}))
	must(t, f.store.DenyToken(t.Context(), models.DeniedToken{JTI: uuid.NewString(), Scope: models.ManagementScope}))
	_, err := f.store.UpdateUser(t.Context(), f.shop.ID, f.dana.ID, func(u *models.User) error { u.Generation = 7; return nil })
	must(t, err)
	pages := f.readAll(t, f.public())
	if len(pages) != 32 {
		t.Errorf("%d pages", len(pages))
	}
	subjects := []revocation.Subject{}
	for _, page := range pages {
		for _, token := range page.Tokens {
			if !want[token.ID] || token.Expires != nil {
				t.Errorf("unexpected or twice: %v", token)
			}
			delete(want, token.ID)
		}
		subjects = append(subjects, page.Subjects...)
	}
	if len(want) > 0 {
		t.Errorf("%d are missing", len(want))
	}
	if len(subjects) != 1 || subjects[0].ID != revocation.Hash(f.dana.ID.String()) || subjects[0].Generation != 7 || subjects[0].Expires == nil {
		t.Errorf("subjects %+v", subjects)
	}
	for _, number := range []int{-1, 0, 33} {
		if _, err := f.Page(f.public(), pages[0].Seq, number); !errors.Is(err, ErrSnapshotGone) {
			t.Errorf("page %d: %v", number, err)
		}
	}
	if _, err := f.Page(f.public(), pages[0].Seq+1, 1); !errors.Is(err, ErrSnapshotGone) {
		t.Errorf("another position: %v", err)
	}
	if _, err := f.Page(f.client(), pages[0].Seq, 1); !errors.Is(err, ErrSnapshotGone) {
		t.Errorf("another audience: %v", err)
	}
}

func TestACompleteListIsMadeAnewOnlyWhenItMust(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	complete := func() *Document {
		d, err := f.Complete(t.Context(), f.public())
		must(t, err)
		return d
	}
	first := complete()
	jti := f.deny(t, "")
	if complete() != first {
		t.Error("it was made again at once")
	}
	f.clock.advance(31 * time.Second)
	must(t, f.store.CatchUp(t.Context()))
	second := complete()
	if !lists(parsed(t, second), jti) {
		t.Error("after half a minute it does not say what has happened")
	}
	f.clock.advance(31 * time.Second)
	must(t, f.store.CatchUp(t.Context()))
	must(t, f.store.DenyToken(t.Context(), models.DeniedToken{JTI: "other", Scope: f.stall.ID.String()}))
	f.snapshots.mu.Lock()
	before := f.snapshots.newest[f.public().key()].list
	f.snapshots.mu.Unlock()
	third := parsed(t, complete())
	f.snapshots.mu.Lock()
	after := f.snapshots.newest[f.public().key()].list
	f.snapshots.mu.Unlock()
	if before != after {
		t.Error("it was read from the database although nothing had happened to this issuer")
	}
	if third.Seq <= second.Seq || third.AsOf <= parsed(t, second).AsOf || !lists(third, jti) {
		t.Errorf("unchanged: %+v", third)
	}
	if d, err := f.Page(f.public(), first.Seq, 1); err != nil || d != first {
		t.Errorf("the first list cannot be read on: %v", err)
	}
	f.clock.advance(snapshotKept + time.Second)
	if _, err := f.Page(f.public(), first.Seq, 1); !errors.Is(err, ErrSnapshotGone) {
		t.Errorf("the first list, later: %v", err)
	}
}

// Between looking whether something has happened and naming the position something may happen.
func TestCompleteListsWhileTokensAreRevoked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Rebuild: time.Nanosecond, PageSize: 32, Heartbeat: time.Hour})
	var lock sync.Mutex
	position := map[revocation.ID]int64{}
	f.store.Subscribe(func(c models.Change) {
		lock.Lock()
		defer lock.Unlock()
		if c.Kind == models.ChangeTokenDenied {
			position[revocation.Hash(c.Key)] = c.Seq
		}
	})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 60 {
				if err := f.store.DenyToken(t.Context(), models.DeniedToken{JTI: uuid.NewString(), Scope: f.shop.ID.String()}); err != nil {
					t.Error(err)
				}
				f.clock.advance(time.Millisecond)
			}
		})
	}
	for range 60 {
		pages := f.readAll(t, f.public())
		has := map[revocation.ID]bool{}
		for _, page := range pages {
			for _, token := range page.Tokens {
				has[token.ID] = true
			}
		}
		lock.Lock()
		for id, seq := range position {
			if seq <= pages[0].Seq && !has[id] {
				t.Errorf("the list at %d lacks what was denied at %d", pages[0].Seq, seq)
			}
		}
		lock.Unlock()
	}
	all.Wait()
}

// SEC-62
func TestADroppedKeyIsNamedAndSignsNothingMore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Heartbeat: time.Hour})
	before, err := f.Complete(t.Context(), f.public())
	must(t, err)
	follower := f.follow(t, f.public(), f.position())
	start := f.position()
	next(t, follower)
	rows, err := f.store.SigningKeys(t.Context())
	must(t, err)
	kid := rows[0].KID
	_, err = f.ring.Drop(t.Context(), kid)
	must(t, err)
	if d := next(t, follower); !slices.Equal(d.Keys, []string{kid}) {
		t.Errorf("followers learn of %v", d.Keys)
	}
	if d, err := f.After(t.Context(), f.public(), start); err != nil || !d.News || !slices.Equal(parsed(t, d).Keys, []string{kid}) {
		t.Errorf("who asks: %v", err)
	}
	after, err := f.Complete(t.Context(), f.public())
	must(t, err)
	if after == before || !slices.Equal(parsed(t, after).Keys, []string{kid}) {
		t.Error("the complete list is the one that the dropped key has signed")
	}
}

func TestTheFeedOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{Heartbeat: 5 * time.Millisecond})
	jti := f.deny(t, "")
	f.clock.advance(time.Minute)
	must(t, f.store.CatchUp(t.Context()))
	_, err := f.Complete(t.Context(), f.public())
	must(t, err)
	follower := f.follow(t, f.public(), Position{})
	asOf := next(t, follower).AsOf
	must(t, f.store.Close())
	f.clock.advance(time.Hour)
	late, err := f.Complete(t.Context(), f.public())
	must(t, err)
	if d := parsed(t, late); !lists(d, jti) || d.AsOf > asOf {
		t.Errorf("the complete list: %+v", d)
	}
	d := next(t, follower)
	for d.IssuedAt < f.clock.now().Unix() {
		d = next(t, follower)
	}
	if d.AsOf != asOf {
		t.Errorf("as of %d although the database is away since %d", d.AsOf, asOf)
	}
}

// SEC-64
func TestNoDocumentSaysWhoItIsAbout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	start := f.position()
	jti := f.deny(t, "")
	_, err := f.store.UpdateUser(t.Context(), f.shop.ID, f.dana.ID, func(u *models.User) error { u.Generation++; return nil })
	must(t, err)
	role, err := f.store.Role(t.Context(), f.shop.ID, "admin")
	must(t, err)
	must(t, f.store.AssignRole(t.Context(), f.shop.ID, role.ID, models.HolderUser, f.dana.ID))
	for name, v := range map[string]View{"public": f.public(), "client": f.client()} {
		complete, err := f.Complete(t.Context(), v)
		must(t, err)
		increment, err := f.After(t.Context(), v, start)
		must(t, err)
		for _, d := range []*Document{complete, increment} {
			text := payload(t, d)
			for _, secret := range []string{jti, f.dana.ID.String(), "dana", f.shop.ID.String()} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %s names %s", name, text, secret)
				}
			}
			if told := strings.Contains(text, "admin") || strings.Contains(text, "claims") || strings.Contains(text, "policy"); told != (name == "client") {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

func TestDocumentsAreCompressedWhenThatIsWorthIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	small, err := f.Complete(t.Context(), f.public())
	must(t, err)
	if small.Gzip() != nil {
		t.Error("an empty list is compressed")
	}
	start := f.position()
	for range 100 {
		f.deny(t, "")
	}
	d, err := f.After(t.Context(), f.public(), start)
	must(t, err)
	packed := d.Gzip()
	if len(packed) == 0 || len(packed) >= len(d.Text) {
		t.Fatalf("%d bytes of %d", len(packed), len(d.Text))
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	must(t, err)
	text, err := io.ReadAll(reader)
	must(t, err)
	if string(text) != d.Text {
		t.Error("it is another text")
	}
}

func TestCompleteListsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var s snapshots
	s.init()
	build := func(scope uuid.UUID, seq int64) *snapshot {
		one := &snapshot{list: &list{tokens: make([]denial, maxEntries/4)}, view: View{Scope: scope}, seq: seq, pages: make([]page, 1)}
		s.keep(one, now)
		now = now.Add(time.Second)
		return one
	}
	first := build(uuid.New(), 1)
	second := build(uuid.New(), 2)
	for range 6 {
		build(second.view.Scope, 3)
	}
	if s.weight > maxEntries {
		t.Errorf("%d entries are kept", s.weight)
	}
	if s.at(second.view.key(), theNewest, now) == nil {
		t.Error("the one just made is gone")
	}
	if s.at(first.view.key(), theNewest, now) != nil && len(s.old) > 4 {
		t.Error("old ones are kept instead")
	}
	for range 8 {
		build(uuid.New(), 4)
	}
	if s.weight > maxEntries || len(s.newest) > 4 {
		t.Errorf("%d entries of %d lists are kept", s.weight, len(s.newest))
	}
}
