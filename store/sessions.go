package store

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// sessionsKept is how many sessions an admin has at most: the oldest make room.
const sessionsKept = 20

// CreateSession stores a session of the portal in place of another, which ends; nil: of none. models.ErrNotFound says that the other one has
// ended already: of many attempts at once to replace it exactly one succeeds.
func (s *Store) CreateSession(ctx context.Context, session models.PortalSession, instead []byte) error {
	return s.write(ctx, func(t *transaction) error {
		if instead != nil {
			result := t.db.Where("hash = ? AND admin_id = ?", instead, session.AdminID).Delete(&models.PortalSession{})
			if result.Error != nil {
				return result.Error
			}
			if result.RowsAffected != 1 {
				return models.ErrNotFound
			}
		}
		row := session
		if err := t.db.Create(&row).Error; err != nil {
			return err
		}
		kept := t.db.Model(&models.PortalSession{}).Select("hash").Where("admin_id = ?", session.AdminID).
			Order("created DESC, hash").Limit(sessionsKept)
		return t.db.Where("admin_id = ? AND hash NOT IN (?)", session.AdminID, kept).Delete(&models.PortalSession{}).Error
	})
}

// Session finds a session that has not expired, by its hash. Whether it idled too long, and whether the admin may still come in, is for the
// caller to judge.
func (s *Store) Session(ctx context.Context, hash []byte) (models.PortalSession, error) {
	return one[models.PortalSession](s.read(ctx), "hash = ? AND expires > ?", hash, s.now().UnixMilli())
}

// SessionsOf lists the sessions of an admin that have not expired, newest first.
func (s *Store) SessionsOf(ctx context.Context, admin uuid.UUID) ([]models.PortalSession, error) {
	sessions := []models.PortalSession{}
	err := s.read(ctx).Where("admin_id = ? AND expires > ?", admin, s.now().UnixMilli()).Order("created DESC, hash").Find(&sessions).Error
	return sessions, classify(err)
}

// SeeSession notes (ms) that a session was used. One that has ended stays so.
func (s *Store) SeeSession(ctx context.Context, hash []byte, at int64) error {
	return s.write(ctx, func(t *transaction) error {
		return t.db.Model(&models.PortalSession{}).Where("hash = ? AND seen < ?", hash, at).Update("seen", at).Error
	})
}

// EndSession ends one session; one that has ended already is no error.
func (s *Store) EndSession(ctx context.Context, hash []byte) error {
	return s.write(ctx, func(t *transaction) error {
		return t.db.Where("hash = ?", hash).Delete(&models.PortalSession{}).Error
	})
}

// EndSessionsOf ends every session of an admin and answers how many there were.
func (s *Store) EndSessionsOf(ctx context.Context, admin uuid.UUID) (int, error) {
	count := 0
	err := s.write(ctx, func(t *transaction) error {
		result := t.db.Where("admin_id = ?", admin).Delete(&models.PortalSession{})
		count = int(result.RowsAffected)
		return result.Error
	})
	return count, err
}
