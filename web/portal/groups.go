package portal

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
)

// group is what the API tells about one.
type group struct {
	ID       uuid.UUID `json:"uuid"`
	Path     string    `json:"path"`
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	Created  int64     `json:"created"`
	Modified int64     `json:"modified"`
}

// Parent is the path of the group above, whose rules hold for the members, too.
func (g *group) Parent() string {
	cut := strings.LastIndexByte(g.Path, '/')
	return g.Path[:max(cut, 0)]
}

// groupsPage lists the groups of an application.
type groupsPage struct {
	Page        string // address
	Groups      []group
	First, Next string

	Path, Title    string // of the form, again
	FormIsExpected bool
}

// showGroups is GET …/groups.
func (v *visit) showGroups() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	return v.showGroupsForm(a, http.StatusOK, "", groupsPage{})
}

func (v *visit) showGroupsForm(a *application, status int, complaint string, body groupsPage) error {
	var answer struct {
		Entities []group `json:"entities"`
		Cursor   string  `json:"cursor"`
	}
	err := v.do(call{
		method: http.MethodGet, path: []string{a.Organization, a.Name, "groups"},
		query: filled("cursor", v.query("cursor"), "limit", strconv.Itoa(perPage)),
	}, &answer)
	if err != nil {
		return err
	}
	body.Page, body.Groups = a.at("groups"), answer.Entities
	body.First, body.Next = v.cursorPages(body.Page, nil, answer.Cursor)
	body.FormIsExpected = complaint != "" || len(body.Groups) == 0
	return v.showOf(a, "groups", status, "groups", page{Title: v.texts.say("tab.groups"), Problem: complaint, Body: body})
}

// createGroup is POST …/groups/create.
func (v *visit) createGroup() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	body := map[string]string{"path": strings.TrimSpace(v.field("path")), "title": v.field("title")}
	var answer struct {
		Entities []group `json:"entities"`
	}
	err = v.do(call{method: http.MethodPost, path: []string{a.Organization, a.Name, "groups"}, body: body}, &answer)
	if err != nil || len(answer.Entities) != 1 {
		text, status, other := v.complaint(err)
		if other != nil || err == nil {
			return other
		}
		return v.showGroupsForm(a, status, text, groupsPage{Path: v.field("path"), Title: v.field("title")})
	}
	return v.done(a.at("groups", answer.Entities[0].ID.String()), "notice.group")
}

// groupPage is everything about one group.
type groupPage struct {
	Page         string // address
	Group        *group
	Rules        rulesBox
	Users, Roles holders
	MoreRoles    []string // that can be given
	Try          string   // address of the live test, about a member

	Title string // of the forms, again
	Who   string
}

// groupOfPath asks for the group in the path.
func (v *visit) groupOfPath() (*application, *group, error) {
	a, err := v.application()
	if err != nil {
		return nil, nil, err
	}
	if _, err := uuid.Parse(v.param("group")); err != nil {
		return nil, nil, errNotFound
	}
	var answer struct {
		Entities []group `json:"entities"`
	}
	if err := v.get(&answer, a.Organization, a.Name, "groups", v.param("group")); err != nil {
		return nil, nil, err
	}
	if len(answer.Entities) != 1 {
		return nil, nil, errNotFound
	}
	return a, &answer.Entities[0], nil
}

// of is the path of the group in the API.
func (g *group) of(a *application, more ...string) []string {
	return append([]string{a.Organization, a.Name, "groups", g.ID.String()}, more...)
}

func (g *group) at(a *application, more ...string) string {
	return a.at(append([]string{"groups", g.ID.String()}, more...)...)
}

// showGroup is GET …/groups/{group}.
func (v *visit) showGroup() error {
	a, g, err := v.groupOfPath()
	if err != nil {
		return err
	}
	return v.showGroupForm(a, g, http.StatusOK, "", groupPage{})
}

func (v *visit) showGroupForm(a *application, g *group, status int, complaint string, body groupPage) error {
	body.Page, body.Group, body.Title = g.at(a), g, v.again("title", g.Title)
	body.Try = tryAddress(a, grants.AsGroup, g.Path)
	var err error
	if body.Rules, err = v.rulesOf(a, holderOfRules{"group", body.Page, g.of(a)}); err != nil {
		return err
	}
	if body.Users.List, err = v.related(a, body.Page, "users", "groups", g.ID.String()); err != nil {
		return err
	}
	if body.Roles.List, err = v.related(a, body.Page, "roles", "groups", g.ID.String()); err != nil {
		return err
	}
	body.Users.Action, body.Users.Token, body.Users.Button, body.Users.Named = body.Page+"/users", v.formToken(), "user.out", "group.outof"
	body.Roles.Action, body.Roles.Token, body.Roles.Button, body.Roles.Named = body.Page+"/roles", v.formToken(), "user.take", "group.taken"
	if _, body.MoreRoles, err = v.belongings(a, g.of(a), "roles"); err != nil {
		return err
	}
	return v.showOf(a, "groups", status, "group", page{
		Title: g.Path, Problem: complaint, Body: body, Crumbs: []link{{Text: v.texts.say("tab.groups"), Address: a.at("groups")}},
	})
}

// saveGroup is POST …/profile.
func (v *visit) saveGroup() error {
	a, g, err := v.groupOfPath()
	if err != nil {
		return err
	}
	changes := map[string]string{"title": v.field("title")}
	if err := v.do(call{method: http.MethodPut, path: g.of(a), body: changes}, nil); err != nil {
		return v.againWith(err, v.groupAgain(a, g))
	}
	return v.done(g.at(a), "notice.saved")
}

// groupAgain shows the page with what was entered.
func (v *visit) groupAgain(a *application, g *group) func(int, string) error {
	return func(status int, complaint string) error {
		return v.showGroupForm(a, g, status, complaint, groupPage{Who: v.field("name")})
	}
}

// changeGroupRules is POST …/rules.
func (v *visit) changeGroupRules() error {
	a, g, err := v.groupOfPath()
	if err != nil {
		return err
	}
	return v.changeRules(holderOfRules{"group", g.at(a), g.of(a)}, v.groupAgain(a, g))
}

// changeGroupUser is POST …/users: a user joins or leaves.
func (v *visit) changeGroupUser() error {
	a, g, err := v.groupOfPath()
	if err != nil {
		return err
	}
	c := call{method: v.addOrRemove(), path: g.of(a, "users", v.field("name"))}
	return v.tie(g.at(a), "notice.members", "error.nosuchuser", c, v.groupAgain(a, g))
}

// changeGroupRole is POST …/roles: every member has a role, or has it no more.
func (v *visit) changeGroupRole() error {
	a, g, err := v.groupOfPath()
	if err != nil {
		return err
	}
	c := call{method: v.addOrRemove(), path: g.of(a, "roles", v.field("name"))}
	return v.tie(g.at(a), "notice.holders", "error.nosuchrole", c, v.groupAgain(a, g))
}

// askDeleteGroup is GET …/delete.
func (v *visit) askDeleteGroup() error { return v.showDeleteGroup(http.StatusOK, "") }

func (v *visit) showDeleteGroup(status int, complaint string) error {
	a, g, err := v.groupOfPath()
	if err != nil {
		return err
	}
	return v.showOf(a, "groups", status, "delete", page{
		Title: v.texts.say("delete.group.title", g.Path), Problem: complaint,
		Body:   deletePage{Name: g.Path, Kind: "group", Action: g.at(a, "delete"), Back: g.at(a)},
		Crumbs: []link{{Text: v.texts.say("tab.groups"), Address: a.at("groups")}},
	})
}

// deleteGroup is POST of the same.
func (v *visit) deleteGroup() error {
	a, g, err := v.groupOfPath()
	if err != nil {
		return err
	}
	if strings.TrimSpace(v.field("name")) != g.Path {
		return v.showDeleteGroup(http.StatusBadRequest, v.texts.say("error.name", g.Path))
	}
	if err := v.do(call{method: http.MethodDelete, path: g.of(a)}, nil); err != nil {
		return err
	}
	return v.done(a.at("groups"), "notice.groupdeleted")
}
