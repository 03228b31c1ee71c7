package operator

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/writ-auth/writ/models"
)

func organizations() group {
	return group{
		name: "org", usage: "organizations",
		about: "An organization owns applications and has admin users as members.",
		commands: []command{
			{
				name: "list", usage: "list the organizations", run: listOrganizations,
				example: "writ org list --json",
			},
			{
				name: "show", arguments: "ORG", least: 1, most: 1, usage: "show an organization, its applications and members", run: showOrganization,
				example: "writ org show acme",
			},
			{
				name: "create", arguments: "ORG --owner EMAIL", least: 1, most: 1, usage: "create an organization with the application sandbox",
				about: "The owner is the admin user who has the e-mail address; if nobody has it, one is created, and gets a password.\n" +
					"The sandbox lets everybody do everything in it: `writ app delete ORG/sandbox` if you do not want that.",
				flags: append([]flag{
					{"owner", "EMAIL", "e-mail address of the owner (required)"},
					{"owner-username", "NAME", "username of an owner who is created; default: the e-mail address"},
					{"owner-name", "NAME", "his name"},
				}, passwordFlags()...),
				run:     createOrganization,
				example: "writ org create acme --owner olga@example.com --owner-username olga --generate",
			},
			{
				name: "delete", arguments: "ORG", least: 1, most: 1, usage: "delete an organization and its applications", flags: []flag{yesFlag()},
				about: "All its tokens are refused at once. The name stays taken for ever.",
				run:   deleteOrganization, example: "writ org delete acme --yes",
			},
		},
	}
}

func listOrganizations(ctx context.Context, s *session) error {
	rows, err := s.pages(ctx, call{method: http.MethodGet, path: []string{"management", "organizations"}}, "organizations", 0)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, byMember("name"))
	return s.list(rows, member("name", "name"), member("uuid", "uuid"))
}

func showOrganization(ctx context.Context, s *session) error {
	t, err := organizationNamed(s.args[0])
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodGet, path: t.managed()})
	if err != nil {
		return err
	}
	organization := maps.Clone(answer.object("organization"))
	organization["applications"] = namesIn(organization["applications"])
	organization["members"] = namesIn(organization["users"])
	delete(organization, "users")
	return s.show(organization, "name", "uuid", "applications", "members")
}

// namesIn gives the keys of an object in order.
func namesIn(value any) []string {
	object, _ := value.(map[string]any)
	names := slices.Sorted(maps.Keys(object))
	if names == nil {
		names = []string{}
	}
	return names
}

func createOrganization(ctx context.Context, s *session) error {
	t, err := organizationNamed(s.args[0])
	if err != nil {
		return err
	}
	email, err := models.Email(s.cmd.String("owner"))
	if err != nil {
		return usage("--owner must be the e-mail address of the owner")
	}
	body := map[string]any{
		"organization": t.organization, "email": email, "username": s.cmd.String("owner-username"), "name": s.cmd.String("owner-name"),
	}
	known, err := s.adminWithEmail(ctx, email)
	if err != nil {
		return err
	}
	var secret password
	if !known {
		if secret, err = s.newPassword(ctx, true); err != nil {
			return err
		}
		body["password"] = secret.text
	}
	answer, err := s.do(ctx, call{method: http.MethodPost, path: []string{"management", "organizations"}, body: body})
	if err != nil {
		return err
	}
	organization, _ := answer.object("data")["organization"].(map[string]any)
	return s.done(done{
		Action: "created", Kind: "organization", Name: t.organization, UUID: text(organization["uuid"]), Password: secret.shown(),
		Note: "`writ credentials show " + t.organization + "` shows its client",
	})
}

// adminWithEmail tells whether an admin has this address; one whose username merely looks like it does not count.
func (s *session) adminWithEmail(ctx context.Context, address string) (bool, error) {
	answer, err := s.do(ctx, call{method: http.MethodGet, path: []string{"management", "users", address}, query: url.Values{"shallow": {"true"}}})
	if failure, is := errors.AsType[*Failure](err); is && failure.Code == ExitNotFound {
		return false, nil
	}
	return err == nil && models.Fold(text(answer.object("data")["email"])) == models.Fold(address), err
}

func deleteOrganization(ctx context.Context, s *session) error {
	t, err := organizationNamed(s.args[0])
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, t.String()); err != nil {
		return err
	}
	_, err = s.do(ctx, call{
		method: http.MethodDelete, path: t.managed(), query: url.Values{"confirm_organization_identifier": {t.organization}},
	})
	if err != nil {
		return err
	}
	return s.done(done{Action: "deleted", Kind: "organization", Name: t.String()})
}

// byMember compares rows by the text of a member.
func byMember(name string) func(a, b map[string]any) int {
	return func(a, b map[string]any) int { return strings.Compare(text(a[name]), text(b[name])) }
}
