package main

import (
	"context"
	"flag"
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
	calmAfter = 6 * time.Second
)

// soak drives replicas with everything at once and holds what they answer against what must be, all the time.
type soak struct {
	*cluster

	balanced *http.Client // through the round-robin
	direct   *http.Client // to one replica
	open     connections  // of both
	follower resourceServer
	root     string // the superuser's token

	ledger   ledger
	accounts [soakUsers]account
	secret   sync.RWMutex // writing: the client's secret changes
	changing sync.Mutex   // a change is on its way

	faulting  atomic.Bool
	calmSince atomic.Pointer[time.Time]
	counts    counts
	memory    memory
	heard     latencies

	violations violations
}

// resourceServer decides about tokens as a resource server does: a *verifier.Verifier.
type resourceServer interface {
	Verify(ctx context.Context, raw string) (*verifier.Token, error)
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
	s := newSoak(c)
	if s.root, err = c.superuser(ctx); err != nil {
		return err
	}
	follower, err := follow(ctx, c)
	if err != nil {
		return err
	}
	defer follower.Close()
	s.follower = follower
	s.run(ctx, *length, *faults)
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.verdict(stdout, *length)
}

func newSoak(c *cluster) *soak {
	s := &soak{cluster: c}
	s.balanced = &http.Client{Transport: &robin{cluster: c, transport: http.Transport{DialContext: s.open.dial}}, Timeout: wireTimeout}
	s.direct = &http.Client{Transport: &http.Transport{DialContext: s.open.dial, MaxIdleConnsPerHost: 32}, Timeout: wireTimeout}
	long := time.Now().Add(-time.Hour)
	s.calmSince.Store(&long)
	return s
}

// follow starts a resource server that follows the replicas through the round-robin.
func follow(ctx context.Context, c *cluster) (*verifier.Verifier, error) {
	ctx, cancel := context.WithTimeout(ctx, mostVerify)
	defer cancel()
	return verifier.New(ctx, verifier.Config{Issuer: clusterURL + soakRoot, HTTPClient: &http.Client{Transport: &robin{cluster: c}}})
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
