package grants

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// Bounds of what the recorder keeps in memory and writes. Who floods the server with failures must neither fill the disk nor hide what
// else happens.
const (
	// maxRecorded is how many different events wait for the next write.
	maxRecorded = 4096
	// refusalBurst and refusalRate (rows a second) bound the rows that refused credentials take: at most 864,000 a day.
	refusalBurst = 256
	refusalRate  = 10

	flushInterval = time.Second
	flushTimeout  = 5 * time.Second
)

// AuditStore is where a Recorder writes.
type AuditStore interface {
	AppendAudit(ctx context.Context, events []models.AuditEvent) error
}

// Recorder is an Audit that collects events in memory and writes them together, at most a second later. Equal events become one row
// with their number. What does not fit is counted, and the number is written as an event audit.dropped. What was collected in the last second is lost if
// the process is killed.
type Recorder struct {
	store  AuditStore
	now    func() time.Time
	logger *slog.Logger

	flushing sync.Mutex // one write at a time, so that events keep their order

	mu        sync.Mutex
	pending   map[auditKey]int // index in events
	events    []models.AuditEvent
	dropped   int64
	allowance float64 // rows for refusals
	refilled  time.Time
	failing   bool
}

// auditKey is what makes two events equal: everything but the time.
type auditKey struct {
	action, code                     string
	result                           models.AuditResult
	organization, application, actor uuid.UUID
	actorName, actorLevel            string
	targetKind, targetID, targetName string
	source, detail                   string
}

func auditKeyOf(e *models.AuditEvent) auditKey {
	return auditKey{
		action: e.Action, code: e.Code, result: e.Result,
		organization: idOrNil(e.OrganizationID), application: idOrNil(e.ApplicationID), actor: idOrNil(e.ActorID),
		actorName: e.ActorName, actorLevel: e.ActorLevel, targetKind: e.TargetKind, targetID: e.TargetID, targetName: e.TargetName,
		source: e.Source, detail: e.Detail,
	}
}

func idOrNil(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

// NewRecorder makes a Recorder; nothing is written unless Run runs or Flush is called.
func NewRecorder(store AuditStore, now func() time.Time, logger *slog.Logger) *Recorder {
	return &Recorder{
		store: store, now: now, logger: logger, pending: map[auditKey]int{}, allowance: refusalBurst, refilled: now(),
	}
}

// Record takes an event; its time is now unless it has one. It is quick and never fails.
func (r *Recorder) Record(event models.AuditEvent) {
	event.Clean()
	r.mu.Lock()
	defer r.mu.Unlock()
	if event.At == 0 {
		event.At = r.now().UnixMilli()
	}
	key := auditKeyOf(&event)
	if i, known := r.pending[key]; known {
		r.events[i].Count += event.Count
		return
	}
	if len(r.events) >= maxRecorded || event.Result == models.AuditRefused && !r.allowed() {
		r.dropped += event.Count
		return
	}
	r.pending[key] = len(r.events)
	r.events = append(r.events, event)
}

// allowed takes one row of the allowance for refusals.
func (r *Recorder) allowed() bool {
	now := r.now()
	r.allowance = min(refusalBurst, r.allowance+max(0, now.Sub(r.refilled).Seconds())*refusalRate)
	r.refilled = now
	if r.allowance < 1 {
		return false
	}
	r.allowance--
	return true
}

// Run writes every second until ctx ends, and then what is left.
func (r *Recorder) Run(ctx context.Context) error {
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
			defer cancel()
			return r.Flush(last)
		case <-ticker.C:
			writing, cancel := context.WithTimeout(ctx, flushTimeout)
			_ = r.Flush(writing) // told in the log; what could not be written stays for the next time
			cancel()
		}
	}
}

// Flush writes what was collected. What cannot be written stays, as far as there is room.
func (r *Recorder) Flush(ctx context.Context) error {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	events, dropped := r.take()
	batch := events
	if dropped > 0 {
		batch = append(slices.Clip(batch), models.AuditEvent{
			At: r.now().UnixMilli(), Action: "audit.dropped", Count: dropped, ActorLevel: models.AuditSystem,
			Detail: models.AuditDetail(map[string]any{"number": dropped}),
		})
	}
	if len(batch) == 0 {
		return nil
	}
	err := r.store.AppendAudit(ctx, batch)
	if err != nil {
		r.giveBack(events, dropped)
	}
	r.log(ctx, err)
	return err
}

func (r *Recorder) take() (events []models.AuditEvent, dropped int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events, dropped = r.events, r.dropped
	r.events, r.dropped = nil, 0
	clear(r.pending)
	return events, dropped
}

// giveBack puts events before what came meanwhile.
func (r *Recorder) giveBack(events []models.AuditEvent, dropped int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	newer := r.events
	r.events, r.dropped = nil, r.dropped+dropped
	clear(r.pending)
	for _, some := range [][]models.AuditEvent{events, newer} {
		for i := range some {
			key := auditKeyOf(&some[i])
			switch at, known := r.pending[key]; {
			case known:
				r.events[at].Count += some[i].Count
			case len(r.events) >= maxRecorded:
				r.dropped += some[i].Count
			default:
				r.pending[key] = len(r.events)
				r.events = append(r.events, some[i])
			}
		}
	}
}

// log tells the first failure of a row, and the recovery.
func (r *Recorder) log(ctx context.Context, err error) {
	switch {
	case err != nil && !r.failing:
		r.logger.ErrorContext(ctx, "the audit trail cannot be written", "cause", err)
	case err == nil && r.failing:
		r.logger.InfoContext(ctx, "the audit trail is written again")
	}
	r.failing = err != nil
}
