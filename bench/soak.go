package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/verifier"
)

const (
	soakReplicas = 3
	soakUsers    = 12
	// heardWithin is when every replica and every resource server must refuse what was acknowledged to be revoked. The promise is 250 ms at
	// the 99th percentile; this is for each single one, on a machine that is busy with everything at once.
	heardWithin = 2 * time.Second
	// calmAfter is when everything must work again behind a fault.
	calmAfter = 10 * time.Second
)

// soak drives replicas with everything at once and holds what they answer against what must be, all the time.
type soak struct {
	*cluster

	balanced *http.Client // through the round-robin
	direct   *http.Client // to one replica
	follower *verifier.Verifier
	root     string // the superuser's token

	ledger   ledger
	accounts [soakUsers]account
	secret   sync.RWMutex // writing: the client's secret changes

	faulting  atomic.Bool
	calmSince atomic.Pointer[time.Time]
	counts    counts
	memory    memory
	heard     latencies

	violations violations
}

// counts is what was done.
type counts struct {
	tokens, refreshes, revocations, verifications, refusals, changes, faults, unavailable atomic.Int64
}

// soakCommand is the sub-command: bench soak [-for 10m] [-faults] [-writ FILE].
func soakCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	length := flags.Duration("for", 10*time.Minute, "how long")
	faults := flags.Bool("faults", false, "kill and stop replicas and PostgreSQL meanwhile")
	binary := flags.String("writ", "", "this binary of cmd/writ instead of building one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench(ctx, options{writ: *binary, logLevel: "warn"}, stderr)
	if err != nil {
		return err
	}
	defer b.cleanUp()
	c, err := b.startCluster(ctx, soakReplicas, soakUsers, false)
	if err != nil {
		return err
	}
	defer c.end()
	s, err := newSoak(ctx, c)
	if err != nil {
		return err
	}
	defer s.follower.Close()
	s.run(ctx, *length, *faults)
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.verdict(stdout, *length)
}

func newSoak(ctx context.Context, c *cluster) (*soak, error) {
	s := &soak{
		cluster:  c,
		balanced: &http.Client{Transport: &robin{cluster: c}, Timeout: wireTimeout},
		direct:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: wireTimeout},
	}
	long := time.Now().Add(-time.Hour)
	s.calmSince.Store(&long)
	var err error
	if s.root, err = s.superuser(ctx); err != nil {
		return nil, err
	}
	starting, cancel := context.WithTimeout(ctx, mostVerify)
	defer cancel()
	s.follower, err = verifier.New(starting, verifier.Config{
		Issuer: clusterURL + "/" + seedOrganization + "/" + seedApplication, HTTPClient: &http.Client{Transport: &robin{cluster: c}},
	})
	return s, err
}

// run works until the time is over, and then looks at every token once more.
func (s *soak) run(ctx context.Context, length time.Duration, faults bool) {
	working, stop := context.WithTimeout(ctx, length)
	defer stop()
	var group sync.WaitGroup
	for _, actor := range []func(context.Context){
		s.clients, s.clients, s.logins, s.refreshes, s.revokes, s.revokes, s.verifies, s.verifies, s.administers, s.watchesMemory,
	} {
		group.Go(func() { actor(working) })
	}
	if faults {
		group.Go(func() { s.breaks(working) })
	}
	group.Wait()
	if ctx.Err() == nil {
		s.audit(ctx)
	}
}

// calm tells whether nothing was broken since a moment, nor shortly before.
func (s *soak) calm(since time.Time) bool {
	return !s.faulting.Load() && since.After(*s.calmSince.Load())
}

// violations are what must not be. The first ones are kept.
type violations struct {
	mutex sync.Mutex
	count int
	first []string
}

const keptViolations = 20

func (s *soak) violated(format string, values ...any) {
	s.violations.mutex.Lock()
	defer s.violations.mutex.Unlock()
	if s.violations.count++; len(s.violations.first) < keptViolations {
		s.violations.first = append(s.violations.first, time.Now().Format(time.TimeOnly)+" "+fmt.Sprintf(format, values...))
	}
}

var errViolated = errors.New("the soak has failed")

// verdict is one line, behind what was wrong.
func (s *soak) verdict(stdout io.Writer, length time.Duration) error {
	if grown := s.memory.complaint(); grown != "" {
		s.violated("%s", grown)
	}
	for _, one := range s.violations.first {
		fmt.Fprintln(stdout, one)
	}
	word := "passed"
	if s.violations.count > 0 {
		word = "FAILED"
	}
	n := &s.counts
	fmt.Fprintf(stdout, "soak %s: %d violations in %v; %d replicas, %d tokens, %d refreshes, %d revocations (heard everywhere after %s), "+
		"%d verifications and %d refusals as they must be, %d admin changes, %d faults with %d answers of 503; memory %s\n",
		word, s.violations.count, length, len(s.replicas), n.tokens.Load(), n.refreshes.Load(), n.revocations.Load(), s.heard.text(),
		n.verifications.Load(), n.refusals.Load(), n.changes.Load(), n.faults.Load(), n.unavailable.Load(), s.memory.text())
	if s.violations.count > 0 {
		return errViolated
	}
	return nil
}
