package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// stored reads one value from a database of SQLite, beside whoever writes there.
func stored[T any](t *testing.T, path, query string) (value T) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_busy_timeout=5000")
	must(t, err)
	defer db.Close() //nolint:errcheck // only read
	must(t, db.QueryRowContext(t.Context(), query).Scan(&value))
	return value
}

// epoch reads the name of a change log.
func epoch(t *testing.T, path string) string {
	t.Helper()
	return stored[string](t, path, "SELECT epoch FROM change_head")
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// A backup is made while a server writes. Put back elsewhere, it knows what was acknowledged before it: passwords, keys, revoked tokens.
func TestABackupOfARunningServerIsRestoredWithItsRevocations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, kept := filepath.Join(dir, "data"), filepath.Join(dir, "backup.db")
	const issuer = "--public-url=http://127.0.0.1"
	in := serveApart(t, data, "--demo", issuer)
	app := in.printed(t, "client of demo/app")
	login := fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`, app.name, app.password)
	user := in.printed(t, "app user of demo/app")
	valid, revoked := in.token(t, "/demo/app/token", login), in.token(t, "/demo/app/token", login)
	forever := in.token(t, "/demo/app/token?ttl=0", fmt.Sprintf(passwordLogin, user.name, user.password))
	for _, token := range []string{revoked, forever} {
		if a := in.post(t, "/demo/app/revoke", `{"token":"`+token+`"}`); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}

	// Writes that never stop: what is in the copy must belong together all the same.
	stop, writers := make(chan struct{}), sync.WaitGroup{}
	for i := range 4 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					in.post(t, "/demo/sandbox/users", fmt.Sprintf(`{"username":"writer%d-%d"}`, i, n))
				}
			}
		})
	}
	for n := range 3 {
		if code, _, stderr := output(t, nil, "backup", fmt.Sprint(kept, n), "--data-dir="+data); code != exitOK {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
	}
	code, stdout, stderr := output(t, nil, "backup", kept, "--data-dir="+data, "--with-master-key")
	close(stop)
	writers.Wait()
	if code != exitOK || !strings.Contains(stdout, "Whoever has both") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	if mode(t, kept) != 0o600 || mode(t, kept+masterKeySuffix) != 0o600 {
		t.Errorf("others may read the backup: %v, %v", mode(t, kept), mode(t, kept+masterKeySuffix))
	}
	if code, _, stderr := output(t, nil, "restore", kept, "--data-dir="+data); code != exitFailure || !strings.Contains(stderr, "is there already") {
		t.Errorf("over a running server: exit code %d: %s", code, stderr)
	}
	if a := in.get(t, "/demo/app/tokens", valid); a.status != http.StatusOK {
		t.Errorf("the running server was disturbed: %d %s", a.status, a.body)
	}
	in.kill()

	elsewhere := filepath.Join(dir, "elsewhere")
	code, stdout, stderr = output(t, nil, "restore", kept, "--data-dir="+elsewhere)
	if code != exitOK || !strings.Contains(stdout, "writ keys drop") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	if mode(t, filepath.Join(elsewhere, "writ.db")) != 0o600 || mode(t, filepath.Join(elsewhere, "master.key")) != 0o600 || mode(t, elsewhere) != 0o700 {
		t.Error("others may read what was restored")
	}
	if epoch(t, filepath.Join(elsewhere, "writ.db")) == epoch(t, kept) {
		t.Error("followers of the feed would not notice")
	}
	again := serveHere(t, elsewhere, nil, issuer)
	if a := again.get(t, "/demo/app/tokens", valid); a.status != http.StatusOK {
		t.Errorf("a valid token: %d %s", a.status, a.body)
	}
	for _, token := range []string{revoked, forever} {
		if a := again.get(t, "/demo/app/users/me", token); a.status != http.StatusUnauthorized {
			t.Errorf("a revoked token: %d %s", a.status, a.body)
		}
	}
	again.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))
	again.token(t, "/demo/app/token", login)
}

func TestABackupWithoutItsMasterKeySaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, kept := filepath.Join(dir, "data"), filepath.Join(dir, "backup.db")
	serveHere(t, data, nil).stop()
	code, stdout, stderr := output(t, nil, "backup", kept, "--data-dir="+data)
	if code != exitOK || !strings.Contains(stdout, "The master key is not in it") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(kept + masterKeySuffix); !os.IsNotExist(err) {
		t.Error("the master key was written unasked")
	}
	elsewhere := filepath.Join(dir, "elsewhere")
	if code, stdout, _ = output(t, nil, "restore", kept, "--data-dir="+elsewhere); code != exitOK || !strings.Contains(stdout, "The master key is missing") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
	if code, _, stderr := output(t, nil, "serve", "--listen=127.0.0.1:0", "--data-dir="+elsewhere); code != exitFailure || !strings.Contains(stderr, "master key file") {
		t.Errorf("started without the key: exit code %d: %s", code, stderr)
	}
}

func TestBackupAndRestoreRefuseWhatCannotBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, kept, empty := filepath.Join(dir, "data"), filepath.Join(dir, "backup.db"), filepath.Join(dir, "empty")
	serveHere(t, data, nil).stop()
	if code, _, stderr := output(t, nil, "backup", kept, "--data-dir="+data); code != exitOK {
		t.Fatal(stderr)
	}
	content, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	text, short, damaged := filepath.Join(dir, "text"), filepath.Join(dir, "short"), filepath.Join(dir, "damaged")
	write(t, text, strings.Repeat("no database ", 1000))
	write(t, short, string(content[:len(content)/2]))
	for i := 8192; i < len(content)-4096; i += 4096 {
		copy(content[i:], strings.Repeat("\xff", 512))
	}
	write(t, damaged, string(content))
	foreign := filepath.Join(dir, "foreign")
	db, err := sql.Open("sqlite3", foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE change_head (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	leftover := filepath.Join(dir, "leftover")
	if err := os.Mkdir(leftover, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(leftover, "writ.db-wal"), "x")
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"backup"}, exitConfiguration, "the argument is the FILE"},
		{[]string{"backup", kept, "more"}, exitConfiguration, "the argument is the FILE"},
		{[]string{"backup", kept, "--loud"}, exitConfiguration, "writ backup --help"},
		{[]string{"backup", kept, "--data-dir=" + data}, exitFailure, "file exists"},
		{[]string{"backup", filepath.Join(dir, "new"), "--data-dir=" + empty}, exitFailure, "unable to open database file"},
		{[]string{"backup", filepath.Join(dir, "new"), "--database=sqlite:" + text}, exitFailure, "not a database"},
		{[]string{"backup", filepath.Join(dir, "new"), "--database=sqlite:" + foreign}, exitFailure, "no database of Writ"},
		{[]string{"backup", filepath.Join(dir, "absent", "new"), "--data-dir=" + data}, exitFailure, "no such file"},
		{[]string{"backup", filepath.Join(dir, "new"), "--data-dir=" + data, "--with-master-key", "--master-key-file=" + filepath.Join(dir, "none")}, exitFailure, "master key"},
		{[]string{"backup", filepath.Join(dir, "new"), "--database=postgres://u@127.0.0.1:1/d"}, exitConfiguration, "pg_dump"},
		{[]string{"restore", kept, "--data-dir=" + data}, exitFailure, "is there already"},
		{[]string{"restore", kept, "--data-dir=" + leftover}, exitFailure, "is there already"},
		{[]string{"restore", filepath.Join(dir, "absent"), "--data-dir=" + empty}, exitFailure, "no such file"},
		{[]string{"restore", text, "--data-dir=" + empty}, exitFailure, "not a database"},
		{[]string{"restore", short, "--data-dir=" + empty}, exitFailure, "restore " + short},
		{[]string{"restore", damaged, "--data-dir=" + empty}, exitFailure, "restore " + damaged},
		{[]string{"restore", foreign, "--data-dir=" + empty}, exitFailure, "no database of Writ"},
	} {
		code, stdout, stderr := output(t, nil, tc.args...)
		if code != tc.code || stdout != "" || !strings.Contains(stderr, tc.want) || strings.Contains(stderr, "canary") {
			t.Errorf("%v: exit code %d: %s%s", tc.args, code, stdout, stderr)
		}
	}
	for _, path := range []string{filepath.Join(dir, "new"), filepath.Join(empty, "writ.db"), filepath.Join(empty, "writ.db.restoring")} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s was left behind: %v", path, err)
		}
	}
}
