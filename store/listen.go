package store

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// A connection on which nothing arrives is asked whether it still is one.
	listenCheck = 2 * time.Second
	// How long after a failure the next attempt begins, at first and at most. What it varies by keeps replicas from coming back all at once.
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// listen wakes the reader of the change log when PostgreSQL tells of new changes, until ctx ends. While it has no connection the
// reader's own clock wakes it.
func (s *Store) listen(ctx context.Context, woken chan<- struct{}) {
	pause, failing := firstPause, false
	for {
		err := s.postgres.listen(ctx, func() {
			if failing {
				s.logger.InfoContext(ctx, "listening for changes works again")
			}
			pause, failing = firstPause, false
			select {
			case woken <- struct{}{}:
			default: // it is about to look anyway
			}
		})
		if ctx.Err() != nil {
			return
		}
		if !failing {
			s.logger.ErrorContext(ctx, "listening for changes failed; they are looked for every second", "error", err)
			failing = true
		}
		if !sleep(ctx, varied(pause)) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// listen calls heard when it begins to listen, because something may have been said before, and whenever something is said.
func (p *postgres) listen(ctx context.Context, heard func()) error {
	connection, err := p.connection(ctx)
	if err != nil {
		return err
	}
	defer hangUp(ctx, connection)
	if _, err := connection.Exec(ctx, "LISTEN "+changeChannel); err != nil {
		return err
	}
	heard()
	for {
		waiting, cancel := context.WithTimeout(ctx, listenCheck)
		_, err := connection.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			heard()
		case ctx.Err() != nil:
			return ctx.Err()
		case !pgconn.Timeout(err):
			return err
		default:
			if err := alive(ctx, connection); err != nil {
				return err
			}
		}
	}
}

func alive(ctx context.Context, connection *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, listenCheck)
	defer cancel()
	return connection.Ping(ctx)
}

// hangUp does not wait for an answer that does not come.
func hangUp(ctx context.Context, connection *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = connection.Close(ctx) // it is gone, one way or the other
}

// varied is between half of a pause and all of it.
func varied(pause time.Duration) time.Duration {
	return pause/2 + rand.N(pause/2) //nolint:gosec // G404: nobody gains by guessing a pause
}

// sleep tells whether it slept to the end.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
