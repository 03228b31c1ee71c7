package portal

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"
)

// perPage is how many rows a page of a list shows.
const perPage = 25

// organizationsPage lists what somebody may look into: the superuser everything, by pages and with a search.
type organizationsPage struct {
	Names          []string
	All            bool // everything there is: the superuser's view
	Search         string
	First, Next    string // addresses of other pages of the list
	Name           string // of the form, again
	OwnerEmail     string
	Reachable      bool // the new owner can be written to
	FormIsExpected bool // there is nothing to look at yet, so the form is open
}

// showOrganizations is GET /portal.
func (v *visit) showOrganizations() error {
	return v.showOrganizationsForm(http.StatusOK, "", organizationsPage{})
}

func (v *visit) showOrganizationsForm(status int, complaint string, body organizationsPage) error {
	var err error
	if v.caller.Superuser {
		err = v.listAll(&body)
	} else {
		err = v.listOwn(&body)
	}
	if err != nil {
		return err
	}
	body.Reachable = v.SendsMail
	body.FormIsExpected = complaint != "" || len(body.Names) == 0 && body.Search == ""
	return v.show(status, "organizations", page{Title: v.texts.say("organizations.title"), Problem: complaint, Body: body})
}

func (v *visit) listOwn(body *organizationsPage) error {
	var answer struct {
		Data map[string]uuid.UUID `json:"data"`
	}
	if err := v.get(&answer, "management", "users", "me", "organizations"); err != nil {
		return err
	}
	body.Names = slices.Sorted(maps.Keys(answer.Data))
	return nil
}

func (v *visit) listAll(body *organizationsPage) error {
	var answer struct {
		Organizations []struct {
			Name string `json:"name"`
		} `json:"organizations"`
		Cursor string `json:"cursor"`
	}
	body.All, body.Search = true, v.query("search")
	err := v.do(call{
		method: http.MethodGet, path: []string{"management", "organizations"},
		query: filled("search", body.Search, "cursor", v.query("cursor"), "limit", "25"),
	}, &answer)
	if err != nil {
		return err
	}
	for _, o := range answer.Organizations {
		body.Names = append(body.Names, o.Name)
	}
	body.First, body.Next = v.cursorPages(root, filled("search", body.Search), answer.Cursor)
	return nil
}

// filled makes a query of names and values, without those that are empty.
func filled(pairs ...string) url.Values {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	return query
}

func asQuery(query url.Values) string {
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// createOrganization is POST /portal/organizations: an admin founds one of his own, the superuser one for somebody.
func (v *visit) createOrganization() error {
	name, owner := v.field("name"), v.field("email")
	c := call{method: http.MethodPost, path: []string{"management", "users", "me", "organizations"}, body: map[string]string{"organization": name}}
	if v.caller.Superuser && owner != "" {
		c.path, c.body = []string{"management", "organizations"}, map[string]string{"organization": name, "email": owner}
	}
	if err := v.do(c, nil); err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showOrganizationsForm(status, text, organizationsPage{Name: name, OwnerEmail: owner})
	}
	return v.done(address("organizations", name), "notice.organization")
}
