package storetest

import (
	"errors"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

//nolint:thelper // these are the tests themselves
var organizations = []contract{
	{"an organization is found by name in any case and by uuid", func(t *testing.T, f *fixture) {
		for _, ref := range []string{"acme", "ACME", f.acme.ID.String()} {
			got, err := f.Organization(t.Context(), ref)
			must(t, err)
			equal(t, ref, got, f.acme)
		}
		for _, ref := range []string{"", "acm", "acme' OR '1'='1", uuid.NewString()} {
			_, err := f.Organization(t.Context(), ref)
			fails(t, err, models.ErrNotFound)
		}
	}},
	{"a new organization comes with its owner, clients, applications and roles", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		input, owner := f.organization(t, "globex"), f.admin(t, "owner@globex.example")
		input.Owner = &owner
		input.Applications = append(input.Applications, f.application(t, input.Organization.ID, "sandbox"))
		application := input.Applications[0].Application
		f.written(t, func() { must(t, f.CreateOrganization(ctx, input)) },
			entry(models.ChangeOrganization, input.Organization.ID), entry(models.ChangeApplication, application.ID),
			entry(models.ChangePolicy, application.ID), entry(models.ChangeAdmin, owner.ID))
		got, err := f.Client(ctx, input.Organization.ID)
		must(t, err)
		equal(t, "client of the organization", got, input.Client)
		got, err = f.Client(ctx, application.ID)
		must(t, err)
		equal(t, "client of the application", got, input.Applications[0].Client)
		member, err := f.IsMember(ctx, owner.ID, input.Organization.ID)
		must(t, err)
		equal(t, "the owner is a member", member, true)
		rules, err := f.GuestRules(ctx, application.ID)
		must(t, err)
		equal(t, "guest rules", rules, []string{"post:/users"})
	}},
	{"an existing admin may own a new organization", func(t *testing.T, f *fixture) {
		input := f.organization(t, "globex")
		input.OwnerID = f.root.ID
		must(t, f.CreateOrganization(t.Context(), input))
		owned, err := f.OrganizationsOf(t.Context(), f.root.ID)
		must(t, err)
		equal(t, "organizations of root", owned, []models.Organization{f.acme, input.Organization})
		input = f.organization(t, "initech")
		input.OwnerID = uuid.New()
		fails(t, f.CreateOrganization(t.Context(), input), models.ErrNotFound)
		_, err = f.Organization(t.Context(), "initech")
		fails(t, err, models.ErrNotFound)
	}},
	{"a creation that fails at its end leaves nothing", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		input, owner := f.organization(t, "globex"), f.admin(t, "owner@globex.example")
		id := input.Organization.ID
		input.Owner = &owner
		input.Applications = append(input.Applications, f.application(t, id, "sandbox"), f.application(t, id, "sandbox"))
		f.written(t, func() { duplicate(t, f.CreateOrganization(ctx, input), "application", "name", "sandbox") })
		_, err := f.Organization(ctx, "globex")
		fails(t, err, models.ErrNotFound)
		_, err = f.Admin(ctx, owner.Email)
		fails(t, err, models.ErrNotFound)
		_, err = f.Client(ctx, id)
		fails(t, err, models.ErrNotFound)
	}},
	{"a taken owner fails the creation by property", func(t *testing.T, f *fixture) {
		input, owner := f.organization(t, "globex"), f.admin(t, "ROOT@acme.example")
		input.Owner = &owner
		duplicate(t, f.CreateOrganization(t.Context(), input), "user", "username", "ROOT@acme.example")
		must(t, owner.SetUsername("other"))
		duplicate(t, f.CreateOrganization(t.Context(), input), "user", "email", "ROOT@acme.example")
	}},
	{"a client that is not the organization's own is refused", func(t *testing.T, f *fixture) {
		input := f.organization(t, "globex")
		input.Client = client(models.OrganizationClient, uuid.New())
		if f.CreateOrganization(t.Context(), input) == nil {
			t.Error("accepted a foreign client")
		}
	}},
	{"the name of a deleted organization stays taken", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.written(t, func() { must(t, f.DeleteOrganization(ctx, f.acme.ID)) },
			entry(models.ChangeOrganization, f.acme.ID), entry(models.ChangeApplication, f.shop.ID),
			entry(models.ChangeClient, f.acme.ID), entry(models.ChangeSubjectDenied, f.acme.ID))
		_, err := f.Organization(ctx, "acme")
		fails(t, err, models.ErrNotFound)
		_, _, err = f.Application(ctx, "", f.shop.ID.String())
		fails(t, err, models.ErrNotFound)
		fails(t, f.DeleteOrganization(ctx, f.acme.ID), models.ErrNotFound)
		_, err = f.UpdateOrganization(ctx, f.acme.ID, func(*models.Organization) error { return nil })
		fails(t, err, models.ErrNotFound)
		fails(t, f.CreateApplication(ctx, f.application(t, f.acme.ID, "late")), models.ErrNotFound)
		_, err = f.RestoreApplication(ctx, f.shop.ID)
		fails(t, err, models.ErrNotFound)
		duplicate(t, f.CreateOrganization(ctx, f.organization(t, "acme")), "organization", "name", "acme")
		left, err := f.OrganizationsOf(ctx, f.root.ID)
		must(t, err)
		equal(t, "organizations of root", left, []models.Organization{})
	}},
	{"an organization is changed as a whole or not at all", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.clock.advance(1000)
		f.written(t, func() {
			got, err := f.UpdateOrganization(ctx, f.acme.ID, func(o *models.Organization) error {
				o.Properties, o.PasswordHistorySize = models.Properties{"color": "red"}, 3
				return nil
			})
			must(t, err)
			equal(t, "modified", got.Modified, f.clock.ms.Load())
			again, err := f.Organization(ctx, "acme")
			must(t, err)
			equal(t, "stored", again, got)
		}, entry(models.ChangeOrganization, f.acme.ID))
		f.written(t, func() {
			_, err := f.UpdateOrganization(ctx, f.acme.ID, func(o *models.Organization) error {
				o.PasswordHistorySize = 9
				return errBroken
			})
			fails(t, err, errBroken)
		})
		got, err := f.Organization(ctx, "acme")
		must(t, err)
		equal(t, "history", got.PasswordHistorySize, 3)
	}},
	{"of two creators of one name one wins", func(t *testing.T, f *fixture) {
		inputs := make([]func() error, 10)
		for i := range inputs {
			input := f.organization(t, "globex")
			inputs[i] = func() error { return f.CreateOrganization(t.Context(), input) }
		}
		won := race(t, len(inputs), isDuplicate, func(i int) error { return inputs[i]() })
		equal(t, "winners", won, 1)
	}},
	{"members come and go, but the last one stays", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		other := f.admin(t, "other@acme.example")
		f.written(t, func() { must(t, f.CreateAdmin(ctx, other)) }, entry(models.ChangeAdmin, other.ID))
		all := []string{entry(models.ChangeAdmin, other.ID), entry(models.ChangeOrganization, f.acme.ID), entry(models.ChangeClaims, f.acme.ID)}
		f.written(t, func() { must(t, f.AddMember(ctx, other.ID, f.acme.ID)) }, all...)
		f.written(t, func() { must(t, f.AddMember(ctx, other.ID, f.acme.ID)) })
		members, err := f.MembersOf(ctx, f.acme.ID)
		must(t, err)
		equal(t, "members", len(members), 2)
		f.written(t, func() { must(t, f.RemoveMember(ctx, other.ID, f.acme.ID)) }, all...)
		fails(t, f.RemoveMember(ctx, other.ID, f.acme.ID), models.ErrNotFound)
		fails(t, f.RemoveMember(ctx, f.root.ID, f.acme.ID), models.ErrLastMember)
		fails(t, f.RemoveMember(ctx, f.root.ID, uuid.New()), models.ErrNotFound)
		fails(t, f.AddMember(ctx, uuid.New(), f.acme.ID), models.ErrNotFound)
		fails(t, f.AddMember(ctx, other.ID, uuid.New()), models.ErrNotFound)
	}},
	{"members that leave at once do not all leave", func(t *testing.T, f *fixture) { // SEC-73
		leaving := []uuid.UUID{f.root.ID}
		for i := range 9 {
			admin := f.admin(t, "m"+strconv.Itoa(i)+"@acme.example")
			must(t, f.CreateAdmin(t.Context(), admin, f.acme.ID))
			leaving = append(leaving, admin.ID)
		}
		isLast := func(err error) bool { return errors.Is(err, models.ErrLastMember) }
		won := race(t, len(leaving), isLast, func(i int) error { return f.RemoveMember(t.Context(), leaving[i], f.acme.ID) })
		equal(t, "who left", won, len(leaving)-1)
	}},
}
