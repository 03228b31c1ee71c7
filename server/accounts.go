package server

import (
	"context"
	"net/url"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/mail"
	"github.com/writ-auth/writ/models"
)

// Mailer sends letters in the background; *mail.Mailer is the implementation.
type Mailer interface {
	Send(request mail.Request)
}

// account is the account of a mail flow: an application user if tenant is set, else an admin. Neither is there if nobody has the name.
// It outlives the request, so it holds nothing of it.
type account struct {
	tenant *grants.Tenant
	user   *models.User
	admin  *models.Admin
}

// id is uuid.Nil for nobody, and for the superuser, whose account is the configuration's.
func (a account) id() uuid.UUID {
	switch {
	case a.user != nil:
		return a.user.ID
	case a.admin != nil && !a.admin.Superuser:
		return a.admin.ID
	}
	return uuid.Nil
}

// reachable is the address to write to; "" for an account that gets no mails.
func (a account) reachable() string {
	switch {
	case a.user != nil && !a.user.Disabled:
		return a.user.EmailAddress()
	case a.admin != nil && !a.admin.Superuser && !a.admin.Disabled:
		return a.admin.Email
	}
	return ""
}

// place is in whose name mails and pages of the account speak.
func (a account) place() string { return placeOf(a.tenant) }

func placeOf(t *grants.Tenant) string {
	if t == nil {
		return "Writ"
	}
	return t.Organization.Name + "/" + t.Application.Name
}

// flowBase is the {base} of §7.6 as clients reach it, without scheme and host.
func flowBase(t *grants.Tenant) string {
	if t == nil {
		return "/management/users"
	}
	return "/" + t.Organization.Name + "/" + t.Application.Name + "/users"
}

// lookUp is how the account of a mail flow is found: when it is asked for in the background, too.
type lookUp func(ctx context.Context) (account, error)

// accountByName finds whom a path names.
func (s *Server) accountByName(t *grants.Tenant, name, force string) lookUp {
	return func(ctx context.Context) (a account, err error) {
		if t == nil {
			a.admin, err = found(s.Store.Admin(ctx, name))
			return a, err
		}
		a.tenant = t
		a.user, err = s.findUser(ctx, t.Application.ID, name, force)
		return a, err
	}
}

// accountByEmail finds who has an address. A username that looks like one does not count: the mail would go elsewhere.
func (s *Server) accountByEmail(t *grants.Tenant, address string) lookUp {
	return func(ctx context.Context) (a account, err error) {
		if t == nil {
			a.admin, err = s.adminByEmail(ctx, address)
			return a, err
		}
		a.tenant = t
		a.user, err = found(s.Store.UserBy(ctx, t.Application.ID, "email", address))
		return a, err
	}
}

func known(a account) lookUp {
	return func(context.Context) (account, error) { return a, nil }
}

// send has a letter with a link written to an account. It looks for the account in the background, so that an unknown one takes the
// caller no other time. place is in whose name the letter speaks; "" is the account's.
func (s *Server) send(find lookUp, kind mail.Kind, purpose models.LinkPurpose, place string) {
	if s.Mail == nil {
		return
	}
	s.Mail.Send(func(ctx context.Context) (*mail.Letter, error) {
		a, err := find(ctx)
		if err != nil {
			return nil, err
		}
		to := a.reachable()
		if to == "" || !s.mailLimit.Address(to) {
			return nil, nil
		}
		letter := &mail.Letter{Kind: kind, To: to, Place: place, Life: grants.LinkLife(purpose)}
		if letter.Place == "" {
			letter.Place = a.place()
		}
		letter.Link, err = s.link(ctx, a, purpose)
		if isUnknown(err) {
			return nil, nil // deleted meanwhile
		}
		return letter, err
	})
}

// link makes a link of an account; without a purpose it leads to the server.
func (s *Server) link(ctx context.Context, a account, purpose models.LinkPurpose) (string, error) {
	var token string
	var err error
	switch {
	case purpose == "":
		return s.PublicURL, nil
	case a.user != nil:
		token, err = s.Grants.NewUserLink(ctx, a.user, purpose)
	default:
		token, err = s.Grants.NewAdminLink(ctx, a.admin, purpose)
	}
	return s.PublicURL + flowBase(a.tenant) + "/" + a.id().String() + "/" + flowPath(purpose) + "?token=" + url.QueryEscape(token), err
}

// flowPath is the last segment of a link's path.
func flowPath(purpose models.LinkPurpose) string {
	switch purpose {
	case models.LinkActivate:
		return "activate"
	case models.LinkConfirm:
		return "confirm"
	case models.LinkReset:
	}
	return "resetpw"
}

// letterOf is the letter that brings a link.
func letterOf(purpose models.LinkPurpose) mail.Kind {
	switch purpose {
	case models.LinkActivate:
		return mail.Activate
	case models.LinkConfirm:
		return mail.Confirm
	case models.LinkReset:
	}
	return mail.Reset
}

// mayHaveMailSent counts a mail that somebody without rights causes, by where he comes from. The answer never tells that it was one too
// many, so the log does.
func (r *request) mayHaveMailSent() bool {
	if r.server.mailLimit.Source(r.source()) {
		return true
	}
	r.server.Logger.WarnContext(r.ctx(), "a mail is not sent: too many for this source address within an hour", "source", r.source())
	return false
}

// announceUsers sends new users the link that confirms their address, where the application asks for it. Approval is not ours to give.
func (s *Server) announceUsers(r *request, users []models.User) {
	trusted := r.caller.ApplicationAccess(r.tenant)
	for i := range users {
		user := &users[i]
		if purpose, waits := s.Grants.UserLinkOf(r.tenant, user); !waits || purpose != models.LinkConfirm {
			continue
		}
		if !trusted && !r.mayHaveMailSent() {
			return
		}
		s.send(known(account{tenant: r.tenant, user: user}), mail.Confirm, models.LinkConfirm, "")
	}
}

// announceAdmin sends a new admin the link that confirms his address, if admins have to, and tells the operator of one who waits. Never
// a link or a token: logs are read by many.
func (s *Server) announceAdmin(r *request, admin *models.Admin) {
	if !admin.Activated || !admin.Confirmed {
		s.Logger.InfoContext(r.ctx(), "new admin waits", "admin", admin.ID, "for_confirmation", !admin.Confirmed, "for_approval", !admin.Activated)
	}
	if purpose, waits := s.Grants.AdminLinkOf(admin); !waits || purpose != models.LinkConfirm {
		return
	}
	if r.caller.Superuser || r.mayHaveMailSent() {
		s.send(known(account{admin: admin}), mail.Confirm, models.LinkConfirm, "")
	}
}

// inviteMember writes to a new member: to a new admin whose password nobody knows the link that sets one, to others, if wished, the news.
func (s *Server) inviteMember(r *request, admin *models.Admin, hasPassword, invite bool) {
	a := known(account{admin: admin})
	switch {
	case !hasPassword:
		s.send(a, mail.Welcome, models.LinkReset, r.organization.Name)
	case invite:
		s.send(a, mail.Joined, "", r.organization.Name)
	}
}
