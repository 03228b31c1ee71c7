package store

import (
	"context"

	"github.com/writ-auth/writ/models"
)

// SigningKeys lists all keys, oldest first.
func (s *Store) SigningKeys(ctx context.Context) ([]models.SigningKey, error) {
	keys := []models.SigningKey{}
	err := s.read(ctx).Order("created, kid").Find(&keys).Error
	return keys, classify(err)
}

// CreateSigningKey stores a key; models.ErrConflict if it is stored already.
func (s *Store) CreateSigningKey(ctx context.Context, key models.SigningKey) error {
	return s.write(ctx, func(t *transaction) error { return t.createSigningKey(key) })
}

// CreateFirstSigningKey stores a key unless another of the same purpose and algorithm is announced or signs: models.ErrConflict.
// Replicas that start on an empty database all try; one succeeds.
func (s *Store) CreateFirstSigningKey(ctx context.Context, key models.SigningKey) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.lockHead(); err != nil {
			return err
		}
		live, err := exists[models.SigningKey](t.db,
			"purpose = ? AND alg = ? AND state IN ('announced', 'signing')", key.Purpose, key.Alg)
		if err != nil {
			return err
		}
		if live {
			return models.ErrConflict
		}
		return t.createSigningKey(key)
	})
}

// SetSigningKeyState moves a key on in its life.
func (s *Store) SetSigningKeyState(ctx context.Context, kid, state string) error {
	return s.write(ctx, func(t *transaction) error {
		row, err := one[models.SigningKey](t.forUpdate(), "kid = ?", kid)
		if err != nil {
			return err
		}
		row.State, row.Changed = state, t.now
		t.keyChanged(kid)
		if err := t.save(&row); err != nil {
			return err
		}
		return t.keyAudited("key."+state, &row)
	})
}

func (t *transaction) createSigningKey(key models.SigningKey) error {
	t.keyChanged(key.KID)
	if err := t.db.Create(&key).Error; err != nil {
		return err
	}
	return t.keyAudited("key.create", &key)
}

// keyAudited records what becomes of a key in the transaction that does it: several replicas see every change, one makes it.
func (t *transaction) keyAudited(action string, key *models.SigningKey) error {
	return t.appendAudit([]models.AuditEvent{{
		Action: action, ActorLevel: models.AuditSystem, TargetKind: "key", TargetID: key.KID,
		Detail: models.AuditDetail(map[string]any{"alg": key.Alg, "purpose": key.Purpose, "state": key.State}),
	}})
}

func (t *transaction) keyChanged(kid string) {
	t.changes = append(t.changes, models.Change{Kind: models.ChangeKey, Key: kid})
}
