package store

import (
	"context"

	"gorm.io/gorm"

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

// CreateFirstSigningKey stores a key unless another of the same purpose is announced or signs: models.ErrConflict. Replicas that
// start on an empty database all try; one succeeds.
func (s *Store) CreateFirstSigningKey(ctx context.Context, key models.SigningKey) error {
	return s.writeKeys(ctx, func(t *transaction) error {
		live, err := exists[models.SigningKey](t.db, "purpose = ? AND state IN ('announced', 'signing')", key.Purpose)
		if err == nil && live {
			err = models.ErrConflict
		}
		if err != nil {
			return err
		}
		return t.createSigningKey(key)
	})
}

// AnnounceSigningKey stores a key that is announced from now on, to take the place of another. models.ErrConflict means that
// the other one does not sign any more, or that its successor is announced already: of many rotations at once exactly one begins.
func (s *Store) AnnounceSigningKey(ctx context.Context, key models.SigningKey, successorOf string) error {
	return s.writeKeys(ctx, func(t *transaction) error {
		signs, err := exists[models.SigningKey](t.db, "kid = ? AND purpose = ? AND state = 'signing'", successorOf, key.Purpose)
		if err != nil {
			return err
		}
		announced, err := exists[models.SigningKey](t.db, "purpose = ? AND state = 'announced'", key.Purpose)
		if err == nil && (announced || !signs) {
			err = models.ErrConflict
		}
		if err != nil {
			return err
		}
		key.State, key.Created, key.Changed = models.KeyAnnounced, t.now, t.now
		return t.createSigningKey(key)
	})
}

// PromoteSigningKey makes an announced key sign and lets every key of its purpose that has signed until now retire.
// models.ErrConflict means that it is not announced: of many attempts at once exactly one succeeds.
func (s *Store) PromoteSigningKey(ctx context.Context, kid string) error {
	return s.writeKeys(ctx, func(t *transaction) error {
		row, err := one[models.SigningKey](t.forUpdate(), "kid = ?", kid)
		if err != nil {
			return err
		}
		var before []models.SigningKey
		err = t.forUpdate().Where("purpose = ? AND state = 'signing'", row.Purpose).Order("created, kid").Find(&before).Error
		if err != nil {
			return err
		}
		if err := t.moveSigningKey(&row, models.KeyAnnounced, models.KeySigning); err != nil {
			return err
		}
		for i := range before {
			if err := t.moveSigningKey(&before[i], models.KeySigning, models.KeyRetiring); err != nil {
				return err
			}
		}
		return nil
	})
}

// RemoveSigningKey ends the life of a key that is in the state named; models.ErrConflict if it is in another. The live
// registered tokens that it signed are revoked; it answers how many.
func (s *Store) RemoveSigningKey(ctx context.Context, kid, from string) (tokens int, err error) {
	err = s.writeKeys(ctx, func(t *transaction) error {
		row, err := one[models.SigningKey](t.forUpdate(), "kid = ?", kid)
		if err != nil {
			return err
		}
		if err := t.moveSigningKey(&row, from, models.KeyRemoved); err != nil {
			return err
		}
		tokens, err = t.revokeRegistered(registered(t.forUpdate(), models.TokenFilter{KID: kid}))
		return err
	})
	return tokens, err
}

// DropSigningKey ends the trust in a key at once, whatever its state; models.ErrConflict if it has ended already. The live registered
// tokens that it signed are revoked; it answers how many. If the key has signed, another of its purpose signs in its place: the
// announced one if there is one, else replacement.
func (s *Store) DropSigningKey(ctx context.Context, kid string, replacement models.SigningKey) (tokens int, err error) {
	err = s.writeKeys(ctx, func(t *transaction) error {
		row, err := one[models.SigningKey](t.forUpdate(), "kid = ?", kid)
		if err != nil {
			return err
		}
		if row.State == models.KeyDropped || row.State == models.KeyRemoved {
			return models.ErrConflict
		}
		if err := t.moveSigningKey(&row, row.State, models.KeyDropped); err != nil {
			return err
		}
		if err := t.replaceSigningKey(row.Purpose, replacement); err != nil {
			return err
		}
		tokens, err = t.revokeRegistered(registered(t.forUpdate(), models.TokenFilter{KID: kid}))
		return err
	})
	return tokens, err
}

// LongestTTL is the longest lifetime (ms) that a token with an end may ever have been given.
func (s *Store) LongestTTL(ctx context.Context) (longest int64, err error) {
	err = s.snapshot(ctx, func(db *gorm.DB) error {
		server, err := (&transaction{db: db}).serverTTL()
		if err != nil {
			return err
		}
		var applications int64
		err = db.Model(&models.Application{}).Select("COALESCE(MAX(longest_ttl), 0)").Scan(&applications).Error
		longest = max(server, applications)
		return err
	})
	return longest, err
}

// writeKeys orders transactions that decide about keys, for they look at which keys there are not.
func (s *Store) writeKeys(ctx context.Context, work func(*transaction) error) error {
	return s.write(ctx, func(t *transaction) error {
		if err := t.lockHead(); err != nil {
			return err
		}
		return work(t)
	})
}

// replaceSigningKey makes sure that a key signs for a purpose.
func (t *transaction) replaceSigningKey(purpose string, replacement models.SigningKey) error {
	signs, err := exists[models.SigningKey](t.db, "purpose = ? AND state = 'signing'", purpose)
	if err != nil || signs {
		return err
	}
	var announced []models.SigningKey
	err = t.forUpdate().Where("purpose = ? AND state = 'announced'", purpose).Order("created, kid").Limit(1).Find(&announced).Error
	if err != nil {
		return err
	}
	if len(announced) > 0 {
		return t.moveSigningKey(&announced[0], models.KeyAnnounced, models.KeySigning)
	}
	replacement.Purpose, replacement.State, replacement.Created, replacement.Changed = purpose, models.KeySigning, t.now, t.now
	return t.createSigningKey(replacement)
}

// moveSigningKey moves a key on in its life. Condition and change are one statement, so that only one of several can move it.
func (t *transaction) moveSigningKey(row *models.SigningKey, from, to string) error {
	changes := map[string]any{"state": to, "changed": t.now}
	if to == models.KeyDropped || to == models.KeyRemoved {
		changes["sealed"] = []byte{} // nobody needs the private key any more, so nobody can steal it
	}
	result := t.db.Model(&models.SigningKey{}).Where("kid = ? AND state = ?", row.KID, from).Updates(changes)
	if result.Error != nil {
		return result.Error
	}
	if result.RowsAffected != 1 {
		return models.ErrConflict
	}
	row.State, row.Changed = to, t.now
	if err := t.keyChanged(row); err != nil {
		return err
	}
	return t.keyAudited("key."+to, row)
}

func (t *transaction) createSigningKey(key models.SigningKey) error {
	if err := t.keyChanged(&key); err != nil {
		return err
	}
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

func (t *transaction) keyChanged(key *models.SigningKey) error {
	return t.announce(models.ChangeKey, key.KID, models.KeyChange{State: key.State, Purpose: key.Purpose})
}
