package storetest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

//nolint:thelper // these are the tests themselves
var feed = []contract{
	{"an issuer is found by any reference, live or deleted", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		for _, deleted := range []bool{false, true} {
			for _, ref := range [][2]string{
				{"acme", "shop"},
				{"ACME", "Shop"},
				{f.acme.ID.String(), f.shop.ID.String()},
				{"acme", f.shop.ID.String()},
				{"-", f.shop.ID.String()},
			} {
				organization, application, err := f.Issuer(ctx, ref[0], ref[1])
				must(t, err)
				equal(t, "organization", organization.Name, "acme")
				equal(t, "application", application.ID, f.shop.ID)
			}
			ended, err := f.Ended(ctx, f.shop.ID)
			must(t, err)
			equal(t, "ended", ended, deleted)
			if !deleted {
				must(t, f.DeleteOrganization(ctx, f.acme.ID))
			}
		}
		for _, ref := range [][2]string{{"acme", "stall"}, {"rival", "shop"}, {"-", "shop"}, {"", ""}, {"-", uuid.NewString()}, {"shop", "acme"}} {
			_, _, err := f.Issuer(ctx, ref[0], ref[1])
			fails(t, err, models.ErrNotFound)
		}
		ended, err := f.Ended(ctx, uuid.New())
		must(t, err)
		equal(t, "unknown has ended", ended, false)
	}},
	{"the denials of one issuer are those of its scope", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		exp := f.clock.now().Unix() + 10
		must(t, f.DenyToken(ctx, models.DeniedToken{JTI: "shop", Scope: f.shop.ID.String(), Expires: &exp}))
		must(t, f.DenyToken(ctx, models.DeniedToken{JTI: "management", Scope: models.ManagementScope}))
		f.raise(t)
		read := func(scope string) (seen []string) {
			must(t, f.DenialsOf(ctx, scope, func(row models.DeniedToken) { seen = append(seen, row.JTI) },
				func(row models.DeniedSubject) { seen = append(seen, row.Subject.String()) }))
			return seen
		}
		equal(t, "shop", read(f.shop.ID.String()), []string{"shop", f.dana.ID.String()})
		equal(t, "management", read(models.ManagementScope), []string{"management"})
		f.clock.advance(11 * time.Minute)
		equal(t, "shop, later", read(f.shop.ID.String()), []string{f.dana.ID.String()})
		equal(t, "nobody", read(uuid.NewString()), nil)
	}},
	{"a deleted organization's client has no valid tokens", func(t *testing.T, f *fixture) { // SEC-62
		token := f.token(f.acme.ID)
		token.Level, token.ApplicationID, token.Application = "organization", nil, ""
		must(t, f.RegisterToken(t.Context(), token))
		must(t, f.DeleteOrganization(t.Context(), f.acme.ID))
		tokens, subjects := f.denied(t, f.Store)
		equal(t, "tokens", len(tokens), 1)
		equal(t, "generation", subjects[f.acme.ID].Generation, 2)
		equal(t, "scope", subjects[f.acme.ID].Scope, models.ManagementScope)
	}},
	{"whoever is shut out has no valid tokens", func(t *testing.T, f *fixture) { // SEC-62
		ctx := t.Context()
		for i, shut := range []func(*models.User){
			func(u *models.User) { u.Disabled = true },
			func(u *models.User) { u.Disabled, u.Activated = false, false },
			func(u *models.User) { u.Activated, u.Name = true, "again" },
		} {
			got, err := f.UpdateUser(ctx, f.shop.ID, f.dana.ID, func(u *models.User) error { shut(u); return nil })
			must(t, err)
			equal(t, "generation", got.Generation, int64(min(i, 1)+2))
		}
		admin, err := f.UpdateAdmin(ctx, f.root.ID, func(a *models.Admin) error { a.Disabled = true; return nil })
		must(t, err)
		_, subjects := f.denied(t, f.Store)
		equal(t, "user", subjects[f.dana.ID].Generation, 3)
		equal(t, "admin", subjects[f.root.ID].Generation, admin.Generation)
		equal(t, "admin's generation", admin.Generation, 2)
	}},
	{"who has not confirmed an address has no valid tokens where that is demanded", func(t *testing.T, f *fixture) { // SEC-62
		_, err := f.UpdateAdmin(t.Context(), f.root.ID, func(a *models.Admin) error { a.Confirmed = false; return nil })
		must(t, err)
		f.written(t, func() { must(t, f.DenyUnconfirmed(t.Context())) },
			entry(models.ChangeAdmin, f.root.ID), entry(models.ChangeSubjectDenied, f.root.ID))
		f.written(t, func() { must(t, f.DenyUnconfirmed(t.Context())) })
	}},
	{"whose roles and groups change is told with what they are now", claimChanges},
	{"who joins or leaves an organization is told", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		other := f.admin(t, "other@acme.example")
		must(t, f.CreateAdmin(ctx, other))
		start, _, err := f.Head(ctx)
		must(t, err)
		member := func() (is []bool) {
			changed, err := f.ChangedMembers(ctx, f.acme.ID, start, uuid.Max, 10)
			must(t, err)
			for _, one := range changed {
				equal(t, "admin", one.Subject, other.ID)
				is = append(is, *one.Member)
			}
			return is
		}
		equal(t, "at first", member(), nil)
		must(t, f.AddMember(ctx, other.ID, f.acme.ID))
		equal(t, "joined", member(), []bool{true})
		must(t, f.RemoveMember(ctx, other.ID, f.acme.ID))
		equal(t, "left", member(), []bool{false})
		owned := f.organization(t, "globex")
		owned.OwnerID = other.ID
		must(t, f.CreateOrganization(ctx, owned))
		changed, err := f.ChangedMembers(ctx, owned.Organization.ID, start, uuid.Max, 10)
		must(t, err)
		equal(t, "founded", len(changed), 1)
	}},
	{"changes of claims are forgotten when the tokens are over", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role, erik := f.role(t, "clerk"), f.user(t, "erik")
		must(t, f.CreateUsers(ctx, []models.User{erik}))
		must(t, f.RegisterToken(ctx, f.token(erik.ID)))
		for _, user := range []uuid.UUID{f.dana.ID, erik.ID} {
			must(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderUser, user))
		}
		expiry := func() map[uuid.UUID]*int64 {
			changed, err := f.ChangedUsers(ctx, f.shop.ID, 0, uuid.Max, 10)
			must(t, err)
			all := map[uuid.UUID]*int64{}
			for _, one := range changed {
				all[one.Subject] = one.Expires
			}
			return all
		}
		at := expiry()
		equal(t, "changes", len(at), 2)
		if at[f.dana.ID] == nil || *at[f.dana.ID] < f.clock.now().Unix()+serverTTL/1000+60 || at[erik.ID] != nil {
			t.Errorf("expire at %v", at)
		}
		f.clock.advance(25 * time.Hour)
		f.prunes(t, 1)
		equal(t, "left", slices.Collect(maps.Keys(expiry())), []uuid.UUID{erik.ID})
	}},
	{"a token for ever that was made meanwhile keeps a change of claims for ever", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		role := f.role(t, "clerk")
		must(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderUser, f.dana.ID))
		head, _, err := f.Head(ctx)
		must(t, err)
		f.written(t, func() { must(t, f.RegisterToken(ctx, f.token(f.dana.ID))) }, entry(models.ChangeClaims, f.shop.ID))
		changed, err := f.ChangedUsers(ctx, f.shop.ID, head, uuid.Max, 10)
		must(t, err)
		equal(t, "changes", len(changed), 1)
		if changed[0].Expires != nil {
			t.Errorf("expires at %d", *changed[0].Expires)
		}
	}},
	{"all rules are given by their holders", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		group := f.group(t, "staff/North")
		before, err := f.AllRules(ctx, f.shop.ID)
		must(t, err)
		_, err = f.AddRules(ctx, f.shop.ID, models.HolderGroup, group.ID, []string{"get:/z", "get:/a"})
		must(t, err)
		_, err = f.AddRules(ctx, f.shop.ID, models.HolderUser, f.dana.ID, []string{"get:/x"})
		must(t, err)
		got, err := f.AllRules(ctx, f.shop.ID)
		must(t, err)
		seq, err := f.PolicySeq(ctx, f.shop.ID)
		must(t, err)
		equal(t, "seq", got.Seq, seq)
		if seq <= before.Seq || before.Seq == 0 {
			t.Errorf("the position went from %d to %d", before.Seq, seq)
		}
		equal(t, "groups", got.Groups, map[string][]string{"staff/North": {"get:/z", "get:/a"}})
		equal(t, "users", got.Users, map[uuid.UUID][]string{f.dana.ID: {"get:/x"}})
		equal(t, "roles", got.Roles, map[string][]string{
			"default": {"get,put:/users/${user}", "get:/users/${user}/**"}, "guest": {"post:/users"},
		})
		equal(t, "guest", got.Guest, []string{"post:/users"})
		guest, err := f.Role(ctx, f.shop.ID, "guest")
		must(t, err)
		must(t, f.DeleteRole(ctx, f.shop.ID, guest.ID))
		got, err = f.AllRules(ctx, f.shop.ID)
		must(t, err)
		equal(t, "without a guest", got.Guest, nil)
	}},
}

// claimChanges tries every way in which roles and groups of users change. In group a is erik, in a/b dana, in nothing fred.
func claimChanges(t *testing.T, f *fixture) { //nolint:thelper // a test itself
	ctx := t.Context()
	erik, fred := f.user(t, "erik"), f.user(t, "fred")
	must(t, f.CreateUsers(ctx, []models.User{erik, fred}))
	role, other := f.role(t, "clerk"), f.role(t, "boss")
	a, b := f.group(t, "a"), f.group(t, "a/b")
	must(t, f.AddGroupMember(ctx, f.shop.ID, a.ID, erik.ID))
	must(t, f.AddGroupMember(ctx, f.shop.ID, b.ID, f.dana.ID))
	shop, everybody := f.shop.ID, []string{"dana", "erik", "fred"}
	for _, step := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"a role to a user", func() error { return f.AssignRole(ctx, shop, role.ID, models.HolderUser, fred.ID) }, []string{"fred"}},
		{"once more", func() error { return f.AssignRole(ctx, shop, role.ID, models.HolderUser, fred.ID) }, nil},
		{"a role to a group", func() error { return f.AssignRole(ctx, shop, role.ID, models.HolderGroup, a.ID) }, []string{"dana", "erik"}},
		{"a role to the group below", func() error { return f.AssignRole(ctx, shop, other.ID, models.HolderGroup, b.ID) }, []string{"dana"}},
		{"a title", func() error {
			_, err := f.UpdateRole(ctx, shop, role.ID, func(r *models.Role) error { r.Title = "Clerk"; return nil })
			return err
		}, nil},
		{"a role by another name", func() error {
			_, err := f.UpdateRole(ctx, shop, role.ID, func(r *models.Role) error { r.Name = "clerks"; return nil })
			return err
		}, everybody},
		{"a rule", func() error {
			_, err := f.AddRules(ctx, shop, models.HolderRole, role.ID, []string{"get:/x"})
			return err
		}, nil},
		{"into a group", func() error { return f.AddGroupMember(ctx, shop, b.ID, fred.ID) }, []string{"fred"}},
		{"out of a group", func() error { return f.RemoveGroupMember(ctx, shop, b.ID, fred.ID) }, []string{"fred"}},
		{"a group at another place", func() error {
			_, err := f.UpdateGroup(ctx, shop, b.ID, func(g *models.Group) error { g.Path, g.PathKey = "b", "b"; return nil })
			return err
		}, []string{"dana"}},
		{"a group above another", func() error {
			_, err := f.UpdateGroup(ctx, shop, a.ID, func(g *models.Group) error { g.Path, g.PathKey = "b/a", "b/a"; return nil })
			return err
		}, []string{"erik"}},
		{"a role from a group", func() error { return f.UnassignRole(ctx, shop, other.ID, models.HolderGroup, b.ID) }, []string{"dana", "erik"}},
		{"a group less", func() error { return f.DeleteGroup(ctx, shop, a.ID) }, []string{"erik"}},
		{"a role less", func() error { return f.DeleteRole(ctx, shop, role.ID) }, []string{"fred"}},
		{"a role nobody has", func() error { return f.DeleteRole(ctx, shop, other.ID) }, nil},
		{"a user less", func() error { _, err := f.DeleteUser(ctx, shop, fred.ID); return err }, nil},
		{"the role of everybody less", func() error {
			row, err := f.Role(ctx, shop, "default")
			must(t, err)
			return f.DeleteRole(ctx, shop, row.ID)
		}, everybody[:2]},
		{"the role of everybody again", func() error {
			row, err := models.NewRole(shop, "default", "", f.clock.now())
			must(t, err)
			return f.CreateRole(ctx, row)
		}, everybody[:2]},
	} {
		head, _, err := f.Head(ctx)
		must(t, err)
		must(t, step.do())
		changed, err := f.ChangedUsers(ctx, shop, head, uuid.Max, 10)
		must(t, err)
		names := map[uuid.UUID]string{f.dana.ID: "dana", erik.ID: "erik", fred.ID: "fred"}
		var got []string
		for _, one := range changed {
			got = append(got, names[one.Subject])
			rights, err := f.Rights(ctx, shop, one.Subject)
			must(t, err)
			equal(t, step.name+": roles", one.Roles, rights.Roles)
			equal(t, step.name+": groups", one.Groups, rights.Groups)
		}
		slices.Sort(got)
		equal(t, step.name, got, step.want)
	}
	all, err := f.ChangedUsers(ctx, shop, 0, uuid.Max, 10)
	must(t, err)
	var paged []models.ChangedClaims
	for after, last := int64(0), uuid.Max; ; {
		page, err := f.ChangedUsers(ctx, shop, after, last, 1)
		must(t, err)
		if len(page) == 0 {
			break
		}
		paged, after, last = append(paged, page...), page[0].Seq, page[0].Subject
	}
	equal(t, "in pages", paged, all)
}
