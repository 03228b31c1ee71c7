package portal

import (
	"errors"
	"net/http"

	"github.com/writ-auth/writ/grants"
)

// signInPage is the form; Username is shown again after a mistake, the password never.
type signInPage struct {
	Username string
	Next     string // where to go then
	Mails    bool   // forgotten passwords can be mended
}

// showSignIn is GET /portal/sign-in.
func (v *visit) showSignIn() error {
	if v.session != nil {
		return v.redirect(ours(v.query("next")))
	}
	return v.showSignInForm(http.StatusOK, "", signInPage{Next: ours(v.query("next"))})
}

func (v *visit) showSignInForm(status int, complaint string, body signInPage) error {
	body.Mails = v.SendsMail
	return v.show(status, "signin", page{Title: v.texts.say("signin.title"), Problem: complaint, Narrow: true, Body: body})
}

// signIn is POST /portal/sign-in. Whatever is wrong with the credentials, the answer and the time it takes are the same (SEC-10, SEC-11): both
// come from the password grant's own code.
func (v *visit) signIn() error {
	body := signInPage{Username: v.field("username"), Next: ours(v.field("next"))}
	admin, err := v.Auth.SignIn(v.ctx(), body.Username, v.field("password"), v.r.RemoteAddr)
	if err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showSignInForm(status, text, body)
	}
	if err := v.begin(admin); err != nil {
		return err
	}
	return v.redirect(body.Next)
}

// signOut is POST /portal/sign-out.
func (v *visit) signOut() error {
	if err := v.leave(v.session.Hash); err != nil {
		return err
	}
	return v.redirect(address("sign-in"))
}

// signOutEverywhere is POST /portal/account/sign-out-everywhere. With tokens, everything that was issued to the admin ends as well.
func (v *visit) signOutEverywhere() error {
	if v.field("tokens") == "yes" {
		if err := v.do(call{method: http.MethodPost, path: []string{"management", "users", "me", "revoketokens"}}, nil); err != nil {
			return err
		}
	}
	if _, err := v.Store.EndSessionsOf(v.ctx(), v.session.AdminID); err != nil {
		return err
	}
	v.id, v.session, v.caller = "", nil, nil
	v.dropCookie()
	return v.redirect(address("sign-in"))
}

// accountPage is what somebody sees of himself.
type accountPage struct {
	Username, Name, Email string
	Superuser             bool // his password comes from the configuration
	MinPassword           int
	Sessions              []sessionRow
}

// sessionRow is one browser.
type sessionRow struct {
	Agent, Source string
	Created, Seen int64
	Current       bool
}

// showAccount is GET /portal/account.
func (v *visit) showAccount() error { return v.showAccountForm(http.StatusOK, "") }

func (v *visit) showAccountForm(status int, complaint string) error {
	admin := v.caller.Admin
	body := accountPage{
		Username: v.again("username", admin.Username), Name: v.again("name", admin.Name), Email: v.again("email", admin.Email), Superuser: admin.Superuser, MinPassword: v.MinPassword,
	}
	sessions, err := v.Store.SessionsOf(v.ctx(), admin.ID)
	if err != nil {
		return err
	}
	for i := range sessions {
		s := &sessions[i]
		if s.Generation != admin.Generation || s.PasswordChanged != admin.PasswordChanged ||
			v.started.UnixMilli()-s.Seen > sessionIdle.Milliseconds() {
			continue // ended, though nobody has told it yet
		}
		body.Sessions = append(body.Sessions, sessionRow{s.Agent, s.Source, s.Created, s.Seen, string(s.Hash) == string(v.session.Hash)})
	}
	return v.show(status, "account", page{Title: v.texts.say("account.title"), Problem: complaint, Body: body})
}

// changePassword is POST /portal/account/password. Every other session and every token ends with the old password; this browser gets a new
// session, with a new identifier.
func (v *visit) changePassword() error {
	if v.field("newpassword") != v.field("again") {
		return v.showAccountForm(http.StatusBadRequest, v.texts.say("error.again"))
	}
	err := v.do(call{
		method: http.MethodPut, path: []string{"management", "users", "me", "password"},
		body: map[string]string{"oldpassword": v.field("oldpassword"), "newpassword": v.field("newpassword")},
	}, nil)
	if err != nil {
		text, status, other := v.complaint(err)
		if other != nil {
			return other
		}
		return v.showAccountForm(status, text)
	}
	if _, err := v.Store.EndSessionsOf(v.ctx(), v.session.AdminID); err != nil {
		return err
	}
	v.session = nil
	admin, err := v.Auth.SignIn(v.ctx(), v.caller.Admin.ID.String(), v.field("newpassword"), v.r.RemoteAddr)
	var refused *grants.Error
	if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
		v.dropCookie()
		return v.redirect(address("sign-in"))
	}
	if err != nil {
		return err
	}
	if err := v.begin(admin); err != nil {
		return err
	}
	return v.done(address("account"), "notice.password")
}
