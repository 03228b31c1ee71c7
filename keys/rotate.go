package keys

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-auth/writ/models"
)

// provide makes sure that a key signs for a purpose and that it, or its successor, is of the configured algorithm. It tells whether
// it changed anything.
func (r *Ring) provide(ctx context.Context, purpose Purpose) (changed bool, err error) {
	signing, announced := present(r.current.Load().rows, purpose)
	switch {
	case signing == nil && announced == nil:
		err = r.createFirst(ctx, purpose)
	case signing == nil:
		err = r.promote(ctx, announced)
	case signing.Alg != r.algorithmAfter(signing) && announced == nil:
		err = r.announce(ctx, signing)
	default:
		return false, nil
	}
	return true, lost(err)
}

// lost forgives that another replica was faster: what it did is as good.
func lost(err error) error {
	if errors.Is(err, models.ErrConflict) {
		return nil
	}
	return err
}

func (r *Ring) createFirst(ctx context.Context, purpose Purpose) error {
	row, err := generate(r.config.Sealer, r.config.Algorithm, purpose, StateSigning, r.config.Now())
	if err != nil {
		return err
	}
	if err := r.config.Store.CreateFirstSigningKey(ctx, row); err != nil {
		return err
	}
	r.tell(ctx, "signing key created", &row)
	return nil
}

// algorithmAfter is that of a key's successor.
func (r *Ring) algorithmAfter(k *models.SigningKey) string {
	if r.config.Beside {
		return k.Alg
	}
	return r.config.Algorithm
}

// announce makes a successor.
func (r *Ring) announce(ctx context.Context, signing *models.SigningKey) error {
	row, err := generate(r.config.Sealer, r.algorithmAfter(signing), Purpose(signing.Purpose), StateAnnounced, r.config.Now())
	if err != nil {
		return err
	}
	if err := r.config.Store.AnnounceSigningKey(ctx, row, signing.KID); err != nil {
		return err
	}
	r.tell(ctx, "signing key announced", &row)
	return nil
}

func (r *Ring) promote(ctx context.Context, announced *models.SigningKey) error {
	if err := r.config.Store.PromoteSigningKey(ctx, announced.KID); err != nil {
		return err
	}
	r.tell(ctx, "signing key in use", announced)
	return nil
}

func (r *Ring) remove(ctx context.Context, row *models.SigningKey) (tokens int, err error) {
	tokens, err = r.config.Store.RemoveSigningKey(ctx, row.KID, row.State)
	if err == nil {
		r.tell(ctx, "signing key removed", row)
	}
	return tokens, err
}

func (r *Ring) tell(ctx context.Context, what string, row *models.SigningKey) {
	r.config.Logger.InfoContext(ctx, what, "kid", row.KID, "alg", row.Alg, "purpose", row.Purpose)
}

// Step does what is due in the keys' life: it lets announced keys sign, announces successors and removes what nothing needs any more.
// If nothing is due it does not touch the store.
func (r *Ring) Step(ctx context.Context) error {
	r.stepping.Lock()
	defer r.stepping.Unlock()
	now := r.config.Now()
	rows := r.current.Load().rows
	due := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	var failures []error
	did := func(err error) {
		if err = lost(err); err != nil {
			failures = append(failures, err)
		}
	}
	stepped := false
	for i := range rows {
		row := &rows[i]
		switch {
		case row.State == StateAnnounced && due(r.promotion(row)):
			stepped = true
			err := r.promote(ctx, row)
			if lost(err) != nil {
				r.promoteHere(row.KID)
			}
			did(err)
		case row.Purpose == string(Ordinary) && (row.State == StateRetiring || row.State == StateDropped) && due(r.removal(row)):
			removed, err := r.removeOld(ctx, row, now)
			stepped = stepped || removed
			did(err)
		}
	}
	if due(r.config.announcement(rows)) {
		stepped = true
		signing, _ := present(rows, Ordinary)
		did(r.announce(ctx, signing))
	}
	if stepped && len(failures) == 0 {
		return r.Reload(ctx)
	}
	return errors.Join(failures...)
}

// promotion is when an announced key signs: not before it was published long enough, and by a server that was there to be asked.
func (r *Ring) promotion(row *models.SigningKey) time.Time {
	at := changed(row).Add(r.config.Announce)
	if asked := r.opened.Add(shortestAnnounce); at.Before(asked) {
		return asked
	}
	return at
}

// removal is when it is worth asking the store whether a key can go.
func (r *Ring) removal(row *models.SigningKey) time.Time {
	if at, known := r.notBefore[row.KID]; known {
		return at
	}
	return removal(row, 0)
}

func (r *Ring) removeOld(ctx context.Context, row *models.SigningKey, now time.Time) (bool, error) {
	longest, err := r.longest(ctx)
	if err != nil {
		return false, err
	}
	if at := removal(row, longest); now.Before(at) {
		r.notBefore[row.KID] = at // the longest lifetime only rises
		return false, nil
	}
	delete(r.notBefore, row.KID)
	_, err = r.remove(ctx, row)
	return true, err
}

func (r *Ring) longest(ctx context.Context) (time.Duration, error) {
	ms, err := r.config.Store.LongestTTL(ctx)
	if err != nil {
		return 0, fmt.Errorf("keys: reading the longest lifetime: %w", err)
	}
	return time.Duration(min(ms, LongestOrdinary.Milliseconds())) * time.Millisecond, nil
}

// promoteHere lets an announced key sign in this process although the store does not answer. It has been published for long enough,
// and the key before it retires where the store answers: what that one signed here from now on would outlive it.
func (r *Ring) promoteHere(kid string) {
	r.reading.Lock()
	defer r.reading.Unlock()
	before := r.current.Load()
	successor := before.keys[kid]
	if successor == nil {
		return
	}
	loaded := make([]*key, 0, len(before.ordered))
	for _, k := range before.ordered {
		row := k.row
		switch {
		case row.KID == kid:
			row.State = StateSigning
		case row.Purpose == successor.row.Purpose && row.State == StateSigning:
			row.State = StateRetiring
		}
		loaded = append(loaded, k.in(row))
	}
	// The rows stay as they are in the store, so that the next step tries again.
	r.swap(loaded, before.rows)
}
