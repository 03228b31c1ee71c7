package grants

import (
	"context"

	"github.com/writ-auth/writ/models"
)

// How an admin shows the portal who he is, in the words of the audit trail.
const (
	portalSignIn  = "portal"
	portalConfirm = "portal confirmation"
)

// SignIn checks an admin's password for the portal: the same look-up, throttle, work and traces as the password grant at /management, and
// the same errors. It makes no token.
func (s *Service) SignIn(ctx context.Context, username, password, source string) (*models.Admin, error) {
	return s.portalLogin(ctx, username, password, source, portalSignIn)
}

// ProveAgain checks the password of an admin who is signed in once more.
func (s *Service) ProveAgain(ctx context.Context, admin *models.Admin, password, source string) (*models.Admin, error) {
	return s.portalLogin(ctx, admin.ID.String(), password, source, portalConfirm)
}

func (s *Service) portalLogin(ctx context.Context, ref, password, source, how string) (*models.Admin, error) {
	if ref == "" || password == "" {
		return nil, BadLogin()
	}
	var tried account
	admin, err := s.loginAdmin(ctx, ref, password, source, &tried)
	if err != nil {
		s.auditRefusal(&tried, source, how, err)
		return nil, err
	}
	s.auditAdminLogin(admin, source, how)
	return admin, nil
}

// SessionCaller is the caller behind a session of the portal, with the live rows of this moment. It answers ErrRevoked if tokens of that time
// would be revoked or the password has changed, ErrDisabled or ErrInactive, ErrBadToken if there is no such admin.
func (s *Service) SessionCaller(ctx context.Context, session *models.PortalSession) (*Caller, error) {
	admin, err := s.Store.Admin(ctx, session.AdminID.String())
	if err != nil {
		return nil, subjectGone(err)
	}
	if err := s.adminTokenState(&admin); err != nil {
		return nil, err
	}
	if session.Generation != admin.Generation || session.PasswordChanged != admin.PasswordChanged {
		return nil, ErrRevoked
	}
	return s.adminCaller(ctx, &admin)
}
