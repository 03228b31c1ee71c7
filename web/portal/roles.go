package portal

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
)

// The roles with a meaning of their own.
const (
	guestRole   = "guest"
	defaultRole = "default"
)

// role is what the API tells about one.
type role struct {
	ID         uuid.UUID `json:"uuid"`
	Name       string    `json:"name"`
	Title      string    `json:"title"`
	Inactivity int64     `json:"inactivity"`
	Created    int64     `json:"created"`
	Modified   int64     `json:"modified"`
}

// Special tells whether Writ gives the role a meaning of its own; its texts have the name in theirs.
func (r *role) Special() bool { return r.Name == guestRole || r.Name == defaultRole }

// rolesPage lists the roles of an application.
type rolesPage struct {
	Page, May   string // addresses
	Roles       []role
	First, Next string

	Name, Title    string // of the form, again
	FormIsExpected bool
}

// showRoles is GET …/roles.
func (v *visit) showRoles() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	return v.showRolesForm(a, http.StatusOK, "", rolesPage{})
}

func (v *visit) showRolesForm(a *application, status int, complaint string, body rolesPage) error {
	var answer struct {
		Entities []role `json:"entities"`
		Cursor   string `json:"cursor"`
	}
	err := v.do(call{
		method: http.MethodGet, path: []string{a.Organization, a.Name, "roles"},
		query: filled("cursor", v.query("cursor"), "limit", strconv.Itoa(perPage)),
	}, &answer)
	if err != nil {
		return err
	}
	body.Page, body.May, body.Roles, body.FormIsExpected = a.at("roles"), a.at("may"), answer.Entities, complaint != ""
	body.First, body.Next = v.cursorPages(body.Page, nil, answer.Cursor)
	return v.showOf(a, "roles", status, "roles", page{Title: v.texts.say("tab.roles"), Problem: complaint, Body: body})
}

// createRole is POST …/roles/create.
func (v *visit) createRole() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	body := map[string]any{"name": v.field("name"), "title": v.field("title")}
	var answer struct {
		Entities []role `json:"entities"`
	}
	err = v.do(call{method: http.MethodPost, path: []string{a.Organization, a.Name, "roles"}, body: body}, &answer)
	if err != nil || len(answer.Entities) != 1 {
		text, status, other := v.complaint(err)
		if other != nil || err == nil {
			return other
		}
		return v.showRolesForm(a, status, text, rolesPage{Name: v.field("name"), Title: v.field("title")})
	}
	return v.done(a.at("roles", answer.Entities[0].ID.String()), "notice.role")
}

// rolePage is everything about one role.
type rolePage struct {
	Page          string // address
	Role          *role
	Rules         rulesBox
	Users, Groups holders
	Try           tryBox

	Title      string // of the form, again
	Inactivity lifetimeField
	Who, Group string
}

// roleOfPath asks for the role in the path. Pages have the uuid there, as those of users have.
func (v *visit) roleOfPath() (*application, *role, error) {
	a, err := v.application()
	if err != nil {
		return nil, nil, err
	}
	if _, err := uuid.Parse(v.param("role")); err != nil {
		return nil, nil, errNotFound
	}
	var answer struct {
		Entities []role `json:"entities"`
	}
	if err := v.get(&answer, a.Organization, a.Name, "roles", v.param("role")); err != nil {
		return nil, nil, err
	}
	if len(answer.Entities) != 1 {
		return nil, nil, errNotFound
	}
	return a, &answer.Entities[0], nil
}

// of is the path of the role in the API.
func (r *role) of(a *application, more ...string) []string {
	return append([]string{a.Organization, a.Name, "roles", r.ID.String()}, more...)
}

func (r *role) at(a *application, more ...string) string {
	return a.at(append([]string{"roles", r.ID.String()}, more...)...)
}

// asker is who has the role, for the live test.
func (r *role) asker() (as grants.Asker, who string) {
	if r.Name == guestRole {
		return grants.AsGuest, ""
	}
	return grants.AsRole, r.Name
}

// showRole is GET …/roles/{role}.
func (v *visit) showRole() error {
	a, r, err := v.roleOfPath()
	if err != nil {
		return err
	}
	if v.query(tryPart) != "" {
		return v.answerTry(a)
	}
	return v.showRoleForm(a, r, http.StatusOK, "", rolePage{})
}

func (v *visit) showRoleForm(a *application, r *role, status int, complaint string, body rolePage) error {
	body.Page, body.Role = r.at(a), r
	if _, again := v.form["title"]; !again {
		body.Title, body.Inactivity = r.Title, entered("inactivity", &r.Inactivity, "minute")
	}
	body.Inactivity.Units = v.unitsOf(body.Inactivity.Unit)
	var err error
	if body.Rules, err = v.rulesOf(a, holderOfRules{"role", body.Page, r.of(a)}); err != nil {
		return err
	}
	if body.Users.List, err = v.related(a, body.Page, "users", "roles", r.ID.String()); err != nil {
		return err
	}
	if body.Groups.List, err = v.related(a, body.Page, "groups", "roles", r.ID.String()); err != nil {
		return err
	}
	body.Users.Action, body.Users.Token, body.Users.Button, body.Users.Named = body.Page+"/users", v.formToken(), "user.take", "role.taken"
	body.Groups.Action, body.Groups.Token, body.Groups.Button, body.Groups.Named = body.Page+"/groups", v.formToken(), "user.take", "role.taken"
	as, who := r.asker()
	if body.Try, err = v.try(a, body.Page, as, who); err != nil {
		return err
	}
	return v.showOf(a, "roles", status, "role", page{
		Title: r.Name, Problem: complaint, Body: body, Crumbs: []link{{Text: v.texts.say("tab.roles"), Address: a.at("roles")}},
	})
}

// unitsOf are the choices of a field with a duration.
func (v *visit) unitsOf(chosen string) []choice {
	all := make([]choice, 0, len(units))
	for _, u := range units {
		all = append(all, choice{u.name, v.texts.say("unit." + u.name + ".name"), u.name == chosen})
	}
	return all
}

// saveRole is POST …/profile.
func (v *visit) saveRole() error {
	a, r, err := v.roleOfPath()
	if err != nil {
		return err
	}
	idle := lifetimeField{Name: "inactivity", Number: strings.TrimSpace(v.field("inactivity")), Unit: v.field("inactivity_unit")}
	again := func(status int, complaint string) error {
		return v.showRoleForm(a, r, status, complaint, rolePage{Title: v.field("title"), Inactivity: idle})
	}
	changes := map[string]any{"title": v.field("title"), "inactivity": 0}
	if idle.Number != "" {
		ms := idle.millis()
		if ms == nil {
			return again(http.StatusBadRequest, v.texts.say("error.inactivity"))
		}
		changes["inactivity"] = *ms
	}
	if err := v.do(call{method: http.MethodPut, path: r.of(a), body: changes}, nil); err != nil {
		return v.againWith(err, again)
	}
	return v.done(r.at(a), "notice.saved")
}

// changeRoleRules is POST …/rules: adds a rule, takes one away, or says what one would mean.
func (v *visit) changeRoleRules() error {
	a, r, err := v.roleOfPath()
	if err != nil {
		return err
	}
	return v.changeRules(holderOfRules{"role", r.at(a), r.of(a)}, func(status int, complaint string) error {
		return v.showRoleForm(a, r, status, complaint, rolePage{})
	})
}

// changeRoleUser is POST …/users: gives the role to a user, or takes it away.
func (v *visit) changeRoleUser() error {
	a, r, err := v.roleOfPath()
	if err != nil {
		return err
	}
	c := call{method: v.addOrRemove(), path: r.of(a, "users", v.field("name"))}
	return v.tie(r.at(a), "notice.holders", "error.nosuchuser", c, func(status int, complaint string) error {
		return v.showRoleForm(a, r, status, complaint, rolePage{Who: v.field("name")})
	})
}

// changeRoleGroup is POST …/groups: the same for every member of a group.
func (v *visit) changeRoleGroup() error {
	a, r, err := v.roleOfPath()
	if err != nil {
		return err
	}
	c := call{method: v.addOrRemove(), path: r.of(a, "groups", v.field("name"))}
	return v.tie(r.at(a), "notice.holders", "error.nosuchgroup", c, func(status int, complaint string) error {
		return v.showRoleForm(a, r, status, complaint, rolePage{Group: v.field("name")})
	})
}

// askDeleteRole is GET …/delete.
func (v *visit) askDeleteRole() error { return v.showDeleteRole(http.StatusOK, "") }

func (v *visit) showDeleteRole(status int, complaint string) error {
	a, r, err := v.roleOfPath()
	if err != nil {
		return err
	}
	kind := "role"
	if r.Special() {
		kind += r.Name
	}
	return v.showOf(a, "roles", status, "delete", page{
		Title: v.texts.say("delete.role.title", r.Name), Problem: complaint,
		Body:   deletePage{Name: r.Name, Kind: kind, Action: r.at(a, "delete"), Back: r.at(a)},
		Crumbs: []link{{Text: v.texts.say("tab.roles"), Address: a.at("roles")}},
	})
}

// deleteRole is POST of the same.
func (v *visit) deleteRole() error {
	a, r, err := v.roleOfPath()
	if err != nil {
		return err
	}
	if strings.TrimSpace(v.field("name")) != r.Name {
		return v.showDeleteRole(http.StatusBadRequest, v.texts.say("error.name", r.Name))
	}
	if err := v.do(call{method: http.MethodDelete, path: r.of(a)}, nil); err != nil {
		return err
	}
	return v.done(a.at("roles"), "notice.roledeleted")
}
