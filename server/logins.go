package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// loginStore lists and ends the logins of users, which live as families of refresh tokens (§2.6).
type loginStore interface {
	Logins(ctx context.Context, user uuid.UUID) ([]models.Login, error)
	EndLogin(ctx context.Context, user, family uuid.UUID) error
	EndLogins(ctx context.Context, user uuid.UUID) error
}

// login is one element of the list. Times are ms. Its identifier opens nothing.
type login struct {
	ID       uuid.UUID `json:"id"`
	ClientID string    `json:"client,omitempty"`
	Scope    string    `json:"scope,omitempty"`
	Began    int64     `json:"began"`
	Used     int64     `json:"used"`
	Idle     *int64    `json:"idle,omitempty"` // when it ends if nobody uses it
	Expires  int64     `json:"expires"`
}

// listLogins is GET of a user's logins that can still be gone on with, those used last first.
func (s *Server) listLogins(r *request) error {
	rows, err := s.Store.Logins(r.ctx(), r.user.ID)
	if err != nil {
		return err
	}
	limit, now := r.tenant.Application.Settings.RefreshTokenIdleTTL, r.now().UnixMilli()
	data := make([]any, 0, len(rows))
	for i := range rows {
		row := &rows[i]
		one := login{ID: row.Family, ClientID: row.ClientID, Scope: row.Scope, Began: row.Began, Used: row.Used, Expires: row.Expires}
		if limit != nil {
			idle := row.Used + *limit
			if idle <= now {
				continue
			}
			one.Idle = &idle
		}
		data = append(data, one)
	}
	return r.ok(envelope{Action: "get", Data: data, List: true})
}

// endLogins is DELETE of the list. Access tokens live on until they end: revoketokens ends those, too.
func (s *Server) endLogins(r *request) error {
	if err := s.Store.EndLogins(r.ctx(), r.user.ID); err != nil {
		return err
	}
	return s.revoked(r, "refresh", "ended logins")
}

// endLogin is DELETE of one.
func (s *Server) endLogin(r *request) error {
	family, err := uuid.Parse(r.param("login"))
	if err != nil {
		return entityNotFound(r.param("login"))
	}
	err = s.Store.EndLogin(r.ctx(), r.user.ID, family)
	if isUnknown(err) {
		return entityNotFound(r.param("login"))
	}
	if err != nil {
		return err
	}
	return s.revoked(r, "refresh", "ended login")
}
