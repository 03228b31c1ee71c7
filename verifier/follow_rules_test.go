package verifier

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier/denylist"
)

// still is a follower that does not run: documents are given to it by hand.
func still(t *testing.T, c followerConfig) *follower {
	t.Helper()
	if c.now == nil {
		c.now = func() time.Time { return time.Unix(1000, 0) }
	}
	c.client, c.logger = &http.Client{}, slog.New(slog.DiscardHandler)
	f := newFollower(c)
	f.pace = quickPace()
	return f
}

func tokens(names ...string) []revocation.Token {
	all := make([]revocation.Token, len(names))
	for i, name := range names {
		all[i].ID = revocation.Hash(name)
	}
	return all
}

func (f *follower) completeWith(d revocation.Document) {
	entries := denylist.NewBuilder()
	entries.Add(d.Tokens, d.Subjects)
	f.replace(&completeList{head: d, entries: entries, claims: d.Claims, arrived: f.now()})
}

// knows gives which of some tokens are denied.
func (f *follower) knows(names ...string) (denied []string) {
	for _, name := range names {
		if f.current().denied.Denies(revocation.Hash(name), revocation.ID{}, 1) {
			denied = append(denied, name)
		}
	}
	return denied
}

func TestRulesOfCompleteLists(t *testing.T) {
	t.Parallel()
	held := revocation.Document{Epoch: "e", Seq: 50, AsOf: 900, Tokens: tokens("a", "b"), Keys: []string{"k"}, Ended: true}
	for name, c := range map[string]struct {
		list      revocation.Document
		want      []string
		seq, asOf int64
		keys      int
		ended     bool
	}{
		"newer takes the place":                       {list: revocation.Document{Epoch: "e", Seq: 60, AsOf: 910, Tokens: tokens("b", "c")}, want: []string{"b", "c"}, seq: 60, asOf: 910},
		"of the same seq takes the place":             {list: revocation.Document{Epoch: "e", Seq: 50, AsOf: 910, Tokens: tokens("c")}, want: []string{"c"}, seq: 50, asOf: 910},
		"lower seq: added, position taken":            {list: revocation.Document{Epoch: "e", Seq: 40, AsOf: 910, Tokens: tokens("c"), Keys: []string{"l"}}, want: []string{"a", "b", "c"}, seq: 40, asOf: 910, keys: 2, ended: true},
		"another epoch takes the place":               {list: revocation.Document{Epoch: "f", Seq: 3, AsOf: 910, Tokens: tokens("c")}, want: []string{"c"}, seq: 3, asOf: 910},
		"another epoch, older: added, age is ours":    {list: revocation.Document{Epoch: "f", Seq: 99, AsOf: 890, Tokens: tokens("c")}, want: []string{"a", "b", "c"}, seq: 99, asOf: 900, keys: 1, ended: true},
		"lower seq and older: added, age is ours":     {list: revocation.Document{Epoch: "e", Seq: 1, AsOf: 1}, want: []string{"a", "b"}, seq: 1, asOf: 900, keys: 1, ended: true},
		"same position, older (a cache): age is ours": {list: revocation.Document{Epoch: "e", Seq: 50, AsOf: 890, Tokens: tokens("a", "b")}, want: []string{"a", "b"}, seq: 50, asOf: 900, keys: 1, ended: true},
	} {
		f := still(t, followerConfig{})
		f.completeWith(held)
		f.completeWith(c.list)
		k := f.current()
		if got := f.knows("a", "b", "c"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v are denied, want %v", name, got, c.want)
		}
		if k.epoch != c.list.Epoch || k.seq != c.seq || k.asOf.Unix() != c.asOf || len(k.keys) != c.keys || k.ended != c.ended {
			t.Errorf("%s: %s:%d as of %d, keys %v, ended %t", name, k.epoch, k.seq, k.asOf.Unix(), k.keys, k.ended)
		}
	}
}

func TestRulesOfIncrements(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		increment revocation.Document
		want      outcome
		denied    []string
		seq, asOf int64
		keys      int
	}{
		"continues":              {revocation.Document{Epoch: "e", From: 50, Seq: 51, AsOf: 910, Tokens: tokens("b"), Keys: []string{"k", "l"}}, applied, []string{"a", "b"}, 51, 910, 2},
		"empty":                  {revocation.Document{Epoch: "e", From: 50, Seq: 50, AsOf: 910, Keys: []string{"k"}}, applied, []string{"a"}, 50, 910, 1},
		"overlaps":               {revocation.Document{Epoch: "e", From: 10, Seq: 51, AsOf: 910, Tokens: tokens("a", "b")}, applied, []string{"a", "b"}, 51, 910, 0},
		"older as_of":            {revocation.Document{Epoch: "e", From: 50, Seq: 51, AsOf: 880, Tokens: tokens("b")}, applied, []string{"a", "b"}, 51, 900, 0},
		"same seq, older as_of":  {revocation.Document{Epoch: "e", From: 10, Seq: 50, AsOf: 899, Tokens: tokens("b"), Ended: true}, ignored, []string{"a"}, 50, 900, 1},
		"lower seq":              {revocation.Document{Epoch: "e", From: 10, Seq: 49, AsOf: 950, Tokens: tokens("b")}, ignored, []string{"a"}, 50, 900, 1},
		"gap":                    {revocation.Document{Epoch: "e", From: 51, Seq: 52, AsOf: 950, Tokens: tokens("b")}, missing, []string{"a"}, 50, 900, 1},
		"another epoch":          {revocation.Document{Epoch: "f", From: 50, Seq: 51, AsOf: 950, Tokens: tokens("b")}, missing, []string{"a"}, 50, 900, 1},
		"another epoch, nothing": {revocation.Document{Epoch: "f", From: 0, Seq: 0, AsOf: 950}, missing, []string{"a"}, 50, 900, 1},
	} {
		f := still(t, followerConfig{})
		f.completeWith(revocation.Document{Epoch: "e", Seq: 50, AsOf: 900, Tokens: tokens("a"), Keys: []string{"k"}})
		got, err := f.add(&c.increment)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		k := f.current()
		if denied := f.knows("a", "b"); !slices.Equal(denied, c.denied) || k.seq != c.seq || k.asOf.Unix() != c.asOf || len(k.keys) != c.keys || k.epoch != "e" {
			t.Errorf("%s: %v are denied at %s:%d as of %d, keys %v", name, denied, k.epoch, k.seq, k.asOf.Unix(), k.keys)
		}
		if f.needsComplete() != (c.want == missing) {
			t.Errorf("%s: needs the complete list: %t", name, f.needsComplete())
		}
	}
}

func TestNothingIsYoungerWhileAGapIsOpen(t *testing.T) {
	t.Parallel()
	f := still(t, followerConfig{})
	f.completeWith(revocation.Document{Epoch: "e", Seq: 50, AsOf: 900})
	for _, d := range []revocation.Document{
		{Epoch: "e", From: 60, Seq: 61, AsOf: 950}, {Epoch: "e", From: 50, Seq: 51, AsOf: 960, Tokens: tokens("late")},
	} {
		if got, _ := f.add(&d); got != missing {
			t.Errorf("from %d: %v", d.From, got)
		}
	}
	if k := f.current(); k.asOf.Unix() != 900 || k.seq != 50 {
		t.Errorf("as of %d, at %d", k.asOf.Unix(), k.seq)
	}
}

func TestTheAgeIsNeverThatOfTheArrival(t *testing.T) {
	t.Parallel()
	now := int64(1000)
	f := still(t, followerConfig{now: func() time.Time { return time.Unix(now, 0) }})
	f.completeWith(revocation.Document{Epoch: "e", Seq: 50, AsOf: 900})
	if age := f.current().age(f.now()); age != 100*time.Second {
		t.Errorf("age of an old list: %v", age)
	}
	now = 1500
	same := revocation.Document{Epoch: "e", From: 50, Seq: 50, AsOf: 900}
	if got, _ := f.add(&same); got != applied || f.current().age(f.now()) != 600*time.Second {
		t.Errorf("the same document once more: %v, age %v", got, f.current().age(f.now()))
	}
	if err := f.ours("", 1500+61); err == nil {
		t.Error("a document from the future is taken")
	}
	if err := f.ours("", 1500+60); err != nil {
		t.Errorf("clocks that differ by a minute: %v", err)
	}
}

func TestTheAgeOfACompleteListIsThatOfItsOldestPage(t *testing.T) {
	t.Parallel()
	list := completeList{head: revocation.Document{AsOf: 900}, entries: denylist.NewBuilder()}
	for i, asOf := range []int64{900, 870, 910} {
		list.take(&revocation.Document{AsOf: asOf, Keys: []string{string(rune('a' + i))}, Ended: i == 1, Policy: asOf}, time.Unix(int64(i), 0))
	}
	if list.head.AsOf != 870 || list.arrived.Unix() != 1 || len(list.head.Keys) != 3 || !list.head.Ended || list.head.Policy != 910 {
		t.Errorf("%+v", list.head)
	}
}

func TestTheNewestClaimsOfASubjectCount(t *testing.T) {
	t.Parallel()
	f := still(t, followerConfig{issuer: "http://a", revocations: "http://a/r", clientID: "c"})
	role := func(name string) []revocation.Change {
		return []revocation.Change{{ID: revocation.Hash("somebody"), Roles: []string{name}}}
	}
	is := func(want string) {
		t.Helper()
		if got := f.current().claims[revocation.Hash("somebody")].Roles; !slices.Equal(got, []string{want}) {
			t.Errorf("roles are %v, want %s", got, want)
		}
	}
	f.completeWith(revocation.Document{Epoch: "e", Seq: 1, AsOf: 900, Claims: role("first")})
	is("first")
	before := f.current()
	_, _ = f.add(&revocation.Document{Epoch: "e", From: 1, Seq: 2, AsOf: 901, Claims: append(role("second"), role("third")...)})
	is("third")
	if before.claims[revocation.Hash("somebody")].Roles[0] != "first" {
		t.Error("a view has changed")
	}
	f.completeWith(revocation.Document{Epoch: "e", Seq: 1, AsOf: 900, Claims: role("first")}) // from a cache
	is("third")
	f.completeWith(revocation.Document{Epoch: "e", Seq: 9, AsOf: 910}) // says nothing about somebody
	is("third")
	f.completeWith(revocation.Document{Epoch: "e", Seq: 9, AsOf: 910, Claims: role("fourth")})
	is("fourth")
	f.completeWith(revocation.Document{Epoch: "other", Seq: 9, AsOf: 920})
	if len(f.current().claims) != 0 {
		t.Error("claims of another epoch are kept")
	}
}

// The documents for everybody have no claim changes: whoever is between must not be able to give them to a client.
func TestTheDocumentForEverybodyIsNotTakenForTheClients(t *testing.T) {
	t.Parallel()
	f := still(t, followerConfig{issuer: "http://a", revocations: "http://a/r", policy: "http://a/p", clientID: "c"})
	f.completeWith(revocation.Document{Epoch: "e", Seq: 1, AsOf: 900, Policy: 1})
	if _, err := f.add(&revocation.Document{Epoch: "e", From: 1, Seq: 2, AsOf: 901}); !errors.Is(err, ErrFeedDocument) {
		t.Errorf("error %v", err)
	}
	if f.current().seq != 1 {
		t.Error("the position has moved")
	}
	if _, err := f.add(&revocation.Document{Epoch: "e", From: 1, Seq: 3, AsOf: 902, Ended: true}); err != nil || !f.current().ended {
		t.Errorf("the end of the issuer is not taken: %v", err)
	}
}

func TestEntriesAreForgottenAfterTheLeewayAndNotBefore(t *testing.T) {
	t.Parallel()
	now := int64(1000)
	f := still(t, followerConfig{now: func() time.Time { return time.Unix(now, 0) }, leeway: time.Minute})
	exp := int64(1000)
	entry := revocation.Token{ID: revocation.Hash("a"), Expires: &exp}
	f.completeWith(revocation.Document{
		Epoch: "e", Seq: 1, AsOf: 900, Tokens: append(tokens("b"), entry), Claims: []revocation.Change{{ID: entry.ID, Expires: &exp}, {Roles: []string{}}},
	})
	now = 1060
	f.order()
	if got := f.knows("a", "b"); len(got) != 2 || len(f.current().claims) != 2 {
		t.Errorf("within the leeway %v and %d claims are left", got, len(f.current().claims))
	}
	now = 1061
	f.order()
	if got := f.knows("a", "b"); !slices.Equal(got, []string{"b"}) || len(f.current().claims) != 1 {
		t.Errorf("%v and %d claims are left", got, len(f.current().claims))
	}
}

// What comes while the list is put in order is in it afterwards, and a complete list that came meanwhile stays.
func TestPuttingTheListInOrderLosesNothing(t *testing.T) {
	t.Parallel()
	f := still(t, followerConfig{})
	f.completeWith(revocation.Document{Epoch: "e", Seq: 1, AsOf: 900, Tokens: tokens("a")})
	f.orderWhile(func() {
		_, _ = f.add(&revocation.Document{Epoch: "e", From: 1, Seq: 2, AsOf: 901, Tokens: tokens("b")})
	})
	if got := f.knows("a", "b"); len(got) != 2 || f.list.Loose() > 1 {
		t.Errorf("%v are denied", got)
	}
	f.orderWhile(func() { f.completeWith(revocation.Document{Epoch: "e", Seq: 3, AsOf: 902, Tokens: tokens("c")}) })
	if got := f.knows("a", "b", "c"); !slices.Equal(got, []string{"c"}) || f.current().seq != 3 {
		t.Errorf("%v are denied", got)
	}
}

// orderWhile is order, with something in the middle.
func (f *follower) orderWhile(meanwhile func()) {
	list, replaced := f.beginOrder()
	sorted := list.Expire(0)
	meanwhile()
	f.endOrder(sorted, replaced, 0)
}

func TestADocumentOfADroppedKeyIsRefused(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.newKey("stolen")
	c := feed.config(t)
	key := feed.keys["stolen"]
	f := still(t, followerConfig{issuer: feed.name, now: feed.now, verify: c.verify})
	d := feed.document(0, 0, false)
	read := func(kid string) error {
		_, err := f.read(t.Context(), []byte(signWith(key, revocation.Type, kid, d)))
		return err
	}
	if err := read("stolen"); err != nil {
		t.Fatalf("a good document is refused: %v", err)
	}
	d.Keys = []string{"stolen"}
	if err := read("stolen"); !errors.Is(err, ErrFeedDocument) {
		t.Errorf("a document whose key it calls dropped: %v", err)
	}
	d.Keys = nil
	f.completeWith(revocation.Document{Epoch: "e", Seq: 1, AsOf: 900, Keys: []string{"stolen"}})
	if err := read("stolen"); !errors.Is(err, ErrFeedDocument) {
		t.Errorf("a document of a dropped key, which the key set still has: %v", err)
	}
}

func TestCurrentAllocatesNothing(t *testing.T) {
	f := still(t, followerConfig{})
	f.completeWith(revocation.Document{Epoch: "e", Seq: 1, AsOf: 900})
	id := revocation.Hash("x")
	if n := testing.AllocsPerRun(100, func() { f.current().denied.Denies(id, id, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPausesGrowToALimitAndKeepWhatTheServerAsks(t *testing.T) {
	t.Parallel()
	p := ordinaryPace()
	pauses := backOff{first: p.backOff, limit: p.backOffMax}
	between := func(err error, least, most time.Duration) {
		t.Helper()
		if got := pauses.next(err); got < least || got > most {
			t.Errorf("pause of %v, want %v to %v", got, least, most)
		}
	}
	between(errEnded, 125*time.Millisecond, 250*time.Millisecond)
	between(errEnded, 250*time.Millisecond, 500*time.Millisecond)
	for range 100 {
		pauses.next(errEnded)
	}
	between(errEnded, 5*time.Second, 10*time.Second)
	pauses.reset()
	between(ErrFeedCredentials, 5*time.Second, 10*time.Second)
	pauses.reset()
	between(&answerError{after: 40 * time.Second}, 40*time.Second, 80*time.Second)
	pauses.reset()
	between(context.DeadlineExceeded, 125*time.Millisecond, 250*time.Millisecond)
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "86400": maxRetryAfter, "99999999999999": 0,
		"Sun, 01 Nov 2026 12:00:09 GMT": 9 * time.Second, "Sun, 01 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfterOf(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
