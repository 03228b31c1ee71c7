package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// Document is a signed document, shared by everybody who gets it.
type Document struct {
	Text      string // compact JWS
	Epoch     string
	From, Seq int64
	ETag      string // a weak entity tag without W/
	Complete  bool
	Ended     bool
	// News tells whether anything has happened that an increment tells of.
	News bool

	partial bool // there is more behind Seq already
	signed  time.Time
	era     uint64 // of the keys, see Hub.current
	pack    func() []byte
}

// Gzip gives the text compressed, or nil if that is not worth it.
func (d *Document) Gzip() []byte { return d.pack() }

// worthPacking is the length from which on a document is compressed.
const worthPacking = 1400

// sign makes a Document of what the caller has filled in but the times and the epoch.
func (h *Hub) sign(d *revocation.Document) (*Document, error) {
	d.IssuedAt, d.Epoch = h.Now().Unix(), h.epoch
	payload, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	era := h.era.Load() // before signing: the signer learns of changed keys before the hub does
	text, err := h.Signer.SignAs(revocation.Type, payload)
	if err != nil {
		return nil, err
	}
	h.Stats.Signed.Add(1)
	return &Document{
		Text: text, Epoch: h.epoch, From: d.From, Seq: d.Seq, Complete: d.Complete, Ended: d.Ended,
		ETag: etag(text), signed: h.Now(), era: era, pack: packer(text),
	}, nil
}

// current tells whether the keys have not changed since a document was signed. If they have, its key may be a dropped one.
func (h *Hub) current(d *Document) bool { return d.era == h.era.Load() }

func etag(text string) string {
	sum := sha256.Sum256([]byte(text))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

func packer(text string) func() []byte {
	if len(text) < worthPacking {
		return func() []byte { return nil }
	}
	return sync.OnceValue(func() []byte {
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		if err != nil {
			return nil
		}
		// A buffer takes everything.
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return packed.Bytes()
	})
}

// state is what stands whole in every document.
type state struct {
	keys   []string
	ended  bool
	policy int64
}

func (s state) put(d *revocation.Document) { d.Keys, d.Ended, d.Policy = s.keys, s.ended, s.policy }

// state reads what is whole in every document, at least as new as the newest change that this process knows.
func (h *Hub) state(ctx context.Context, v View) (state, error) {
	dropped, err := h.droppedKeys(ctx)
	if err != nil {
		return state{}, err
	}
	s := state{keys: dropped}
	if v.Scope == Management {
		return s, nil
	}
	if s.ended, err = remembered(ctx, h, h.ended, v.Scope, h.Store.Ended); err != nil || v.Audience == uuid.Nil {
		return s, err
	}
	s.policy, err = remembered(ctx, h, h.newest, v.Scope, h.Store.PolicySeq)
	return s, err
}

func (h *Hub) droppedKeys(ctx context.Context) ([]string, error) {
	h.mu.RLock()
	dropped, stale, loads := h.dropped, h.stale, h.loads
	h.mu.RUnlock()
	if !stale {
		return dropped, nil
	}
	rows, err := h.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	dropped = nil
	for i := range rows {
		// A long-term key leaves on an operator's word alone, while tokens of it may live: registered ones are denied one by one, but not
		// those that last for years. Ordinary keys leave when their last token has ended.
		retired := rows[i].State == models.KeyRemoved && rows[i].Purpose == models.KeyForNonExpiring
		if rows[i].State == models.KeyDropped || retired {
			dropped = append(dropped, rows[i].KID)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.loads == loads {
		h.dropped, h.stale = dropped, false
	}
	return dropped, nil
}

// maxStates bounds how many applications' states are kept.
const maxStates = 50_000

// remembered gives what is known of an application, or looks it up. What was read before a change is not kept.
func remembered[T any](
	ctx context.Context, h *Hub, known map[uuid.UUID]T, scope uuid.UUID, look func(context.Context, uuid.UUID) (T, error),
) (T, error) {
	h.mu.RLock()
	value, is := known[scope]
	loads := h.loads
	h.mu.RUnlock()
	if is {
		return value, nil
	}
	value, err := look(ctx, scope)
	if err != nil {
		return value, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.loads == loads {
		if len(known) >= maxStates {
			clear(known)
		}
		known[scope] = value
	}
	return value, nil
}
