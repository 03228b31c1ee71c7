package portal

import (
	"net/http"

	"github.com/google/uuid"
)

// loginRow is a login of a user that can still be gone on with, as the API tells it.
type loginRow struct {
	ID      uuid.UUID `json:"id"`
	Client  string    `json:"client"`
	Scope   string    `json:"scope"`
	Began   int64     `json:"began"`
	Used    int64     `json:"used"`
	Idle    *int64    `json:"idle"`
	Expires int64     `json:"expires"`

	Ago string `json:"-"` // since the last use, in words
}

// Ends is when the login ends if nobody uses it.
func (l *loginRow) Ends() int64 {
	if l.Idle != nil && *l.Idle < l.Expires {
		return *l.Idle
	}
	return l.Expires
}

// loginsPage lists them.
type loginsPage struct {
	Page, User string // addresses
	Logins     []loginRow
	Refreshes  bool // the application gives refresh tokens
	Settings   string
}

// showLogins is GET …/users/{user}/logins.
func (v *visit) showLogins() error {
	a, u, err := v.userOfPath()
	if err != nil {
		return err
	}
	var answer struct {
		Data []loginRow `json:"data"`
	}
	if err := v.get(&answer, u.of(a, "logins")...); err != nil {
		return err
	}
	for i := range answer.Data {
		answer.Data[i].Ago = v.texts.ago(answer.Data[i].Used, v.started.UnixMilli())
	}
	at := a.at("users", u.ID.String())
	return v.showOf(a, "users", http.StatusOK, "logins", page{
		Title: v.texts.say("logins.title"),
		Body:  loginsPage{Page: at + "/logins", User: u.Username, Logins: answer.Data, Refreshes: a.Settings.RefreshTokens, Settings: a.at("settings")},
		Crumbs: []link{
			{Text: v.texts.say("tab.users"), Address: a.at("users")},
			{Text: u.Username, Address: at},
		},
	})
}

// endLogin is POST …/logins/end: one of them, or all.
func (v *visit) endLogin() error {
	a, u, err := v.userOfPath()
	if err != nil {
		return err
	}
	path, notice := u.of(a, "logins"), "notice.loginsended"
	if which := v.field("login"); which != "" {
		if _, err := uuid.Parse(which); err != nil {
			return errBadForm
		}
		path, notice = append(path, which), "notice.loginended"
	}
	// One that has ended meanwhile is what was asked for.
	if err := v.do(call{method: http.MethodDelete, path: path}, nil); err != nil && !isUnknown(err) {
		return err
	}
	at := a.at("users", u.ID.String(), "logins")
	return v.done(at, notice)
}
