package feed

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// claimStore gives whose claims have changed behind a position, with what they are now, a page at a time: behind the last one of the page
// before, the first one behind uuid.Max.
type claimStore interface {
	ChangedUsers(ctx context.Context, application uuid.UUID, after int64, last uuid.UUID, limit int) ([]models.ChangedClaims, error)
	ChangedMembers(ctx context.Context, organization uuid.UUID, after int64, last uuid.UUID, limit int) ([]models.ChangedClaims, error)
}

// claimsPerRead is how many are read from the database at a time.
const claimsPerRead = 2000

// claims gives the changes of an increment. It answers ErrGap if there are more than a document should have.
func (h *Hub) claims(ctx context.Context, v View, after int64) ([]revocation.Change, error) {
	var changes []revocation.Change
	size := 0
	err := h.eachClaim(ctx, v, after, func(c revocation.Change) error {
		if size += entriesOf(&c); size > h.PageSize {
			return ErrGap
		}
		changes = append(changes, c)
		return nil
	})
	if errors.Is(err, ErrGap) {
		h.crowded(v)
	}
	return changes, err
}

// crowded notes that a view needs a complete list of now: one that was made before, and is kept for others, leads into the same gap.
func (h *Hub) crowded(v View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.crowds) >= maxStates {
		clear(h.crowds)
	}
	h.crowds[v.key()] = h.seq
}

// eachClaim reads page after page. What changes meanwhile is read again, for it moves to the end.
func (h *Hub) eachClaim(ctx context.Context, v View, after int64, each func(revocation.Change) error) error {
	read := h.Store.ChangedUsers
	if v.Scope == Management {
		read = h.Store.ChangedMembers
	}
	now := h.Now().Unix()
	for last := uuid.Max; ; {
		rows, err := read(ctx, v.Audience, after, last, claimsPerRead)
		if err != nil {
			return err
		}
		for i := range rows {
			if rows[i].Expires != nil && *rows[i].Expires < now {
				continue
			}
			err := each(revocation.Change{
				ID: revocation.Hash(rows[i].Subject.String()), Expires: rows[i].Expires,
				Roles: rows[i].Roles, Groups: rows[i].Groups, Member: rows[i].Member,
			})
			if err != nil {
				return err
			}
		}
		if len(rows) < claimsPerRead {
			return nil
		}
		after, last = rows[len(rows)-1].Seq, rows[len(rows)-1].Subject
	}
}
