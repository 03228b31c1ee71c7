package insight

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims"
)

// clock is moved by hand.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newTest(t *testing.T) (*Recorder, *clock) {
	t.Helper()
	c := &clock{time.UnixMilli(1_795_000_000_000).Truncate(time.Hour)}
	return New(c.now, func() int64 { return 0 }), c
}

func TestEveryKindIsCountedOnItsOwn(t *testing.T) {
	t.Parallel()
	all := map[Kind]string{}
	add := func(kind Kind, name string) {
		if other, taken := all[kind]; taken || int(kind) >= kinds {
			t.Errorf("%s is %d, as %s", name, kind, other)
		}
		all[kind] = name
	}
	for _, level := range Levels() {
		for _, grant := range Grants() {
			add(Issued(level, grant), string(level)+" "+grant)
		}
	}
	for i, why := range Failures() {
		var c Counts
		c[failures+Kind(i)] = 7
		if c.Failed(why) != 7 {
			t.Errorf("%s is counted elsewhere", why)
		}
		add(failures+Kind(i), why)
	}
	for _, what := range Revocations() {
		add(Revoked(what), "revoked "+what)
	}
	for i, feature := range Legacies() {
		add(Legacy(i), feature)
	}
	if len(all) != kinds {
		t.Errorf("%d kinds have names, of %d", len(all), kinds)
	}
}

func TestFailuresHaveReasons(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"invalid_grant": "login", "invalid_client": "client", "auth_invalid_credentials": "client", "too_many_requests": "throttled",
		"invalid_request": "request", "anything": "request", "service_unavailable": "server", "internal_error": "server",
	} {
		var c Counts
		c[NoToken(code)]++
		if c.Failed(want) != 1 {
			t.Errorf("%s is no %s", code, want)
		}
	}
	for code, want := range map[string]string{"expired_token": "expired", "auth_bad_access_token": "refused", "service_unavailable": "server"} {
		var c Counts
		c[Refused(code)]++
		if c.Failed(want) != 1 {
			t.Errorf("%s is no %s elsewhere", code, want)
		}
	}
}

func TestFiguresStandWhereTheirTimeIs(t *testing.T) {
	t.Parallel()
	r, c := newTest(t)
	shop, acme, stall := uuid.New(), uuid.New(), uuid.New()
	client := Issued(claims.Application, "client_credentials")
	r.Count(client, shop, acme)
	r.Count(client, shop, acme)
	r.Sample()
	c.at = c.at.Add(10 * time.Minute)
	r.Count(Issued(claims.AdminUser, "password"), uuid.Nil, uuid.Nil)
	for _, of := range []struct {
		id     uuid.UUID
		client uint64
		admin  uint64
	}{{uuid.Nil, 2, 1}, {shop, 2, 0}, {acme, 2, 0}, {stall, 0, 0}} {
		for _, window := range []Window{Hour, Day} {
			f := r.Figures(of.id, window)
			sum := f.Sum()
			if f.Total != sum || sum.ByLevel(claims.Application) != of.client || sum.ByGrant("password") != of.admin {
				t.Errorf("%s: %v of %v", of.id, sum, f.Total)
			}
			if window == Hour && (f.Slots[24].Counts.ByLevel(claims.Application) != of.client || f.Slots[29].Counts.ByGrant("password") != of.admin) {
				t.Errorf("%s: not where its time is: %v", of.id, f.Slots)
			}
			if last := f.Slots[len(f.Slots)-1].At; last+f.Step <= f.Now || last > f.Now {
				t.Errorf("the last slot is of %d, now is %d", last, f.Now)
			}
		}
	}
	c.at = c.at.Add(59 * time.Minute)
	hour, day := r.Figures(shop, Hour).Sum(), r.Figures(shop, Day).Sum()
	if hour[client] != 0 || day[client] != 2 {
		t.Errorf("after an hour %d and %d", hour[client], day[client])
	}
	c.at = c.at.Add(24 * time.Hour)
	if f := r.Figures(shop, Day); f.Sum() != (Counts{}) || f.Total[client] != 2 {
		t.Errorf("after a day %v, %v", f.Sum(), f.Total)
	}
}

func TestFollowersAreTheMostAtOnce(t *testing.T) {
	t.Parallel()
	at, following := time.UnixMilli(1_795_000_000_000), int64(3)
	r := New(func() time.Time { return at }, func() int64 { return following })
	r.Sample()
	following = 1
	f := r.Figures(uuid.Nil, Hour)
	if got := f.Slots[len(f.Slots)-1].Followers; got != 3 {
		t.Errorf("%d", got)
	}
}

func TestPlacesAreBoundedAndGivenBack(t *testing.T) {
	t.Parallel()
	r, c := newTest(t)
	first, late := uuid.New(), uuid.New()
	r.Count(0, first, uuid.Nil)
	for range maxScopes - 1 {
		r.Count(0, uuid.New(), uuid.Nil)
	}
	if f := r.Figures(first, Hour); f.Incomplete {
		t.Error("incomplete with a place for everybody")
	}
	r.Count(0, late, uuid.Nil)
	if f := r.Figures(late, Hour); f.Total[0] != 0 || !f.Incomplete {
		t.Errorf("beyond the bound: %d, incomplete %t", f.Total[0], f.Incomplete)
	}
	if f := r.Figures(uuid.Nil, Hour); f.Total[0] != maxScopes+1 || f.Incomplete {
		t.Errorf("the server: %d", f.Total[0])
	}
	c.at = c.at.Add(20 * time.Hour)
	r.Count(0, first, uuid.Nil)
	r.Sample()
	c.at = c.at.Add(6 * time.Hour) // all the others are forgotten
	r.Sample()
	r.Count(0, late, uuid.Nil)
	for id, want := range map[uuid.UUID]uint64{first: 2, late: 1} {
		if f := r.Figures(id, Hour); f.Total[0] != want || !f.Incomplete {
			t.Errorf("%d, want %d", f.Total[0], want)
		}
	}
	if n := len(*r.scopes.Load()); n != 2 {
		t.Errorf("%d places are taken", n)
	}
}

func TestNothingIsLostWhenManyCountAtOnce(t *testing.T) {
	t.Parallel()
	r, _ := newTest(t)
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	const each = 1000
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range each {
				r.Count(0, ids[i%len(ids)], ids[(i+1)%len(ids)])
				if i%100 == 0 {
					r.Sample()
				}
			}
		})
	}
	all.Wait()
	var n uint64
	for _, id := range ids {
		n += r.Figures(id, Hour).Total[0]
	}
	if total := r.Figures(uuid.Nil, Hour).Total[0]; total != 4*each || n != 2*4*each {
		t.Errorf("%d and %d", total, n)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	r, _ := newTest(t)
	shop, acme := uuid.New(), uuid.New()
	if n := testing.AllocsPerRun(100, func() { r.Count(Issued(claims.Application, "client_credentials"), shop, acme) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCount(b *testing.B) {
	r := New(time.Now, func() int64 { return 0 })
	for range maxScopes - 2 {
		r.Count(0, uuid.New(), uuid.Nil)
	}
	shop, acme := uuid.New(), uuid.New()
	b.ReportAllocs()
	for b.Loop() {
		r.Count(Issued(claims.Application, "client_credentials"), shop, acme)
	}
}
