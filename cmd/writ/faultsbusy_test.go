package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every connection of a replica to PostgreSQL waits for a lock: requests that need one are told to come back, the others go on, revocations of
// other replicas arrive all the same. SEC-61, SEC-78
func TestExhaustedConnectionsAreSurvived(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.start(t, "--demo")
	b := c.start(t, "--database-connections=6")
	s := c.open(t, a)
	revoked, user := tokenIn(t, s.asClient(t, b)), s.login(t, b)
	if status := s.active(t, b, revoked); status != 1 {
		t.Fatal(status)
	}
	b.get(t, "/.well-known/oauth-authorization-server/demo/app", "")
	db, err := sql.Open("pgx", strings.TrimPrefix(c.environ[0], "WRIT_DATABASE="))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's connection
	lock, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ExecContext(t.Context(), "LOCK TABLE users IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			o := bearer(b, "/demo/app/users/me", user)(patient())
			if o.status != http.StatusServiceUnavailable || o.header.Get("Retry-After") == "" || o.took > bound {
				t.Errorf("%d %s after %v", o.status, o.body, o.took)
			}
		})
	}
	pause(t, 200*time.Millisecond)
	for range 10 {
		for _, path := range []string{"/.well-known/jwks.json", "/.well-known/oauth-authorization-server/demo/app", "/healthz"} {
			if o := try(t.Context(), patient(), http.MethodGet, b.url+path, ""); o.status != http.StatusOK || o.took > time.Second {
				t.Errorf("%s: %d after %v", path, o.status, o.took)
			}
		}
		if o := s.asClient(t, b); o.status != http.StatusOK || o.took > time.Second {
			t.Errorf("a token for a client: %d after %v", o.status, o.took)
		}
	}
	if status := s.revoke(t, a, revoked); status != http.StatusOK {
		t.Fatal(status)
	}
	promptly(t, "a revocation arrives", 4*time.Second, func() bool { return s.active(t, b, revoked) == 0 })
	all.Wait()
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	s.recovered(t, b)
}

// onSQLite starts a demo on SQLite in a process of its own.
func onSQLite(t *testing.T, start func(environ []string, args ...string) *instance, folder string) (*scene, *instance) {
	t.Helper()
	c := &cluster{environ: []string{"WRIT_SUPERUSER_PASSWORD=" + rootPassword}}
	in := start(c.environ, arguments(folder, []string{"--demo", "--public-url=https://id.example.test"})...)
	in.waitUntilListening(t)
	return c.open(t, in), in
}

// Another process holds SQLite's write lock: writes are told to come back, reads go on, nothing is half done. SEC-78
func TestALockedSQLiteIsSurvived(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, in := onSQLite(t, func(environ []string, args ...string) *instance { return startApart(t, environ, args...) }, folder)
	token := s.login(t, in)
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: filepath.Join(folder, "writ.db")}).EscapedPath()+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's connection
	lock, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			body := fmt.Sprintf(`{"name":"half-%d","title":"Half"}`, i)
			o := try(t.Context(), patient(), http.MethodPost, in.url+"/demo/app/roles", body, "Authorization", "Bearer "+s.root)
			if o.status != http.StatusServiceUnavailable || o.header.Get("Retry-After") == "" || o.took > bound {
				t.Errorf("a change: %d %s after %v", o.status, o.body, o.took)
			}
		})
	}
	if status := s.active(t, in, token); status != 1 {
		t.Errorf("introspection: %d", status)
	}
	if o := s.asClient(t, in); o.status != http.StatusOK {
		t.Errorf("a token for a client: %d %s", o.status, o.body)
	}
	if o := bearer(in, "/demo/app/users/me", token)(patient()); o.status != http.StatusOK {
		t.Errorf("oneself: %d %s", o.status, o.body)
	}
	all.Wait()
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	s.recovered(t, in)
	if a := in.get(t, "/demo/app/roles", s.root); strings.Contains(a.body, "half-") {
		t.Errorf("a refused change was made: %s", a.body)
	}
}

// The disk is full: what cannot be written is refused, what was acknowledged stays, and it goes on when there is room. SEC-78
func TestAFullDiskIsSurvived(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	// A file system of three MiB that only this process sees; making one takes a user namespace, which some machines do not give.
	const small = `mount -t tmpfs -o size=3m writ "$1" && shift && head -c 1m /dev/zero >"$WRIT_DATA_DIR/ballast" && exec "$@"`
	unshare := []string{"--user", "--map-root-user", "--mount", "sh", "-c", small, "sh", folder}
	if text, err := exec.CommandContext(t.Context(), "unshare", append(unshare[:4:4], "-c", `mount -t tmpfs writ "$0"`, folder)...).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: this machine gives no small file system: %v %s", err, text)
	}
	s, in := onSQLite(t, func(environ []string, args ...string) *instance {
		return startProgram(t, "unshare", append(environ, "WRIT_DATA_DIR="+folder), append(append(unshare, path), args...)...)
	}, folder)
	var kept, refused []string
	for range 20 {
		kept = append(kept, tokenIn(t, s.asClient(t, in)))
		if status := s.revoke(t, in, kept[len(kept)-1]); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	inside := fmt.Sprintf("/proc/%d/root%s/", in.command.Process.Pid, folder)
	fill := exec.CommandContext(t.Context(), "sh", "-c", `cat /dev/zero >"$0" || true`, inside+"fill")
	if err := fill.Run(); err != nil {
		t.Fatal(err)
	}
	for len(refused) < 20 && len(kept) < 2000 {
		token := tokenIn(t, s.asClient(t, in)) // writes nothing
		switch status := s.revoke(t, in, token); status {
		case http.StatusOK:
			kept = append(kept, token)
		case http.StatusServiceUnavailable:
			refused = append(refused, token)
		default:
			t.Fatalf("a revocation: %d", status)
		}
	}
	t.Logf("%d were acknowledged before the disk was full", len(kept))
	if len(refused) == 0 {
		t.Error("the disk was never full")
	}
	for _, token := range kept {
		if status := s.active(t, in, token); status != 0 {
			t.Fatalf("an acknowledged revocation: %d", status)
		}
	}
	for _, ballast := range []string{"fill", "ballast"} {
		if err := os.Remove(inside + ballast); err != nil {
			t.Fatal(err)
		}
	}
	s.recovered(t, in)
	for _, token := range kept {
		if status := s.active(t, in, token); status != 0 {
			t.Fatalf("an acknowledged revocation afterwards: %d", status)
		}
	}
}
