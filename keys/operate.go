package keys

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/writ-auth/writ/models"
)

// List tells of every key, ordinary ones first and the oldest of each purpose first; removed ones only if all are asked for.
func (r *Ring) List(ctx context.Context, all bool) ([]Status, error) {
	rows, longest, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	list := []Status{}
	for i := range rows {
		if all || rows[i].State != StateRemoved {
			list = append(list, r.config.status(&rows[i], rows, longest))
		}
	}
	slices.SortStableFunc(list, func(a, b Status) int {
		return cmp.Or(
			cmp.Compare(slices.Index(purposes(), a.Purpose), slices.Index(purposes(), b.Purpose)),
			a.Created.Compare(b.Created), a.Changed.Compare(b.Changed), cmp.Compare(slices.Index(lives(), a.State), slices.Index(lives(), b.State)),
		)
	})
	return list, nil
}

// lives are the states, the last first.
func lives() []string {
	return []string{StateRemoved, StateDropped, StateRetiring, StateSigning, StateAnnounced}
}

// Status tells of one key; models.ErrNotFound.
func (r *Ring) Status(ctx context.Context, kid string) (Status, error) {
	rows, longest, err := r.look(ctx)
	if err != nil {
		return Status{}, err
	}
	row, err := find(rows, kid)
	if err != nil {
		return Status{}, err
	}
	return r.config.status(row, rows, longest), nil
}

func (r *Ring) look(ctx context.Context) ([]models.SigningKey, time.Duration, error) {
	rows, err := r.config.Store.SigningKeys(ctx)
	if err != nil {
		return nil, 0, err
	}
	longest, err := r.longest(ctx)
	return rows, longest, err
}

func find(rows []models.SigningKey, kid string) (*models.SigningKey, error) {
	at := slices.IndexFunc(rows, func(row models.SigningKey) bool { return row.KID == kid })
	if at < 0 {
		return nil, models.ErrNotFound
	}
	return &rows[at], nil
}

// Rotate begins a rotation: it announces a successor of the key of a purpose, unless one is announced already, and tells of it. The
// successor signs when it has been announced for long enough, or now: then readers that keep the JWKS document, and do not fetch it again when they
// meet an unknown kid, refuse new tokens until they do. models.ErrConflict says that another rotation ended meanwhile.
func (r *Ring) Rotate(ctx context.Context, purpose Purpose, now bool) (Status, error) {
	if !slices.Contains(purposes(), purpose) {
		return Status{}, models.Illegal("purpose must be %s or %s", Ordinary, NonExpiring)
	}
	successor, err := r.successor(ctx, purpose)
	if err != nil {
		return Status{}, err
	}
	if now {
		// Somebody else may have promoted it.
		if err := lost(r.promote(ctx, successor)); err != nil {
			return Status{}, err
		}
	}
	if err := r.Reload(ctx); err != nil {
		return Status{}, err
	}
	return r.Status(ctx, successor.KID)
}

// successor is the announced key of a purpose, made if there is none.
func (r *Ring) successor(ctx context.Context, purpose Purpose) (*models.SigningKey, error) {
	rows, err := r.config.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	signing, announced := present(rows, purpose)
	switch {
	case announced != nil:
		return announced, nil
	case signing == nil:
		return nil, ErrNoKey
	}
	if err := lost(r.announce(ctx, signing)); err != nil {
		return nil, err
	}
	if rows, err = r.config.Store.SigningKeys(ctx); err != nil {
		return nil, err
	}
	if _, announced = present(rows, purpose); announced == nil {
		return nil, models.ErrConflict
	}
	return announced, nil
}

// Retire ends the life of a key on an operator's word: of a long-term key that has a successor, with every registered token that it signed, and
// of an announced key, whose rotation is called off. It tells how many registered tokens died. *models.Invalid says why another
// key cannot be retired.
func (r *Ring) Retire(ctx context.Context, kid string) (tokens int, err error) {
	rows, longest, err := r.look(ctx)
	if err != nil {
		return 0, err
	}
	row, err := find(rows, kid)
	if err != nil {
		return 0, err
	}
	switch {
	case row.State == StateSigning:
		return 0, models.Illegal("the key signs: rotate first, so that another does")
	case row.State == StateDropped, row.State == StateRemoved:
		return 0, models.Illegal("the key is %s already", row.State)
	case row.State == StateRetiring && row.Purpose == string(Ordinary):
		return 0, models.Illegal("the key leaves by itself at %s, when the last token it signed has expired; drop ends it at once",
			removal(row, longest).UTC().Format(time.RFC3339))
	}
	tokens, err = r.remove(ctx, row)
	return tokens, r.ended(ctx, kid, err)
}

// Drop ends the trust in a key at once, whatever its state: every token that it signed is refused from now on. If it signed, another signs
// now: the announced one, else a new one. It tells how many registered tokens died. *models.Invalid says that the key has ended already.
func (r *Ring) Drop(ctx context.Context, kid string) (tokens int, err error) {
	rows, err := r.config.Store.SigningKeys(ctx)
	if err != nil {
		return 0, err
	}
	row, err := find(rows, kid)
	if err != nil {
		return 0, err
	}
	if row.State == StateDropped || row.State == StateRemoved {
		return 0, models.Illegal("the key is %s already", row.State)
	}
	replacement, err := generate(r.config.Sealer, r.algorithmAfter(row), Purpose(row.Purpose), StateSigning, r.config.Now())
	if err != nil {
		return 0, err
	}
	tokens, err = r.config.Store.DropSigningKey(ctx, kid, replacement)
	if err == nil {
		r.config.Logger.WarnContext(ctx, "signing key dropped", "kid", kid, "purpose", row.Purpose, "registered tokens", tokens)
	}
	return tokens, r.ended(ctx, kid, err)
}

// ended makes sure that a key whose end is in the store has ended in memory too.
func (r *Ring) ended(ctx context.Context, kid string, err error) error {
	if err != nil {
		return err
	}
	r.forget(kid)
	// That the successors cannot be read now is tried again by Run; the key is gone.
	if err := r.Reload(ctx); err != nil && !errors.Is(err, context.Canceled) {
		r.config.Logger.ErrorContext(ctx, "signing keys could not be read again", "cause", err)
	}
	return nil
}
