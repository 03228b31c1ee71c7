package keys

import (
	"context"
	"encoding/json"
	"time"

	"github.com/writ-auth/writ/models"
)

const (
	// stepInterval is how often Run looks whether something is due.
	stepInterval = 5 * time.Second
	// firstRetry and stepInterval bound how soon keys that could not be read are read again.
	firstRetry = 100 * time.Millisecond
	// applyPatience bounds how long a change may keep the change log waiting.
	applyPatience = 5 * time.Second
	// tendPatience bounds what is done at a time: a connection may never answer.
	tendPatience = 30 * time.Second
)

// Run does what is due in the keys' life until ctx ends, and reads keys again that could not be read.
func (r *Ring) Run(ctx context.Context) error {
	retry := firstRetry
	failing := false
	for {
		pause := stepInterval
		if r.stale.Load() {
			pause = retry
			retry = min(2*retry, stepInterval)
		} else {
			retry = firstRetry
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-r.wake:
			timer.Stop()
			continue
		case <-timer.C:
		}
		err := r.tend(ctx)
		switch {
		case ctx.Err() != nil: // whatever err says
		case err != nil && !failing:
			r.config.Logger.ErrorContext(ctx, "signing keys cannot be kept", "cause", err)
		case err == nil && failing:
			r.config.Logger.InfoContext(ctx, "signing keys are kept again")
		}
		failing = err != nil
	}
}

func (r *Ring) tend(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tendPatience)
	defer cancel()
	if r.stale.Load() {
		if err := r.Reload(ctx); err != nil {
			return err
		}
	}
	return r.Step(ctx)
}

// Apply learns of one entry of the change log. A key whose trust has ended leaves before anything is read, so that it cannot live on
// where the store does not answer; Run reads the others until it succeeds.
func (r *Ring) Apply(ctx context.Context, change models.Change) {
	if change.Kind != models.ChangeKey {
		return
	}
	var said models.KeyChange
	err := json.Unmarshal([]byte(change.Detail), &said)
	if err != nil || said.State == StateDropped || said.State == StateRemoved {
		r.forget(change.Key)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyPatience)
	defer cancel()
	if err := r.Reload(ctx); err != nil {
		r.config.Logger.ErrorContext(ctx, "signing keys could not be read again", "cause", err)
	}
}

// forget takes a key out of the snapshot. If it was the one that signs, nothing is signed until the keys are read again.
func (r *Ring) forget(kid string) {
	r.reading.Lock()
	defer r.reading.Unlock()
	before := r.current.Load()
	if before.keys[kid] == nil {
		return
	}
	left := make([]*key, 0, len(before.ordered))
	for _, k := range before.ordered {
		if k.row.KID != kid {
			left = append(left, k)
		}
	}
	r.swap(left, before.rows)
}
