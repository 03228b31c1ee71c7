package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// ErrChangesLost says that entries of the change log were pruned before this process had read them: what it holds in memory
// can no longer be brought up to date and must be read anew, which a restart does.
var ErrChangesLost = errors.New("the change log no longer holds what this process has not seen")

const (
	pollInterval   = time.Second
	pruneInterval  = time.Minute
	pruneBatch     = 500
	changesKept    = 24 * time.Hour
	changesPerRead = 500
	patience       = 5 * time.Second // with a database that does not answer
	longWork       = time.Minute     // what nobody waits for may take

	// changeChannel is where PostgreSQL says that there are new changes.
	changeChannel = "writ_changes"
)

// Subscribe registers a function that sees every change from now on, in order, each once and never two at a time. It is to be
// called before the store is in use. The function must be quick and must not call methods of the store that write.
func (s *Store) Subscribe(apply func(models.Change)) {
	s.tail.turn <- struct{}{}
	defer s.tail.leave()
	s.tail.subscribers = append(s.tail.subscribers, apply)
}

// CatchUp shows the subscribers everything that is committed, by whatever process. Writes of this process have done that
// already when they return.
func (s *Store) CatchUp(ctx context.Context) error {
	err := s.lookAndApply(ctx)
	switch {
	case err == nil && s.tail.lost.Swap(false):
		s.renew()
	case errors.Is(err, models.ErrUnavailable) && !errors.Is(ctx.Err(), context.Canceled):
		s.tail.lost.Store(true)
	}
	return err
}

// lookAndApply is one look at the change log.
func (s *Store) lookAndApply(ctx context.Context) error {
	before, asked := s.tail.applied.Load(), s.now()
	seq, epoch, err := head(s.watcher.WithContext(ctx))
	if err != nil {
		return err
	}
	if seq < before || epoch != s.epoch {
		return fmt.Errorf("%w: it is another database, or an older state of it", ErrChangesLost)
	}
	return s.catchUp(ctx, seq, asked)
}

// AsOf is the last moment at which this process is known to have applied everything that was committed, by whatever process. While
// the database answers it is at most a poll old; when the database is away it stands still.
func (s *Store) AsOf() time.Time { return *s.tail.asOf.Load() }

// catchUp applies what is committed up to seq, the head of the change log at a moment.
func (s *Store) catchUp(ctx context.Context, seq int64, moment time.Time) error {
	if err := s.tail.enter(ctx); err != nil {
		return classify(err)
	}
	defer s.tail.leave()
	for s.tail.applied.Load() < seq {
		applied := s.tail.applied.Load()
		changes, err := changesOf(s.watcher.WithContext(ctx), applied, changesPerRead)
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			return ErrChangesLost
		}
		for _, change := range changes {
			if applied++; change.Seq != applied {
				return ErrChangesLost
			}
			for _, apply := range s.tail.subscribers {
				apply(change)
			}
			s.tail.applied.Store(applied)
		}
	}
	if moment.After(s.AsOf()) {
		s.tail.asOf.Store(&moment)
	}
	return nil
}

// Changes are the entries of the change log behind after, at most limit, in order. Entries older than a day are gone.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]models.Change, error) {
	return changesOf(s.read(ctx), after, limit)
}

func changesOf(db *gorm.DB, after int64, limit int) ([]models.Change, error) {
	var changes []models.Change
	err := db.Where("seq > ?", after).Order("seq").Limit(limit).Find(&changes).Error
	return changes, classify(err)
}

// Head is the sequence number of the newest change and the epoch, which names this change log: another epoch is another
// database, whose numbers mean something else.
func (s *Store) Head(ctx context.Context) (seq int64, epoch string, err error) {
	return head(s.read(ctx))
}

func head(db *gorm.DB) (seq int64, epoch string, err error) {
	var row struct {
		Seq   int64
		Epoch string
	}
	err = db.Table("change_head").Where("id = 1").Take(&row).Error
	return row.Seq, row.Epoch, classify(err)
}

// Run looks for changes made by other processes, as soon as PostgreSQL tells of them and every second in any case, and removes what has
// expired every minute, which one process does for all, until ctx ends. It fails only with ErrChangesLost.
func (s *Store) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var loops sync.WaitGroup
	woken := make(chan struct{}, 1)
	if s.postgres != nil {
		loops.Go(func() { s.listen(ctx, woken) })
	}
	loops.Go(func() {
		s.every(ctx, pollInterval, woken, "reading the change log", func() error {
			looking, cancelLook := context.WithTimeout(ctx, catchUpPatience)
			defer cancelLook()
			err := s.CatchUp(looking)
			if errors.Is(err, ErrChangesLost) {
				cancel(err)
			}
			return err
		})
	})
	loops.Go(func() {
		_ = s.Lead(ctx, "prune", func(ctx context.Context) error { // fails never: every logs
			s.every(ctx, pruneInterval, nil, "removing expired rows", func() error {
				pruning, cancelPrune := context.WithTimeout(ctx, longWork)
				defer cancelPrune()
				return s.prune(pruning)
			})
			return nil
		})
	})
	loops.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, ErrChangesLost) {
		return cause
	}
	return nil
}

// every does work after each interval, and when it is woken. It logs the first failure of a row, and the recovery.
func (s *Store) every(ctx context.Context, interval time.Duration, woken <-chan struct{}, what string, work func() error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-woken:
		}
		err := work()
		if ctx.Err() != nil && !errors.Is(err, ErrChangesLost) {
			return
		}
		switch {
		case err != nil && !failing:
			s.logger.ErrorContext(ctx, what+" failed", "error", err)
		case err == nil && failing:
			s.logger.InfoContext(ctx, what+" works again")
		}
		failing = err != nil
	}
}

// prune works in small transactions: a large one would keep every other write waiting.
func (s *Store) prune(ctx context.Context) error {
	for _, some := range []func(context.Context, int) (int, error){s.PruneChanges, s.PruneDenials, s.PruneAudit} {
		for {
			count, err := some(ctx, pruneBatch)
			if err != nil {
				return err
			}
			if count < pruneBatch {
				break
			}
		}
	}
	return nil
}

// PruneChanges removes up to limit entries of the change log that are older than a day.
func (s *Store) PruneChanges(ctx context.Context, limit int) (int, error) {
	var count int64
	err := s.write(ctx, func(t *transaction) error {
		result := t.db.Exec(
			"DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE at < ? ORDER BY at LIMIT ?)",
			t.now-changesKept.Milliseconds(), limit)
		count = result.RowsAffected
		return result.Error
	})
	return int(count), err
}
