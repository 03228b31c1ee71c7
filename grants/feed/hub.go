// Package feed is the server's side of the revocation feed (docs/feed.md): it keeps the newest changes in memory, signs documents once
// for everybody who needs them, and wakes those who follow. It owns positions, increments, complete lists and policies. It knows neither
// HTTP nor who may ask: that is for package server.
//
// Everything it says comes from the change log, so that a change acknowledged by another replica arrives in the same way as one of this
// process.
package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/models"
)

// Store is what the feed needs of the database. Errors are those of package models.
type Store interface {
	// Head is the newest position of the change log, and the name of the log.
	Head(ctx context.Context) (seq int64, epoch string, err error)
	Changes(ctx context.Context, after int64, limit int) ([]models.Change, error)
	// CatchUp applies everything that is committed.
	CatchUp(ctx context.Context) error
	// AsOf is the last moment at which everything that was committed had been applied.
	AsOf() time.Time
	DenialsOf(ctx context.Context, scope string, token func(models.DeniedToken), subject func(models.DeniedSubject)) error
	SigningKeys(ctx context.Context) ([]models.SigningKey, error)
	// Ended tells whether an application is a tombstone.
	Ended(ctx context.Context, application uuid.UUID) (bool, error)
	claimStore
	policyStore
}

// Signer signs documents under a typ of their own; *keys.Ring is the implementation.
type Signer interface {
	SignAs(typ string, payload []byte) (string, error)
}

// Config is what a Hub needs. Store, Signer, Now and Logger are required.
type Config struct {
	Store  Store
	Signer Signer
	Now    func() time.Time
	Logger *slog.Logger

	// The rest is for tests; zero means the value of production.
	Kept      int           // changes that are kept in memory
	PageSize  int           // entries of a page or an increment
	Heartbeat time.Duration // between two documents of a stream
	Rebuild   time.Duration // between two complete lists of an issuer
	Queued    int64         // documents that a follower may be behind
}

// The values of production.
const (
	kept      = 128 << 10 // about 10 MiB
	pageSize  = 8192
	heartbeat = 9 * time.Second // docs/feed.md promises ten
	rebuild   = 30 * time.Second
	queued    = 4096
	// preloaded bounds what is read of the change log at the start, so that a restart does not send everybody to the complete list.
	preloaded = 50_000
	perRead   = 5000
)

// Errors of positions.
var (
	// ErrGap says that there is no way on from a position: it needs the complete list.
	ErrGap = errors.New("there is no way on from this position")
	// ErrAhead says that this process does not know the position yet.
	ErrAhead = errors.New("this position is not known yet")
	// ErrSnapshotGone says that a complete list is no longer kept.
	ErrSnapshotGone = errors.New("this complete list is no longer kept")
	// ErrClosed says that the feed is shutting down.
	ErrClosed = errors.New("the feed is closed")
	// ErrEnded says that the issuer has ended, and that its followers know.
	ErrEnded = errors.New("the issuer has ended")
	// ErrSlow says that a follower did not keep up.
	ErrSlow = errors.New("the follower is too slow")
)

// Management is the scope of the management issuer; the others are the applications' uuids.
var Management = uuid.Nil

// View is what somebody may see: the feed of an issuer, public or with what an audience is told besides.
type View struct {
	Scope  uuid.UUID
	Issuer string
	// Audience is whose clients see claim changes: the application itself, at the management issuer an organization. uuid.Nil: the public.
	Audience uuid.UUID
}

type viewKey struct{ scope, audience uuid.UUID }

func (v View) key() viewKey { return viewKey{v.Scope, v.Audience} }

// Hub is the feed of all issuers. It is safe for concurrent use. Make it with New.
type Hub struct {
	Config

	epoch string
	Stats Stats

	mu      sync.RWMutex
	ring    ring
	seq     int64 // the newest change this process knows
	gaps    map[uuid.UUID]int64
	crowds  map[viewKey]int64                   // gaps of one view: too much has changed in claims
	streams map[uuid.UUID]map[uuid.UUID]*stream // by scope and audience
	ended   map[uuid.UUID]bool
	newest  map[uuid.UUID]int64 // policies
	loads   uint64              // counts what makes a load of state out of date
	dropped []string
	stale   bool // dropped must be read again

	era        atomic.Uint64 // counts changes of the keys
	increments increments
	snapshots  snapshots
	policies   policies
	catching   sync.Mutex

	closing context.Context //nolint:containedctx // the life of the publishers, which outlive the requests that start them
	close   context.CancelFunc
	running sync.WaitGroup
}

// Stats counts what a Hub does.
type Stats struct {
	Followers atomic.Int64 // who wait for something now
	Signed    atomic.Int64 // documents
	Sent      atomic.Int64 // documents given to followers
	Complete  atomic.Int64 // pages of complete lists given
}

// New makes a Hub that knows the newest part of the change log. Its Apply must be subscribed before the next change is written.
func New(ctx context.Context, cfg Config) (*Hub, error) {
	h := &Hub{
		Config: cfg, gaps: map[uuid.UUID]int64{}, crowds: map[viewKey]int64{}, streams: map[uuid.UUID]map[uuid.UUID]*stream{}, ended: map[uuid.UUID]bool{},
		newest: map[uuid.UUID]int64{}, stale: true,
	}
	h.Kept, h.PageSize = orElse(h.Kept, kept), orElse(h.PageSize, pageSize)
	h.Queued = orElse(h.Queued, queued)
	h.Heartbeat, h.Rebuild = orElse(h.Heartbeat, heartbeat), orElse(h.Rebuild, rebuild)
	h.closing, h.close = context.WithCancel(context.WithoutCancel(ctx))
	h.snapshots.init()
	if err := h.preload(ctx); err != nil {
		return nil, fmt.Errorf("reading the change log: %w", err)
	}
	return h, nil
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Run keeps the feed alive until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	<-ctx.Done()
	h.Close()
	return nil
}

// Close ends everything that somebody follows and waits until nothing of the feed runs any more.
func (h *Hub) Close() {
	h.mu.Lock()
	h.close()
	h.mu.Unlock()
	h.running.Wait()
}

// Epoch names the numbering of positions.
func (h *Hub) Epoch() string { return h.epoch }

func (h *Hub) preload(ctx context.Context) error {
	head, epoch, err := h.Store.Head(ctx)
	if err != nil {
		return err
	}
	h.epoch = epoch
	after := max(0, head-int64(min(preloaded, h.Kept)))
	h.ring = newRing(h.Kept, after)
	h.seq = after
	for h.seq < head {
		changes, err := h.Store.Changes(ctx, h.seq, perRead)
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			break
		}
		for _, change := range changes {
			h.Apply(change)
		}
	}
	if h.seq < head { // pruned to the end
		h.forget(head)
	}
	return nil
}

// Apply learns of one change. It is meant to be subscribed to the change log.
func (h *Hub) Apply(change models.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if change.Seq <= h.seq {
		return
	}
	if change.Seq != h.seq+1 {
		h.forget(change.Seq - 1)
	}
	h.seq = change.Seq
	e, relevant, err := read(change)
	if err != nil {
		// A denial that nobody tells of would be worse than a detour to the complete list, which comes from the database.
		h.Logger.Error("change log entry cannot be read", "seq", change.Seq, "kind", change.Kind, "cause", err)
		h.forget(change.Seq)
		return
	}
	if !relevant {
		return
	}
	h.ring.add(e)
	switch e.kind {
	case keyChange:
		h.keyChanged()
		return
	case restoration:
		h.gaps[e.scope] = e.seq
		h.loads++
		delete(h.ended, e.scope)
	case stateChange:
		h.loads++
		delete(h.ended, e.scope)
	case policyChange:
		delete(h.newest, e.scope)
		h.loads++
	case claimChange: // the scope may be an organization, whose stream is one of the management issuer
		if s := h.streams[Management][e.scope]; s != nil {
			s.wake()
		}
	case tokenDenial, subjectDenial:
	}
	for _, s := range h.streams[e.scope] {
		if e.concerns(s.view.key()) {
			s.wake()
		}
	}
}

// keyChanged makes sure that nothing that a dropped key may have signed is given away. The caller holds the lock.
func (h *Hub) keyChanged() {
	h.stale, h.loads = true, h.loads+1
	h.era.Add(1)
	h.increments.clear()
	h.snapshots.clear()
	h.policies.clear()
	for _, same := range h.streams {
		for _, s := range same {
			s.wake()
		}
	}
}

// forget makes every position before seq one that needs the complete list. The caller holds the lock.
func (h *Hub) forget(seq int64) {
	h.ring = newRing(h.Kept, seq)
	h.seq = seq
	clear(h.gaps)
	clear(h.crowds)
	clear(h.ended)
	clear(h.newest)
	h.keyChanged()
}

// reaches is the earliest position from which increments of a view go on. The caller holds the lock.
func (h *Hub) reaches(v View) int64 { return max(h.ring.floor, h.gaps[v.Scope], h.crowds[v.key()]) }

// read tells what a change means for the feed; relevant is false if nothing.
func read(change models.Change) (e entry, relevant bool, err error) {
	e = entry{seq: change.Seq, at: change.At / 1000}
	switch change.Kind {
	case models.ChangeTokenDenied:
		var row models.DeniedToken
		err = json.Unmarshal([]byte(change.Detail), &row)
		e.kind, e.id, e.expires = tokenDenial, revocation.Hash(row.JTI), expiry(row.Expires)
		err = errors.Join(err, e.in(row.Scope))
	case models.ChangeSubjectDenied:
		var row models.DeniedSubject
		err = json.Unmarshal([]byte(change.Detail), &row)
		e.kind, e.id, e.expires = subjectDenial, revocation.Hash(row.Subject.String()), expiry(row.Expires)
		e.generation = row.Generation
		err = errors.Join(err, e.in(row.Scope))
	case models.ChangeApplication:
		e.kind = stateChange
		if change.Detail != "" { // all older tokens were denied at once, without a change for each
			e.kind = restoration
		}
		err = e.in(change.Key)
	case models.ChangeKey:
		e.kind = keyChange
	case models.ChangeClaims:
		e.kind = claimChange
		err = e.in(change.Key)
	case models.ChangePolicy:
		e.kind = policyChange
		err = e.in(change.Key)
	case models.ChangeOrganization, models.ChangeClient, models.ChangeAdmin, models.ChangeUser, models.ChangeRights, models.ChangeStatusList, models.ChangeThrottle:
		return e, false, nil
	default:
		return e, false, nil
	}
	return e, err == nil, err
}

// never stands in an entry for a denial that does not end.
const never = 0

func expiry(seconds *int64) int64 {
	if seconds == nil {
		return never
	}
	return *seconds
}

func expires(seconds int64) *int64 {
	if seconds == never {
		return nil
	}
	return &seconds
}
