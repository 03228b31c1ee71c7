package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// Somebody who outgrows SQLite keeps everything: accounts, clients, and tokens that live.
func TestACopiedServerGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	small := serveHere(t, dir, []string{"WRIT_SUPERUSER_PASSWORD=" + rootPassword}, "--demo", "--public-url=https://id.example.test")
	user := small.printed(t, "app user of demo/app")
	token := small.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))
	revoked := small.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))
	if a := request(t, http.MethodPut, small.url+"/demo/app/users/"+user.name+"/revoketoken?token="+revoked, "", "Authorization", "Bearer "+token); a.status != http.StatusOK {
		t.Fatal(a)
	}
	small.stop()
	master, err := os.ReadFile(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t)
	target := strings.TrimPrefix(c.environ[0], "WRIT_DATABASE=")
	source := "sqlite:" + filepath.Join(dir, "writ.db")
	code, stdout, stderr := command(t, nil, "", "copy", source, target)
	if code != exitOK || !strings.Contains(stdout, "and compared") || strings.Contains(stdout+stderr, postgrestest.Password) || !strings.Contains(stderr, "PGPASSWORD") {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	c.environ[1] = "WRIT_MASTER_KEY=" + strings.TrimSpace(string(master))
	large := c.start(t)
	if a := large.get(t, "/demo/app/users/"+user.name, token); a.status != http.StatusOK {
		t.Errorf("a token that lives: %d %s", a.status, a.body)
	}
	if a := large.get(t, "/demo/app/users/"+user.name, revoked); a.status != http.StatusUnauthorized {
		t.Errorf("a revoked token: %d %s", a.status, a.body)
	}
	large.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))

	for want, args := range map[string][]string{
		"the arguments are":       {source},
		"a database must be":      {"mysql://x", target},
		"there is no database":    {"sqlite:" + dir + "/absent.db", target},
		"`writ backup`":           {source, source + "2"},
		"the target is not empty": {source, target},
	} {
		if code, stdout, stderr := command(t, nil, "", append([]string{"copy"}, args...)...); code == exitOK || stdout != "" || !strings.Contains(stderr, want) ||
			strings.Contains(stderr, postgrestest.Password) {
			t.Errorf("%s: exit code %d: %s%s", want, code, stdout, stderr)
		}
	}
}
