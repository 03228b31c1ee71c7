package operator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/writ-auth/writ/models"
)

func applications() group {
	return group{
		name: "app", usage: "applications and their settings",
		about: "An application is written ORG/APP, such as acme/shop; uuids are understood too.",
		commands: []command{
			{
				name: "list", arguments: "ORG", least: 1, most: 1, usage: "list the applications of an organization", run: listApplications,
				example: "writ app list acme",
			},
			{
				name: "show", arguments: "ORG/APP", least: 1, most: 1, usage: "show an application and its settings", run: showApplication,
				example: "writ app show acme/shop",
			},
			{
				name: "create", arguments: "ORG/APP", least: 1, most: 1, usage: "create an application with the roles admin, default and guest",
				run: createApplication, example: "writ app create acme/shop\nwrit credentials show acme/shop",
			},
			{
				name: "delete", arguments: "ORG/APP", least: 1, most: 1, usage: "delete an application", flags: []flag{yesFlag()},
				about: "All its tokens are refused at once. The name stays taken; `writ app restore` brings the application back.\n" +
					"Keep the uuid that is printed: it is what restore wants.",
				run: deleteApplication, example: "writ app delete acme/shop --yes",
			},
			{
				name: "restore", arguments: "ORG/UUID", least: 1, most: 1, usage: "bring a deleted application back",
				about: "Tokens from before it was deleted stay refused.",
				run:   restoreApplication, example: "writ app restore acme/2a438f2a-3172-4442-bbce-14ab261db1d4",
			},
			{
				name: "set", arguments: "ORG/APP KEY=VALUE...", least: 2, most: -1, usage: "set or unset settings and properties",
				about: "KEY= unsets. scopes and allowedorigins take lists with commas. KEY:=JSON gives any JSON value to a property of your own.\n" +
					"The settings: accesstokenttl, refreshtokenttl and refreshtokenidlettl (ms), refreshtokens, passwordgrant, permissionclaims, nonexpiringexp,\n" +
					"registration_requires_email_confirmation and registration_requires_admin_approval (true or false), scopes, allowedorigins.",
				run: setApplication, example: "writ app set acme/shop accesstokenttl=1800000 refreshtokens=true scopes=orders.read,orders.write",
			},
		},
	}
}

func listApplications(ctx context.Context, s *session) error {
	t, err := organizationNamed(s.args[0])
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodGet, path: t.managed("applications")})
	if err != nil {
		return err
	}
	rows := []map[string]any{}
	for name, id := range answer.object("data") {
		rows = append(rows, map[string]any{"name": name, "uuid": id})
	}
	slices.SortFunc(rows, byMember("name"))
	return s.list(rows, member("name", "name"), member("uuid", "uuid"))
}

func (s *session) application(ctx context.Context, t target) (map[string]any, error) {
	answer, err := s.do(ctx, call{method: http.MethodGet, path: t.root()})
	return answer.entity(), err
}

func showApplication(ctx context.Context, s *session) error {
	t, err := applicationNamed(s.args[0])
	if err != nil {
		return err
	}
	application, err := s.application(ctx, t)
	if err != nil {
		return err
	}
	return s.showApplication(application)
}

func (s *session) showApplication(application map[string]any) error {
	return s.show(trimmed(application), "name", "uuid", "organizationName", "applicationName", "created", "modified")
}

func createApplication(ctx context.Context, s *session) error {
	t, err := applicationNamed(s.args[0])
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{
		method: http.MethodPost, path: target{organization: t.organization}.managed("applications"),
		body: map[string]any{"name": t.application},
	})
	if err != nil {
		return err
	}
	return s.done(done{
		Action: "created", Kind: "application", Name: t.String(), UUID: text(answer.entity()["uuid"]),
		Note: "`writ credentials show " + t.String() + "` shows its client",
	})
}

func deleteApplication(ctx context.Context, s *session) error {
	t, err := applicationNamed(s.args[0])
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, t.String()); err != nil {
		return err
	}
	answer, err := s.do(ctx, call{
		method: http.MethodDelete, path: t.managed(), query: url.Values{"confirm_application_identifier": {t.application}},
	})
	if err != nil {
		return err
	}
	return s.done(done{Action: "deleted", Kind: "application", Name: t.String(), UUID: text(answer["application"])})
}

func restoreApplication(ctx context.Context, s *session) error {
	t, err := applicationNamed(s.args[0])
	if err == nil && !models.IsUUID(t.application) {
		err = usage("a deleted application is named by its uuid: ORG/UUID")
	}
	if err != nil {
		return err
	}
	if _, err := s.do(ctx, call{method: http.MethodPut, path: t.managed()}); err != nil {
		return err
	}
	application, err := s.application(ctx, t)
	if err != nil {
		return err
	}
	return s.done(done{Action: "restored", Kind: "application", Name: text(application["name"]), UUID: t.application})
}

func setApplication(ctx context.Context, s *session) error {
	t, err := applicationNamed(s.args[0])
	if err != nil {
		return err
	}
	changes, err := assignments(s.args[1:])
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, call{method: http.MethodPut, path: t.root(), body: changes})
	if err != nil {
		return err
	}
	return s.showApplication(answer.entity())
}

// assignments reads KEY=VALUE, KEY= and KEY:=JSON. Whether a value fits its key is the server's business.
func assignments(arguments []string) (map[string]any, error) {
	changes := map[string]any{}
	for _, argument := range arguments {
		key, value, found := strings.Cut(argument, "=")
		asJSON := strings.HasSuffix(key, ":")
		key = strings.TrimSuffix(key, ":")
		if !found || key == "" {
			return nil, usage("settings are written KEY=VALUE")
		}
		if _, twice := changes[key]; twice {
			return nil, usage("%s is given twice", models.Printable(key))
		}
		switch {
		case asJSON && !json.Valid([]byte(value)):
			return nil, usage("%s: what follows := is not JSON", models.Printable(key))
		case asJSON:
			changes[key] = json.RawMessage(value)
		case value == "":
			changes[key] = nil
		case key == "scopes" || key == "allowedorigins":
			changes[key] = strings.Split(value, ",")
		default:
			changes[key] = value
		}
	}
	return changes, nil
}
