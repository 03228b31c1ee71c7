package portal

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// organization is what the API tells about one.
type organization struct {
	ID                  uuid.UUID            `json:"uuid"`
	Name                string               `json:"name"`
	Properties          map[string]any       `json:"properties"`
	PasswordHistorySize int                  `json:"passwordHistorySize"`
	Applications        map[string]uuid.UUID `json:"applications"` // "org/app" to uuid
	Users               map[string]any       `json:"users"`
}

// organization asks for the one in the path. Who may not see it is told that there is none.
func (v *visit) organization() (*organization, error) {
	var answer struct {
		Organization organization `json:"organization"`
	}
	err := v.get(&answer, "management", "organizations", v.param("org"))
	return &answer.Organization, err
}

// showIn shows a page of an organization with its tabs. tab is the last segment of the page's address, "" for the overview.
func (v *visit) showIn(o *organization, tab string, status int, name string, p page) error {
	p.Crumbs = []link{{Text: v.texts.say("organizations.title"), Address: root}}
	if p.Title == "" {
		p.Title = o.Name
	} else {
		p.Crumbs = append(p.Crumbs, link{Text: o.Name, Address: address("organizations", o.Name)})
	}
	for _, t := range []string{"", "credentials", "administrators", "tokens", "insight", "review", "activity", "settings"} {
		at := address("organizations", o.Name)
		text := v.texts.say("tab.overview")
		if t != "" {
			at, text = at+"/"+t, v.texts.say("tab."+t)
		}
		p.Tabs = append(p.Tabs, link{text, at, t == tab})
	}
	return v.show(status, name, p)
}

// organizationPage is the overview.
type organizationPage struct {
	Organization string
	Applications []string
	First, Next  string // addresses of other parts of the applications
	Deleted      []deletedApplication
	Hidden       int // deleted applications that are not shown
	Members      int
	Name         string // of the form, again
}

// deletedApplication can be restored.
type deletedApplication struct {
	Name string
	ID   uuid.UUID
}

// showOrganization is GET /portal/organizations/{org}.
func (v *visit) showOrganization() error { return v.showOrganizationForm(http.StatusOK, "", "") }

func (v *visit) showOrganizationForm(status int, complaint, name string) error {
	o, err := v.organization()
	if err != nil {
		return err
	}
	var deleted struct {
		Data map[string]uuid.UUID `json:"data"`
	}
	if err := v.do(call{
		method: http.MethodGet, path: []string{"management", "organizations", o.Name, "applications"}, query: filled("deleted", "true"),
	}, &deleted); err != nil {
		return err
	}
	body := organizationPage{Organization: o.Name, Members: len(o.Users), Name: name}
	for _, full := range slices.Sorted(maps.Keys(o.Applications)) {
		body.Applications = append(body.Applications, behindSlash(full))
	}
	body.Applications, body.First, body.Next = windowOf(v, body.Applications, address("organizations", o.Name))
	names := slices.Sorted(maps.Keys(deleted.Data))
	body.Hidden = max(len(names)-maxShown, 0)
	for _, full := range names[:len(names)-body.Hidden] {
		body.Deleted = append(body.Deleted, deletedApplication{behindSlash(full), deleted.Data[full]})
	}
	return v.showIn(o, "", status, "organization", page{Problem: complaint, Body: body})
}

// behindSlash is the name of the application in "org/app".
func behindSlash(full string) string {
	_, name, _ := strings.Cut(full, "/")
	return name
}

// createApplication is POST /portal/organizations/{org}/applications.
func (v *visit) createApplication() error {
	org, name := v.param("org"), v.field("name")
	err := v.do(call{
		method: http.MethodPost, path: []string{"management", "organizations", org, "applications"}, body: map[string]string{"name": name},
	}, nil)
	if err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showOrganizationForm(status, text, name)
	}
	return v.done(address("organizations", org, "applications", name), "notice.application")
}

// restoreApplication is POST /portal/organizations/{org}/restore.
func (v *visit) restoreApplication() error {
	org := v.param("org")
	err := v.do(call{
		method: http.MethodPut, path: []string{"management", "organizations", org, "applications", v.field("application")},
	}, nil)
	if err != nil {
		return err
	}
	return v.done(address("organizations", org), "notice.restored")
}
