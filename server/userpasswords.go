package server

import (
	"strings"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// changePassword is POST and PUT of …/users/{u}/password (§8.2): the old password is the proof.
func (s *Server) changePassword(r *request) error {
	before, err := r.in.text("oldpassword")
	if err != nil {
		return err
	}
	after, err := r.in.text("newpassword")
	if err != nil {
		return err
	}
	reference := r.param("user")
	user, err := r.findUser(reference)
	if err != nil {
		return err
	}
	if user != nil {
		reference = user.ID.String() // "me", or what ?force= decided
	}
	if err := s.Grants.ChangeUserPassword(r.ctx(), r.tenant, r.caller, reference, before, after, r.source()); err != nil {
		return err
	}
	return r.ok(envelope{Action: "set user password"})
}

// setPIN keeps a PIN hashed like a password.
func (s *Server) setPIN(r *request) error {
	pin, err := r.in.text("pin")
	if err != nil {
		return err
	}
	if pin == "" {
		return grants.IllegalArgument("pin is required")
	}
	hash, err := s.Passwords.HashUnchecked(grants.From(r.ctx(), r.source()), pin)
	if err != nil {
		return err
	}
	_, err = s.Store.UpdateUser(r.ctx(), r.tenant.Application.ID, r.user.ID, func(u *models.User) error {
		u.PINHash, u.Modified = hash, r.now().UnixMilli()
		return nil
	})
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "set user pin"})
}

// importHash is PUT of …/users/{u}/credentials: a bcrypt hash from another system, replaced at the first login.
func (s *Server) importHash(r *request) error {
	given, is := r.in.value("credentials").(map[string]any)
	if !is {
		return grants.IllegalArgument("credentials with cipher and secret are required")
	}
	if err := checkKeys(given, []string{"cipher", "secret"}); err != nil {
		return err
	}
	secret, _ := given["secret"].(string)
	if given["cipher"] != "bcrypt" || !strings.HasPrefix(secret, "$2") || !grants.ValidHash(secret) {
		return grants.IllegalArgument("credentials must have the cipher bcrypt and a bcrypt hash as secret")
	}
	user, err := r.findUser(r.param("user"))
	if err != nil {
		return err
	}
	if user == nil {
		return resourceNotFound()
	}
	_, err = s.Store.UpdateUser(r.ctx(), r.tenant.Application.ID, user.ID, func(u *models.User) error {
		u.PasswordHash, u.PasswordChanged, u.Modified = secret, r.now().UnixMilli(), r.now().UnixMilli()
		u.Generation++
		return nil
	})
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "put"})
}
