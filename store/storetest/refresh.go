package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

var family = uuid.MustParse("a2b5f7c0-0000-4000-8000-000000000001")

// refreshToken is a token of dana's; the same generation gives the same token.
func (f *fixture) refreshToken(generation int64) models.RefreshToken {
	hash := sha256.Sum256(fmt.Append(nil, generation))
	return models.RefreshToken{
		Hash: hash[:], Family: family, ApplicationID: f.shop.ID, UserID: f.dana.ID, Scope: "read", Generation: generation,
		Created: f.clock.ms.Load(), Expires: f.clock.ms.Load() + 30*serverTTL,
	}
}

// next follows in the family.
func (f *fixture) next(name string) models.RefreshToken {
	token := f.refreshToken(1)
	hash := sha256.Sum256([]byte("next " + name))
	token.Hash = hash[:]
	return token
}

//nolint:thelper // these are the tests themselves
var refresh = []contract{
	{"a refresh token is used once", func(t *testing.T, f *fixture) { // SEC-57
		ctx := t.Context()
		first, second := f.refreshToken(1), f.next("second")
		must(t, f.CreateRefreshToken(ctx, first))
		got, err := f.RefreshToken(ctx, first.Hash)
		must(t, err)
		equal(t, "stored", got, first)
		must(t, f.RotateRefreshToken(ctx, first.Hash, 0, second))
		got, err = f.RefreshToken(ctx, first.Hash)
		must(t, err)
		equal(t, "used", *got.Used, f.clock.ms.Load())
		fails(t, f.RotateRefreshToken(ctx, first.Hash, 0, f.next("third")), models.ErrSpent)
		_, err = f.RefreshToken(ctx, f.next("third").Hash)
		fails(t, err, models.ErrNotFound)
		fails(t, f.RotateRefreshToken(ctx, f.next("unknown").Hash, 0, f.next("third")), models.ErrNotFound)
	}},
	{"of a hundred uses at once one wins", func(t *testing.T, f *fixture) { // SEC-59
		ctx := t.Context()
		first := f.refreshToken(1)
		must(t, f.CreateRefreshToken(ctx, first))
		won := race(t, 100, isConflict, func(i int) error {
			return f.RotateRefreshToken(ctx, first.Hash, 0, f.next(fmt.Sprint(i)))
		})
		equal(t, "winners", won, 1)
		live := 0
		for i := range 100 {
			if _, err := f.RefreshToken(ctx, f.next(fmt.Sprint(i)).Hash); err == nil {
				live++
			}
		}
		equal(t, "successors", live, 1)
	}},
	{"within its grace a used token gets another successor while the first is unused", func(t *testing.T, f *fixture) { // SEC-57
		ctx := t.Context()
		const grace = 5000
		first := f.refreshToken(1)
		must(t, f.CreateRefreshToken(ctx, first))
		must(t, f.RotateRefreshToken(ctx, first.Hash, grace, f.next("second")))
		f.clock.advance((grace - 1) * time.Millisecond)
		must(t, f.RotateRefreshToken(ctx, first.Hash, grace, f.next("third")))
		void, err := f.RefreshToken(ctx, f.next("second").Hash)
		must(t, err)
		if void.Used == nil || void.Successor != nil {
			t.Errorf("the replaced token is %+v", void)
		}
		fails(t, f.RotateRefreshToken(ctx, void.Hash, grace, f.next("stray")), models.ErrSpent)
		f.clock.advance(time.Millisecond)
		fails(t, f.RotateRefreshToken(ctx, first.Hash, grace, f.next("late")), models.ErrSpent)
		must(t, f.RotateRefreshToken(ctx, f.next("third").Hash, grace, f.next("fourth")))
	}},
	{"once its successor is used a used token is spent, grace or not", func(t *testing.T, f *fixture) { // SEC-57
		ctx := t.Context()
		first := f.refreshToken(1)
		must(t, f.CreateRefreshToken(ctx, first))
		must(t, f.RotateRefreshToken(ctx, first.Hash, 5000, f.next("second")))
		must(t, f.RotateRefreshToken(ctx, f.next("second").Hash, 5000, f.next("third")))
		fails(t, f.RotateRefreshToken(ctx, first.Hash, 5000, f.next("fourth")), models.ErrSpent)
		must(t, f.RotateRefreshToken(ctx, f.next("third").Hash, 5000, f.next("fifth")))
	}},
	{"of a hundred successors in the grace one is left", func(t *testing.T, f *fixture) { // SEC-59
		ctx := t.Context()
		first := f.refreshToken(1)
		must(t, f.CreateRefreshToken(ctx, first))
		won := race(t, 100, never, func(i int) error {
			return f.RotateRefreshToken(ctx, first.Hash, 5000, f.next(fmt.Sprint(i)))
		})
		equal(t, "answered", won, 100)
		live := 0
		for i := range 100 {
			token, err := f.RefreshToken(ctx, f.next(fmt.Sprint(i)).Hash)
			must(t, err)
			if token.Used == nil {
				live++
			}
		}
		equal(t, "unused successors", live, 1)
	}},
	{"of a hundred exchanges for a registered token one registers", func(t *testing.T, f *fixture) { // SEC-59
		ctx := t.Context()
		for name, grace := range map[string]int64{"without grace": 0, "with grace": 5000} {
			first := f.next(name)
			must(t, f.CreateRefreshToken(ctx, first))
			won := race(t, 100, func(err error) bool { return errors.Is(err, models.ErrNotFound) }, func(i int) error {
				row := f.token(f.dana.ID)
				row.JTI = fmt.Sprint(name, i)
				return f.ExchangeRefreshToken(ctx, first.Hash, grace, row)
			})
			equal(t, name, won, 1)
			_, err := f.RefreshToken(ctx, first.Hash)
			fails(t, err, models.ErrNotFound)
		}
		rows, _, err := f.RegisteredTokens(ctx, models.TokenFilter{Subject: f.dana.ID}, models.Page{Limit: 10})
		must(t, err)
		equal(t, "registered tokens", len(rows), 2)
	}},
	{"an exchange that cannot register consumes nothing", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		first, stale := f.refreshToken(1), f.token(f.dana.ID)
		stale.Generation = 7
		must(t, f.CreateRefreshToken(ctx, first))
		fails(t, f.ExchangeRefreshToken(ctx, first.Hash, 0, stale), models.ErrConflict)
		must(t, f.RotateRefreshToken(ctx, first.Hash, 0, f.next("second")))
		fails(t, f.ExchangeRefreshToken(ctx, first.Hash, 0, f.token(f.dana.ID)), models.ErrSpent)
		_, err := f.RegisteredToken(ctx, f.token(f.dana.ID).JTI)
		fails(t, err, models.ErrNotFound)
	}},
	{"a rotation that cannot store its successor consumes nothing", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		first := f.refreshToken(1)
		must(t, f.CreateRefreshToken(ctx, first))
		fails(t, f.RotateRefreshToken(ctx, first.Hash, 0, first), models.ErrConflict)
		got, err := f.RefreshToken(ctx, first.Hash)
		must(t, err)
		if got.Used != nil {
			t.Error("consumed")
		}
	}},
	{"a family ends as a whole", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		first, second, stranger := f.refreshToken(1), f.next("second"), f.next("stranger")
		stranger.Family = uuid.New()
		must(t, f.CreateRefreshToken(ctx, first))
		must(t, f.CreateRefreshToken(ctx, stranger))
		must(t, f.RotateRefreshToken(ctx, first.Hash, 0, second))
		must(t, f.EndRefreshFamily(ctx, family))
		must(t, f.EndRefreshFamily(ctx, family))
		for _, token := range []models.RefreshToken{first, second} {
			_, err := f.RefreshToken(ctx, token.Hash)
			fails(t, err, models.ErrNotFound)
			fails(t, f.RotateRefreshToken(ctx, token.Hash, 0, f.next("third")), models.ErrNotFound)
		}
		_, err := f.RefreshToken(ctx, stranger.Hash)
		must(t, err)
	}},
	{"a refresh token of another generation is not stored", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		fails(t, f.CreateRefreshToken(ctx, f.refreshToken(2)), models.ErrConflict)
		f.raise(t)
		fails(t, f.CreateRefreshToken(ctx, f.refreshToken(1)), models.ErrConflict)
		must(t, f.CreateRefreshToken(ctx, f.refreshToken(2)))
		stranger := f.refreshToken(2)
		stranger.UserID = uuid.New()
		fails(t, f.CreateRefreshToken(ctx, stranger), models.ErrConflict)
	}},
}
