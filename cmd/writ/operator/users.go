package operator

import (
	"context"
	"net/http"
	"strconv"
)

func users() group {
	return group{
		name: "user", usage: "users of an application",
		about: "A user is named by username, e-mail address or uuid. Admin users are the business of `writ admin`.",
		commands: []command{
			{
				name: "list", arguments: "ORG/APP", least: 1, most: 1, usage: "list the users",
				flags: []flag{{"limit", "N", "the first N only"}},
				run:   listUsers, example: "writ user list acme/shop --limit 20",
			},
			{
				name: "show", arguments: "ORG/APP USER", least: 2, most: 2, usage: "show a user and the names of his roles", run: showUser,
				example: "writ user show acme/shop dana@example.com",
			},
			{
				name: "create", arguments: "ORG/APP USERNAME", least: 2, most: 2, usage: "create a user",
				about: "Without a password nobody can log in as this user until he has one.",
				flags: append([]flag{{"email", "EMAIL", "e-mail address"}, {"name", "NAME", "name that is shown"}}, passwordFlags()...),
				run:   createUser, example: "writ user create acme/shop dana --email dana@example.com --generate",
			},
			{
				name: "disable", arguments: "ORG/APP USER", least: 2, most: 2, usage: "lock a user out; his tokens are refused at once",
				run: userState(true), example: "writ user disable acme/shop dana",
			},
			{
				name: "enable", arguments: "ORG/APP USER", least: 2, most: 2, usage: "let a user in: neither disabled nor waiting for activation",
				run: userState(false), example: "writ user enable acme/shop dana",
			},
			{
				name: "delete", arguments: "ORG/APP USER", least: 2, most: 2, usage: "delete a user; his tokens are refused at once",
				flags: []flag{yesFlag()}, run: deleteUser, example: "writ user delete acme/shop dana --yes",
			},
			{
				name: "reset-password", arguments: "ORG/APP USER", least: 2, most: 2, usage: "give a user another password; his tokens are refused at once",
				flags: passwordFlags(), run: resetUserPassword,
				example: "writ user reset-password acme/shop dana --generate\npass show dana | writ user reset-password acme/shop dana --password-stdin",
			},
			{
				name: "revoke-tokens", arguments: "ORG/APP USER", least: 2, most: 2, usage: "refuse every token a user has got so far", run: revokeUserTokens,
				example: "writ user revoke-tokens acme/shop dana",
			},
			{
				name: "add-role", arguments: "ORG/APP USER ROLE", least: 3, most: 3, usage: "give a user a role", run: userRole(http.MethodPost, "assigned"),
				example: "writ user add-role acme/shop dana clerk",
			},
			{
				name: "remove-role", arguments: "ORG/APP USER ROLE", least: 3, most: 3, usage: "take a role from a user", run: userRole(http.MethodDelete, "removed"),
				example: "writ user remove-role acme/shop dana clerk",
			},
		},
	}
}

// stateColumn tells in a word whether somebody may log in.
func stateColumn() column {
	return column{"state", func(row map[string]any) string {
		switch {
		case row["disabled"] == true:
			return "disabled"
		case row["activated"] == false:
			return "not activated"
		case row["confirmed"] == false:
			return "not confirmed"
		}
		return "active"
	}}
}

// user reads the arguments ORG/APP USER.
func (s *session) user() (t target, name string, err error) {
	if t, err = applicationNamed(s.args[0]); err != nil {
		return t, "", err
	}
	name, err = reference("a user", s.args[1])
	return t, name, err
}

func userOf(t target, name string) string { return "user " + name + " of " + t.String() }

func listUsers(ctx context.Context, s *session) error {
	t, err := applicationNamed(s.args[0])
	if err != nil {
		return err
	}
	limit := 0
	if given := s.cmd.String("limit"); given != "" {
		if limit, err = strconv.Atoi(given); err != nil || limit < 1 {
			return usage("--limit must be a number, 1 at least")
		}
	}
	rows, err := s.pages(ctx, call{method: http.MethodGet, path: t.root("users")}, "entities", limit)
	if err != nil {
		return err
	}
	return s.list(trimmedAll(rows),
		member("username", "username"), member("email", "email"), stateColumn(), moment("created", "created"), member("uuid", "uuid"))
}

func showUser(ctx context.Context, s *session) error {
	t, name, err := s.user()
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodGet, path: t.root("users", name), what: userOf(t, name)})
	if err != nil {
		return err
	}
	user := trimmed(answer.entity())
	roles, err := s.do(ctx, call{method: http.MethodGet, path: t.root("users", name, "rolenames"), what: userOf(t, name)})
	if err != nil {
		return err
	}
	user["roles"] = namesIn(roles["data"])
	return s.showUser(user)
}

func (s *session) showUser(user map[string]any) error {
	return s.show(user, "username", "email", "name", "uuid", "activated", "confirmed", "disabled", "roles", "created", "modified")
}

func createUser(ctx context.Context, s *session) error {
	t, name, err := s.user()
	if err != nil {
		return err
	}
	secret, err := s.newPassword(ctx, true)
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodPost, path: t.root("users"), body: map[string]any{
		"username": name, "email": s.cmd.String("email"), "name": s.cmd.String("name"), "password": secret.text,
	}})
	if err != nil {
		return err
	}
	return s.done(done{
		Action: "created", Kind: "user", Name: name, In: t.String(), UUID: text(answer.entity()["uuid"]), Password: secret.shown(),
	})
}

// userState disables or enables. Enabling also activates: it answers the question why somebody cannot log in.
func userState(disabled bool) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		t, name, err := s.user()
		if err != nil {
			return err
		}
		answer, err := s.do(ctx, call{method: http.MethodPut, path: t.root("users", name), body: states(disabled), what: userOf(t, name)})
		if err != nil {
			return err
		}
		return s.done(done{Action: stateWord(disabled), Kind: "user", Name: name, In: t.String(), UUID: text(answer.entity()["uuid"])})
	}
}

func states(disabled bool) map[string]any {
	if disabled {
		return map[string]any{"disabled": true}
	}
	return map[string]any{"disabled": false, "activated": true}
}

func stateWord(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}

func deleteUser(ctx context.Context, s *session) error {
	t, name, err := s.user()
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, name); err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodDelete, path: t.root("users", name), what: userOf(t, name)})
	if err != nil {
		return err
	}
	return s.done(done{Action: "deleted", Kind: "user", Name: name, In: t.String(), UUID: text(answer.entity()["uuid"])})
}

func resetUserPassword(ctx context.Context, s *session) error {
	t, name, err := s.user()
	if err != nil {
		return err
	}
	secret, err := s.newPassword(ctx, false)
	if err != nil {
		return err
	}
	_, err = s.do(ctx, call{
		method: http.MethodPut, path: t.root("users", name, "password"), what: userOf(t, name), body: map[string]any{"newpassword": secret.text},
	})
	if err != nil {
		return err
	}
	return s.done(done{Action: "password reset", Kind: "user", Name: name, In: t.String(), Password: secret.shown()})
}

func revokeUserTokens(ctx context.Context, s *session) error {
	t, name, err := s.user()
	if err != nil {
		return err
	}
	_, err = s.do(ctx, call{method: http.MethodPost, path: t.root("users", name, "revoketokens"), what: userOf(t, name)})
	if err != nil {
		return err
	}
	return s.done(done{Action: "tokens revoked", Kind: "user", Name: name, In: t.String()})
}

func userRole(method, action string) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		t, name, err := s.user()
		if err != nil {
			return err
		}
		role, err := reference("a role", s.args[2])
		if err != nil {
			return err
		}
		_, err = s.do(ctx, call{method: method, path: t.root("users", name, "roles", role), what: userOf(t, name)})
		if err != nil {
			return err
		}
		return s.done(done{Action: action, Kind: "role", Name: role, In: "user " + name + " of " + t.String()})
	}
}
