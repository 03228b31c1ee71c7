package server

import "github.com/writ-auth/writ/claims"

// setAdminPassword is POST and PUT /management/users/{u}/password (§7.4). The old password is the proof, so guests may call it; the
// superuser needs none. An unknown admin looks like a wrong password to everybody else.
func (s *Server) setAdminPassword(r *request) error {
	name := r.param("user")
	if name == "me" {
		if r.caller.Level != claims.AdminUser {
			return noAdminIdentity()
		}
		name = r.caller.Admin.ID.String()
	}
	oldPassword, err := r.in.text("oldpassword")
	if err != nil {
		return err
	}
	newPassword, err := r.in.text("newpassword")
	if err != nil {
		return err
	}
	err = s.Grants.ChangeAdminPassword(r.ctx(), r.caller, name, oldPassword, newPassword, r.source())
	if isUnknown(err) {
		return adminNotFound(name)
	}
	if err != nil {
		return err
	}
	return r.ok(envelope{Action: "set user password"})
}
