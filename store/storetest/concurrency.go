package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// concurrency is what callers may rely on that SQLite gives for nothing, because it has one writer.
//
//nolint:thelper // these are the tests themselves
var concurrency = []contract{
	{"no change of a row is lost to another one", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role, group := f.role(t, "clerk"), f.group(t, "staff")
		before := group.Title
		const times = 12
		for name, add := range map[string]func() error{
			"user": func() error {
				_, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error { u.Name += "x"; return nil })
				return err
			},
			"admin": func() error {
				_, err := f.UpdateAdmin(ctx, f.root.ID, func(a *models.Admin) error { a.Name += "x"; return nil })
				return err
			},
			"organization": func() error {
				_, err := f.UpdateOrganization(ctx, f.acme.ID, func(o *models.Organization) error { o.PasswordHistorySize++; return nil })
				return err
			},
			"application": func() error {
				_, err := f.UpdateApplication(ctx, f.shop.ID, func(a *models.Application) error { a.LongestTTL++; return nil })
				return err
			},
			"client": func() error {
				_, err := f.UpdateClient(ctx, f.shop.ID, func(c *models.Client) error { c.Generation++; return nil })
				return err
			},
			"role": func() error {
				_, err := f.UpdateRole(ctx, f.shop.ID, role.ID, func(r *models.Role) error { r.Title += "x"; return nil })
				return err
			},
			"group": func() error {
				_, err := f.UpdateGroup(ctx, f.shop.ID, group.ID, func(g *models.Group) error { g.Title += "x"; return nil })
				return err
			},
			"rules": func() error {
				_, err := f.AddRules(ctx, f.shop.ID, models.HolderUser, f.dana.ID, []string{"get:/" + uuid.NewString()})
				return err
			},
			"audit": func() error { return f.AppendAudit(ctx, []models.AuditEvent{{Action: "x"}}) },
		} {
			equal(t, name, race(t, times, never, func(int) error { return add() }), times)
		}
		user, err := f.User(ctx, f.shop.ID, "dana")
		must(t, err)
		admin, err := f.Admin(ctx, f.root.Email)
		must(t, err)
		organization, application, err := f.Application(ctx, "acme", "shop")
		must(t, err)
		credential, err := f.Client(ctx, f.shop.ID)
		must(t, err)
		role, err = f.Role(ctx, f.shop.ID, "clerk")
		must(t, err)
		group, err = f.Group(ctx, f.shop.ID, "staff")
		must(t, err)
		rules, err := f.Rules(ctx, f.shop.ID, models.HolderUser, f.dana.ID)
		must(t, err)
		equal(t, "changes", []int{
			len(user.Name), len(admin.Name) - len(f.root.Name), organization.PasswordHistorySize - f.acme.PasswordHistorySize,
			int(application.LongestTTL - f.shop.LongestTTL), int(credential.Generation) - 1, len(role.Title) - len("clerk"), len(group.Title) - len(before), len(rules),
		}, []int{times, times, times, times, times, times, times, times})
		chain, err := f.VerifyAudit(ctx)
		must(t, err)
		equal(t, "audit trail", chain.Complaint, "")
	}},
	{"a username and an e-mail address that are taken at once go to one", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		const wanted = "wanted@shop.example"
		users, admins := make([]models.User, 10), make([]models.Admin, 10)
		for i := range users {
			users[i], admins[i] = f.user(t, "u"+uuid.NewString()), f.admin(t, uuid.NewString()+"@acme.example")
			if i%2 == 0 {
				must(t, errors.Join(users[i].SetUsername(wanted), admins[i].SetUsername(wanted)))
			} else {
				must(t, users[i].SetEmail(wanted))
				admins[i] = f.admin(t, wanted)
				must(t, admins[i].SetUsername("a"+uuid.NewString()))
			}
		}
		equal(t, "users", race(t, len(users), isDuplicate, func(i int) error { return f.CreateUsers(ctx, users[i:i+1]) }), 1)
		equal(t, "admins", race(t, len(admins), isDuplicate, func(i int) error { return f.CreateAdmin(ctx, admins[i]) }), 1)
	}},
	{"a family of refresh tokens ends with what a rotation adds meanwhile", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for round := range 10 {
			first, second := f.next(fmt.Sprint("first ", round)), f.next(fmt.Sprint("second ", round))
			first.Family = uuid.New()
			second.Family = first.Family
			must(t, f.CreateRefreshToken(ctx, first))
			race(t, 2, func(err error) bool { return errors.Is(err, models.ErrNotFound) }, func(i int) error {
				if i == 0 {
					return f.EndRefreshFamily(ctx, first.Family)
				}
				return f.RotateRefreshToken(ctx, first.Hash, 0, second)
			})
			_, err := f.RefreshToken(ctx, second.Hash)
			fails(t, err, models.ErrNotFound)
		}
	}},
	{"changes that lock the same rows in different orders all succeed", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		race(t, 24, func(err error) bool { return errors.Is(err, models.ErrNotFound) || isConflict(err) }, func(i int) error {
			token := f.next(strconv.Itoa(i))
			switch i % 4 {
			case 0:
				_, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error { u.Generation++; return nil })
				return err
			case 1:
				_, err := f.UpdateApplication(ctx, f.shop.ID, func(*models.Application) error { return nil })
				return err
			case 2:
				return f.CreateRefreshToken(ctx, token)
			}
			return f.CreateFirstSigningKey(ctx, key(uuid.NewString(), "signing", 1))
		})
	}},
	{"what no text can hold is nowhere", func(t *testing.T, f *fixture) { // SEC-71
		ctx := t.Context()
		for _, ref := range []string{"a\x00b", "\xff\xfe", "a\x00@b.example"} {
			_, err := f.Organization(ctx, ref)
			fails(t, err, models.ErrNotFound)
			_, _, err = f.Application(ctx, "acme", ref)
			fails(t, err, models.ErrNotFound)
			_, err = f.Admin(ctx, ref)
			fails(t, err, models.ErrNotFound)
			_, err = f.User(ctx, f.shop.ID, ref)
			fails(t, err, models.ErrNotFound)
			_, err = f.Role(ctx, f.shop.ID, ref)
			fails(t, err, models.ErrNotFound)
			_, err = f.Group(ctx, f.shop.ID, ref)
			fails(t, err, models.ErrNotFound)
			_, err = f.RegisteredToken(ctx, ref)
			fails(t, err, models.ErrNotFound)
			_, err = f.Meta(ctx, ref)
			fails(t, err, models.ErrNotFound)
			users, _, err := f.Users(ctx, f.shop.ID, models.UserFilter{Any: [][]models.UserCondition{{{Property: "username", Value: ref}}}}, models.Page{})
			must(t, err)
			equal(t, "users", len(users), 0)
			if events, _, err := f.Audit(ctx, models.AuditFilter{Actor: ref}, models.Page{}); len(events) > 0 {
				t.Error(events, err)
			} else if err != nil {
				invalid(t, err)
			}
		}
	}},
	{"texts sort by their bytes", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for _, name := range []string{"b", "a-b", "a.b", "ab", "a_b", "a1"} {
			must(t, f.CreateApplication(ctx, f.application(t, f.acme.ID, name)))
		}
		applications, err := f.ApplicationsOf(ctx, f.acme.ID)
		must(t, err)
		names := []string{}
		for i := range applications {
			names = append(names, applications[i].Name)
		}
		equal(t, "names", names, []string{"a-b", "a.b", "a1", "a_b", "ab", "b", "shop"})
	}},
	{"a prolonged denial is not pruned with the expired ones", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.raise(t)
		f.clock.advance(10 * 24 * time.Hour)
		race(t, 8, never, func(i int) error {
			if i%2 == 0 {
				_, err := f.PruneDenials(ctx, 100)
				return err
			}
			_, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error { u.Generation++; return nil })
			return err
		})
		_, subjects := f.denied(t, f.Store)
		equal(t, "generation", subjects[f.dana.ID].Generation, 6)
	}},
}
