// Package postgrestest gives tests a real PostgreSQL. It starts a throw-away cluster with the initdb and postgres that it finds on the
// machine, on a free loopback port, and takes care that nothing of it outlives the tests, however they end.
//
// Where there is no PostgreSQL a test is skipped, unless the environment has CI: there it fails.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds every wait for the cluster; nothing normal takes a tenth of it.
const patience = time.Minute

// shared is the cluster of this test binary. It ends with the process, by its keeper.
var shared = sync.OnceValues(func() (*Cluster, error) { //nolint:gochecknoglobals // one cluster for all tests of a binary
	// What these tests show is not whether data survives a power cut, and fsync is most of their time.
	return Begin("fsync=off", "full_page_writes=off")
})

var databases atomic.Int64 //nolint:gochecknoglobals // numbers the databases of the shared cluster

// Database makes an empty database in the cluster that the tests of this binary share, removes it afterwards and answers its address.
func Database(t testing.TB) string {
	t.Helper()
	require(t)
	cluster, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return cluster.Database(t)
}

// Copy makes a copy of a database that prepare has filled once for all tests of the binary, which is faster than filling each; every
// caller gives the same function. It removes the copy afterwards and answers its address.
func Copy(t testing.TB, prepare func(address string) error) string {
	t.Helper()
	require(t)
	cluster, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	const original = "writ_template"
	cluster.once.Do(func() {
		if cluster.prepared = cluster.execute("CREATE DATABASE " + original); cluster.prepared == nil {
			cluster.prepared = prepare(cluster.URL(original))
		}
	})
	if cluster.prepared != nil {
		t.Fatal(cluster.prepared)
	}
	return cluster.create(t, " TEMPLATE "+original)
}

// Start starts a cluster for one test that stops and kills it. It is durable. The arguments are settings, such as "max_connections=20".
func Start(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	require(t)
	cluster, err := Begin(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.End)
	return cluster
}

// require skips the test where there is no PostgreSQL.
func require(t testing.TB) {
	t.Helper()
	switch _, err := programs(); {
	case err == nil:
	case os.Getenv("CI") != "": //nolint:forbidigo // tests are told so by the environment alone
		t.Fatal(err)
	default:
		t.Skip("NOT TESTED: ", err)
	}
}

// ErrMissing says that there is no PostgreSQL on this machine.
var ErrMissing = errors.New("there is no PostgreSQL: no initdb on PATH or in /usr/lib/postgresql")

// programs is the folder of initdb and postgres. Debian keeps them away from PATH.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(target), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // fails for bad patterns only
	if len(found) == 0 {
		return "", ErrMissing
	}
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(found[len(found)-1]), nil
}

func version(path string) int {
	number, _ := strconv.Atoi(strings.Split(path, "/")[4]) // what is no number is old
	return number
}

// Database makes an empty database, removes it afterwards and answers its address.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	return c.create(t, "")
}

func (c *Cluster) create(t testing.TB, options string) string {
	t.Helper()
	name := "writ_" + strconv.FormatInt(databases.Add(1), 10)
	if err := c.execute("CREATE DATABASE " + name + options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The cluster of a test that ends it may be gone; then the database is, too.
		_ = c.execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
	})
	return c.URL(name)
}

// Password stands in the address of every database, and must stand nowhere else.
const Password = "canary-database-password"

// URL is the address of a database of the cluster.
func (c *Cluster) URL(database string) string {
	return fmt.Sprintf("postgres://writ:%s@127.0.0.1:%d/%s?sslmode=disable", Password, c.port, database)
}

// Port is where the cluster listens, also after a restart.
func (c *Cluster) Port() int { return c.port }

func (c *Cluster) execute(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	connection, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return err
	}
	defer connection.Close(ctx) //nolint:errcheck // nothing depends on it
	_, err = connection.Exec(ctx, statement)
	return err
}
