package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// link is a link of dana's that lives an hour; the name makes its hash.
func (f *fixture) link(name string, purpose models.LinkPurpose) models.LinkToken {
	hash := sha256.Sum256([]byte(name))
	return models.LinkToken{
		Hash: hash[:], Purpose: purpose, OwnerKind: models.OwnerUser, OwnerID: f.dana.ID, ApplicationID: &f.shop.ID,
		Created: f.clock.ms.Load(), Expires: f.clock.ms.Load() + time.Hour.Milliseconds(),
	}
}

// adminLink is a link of root's.
func (f *fixture) adminLink(name string, purpose models.LinkPurpose) models.LinkToken {
	link := f.link(name, purpose)
	link.OwnerKind, link.OwnerID, link.ApplicationID = models.OwnerAdmin, f.root.ID, nil
	return link
}

func (f *fixture) use(t *testing.T, link models.LinkToken, change func(*models.User) error) error {
	t.Helper()
	_, err := f.UpdateUserByLink(t.Context(), link.Hash, link.Purpose, f.shop.ID, f.dana.ID, change)
	return err
}

func (f *fixture) useAdmin(t *testing.T, link models.LinkToken) error {
	t.Helper()
	_, err := f.UpdateAdminByLink(t.Context(), link.Hash, link.Purpose, f.root.ID, func(a *models.Admin) error {
		a.Name = "Root"
		return nil
	})
	return err
}

func (f *fixture) hasLink(t *testing.T, link models.LinkToken, want bool) {
	t.Helper()
	got, err := f.Link(t.Context(), link.Hash)
	if !want {
		fails(t, err, models.ErrNotFound)
		return
	}
	must(t, err)
	equal(t, "link", got, link)
}

func nothing(*models.User) error { return nil }

func isUnknown(err error) bool { return errors.Is(err, models.ErrNotFound) }

//nolint:thelper // these are the tests themselves
var links = []contract{
	{"a link is used once, together with its change", func(t *testing.T, f *fixture) { // SEC-32
		link, admin := f.link("one", models.LinkConfirm), f.adminLink("two", models.LinkConfirm)
		must(t, f.CreateLink(t.Context(), link))
		must(t, f.CreateLink(t.Context(), admin))
		f.hasLink(t, link, true)
		f.written(t, func() {
			fails(t, f.use(t, link, func(*models.User) error { return errBroken }), errBroken)
		})
		f.hasLink(t, link, true)
		f.written(t, func() {
			must(t, f.use(t, link, func(u *models.User) error { u.Name = "Dana"; return nil }))
		}, entry(models.ChangeUser, f.dana.ID))
		must(t, f.useAdmin(t, admin))
		user, err := f.User(t.Context(), f.shop.ID, "dana")
		must(t, err)
		equal(t, "name", user.Name, "Dana")
		f.written(t, func() {
			fails(t, f.use(t, link, nothing), models.ErrNotFound)
			fails(t, f.useAdmin(t, admin), models.ErrNotFound)
		})
	}},
	{"of fifty uses of a link at once one wins", func(t *testing.T, f *fixture) { // SEC-32
		link, admin := f.link("one", models.LinkReset), f.adminLink("two", models.LinkReset)
		must(t, f.CreateLink(t.Context(), link))
		must(t, f.CreateLink(t.Context(), admin))
		equal(t, "winners", race(t, 50, isUnknown, func(int) error { return f.use(t, link, nothing) }), 1)
		equal(t, "winners", race(t, 50, isUnknown, func(int) error { return f.useAdmin(t, admin) }), 1)
	}},
	{"a link is bound to purpose and owner, and ends", func(t *testing.T, f *fixture) { // SEC-32
		ctx := t.Context()
		link, admin := f.link("one", models.LinkConfirm), f.adminLink("two", models.LinkReset)
		must(t, f.CreateLink(ctx, link))
		must(t, f.CreateLink(ctx, admin))
		other := link
		other.Purpose = models.LinkReset
		fails(t, f.use(t, other, nothing), models.ErrNotFound)
		fails(t, f.useAdmin(t, link), models.ErrNotFound)
		fails(t, f.use(t, admin, nothing), models.ErrNotFound)
		erik := f.user(t, "erik")
		must(t, f.CreateUsers(ctx, []models.User{erik}))
		_, err := f.UpdateUserByLink(ctx, link.Hash, link.Purpose, f.shop.ID, erik.ID, nothing)
		fails(t, err, models.ErrNotFound)
		_, err = f.UpdateUserByLink(ctx, link.Hash, link.Purpose, uuid.New(), f.dana.ID, nothing)
		fails(t, err, models.ErrNotFound)
		f.hasLink(t, link, true)
		f.clock.advance(time.Hour)
		fails(t, f.use(t, link, nothing), models.ErrNotFound)
		f.hasLink(t, link, false)
		count, err := f.PruneDenials(ctx, 10)
		must(t, err)
		equal(t, "pruned", count, 2)
	}},
	{"a link needs an account", func(t *testing.T, f *fixture) {
		user, admin := f.link("one", models.LinkReset), f.adminLink("two", models.LinkReset)
		user.OwnerID, admin.OwnerID = uuid.New(), uuid.New()
		fails(t, f.CreateLink(t.Context(), user), models.ErrNotFound)
		fails(t, f.CreateLink(t.Context(), admin), models.ErrNotFound)
	}},
	{"links end with what they rely on", func(t *testing.T, f *fixture) { // SEC-32
		for name, c := range map[string]struct {
			change         func(*models.User)
			reset, confirm bool
		}{
			"name":     {func(u *models.User) { u.Name = "D." }, true, true},
			"rehash":   {func(u *models.User) { u.PasswordHash = "stronger" }, true, true},
			"password": {func(u *models.User) { u.PasswordHash = "x"; u.PasswordChanged++ }, false, true},
			"email":    {func(u *models.User) { must(t, u.SetEmail("new@shop.example")) }, false, false},
			"disabled": {func(u *models.User) { u.Disabled = true }, false, false},
			"inactive": {func(u *models.User) { u.Activated = false }, false, false},
		} {
			reset, confirm := f.link("reset "+name, models.LinkReset), f.link("confirm "+name, models.LinkConfirm)
			must(t, f.CreateLink(t.Context(), reset))
			must(t, f.CreateLink(t.Context(), confirm))
			_, err := f.UpdateUser(t.Context(), f.shop.ID, f.dana.ID, func(u *models.User) error { c.change(u); return nil })
			must(t, err)
			f.hasLink(t, reset, c.reset)
			f.hasLink(t, confirm, c.confirm)
			_, err = f.UpdateUser(t.Context(), f.shop.ID, f.dana.ID, func(u *models.User) error {
				u.Disabled, u.Activated = false, true
				return nil
			})
			must(t, err)
		}
		mine, hers := f.adminLink("mine", models.LinkReset), f.link("hers", models.LinkReset)
		must(t, f.CreateLink(t.Context(), mine))
		must(t, f.CreateLink(t.Context(), hers))
		_, err := f.UpdateAdmin(t.Context(), f.root.ID, func(a *models.Admin) error { a.PasswordChanged++; return nil })
		must(t, err)
		f.hasLink(t, mine, false)
		f.hasLink(t, hers, true)
		_, err = f.DeleteUser(t.Context(), f.shop.ID, f.dana.ID)
		must(t, err)
		f.hasLink(t, hers, false)
	}},
	{"an account has a bounded number of links", func(t *testing.T, f *fixture) {
		var made []models.LinkToken
		for i := range 25 {
			f.clock.advance(time.Second)
			made = append(made, f.link(fmt.Sprint(i), models.LinkReset))
			must(t, f.CreateLink(t.Context(), made[i]))
		}
		live := 0
		for _, link := range made {
			if got, err := f.Link(t.Context(), link.Hash); err == nil && bytes.Equal(got.Hash, link.Hash) {
				live++
			}
		}
		equal(t, "links", live, 20)
		f.hasLink(t, made[24], true)
		f.hasLink(t, made[0], false)
	}},
}
