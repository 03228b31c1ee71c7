package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// entryToken is a token of dana's with an entry.
func (f *fixture) entryToken(jti string, list uuid.UUID, index int64) models.RegisteredToken {
	token := f.token(f.dana.ID)
	token.JTI, token.StatusList, token.StatusIndex = jti, &list, &index
	return token
}

//nolint:thelper // these are the tests themselves
var statusLists = []contract{
	{"the first token of an issuer begins its list", func(t *testing.T, f *fixture) {
		ctx, scope := t.Context(), f.shop.ID.String()
		lists, gone, err := f.StatusLists(ctx, scope)
		must(t, err)
		equal(t, "lists before", len(lists), 0)
		equal(t, "gone", gone, false)
		var list models.StatusList
		f.written(t, func() {
			list, _, err = f.FreeStatusEntry(ctx, scope)
			must(t, err)
		}, "status_list "+scope)
		f.written(t, func() {
			again, _, err := f.FreeStatusEntry(ctx, scope)
			must(t, err)
			equal(t, "the second time", again.ID, list.ID)
			other, _, err := f.FreeStatusEntry(ctx, models.ManagementScope)
			must(t, err)
			equal(t, "another issuer's number", other.Number, 1)
		}, "status_list "+models.ManagementScope)
		lists, _, err = f.StatusLists(ctx, scope)
		must(t, err)
		equal(t, "lists", lists, []models.StatusList{list})
		equal(t, "size and number", []int64{list.Size, list.Number}, []int64{models.StatusListSize, 1})
		if len(list.Salt) != 32 || slices.Equal(list.Salt, make([]byte, 32)) {
			t.Errorf("salt %x", list.Salt)
		}
	}},
	{"entries are random and never decoys", func(t *testing.T, f *fixture) { // SEC-65
		ctx := t.Context()
		seen := map[int64]bool{}
		var sum int64
		for range 200 {
			list, index, err := f.FreeStatusEntry(ctx, f.shop.ID.String())
			must(t, err)
			if index < 0 || index >= list.Size || list.Decoy(index) {
				t.Fatalf("entry %d", index)
			}
			seen[index] = true
			sum += index
		}
		// The mean of 200 random entries is 32768 with a standard deviation of 1338.
		if mean := sum / 200; len(seen) < 190 || mean < 24_000 || mean > 41_000 {
			t.Errorf("%d different entries, %d on average", len(seen), mean)
		}
	}},
	{"an entry is one token's for ever", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		list, index, err := f.FreeStatusEntry(ctx, f.shop.ID.String())
		must(t, err)
		must(t, f.RegisterToken(ctx, f.entryToken("one", list.ID, index)))
		fails(t, f.RegisterToken(ctx, f.entryToken("two", list.ID, index)), models.ErrEntryTaken)
		_, err = f.RevokeRegistered(ctx, models.TokenFilter{JTI: "one"})
		must(t, err)
		fails(t, f.RegisterToken(ctx, f.entryToken("two", list.ID, index)), models.ErrEntryTaken)
		lists, _, err := f.StatusLists(ctx, f.shop.ID.String())
		must(t, err)
		equal(t, "assigned", lists[0].Assigned, 1)
	}},
	{"of a hundred tokens with one entry one is registered", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		list, index, err := f.FreeStatusEntry(ctx, f.shop.ID.String())
		must(t, err)
		won := race(t, 100, func(err error) bool { return errors.Is(err, models.ErrEntryTaken) }, func(i int) error {
			return f.RegisterToken(ctx, f.entryToken(fmt.Sprint(i), list.ID, index))
		})
		equal(t, "winners", won, 1)
	}},
	{"many first tokens at once begin one list", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		won := race(t, 30, func(err error) bool { return errors.Is(err, models.ErrEntryTaken) }, func(i int) error {
			list, index, err := f.FreeStatusEntry(ctx, f.shop.ID.String())
			if err != nil {
				return err
			}
			return f.RegisterToken(ctx, f.entryToken(fmt.Sprint(i), list.ID, index))
		})
		lists, _, err := f.StatusLists(ctx, f.shop.ID.String())
		must(t, err)
		equal(t, "lists", len(lists), 1)
		equal(t, "assigned", lists[0].Assigned, int64(won))
	}},
	{"revoked entries are those of revoked tokens", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		list, _, err := f.FreeStatusEntry(ctx, f.shop.ID.String())
		must(t, err)
		revoked := func(want ...int64) {
			t.Helper()
			got, err := f.RevokedEntries(ctx, list.ID)
			must(t, err)
			if !slices.Equal(got, want) {
				t.Errorf("revoked %d, want %d", got, want)
			}
		}
		for i := range int64(4) {
			must(t, f.RegisterToken(ctx, f.entryToken(fmt.Sprint("t", i), list.ID, 10*i)))
		}
		revoked()
		must(t, f.DenyToken(ctx, models.DeniedToken{JTI: "t2", Scope: f.shop.ID.String()}))
		revoked(20)
		_, err = f.RevokeRegistered(ctx, models.TokenFilter{JTI: "t0"})
		must(t, err)
		revoked(0, 20)
		f.raise(t)
		revoked(0, 10, 20, 30)
	}},
	{"a deleted application is gone, and gets another list when it is restored", func(t *testing.T, f *fixture) {
		ctx, scope := t.Context(), f.shop.ID.String()
		list, index, err := f.FreeStatusEntry(ctx, scope)
		must(t, err)
		must(t, f.RegisterToken(ctx, f.entryToken("one", list.ID, index)))
		must(t, f.DeleteApplication(ctx, f.shop.ID))
		lists, gone, err := f.StatusLists(ctx, scope)
		must(t, err)
		equal(t, "lists and gone", fmt.Sprint(len(lists), gone), "1 true")
		_, application, err := f.AnyApplication(ctx, "ACME", "Shop")
		must(t, err)
		equal(t, "found by name", application.ID, f.shop.ID)
		parent, application, err := f.AnyApplication(ctx, "-", scope)
		must(t, err)
		equal(t, "found by uuid", []uuid.UUID{parent.ID, application.ID}, []uuid.UUID{f.acme.ID, f.shop.ID})
		for _, ref := range [][2]string{{"acme", "none"}, {"none", "shop"}, {"-", "shop"}, {"", uuid.NewString()}} {
			_, _, err := f.AnyApplication(ctx, ref[0], ref[1])
			fails(t, err, models.ErrNotFound)
		}
		_, err = f.RestoreApplication(ctx, f.shop.ID)
		must(t, err)
		revoked, err := f.RevokedEntries(ctx, list.ID)
		must(t, err)
		equal(t, "revoked", revoked, []int64{index})
		next, _, err := f.FreeStatusEntry(ctx, scope)
		must(t, err)
		equal(t, "number of the next list", next.Number, 2)
		late := f.entryToken("late", list.ID, index^1)
		late.Generation = 2
		fails(t, f.RegisterToken(ctx, late), models.ErrEntryTaken)
	}},
	{"a deleted organization's tokens are revoked", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		list, index, err := f.FreeStatusEntry(ctx, models.ManagementScope)
		must(t, err)
		must(t, f.RegisterToken(ctx, models.RegisteredToken{
			JTI: "org", Subject: f.acme.ID, Level: "organization", OrganizationID: &f.acme.ID, Generation: 1, StatusList: &list.ID, StatusIndex: &index,
		}))
		must(t, f.DeleteOrganization(ctx, f.acme.ID))
		revoked, err := f.RevokedEntries(ctx, list.ID)
		must(t, err)
		equal(t, "revoked", revoked, []int64{index})
		lists, gone, err := f.StatusLists(ctx, models.ManagementScope)
		must(t, err)
		equal(t, "management is never gone", fmt.Sprint(len(lists), gone), "1 false")
	}},
}
