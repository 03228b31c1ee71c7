package operator

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func roles() group {
	return group{
		name: "role", usage: "roles of an application and their permission rules",
		about: "A rule is METHODS:PATH, such as get,put:/orders/*; without methods it permits all of them.",
		commands: []command{
			{
				name: "list", arguments: "ORG/APP", least: 1, most: 1, usage: "list the roles", run: listRoles, example: "writ role list acme/shop",
			},
			{
				name: "show", arguments: "ORG/APP ROLE", least: 2, most: 2, usage: "show a role and its rules", run: showRole,
				example: "writ role show acme/shop clerk",
			},
			{
				name: "create", arguments: "ORG/APP ROLE", least: 2, most: 2, usage: "create a role, which permits nothing yet",
				flags: []flag{{"title", "TITLE", "title that is shown; default: the name"}},
				run:   createRole, example: "writ role create acme/shop clerk --title Clerk\nwrit role allow acme/shop clerk 'get,put:/orders/*'",
			},
			{
				name: "delete", arguments: "ORG/APP ROLE", least: 2, most: 2, usage: "delete a role; its users lose what it permits at once",
				flags: []flag{yesFlag()}, run: deleteRole, example: "writ role delete acme/shop clerk --yes",
			},
			{
				name: "allow", arguments: "ORG/APP ROLE RULE...", least: 3, most: -1, usage: "add rules to a role",
				run: allowRules, example: "writ role allow acme/shop clerk 'get,put:/orders/*'",
			},
			{
				name: "deny", arguments: "ORG/APP ROLE RULE...", least: 3, most: -1, usage: "take rules from a role",
				about: "A rule is taken away as it is listed. There are no rules that forbid: what no rule permits is forbidden.",
				run:   denyRules, example: "writ role deny acme/shop clerk 'get,put:/orders/*'",
			},
		},
	}
}

// role reads the arguments ORG/APP ROLE.
func (s *session) role() (t target, name string, err error) {
	if t, err = applicationNamed(s.args[0]); err != nil {
		return t, "", err
	}
	name, err = reference("a role", s.args[1])
	return t, name, err
}

func listRoles(ctx context.Context, s *session) error {
	t, err := applicationNamed(s.args[0])
	if err != nil {
		return err
	}
	rows, err := s.pages(ctx, call{method: http.MethodGet, path: t.root("roles")}, "entities", 0)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, byMember("name"))
	return s.list(trimmedAll(rows), member("name", "name"), member("title", "title"), moment("created", "created"), member("uuid", "uuid"))
}

func showRole(ctx context.Context, s *session) error {
	t, name, err := s.role()
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodGet, path: t.root("roles", name)})
	if err != nil {
		return err
	}
	rules, err := s.do(ctx, call{method: http.MethodGet, path: t.root("roles", name, "permissions")})
	if err != nil {
		return err
	}
	role := trimmed(answer.entity())
	role["permissions"] = listed(rules["data"])
	return s.print(role, func(io.Writer) error {
		shown := maps.Clone(role)
		shown["permissions"] = strings.Join(listed(rules["data"]), "  ") // rules hold commas themselves
		return s.show(shown, "name", "title", "uuid", "permissions", "created", "modified")
	})
}

// listed gives an array of texts.
func listed(value any) []string {
	values, _ := value.([]any)
	texts := make([]string, 0, len(values))
	for _, one := range values {
		texts = append(texts, text(one))
	}
	return texts
}

func createRole(ctx context.Context, s *session) error {
	t, name, err := s.role()
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{
		method: http.MethodPost, path: t.root("roles"), body: map[string]any{"name": name, "title": s.cmd.String("title")},
	})
	if err != nil {
		return err
	}
	role := answer.entity()
	return s.done(done{Action: "created", Kind: "role", Name: text(role["name"]), In: t.String(), UUID: text(role["uuid"])})
}

func deleteRole(ctx context.Context, s *session) error {
	t, name, err := s.role()
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, name); err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodDelete, path: t.root("roles", name)})
	if err != nil {
		return err
	}
	return s.done(done{Action: "deleted", Kind: "role", Name: name, In: t.String(), UUID: text(answer.entity()["uuid"])})
}

func allowRules(ctx context.Context, s *session) error {
	return changeRules(ctx, s, func(c *call) {
		c.method, c.body = http.MethodPost, map[string]any{"permission": s.args[2:]}
	})
}

func denyRules(ctx context.Context, s *session) error {
	return changeRules(ctx, s, func(c *call) {
		c.method, c.query = http.MethodDelete, url.Values{"permission": s.args[2:]}
	})
}

// changeRules prints the rules that a role has afterwards.
func changeRules(ctx context.Context, s *session, change func(*call)) error {
	t, name, err := s.role()
	if err != nil {
		return err
	}
	c := call{path: t.root("roles", name, "permissions")}
	change(&c)
	answer, err := s.do(ctx, c)
	if err != nil {
		return err
	}
	rules := listed(answer["data"])
	return s.print(rules, func(w io.Writer) error {
		for _, rule := range rules {
			if _, err := io.WriteString(w, plain(rule)+"\n"); err != nil {
				return err
			}
		}
		return nil
	})
}
