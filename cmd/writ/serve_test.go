package main

import (
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3" // opens the database behind Writ's back
)

const passwordLogin = `{"grant_type":"password","username":%q,"password":%q}`

// SEC-30
func TestWithoutDemoOnlyTheSuperuserExists(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := serveHere(t, dir, nil)
	found := regexp.MustCompile(`username  (\S+)\n  password  (\S+)\n`).FindStringSubmatch(first.stdout.String())
	if found == nil || found[1] != "superuser" || len(found[2]) < 29 {
		t.Fatalf("stdout: %s", first.stdout)
	}
	token := first.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", found[2]))
	if a := first.get(t, "/management/orgs", token); a.status != http.StatusOK || strings.Contains(a.body, "demo") {
		t.Errorf("organizations: %d %s", a.status, a.body)
	}
	if strings.Contains(first.stderr.String(), found[2]) {
		t.Error("the password is in the log")
	}
	if code := first.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	second := serveHere(t, dir, nil)
	if strings.Contains(second.stdout.String(), "password") {
		t.Errorf("printed twice: %s", second.stdout)
	}
	if a := second.post(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", found[2])); a.status != http.StatusOK {
		t.Errorf("after a restart: %d %s", a.status, a.body)
	}
}

func TestAConfiguredSuperuserPasswordReplacesTheStoredOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const before, after = "canary-before-41", "canary-after-42"
	const issuer = "--public-url=http://127.0.0.1" // the same at every start, whichever port
	first := serveHere(t, dir, []string{"WRIT_SUPERUSER_PASSWORD=" + before}, issuer)
	if strings.Contains(first.stdout.String(), "password") {
		t.Errorf("a configured password is no news: %s", first.stdout)
	}
	old := first.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", before))
	first.stop()

	same := serveHere(t, dir, []string{"WRIT_SUPERUSER_PASSWORD=" + before}, issuer)
	if a := same.get(t, "/management/orgs", old); a.status != http.StatusOK {
		t.Errorf("the same password ended a token: %d %s", a.status, a.body)
	}
	same.stop()

	second := serveHere(t, dir, []string{"WRIT_SUPERUSER_PASSWORD=" + after}, issuer, "--superuser=root")
	if a := second.post(t, "/management/token", fmt.Sprintf(passwordLogin, "root", before)); a.status != http.StatusBadRequest {
		t.Errorf("old password: %d %s", a.status, a.body)
	}
	if a := second.get(t, "/management/orgs", old); a.status != http.StatusUnauthorized {
		t.Errorf("token of the old password: %d %s", a.status, a.body)
	}
	second.token(t, "/management/token", fmt.Sprintf(passwordLogin, "root", after))
	for _, in := range []*instance{first, same, second} {
		if log := in.stderr.String() + in.stdout.String(); strings.Contains(log, "canary") {
			t.Errorf("the password is in the output: %s", log)
		}
	}
}

func TestReadyAndHealthy(t *testing.T) {
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil)
	for _, path := range []string{"/readyz", "/healthz"} {
		if a := in.get(t, path, ""); a.status != http.StatusOK || strings.TrimSpace(a.body) != "ok" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestIssuersFollowTheAddressOrThePublicURL(t *testing.T) {
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil)
	if a := in.get(t, "/.well-known/oauth-authorization-server/management", ""); !strings.Contains(a.body, `"issuer":"`+in.url+`/management"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	in = serveHere(t, t.TempDir(), nil, "--public-url=https://id.example.com")
	if a := in.get(t, "/.well-known/oauth-authorization-server/management", ""); !strings.Contains(a.body, `"issuer":"https://id.example.com/management"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	for listening, want := range map[string]string{"0.0.0.0": "http://localhost:80", "::": "http://localhost:80", "127.0.0.1": "http://127.0.0.1:80", "::1": "http://[::1]:80"} {
		if got := publicURL("http", &net.TCPAddr{IP: net.ParseIP(listening), Port: 80}); got != want {
			t.Errorf("%s: got %s, want %s", listening, got, want)
		}
	}
}

func TestAWrongConfigurationOpensNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	code, stdout, stderr := output(t, []string{"WRIT_ALG=none", "WRIT_TOKEN_TTL=soon"}, "--data-dir", dir, "--listen=127.0.0.1:0")
	if code != exitConfiguration || stdout != "" || !strings.HasPrefix(stderr, "writ: 2 problems in the configuration:\n") {
		t.Errorf("exit code %d\nstdout %s\nstderr %s", code, stdout, stderr)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the data folder was made: %v", err)
	}
}

// lastLine is the line that tells why Writ did not start; others before it are the log.
func lastLine(stderr string) string {
	lines := strings.Split(strings.TrimRight(stderr, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestWhatKeepsWritFromStartingIsOneClearLine(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) //nolint:errcheck,gosec // a test's listener
	for _, tc := range []struct {
		name    string
		prepare func(t *testing.T, dir string) []string // returns flags
		want    string
	}{
		{"port taken", func(t *testing.T, dir string) []string {
			t.Helper()
			return []string{"--data-dir=" + dir, "--listen=" + taken.Addr().String()}
		}, "writ: cannot listen on " + taken.Addr().String() + ": address already in use"},
		{"a file where the folder should be", func(t *testing.T, dir string) []string {
			t.Helper()
			file := filepath.Join(dir, "file")
			write(t, file, "")
			return []string{"--data-dir=" + file}
		}, "not a directory"},
		{"a folder in a file", func(t *testing.T, dir string) []string {
			t.Helper()
			write(t, filepath.Join(dir, "file"), "")
			return []string{"--data-dir=" + filepath.Join(dir, "file", "data")}
		}, "not a directory"},
		{"a folder where the database should be", func(t *testing.T, dir string) []string {
			t.Helper()
			return []string{"--data-dir=" + dir, "--database=sqlite:" + dir}
		}, "open database"},
		{"something else where the database should be", func(t *testing.T, dir string) []string {
			t.Helper()
			write(t, filepath.Join(dir, "writ.db"), strings.Repeat("no database ", 1000))
			write(t, filepath.Join(dir, "master.key"), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			return []string{"--data-dir=" + dir}
		}, "file is not a database"},
		{"a master key that others can read", func(t *testing.T, dir string) []string {
			t.Helper()
			file := filepath.Join(dir, "master.key")
			write(t, file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			if err := os.Chmod(file, 0o644); err != nil {
				t.Fatal(err)
			}
			return []string{"--data-dir=" + dir}
		}, "chmod 600"},
		{"newer database", func(t *testing.T, dir string) []string {
			t.Helper()
			serveHere(t, dir, nil).stop()
			execute(t, dir, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, 1)")
			execute(t, dir, "UPDATE meta SET value = '999999' WHERE name = 'schema_compatible_from'")
			// It does not only add: no older version may use the database. TestAnOlderVersionGoesOnUntilAChangeBreaks has the other case.
			execute(t, dir, "UPDATE meta SET value = '999999' WHERE name = 'schema_compatible_from'")
			return []string{"--data-dir=" + dir}
		}, "newer version of Writ"},
		{"master key lost", func(t *testing.T, dir string) []string {
			t.Helper()
			serveHere(t, dir, nil).stop()
			if err := os.Remove(filepath.Join(dir, "master.key")); err != nil {
				t.Fatal(err)
			}
			return []string{"--data-dir=" + dir}
		}, "master.key is missing"},
		{"another master key", func(t *testing.T, dir string) []string {
			t.Helper()
			serveHere(t, dir, nil).stop()
			write(t, filepath.Join(dir, "master.key"), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			return []string{"--data-dir=" + dir}
		}, "another master key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			// A flag beats the environment.
			code, stdout, stderr := output(t, []string{"WRIT_LISTEN=127.0.0.1:0", "WRIT_LOG_LEVEL=error"}, tc.prepare(t, dir)...)
			line := lastLine(stderr)
			if code != exitFailure || stdout != "" || !strings.HasPrefix(line, "writ: ") || !strings.Contains(line, tc.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d\nstdout %s\nstderr %s", code, stdout, stderr)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil { //nolint:gosec // in a folder of the test
		t.Fatal(err)
	}
}

func execute(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(dir, "writ.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's connection
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// SEC-53
func TestDataIsForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	serveHere(t, dir, nil)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v %v", info.Mode(), err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", entry.Name(), info.Mode(), err)
		}
	}
}
