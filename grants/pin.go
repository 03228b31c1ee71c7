package grants

import (
	"context"

	"github.com/writ-auth/writ/models"
)

// provePIN is Usergrid's PIN grant: a password grant with the user's PIN, which is hashed like a password.
func provePIN(ctx context.Context, s *Service, req *TokenRequest, _ *client) (subject, error) {
	if req.Username == "" {
		return subject{}, MissingParameter("username")
	}
	if req.PIN == "" {
		return subject{}, MissingParameter("pin")
	}
	user, err := s.login(ctx, req, req.PIN, func(u *models.User) string { return u.PINHash })
	if err != nil {
		return subject{}, err
	}
	return s.userSubject(ctx, req.Tenant, user)
}
