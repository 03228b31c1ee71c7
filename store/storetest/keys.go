package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

func key(kid, state string, created int64) models.SigningKey {
	return models.SigningKey{
		KID: kid, Alg: "ES256", Purpose: "ordinary", State: state, Public: []byte("{}"), Sealed: []byte{0, 255, 1}, Created: created, Changed: created,
	}
}

// keyStates are all keys in the notation "kid state", oldest first.
func (f *fixture) keyStates(t *testing.T) []string {
	t.Helper()
	rows, err := f.SigningKeys(t.Context())
	must(t, err)
	states := []string{}
	for _, row := range rows {
		states = append(states, row.KID+" "+row.State)
		gone := row.State == models.KeyDropped || row.State == models.KeyRemoved
		equal(t, "private key of "+row.KID+" is there", len(row.Sealed) > 0, !gone)
	}
	return states
}

// signedBy registers a token of dana that a key has signed.
func (f *fixture) signedBy(t *testing.T, kid, jti string) {
	t.Helper()
	token := f.token(f.dana.ID)
	token.JTI, token.KID = jti, kid
	must(t, f.RegisterToken(t.Context(), token))
}

func longTerm(kid, state string, created int64) models.SigningKey {
	row := key(kid, state, created)
	row.Purpose = models.KeyForNonExpiring
	return row
}

//nolint:thelper // these are the tests themselves
var keys = []contract{
	{"keys are listed oldest first", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		newer, older := key("a", "announced", 2), key("b", "signing", 1)
		f.written(t, func() { must(t, f.CreateSigningKey(ctx, newer)) }, "key a")
		must(t, f.CreateSigningKey(ctx, older))
		fails(t, f.CreateSigningKey(ctx, older), models.ErrConflict)
		got, err := f.SigningKeys(ctx)
		must(t, err)
		equal(t, "keys", got, []models.SigningKey{older, newer})
	}},
	{"of many first keys one is stored", func(t *testing.T, f *fixture) { // SEC-55
		ctx := t.Context()
		must(t, f.CreateSigningKey(ctx, key("old", "retiring", 1)))
		won := race(t, 10, isConflict, func(i int) error {
			return f.CreateFirstSigningKey(ctx, key(strconv.Itoa(i), "signing", 2))
		})
		equal(t, "winners", won, 1)
		must(t, f.CreateFirstSigningKey(ctx, longTerm("other", "signing", 2)))
		got, err := f.SigningKeys(ctx)
		must(t, err)
		equal(t, "keys", len(got), 3)
	}},
	{"a rotation announces, promotes, retires and removes", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		must(t, f.CreateFirstSigningKey(ctx, key("a", "signing", 1)))
		fails(t, f.AnnounceSigningKey(ctx, key("b", "", 0), "none"), models.ErrConflict)
		f.written(t, func() { must(t, f.AnnounceSigningKey(ctx, key("b", "", 0), "a")) }, "key b")
		rows, err := f.SigningKeys(ctx)
		must(t, err)
		want := key("b", "announced", f.clock.ms.Load())
		equal(t, "announced", rows[1], want)
		f.clock.advance(time.Hour)
		log := f.written(t, func() { must(t, f.PromoteSigningKey(ctx, "b")) }, "key a", "key b")
		equal(t, "what the change says", log[1].Detail, `{"state":"retiring","purpose":"ordinary"}`)
		equal(t, "promoted", f.keyStates(t), []string{"a retiring", "b signing"})
		fails(t, f.PromoteSigningKey(ctx, "b"), models.ErrConflict)
		fails(t, f.PromoteSigningKey(ctx, "a"), models.ErrConflict)
		fails(t, f.PromoteSigningKey(ctx, "none"), models.ErrNotFound)
		fails(t, f.AnnounceSigningKey(ctx, key("c", "", 0), "a"), models.ErrConflict)
		_, err = f.RemoveSigningKey(ctx, "b", "retiring")
		fails(t, err, models.ErrConflict)
		tokens, err := f.RemoveSigningKey(ctx, "a", "retiring")
		must(t, err)
		equal(t, "tokens", tokens, 0)
		equal(t, "removed", f.keyStates(t), []string{"a removed", "b signing"})
	}},
	{"of many rotations at once one announces and one promotes", func(t *testing.T, f *fixture) { // SEC-55
		ctx := t.Context()
		must(t, f.CreateFirstSigningKey(ctx, key("a", "signing", 1)))
		equal(t, "announced", race(t, 10, isConflict, func(i int) error {
			return f.AnnounceSigningKey(ctx, key(strconv.Itoa(i), "", 0), "a")
		}), 1)
		rows, err := f.SigningKeys(ctx)
		must(t, err)
		equal(t, "promoted", race(t, 10, isConflict, func(int) error { return f.PromoteSigningKey(ctx, rows[1].KID) }), 1)
		equal(t, "late", race(t, 10, isConflict, func(i int) error {
			return f.AnnounceSigningKey(ctx, key(strconv.Itoa(100+i), "", 0), "a")
		}), 0)
		equal(t, "keys", f.keyStates(t), []string{"a retiring", rows[1].KID + " signing"})
	}},
	{"a dropped key is replaced at once, by the announced one if there is one", func(t *testing.T, f *fixture) { // SEC-52
		ctx := t.Context()
		must(t, f.CreateFirstSigningKey(ctx, key("a", "signing", 1)))
		_, err := f.DropSigningKey(ctx, "a", key("b", "", 0))
		must(t, err)
		equal(t, "a new one", f.keyStates(t), []string{"a dropped", "b signing"})
		must(t, f.AnnounceSigningKey(ctx, key("c", "", 0), "b"))
		log := f.written(t, func() {
			_, err := f.DropSigningKey(ctx, "b", key("d", "", 0))
			must(t, err)
		}, "key b", "key c")
		equal(t, "what the change says", log[0].Detail, `{"state":"dropped","purpose":"ordinary"}`)
		equal(t, "the announced one", f.keyStates(t), []string{"a dropped", "b dropped", "c signing"})
		must(t, f.AnnounceSigningKey(ctx, key("e", "", 0), "c"))
		_, err = f.DropSigningKey(ctx, "e", key("f", "", 0))
		must(t, err)
		equal(t, "one that did not sign", f.keyStates(t), []string{"a dropped", "b dropped", "c signing", "e dropped"})
		_, err = f.DropSigningKey(ctx, "e", key("f", "", 0))
		fails(t, err, models.ErrConflict)
		_, err = f.DropSigningKey(ctx, "none", key("f", "", 0))
		fails(t, err, models.ErrNotFound)
		_, err = f.RemoveSigningKey(ctx, "a", "dropped")
		must(t, err)
	}},
	{"with a key the registered tokens die that it signed, and no others", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		must(t, f.CreateFirstSigningKey(ctx, longTerm("old", "signing", 1)))
		f.signedBy(t, "", "before keys were noted")
		f.signedBy(t, "old", "by the old")
		must(t, f.AnnounceSigningKey(ctx, longTerm("new", "", 0), "old"))
		must(t, f.PromoteSigningKey(ctx, "new"))
		f.signedBy(t, "new", "by the new")
		live, _, err := f.RegisteredTokens(ctx, models.TokenFilter{KID: "old", Live: true}, models.Page{Limit: 10})
		must(t, err)
		equal(t, "live", len(live), 2)
		f.written(t, func() {
			tokens, err := f.RemoveSigningKey(ctx, "old", "retiring")
			must(t, err)
			equal(t, "revoked", tokens, 2)
		}, "key old", "token_denied before keys were noted", "token_denied by the old")
		live, _, err = f.RegisteredTokens(ctx, models.TokenFilter{KID: "old", Live: true}, models.Page{Limit: 10})
		must(t, err)
		equal(t, "live", len(live), 0)
		tokens, err := f.DropSigningKey(ctx, "new", longTerm("newer", "", 0))
		must(t, err)
		equal(t, "revoked with the dropped key", tokens, 1)
		denied, _ := f.denied(t, f.Store)
		equal(t, "denied", len(denied), 3)
	}},
	{"no token is registered that a dropped or removed key has signed", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		must(t, f.CreateSigningKey(ctx, longTerm("dropped", "dropped", 1)))
		must(t, f.CreateSigningKey(ctx, longTerm("removed", "removed", 1)))
		for _, kid := range []string{"dropped", "removed"} {
			token := f.token(f.dana.ID)
			token.KID = kid
			fails(t, f.RegisterToken(ctx, token), models.ErrConflict)
		}
	}},
	{"the longest lifetime is that of the server or of any application, ever", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		longest := func() int64 {
			got, err := f.LongestTTL(ctx)
			must(t, err)
			return got
		}
		equal(t, "server", longest(), serverTTL)
		for _, ttl := range []int64{3 * serverTTL, 1000} {
			_, err := f.UpdateApplication(ctx, f.shop.ID, func(a *models.Application) error { a.Settings.AccessTokenTTL = &ttl; return nil })
			must(t, err)
			equal(t, "application", longest(), 3*serverTTL)
		}
	}},
}

//nolint:thelper // these are the tests themselves
var setup = []contract{
	{"a database with an organization is not empty", func(t *testing.T, f *fixture) {
		empty, err := f.Empty(t.Context())
		must(t, err)
		equal(t, "empty", empty, false)
	}},
	{"facts are remembered and replaced", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		_, err := f.Meta(ctx, "fact")
		fails(t, err, models.ErrNotFound)
		must(t, f.SetMeta(ctx, "fact", "one"))
		must(t, f.SetMeta(ctx, "fact", "two"))
		must(t, f.Close())
		got, err := f.open(t, serverTTL).Meta(ctx, "fact")
		must(t, err)
		equal(t, "fact", got, "two")
	}},
}
