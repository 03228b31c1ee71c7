package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// forever (ms) is where a lifetime counts as non-expiring.
const forever int64 = 3_153_600_000_000

//nolint:thelper // these are the tests themselves
var applications = []contract{
	{"an application is found by any pair of references", func(t *testing.T, f *fixture) {
		for _, refs := range [][2]string{
			{"acme", "shop"},
			{"Acme", "SHOP"},
			{f.acme.ID.String(), f.shop.ID.String()},
			{"acme", f.shop.ID.String()},
			{"", f.shop.ID.String()},
			{"-", f.shop.ID.String()},
		} {
			organization, application, err := f.Application(t.Context(), refs[0], refs[1])
			must(t, err)
			equal(t, "organization", organization, f.acme)
			equal(t, "application", application, f.shop)
		}
		must(t, f.CreateOrganization(t.Context(), f.organization(t, "globex")))
		for _, refs := range [][2]string{
			{"acme", "none"}, {"", "shop"}, {"-", "shop"}, {"globex", "shop"}, {"globex", f.shop.ID.String()}, {"none", "shop"},
		} {
			_, _, err := f.Application(t.Context(), refs[0], refs[1])
			fails(t, err, models.ErrNotFound)
		}
	}},
	{"names are unique within the organization only, tombstones included", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		duplicate(t, f.CreateApplication(ctx, f.application(t, f.acme.ID, "shop")), "application", "name", "shop")
		globex := f.organization(t, "globex")
		must(t, f.CreateOrganization(ctx, globex))
		must(t, f.CreateApplication(ctx, f.application(t, globex.Organization.ID, "shop")))
		f.written(t, func() { must(t, f.DeleteApplication(ctx, f.shop.ID)) }, entry(models.ChangeApplication, f.shop.ID))
		duplicate(t, f.CreateApplication(ctx, f.application(t, f.acme.ID, "shop")), "application", "name", "shop")
		fails(t, f.CreateApplication(ctx, f.application(t, uuid.New(), "shop")), models.ErrNotFound)
	}},
	{"live applications are listed by name", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for _, name := range []string{"zeta", "beta", "gone"} {
			must(t, f.CreateApplication(ctx, f.application(t, f.acme.ID, name)))
		}
		_, gone, err := f.Application(ctx, "acme", "gone")
		must(t, err)
		must(t, f.DeleteApplication(ctx, gone.ID))
		listed, err := f.ApplicationsOf(ctx, f.acme.ID)
		must(t, err)
		names := []string{}
		for _, application := range listed {
			names = append(names, application.Name)
		}
		equal(t, "names", names, []string{"beta", "shop", "zeta"})
	}},
	{"settings survive and the longest lifetime only rises", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		set := func(ttl *int64) models.Application {
			got, err := f.UpdateApplication(ctx, f.shop.ID, func(a *models.Application) error {
				a.Settings = models.Settings{AccessTokenTTL: ttl, Scopes: []string{"read"}, RefreshTokens: true}
				a.LongestTTL = 0 // not for the caller to set
				return a.Properties.Merge(map[string]any{"nested": map[string]any{"a": "b"}})
			})
			must(t, err)
			_, again, err := f.Application(ctx, "acme", "shop")
			must(t, err)
			equal(t, "stored", again, got)
			return got
		}
		for _, step := range []struct {
			ttl  *int64
			want int64
		}{{new(int64(5000)), 5000}, {new(int64(9000)), 9000}, {new(int64(100)), 9000}, {nil, 9000}, {new(int64(0)), forever}, {nil, forever}} {
			equal(t, "longest", set(step.ttl).LongestTTL, step.want)
		}
		_, err := f.UpdateApplication(ctx, f.shop.ID, func(*models.Application) error { return errBroken })
		fails(t, err, errBroken)
	}},
	{"a restored application has nothing of its old tokens", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		registered := f.token(f.dana.ID)
		must(t, f.RegisterToken(ctx, registered))
		must(t, f.CreateRefreshToken(ctx, f.refreshToken(1)))
		must(t, f.DeleteApplication(ctx, f.shop.ID))
		tomb, err := f.DeletedApplication(ctx, f.acme.ID, f.shop.ID)
		must(t, err)
		if tomb.Deleted == nil {
			t.Error("the tombstone has no time of deletion")
		}
		_, err = f.DeletedApplication(ctx, uuid.New(), f.shop.ID)
		fails(t, err, models.ErrNotFound)
		log := f.written(t, func() {
			got, err := f.RestoreApplication(ctx, f.shop.ID)
			must(t, err)
			if got.Deleted != nil {
				t.Error("still deleted")
			}
		}, entry(models.ChangeApplication, f.shop.ID), entry(models.ChangeClient, f.shop.ID), "token_denied "+registered.JTI)
		equal(t, "detail", log[len(log)-1].Detail, store.Restored)
		user, err := f.User(ctx, f.shop.ID, "dana")
		must(t, err)
		equal(t, "generation of the user", user.Generation, 2)
		credential, err := f.Client(ctx, f.shop.ID)
		must(t, err)
		equal(t, "generation of the client", credential.Generation, 2)
		_, err = f.RefreshToken(ctx, f.refreshToken(1).Hash)
		fails(t, err, models.ErrNotFound)
		tokens, subjects := f.denied(t, f.Store)
		equal(t, "denied tokens", len(tokens), 1)
		expires := (f.clock.ms.Load() + serverTTL + 61_000) / 1000
		for _, id := range []uuid.UUID{f.dana.ID, f.shop.ID} {
			equal(t, "denied subject", subjects[id], models.DeniedSubject{
				Subject: id, Scope: f.shop.ID.String(), Generation: 2, Expires: &expires, Created: f.clock.ms.Load(),
			})
		}
		f.written(t, func() { _, err = f.RestoreApplication(ctx, f.shop.ID); must(t, err) })
		_, err = f.RestoreApplication(ctx, uuid.New())
		fails(t, err, models.ErrNotFound)
	}},
	{"a client is changed by its owner's uuid", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.written(t, func() {
			got, err := f.UpdateClient(ctx, f.shop.ID, func(c *models.Client) error {
				c.SecretHash, c.SecretSealed, c.SecretCreated = []byte{9}, nil, 77
				return nil
			})
			must(t, err)
			again, err := f.Client(ctx, f.shop.ID)
			must(t, err)
			equal(t, "stored", again, got)
		}, entry(models.ChangeClient, f.shop.ID))
		_, err := f.UpdateClient(ctx, f.shop.ID, func(*models.Client) error { return errBroken })
		fails(t, err, errBroken)
		_, err = f.UpdateClient(ctx, uuid.New(), func(*models.Client) error { return nil })
		fails(t, err, models.ErrNotFound)
		_, err = f.Client(ctx, uuid.New())
		fails(t, err, models.ErrNotFound)
	}},
	{"a client's raised generation denies it where its tokens come from", func(t *testing.T, f *fixture) {
		for _, who := range []struct {
			owner uuid.UUID
			scope string
		}{{f.shop.ID, f.shop.ID.String()}, {f.acme.ID, models.ManagementScope}} {
			f.written(t, func() {
				_, err := f.UpdateClient(t.Context(), who.owner, func(c *models.Client) error { c.Generation++; return nil })
				must(t, err)
			}, entry(models.ChangeClient, who.owner), entry(models.ChangeSubjectDenied, who.owner))
			_, subjects := f.denied(t, f.Store)
			equal(t, "scope", subjects[who.owner].Scope, who.scope)
			equal(t, "generation", subjects[who.owner].Generation, 2)
			_, err := f.UpdateClient(t.Context(), who.owner, func(c *models.Client) error { c.Generation = 1; return nil })
			if err == nil {
				t.Error("a generation fell")
			}
		}
	}},
	{"an application born with non-expiring tokens is denied for ever", func(t *testing.T, f *fixture) {
		input := f.application(t, f.acme.ID, "eternal")
		input.Application.Settings.AccessTokenTTL = new(int64(0))
		must(t, f.CreateApplication(t.Context(), input))
		_, err := f.UpdateClient(t.Context(), input.Application.ID, func(c *models.Client) error { c.Generation++; return nil })
		must(t, err)
		f.clock.advance(200 * 365 * 24 * time.Hour)
		_, subjects := f.denied(t, f.Store)
		if got, there := subjects[input.Application.ID]; !there || got.Expires != nil {
			t.Errorf("got %+v", got)
		}
	}},
}
