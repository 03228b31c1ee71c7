package portal

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// adminsPage lists the administrators of the server.
type adminsPage struct {
	Page        string // address
	Admins      []adminRow
	Search      string
	Waiting     bool // only those who wait for approval
	First, Next string
}

// adminRow is an administrator as the list shows him.
type adminRow struct {
	member

	Organizations []string // the first of them by name
	More          int      // further ones
	LastLogin     int64    // 0: none in the trail
}

// shownOrganizations are as many as the list names of each.
const shownOrganizations = 3

// showAdmins is GET /portal/administrators. The questions are the superuser's: the API refuses everybody else.
func (v *visit) showAdmins() error {
	var answer struct {
		Data   []adminRow `json:"data"`
		Cursor string     `json:"cursor"`
	}
	body := adminsPage{Page: address("administrators"), Search: v.query("search"), Waiting: v.query("waiting") == "yes"}
	shown, query := filled("search", body.Search), filled("search", body.Search, "cursor", v.query("cursor"), "limit", strconv.Itoa(perPage))
	if body.Waiting {
		shown.Set("waiting", "yes")
		query.Set("waiting", "true")
	}
	if err := v.do(call{method: http.MethodGet, path: []string{"management", "users"}, query: query}, &answer); err != nil {
		return err
	}
	body.Admins = answer.Data
	ids := make([]uuid.UUID, len(body.Admins))
	for i := range body.Admins {
		ids[i] = body.Admins[i].ID
	}
	logins, err := v.Store.LastLogins(v.ctx(), uuid.Nil, ids)
	if err != nil {
		return err
	}
	for i := range body.Admins {
		row := &body.Admins[i]
		if err := v.describeAdmin(&row.member); err != nil {
			return err
		}
		if row.Organizations, err = v.organizationsOf(row.ID); err != nil {
			return err
		}
		row.More = max(0, len(row.Organizations)-shownOrganizations)
		row.Organizations = row.Organizations[:len(row.Organizations)-row.More]
		row.LastLogin = logins[row.ID]
	}
	body.First, body.Next = v.cursorPages(body.Page, shown, answer.Cursor)
	return v.showServer("administrators", http.StatusOK, "admins", page{Title: v.texts.say("tab.administrators"), Body: body})
}

func (v *visit) organizationsOf(admin uuid.UUID) ([]string, error) {
	var answer struct {
		Data map[string]uuid.UUID `json:"data"`
	}
	err := v.get(&answer, "management", "users", admin.String(), "organizations")
	return slices.Sorted(maps.Keys(answer.Data)), err
}

// describeAdmin fills in what the API does not tell about an admin that it has shown.
func (v *visit) describeAdmin(m *member) error {
	row, err := v.Store.Admin(v.ctx(), m.ID.String())
	if err != nil {
		return err
	}
	m.Invited, m.Self = row.PasswordHash == "" && !row.Superuser, m.ID == v.caller.Admin.ID
	m.State = v.inWords(m)
	return nil
}

// Condition is the state of the account in one word; its texts are admin.is and it.
func (m *member) Condition() string { return m.state() }

// Good tells whether the account can be used.
func (m *member) Good() bool { return m.state() == "active" }

// Waiting tells whether somebody must approve the account.
func (m *member) Waiting() bool { return !m.Activated && !m.Disabled }

// adminPage is everything about one administrator.
type adminPage struct {
	Page          string // address
	Admin         *member
	Organizations []string
	LastLogin     int64
	Mails         bool
	MinPassword   int
}

// adminOfPath asks for the admin in the path. Pages have the uuid there: a name may change.
func (v *visit) adminOfPath() (*member, error) {
	if _, err := uuid.Parse(v.param("admin")); err != nil || !v.caller.Superuser {
		return nil, errNotFound // the API tells everybody about himself, but these pages are about others
	}
	var answer struct {
		Data member `json:"data"`
	}
	err := v.do(call{
		method: http.MethodGet, path: []string{"management", "users", v.param("admin")}, query: filled("shallow", "true"),
	}, &answer)
	if err != nil {
		return nil, err
	}
	return &answer.Data, v.describeAdmin(&answer.Data)
}

// showAdmin is GET …/administrators/{admin}.
func (v *visit) showAdmin() error {
	m, err := v.adminOfPath()
	if err != nil {
		return err
	}
	return v.showAdminForms(m, http.StatusOK, "")
}

func (v *visit) showAdminForms(m *member, status int, complaint string) error {
	body := adminPage{Page: m.page(), Admin: m, Mails: v.SendsMail, MinPassword: v.MinPassword}
	var err error
	if body.Organizations, err = v.organizationsOf(m.ID); err != nil {
		return err
	}
	logins, err := v.Store.LastLogins(v.ctx(), uuid.Nil, []uuid.UUID{m.ID})
	if err != nil {
		return err
	}
	body.LastLogin = logins[m.ID]
	return v.showServer("administrators", status, "admin", page{
		Title: m.Username, Problem: complaint, Body: body, Crumbs: []link{{Text: v.texts.say("tab.administrators"), Address: address("administrators")}},
	})
}

func (m *member) page() string { return address("administrators", m.ID.String()) }

// changeAdmin carries out a call about the admin in the path and tells so on his page; a complaint is shown there, too.
func (v *visit) changeAdmin(notice string, of func(m *member) call) error {
	m, err := v.adminOfPath()
	if err != nil {
		return err
	}
	if err := v.do(of(m), nil); err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showAdminForms(m, status, text)
	}
	return v.done(m.page(), notice)
}

// setAdminState is POST …/state: shut out, let in again, or approve.
func (v *visit) setAdminState() error {
	states := map[string]struct {
		notice string
		body   map[string]bool
	}{
		"disabled": {"notice.admindisabled", map[string]bool{"disabled": true}},
		"enabled":  {"notice.adminenabled", map[string]bool{"disabled": false}},
		"approved": {"notice.adminapproved", map[string]bool{"activated": true}},
	}
	to, known := states[v.field("to")]
	if !known {
		return errBadForm
	}
	return v.changeAdmin(to.notice, func(m *member) call {
		return call{method: http.MethodPut, path: []string{"management", "users", m.ID.String()}, body: to.body}
	})
}

// revokeAdminTokens is POST …/revoke: every token and session of the admin ends.
func (v *visit) revokeAdminTokens() error {
	return v.changeAdmin("notice.adminrevoked", func(m *member) call {
		return call{method: http.MethodPost, path: []string{"management", "users", m.ID.String(), "revoketokens"}}
	})
}

// setAdminPassword is POST …/password, for an admin whom no mail reaches.
func (v *visit) setAdminPassword() error {
	return v.changeAdmin("notice.adminpassword", func(m *member) call {
		return call{
			method: http.MethodPut, path: []string{"management", "users", m.ID.String(), "password"},
			body: map[string]string{"newpassword": v.field("newpassword")},
		}
	})
}

// sendAdminLink is POST …/link: a mail with a link to choose a new password.
func (v *visit) sendAdminLink() error {
	return v.changeAdmin("notice.adminlink", func(m *member) call {
		return call{method: http.MethodPost, path: []string{"management", "users", "resetpw"}, body: map[string]string{"email": m.Email}}
	})
}

// sendAdminConfirmation is POST …/confirmation: the link that the account waits for is sent again.
func (v *visit) sendAdminConfirmation() error {
	return v.changeAdmin("notice.adminlink", func(m *member) call {
		return call{method: http.MethodPost, path: []string{"management", "users", m.ID.String(), "reactivate"}}
	})
}

// saveProfile is POST /portal/account/profile: one's own name and address. The superuser's username comes from the configuration.
func (v *visit) saveProfile() error {
	entered := map[string]string{}
	for _, name := range []string{"username", "name", "email"} {
		if _, sent := v.form[name]; !sent {
			continue
		}
		entered[name] = strings.TrimSpace(v.field(name))
		if entered[name] == "" { // which the API takes for "no change"
			return v.showAccountForm(http.StatusBadRequest, v.texts.say("error.profile"))
		}
	}
	if err := v.do(call{method: http.MethodPut, path: []string{"management", "users", "me"}, body: entered}, nil); err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showAccountForm(status, text)
	}
	return v.done(address("account"), "notice.profile")
}
