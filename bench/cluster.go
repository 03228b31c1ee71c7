package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// clusterURL is the public address of the replicas. Nobody resolves it: those who ask go through the round-robin of this process.
const (
	clusterURL       = "https://id.bench.test"
	clusterSuperuser = "soak-superuser-4711"
)

// cluster is replicas on a PostgreSQL of their own.
type cluster struct {
	*bench

	database *postgrestest.Cluster
	seed     *seed
	environ  []string
	pinned   bool
	replicas []*replica
	next     atomic.Uint64
}

// replica is one of them. Killed and started again it is another process at another address.
type replica struct {
	number  int
	mutex   sync.Mutex
	process *process
	address atomic.Pointer[string]
	away    atomic.Bool // it does not answer, and the balancer has noticed
}

// startCluster fills a database and starts replicas on it, each pinned to a core of its own if wanted.
func (b *bench) startCluster(ctx context.Context, count, users int, pinned bool) (*cluster, error) {
	database, err := postgrestest.Begin() //nolint:contextcheck // it has bounds of its own
	if err != nil {
		return nil, err
	}
	c := &cluster{bench: b, database: database, pinned: pinned, seed: &seed{folder: filepath.Join(b.folder, "cluster"), size: 1}}
	address := database.URL("postgres")
	if err := c.seed.create(ctx, address, users); err != nil {
		c.end()
		return nil, err
	}
	c.environ = []string{
		"WRIT_DATABASE=" + address, "WRIT_MASTER_KEY_FILE=" + filepath.Join(c.seed.folder, "master.key"), "WRIT_SUPERUSER_PASSWORD=" + clusterSuperuser,
	}
	for i := range count {
		r := &replica{number: i}
		c.replicas = append(c.replicas, r)
		if err := c.start(ctx, r); err != nil {
			c.end()
			return nil, err
		}
	}
	return c, nil
}

func (c *cluster) start(ctx context.Context, r *replica) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	cores := ""
	if c.pinned {
		cores = strconv.Itoa(r.number)
	}
	line := pinned(cores, c.writ, "serve", "--listen", "127.0.0.1:0", "--public-url", clusterURL)
	if c.logLevel != "" {
		line = append(line, "--log-level", c.logLevel)
	}
	p, err := startServerWith(ctx, c.log, c.environ, line[0], line[1:]...)
	if err != nil {
		return fmt.Errorf("%w; the log ends: %s", err, c.logTail())
	}
	r.process = p
	r.address.Store(&p.address)
	return nil
}

func (c *cluster) end() {
	for _, r := range c.replicas {
		if p := r.running(); p != nil {
			_ = p.command.Process.Signal(syscall.SIGCONT) // one that is stopped cannot end
			p.end()
		}
	}
	c.database.End()
}

func (r *replica) running() *process {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.process
}

// url is where a replica listens now.
func (r *replica) url() string { return "http://" + *r.address.Load() }

// restart kills a replica, which gets no chance to say anything, and starts it again.
func (c *cluster) restart(ctx context.Context, r *replica) error {
	p := r.running()
	if err := p.command.Process.Kill(); err != nil {
		return err
	}
	p.end()
	return c.start(ctx, r)
}

// errNobodyThere says that no replica could be reached.
var errNobodyThere = errors.New("no replica answers")

// robin sends each request to the next replica that is not away, and on to another one if that cannot be reached.
type robin struct {
	*cluster

	transport http.Transport
}

// RoundTrip implements http.RoundTripper.
func (r *robin) RoundTrip(request *http.Request) (*http.Response, error) {
	var failures []error
	for range r.replicas {
		next := r.replicas[r.next.Add(1)%uint64(len(r.replicas))]
		if next.away.Load() {
			continue
		}
		to, err := url.Parse(next.url())
		if err != nil {
			return nil, err
		}
		one := request.Clone(request.Context())
		one.URL.Scheme, one.URL.Host = to.Scheme, to.Host
		if request.GetBody != nil {
			if one.Body, err = request.GetBody(); err != nil {
				return nil, err
			}
		}
		response, err := r.transport.RoundTrip(one)
		if err == nil {
			return response, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(append(failures, errNobodyThere)...)
}
