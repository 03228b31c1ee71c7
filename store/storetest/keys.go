package storetest

import (
	"strconv"
	"testing"

	"github.com/writ-auth/writ/models"
)

func key(kid, state string, created int64) models.SigningKey {
	return models.SigningKey{
		KID: kid, Alg: "ES256", Purpose: "ordinary", State: state, Public: []byte("{}"), Sealed: []byte{0, 255, 1}, Created: created, Changed: created,
	}
}

//nolint:thelper // these are the tests themselves
var keys = []contract{
	{"keys are listed oldest first and move on", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		newer, older := key("a", "announced", 2), key("b", "signing", 1)
		f.written(t, func() { must(t, f.CreateSigningKey(ctx, newer)) }, "key a")
		must(t, f.CreateSigningKey(ctx, older))
		fails(t, f.CreateSigningKey(ctx, older), models.ErrConflict)
		got, err := f.SigningKeys(ctx)
		must(t, err)
		equal(t, "keys", got, []models.SigningKey{older, newer})
		f.written(t, func() { must(t, f.SetSigningKeyState(ctx, "b", "retiring")) }, "key b")
		got, err = f.SigningKeys(ctx)
		must(t, err)
		older.State, older.Changed = "retiring", f.clock.ms.Load()
		equal(t, "moved", got[0], older)
		fails(t, f.SetSigningKeyState(ctx, "c", "removed"), models.ErrNotFound)
	}},
	{"of many first keys one is stored", func(t *testing.T, f *fixture) { // SEC-55
		ctx := t.Context()
		must(t, f.CreateSigningKey(ctx, key("old", "retiring", 1)))
		won := race(t, 10, isConflict, func(i int) error {
			return f.CreateFirstSigningKey(ctx, key(strconv.Itoa(i), "signing", 2))
		})
		equal(t, "winners", won, 1)
		other := key("other", "signing", 2)
		other.Purpose = "nonexpiring"
		must(t, f.CreateFirstSigningKey(ctx, other))
		got, err := f.SigningKeys(ctx)
		must(t, err)
		equal(t, "keys", len(got), 3)
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
