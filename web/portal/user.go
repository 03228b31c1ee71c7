package portal

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// userPage is everything about one user.
type userPage struct {
	Page        string // address
	User        *user
	Roles       []link
	MoreRoles   []string // that can be given
	Groups      []link
	MoreGroups  []string
	Rules       rulesBox
	Try         string // address of the live test about him
	Mails       bool
	MinPassword int

	Username, Name, Email string // of the form, again
	NewProperty, NewValue string

	Activity, Doing string // addresses of what was done to him, and by him
}

// userOfPath asks for the user in the path. Pages have the uuid there: a name may change.
func (v *visit) userOfPath() (*application, *user, error) {
	a, err := v.application()
	if err != nil {
		return nil, nil, err
	}
	if _, err := uuid.Parse(v.param("user")); err != nil {
		return nil, nil, errNotFound
	}
	var answer struct {
		Entities []user `json:"entities"`
	}
	if err := v.get(&answer, a.Organization, a.Name, "users", v.param("user")); err != nil {
		return nil, nil, err
	}
	if len(answer.Entities) != 1 {
		return nil, nil, errNotFound
	}
	u := &answer.Entities[0]
	u.State = v.texts.say("user.state." + u.Condition())
	return a, u, nil
}

// showUser is GET …/users/{user}.
func (v *visit) showUser() error {
	a, u, err := v.userOfPath()
	if err != nil {
		return err
	}
	return v.showUserForm(a, u, http.StatusOK, "", userPage{Username: u.Username, Name: u.Name, Email: u.Email})
}

func (v *visit) showUserForm(a *application, u *user, status int, complaint string, body userPage) error {
	body.Page, body.User, body.Mails, body.MinPassword = a.at("users", u.ID.String()), u, v.SendsMail, v.MinPassword
	body.Activity = a.at("activity") + asQuery(filled("whom", u.ID.String()))
	body.Doing = a.at("activity") + asQuery(filled("who", u.ID.String()))
	var err error
	if body.Roles, body.MoreRoles, err = v.belongings(a, u.of(a), "roles"); err != nil {
		return err
	}
	if body.Groups, body.MoreGroups, err = v.belongings(a, u.of(a), "groups"); err != nil {
		return err
	}
	if body.Rules, err = v.rulesOf(a, rulesOfUser(a, u)); err != nil {
		return err
	}
	body.Try = tryAddress(a, grants.AsUser, u.Username)
	return v.showOf(a, "users", status, "user", page{
		Title: u.Username, Problem: complaint, Body: body, Crumbs: []link{{Text: v.texts.say("tab.users"), Address: a.at("users")}},
	})
}

// maxListed is how many roles or groups the API gives at once; nobody picks from a longer list.
const maxListed = "1000"

// belongings are the roles or groups that a user or a group has, and the names of the others that there are.
func (v *visit) belongings(a *application, of []string, kind string) (has []link, others []string, err error) {
	list := func(path []string) ([]link, error) {
		var answer struct {
			Entities []struct {
				ID   uuid.UUID `json:"uuid"`
				Name string    `json:"name"`
				Path string    `json:"path"`
			} `json:"entities"`
		}
		c := call{method: http.MethodGet, path: path, query: filled("limit", maxListed)}
		if err := v.do(c, &answer); err != nil {
			return nil, err
		}
		all := make([]link, 0, len(answer.Entities))
		for _, entity := range answer.Entities {
			all = append(all, link{Text: firstOf(entity.Path, entity.Name), Address: a.at(kind, entity.ID.String())})
		}
		slices.SortFunc(all, func(a, b link) int { return strings.Compare(a.Text, b.Text) })
		return all, nil
	}
	if has, err = list(append(of, kind)); err != nil {
		return nil, nil, err
	}
	all, err := list([]string{a.Organization, a.Name, kind})
	if err != nil {
		return nil, nil, err
	}
	for _, one := range all {
		if !slices.Contains(has, one) {
			others = append(others, one.Text)
		}
	}
	return has, others, nil
}

// change carries out a call about the user in the path and tells so on his page; a complaint is shown there, too.
func (v *visit) change(notice string, of func(a *application, u *user) call) error {
	a, u, err := v.userOfPath()
	if err != nil {
		return err
	}
	if err := v.do(of(a, u), nil); err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showUserForm(a, u, status, text, userPage{
			Username: v.again("username", u.Username), Name: v.again("name", u.Name), Email: v.again("email", u.Email),
			NewProperty: v.field("property"), NewValue: v.field("value"),
		})
	}
	return v.done(a.at("users", u.ID.String()), notice)
}

// again is what was entered in a field, if the form has it.
func (v *visit) again(name, otherwise string) string {
	if _, entered := v.form[name]; entered {
		return v.field(name)
	}
	return otherwise
}

// of is the path of the user in the API.
func (u *user) of(a *application, more ...string) []string {
	return append([]string{a.Organization, a.Name, "users", u.ID.String()}, more...)
}

// saveUser is POST …/profile.
func (v *visit) saveUser() error {
	return v.change("notice.saved", func(a *application, u *user) call {
		return call{method: http.MethodPut, path: u.of(a), body: map[string]string{
			"username": v.field("username"), "name": v.field("name"), "email": v.field("email"),
		}}
	})
}

// setUserState is POST …/state: shut out, let in again, or approve.
func (v *visit) setUserState() error {
	switch v.field("to") {
	case "disabled":
		return v.change("notice.userdisabled", func(a *application, u *user) call {
			return call{method: http.MethodPut, path: u.of(a), body: map[string]bool{"disabled": true}}
		})
	case "active":
		return v.change("notice.useractive", func(a *application, u *user) call {
			return call{method: http.MethodPut, path: u.of(a), body: map[string]bool{"disabled": false, "activated": true, "confirmed": true}}
		})
	}
	return errBadForm
}

// setUserPassword is POST …/password.
func (v *visit) setUserPassword() error {
	return v.change("notice.userpassword", func(a *application, u *user) call {
		return call{method: http.MethodPut, path: u.of(a, "password"), body: map[string]string{"newpassword": v.field("newpassword")}}
	})
}

// sendUserLink is POST …/link: a mail by which the user sets a password himself.
func (v *visit) sendUserLink() error {
	return v.change("notice.userlink", func(a *application, u *user) call {
		return call{method: http.MethodPost, path: u.of(a, "resetpw")}
	})
}

// changeUserRole is POST …/roles: gives the role that is chosen, or takes one away.
func (v *visit) changeUserRole() error {
	return v.change("notice.userroles", func(a *application, u *user) call {
		return call{method: v.addOrRemove(), path: []string{a.Organization, a.Name, "roles", v.field("name"), "users", u.ID.String()}}
	})
}

// changeUserGroup is POST …/groups.
func (v *visit) changeUserGroup() error {
	return v.change("notice.usergroups", func(a *application, u *user) call {
		return call{method: v.addOrRemove(), path: []string{a.Organization, a.Name, "groups", v.field("name"), "users", u.ID.String()}}
	})
}

func (v *visit) addOrRemove() string {
	if v.field("remove") == "yes" {
		return http.MethodDelete
	}
	return http.MethodPost
}

// revokeUserTokens is POST …/revoke: every token and login of the user ends.
func (v *visit) revokeUserTokens() error {
	return v.change("notice.userrevoked", func(a *application, u *user) call {
		return call{method: http.MethodPost, path: u.of(a, "revoketokens")}
	})
}

// tokensOfUser are the tokens without an end of the user in the path.
func (v *visit) tokensOfUser() (tokenOwner, error) {
	owner, err := v.tokensOfApplication()
	if err != nil {
		return owner, err
	}
	a, u, err := v.userOfPath()
	if err != nil {
		return owner, err
	}
	owner.name, owner.kind, owner.page, owner.path = u.Username, "user", a.at("users", u.ID.String(), "tokens"), u.of(a, "tokens")
	owner.who[u.ID] = u.Username
	owner.has = func(row *models.RegisteredToken) bool { return row.Subject == u.ID }
	owner.show = func(status int, template string, p page) error {
		p.Crumbs = append([]link{
			{Text: v.texts.say("tab.users"), Address: a.at("users")},
			{Text: u.Username, Address: a.at("users", u.ID.String())},
		}, p.Crumbs...)
		return v.showOf(a, "users", status, template, p)
	}
	return owner, nil
}

// askDeleteUser is GET …/delete.
func (v *visit) askDeleteUser() error { return v.showDeleteUser(http.StatusOK, "") }

func (v *visit) showDeleteUser(status int, complaint string) error {
	a, u, err := v.userOfPath()
	if err != nil {
		return err
	}
	at := a.at("users", u.ID.String())
	return v.showOf(a, "users", status, "delete", page{
		Title: v.texts.say("delete.user.title", u.Username), Problem: complaint,
		Body:   deletePage{Name: u.Username, Kind: "user", Action: at + "/delete", Back: at},
		Crumbs: []link{{Text: v.texts.say("tab.users"), Address: a.at("users")}},
	})
}

// deleteUser is POST of the same.
func (v *visit) deleteUser() error {
	a, u, err := v.userOfPath()
	if err != nil {
		return err
	}
	if v.field("name") != u.Username {
		return v.showDeleteUser(http.StatusBadRequest, v.texts.say("error.name", u.Username))
	}
	if err := v.do(call{method: http.MethodDelete, path: u.of(a)}, nil); err != nil {
		return err
	}
	return v.done(a.at("users"), "notice.userdeleted")
}
