package operator

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/writ-auth/writ/models"
)

func admins() group {
	return group{
		name: "admin", usage: "admin users and their memberships",
		about: "An admin user is named by username, e-mail address or uuid.",
		commands: []command{
			{
				name: "list", arguments: "[ORG]", most: 1, usage: "list the admin users, or the members of an organization", run: listAdmins,
				example: "writ admin list acme",
			},
			{
				name: "show", arguments: "ADMIN", least: 1, most: 1, usage: "show an admin user and his organizations", run: showAdmin,
				example: "writ admin show olga",
			},
			{
				name: "create", arguments: "EMAIL", least: 1, most: 1, usage: "create an admin user",
				about: "Without a password nobody can log in as this admin until he has one.",
				flags: append([]flag{
					{"username", "NAME", "username; default: the e-mail address"}, {"name", "NAME", "name that is shown"},
				}, passwordFlags()...),
				run: createAdmin, example: "writ admin create olga@example.com --username olga --generate\nwrit admin add-to acme olga",
			},
			{
				name: "disable", arguments: "ADMIN", least: 1, most: 1, usage: "lock an admin user out; his tokens are refused at once",
				run: adminState(true), example: "writ admin disable olga",
			},
			{
				name: "enable", arguments: "ADMIN", least: 1, most: 1, usage: "let an admin user in: neither disabled nor waiting for activation",
				run: adminState(false), example: "writ admin enable olga",
			},
			{
				name: "reset-password", arguments: "ADMIN", least: 1, most: 1, usage: "give an admin user another password; his tokens are refused at once",
				about: "The superuser's is changed by `writ superuser reset-password`.",
				flags: passwordFlags(), run: resetAdminPassword, example: "writ admin reset-password olga --generate",
			},
			{
				name: "revoke-tokens", arguments: "ADMIN", least: 1, most: 1, usage: "refuse every token an admin user has got so far",
				run: revokeAdminTokens, example: "writ admin revoke-tokens olga",
			},
			{
				name: "add-to", arguments: "ORG ADMIN", least: 2, most: 2, usage: "make an admin user a member of an organization",
				run: membership(http.MethodPut, "added"), example: "writ admin add-to acme olga",
			},
			{
				name: "remove-from", arguments: "ORG ADMIN", least: 2, most: 2, usage: "end a membership; the last member stays",
				run: membership(http.MethodDelete, "removed"), example: "writ admin remove-from acme olga",
			},
		},
	}
}

func adminPath(name string, behind ...string) []string {
	return append([]string{"management", "users", name}, behind...)
}

func (s *session) admin() (string, error) { return reference("an admin user", s.args[0]) }

func listAdmins(ctx context.Context, s *session) error {
	var rows []map[string]any
	if len(s.args) == 0 {
		var err error
		rows, err = s.pages(ctx, call{method: http.MethodGet, path: []string{"management", "users"}}, "data", 0)
		if err != nil {
			return err
		}
	} else {
		t, err := organizationNamed(s.args[0])
		if err != nil {
			return err
		}
		answer, err := s.do(ctx, call{method: http.MethodGet, path: t.managed("users")})
		if err != nil {
			return err
		}
		rows = answer.list("data")
	}
	slices.SortFunc(rows, byMember("username"))
	return s.list(trimmedAll(rows), member("username", "username"), member("email", "email"), stateColumn(), member("uuid", "uuid"))
}

func showAdmin(ctx context.Context, s *session) error {
	name, err := s.admin()
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodGet, path: adminPath(name), query: url.Values{"shallow": {"true"}}})
	if err != nil {
		return err
	}
	admin := trimmed(answer.object("data"))
	admin["organizations"] = namesIn(admin["organizations"])
	return s.show(admin, "username", "email", "name", "uuid", "activated", "confirmed", "disabled", "organizations")
}

func createAdmin(ctx context.Context, s *session) error {
	email, err := models.Email(s.args[0])
	if err != nil {
		return usage("an admin user needs an e-mail address")
	}
	secret, err := s.newPassword(ctx, true)
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodPost, path: []string{"management", "users"}, body: map[string]any{
		"email": email, "username": s.cmd.String("username"), "name": s.cmd.String("name"), "password": secret.text,
	}})
	if err != nil {
		return err
	}
	user, _ := answer.object("data")["user"].(map[string]any)
	return s.done(done{
		Action: "created", Kind: "admin", Name: text(user["username"]), UUID: text(user["uuid"]), Password: secret.shown(),
	})
}

func adminState(disabled bool) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		name, err := s.admin()
		if err != nil {
			return err
		}
		if _, err := s.do(ctx, call{method: http.MethodPut, path: adminPath(name), body: states(disabled)}); err != nil {
			return err
		}
		return s.done(done{Action: stateWord(disabled), Kind: "admin", Name: name})
	}
}

func resetAdminPassword(ctx context.Context, s *session) error {
	name, err := s.admin()
	if err != nil {
		return err
	}
	secret, err := s.newPassword(ctx, false)
	if err != nil {
		return err
	}
	_, err = s.do(ctx, call{method: http.MethodPut, path: adminPath(name, "password"), body: map[string]any{"newpassword": secret.text}})
	if err != nil {
		return err
	}
	return s.done(done{Action: "password reset", Kind: "admin", Name: name, Password: secret.shown()})
}

func revokeAdminTokens(ctx context.Context, s *session) error {
	name, err := s.admin()
	if err != nil {
		return err
	}
	if _, err := s.do(ctx, call{method: http.MethodPost, path: adminPath(name, "revoketokens")}); err != nil {
		return err
	}
	return s.done(done{Action: "tokens revoked", Kind: "admin", Name: name})
}

func membership(method, action string) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		t, err := organizationNamed(s.args[0])
		if err != nil {
			return err
		}
		name, err := reference("an admin user", s.args[1])
		if err != nil {
			return err
		}
		if _, err := s.do(ctx, call{method: method, path: t.managed("users", name)}); err != nil {
			return err
		}
		return s.done(done{Action: action, Kind: "admin", Name: name, In: t.String()})
	}
}
