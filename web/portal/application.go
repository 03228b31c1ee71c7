package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// application is what the API tells about one. Its settings stand among its other members.
type application struct {
	ID           uuid.UUID
	Organization string
	Name         string
	Settings     models.Settings
}

// UnmarshalJSON reads the entity of the wire.
func (a *application) UnmarshalJSON(text []byte) error {
	var entity struct {
		ID           uuid.UUID `json:"uuid"`
		Organization string    `json:"organizationName"`
		Name         string    `json:"applicationName"`
	}
	if err := errors.Join(json.Unmarshal(text, &entity), json.Unmarshal(text, &a.Settings)); err != nil {
		return err
	}
	a.ID, a.Organization, a.Name = entity.ID, entity.Organization, entity.Name
	return nil
}

// Issuer is what tokens of the application say where they come from.
func (v *visit) issuer(a *application) string {
	return v.PublicURL + "/" + a.Organization + "/" + a.Name
}

// application asks for the one in the path.
func (v *visit) application() (*application, error) {
	var answer struct {
		Entities []application `json:"entities"`
	}
	err := v.get(&answer, "management", "organizations", v.param("org"), "applications", v.param("app"))
	if err != nil {
		return nil, err
	}
	if len(answer.Entities) != 1 {
		return nil, errNotFound
	}
	return &answer.Entities[0], nil
}

// at is the address of a page of the application.
func (a *application) at(more ...string) string {
	return address(append([]string{"organizations", a.Organization, "applications", a.Name}, more...)...)
}

// showOf shows a page of an application with its tabs. tab is the last segment of the page's address, "" for the first.
func (v *visit) showOf(a *application, tab string, status int, name string, p page) error {
	further := p.Crumbs // between the application and the page
	p.Crumbs = []link{
		{Text: v.texts.say("organizations.title"), Address: root},
		{Text: a.Organization, Address: address("organizations", a.Organization)},
	}
	if p.Title == "" {
		p.Title = a.Name
	} else {
		p.Crumbs = append(p.Crumbs, link{Text: a.Name, Address: a.at()})
	}
	p.Crumbs = append(p.Crumbs, further...)
	for _, t := range []string{"", "users", "groups", "roles", "may", "credentials", "tokens", "settings", "insight", "review", "activity"} {
		at, text := a.at(), v.texts.say("tab.start")
		if t != "" {
			at, text = a.at(t), v.texts.say("tab."+t)
		}
		p.Tabs = append(p.Tabs, link{text, at, t == tab})
	}
	return v.show(status, name, p)
}

// startPage is everything that a developer needs on the first day.
type startPage struct {
	Organization, Application string
	Issuer, Token, Keys       string // addresses
	Metadata                  string
	ClientID, Secret          string // Secret is there once it was revealed
	Kept                      bool   // it can be revealed
	Reveal                    string // address of the form
	Snippets                  []snippet
}

// showStart is GET /portal/organizations/{org}/applications/{app}.
func (v *visit) showStart() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	return v.showStartWith(a, "")
}

// revealStart is POST …/reveal: the same page, with the secret in it.
func (v *visit) revealStart() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	shown, err := v.reveal(applicationClient(a))
	if err != nil {
		return err
	}
	return v.showStartWith(a, shown.Secret)
}

func (v *visit) showStartWith(a *application, secret string) error {
	row, err := v.Store.Client(v.ctx(), a.ID)
	if err != nil {
		return err
	}
	issuer := v.issuer(a)
	body := startPage{
		Organization: a.Organization, Application: a.Name,
		Issuer: issuer, Token: issuer + "/token", Keys: v.PublicURL + "/.well-known/jwks.json",
		Metadata: issuer + "/.well-known/oauth-authorization-server",
		ClientID: models.ClientID(models.ApplicationClient, a.ID), Secret: secret, Kept: row.SecretSealed != nil,
		Reveal: a.at("reveal"),
	}
	if body.Snippets, err = v.snippets(&body, v.allowsPasswords(a)); err != nil {
		return err
	}
	return v.showOf(a, "", http.StatusOK, "start", page{Body: body})
}

// allowsPasswords tells whether users may log in with a password (wire contract §2.7).
func (v *visit) allowsPasswords(a *application) bool {
	if a.Settings.PasswordGrant == nil {
		return !v.Strict
	}
	return *a.Settings.PasswordGrant
}

// askDeleteApplication is GET …/settings/delete.
func (v *visit) askDeleteApplication() error { return v.showDeleteApplication(http.StatusOK, "") }

func (v *visit) showDeleteApplication(status int, complaint string) error {
	a, err := v.application()
	if err != nil {
		return err
	}
	return v.showOf(a, "settings", status, "delete", page{
		Title: v.texts.say("delete.application.title", a.Name), Problem: complaint,
		Body: deletePage{Name: a.Name, Kind: "application", Action: a.at("settings", "delete"), Back: a.at("settings")},
	})
}

// deleteApplication is POST of the same.
func (v *visit) deleteApplication() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	if strings.TrimSpace(v.field("name")) != a.Name {
		return v.showDeleteApplication(http.StatusBadRequest, v.texts.say("error.name", a.Name))
	}
	err = v.do(call{
		method: http.MethodDelete, path: []string{"management", "organizations", a.Organization, "applications", a.Name},
		query: filled("confirm_application_identifier", a.Name),
	}, nil)
	if err != nil {
		return err
	}
	return v.done(address("organizations", a.Organization), "notice.applicationdeleted")
}
