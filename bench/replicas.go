package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// Goals of this file.
const (
	scalingGoal      = 1.7
	replicaStartGoal = 500 * time.Millisecond
	replicaLoad      = 32               // connections to each replica
	statisticsDelay  = 11 * time.Second // sessions that rest tell what they did ten seconds later
	statisticsNoise  = 10               // transactions of replicas that watch: one more or less of each timer
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
	if err := c.visibility(ctx); err != nil {
		return err
	}
	if err := c.held(ctx); err != nil {
		return err
	}
	if err := c.perUser(ctx); err != nil {
		return err
	}
	return c.starting(ctx)
}

func (c *cluster) grant() target {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.seed.client}, "client_secret": {c.seed.secret}}
	return target{soakRoot + "/token", form.Encode()}
}

// loadCores are where the load clients run while replicas have the first two cores; empty where there are no others: then the load clients go where there
// is room, and take from the replicas what they need.
func loadCores() string {
	if n := runtime.NumCPU(); n >= 4 {
		return fmt.Sprintf("2-%d", n-1)
	}
	return ""
}

func (c *cluster) loadOf(ctx context.Context, r *replica) (outcome, error) {
	return c.loadFrom(ctx, loadCores(), r.process, replicaLoad, []target{c.grant()}, nil)
}

// scaling loads one replica, pinned to a core, and two on a core each, in turn. Where no core is left for the load clients beside two replicas, time on the
// wall cannot tell; the processor time of a token can: as long as a token takes no longer of a core when there are two, two cores give twice as many.
func (c *cluster) scaling(ctx context.Context) error {
	var ratio, derived, one, two, oneCPU, twoCPU sample
	for range c.rounds {
		single, err := c.loadOf(ctx, c.replicas[0])
		if err != nil {
			return err
		}
		both, err := c.loadBoth(ctx)
		if err != nil {
			return err
		}
		together, cost := both[0].perSecond()+both[1].perSecond(), (both[0].CPU+both[1].CPU)/2
		ratio, derived = append(ratio, together/single.perSecond()), append(derived, 2*single.CPU/cost)
		one, two, oneCPU, twoCPU = append(one, single.perSecond()), append(two, together), append(oneCPU, single.CPU), append(twoCPU, cost)
		fmt.Fprintf(c.notes, "  %.0f/s, together %.0f/s (%.2f); %.0f, %.0f µs of a core\n", single.perSecond(), together, together/single.perSecond(), single.CPU, cost)
	}
	met := map[bool]verdict{true: judged(ratio.median() >= scalingGoal), false: informative}
	c.report.add("client_credentials of two pinned replicas, of one: tokens a second, measured",
		fmt.Sprintf("≥ %.1f where there are 4 cores; here %d", scalingGoal, runtime.NumCPU()), ratio.text("%.2f"), met[loadCores() != ""])
	c.report.add("the same: tokens per second of processor time of both together, of one; derived", fmt.Sprintf("≥ %.1f", scalingGoal),
		derived.text("%.2f"), judged(derived.median() >= scalingGoal))
	c.report.detail("\nOne replica on one core: %s tokens/s, %s µs of it a token. Two: %s tokens/s, %s µs. Cores of the load clients: %s.",
		one.text("%.0f"), oneCPU.text("%.0f"), two.text("%.0f"), twoCPU.text("%.0f"), cmp.Or(loadCores(), "what the replicas left"))
	return nil
}

func (c *cluster) loadBoth(ctx context.Context) (both [2]outcome, err error) {
	type result struct {
		outcome outcome
		err     error
	}
	other := make(chan result, 1)
	go func() {
		o, err := c.loadOf(ctx, c.replicas[1])
		other <- result{o, err}
	}()
	both[0], err = c.loadOf(ctx, c.replicas[0])
	second := <-other
	both[1] = second.outcome
	return both, errors.Join(err, second.err)
}

// statements counts what the database does for tokens of a client that is known: its transactions under load less those of the same time without. A
// statement outside of a transaction counts as one.
func (c *cluster) statements(ctx context.Context) error {
	db, err := c.connect()
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
		wait(ctx, statisticsDelay)
		took := time.Since(began)
		after, err := transactions(ctx, db)
		return after - before, took, err
	}
	requests := 0
	if _, err := c.loadOf(ctx, c.replicas[0]); err != nil { // everything is in memory
		return err
	}
	wait(ctx, statisticsDelay)
	loaded, took, err := during(func() error {
		o, err := c.loadOf(ctx, c.replicas[0])
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
		fmt.Sprintf("%.4f (%d under load, %d without)", max(share, 0), loaded, idle), judged(loaded-idle <= statisticsNoise))
	return nil
}

func transactions(ctx context.Context, db *sql.DB) (count int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()").Scan(&count)
	return count, err
}

// starting is the time from the start of a replica on an existing database until it is ready.
func (c *cluster) starting(ctx context.Context) error {
	var times sample
	r := c.replicas[1]
	for range c.starts {
		if err := c.restart(ctx, r); err != nil {
			return err
		}
		status, _, err := c.administer(ctx, r, http.MethodGet, "/readyz", "", "")
		if err != nil || status != http.StatusOK {
			return errors.Join(err, fmt.Errorf("not ready: %d", status))
		}
		times = append(times, float64(time.Since(r.process.started).Milliseconds()))
	}
	c.report.add("start of a replica on an existing PostgreSQL until it is ready, ms", fmt.Sprintf("≤ %d", replicaStartGoal.Milliseconds()),
		times.text("%.0f"), judged(times.median() <= float64(replicaStartGoal.Milliseconds())))
	return nil
}

// held counts the connections that a replica keeps after all that.
func (c *cluster) held(ctx context.Context) error {
	db, err := c.connect()
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // only read
	var count int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()").Scan(&count)
	if err != nil {
		return err
	}
	c.report.add("connections to PostgreSQL that a replica holds", "≤ 20", fmt.Sprintf("%.1f", float64(count)/float64(len(c.replicas))),
		judged(count <= 20*len(c.replicas)))
	return nil
}

// perUser is what a user takes in PostgreSQL, indexes included.
func (c *cluster) perUser(ctx context.Context) error {
	db, err := c.connect()
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // committed
	err = inTurn(ctx, db,
		fmt.Sprintf(`CREATE TEMP TABLE copies AS SELECT u.*, i FROM (SELECT * FROM users LIMIT 1) AS u, generate_series(1, %d) AS i`, sizingCount),
		`UPDATE copies SET id = gen_random_uuid()::text, username = username || '-of-' || i, username_key = username_key || '-of-' || i`,
		`ALTER TABLE copies DROP COLUMN i`,
		`INSERT INTO users SELECT * FROM copies`,
	)
	if err != nil {
		return err
	}
	var size int64
	if err := db.QueryRowContext(ctx, "SELECT pg_total_relation_size('users')").Scan(&size); err != nil {
		return err
	}
	c.report.add(fmt.Sprintf("database (PostgreSQL) for each user of %d, bytes", sizingCount), "-", fmt.Sprintf("%.0f", float64(size)/sizingCount), informative)
	return nil
}

func (c *cluster) connect() (*sql.DB, error) {
	return sql.Open("pgx", strings.TrimPrefix(c.environ[0], "WRIT_DATABASE="))
}
