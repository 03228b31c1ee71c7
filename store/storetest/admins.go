package storetest

import (
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

//nolint:thelper // these are the tests themselves
var admins = []contract{
	{"an admin is found by uuid, e-mail and username in any case", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		admin := f.admin(t, "Eve@acme.example")
		must(t, admin.SetUsername("Eve"))
		must(t, f.CreateAdmin(ctx, admin, f.acme.ID))
		for _, ref := range []string{admin.ID.String(), "eve@ACME.example", "EVE"} {
			got, err := f.Admin(ctx, ref)
			must(t, err)
			equal(t, ref, got, admin)
		}
		_, err := f.Admin(ctx, "nobody@acme.example")
		fails(t, err, models.ErrNotFound)
		_, err = f.Admin(ctx, uuid.NewString())
		fails(t, err, models.ErrNotFound)
	}},
	{"what looks like an e-mail may be a username", func(t *testing.T, f *fixture) {
		admin := f.admin(t, "real@acme.example")
		must(t, admin.SetUsername("looks@like.example"))
		must(t, f.CreateAdmin(t.Context(), admin))
		got, err := f.Admin(t.Context(), "looks@like.example")
		must(t, err)
		equal(t, "admin", got, admin)
	}},
	{"an admin's username is no other admin's e-mail address", func(t *testing.T, f *fixture) {
		first, second := f.admin(t, "first@acme.example"), f.admin(t, "second@acme.example")
		must(t, f.CreateAdmin(t.Context(), first))
		must(t, second.SetUsername("First@acme.example"))
		duplicate(t, f.CreateAdmin(t.Context(), second), "user", "username", "First@acme.example")
	}},
	{"all admins are listed, members or not", func(t *testing.T, f *fixture) {
		for _, address := range []string{"one@acme.example", "two@acme.example", "three@acme.example"} {
			must(t, f.CreateAdmin(t.Context(), f.admin(t, address)))
		}
		for _, limit := range []int{1, 1000} {
			seen := map[string]int{}
			all(t, limit, func(page models.Page) ([]models.Admin, string, error) {
				return f.Admins(t.Context(), models.AdminFilter{}, page)
			},
				func(admin models.Admin) { seen[admin.Email]++ })
			for _, address := range []string{"one@acme.example", "two@acme.example", "three@acme.example"} {
				equal(t, address, seen[address], 1)
			}
		}
	}},
	{"admins are found by a part of name or address, and those who wait", func(t *testing.T, f *fixture) {
		for _, name := range []string{"eve", "a_b", "a%b", "shut"} {
			admin := f.admin(t, name+"@Depot.example")
			must(t, admin.SetUsername(name))
			admin.Activated, admin.Disabled = name == "a_b", name == "shut"
			must(t, f.CreateAdmin(t.Context(), admin))
		}
		count := func(filter models.AdminFilter) int {
			n := 0
			all(t, 2, func(page models.Page) ([]models.Admin, string, error) { return f.Admins(t.Context(), filter, page) },
				func(models.Admin) { n++ })
			return n
		}
		for part, want := range map[string]int{"EVE": 1, "depot.EX": 4, "a_b": 1, "%": 1, "'": 0, "!": 0, "\x00": 0, "\xff": 0} { // SEC-71
			equal(t, "admins with "+part, count(models.AdminFilter{Part: part}), want)
		}
		equal(t, "waiting", count(models.AdminFilter{Part: "depot", Waiting: true}), 2)
	}},
	{"an admin of an unknown organization is not created", func(t *testing.T, f *fixture) {
		admin := f.admin(t, "eve@acme.example")
		fails(t, f.CreateAdmin(t.Context(), admin, f.acme.ID, uuid.New()), models.ErrNotFound)
		_, err := f.Admin(t.Context(), "eve@acme.example")
		fails(t, err, models.ErrNotFound)
	}},
	{"admins are unique by username and e-mail", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		admin := f.admin(t, "Root@acme.example")
		duplicate(t, f.CreateAdmin(ctx, admin), "user", "username", "Root@acme.example")
		must(t, admin.SetUsername("other"))
		duplicate(t, f.CreateAdmin(ctx, admin), "user", "email", "Root@acme.example")
		must(t, admin.SetEmail("other@acme.example"))
		must(t, f.CreateAdmin(ctx, admin))
		_, err := f.UpdateAdmin(ctx, admin.ID, func(a *models.Admin) error { return a.SetEmail("ROOT@acme.example") })
		duplicate(t, err, "user", "email", "ROOT@acme.example")
	}},
	{"there is one superuser", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		_, err := f.Superuser(ctx)
		fails(t, err, models.ErrNotFound)
		all := make([]models.Admin, 5)
		for i := range all {
			all[i] = f.admin(t, "super"+strconv.Itoa(i)+"@acme.example")
			all[i].Superuser = true
		}
		won := race(t, len(all), isConflict, func(i int) error { return f.CreateAdmin(ctx, all[i]) })
		equal(t, "superusers", won, 1)
		got, err := f.Superuser(ctx)
		must(t, err)
		equal(t, "superuser", got.Superuser, true)
	}},
	{"revoking an admin's tokens denies them at management", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		token := models.RegisteredToken{JTI: "admin-token", Subject: f.root.ID, Level: "admin_user", Generation: 1, IssuedBy: f.root.ID}
		must(t, f.RegisterToken(ctx, token))
		f.written(t, func() {
			_, err := f.UpdateAdmin(ctx, f.root.ID, func(a *models.Admin) error { a.Generation++; return nil })
			must(t, err)
		}, entry(models.ChangeAdmin, f.root.ID), entry(models.ChangeSubjectDenied, f.root.ID), "token_denied admin-token")
		tokens, subjects := f.denied(t, f.Store)
		equal(t, "scope of the subject", subjects[f.root.ID].Scope, models.ManagementScope)
		equal(t, "scope of the token", tokens["admin-token"].Scope, models.ManagementScope)
		fails(t, f.RegisterToken(ctx, token), models.ErrConflict)
	}},
	{"an admin's former passwords are remembered", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for _, hash := range []string{"one", "two", "three"} {
			_, err := f.UpdateAdmin(ctx, f.root.ID, func(a *models.Admin) error {
				a.PasswordHash = hash
				a.PasswordChanged++
				return nil
			})
			must(t, err)
		}
		past, err := f.PastPasswords(ctx, f.root.ID, 10)
		must(t, err)
		equal(t, "past passwords", past, []string{"two", "one"})
	}},
	{"an unknown admin cannot be changed", func(t *testing.T, f *fixture) {
		_, err := f.UpdateAdmin(t.Context(), uuid.New(), func(*models.Admin) error { return nil })
		fails(t, err, models.ErrNotFound)
	}},
}
