package main

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/store/storetest/postgrestest"
	"github.com/writ-auth/writ/verifier"
)

// outageLength is how long things are broken. What is shown begins two seconds after the breaking, so that more shows the same for longer:
// go test ./cmd/writ -run 'TestPostgreSQL|TestAReplica|TestANetwork' -outage 60s
var outageLength = flag.Duration("outage", 4*time.Second, "how long the tests of faults leave things broken") //nolint:gochecknoglobals // a flag

// PostgreSQL stops: documents and clients that are known go on, everything else is told to come back, nothing hangs, nobody restarts. SEC-78
func TestPostgreSQLStopsAndComesBack(t *testing.T) {
	t.Parallel()
	database := postgrestest.Start(t, "fsync=off")
	c := clusterOn(database.Database(t))
	a := c.start(t, "--demo")
	b := c.start(t)
	s := c.open(t, a)
	revoked := s.login(t, a)
	if status := s.revoke(t, a, revoked); status != http.StatusOK {
		t.Fatal(status)
	}
	user, client := s.login(t, a), tokenIn(t, s.asClient(t, b))
	for _, in := range []*instance{a, b} {
		tokenIn(t, s.asClient(t, in))
		for _, path := range []string{"/.well-known/oauth-authorization-server/demo/app", "/demo/app/revocations"} {
			in.get(t, path, "")
		}
	}
	if err := database.Stop(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, in := range []*instance{a, b} {
		promptly(t, "what others revoke is not known", patience, func() bool { return s.active(t, in, client) == http.StatusServiceUnavailable })
	}
	probes := s.probes(user, client)
	for time.Since(began) < *outageLength {
		outage(t, a, probes)
		outage(t, b, probes)
	}
	if age := feedAge(t, a); age < time.Since(began)-2*time.Second {
		t.Errorf("after %v the feed says that it is %v old", time.Since(began), age)
	}
	if err := database.Start(); err != nil {
		t.Fatal(err)
	}
	for _, in := range []*instance{a, b} {
		s.recovered(t, in)
		if status := s.active(t, in, revoked); status != 0 {
			t.Errorf("what was revoked before: %d", status)
		}
		promptly(t, "the feed is young again", patience, func() bool {
			pause(t, 100*time.Millisecond)
			return feedAge(t, in) < 3*time.Second
		})
	}
	token := s.login(t, a)
	if status := s.revoke(t, a, token); status != http.StatusOK {
		t.Fatal(status)
	}
	promptly(t, "replicas hear of each other again", patience, func() bool { return s.active(t, b, token) == 0 })
}

// PostgreSQL dies by kill -9 while tokens are revoked: every revocation that was acknowledged is there afterwards, at servers that were
// there, at new ones, and at resource servers that follow the feed. SEC-61, SEC-78
func TestPostgreSQLIsKilledInTheMiddleOfRevocations(t *testing.T) {
	t.Parallel()
	const count, workers, kills = 400, 4, 2
	database := postgrestest.Start(t)
	c := clusterOn(database.Database(t))
	all := []*instance{c.start(t, "--demo"), c.start(t)}
	s := c.open(t, all[0])
	follower, balance := s.follow(t, all...)
	tokens := make([]string, count)
	for i := range tokens {
		tokens[i] = tokenIn(t, s.asClient(t, all[i%2]))
	}
	var next, sure atomic.Int64
	acknowledged := make([]bool, count)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				if acknowledged[i] = s.revoke(t, all[i%2], tokens[i]) == http.StatusOK; acknowledged[i] {
					sure.Add(1)
				} else {
					pause(t, 200*time.Millisecond)
				}
			}
		})
	}
	for kill := range kills {
		promptly(t, "some are revoked", patience, func() bool { return sure.Load() >= int64((2*kill+1)*count/8) })
		if err := errors.Join(database.Kill(), database.Start()); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
	t.Logf("%d of %d were acknowledged", sure.Load(), count)
	if sure.Load() == count {
		t.Error("nothing was interrupted")
	}
	all = append(all, c.start(t))
	for _, in := range all {
		s.recovered(t, in)
		for i, is := range acknowledged {
			if is && s.active(t, in, tokens[i]) != 0 {
				t.Fatalf("token %d was revoked, and is active", i)
			}
		}
	}
	promptly(t, "the follower knows all", patience, func() bool {
		for i, is := range acknowledged {
			if _, err := follower.Verify(t.Context(), tokens[i]); is && !errors.Is(err, verifier.ErrRevoked) {
				return false
			}
		}
		return true
	})
	balance.asked(t)
}

// A replica dies by kill -9: what it acknowledged holds at the others, and clients and followers go on there. SEC-61
func TestAReplicaIsKilled(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	all := []*instance{c.start(t, "--demo"), c.start(t), c.start(t)}
	s := c.open(t, all[0])
	follower, balance := s.follow(t, all...)
	kept, revoked := tokenIn(t, s.asClient(t, all[0])), tokenIn(t, s.asClient(t, all[0]))
	if status := s.revoke(t, all[0], revoked); status != http.StatusOK {
		t.Fatal(status)
	}
	all[0].kill()
	for _, in := range all[1:] {
		promptly(t, "what the dead one acknowledged holds", patience, func() bool { return s.active(t, in, revoked) == 0 })
		if status := s.active(t, in, kept); status != 1 {
			t.Errorf("a token of the dead one: %d", status)
		}
		s.recovered(t, in)
	}
	if status := s.revoke(t, all[1], kept); status != http.StatusOK {
		t.Fatal(status)
	}
	promptly(t, "the follower goes on at the others", patience, func() bool {
		_, err := follower.Verify(t.Context(), kept)
		return errors.Is(err, verifier.ErrRevoked)
	})
	balance.asked(t)
}

// balancer sends each request to the next replica, and to another one if that does not answer.
type balancer struct {
	replicas  []*instance
	next      atomic.Int64
	transport http.Transport
}

func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	var failure error
	for range b.replicas {
		to, err := url.Parse(b.replicas[int(b.next.Add(1))%len(b.replicas)].url)
		if err != nil {
			return nil, err
		}
		one := r.Clone(r.Context())
		one.URL.Scheme, one.URL.Host = to.Scheme, to.Host
		response, err := b.transport.RoundTrip(one)
		if err == nil {
			return response, nil
		}
		failure = err
	}
	return nil, failure
}

func (b *balancer) asked(t *testing.T) {
	t.Helper()
	if b.next.Load() < 4 {
		t.Errorf("only %d requests went through the balancer", b.next.Load())
	}
}

// follow is a resource server that follows the feed of the replicas.
func (s *scene) follow(t *testing.T, all ...*instance) (*verifier.Verifier, *balancer) {
	t.Helper()
	b := &balancer{replicas: slices.Clone(all)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, err := verifier.New(ctx, verifier.Config{Issuer: "https://id.example.test/demo/app", HTTPClient: &http.Client{Transport: b}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v, b
}

// The network between a replica and the database drops everything and says nothing: requests end within their bound, the other replica goes on,
// and when the network is back so is the replica, although its old connections never answer. SEC-78
func TestANetworkThatDropsEverythingIsSurvived(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.start(t, "--demo")
	s := c.open(t, a)
	wire, address := layWire(t, strings.TrimPrefix(c.environ[0], "WRIT_DATABASE="))
	b := clusterOn(address).start(t)
	user, client := s.login(t, a), tokenIn(t, s.asClient(t, b))
	for _, path := range []string{"/.well-known/oauth-authorization-server/demo/app", "/demo/app/revocations"} {
		b.get(t, path, "")
	}
	b.get(t, "/demo/app/users", client)
	wire.sever(true)
	revoked := client
	if status := s.revoke(t, a, revoked); status != http.StatusOK {
		t.Fatalf("the other replica: %d", status)
	}
	began := time.Now()
	promptly(t, "what others revoke is not known", patience, func() bool { return s.active(t, b, revoked) == http.StatusServiceUnavailable })
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("a revoked token was active for %v", took)
	}
	probes := s.probes(user, client)
	for rounds := 0; rounds < 2 || time.Since(began) < *outageLength; rounds++ {
		outage(t, b, probes)
	}
	if status := s.active(t, a, user); status != 1 {
		t.Errorf("the other replica: %d", status)
	}
	wire.mend()
	s.recovered(t, b)
	if status := s.active(t, b, revoked); status != 0 {
		t.Errorf("the token that was revoked meanwhile: %d", status)
	}

	// Once more for a moment, as when a firewall forgets its connections: nobody is told, and new ones work.
	other := s.login(t, a)
	if status := s.active(t, b, other); status != 1 {
		t.Fatal(status)
	}
	wire.sever(false)
	if status := s.revoke(t, a, other); status != http.StatusOK {
		t.Fatal(status)
	}
	took := promptly(t, "the revocation arrives without the connections that were lost", patience, func() bool { return s.active(t, b, other) == 0 })
	t.Logf("a revocation arrived %v after all connections were lost", took.Round(time.Millisecond))
	s.recovered(t, b)
}
