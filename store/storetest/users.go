package storetest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

//nolint:thelper // these are the tests themselves
var users = []contract{
	{"a user is found by uuid, e-mail and username, in his application only", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		other := f.application(t, f.acme.ID, "other")
		must(t, f.CreateApplication(ctx, other))
		for _, ref := range []string{f.dana.ID.String(), "DANA@shop.example", "Dana"} {
			got, err := f.User(ctx, f.shop.ID, ref)
			must(t, err)
			equal(t, ref, got, f.dana)
			_, err = f.User(ctx, other.Application.ID, ref)
			fails(t, err, models.ErrNotFound)
		}
		for property, value := range map[string]string{"uuid": f.dana.ID.String(), "email": "dana@SHOP.example", "username": "dana"} {
			got, err := f.UserBy(ctx, f.shop.ID, property, value)
			must(t, err)
			equal(t, property, got, f.dana)
		}
		for property, value := range map[string]string{"email": "dana", "username": "dana@shop.example"} {
			_, err := f.UserBy(ctx, f.shop.ID, property, value)
			fails(t, err, models.ErrNotFound)
		}
	}},
	{"a property that is no column never reaches the database", func(t *testing.T, f *fixture) { // SEC-71
		const injection = "id = id OR username_key"
		_, err := f.UserBy(t.Context(), f.shop.ID, injection, "x")
		invalid(t, err)
		filter := models.UserFilter{Any: [][]models.UserCondition{{{Property: injection, Value: "x"}}}}
		_, _, err = f.Users(t.Context(), f.shop.ID, filter, models.Page{})
		invalid(t, err)
	}},
	{"users without an e-mail do not collide", func(t *testing.T, f *fixture) {
		list := []models.User{f.user(t, "a"), f.user(t, "b")}
		for i := range list {
			must(t, list[i].SetEmail(""))
		}
		must(t, f.CreateUsers(t.Context(), list))
	}},
	{"a username is nobody else's e-mail address", func(t *testing.T, f *fixture) { // SEC-70: a reference finds one person
		ctx := t.Context()
		thief := f.user(t, "thief")
		must(t, thief.SetUsername("DANA@shop.example"))
		duplicate(t, f.CreateUsers(ctx, []models.User{thief}), "user", "username", "DANA@shop.example")
		looks := f.user(t, "looks")
		must(t, looks.SetUsername("looks@like.example"))
		must(t, f.CreateUsers(ctx, []models.User{looks}))
		_, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error { return u.SetEmail("Looks@like.example") })
		duplicate(t, err, "user", "email", "Looks@like.example")
		_, err = f.UpdateUser(ctx, f.shop.ID, looks.ID, func(u *models.User) error { return u.SetEmail("looks@like.example") })
		must(t, err) // his own
	}},
	{"many users are created all or none", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		list := []models.User{f.user(t, "a"), f.user(t, "b"), f.user(t, "DANA"), f.user(t, "c")}
		duplicate(t, f.CreateUsers(ctx, list), "user", "username", "DANA")
		must(t, list[2].SetUsername("x"))
		duplicate(t, f.CreateUsers(ctx, list), "user", "email", "DANA@shop.example")
		_, err := f.User(ctx, f.shop.ID, "a")
		fails(t, err, models.ErrNotFound)
		duplicate(t, f.CreateUsers(ctx, []models.User{f.user(t, "twin"), f.user(t, "Twin")}), "user", "username", "Twin")
		f.written(t, func() { must(t, f.CreateUsers(ctx, list[:2])) })
		stray := f.user(t, "stray")
		stray.ApplicationID = uuid.New()
		fails(t, f.CreateUsers(ctx, []models.User{stray}), models.ErrNotFound)
	}},
	{"of two creators of one user one wins", func(t *testing.T, f *fixture) {
		list := make([]models.User, 10)
		for i := range list {
			list[i] = f.user(t, "wanted")
		}
		won := race(t, len(list), isDuplicate, func(i int) error { return f.CreateUsers(t.Context(), list[i:i+1]) })
		equal(t, "winners", won, 1)
	}},
	{"a user is changed as a whole or not at all", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		must(t, f.CreateUsers(ctx, []models.User{f.user(t, "eve")}))
		f.written(t, func() {
			got, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error {
				u.Disabled, u.Deactivated, u.Name, u.PINHash = true, new(int64(5)), "Dana", "pin"
				return errors.Join(u.Properties.Merge(map[string]any{"a": "b"}), u.SetEmail(""))
			})
			must(t, err)
			again, err := f.User(ctx, f.shop.ID, "dana")
			must(t, err)
			equal(t, "stored", again, got)
		}, entry(models.ChangeUser, f.dana.ID), entry(models.ChangeSubjectDenied, f.dana.ID))
		f.written(t, func() {
			_, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error { u.Name = "x"; return errBroken })
			fails(t, err, errBroken)
			_, err = f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error { return u.SetUsername("EVE") })
			duplicate(t, err, "user", "username", "EVE")
			_, err = f.UpdateUser(ctx, uuid.New(), f.dana.ID, func(*models.User) error { return nil })
			fails(t, err, models.ErrNotFound)
		})
	}},
	{"a raised generation denies everything older", func(t *testing.T, f *fixture) { // SEC-62
		ctx := t.Context()
		must(t, f.RegisterToken(ctx, f.token(f.dana.ID)))
		must(t, f.CreateRefreshToken(ctx, f.refreshToken(1)))
		f.written(t, func() { f.raise(t) },
			entry(models.ChangeUser, f.dana.ID), entry(models.ChangeSubjectDenied, f.dana.ID), "token_denied "+f.token(f.dana.ID).JTI)
		tokens, subjects := f.denied(t, f.Store)
		expires := (f.clock.ms.Load() + serverTTL + 61_000) / 1000
		equal(t, "subject", subjects[f.dana.ID], models.DeniedSubject{
			Subject: f.dana.ID, Scope: f.shop.ID.String(), Generation: 2, Expires: &expires, Created: f.clock.ms.Load(),
		})
		equal(t, "token", tokens[f.token(f.dana.ID).JTI], models.DeniedToken{
			JTI: f.token(f.dana.ID).JTI, Scope: f.shop.ID.String(), Created: f.clock.ms.Load(),
		})
		_, err := f.RefreshToken(ctx, f.refreshToken(1).Hash)
		fails(t, err, models.ErrNotFound)
		f.clock.advance(time.Hour)
		f.raise(t)
		_, subjects = f.denied(t, f.Store)
		equal(t, "generation", subjects[f.dana.ID].Generation, 3)
		if *subjects[f.dana.ID].Expires <= expires {
			t.Error("the later denial does not end later")
		}
	}},
	{"a generation never falls", func(t *testing.T, f *fixture) {
		f.raise(t)
		_, err := f.UpdateUser(t.Context(), f.shop.ID, f.dana.ID, func(u *models.User) error { u.Generation = 1; return nil })
		if err == nil {
			t.Error("it fell")
		}
	}},
	{"a denial outlives the longest lifetime ever allowed", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for _, ttl := range []int64{10 * serverTTL, 1000} {
			_, err := f.UpdateApplication(ctx, f.shop.ID, func(a *models.Application) error {
				a.Settings.AccessTokenTTL = &ttl
				return nil
			})
			must(t, err)
		}
		f.raise(t)
		_, subjects := f.denied(t, f.Store)
		equal(t, "expires", *subjects[f.dana.ID].Expires, (f.clock.ms.Load()+10*serverTTL+61_000)/1000)
	}},
	{"a longer default of a former configuration counts", func(t *testing.T, f *fixture) {
		_ = f.open(t, 20*serverTTL)
		_ = f.open(t, 1)
		f.raise(t)
		_, subjects := f.denied(t, f.Store)
		equal(t, "expires", *subjects[f.dana.ID].Expires, (f.clock.ms.Load()+20*serverTTL+61_000)/1000)
		_ = f.open(t, 0)
		f.raise(t)
		_, subjects = f.denied(t, f.Store)
		if subjects[f.dana.ID].Expires != nil {
			t.Error("a default without end must deny for ever")
		}
	}},
	{"former passwords are kept, the newest 24", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		want := []string{}
		for i := range 30 {
			_, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error {
				u.PasswordHash = "hash" + strconv.Itoa(i)
				u.PasswordChanged++
				return nil
			})
			must(t, err)
			want = append([]string{"hash" + strconv.Itoa(i)}, want...)
		}
		past, err := f.PastPasswords(ctx, f.dana.ID, 100)
		must(t, err)
		equal(t, "all", past, want[1:25])
		past, err = f.PastPasswords(ctx, f.dana.ID, 3)
		must(t, err)
		equal(t, "three", past, want[1:4])
	}},
	{"a stronger hash of the same password is no former password", func(t *testing.T, f *fixture) {
		_, err := f.UpdateUser(t.Context(), f.shop.ID, f.dana.ID, func(u *models.User) error {
			u.PasswordHash = "stronger" // PasswordChanged stays
			return nil
		})
		must(t, err)
		past, err := f.PastPasswords(t.Context(), f.dana.ID, 10)
		must(t, err)
		equal(t, "past passwords", past, []string{})
	}},
	{"a deleted user leaves nothing but a denial", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role, group := f.role(t, "clerk"), f.group(t, "staff")
		must(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderUser, f.dana.ID))
		must(t, f.AddGroupMember(ctx, f.shop.ID, group.ID, f.dana.ID))
		_, err := f.AddRules(ctx, f.shop.ID, models.HolderUser, f.dana.ID, []string{"get:/x"})
		must(t, err)
		must(t, f.CreateRefreshToken(ctx, f.refreshToken(1)))
		must(t, f.RegisterToken(ctx, f.token(f.dana.ID)))
		f.written(t, func() {
			got, err := f.DeleteUser(ctx, f.shop.ID, f.dana.ID)
			must(t, err)
			equal(t, "the deleted", got, f.dana)
		}, entry(models.ChangeUser, f.dana.ID), entry(models.ChangeSubjectDenied, f.dana.ID), "token_denied "+f.token(f.dana.ID).JTI,
			entry(models.ChangePolicy, f.shop.ID))
		_, err = f.User(ctx, f.shop.ID, "dana")
		fails(t, err, models.ErrNotFound)
		_, err = f.RefreshToken(ctx, f.refreshToken(1).Hash)
		fails(t, err, models.ErrNotFound)
		_, subjects := f.denied(t, f.Store)
		equal(t, "generation", subjects[f.dana.ID].Generation, 2)
		reborn := f.dana
		must(t, f.CreateUsers(ctx, []models.User{reborn}))
		got, err := f.Rights(ctx, f.shop.ID, reborn.ID)
		must(t, err)
		equal(t, "groups", got.Groups, []string{})
		equal(t, "roles", got.Roles, []string{"default"})
		_, err = f.DeleteUser(ctx, f.shop.ID, uuid.New())
		fails(t, err, models.ErrNotFound)
		_, err = f.DeleteUser(ctx, uuid.New(), f.dana.ID)
		fails(t, err, models.ErrNotFound)
	}},
}

// raise revokes all of dana's tokens.
func (f *fixture) raise(t *testing.T) {
	t.Helper()
	_, err := f.UpdateUser(t.Context(), f.shop.ID, f.dana.ID, func(u *models.User) error { u.Generation++; return nil })
	must(t, err)
}
