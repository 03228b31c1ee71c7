package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/writ-auth/writ/models"
)

// all follows the cursors of a list to its end.
func all[T any](t *testing.T, limit int, list func(models.Page) ([]T, string, error), each func(T)) {
	t.Helper()
	page := models.Page{Limit: limit}
	for range 1000 {
		rows, next, err := list(page)
		must(t, err)
		if len(rows) > limit {
			t.Fatalf("a page of %d rows, asked for %d", len(rows), limit)
		}
		for _, row := range rows {
			each(row)
		}
		if next == "" {
			return
		}
		page.Cursor = next
	}
	t.Fatal("the list has no end")
}

func invalid(t *testing.T, err error) {
	t.Helper()
	var got *models.Invalid
	if !errors.As(err, &got) || got.Code != models.CodeIllegalArgument {
		t.Errorf("got error %v, want an illegal argument", err)
	}
}

//nolint:thelper // these are the tests themselves
var lists = []contract{
	{"pages give every user once, whatever comes and goes meanwhile", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		list := []models.User{}
		for i := range 40 {
			user := f.user(t, fmt.Sprint("u", i))
			user.Created += int64(i / 4) // several in one millisecond
			list = append(list, user)
		}
		must(t, f.CreateUsers(ctx, list))
		for _, limit := range []int{1, 7, 41, 1000} {
			seen := map[string]int{}
			all(t, limit, func(page models.Page) ([]models.User, string, error) {
				return f.Users(ctx, f.shop.ID, models.UserFilter{}, page)
			}, func(user models.User) { seen[user.Username]++ })
			equal(t, "users", len(seen), 41)
			for name, times := range seen {
				equal(t, name, times, 1)
			}
		}
		first, cursor, err := f.Users(ctx, f.shop.ID, models.UserFilter{}, models.Page{Limit: 5})
		must(t, err)
		_, err = f.DeleteUser(ctx, f.shop.ID, first[4].ID)
		must(t, err)
		second, _, err := f.Users(ctx, f.shop.ID, models.UserFilter{}, models.Page{Limit: 100, Cursor: cursor})
		must(t, err)
		equal(t, "the rest", len(second), 36)
	}},
	{"a page has ten rows by default and a thousand at most", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		list := []models.User{}
		for i := range 1010 {
			list = append(list, f.user(t, fmt.Sprint("u", i)))
		}
		must(t, f.CreateUsers(ctx, list))
		for limit, want := range map[int]int{0: 10, -1: 10, 5: 5, 1000: 1000, 5000: 1000} {
			rows, next, err := f.Users(ctx, f.shop.ID, models.UserFilter{}, models.Page{Limit: limit})
			must(t, err)
			equal(t, fmt.Sprint("limit ", limit), len(rows), want)
			if next == "" {
				t.Error("no cursor")
			}
		}
	}},
	{"a malformed cursor is the caller's fault", func(t *testing.T, f *fixture) {
		for _, cursor := range []string{"!", "AAAA", "MTIzOg", "Og", "MTIzOmE=", "eDp5"} {
			_, _, err := f.Users(t.Context(), f.shop.ID, models.UserFilter{}, models.Page{Cursor: cursor})
			invalid(t, err)
			_, _, err = f.RegisteredTokens(t.Context(), models.TokenFilter{}, models.Page{Cursor: cursor})
			invalid(t, err)
		}
	}},
	{"users are filtered by any of several lists of conditions", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		must(t, f.CreateUsers(ctx, []models.User{f.user(t, "eve"), f.user(t, "bob")}))
		name := func(value string) models.UserCondition {
			return models.UserCondition{Property: "username", Value: value}
		}
		email := func(value string) models.UserCondition { return models.UserCondition{Property: "email", Value: value} }
		for _, test := range []struct {
			filter [][]models.UserCondition
			want   int
		}{
			{nil, 3},
			{[][]models.UserCondition{{name("EVE")}}, 1},
			{[][]models.UserCondition{{name("eve")}, {email("BOB@shop.example")}}, 2},
			{[][]models.UserCondition{{name("eve"), email("bob@shop.example")}}, 0},
			{[][]models.UserCondition{{name("eve"), email("eve@shop.example")}, {name("nobody")}}, 1},
			{[][]models.UserCondition{{name("nobody")}, {}}, 3},
		} {
			got, _, err := f.Users(ctx, f.shop.ID, models.UserFilter{Any: test.filter}, models.Page{})
			must(t, err)
			equal(t, fmt.Sprint(test.filter), len(got), test.want)
		}
	}},
	{"users are found by the beginning of a name or an address", func(t *testing.T, f *fixture) { // SEC-71
		ctx := t.Context()
		foreign := f.application(t, f.acme.ID, "club")
		must(t, f.CreateApplication(ctx, foreign))
		stranger := f.user(t, "danger")
		stranger.ApplicationID = foreign.Application.ID
		daniel := f.user(t, "zed")
		must(t, daniel.SetEmail("Daniel@shop.example"))
		must(t, f.CreateUsers(ctx, []models.User{stranger, daniel, f.user(t, "eve"), f.user(t, "a_b"), f.user(t, "a%b")}))
		for text, want := range map[string][]string{
			"DAN": {"dana", "zed"}, "dana": {"dana"}, "dana@": {"dana"}, "ana": nil, "a_": {"a_b"}, "%": nil, "_": nil, "'": nil, "\x00": nil, "\xff": nil,
			"": {"a%b", "a_b", "dana"},
		} {
			rows, err := f.UsersBeginning(ctx, f.shop.ID, text, 3)
			must(t, err)
			var got []string
			for i := range rows {
				got = append(got, rows[i].Username)
			}
			equal(t, "users with "+text, got, want)
		}
	}},
	{"every other list pages to its end", func(t *testing.T, f *fixture) {
		ctx := t.Context()
		members := f.group(t, "staff")
		role := f.role(t, "clerk")
		for i := range 5 {
			must(t, f.CreateOrganization(ctx, f.organization(t, fmt.Sprint("org", i))))
			user, group, other := f.user(t, fmt.Sprint("u", i)), f.group(t, fmt.Sprint("g", i)), f.role(t, fmt.Sprint("r", i))
			must(t, f.CreateUsers(ctx, []models.User{user}))
			must(t, f.AddGroupMember(ctx, f.shop.ID, members.ID, user.ID))
			must(t, f.AddGroupMember(ctx, f.shop.ID, group.ID, f.dana.ID))
			must(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderUser, user.ID))
			must(t, f.AssignRole(ctx, f.shop.ID, role.ID, models.HolderGroup, group.ID))
			must(t, f.AssignRole(ctx, f.shop.ID, other.ID, models.HolderUser, f.dana.ID))
		}
		counts(t, "organizations", 6, func(p models.Page) ([]models.Organization, string, error) { return f.Organizations(ctx, p) })
		for part, want := range map[string]int{"": 6, "ORG": 5, "g3": 1, "%": 0, "_": 0, "!": 0, "'": 0, "\x00": 0, "acme": 1} { // SEC-71
			counts(t, "organizations with "+part, want, func(p models.Page) ([]models.Organization, string, error) {
				return f.OrganizationsLike(ctx, part, p)
			})
		}
		counts(t, "roles", 9, func(p models.Page) ([]models.Role, string, error) { return f.Roles(ctx, f.shop.ID, p) })
		counts(t, "groups", 6, func(p models.Page) ([]models.Group, string, error) { return f.Groups(ctx, f.shop.ID, p) })
		counts(t, "roles of", 5, func(p models.Page) ([]models.Role, string, error) {
			return f.RolesOf(ctx, f.shop.ID, models.HolderUser, f.dana.ID, p)
		})
		counts(t, "groups of", 5, func(p models.Page) ([]models.Group, string, error) {
			return f.GroupsOf(ctx, f.shop.ID, f.dana.ID, p)
		})
		counts(t, "users in group", 5, func(p models.Page) ([]models.User, string, error) {
			return f.UsersInGroup(ctx, f.shop.ID, members.ID, p)
		})
		counts(t, "users with role", 5, func(p models.Page) ([]models.User, string, error) {
			return f.UsersWithRole(ctx, f.shop.ID, role.ID, p)
		})
		counts(t, "groups with role", 5, func(p models.Page) ([]models.Group, string, error) {
			return f.GroupsWithRole(ctx, f.shop.ID, role.ID, p)
		})
	}},
}

// counts expects so many different rows.
func counts[T any](t *testing.T, what string, want int, list func(models.Page) ([]T, string, error)) {
	t.Helper()
	rows := map[string]bool{}
	number := 0
	all(t, 2, list, func(row T) {
		number++
		rows[fmt.Sprint(row)] = true
	})
	equal(t, what, number, want)
	equal(t, "different "+what, len(rows), want)
}
