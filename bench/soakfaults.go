package main

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// Times of the faults.
const (
	firstFault  = 5 * time.Second
	faultEvery  = 12 * time.Second
	standLength = 8 * time.Second
	killLength  = 4 * time.Second
	// healthCheck is when a balancer sends nothing more to a replica that does not answer.
	healthCheck = time.Second
	// standRevocations are made elsewhere while a replica stands still, and asked for before it goes on.
	standRevocations = 8
	// inSocket is what a question takes at the most to lie in the socket of who does not read it.
	inSocket = 250 * time.Millisecond
)

// breaks kills and stops replicas and the database, one after the other.
func (s *soak) breaks(ctx context.Context) {
	wait(ctx, firstFault)
	for turn := 0; ctx.Err() == nil; turn++ {
		s.faulting.Store(true)
		if err := s.breakOne(ctx, turn); err != nil && ctx.Err() == nil {
			s.violated(soakWorks, "fault %d: %v", turn, err)
		}
		calm := time.Now().Add(calmAfter)
		s.calmSince.Store(&calm)
		s.faulting.Store(false)
		s.counts.faults.Add(1)
		wait(ctx, faultEvery)
	}
}

func (s *soak) breakOne(ctx context.Context, turn int) error {
	r := s.replicas[turn%len(s.replicas)]
	fmt.Fprintf(s.notes, "%s fault %d\n", time.Now().Format(time.TimeOnly), turn)
	ctx = context.WithoutCancel(ctx) // what has begun is ended, even if the time is over: nothing must stay stopped
	switch turn % 3 {
	case 0:
		return s.restart(ctx, r)
	case 1:
		return s.stand(ctx, r)
	}
	if err := s.database.Kill(); err != nil {
		return err
	}
	wait(ctx, killLength)
	return s.database.Start() //nolint:contextcheck // it has a bound of its own
}

// stand stops a replica for a while. Questions about what was revoked meanwhile wait for it when it goes on: they are the first that it answers.
func (s *soak) stand(ctx context.Context, r *replica) error {
	began, p := time.Now(), r.running()
	if err := s.stop(ctx, r, p); err != nil {
		return err
	}
	defer r.away.Store(false)
	var revoked []*soakToken
	for range standRevocations {
		if token := s.revoke(ctx, ""); token != nil {
			revoked = append(revoked, token)
		}
	}
	// Until the last of them must be known everywhere.
	wait(ctx, max(standLength-time.Since(began), heardWithin+freshWithin))
	return s.goOn(ctx, r, p, revoked)
}

// stop stops a replica until the balancer has noticed. A change that lies in its sockets would be made a second time when it goes on, behind others:
// there is none meanwhile.
func (s *soak) stop(ctx context.Context, r *replica, p *process) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	wait(ctx, healthCheck)
	r.away.Store(true)
	s.open.cut(p.address)
	return nil
}

// goOn lets a replica go on with questions in its sockets.
func (s *soak) goOn(ctx context.Context, r *replica, p *process, revoked []*soakToken) error {
	var questions sync.WaitGroup
	for _, token := range revoked {
		questions.Go(func() { s.examine(ctx, r.url(), token) })
		questions.Go(func() { s.use(ctx, r.url(), token) }) // needs no secret, which may have changed
	}
	wait(ctx, inSocket)
	err := p.command.Process.Signal(syscall.SIGCONT)
	questions.Wait()
	return err
}
