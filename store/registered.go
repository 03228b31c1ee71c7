package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

var byRegistered = ordering[models.RegisteredToken]{
	time: "issued", id: "jti", descending: true,
	of: func(r *models.RegisteredToken) (int64, string) { return r.Issued, r.JTI },
}

// RegisterToken stores a non-expiring token that is about to be handed out. models.ErrConflict means that its generation is not
// the subject's any more, or that the subject or the key is gone: the token would be dead, or worse, would escape a revocation of
// all tokens that ran meanwhile. models.ErrEntryTaken means that another token has its entry of the status list.
func (s *Store) RegisterToken(ctx context.Context, token models.RegisteredToken) error {
	return s.write(ctx, func(t *transaction) error { return t.registerToken(token) })
}

func (t *transaction) registerToken(token models.RegisteredToken) error {
	generation, err := t.generation(token)
	if errors.Is(err, models.ErrNotFound) || (err == nil && generation != token.Generation) {
		return models.ErrConflict
	}
	if err != nil {
		return err
	}
	if err := t.trustedKey(token.KID); err != nil {
		return err
	}
	if err := t.takeEntry(&token); err != nil {
		return err
	}
	if err := t.outlived(token.Subject); err != nil {
		return err
	}
	row := token
	return t.db.Create(&row).Error
}

// trustedKey refuses a key that was dropped or retired while the token was being signed: models.ErrConflict.
func (t *transaction) trustedKey(kid string) error {
	// Whoever drops the key waits until this token is registered, and then revokes it.
	row, err := one[models.SigningKey](t.forShare(), "kid = ?", kid)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil
	case err == nil && (row.State == models.KeyDropped || row.State == models.KeyRemoved):
		return models.ErrConflict
	}
	return err
}

// generation is that of the subject's row, which stays as it is until the commit. The words are those of the claim "level".
func (t *transaction) generation(token models.RegisteredToken) (int64, error) {
	switch token.Level {
	case "application_user":
		application := uuid.Nil
		if token.ApplicationID != nil {
			application = *token.ApplicationID
		}
		return t.userGeneration(application, token.Subject)
	case "application", "organization":
		row, err := one[models.Client](t.forUpdate(), "id = ? AND kind = ?", token.Subject, token.Level)
		return row.Generation, err
	case "admin_user":
		row, err := one[models.Admin](t.forUpdate(), "id = ?", token.Subject)
		return row.Generation, err
	}
	return 0, fmt.Errorf("level %q has no subject", token.Level)
}

func (t *transaction) userGeneration(application, user uuid.UUID) (int64, error) {
	row, err := one[models.User](t.forUpdate(), "id = ? AND application_id = ?", user, application)
	return row.Generation, err
}

// RegisteredTokens lists registered tokens, newest first, revoked ones included.
func (s *Store) RegisteredTokens(
	ctx context.Context, filter models.TokenFilter, page models.Page,
) ([]models.RegisteredToken, string, error) {
	return list(registered(s.read(ctx), filter), page, byRegistered)
}

// CountRegistered is how many registered tokens a filter selects.
func (s *Store) CountRegistered(ctx context.Context, filter models.TokenFilter) (count int64, err error) {
	err = registered(s.read(ctx), filter).Count(&count).Error
	return count, classify(err)
}

// RegisteredToken finds a registered token by its identifier.
func (s *Store) RegisteredToken(ctx context.Context, jti string) (models.RegisteredToken, error) {
	return one[models.RegisteredToken](s.read(ctx), "jti = ?", jti)
}

// RevokeRegistered revokes the live tokens a filter selects and denies each of them for ever; it answers how many. An empty
// filter is refused: it would mean all tokens of everybody.
func (s *Store) RevokeRegistered(ctx context.Context, filter models.TokenFilter) (int, error) {
	if filter == (models.TokenFilter{}) {
		return 0, errors.New("revoking registered tokens needs a filter")
	}
	count := 0
	err := s.write(ctx, func(t *transaction) (err error) {
		count, err = t.revokeRegistered(registered(t.forUpdate(), filter))
		return err
	})
	return count, err
}

func registered(db *gorm.DB, filter models.TokenFilter) *gorm.DB {
	db = db.Model(&models.RegisteredToken{})
	if filter.JTI != "" {
		db = db.Where("jti = ?", filter.JTI)
	}
	if filter.Subject != uuid.Nil {
		db = db.Where("subject = ?", filter.Subject)
	}
	if filter.ApplicationID != uuid.Nil {
		db = db.Where("application_id = ?", filter.ApplicationID)
	}
	if filter.OrganizationID != uuid.Nil {
		db = db.Where("organization_id = ?", filter.OrganizationID)
	}
	if filter.Level != "" {
		db = db.Where("level = ?", filter.Level)
	}
	if filter.KID != "" {
		db = db.Where("(kid = ? OR kid = '' AND ? = (SELECT k.kid FROM signing_keys k WHERE k.purpose = 'nonexpiring' ORDER BY k.created, k.kid LIMIT 1))",
			filter.KID, filter.KID)
	}
	if filter.Live {
		db = db.Where("revoked IS NULL")
	}
	return db
}
