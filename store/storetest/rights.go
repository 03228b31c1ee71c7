package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

//nolint:thelper // these are the tests themselves
var roles = []contract{
	{"a role is found by name in any case and by uuid, in its application only", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role := f.role(t, "Clerk")
		for _, ref := range []string{"clerk", "CLERK", role.ID.String()} {
			got, err := f.Role(ctx, f.shop.ID, ref)
			must(t, err)
			equal(t, ref, got, role)
			_, err = f.Role(ctx, uuid.New(), ref)
			fails(t, err, models.ErrNotFound)
		}
		again, err := models.NewRole(f.shop.ID, "clerk", "", f.clock.now())
		must(t, err)
		f.written(t, func() { duplicate(t, f.CreateRole(ctx, again), "role", "name", "clerk") })
	}},
	{"a role is changed and deleted with all that hangs on it", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role := f.role(t, "clerk")
		rights := entry(models.ChangeRights, f.shop.ID)
		f.written(t, func() {
			got, err := f.UpdateRole(ctx, f.shop.ID, role.ID, func(r *models.Role) error { r.Title = "x"; r.Inactivity = 5; return nil })
			must(t, err)
			again, err := f.Role(ctx, f.shop.ID, "clerk")
			must(t, err)
			equal(t, "stored", again, got)
		}, rights)
		_, err := f.UpdateRole(ctx, f.shop.ID, role.ID, func(*models.Role) error { return errBroken })
		fails(t, err, errBroken)
		must(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderUser, f.dana.ID))
		_, err = f.AddRules(ctx, f.shop.ID, models.HolderRole, role.ID, []string{"get:/x"})
		must(t, err)
		claims, policy := entry(models.ChangeClaims, f.shop.ID), entry(models.ChangePolicy, f.shop.ID)
		f.written(t, func() { must(t, f.DeleteRole(ctx, f.shop.ID, role.ID)) }, rights, claims, policy)
		fails(t, f.DeleteRole(ctx, f.shop.ID, role.ID), models.ErrNotFound)
		_, err = f.UpdateRole(ctx, f.shop.ID, role.ID, func(*models.Role) error { return nil })
		fails(t, err, models.ErrNotFound)
		rules, err := f.Rules(ctx, f.shop.ID, models.HolderRole, role.ID)
		must(t, err)
		equal(t, "rules", rules, []string{})
		has, err := f.HasRole(ctx, role.ID, models.HolderUser, f.dana.ID)
		must(t, err)
		equal(t, "has", has, false)
	}},
	{"rules of many holders are found at once, in their application only", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		erik := f.user(t, "erik")
		must(t, f.CreateUsers(ctx, []models.User{erik}))
		_, err := f.AddRules(ctx, f.shop.ID, models.HolderUser, f.dana.ID, []string{"get:/b", "get:/a"})
		must(t, err)
		_, err = f.AddRules(ctx, f.shop.ID, models.HolderUser, erik.ID, []string{"get:/c"})
		must(t, err)
		many := []uuid.UUID{f.dana.ID}
		for range 600 {
			many = append(many, uuid.New())
		}
		rules, err := f.RulesOf(ctx, f.shop.ID, models.HolderUser, many)
		must(t, err)
		equal(t, "rules", rules, map[uuid.UUID][]string{f.dana.ID: {"get:/b", "get:/a"}})
		for _, nobody := range []struct {
			application uuid.UUID
			kind        models.HolderKind
		}{{uuid.New(), models.HolderUser}, {f.shop.ID, models.HolderGroup}} {
			rules, err = f.RulesOf(ctx, nobody.application, nobody.kind, many)
			must(t, err)
			equal(t, "rules", rules, map[uuid.UUID][]string{})
		}
	}},
	{"a role is assigned to users and groups, any number of times", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role, group := f.role(t, "clerk"), f.group(t, "staff")
		for _, holder := range []struct {
			kind    models.HolderKind
			id      uuid.UUID
			entries []string
		}{
			{models.HolderUser, f.dana.ID, []string{entry(models.ChangeUser, f.dana.ID), entry(models.ChangeClaims, f.shop.ID)}},
			{models.HolderGroup, group.ID, []string{entry(models.ChangeRights, f.shop.ID)}},
		} {
			assign := func() { must(t, f.AssignRole(ctx, f.shop.ID, role.ID, holder.kind, holder.id)) }
			unassign := func() { must(t, f.UnassignRole(ctx, f.shop.ID, role.ID, holder.kind, holder.id)) }
			f.written(t, assign, holder.entries...)
			f.written(t, assign)
			has, err := f.HasRole(ctx, role.ID, holder.kind, holder.id)
			must(t, err)
			equal(t, "has", has, true)
			held, _, err := f.RolesOf(ctx, f.shop.ID, holder.kind, holder.id, models.Page{})
			must(t, err)
			equal(t, "roles", held, []models.Role{role})
			f.written(t, unassign, holder.entries...)
			f.written(t, unassign)
			fails(t, f.AssignRole(ctx, f.shop.ID, role.ID, holder.kind, uuid.New()), models.ErrNotFound)
			fails(t, f.AssignRole(ctx, f.shop.ID, uuid.New(), holder.kind, holder.id), models.ErrNotFound)
			fails(t, f.AssignRole(ctx, uuid.New(), role.ID, holder.kind, holder.id), models.ErrNotFound)
		}
	}},
	{"the holders of a role are listed", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role, group := f.role(t, "clerk"), f.group(t, "staff")
		must(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderUser, f.dana.ID))
		must(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderGroup, group.ID))
		listed, _, err := f.UsersWithRole(ctx, f.shop.ID, role.ID, models.Page{})
		must(t, err)
		equal(t, "users", listed, []models.User{f.dana})
		groups, _, err := f.GroupsWithRole(ctx, f.shop.ID, role.ID, models.Page{})
		must(t, err)
		equal(t, "groups", groups, []models.Group{group})
	}},
	{"a group is found by path in any case and by uuid", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		group := f.group(t, "Staff/North")
		for _, ref := range []string{"staff/north", "/STAFF/North/", group.ID.String()} {
			got, err := f.Group(ctx, f.shop.ID, ref)
			must(t, err)
			equal(t, ref, got, group)
		}
		_, err := f.Group(ctx, uuid.New(), "staff/north")
		fails(t, err, models.ErrNotFound)
		again, err := models.NewGroup(f.shop.ID, "STAFF/north", "", "", f.clock.now())
		must(t, err)
		duplicate(t, f.CreateGroup(ctx, again), "group", "path", "STAFF/north")
	}},
	{"a group is changed and deleted with all that hangs on it", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		group, rights := f.group(t, "staff"), entry(models.ChangeRights, f.shop.ID)
		f.written(t, func() {
			got, err := f.UpdateGroup(ctx, f.shop.ID, group.ID, func(g *models.Group) error { g.Title = "x"; return nil })
			must(t, err)
			again, err := f.Group(ctx, f.shop.ID, "staff")
			must(t, err)
			equal(t, "stored", again, got)
		}, rights)
		_, err := f.UpdateGroup(ctx, f.shop.ID, group.ID, func(*models.Group) error { return errBroken })
		fails(t, err, errBroken)
		join := func() { must(t, f.AddGroupMember(ctx, f.shop.ID, group.ID, f.dana.ID)) }
		claims, policy := entry(models.ChangeClaims, f.shop.ID), entry(models.ChangePolicy, f.shop.ID)
		f.written(t, join, entry(models.ChangeUser, f.dana.ID), claims)
		f.written(t, join)
		groups, _, err := f.GroupsOf(ctx, f.shop.ID, f.dana.ID, models.Page{})
		must(t, err)
		equal(t, "groups", len(groups), 1)
		members, _, err := f.UsersInGroup(ctx, f.shop.ID, group.ID, models.Page{})
		must(t, err)
		equal(t, "members", members, []models.User{f.dana})
		leave := func() { must(t, f.RemoveGroupMember(ctx, f.shop.ID, group.ID, f.dana.ID)) }
		f.written(t, leave, entry(models.ChangeUser, f.dana.ID), claims)
		f.written(t, leave)
		join()
		f.written(t, func() { must(t, f.DeleteGroup(ctx, f.shop.ID, group.ID)) }, rights, claims, policy)
		member, err := f.IsGroupMember(ctx, group.ID, f.dana.ID)
		must(t, err)
		equal(t, "still a member", member, false)
		fails(t, f.DeleteGroup(ctx, f.shop.ID, group.ID), models.ErrNotFound)
		_, err = f.UpdateGroup(ctx, f.shop.ID, group.ID, func(*models.Group) error { return nil })
		fails(t, err, models.ErrNotFound)
		fails(t, f.AddGroupMember(ctx, f.shop.ID, group.ID, f.dana.ID), models.ErrNotFound)
	}},
}

//nolint:thelper // these are the tests themselves
var rules = []contract{
	{"rules keep the order they were added in and are never doubled", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role, group := f.role(t, "clerk"), f.group(t, "staff")
		for _, holder := range []struct {
			kind  models.HolderKind
			id    uuid.UUID
			entry string
		}{
			{models.HolderRole, role.ID, entry(models.ChangeRights, f.shop.ID)},
			{models.HolderGroup, group.ID, entry(models.ChangeRights, f.shop.ID)},
			{models.HolderUser, f.dana.ID, entry(models.ChangeUser, f.dana.ID)},
		} {
			add := func(want []string, add ...string) func() {
				return func() {
					got, err := f.AddRules(ctx, f.shop.ID, holder.kind, holder.id, add)
					must(t, err)
					equal(t, "after adding", got, want)
				}
			}
			policy := entry(models.ChangePolicy, f.shop.ID)
			f.written(t, add([]string{"z", "y"}, "z", "y"), holder.entry, policy)
			f.written(t, add([]string{"z", "y", "a"}, "y", "a", "a"), holder.entry, policy)
			f.written(t, add([]string{"z", "y", "a"}, "z"))
			f.written(t, add([]string{"z", "y", "a"}))
			remove := func() {
				got, err := f.RemoveRules(ctx, f.shop.ID, holder.kind, holder.id, []string{"y", "none"})
				must(t, err)
				equal(t, "after removing", got, []string{"z", "a"})
			}
			f.written(t, remove, holder.entry, policy)
			f.written(t, remove)
			got, err := f.Rules(ctx, f.shop.ID, holder.kind, holder.id)
			must(t, err)
			equal(t, "read", got, []string{"z", "a"})
			_, err = f.AddRules(ctx, f.shop.ID, holder.kind, uuid.New(), []string{"x"})
			fails(t, err, models.ErrNotFound)
			_, err = f.RemoveRules(ctx, uuid.New(), holder.kind, holder.id, []string{"x"})
			fails(t, err, models.ErrNotFound)
		}
		if _, err := f.AddRules(ctx, f.shop.ID, "tenant", f.shop.ID, []string{"x"}); err == nil {
			t.Error("attached a rule to nothing")
		}
	}},
	{"rules added at once are all there, once", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		race(t, 20, never, func(i int) error {
			_, err := f.AddRules(ctx, f.shop.ID, models.HolderUser, f.dana.ID, []string{"shared", fmt.Sprintf("own%02d", i)})
			return err
		})
		got, err := f.Rules(ctx, f.shop.ID, models.HolderUser, f.dana.ID)
		must(t, err)
		equal(t, "number", len(got), 21)
	}},
	{"of more than ten thousand rules the youngest grant nothing, and nobody hands out such a group", func(t *testing.T, f *fixture) {
		ctx, staff := t.Context(), f.group(t, "staff")
		must(t, f.AddGroupMember(ctx, f.shop.ID, staff.ID, f.dana.ID))
		for i := range 10 {
			clerk := f.role(t, fmt.Sprintf("clerk%d", i))
			must(t, f.AssignRole(ctx, f.shop.ID, clerk.ID, models.HolderGroup, staff.ID))
			rules := make([]string, 1000)
			for j := range rules {
				rules[j] = fmt.Sprintf("get:/%d/%04d", i, j)
			}
			_, err := f.AddRules(ctx, f.shop.ID, models.HolderRole, clerk.ID, rules)
			must(t, err)
		}
		gained, err := f.GroupRules(ctx, f.shop.ID, staff.ID)
		must(t, err)
		equal(t, "rules of the group", len(gained), 10_000)
		f.clock.ms.Add(3_600_000)
		_, err = f.AddRules(ctx, f.shop.ID, models.HolderGroup, staff.ID, []string{"get:/youngest"})
		must(t, err)
		rights, err := f.Rights(ctx, f.shop.ID, f.dana.ID)
		must(t, err)
		if len(rights.Rules) != 10_000 || slices.Contains(rights.Rules, "get:/youngest") {
			t.Errorf("dana holds %d rules", len(rights.Rules))
		}
		var illegal *models.Invalid
		if _, err := f.GroupRules(ctx, f.shop.ID, staff.ID); !errors.As(err, &illegal) {
			t.Errorf("rules of the group: %v", err)
		}
	}},
	{"a holder has at most a thousand rules, added at once or not", func(t *testing.T, f *fixture) {
		ctx, clerk := t.Context(), f.role(t, "clerk")
		rules := make([]string, 1001)
		for i := range rules {
			rules[i] = fmt.Sprintf("get:/%04d", i)
		}
		add := func(rules ...string) error {
			_, err := f.AddRules(ctx, f.shop.ID, models.HolderRole, clerk.ID, rules)
			return err
		}
		var illegal *models.Invalid
		f.written(t, func() {
			if err := add(rules...); !errors.As(err, &illegal) {
				t.Errorf("1001 rules: %v", err)
			}
		})
		must(t, add(rules[:1000]...))
		must(t, add(rules[7])) // is there already
		if err := add(rules[1000]); !errors.As(err, &illegal) {
			t.Errorf("one more: %v", err)
		}
		got, err := f.Rules(ctx, f.shop.ID, models.HolderRole, clerk.ID)
		must(t, err)
		equal(t, "rules", got, rules[:1000])
	}},
}

//nolint:thelper // these are the tests themselves
var rights = []contract{
	{"a user has his own rules, his roles', his groups' and those of everybody", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		clerk, chief, boss := f.role(t, "clerk"), f.role(t, "chief"), f.role(t, "boss")
		staff, north, deep := f.group(t, "staff"), f.group(t, "Staff/North"), f.group(t, "staff/north/missing/Deep")
		_ = f.group(t, "staff/south")
		f.ruled(t, models.HolderUser, f.dana.ID, "own", "shared")
		f.ruled(t, models.HolderRole, clerk.ID, "of clerk", "shared")
		f.ruled(t, models.HolderRole, chief.ID, "of chief")
		f.ruled(t, models.HolderRole, boss.ID, "of boss")
		f.ruled(t, models.HolderGroup, staff.ID, "of staff")
		f.ruled(t, models.HolderGroup, north.ID, "of north")
		f.ruled(t, models.HolderGroup, deep.ID, "of deep")
		must(t, f.AssignRole(ctx, f.shop.ID, clerk.ID, models.HolderUser, f.dana.ID))
		must(t, f.AssignRole(ctx, f.shop.ID, clerk.ID, models.HolderGroup, staff.ID))
		must(t, f.AssignRole(ctx, f.shop.ID, chief.ID, models.HolderGroup, staff.ID))
		must(t, f.AddGroupMember(ctx, f.shop.ID, deep.ID, f.dana.ID))
		got, err := f.Rights(ctx, f.shop.ID, f.dana.ID)
		must(t, err)
		equal(t, "roles", got.Roles, []string{"chief", "clerk", "default"})
		equal(t, "groups", got.Groups, []string{"staff/north/missing/Deep"})
		slices.Sort(got.Rules)
		equal(t, "rules", got.Rules, []string{
			"get,put:/users/${user}", "get:/users/${user}/**",
			"of chief", "of clerk", "of deep", "of north", "of staff", "own", "shared",
		})
		gained, err := f.GroupRules(ctx, f.shop.ID, north.ID)
		must(t, err)
		slices.Sort(gained)
		equal(t, "what staff/north gives", gained, []string{"of chief", "of clerk", "of north", "of staff", "shared"})
		_, err = f.GroupRules(ctx, f.shop.ID, uuid.New())
		fails(t, err, models.ErrNotFound)
		equal(t, "sources of dana", f.told(t, models.HolderUser, f.dana.ID), []string{
			"user dana: own,shared", "group staff: of staff", "group Staff/North: of north", "group staff/north/missing/Deep: of deep",
			"role chief by staff: of chief", "role clerk: of clerk,shared", "role default: get,put:/users/${user},get:/users/${user}/**",
		})
		equal(t, "sources of staff/north", f.told(t, models.HolderGroup, north.ID), []string{
			"group staff: of staff", "group Staff/North: of north", "role chief by staff: of chief", "role clerk by staff: of clerk,shared",
			"role default: get,put:/users/${user},get:/users/${user}/**",
		})
		equal(t, "sources of boss", f.told(t, models.HolderRole, boss.ID), []string{
			"role boss: of boss", "role default: get,put:/users/${user},get:/users/${user}/**",
		})
		_, err = f.Sources(ctx, uuid.New(), models.HolderUser, f.dana.ID)
		fails(t, err, models.ErrNotFound)
	}},
	{"without the roles default and guest nobody gains by them", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for _, name := range []string{"default", "guest"} {
			role, err := f.Role(ctx, f.shop.ID, name)
			must(t, err)
			must(t, f.DeleteRole(ctx, f.shop.ID, role.ID))
		}
		got, err := f.Rights(ctx, f.shop.ID, f.dana.ID)
		must(t, err)
		equal(t, "rights", got, models.Rights{Roles: []string{}, Groups: []string{}, Rules: []string{}})
		_, err = f.GuestRules(ctx, f.shop.ID)
		fails(t, err, models.ErrNotFound)
	}},
	{"another application's roles of the same name give nothing", func(t *testing.T, f *fixture) { // SEC-22
		ctx := t.Context()
		other := f.application(t, f.acme.ID, "other")
		must(t, f.CreateApplication(ctx, other))
		role, err := f.Role(ctx, other.Application.ID, "admin")
		must(t, err)
		_, err = f.AddRules(ctx, other.Application.ID, models.HolderRole, role.ID, []string{"/**"})
		must(t, err)
		fails(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderUser, f.dana.ID), models.ErrNotFound)
		fails(t, f.AssignRole(ctx, other.Application.ID, role.ID, models.HolderUser, f.dana.ID), models.ErrNotFound)
		got, err := f.Rights(ctx, f.shop.ID, f.dana.ID)
		must(t, err)
		equal(t, "roles", got.Roles, []string{"default"})
	}},
}

func (f *fixture) ruled(t *testing.T, kind models.HolderKind, id uuid.UUID, rules ...string) {
	t.Helper()
	_, err := f.AddRules(t.Context(), f.shop.ID, kind, id, rules)
	must(t, err)
}

// told are the sources of somebody's rules in words.
func (f *fixture) told(t *testing.T, kind models.HolderKind, id uuid.UUID) []string {
	t.Helper()
	sources, err := f.Sources(t.Context(), f.shop.ID, kind, id)
	must(t, err)
	told := make([]string, 0, len(sources))
	for _, source := range sources {
		text := string(source.Kind) + " " + source.Name
		if source.Through != "" {
			text += " by " + source.Through
		}
		told = append(told, text+": "+strings.Join(source.Rules, ","))
	}
	return told
}
