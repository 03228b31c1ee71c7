package store

import (
	"context"
	"errors"
	"time"
)

// errDeposed ends what a leader does that cannot know any more whether it is still the only one.
var errDeposed = errors.New("the connection that holds the lead is gone")

// Lead runs work in one of all the processes that call Lead with the same name on the same database; the others wait until that one is
// gone. work runs until its context ends, which it also does when the connection that holds the lead is lost; Lead then queues again. Lead
// answers what work answered, or nil when ctx has ended.
//
// A leader that was stopped and goes on later may overlap with its successor for a moment: what work does must bear that. On SQLite, which
// one process uses, everybody leads. Each name takes one connection.
func (s *Store) Lead(ctx context.Context, name string, work func(context.Context) error) error {
	if s.postgres == nil {
		return work(ctx)
	}
	pause := firstPause
	for {
		began := s.now()
		err := s.lead(ctx, name, work)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end was wanted
		case err == nil, !errors.Is(err, errDeposed):
			return err
		}
		if s.now().Sub(began) > longestPause {
			pause = firstPause
		}
		if pause == firstPause {
			s.logger.WarnContext(ctx, "the lead was lost, or could not be taken", "of", name, "error", err)
		}
		if !sleep(ctx, varied(pause)) {
			return nil
		}
		pause = min(2*pause, longestPause)
	}
}

func (s *Store) lead(ctx context.Context, name string, work func(context.Context) error) error {
	connection, err := s.postgres.connection(ctx)
	if err != nil {
		return errors.Join(errDeposed, err)
	}
	// The lock ends with the connection, however that ends.
	defer hangUp(ctx, connection)
	if _, err := connection.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey("lead "+s.epoch+" "+name)); err != nil {
		return errors.Join(errDeposed, err)
	}
	if err := ctx.Err(); err != nil { // the lead may come just when nobody wants it any more
		return err
	}
	leading, resign := context.WithCancel(ctx)
	defer resign()
	done := make(chan error, 1)
	go func() { done <- work(leading) }()
	check := time.NewTicker(listenCheck)
	defer check.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-check.C:
			if err := alive(ctx, connection); err != nil {
				resign()
				return errors.Join(errDeposed, err, <-done)
			}
		}
	}
}
