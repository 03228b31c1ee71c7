package store

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// CreateRefreshToken stores the first token of a family. models.ErrConflict means that the user's generation is another, or the
// user gone.
func (s *Store) CreateRefreshToken(ctx context.Context, token models.RefreshToken) error {
	return s.write(ctx, func(t *transaction) error {
		generation, err := t.userGeneration(token.ApplicationID, token.UserID)
		if errors.Is(err, models.ErrNotFound) || (err == nil && generation != token.Generation) {
			return models.ErrConflict
		}
		if err != nil {
			return err
		}
		row := token
		return t.db.Create(&row).Error
	})
}

// RefreshToken finds a refresh token by its hash, used and expired ones included.
func (s *Store) RefreshToken(ctx context.Context, hash []byte) (models.RefreshToken, error) {
	return one[models.RefreshToken](s.read(ctx), "hash = ?", hash)
}

// RotateRefreshToken consumes one token and stores the next of its family; of many attempts at once exactly one succeeds.
//
// Within grace (ms) of its use a consumed token may be presented again, as long as its successor is unused: next takes the place of
// that successor, which counts as used from then on. So there is never more than one unused token in a family.
//
// models.ErrSpent means that the token was used already, models.ErrNotFound that it is unknown or its family has ended.
func (s *Store) RotateRefreshToken(ctx context.Context, presented []byte, grace int64, next models.RefreshToken) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.holdUser(next.UserID); err != nil {
			return err
		}
		if _, err := t.consume(presented, grace, next.Hash); err != nil {
			return err
		}
		row := next
		return t.db.Create(&row).Error
	})
}

// ExchangeRefreshToken consumes a refresh token as RotateRefreshToken does, ends its family and registers the token that does not
// expire which is handed out instead. Either everything happens or nothing. Errors are those of both.
func (s *Store) ExchangeRefreshToken(ctx context.Context, presented []byte, grace int64, token models.RegisteredToken) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.holdUser(token.Subject); err != nil {
			return err
		}
		spent, err := t.consume(presented, grace, nil)
		if err != nil {
			return err
		}
		if err := t.endFamily(spent.Family); err != nil {
			return err
		}
		return t.registerToken(token)
	})
}

// consume uses a refresh token up. The row is locked first; that the conditions stand in the updates as well makes them hold on every
// database, whatever its isolation: reading first would let two readers both find it unused.
func (t *transaction) consume(presented []byte, grace int64, next []byte) (models.RefreshToken, error) {
	row, err := one[models.RefreshToken](t.forUpdate(), "hash = ?", presented)
	if err != nil {
		return row, err
	}
	if row.Used == nil {
		return row, t.exactlyOne(
			"UPDATE refresh_tokens SET used = ?, successor = ? WHERE hash = ? AND used IS NULL", t.now, next, presented)
	}
	if !row.MayRetry(t.now, grace) {
		return row, models.ErrSpent
	}
	if err := t.exactlyOne("UPDATE refresh_tokens SET used = ? WHERE hash = ? AND used IS NULL", t.now, row.Successor); err != nil {
		return row, err
	}
	return row, t.exactlyOne("UPDATE refresh_tokens SET successor = ? WHERE hash = ? AND successor = ?", next, presented, row.Successor)
}

// exactlyOne runs an update whose condition says who wins; models.ErrSpent is for the others.
func (t *transaction) exactlyOne(update string, args ...any) error {
	result := t.db.Exec(update, args...)
	if result.Error == nil && result.RowsAffected != 1 {
		return models.ErrSpent
	}
	return result.Error
}

// holdUser keeps a user's row before those of his tokens are locked, as every change of the user does: two transactions that lock them in
// different orders would wait for each other. SQLite has one writer.
func (t *transaction) holdUser(user uuid.UUID) error {
	if !t.postgres {
		return nil
	}
	return t.db.Exec("SELECT 1 FROM users WHERE id = ? FOR UPDATE", user).Error
}

// EndRefreshFamily removes every token that follows from one login.
func (s *Store) EndRefreshFamily(ctx context.Context, family uuid.UUID) error {
	return s.write(ctx, func(t *transaction) error { return t.endFamily(family) })
}

// endFamily looks until nothing is left: a rotation that was under way when it looked has added a token, and is over when its spent one could
// be removed.
func (t *transaction) endFamily(family uuid.UUID) error {
	for {
		result := t.db.Where("family = ?", family).Delete(&models.RefreshToken{})
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
	}
}
