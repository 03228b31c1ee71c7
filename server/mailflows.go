package server

import (
	"net/http"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/mail"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/web"
)

// The mail flows of §7.6, for admins and for application users alike: r.tenant tells which. They answer JSON, or a page if Accept lists
// text/html. None of them tells whether an account exists.

// askReset is GET {base}/resetpw: the form that asks for an address.
func (s *Server) askReset(r *request) error {
	return r.showPage(http.StatusOK, r.mailPage(web.AskReset))
}

// requestReset is POST {base}/resetpw: whoever has the address gets a link, everybody the same answer at once.
func (s *Server) requestReset(r *request) error {
	r.failWithPage(web.AskReset)
	address, err := r.in.text("email")
	if err != nil {
		return err
	}
	if address == "" {
		return grants.IllegalArgument("email is required")
	}
	return s.sendReset(r, s.accountByEmail(r.tenant, address))
}

func (s *Server) sendReset(r *request, find lookUp) error {
	if r.mayHaveMailSent() {
		s.send(find, mail.Reset, models.LinkReset, "")
	}
	return r.flowDone("request password reset", true, web.CheckMail)
}

// showReset is GET {base}/{u}/resetpw: the form for the new password if the link is good, without a token the button that asks for one.
func (s *Server) showReset(r *request) error {
	token := r.in.query.get("token")
	if token == "" {
		return r.showPage(http.StatusOK, r.mailPage(web.AskResetUser))
	}
	r.wantsPage = true
	r.failWithPage(web.ResetForm)
	a, err := s.accountOfPath(r)
	if err != nil {
		return err
	}
	if err := s.Grants.CheckLink(r.ctx(), a.id(), models.LinkReset, token); err != nil {
		return err
	}
	return r.showPage(http.StatusOK, r.mailPage(web.ResetForm))
}

// resetPassword is POST {base}/{u}/resetpw: with a token it sets the password, without one and without a password it asks for a link.
func (s *Server) resetPassword(r *request) error {
	r.failWithPage(web.ResetForm)
	token, err := r.linkToken()
	if err != nil {
		return err
	}
	password, err := r.newPassword()
	if err != nil {
		return err
	}
	if token == "" && password == "" {
		return s.sendReset(r, s.accountByName(r.tenant, r.param("user"), r.in.query.get("force")))
	}
	a, err := s.accountOfPath(r)
	if err != nil {
		return err
	}
	if a.tenant != nil {
		err = s.Grants.ResetUserPassword(r.ctx(), a.tenant, a.user, token, password)
	} else {
		err = s.Grants.ResetAdminPassword(r.ctx(), a.admin, token, password)
	}
	if err != nil {
		return err
	}
	r.recordLink(a, "password")
	return r.flowDone("set user password", false, web.PasswordSet)
}

// linkToken is the token of a link: of the body, or as the link has it.
func (r *request) linkToken() (string, error) {
	token, err := r.in.text("token")
	if token == "" {
		token = r.in.query.get("token")
	}
	return token, err
}

// newPassword reads newpassword, or the two fields of the page.
func (r *request) newPassword() (string, error) {
	password, err := r.in.text("newpassword")
	if password != "" || err != nil {
		return password, err
	}
	if password, err = r.in.text("password1"); err != nil {
		return "", err
	}
	again, err := r.in.text("password2")
	if err == nil && password != again {
		err = grants.IllegalArgument("The two passwords are not the same")
	}
	return password, err
}

// accountOfPath is whom the path names, if anybody.
func (s *Server) accountOfPath(r *request) (account, error) {
	return s.accountByName(r.tenant, r.param("user"), r.in.query.get("force"))(r.ctx())
}

// activate is GET {base}/{u}/activate?token=.
func (s *Server) activate(r *request) error {
	return s.follow(r, models.LinkActivate, "activate user", web.Activated)
}

// confirm is GET {base}/{u}/confirm?token=.
func (s *Server) confirm(r *request) error {
	return s.follow(r, models.LinkConfirm, "confirm user", web.Confirmed)
}

// follow does what a link is for. HEAD changes nothing (RFC 9110 §9.2.1): programs that look at the links of mails send it.
func (s *Server) follow(r *request, purpose models.LinkPurpose, action string, done web.MailPageKind) error {
	r.failWithPage(web.Failure)
	token := r.in.query.get("token")
	a, err := s.accountOfPath(r)
	if err != nil {
		return err
	}
	active := true
	switch {
	case r.Request().Method == http.MethodHead:
		err = s.Grants.CheckLink(r.ctx(), a.id(), purpose, token)
	case a.tenant != nil:
		active, err = s.followAsUser(r, a, purpose, token)
	default:
		active, err = s.followAsAdmin(r, a, purpose, token)
	}
	if err != nil {
		return err
	}
	if r.Request().Method != http.MethodHead {
		r.recordLink(a, flowPath(purpose))
	}
	if !active {
		done = web.Waiting
	}
	return r.flowDone(action, false, done)
}

func (s *Server) followAsUser(r *request, a account, purpose models.LinkPurpose, token string) (active bool, err error) {
	use := s.Grants.ConfirmUser
	if purpose == models.LinkActivate {
		use = s.Grants.ActivateUser
	}
	user, err := use(r.ctx(), a.tenant, a.id(), token)
	return user.Activated, err
}

func (s *Server) followAsAdmin(r *request, a account, purpose models.LinkPurpose, token string) (active bool, err error) {
	use := s.Grants.ConfirmAdmin
	if purpose == models.LinkActivate {
		use = s.Grants.ActivateAdmin
	}
	admin, err := use(r.ctx(), a.id(), token)
	return admin.Activated, err
}

// reactivateAdmin is GET and POST /management/users/{u}/reactivate: the link that the admin waits for is sent again.
func (s *Server) reactivateAdmin(r *request) error {
	if purpose, waits := s.Grants.AdminLinkOf(r.admin); waits {
		s.send(known(account{admin: r.admin}), letterOf(purpose), purpose, "")
	}
	return r.flowDone("reactivate user", false, web.CheckMail)
}

// reactivateUser is the same for an application user, at the word of somebody with application access.
func (s *Server) reactivateUser(r *request) error {
	if err := r.resolve(); err != nil {
		return err
	}
	if err := r.missing(); err != nil {
		return err
	}
	if purpose, waits := s.Grants.UserLinkOf(r.tenant, r.user); waits {
		s.send(known(account{tenant: r.tenant, user: r.user}), letterOf(purpose), purpose, "")
	}
	return r.flowDone("reactivate user", false, web.CheckMail)
}
