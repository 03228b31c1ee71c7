package storetest

import (
	"crypto/sha256"
	"fmt"
	"testing"

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
		must(t, f.RotateRefreshToken(ctx, first.Hash, second))
		got, err = f.RefreshToken(ctx, first.Hash)
		must(t, err)
		equal(t, "used", *got.Used, f.clock.ms.Load())
		fails(t, f.RotateRefreshToken(ctx, first.Hash, f.next("third")), models.ErrConflict)
		_, err = f.RefreshToken(ctx, f.next("third").Hash)
		fails(t, err, models.ErrNotFound)
		fails(t, f.RotateRefreshToken(ctx, f.next("unknown").Hash, f.next("third")), models.ErrConflict)
	}},
	{"of a hundred uses at once one wins", func(t *testing.T, f *fixture) { // SEC-59
		ctx := t.Context()
		first := f.refreshToken(1)
		must(t, f.CreateRefreshToken(ctx, first))
		won := race(t, 100, isConflict, func(i int) error {
			return f.RotateRefreshToken(ctx, first.Hash, f.next(fmt.Sprint(i)))
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
	{"a rotation that cannot store its successor consumes nothing", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		first := f.refreshToken(1)
		must(t, f.CreateRefreshToken(ctx, first))
		fails(t, f.RotateRefreshToken(ctx, first.Hash, first), models.ErrConflict)
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
		must(t, f.RotateRefreshToken(ctx, first.Hash, second))
		must(t, f.EndRefreshFamily(ctx, family))
		must(t, f.EndRefreshFamily(ctx, family))
		for _, token := range []models.RefreshToken{first, second} {
			_, err := f.RefreshToken(ctx, token.Hash)
			fails(t, err, models.ErrNotFound)
			fails(t, f.RotateRefreshToken(ctx, token.Hash, f.next("third")), models.ErrConflict)
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
