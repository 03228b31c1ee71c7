package portal

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"
)

// user is what the API tells about a user of an application.
type user struct {
	ID          uuid.UUID `json:"uuid"`
	Username    string    `json:"username"`
	Name        string    `json:"name"`
	Email       string    `json:"email"`
	Activated   bool      `json:"activated"`
	Confirmed   *bool     `json:"confirmed"` // told only if false
	Disabled    bool      `json:"disabled"`
	Deactivated *int64    `json:"deactivated"`
	Created     int64     `json:"created"`
	Modified    int64     `json:"modified"`

	State      string     `json:"-"` // the text about it
	Properties []property `json:"-"`
}

// Active tells whether the user can log in.
func (u *user) Active() bool { return u.Condition() == "active" }

// Condition is the state of the account in one word; its texts are user.state. and user.is with it.
func (u *user) Condition() string {
	switch {
	case u.Disabled:
		return "disabled"
	case u.Deactivated != nil && !u.Activated:
		return "deactivated"
	case u.Confirmed != nil && !*u.Confirmed:
		return "unconfirmed"
	case !u.Activated:
		return "waiting"
	}
	return "active"
}

// usersPage lists the users of an application.
type usersPage struct {
	Page        string // address
	Users       []user
	Search      string
	Cut         bool // the search has found more
	First, Next string
	Mails       bool
	MinPassword int

	// Of the form, again.
	Username, Email, Name string
	NewProperty, NewValue string
	FormIsExpected        bool
}

// showUsers is GET …/users.
func (v *visit) showUsers() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	return v.showUsersForm(a, http.StatusOK, "", usersPage{})
}

func (v *visit) showUsersForm(a *application, status int, complaint string, body usersPage) error {
	var answer struct {
		Entities []user `json:"entities"`
		Cursor   string `json:"cursor"`
	}
	body.Search = v.query("search")
	err := v.do(call{
		method: http.MethodGet, path: []string{a.Organization, a.Name, "users"},
		query: filled("search", body.Search, "cursor", v.query("cursor"), "limit", strconv.Itoa(perPage)),
	}, &answer)
	if err != nil {
		return err
	}
	body.Page, body.Users, body.Mails, body.MinPassword = a.at("users"), answer.Entities, v.SendsMail, v.MinPassword
	for i := range body.Users {
		body.Users[i].State = v.texts.say("user.state." + body.Users[i].Condition())
	}
	body.Cut = body.Search != "" && len(body.Users) == perPage
	body.First, body.Next = v.cursorPages(body.Page, nil, answer.Cursor)
	body.FormIsExpected = complaint != "" || len(body.Users) == 0 && body.Search == ""
	return v.showOf(a, "users", status, "users", page{Title: v.texts.say("tab.users"), Problem: complaint, Body: body})
}

// createUser is POST …/users/create. Without a password nobody can log in as the user until a link has set one.
func (v *visit) createUser() error {
	a, err := v.application()
	if err != nil {
		return err
	}
	input := map[string]any{}
	for _, name := range []string{"username", "email", "name", "password"} {
		if entered := v.field(name); entered != "" {
			input[name] = entered
		}
	}
	again := usersPage{
		Username: v.field("username"), Email: v.field("email"), Name: v.field("name"), NewProperty: v.field("property"), NewValue: v.field("value"),
	}
	if again.NewProperty != "" {
		name, value, may, err := v.enteredProperty()
		if err != nil {
			return err
		}
		if !may {
			return v.showUsersForm(a, http.StatusBadRequest, v.texts.say("property.illegal", name), again)
		}
		input[name] = value
	}
	var answer struct {
		Entities []user `json:"entities"`
	}
	err = v.do(call{method: http.MethodPost, path: []string{a.Organization, a.Name, "users"}, body: input}, &answer)
	if err != nil || len(answer.Entities) != 1 {
		text, status, other := v.complaint(err)
		if other != nil || err == nil {
			return other
		}
		return v.showUsersForm(a, status, text, again)
	}
	return v.done(a.at("users", answer.Entities[0].ID.String()), "notice.user")
}
