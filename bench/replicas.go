package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/store/storetest/postgrestest"
	"github.com/writ-auth/writ/verifier"
)

// Goals of this file.
const (
	scalingGoal      = 1.7
	replicaStartGoal = 500 * time.Millisecond
	replicaLoad      = 32 // connections to each replica
	statisticsDelay  = 1500 * time.Millisecond
)

// replicaFigures is what several processes on one PostgreSQL do: throughput of two on a core each beside one, the database's share, how soon one hears
// of the other, and how soon another one is there.
func (b *bench) replicaFigures(ctx context.Context) error {
	c, err := b.startCluster(ctx, 2, 1, true)
	if errors.Is(err, postgrestest.ErrMissing) {
		fmt.Fprintf(b.notes, "  NOT MEASURED: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer c.end()
	if err := c.statements(ctx); err != nil {
		return err
	}
	if err := c.scaling(ctx); err != nil {
		return err
	}
	if err := c.hearing(ctx); err != nil {
		return err
	}
	return c.starting(ctx)
}

func (c *cluster) grant() target {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.seed.client}, "client_secret": {c.seed.secret}}
	return target{soakRoot + "/token", form.Encode()}
}

func (c *cluster) loadOf(ctx context.Context, r *replica, duration time.Duration) (outcome, error) {
	return c.load(ctx, r.process, replicaLoad, []target{c.grant()}, func(p *plan) { p.Duration = duration })
}

// scaling loads one replica and both in turn. The load clients are not pinned: where there are no other cores they take from the second replica
// what they need, and the processor time of a request tells what the throughput cannot.
func (c *cluster) scaling(ctx context.Context) error {
	var ratio, one, two, oneCPU, twoCPU sample
	for range c.rounds {
		alone, err := c.loadOf(ctx, c.replicas[0], c.round)
		if err != nil {
			return err
		}
		both, err := c.loadBoth(ctx)
		if err != nil {
			return err
		}
		together := both[0].perSecond() + both[1].perSecond()
		ratio, one, two = append(ratio, together/alone.perSecond()), append(one, alone.perSecond()), append(two, together)
		oneCPU, twoCPU = append(oneCPU, alone.CPU), append(twoCPU, (both[0].CPU+both[1].CPU)/2)
		fmt.Fprintf(c.notes, "  %.0f/s, together %.0f/s (%.2f)\n", alone.perSecond(), together, together/alone.perSecond())
	}
	c.report.add("client_credentials of two pinned replicas, of one", fmt.Sprintf("≥ %.1f, where there are cores for the load", scalingGoal),
		ratio.text("%.2f"), judged(ratio.median() >= scalingGoal))
	c.report.detail("\nTwo replicas: %.0f → %.0f requests/s, %.0f → %.0f µs of processor time a request. The load clients share the cores with the replicas.",
		one.median(), two.median(), oneCPU.median(), twoCPU.median())
	return nil
}

func (c *cluster) loadBoth(ctx context.Context) (both [2]outcome, err error) {
	type result struct {
		outcome outcome
		err     error
	}
	other := make(chan result, 1)
	go func() {
		o, err := c.loadOf(ctx, c.replicas[1], c.round)
		other <- result{o, err}
	}()
	both[0], err = c.loadOf(ctx, c.replicas[0], c.round)
	second := <-other
	both[1] = second.outcome
	return both, errors.Join(err, second.err)
}

// statements counts what the database does for tokens of a client that is known: its transactions under load less those of the same time without.
func (c *cluster) statements(ctx context.Context) error {
	db, err := sql.Open("pgx", strings.TrimPrefix(c.environ[0], "WRIT_DATABASE="))
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // only read
	during := func(work func() error) (int64, time.Duration, error) {
		before, err := transactions(ctx, db)
		began := time.Now()
		if err = errors.Join(err, work()); err != nil {
			return 0, 0, err
		}
		wait(ctx, statisticsDelay) // sessions tell what they did a second later
		took := time.Since(began)
		after, err := transactions(ctx, db)
		return after - before, took, err
	}
	requests := 0
	if _, err := c.loadOf(ctx, c.replicas[0], time.Second); err != nil { // everything is in memory
		return err
	}
	wait(ctx, statisticsDelay)
	loaded, took, err := during(func() error {
		o, err := c.loadOf(ctx, c.replicas[0], c.round)
		requests = o.Requests
		return err
	})
	if err != nil {
		return err
	}
	idle, _, err := during(func() error { wait(ctx, took-statisticsDelay); return nil })
	if err != nil {
		return err
	}
	share := float64(loaded-idle) / float64(requests)
	c.report.add(fmt.Sprintf("database transactions a token, %d tokens of a known client", requests), "0",
		fmt.Sprintf("%.4f (%d under load, %d without)", max(share, 0), loaded, idle), judged(share < 0.001))
	return nil
}

func transactions(ctx context.Context, db *sql.DB) (count int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()").Scan(&count)
	return count, err
}

// hearing is the time from a revocation that one replica acknowledged to the refusal of the other one, and of a resource server that follows that.
func (c *cluster) hearing(ctx context.Context) error {
	var issuers [2]*issuing
	for i := range issuers {
		address := c.replicas[i].process.address
		w, err := dial(ctx, address)
		if err != nil {
			return err
		}
		issuers[i] = &issuing{wire: w, address: address, grant: c.grant()}
		defer issuers[i].end()
	}
	starting, cancel := context.WithTimeout(ctx, mostVerify)
	defer cancel()
	second := &cluster{bench: c.bench, replicas: c.replicas[1:]}
	follower, err := verifier.New(starting, verifier.Config{
		Issuer: clusterURL + soakRoot, HTTPClient: &http.Client{Transport: &robin{cluster: second}},
	})
	if err != nil {
		return err
	}
	defer follower.Close()
	var there, beyond []uint32
	for range c.revocations {
		token, err := issuers[0].token()
		if err != nil {
			return err
		}
		if err := issuers[0].revoke(token); err != nil {
			return err
		}
		acknowledged := time.Now()
		if err := c.untilInactive(ctx, issuers[1], token, acknowledged); err != nil {
			return err
		}
		there = append(there, uint32(time.Since(acknowledged).Microseconds())) //nolint:gosec // below lostAfter
		// Both are waited for one after the other: the second figure is an upper bound.
		if _, err := refusals(ctx, []*verifier.Verifier{follower}, token, nil); err != nil {
			return err
		}
		beyond = append(beyond, uint32(time.Since(acknowledged).Microseconds())) //nolint:gosec // as above
	}
	for _, figure := range []struct {
		what  string
		times []uint32
	}{{"refused by another replica", there}, {"refused by a resource server that follows another replica", beyond}} {
		slices.Sort(figure.times)
		p50, p99 := percentile(figure.times, 50), percentile(figure.times, 99)
		c.report.add("revocation acknowledged → "+figure.what+", p50 and p99, ms", fmt.Sprintf("p99 ≤ %d", propagationP99.Milliseconds()),
			fmt.Sprintf("%.2f, %.2f; longest %.2f", p50/1000, p99/1000, float64(figure.times[len(figure.times)-1])/1000),
			judged(p99 <= float64(propagationP99.Microseconds())))
	}
	return nil
}

func (c *cluster) untilInactive(ctx context.Context, at *issuing, token string, since time.Time) error {
	form := url.Values{"token": {token}, "client_id": {c.seed.client}, "client_secret": {c.seed.secret}}.Encode()
	request := target{soakRoot + "/introspect", form}.bytes(at.address)
	for {
		status, body, err := at.wire.do(request)
		switch {
		case err != nil || status != http.StatusOK:
			return errors.Join(err, fmt.Errorf("introspection: %d %s", status, body))
		case strings.Contains(string(body), `"active":false`):
			return nil
		case time.Since(since) > lostAfter:
			return errors.New("a replica never heard of a revocation")
		}
		wait(ctx, askEvery)
	}
}

// starting is the time from the start of a replica on an existing database until it is ready.
func (c *cluster) starting(ctx context.Context) error {
	var times sample
	r := c.replicas[1]
	for range c.starts {
		if err := c.restart(ctx, r); err != nil {
			return err
		}
		response, err := ready(ctx, r)
		if err != nil || response != http.StatusOK {
			return errors.Join(err, fmt.Errorf("not ready: %d", response))
		}
		times = append(times, float64(time.Since(r.process.started).Milliseconds()))
	}
	c.report.add("start of a replica on an existing PostgreSQL until it is ready, ms", fmt.Sprintf("≤ %d", replicaStartGoal.Milliseconds()),
		times.text("%.0f"), judged(times.median() <= float64(replicaStartGoal.Milliseconds())))
	return nil
}

func ready(ctx context.Context, r *replica) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url()+"/readyz", http.NoBody) //nolint:gosec // G704: started here
	if err != nil {
		return 0, err
	}
	response, err := (&http.Client{Timeout: wireTimeout, Transport: &http.Transport{DisableKeepAlives: true}}).Do(request) //nolint:gosec // as above
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
