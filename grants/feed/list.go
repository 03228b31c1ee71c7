package feed

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/bits"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// list is what was read from the database. As long as nothing happens, snapshot after snapshot shares it.
type list struct {
	tokens   []denial
	subjects []denial
	claims   []revocation.Change
	names    int // what the claims take in documents, in entries
	read     time.Time
	users    int // snapshots; guarded by the lock of snapshots
}

// denial is an entry of a snapshot, in as few bytes as it takes.
type denial struct {
	id         revocation.ID
	expires    int64
	generation int64
}

// size is how many entries the documents of a list have, long ones counted as several.
func (l *list) size() int { return len(l.tokens) + len(l.subjects) + l.names }

// weight is the same for memory, where a change of claims takes more.
func (l *list) weight() int { return len(l.tokens) + len(l.subjects) + 8*len(l.claims) + 2*l.names }

// entryLength is about what a denial takes in a document, in bytes.
const entryLength = 64

// entriesOf tells how many denials a change of claims is as long as: the names of a user's roles and groups may take kilobytes, and what a
// document may have is bounded.
func entriesOf(c *revocation.Change) int {
	length := 0
	for _, names := range [][]string{c.Roles, c.Groups} {
		for _, name := range names {
			length += len(name) + len(`"",`)
		}
	}
	return 1 + length/entryLength
}

func (h *Hub) readList(ctx context.Context, v View) (*list, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	select {
	case h.snapshots.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.snapshots.slots }()
	l := &list{read: h.Now()}
	err := h.Store.DenialsOf(ctx, scopeText(v.Scope), func(row models.DeniedToken) {
		l.tokens = append(l.tokens, denial{id: revocation.Hash(row.JTI), expires: expiry(row.Expires)})
	}, func(row models.DeniedSubject) {
		l.subjects = append(l.subjects, denial{revocation.Hash(row.Subject.String()), expiry(row.Expires), row.Generation})
	})
	if err == nil && v.Audience != uuid.Nil {
		err = h.eachClaim(ctx, v, 0, func(c revocation.Change) error {
			l.claims, l.names = append(l.claims, c), l.names+entriesOf(&c)
			return nil
		})
	}
	sorted(l.tokens, (*denial).ID)
	sorted(l.subjects, (*denial).ID)
	sorted(l.claims, changeID)
	return l, err
}

// ID is what entries are sorted by.
func (d *denial) ID() revocation.ID { return d.id }

func changeID(c *revocation.Change) revocation.ID { return c.ID }

// sorted brings entries into the order of their identifiers.
func sorted[T any](all []T, id func(*T) revocation.ID) {
	slices.SortFunc(all, func(a, b T) int {
		x, y := id(&a), id(&b)
		return bytes.Compare(x[:], y[:])
	})
}

// part gives the entries of one page. The first bits of an identifier say on which page it is, so that every list of as many pages has it there:
// whoever reads the pages of two lists with one position misses nothing. Hashes spread evenly.
func part[T any](all []T, id func(*T) revocation.ID, number, pages int) []T {
	shift := 32 - bits.Len(uint(pages)-1)
	border := func(page int) int {
		return sort.Search(len(all), func(i int) bool {
			hash := id(&all[i])
			return int(binary.BigEndian.Uint32(hash[:4])>>shift) >= page
		})
	}
	return all[border(number-1):border(number)]
}

// count is how many pages entries take: a power of two.
func count(entries, perPage int) int {
	pages := 1
	for entries > pages*perPage {
		pages *= 2
	}
	return pages
}
