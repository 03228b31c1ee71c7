package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/store"
)

// sealedSite is a stopped server's data with everything that is sealed: keys, client secrets, former client secrets.
type sealedSite struct {
	dir, token, secrets string
}

func newSealedSite(t *testing.T) *sealedSite {
	t.Helper()
	s := newSite(t)
	local := way(s.local)
	local.succeed(t, "", "org", "create", "acme", "--owner", "olga@example.com")
	local.succeed(t, "", "app", "create", "acme/shop")
	local.succeed(t, "", "credentials", "regenerate", "acme/shop", "--overlap", "1h")
	x := &sealedSite{dir: s.dir, token: s.token, secrets: local.succeed(t, "", "credentials", "show", "acme/shop", "--json")}
	if code := s.stop(); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	return x
}

func (x *sealedSite) file(name string) string { return filepath.Join(x.dir, name) }

func (x *sealedSite) reseal(t *testing.T) (code int, stdout, stderr string) {
	t.Helper()
	return command(t, []string{"WRIT_DATA_DIR=" + x.dir}, "", "keys", "reseal")
}

// works starts a server and uses everything that was sealed.
func (x *sealedSite) works(t *testing.T) {
	t.Helper()
	in := serveHere(t, x.dir, siteEnviron())
	if a := in.get(t, "/management/orgs", x.token); a.status != http.StatusOK {
		t.Errorf("a token from before: %d %s", a.status, a.body)
	}
	shown := way(func(t *testing.T, stdin string, args ...string) (int, string, string) {
		t.Helper()
		return command(t, []string{"WRIT_PUBLIC_URL=" + siteURL, "WRIT_DATA_DIR=" + x.dir}, stdin, args...)
	}).succeed(t, "", "credentials", "show", "acme/shop", "--json")
	if shown != x.secrets {
		t.Errorf("the secrets are others:\n%s%s", shown, x.secrets)
	}
	in.stop()
}

func (x *sealedSite) files(t *testing.T) string {
	t.Helper()
	names := []string{}
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); strings.Contains(name, "master") {
			if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v", name, err)
			}
			if rest, kept := strings.CutPrefix(name, "master.key.old-"); kept && len(rest) == 8 {
				name = "old"
			}
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// SEC-53
func TestResealing(t *testing.T) {
	t.Parallel()
	x := newSealedSite(t)
	before, err := os.ReadFile(x.file("master.key"))
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := x.reseal(t)
	if code != exitOK || stderr != "" || !strings.Contains(stdout, "sealed again: ") || strings.Contains(stdout, "sealed again: 0") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	after, err := os.ReadFile(x.file("master.key"))
	if err != nil || string(after) == string(before) || x.files(t) != "master.key old" {
		t.Errorf("%v, files %s", err, x.files(t))
	}
	x.works(t)
	// The old key opens nothing any more.
	if err := os.WriteFile(x.file("master.key"), before, 0o600); err != nil { //nolint:gosec // G703: the folder of a test
		t.Fatal(err)
	}
	code, _, stderr = command(t, siteEnviron(), "", "serve", "--listen=127.0.0.1:0", "--data-dir="+x.dir)
	if code != exitFailure || !strings.Contains(stderr, "another master key") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestResealingWhileAServerRunsIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	code, _, stderr := command(t, []string{"WRIT_DATA_DIR=" + s.dir}, "", "keys", "reseal")
	if code != exitFailure || !strings.Contains(stderr, "uses the database") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if a := s.get(t, "/management/orgs", s.token); a.status != http.StatusOK {
		t.Errorf("the server: %d %s", a.status, a.body)
	}
}

// Whatever the moment at which it is interrupted: the database is whole under one of the two keys, both keys are there, and the next attempt
// finishes it.
func TestResealingMayBeInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	c := func(t *testing.T, dir string) *resealing {
		t.Helper()
		c, err := configure([]string{"--data-dir=" + dir}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := &resealing{w: &wiring{configuration: c, logger: slog.New(slog.DiscardHandler), now: time.Now}}
		if err := r.prepare("", ""); err != nil {
			t.Fatal(err)
		}
		return r
	}
	steps := []struct {
		name string
		do   func(t *testing.T, r *resealing)
		old  bool // the server still starts under the old key
	}{
		{"the new key is there", func(*testing.T, *resealing) {}, true},
		{"some secrets are sealed again, none is committed", func(t *testing.T, r *resealing) {
			t.Helper()
			n := 0
			_, err := store.Reseal(t.Context(), store.Config{Database: r.w.database}, func(store.Sealed, []byte) ([]byte, error) {
				if n++; n == 3 {
					return nil, errInterrupted
				}
				return []byte("half"), nil
			})
			if !errors.Is(err, errInterrupted) {
				t.Errorf("%v", err)
			}
		}, true},
		{"committed", func(t *testing.T, r *resealing) {
			t.Helper()
			if n, err := r.seal(t.Context()); err != nil || n < 6 {
				t.Fatalf("%d secrets, %v", n, err)
			}
		}, false},
		{"the old key has its second name", func(t *testing.T, r *resealing) {
			t.Helper()
			if err := copyKey(r.oldFile, r.keptFile); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"the new key is in its place", func(t *testing.T, r *resealing) {
			t.Helper()
			if err := copyKey(r.newFile, r.oldFile); err != nil {
				t.Fatal(err)
			}
		}, true},
	}
	for interrupted := range steps {
		t.Run(steps[interrupted].name, func(t *testing.T) {
			t.Parallel()
			x := newSealedSite(t)
			r := c(t, x.dir)
			for _, step := range steps[:interrupted+1] {
				step.do(t, r)
			}
			if steps[interrupted].old {
				x.works(t)
			} else {
				code, _, stderr := command(t, siteEnviron(), "", "serve", "--listen=127.0.0.1:0", "--data-dir="+x.dir)
				if code != exitFailure || !strings.Contains(stderr, "`writ keys reseal` was interrupted, run it again") {
					t.Errorf("exit code %d\n%s", code, stderr)
				}
			}
			if code, stdout, stderr := x.reseal(t); code != exitOK || stderr != "" {
				t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
			}
			if got := x.files(t); got != "master.key old" {
				t.Errorf("files %s", got)
			}
			x.works(t)
		})
	}
}

var errInterrupted = errors.New("interrupted")

func TestResealingFromTheEnvironment(t *testing.T) {
	t.Parallel()
	x := newSealedSite(t)
	text, err := os.ReadFile(x.file("master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(x.file("master.key")); err != nil {
		t.Fatal(err)
	}
	old := "WRIT_MASTER_KEY=" + strings.TrimSpace(string(text))
	const other = "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A="
	for _, test := range []struct {
		environ []string
		code    int
		want    string
	}{
		{[]string{old}, exitFailure, "WRIT_NEW_MASTER_KEY"},
		{[]string{old, "WRIT_NEW_MASTER_KEY=canary"}, exitFailure, fmt.Sprint(keys.MasterKeySize)},
		{[]string{old, "WRIT_NEW_" + strings.TrimPrefix(old, "WRIT_")}, exitFailure, "is the old one"},
		{[]string{old, "WRIT_NEW_MASTER_KEY=" + other}, exitOK, "set WRIT_MASTER_KEY to the new key"},
		{[]string{old, "WRIT_NEW_MASTER_KEY=" + other}, exitOK, "sealed again: 0"},
		{[]string{"WRIT_MASTER_KEY=" + other, "WRIT_NEW_" + strings.TrimPrefix(old, "WRIT_")}, exitOK, "sealed again"},
	} {
		code, stdout, stderr := command(t, append(test.environ, "WRIT_DATA_DIR="+x.dir), "", "keys", "reseal")
		if code != test.code || !strings.Contains(stdout+stderr, test.want) || strings.Contains(stdout+stderr, "canary") {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
	}
	if err := os.WriteFile(x.file("master.key"), text, 0o600); err != nil { //nolint:gosec // G703: the folder of a test
		t.Fatal(err)
	}
	x.works(t)
}
