package keys

import (
	"context"
	"errors"

	"github.com/writ-auth/writ/models"
)

// provide makes sure that the only keys signing for a purpose are of the configured algorithm, and tells whether it changed
// anything. The new key signs before the old ones retire: there is always one.
func (r *Ring) provide(ctx context.Context, purpose Purpose) (changed bool, err error) {
	var signing, announced *key
	var others []*key
	for _, k := range r.current.Load().keys {
		switch {
		case Purpose(k.row.Purpose) != purpose:
		case k.row.Alg != r.config.Algorithm:
			if k.row.State != StateRetiring {
				others = append(others, k)
			}
		case k.row.State == StateSigning:
			signing = k
		case k.row.State == StateAnnounced && (announced == nil || k.row.Created < announced.row.Created):
			announced = k
		}
	}
	switch {
	case signing != nil:
	case announced != nil:
		changed = true
		err = r.move(ctx, announced, StateSigning)
	default:
		changed = true
		err = r.createFirst(ctx, purpose)
	}
	for _, k := range others {
		changed = true
		err = errors.Join(err, r.move(ctx, k, StateRetiring))
	}
	return changed, err
}

func (r *Ring) createFirst(ctx context.Context, purpose Purpose) error {
	row, err := generate(r.config.Sealer, r.config.Algorithm, purpose, StateSigning, r.config.Now())
	if err != nil {
		return err
	}
	err = r.config.Store.CreateFirstSigningKey(ctx, row)
	if errors.Is(err, models.ErrConflict) {
		return nil // another replica was faster; its key is as good
	}
	if err == nil {
		r.config.Logger.InfoContext(ctx, "signing key created", "kid", row.KID, "alg", row.Alg, "purpose", row.Purpose)
	}
	return err
}

func (r *Ring) move(ctx context.Context, k *key, state string) error {
	if err := r.config.Store.SetSigningKeyState(ctx, k.row.KID, state); err != nil {
		return err
	}
	r.config.Logger.WarnContext(ctx, "signing key moved", "kid", k.row.KID, "alg", k.row.Alg, "purpose", k.row.Purpose,
		"from", k.row.State, "to", state)
	return nil
}
