package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/writ-auth/writ/models"
)

const (
	// freshness is how old what this process knows may be before it is doubted. It is looked at every second and whenever PostgreSQL
	// tells of a change, so more than that means that the process stood still, or that the database does not answer.
	freshness = 2 * time.Second
	// catchUpPatience is how long those who ask wait for the database.
	catchUpPatience = 2 * time.Second
	// Behind a failure those who cannot do without wait for retryPause until they ask again; those who can leave it to the others, unless the
	// failure was long ago: then the process stood still meanwhile.
	retryPause    = time.Second
	toleratePause = 15 * time.Second
)

// doubt is what a Store does about knowledge that may be old: one look at the database for all who ask.
type doubt struct {
	sync.Mutex
	flight *look
	failed time.Time
	err    error
}

// look is one look at the change log.
type look struct {
	done  chan struct{}
	began time.Time
	err   error
}

// Current makes sure that this process knows what others had acknowledged two seconds ago. A process that was stopped (SIGSTOP, a suspended
// machine) or lost the database without noticing it looks at the change log first. It answers models.ErrUnavailable if it cannot. With
// SQLite there are no others. While nothing is in doubt it reads a clock.
func (s *Store) Current(ctx context.Context) error {
	if s.postgres == nil || s.Age() <= freshness {
		return nil
	}
	return s.resolve(ctx, retryPause)
}

// Refresh is Current for those who go on without the database, and may take what is known for what is true as long as it is not older than
// they can bear. It does not keep them waiting for a database that is known to be away.
func (s *Store) Refresh(ctx context.Context) (age time.Duration) {
	if s.postgres == nil {
		return 0
	}
	if age = s.Age(); age <= freshness {
		return age
	}
	_ = s.resolve(ctx, toleratePause) // the age tells
	return s.Age()
}

// Renew learns what others had acknowledged when it was called, however young what is known here is: for those who would refuse something
// that may have become right elsewhere a moment ago. It answers models.ErrUnavailable if it cannot. With SQLite there are no others.
func (s *Store) Renew(ctx context.Context) error {
	if s.postgres == nil {
		return nil
	}
	asked := s.now()
	for {
		if began, err := s.join(ctx, 0); err != nil || !began.Before(asked) {
			return err
		}
	}
}

// Age is the time since everything that was committed was known to be applied here. The clock of the machine and the one that nobody can set
// must agree that it is short: the latter stands still while a machine is suspended.
func (s *Store) Age() time.Duration {
	now, asOf := s.now(), s.AsOf()
	return max(now.Sub(asOf), now.Round(0).Sub(asOf.Round(0)))
}

// resolve looks until what is known is fresh, or the database does not answer. What a look has found that began before the process stood
// still says nothing about now, be it good or bad: then another one is needed.
func (s *Store) resolve(ctx context.Context, pause time.Duration) error {
	for {
		began, err := s.join(ctx, pause)
		if s.Age() <= freshness {
			return nil
		}
		if err != nil && (ctx.Err() != nil || s.now().Sub(began) < max(pause, catchUpPatience+retryPause)) {
			return err
		}
	}
}

// join waits for the look that is on its way, or begins one unless the last one failed within pause.
func (s *Store) join(ctx context.Context, pause time.Duration) (began time.Time, err error) {
	s.doubt.Lock()
	l := s.doubt.flight
	if l == nil {
		if s.doubt.err != nil && s.now().Sub(s.doubt.failed) < pause {
			defer s.doubt.Unlock()
			return s.doubt.failed, s.doubt.err
		}
		l = &look{done: make(chan struct{}), began: s.now()}
		s.doubt.flight = l
		go s.look(context.WithoutCancel(ctx), l)
	}
	s.doubt.Unlock()
	select {
	case <-l.done:
		return l.began, l.err
	case <-ctx.Done():
		return l.began, fmt.Errorf("%w: %w", models.ErrUnavailable, ctx.Err())
	}
}

func (s *Store) look(ctx context.Context, l *look) {
	ctx, cancel := context.WithTimeout(ctx, catchUpPatience)
	defer cancel()
	if l.err = s.CatchUp(ctx); l.err != nil {
		l.err = fmt.Errorf("%w: what others have revoked is not known here: %w", models.ErrUnavailable, l.err)
	}
	s.doubt.Lock()
	defer s.doubt.Unlock()
	s.doubt.flight, s.doubt.err, s.doubt.failed = nil, l.err, l.began
	close(l.done)
}
