package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

var errInjected = errors.New("injected")

// failing makes the nth statement of the writer fail; 0 lets all pass.
type failing struct {
	nth, seen int
}

func inject(t *testing.T, s *Store) *failing {
	t.Helper()
	f := &failing{}
	before := func(db *gorm.DB) {
		if f.nth == 0 {
			return
		}
		if f.seen++; f.seen == f.nth {
			_ = db.AddError(errInjected)
		}
	}
	on := s.writer.Callback()
	for _, err := range []error{
		on.Create().Before("gorm:create").Register("test:create", before),
		on.Update().Before("gorm:update").Register("test:update", before),
		on.Delete().Before("gorm:delete").Register("test:delete", before),
		on.Raw().Before("gorm:raw").Register("test:raw", before),
		on.Row().Before("gorm:row").Register("test:row", before),
		on.Query().Before("gorm:query").Register("test:query", before),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// A change of several rows is all or nothing: whichever of its statements fails, the database is what it was, row by row, and the change log
// has nothing of it.
func TestAFailureBetweenTheWritesOfAChangeLeavesNothing(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, change := range changesOfSeveralRows(t, now) {
		t.Run("SQLite/"+name, func(t *testing.T) {
			t.Parallel()
			leavesNothing(t, openTest(t, nil), now, change)
		})
		t.Run("PostgreSQL/"+name, func(t *testing.T) {
			t.Parallel()
			leavesNothing(t, openAt(t, postgrestest.Copy(t, migratedHere)), now, change)
		})
	}
}

func leavesNothing(t *testing.T, s *Store, now time.Time, change func(*Store, furniture) error) {
	t.Helper()
	w := furnish(t, s, now)
	f := inject(t, s)
	before := dump(t, s)
	for f.nth = 1; ; f.nth++ {
		f.seen = 0
		err := change(s, w)
		if err == nil {
			break
		}
		if !errors.Is(err, errInjected) {
			t.Fatalf("statement %d: %v", f.nth, err)
		}
		nth := f.nth
		f.nth = 0
		if after := dump(t, s); after != before {
			t.Fatalf("statement %d failed and left\n%s\ninstead of\n%s", nth, after, before)
		}
		f.nth = nth
	}
	if f.nth < 3 {
		t.Errorf("the change has %d statements only: nothing was shown", f.nth-1)
	}
	f.nth = 0
	if dump(t, s) == before {
		t.Error("without a failure nothing changes: nothing was shown")
	}
}

// furniture is what the changes work on.
type furniture struct {
	acme  models.Organization
	shop  models.Application
	olga  models.Admin
	nils  models.Admin
	dana  models.User
	clerk models.Role
	staff models.Group
}

func seedOf(t *testing.T, owner uuid.UUID, name string, now time.Time) NewApplication {
	t.Helper()
	a, err := models.NewApplication(owner, name, now)
	if err != nil {
		t.Fatal(err)
	}
	return NewApplication{
		Application: a, Client: models.Client{ID: a.ID, Kind: models.ApplicationClient, SecretHash: []byte{1}, Generation: 1},
		Roles: models.DefaultRoles(a.ID, false, now),
	}
}

func organizationSeed(t *testing.T, name string, now time.Time) NewOrganization {
	t.Helper()
	o, err := models.NewOrganization(name, now)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := models.NewAdmin(name, name+"@example.com", "", now)
	if err != nil {
		t.Fatal(err)
	}
	return NewOrganization{
		Organization: o, Client: models.Client{ID: o.ID, Kind: models.OrganizationClient, SecretHash: []byte{1}, Generation: 1},
		Owner: &owner, Applications: []NewApplication{seedOf(t, o.ID, "shop", now)},
	}
}

func furnish(t *testing.T, s *Store, now time.Time) furniture {
	t.Helper()
	seed := organizationSeed(t, "acme", now)
	w := furniture{acme: seed.Organization, shop: seed.Applications[0].Application, olga: *seed.Owner}
	var errs [4]error
	w.nils, errs[0] = models.NewAdmin("nils", "nils@example.com", "", now)
	w.dana, errs[1] = models.NewUser(w.shop.ID, "dana", "dana@example.com", "", now)
	w.clerk, errs[2] = models.NewRole(w.shop.ID, "clerk", "", now)
	w.staff, errs[3] = models.NewGroup(w.shop.ID, "staff", "", "", now)
	ctx, app := t.Context(), w.shop.ID
	for _, err := range append(errs[:],
		s.CreateOrganization(ctx, seed), s.CreateAdmin(ctx, w.nils, w.acme.ID), s.CreateUsers(ctx, []models.User{w.dana}),
		s.CreateRole(ctx, w.clerk), s.CreateGroup(ctx, w.staff), s.AssignRole(ctx, app, w.clerk.ID, models.HolderUser, w.dana.ID),
		s.AssignRole(ctx, app, w.clerk.ID, models.HolderGroup, w.staff.ID), s.AddGroupMember(ctx, app, w.staff.ID, w.dana.ID),
		s.RegisterToken(ctx, registeredToken(w.dana.ID, app, "one")), s.RegisterToken(ctx, registeredToken(w.dana.ID, app, "two")),
		s.CreateRefreshToken(ctx, refreshToken(w.dana, 1)),
	) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func registeredToken(subject, application uuid.UUID, jti string) models.RegisteredToken {
	return models.RegisteredToken{JTI: jti, Subject: subject, Level: "application_user", ApplicationID: &application, Generation: 1}
}

func refreshToken(user models.User, hash byte) models.RefreshToken {
	return models.RefreshToken{
		Hash: []byte{hash}, Family: uuid.UUID{1}, ApplicationID: user.ApplicationID, UserID: user.ID, Generation: 1, Expires: time.Now().Add(time.Hour).UnixMilli(),
	}
}

func changesOfSeveralRows(t *testing.T, now time.Time) map[string]func(*Store, furniture) error {
	t.Helper()
	ctx := t.Context()
	return map[string]func(*Store, furniture) error{
		"a new organization with owner and application": func(s *Store, _ furniture) error {
			return s.CreateOrganization(ctx, organizationSeed(t, "rival", now))
		},
		"a new application":      func(s *Store, w furniture) error { return s.CreateApplication(ctx, seedOf(t, w.acme.ID, "depot", now)) },
		"a deleted organization": func(s *Store, w furniture) error { return s.DeleteOrganization(ctx, w.acme.ID) },
		"a deleted application":  func(s *Store, w furniture) error { return s.DeleteApplication(ctx, w.shop.ID) },
		"many users": func(s *Store, w furniture) error {
			var list []models.User
			for i := range 5 {
				user, err := models.NewUser(w.shop.ID, fmt.Sprint("user", i), "", "", now)
				if err != nil {
					return err
				}
				list = append(list, user)
			}
			return s.CreateUsers(ctx, list)
		},
		"a raised generation with registered and refresh tokens": func(s *Store, w furniture) error {
			_, err := s.UpdateUser(ctx, w.shop.ID, w.dana.ID, func(u *models.User) error {
				u.Generation++
				u.PasswordHash = "new"
				u.PasswordChanged++
				return nil
			})
			return err
		},
		"a deleted user": func(s *Store, w furniture) error {
			_, err := s.DeleteUser(ctx, w.shop.ID, w.dana.ID)
			return err
		},
		"a deleted role":  func(s *Store, w furniture) error { return s.DeleteRole(ctx, w.shop.ID, w.clerk.ID) },
		"a deleted group": func(s *Store, w furniture) error { return s.DeleteGroup(ctx, w.shop.ID, w.staff.ID) },
		"a new member": func(s *Store, w furniture) error {
			admin, err := models.NewAdmin("gus", "gus@example.com", "", now)
			if err != nil {
				return err
			}
			return s.CreateAdmin(ctx, admin, w.acme.ID)
		},
		"a removed member": func(s *Store, w furniture) error { return s.RemoveMember(ctx, w.nils.ID, w.acme.ID) },
		"rules": func(s *Store, w furniture) error {
			_, err := s.AddRules(ctx, w.shop.ID, models.HolderRole, w.clerk.ID, []string{"get:/a", "get:/b"})
			return err
		},
		"bulk revocation": func(s *Store, w furniture) error {
			_, err := s.RevokeRegistered(ctx, models.TokenFilter{Subject: w.dana.ID})
			return err
		},
		"a rotated refresh token": func(s *Store, w furniture) error {
			return s.RotateRefreshToken(ctx, []byte{1}, 0, refreshToken(w.dana, 2))
		},
		"one denied token": func(s *Store, w furniture) error {
			return s.DenyToken(ctx, models.DeniedToken{JTI: "one", Scope: w.shop.ID.String()})
		},
	}
}

// dump is every row of every table.
func dump(t *testing.T, s *Store) string {
	t.Helper()
	var tables []string
	names := "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
	if s.postgres != nil {
		names = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
	}
	if err := s.writer.Raw(names).Scan(&tables).Error; err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, table := range tables {
		var rows []map[string]any
		if err := s.writer.Raw("SELECT * FROM " + table).Scan(&rows).Error; err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&all, table)
		for _, row := range rows {
			text, err := json.Marshal(row) // follows the pointers that gorm scans into
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&all, string(text))
		}
	}
	return all.String()
}
