package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tagged builds the program of a later version; the tag says which.
func tagged(t *testing.T, tag string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), tag)
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-tags", tag, "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return path
}

// A newer version changes the schema while the old one serves; the old one goes on, and may start again, as long as the change only adds.
func TestAnOldVersionGoesOnDuringAnUpgrade(t *testing.T) {
	t.Parallel()
	next, breaking := tagged(t, "writ_next"), tagged(t, "writ_break")
	c := newCluster(t)
	old := c.start(t, "--demo")
	user := old.printed(t, "app user of demo/app")
	works := func(in *instance, name string) {
		t.Helper()
		root := in.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", rootPassword))
		token := in.token(t, "/demo/app/token", fmt.Sprintf(passwordLogin, user.name, user.password))
		if a := in.get(t, "/demo/app/users/"+user.name, token); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		made := request(t, http.MethodPost, in.url+"/demo/app/users", `{"username":"`+name+`","password":"quite-a-long-one-7"}`, "Authorization", "Bearer "+root)
		if made.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, made.status, made.body)
		}
		if a := in.get(t, "/demo/app/users?limit=100", root); a.status != http.StatusOK || !strings.Contains(a.body, name) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if a := request(t, http.MethodPut, in.url+"/demo/app/users/"+user.name+"/revoketoken?token="+token, "", "Authorization", "Bearer "+root); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if a := in.get(t, "/demo/app/users/"+user.name, token); a.status != http.StatusUnauthorized {
			t.Errorf("%s: a revoked token: %d", name, a.status)
		}
	}
	works(old, "before")
	newer := c.startProgram(t, next)
	works(newer, "newer")
	works(old, "meanwhile")
	again := c.start(t)
	works(again, "again")
	if !strings.Contains(again.stderr.String(), "finish the upgrade") {
		t.Errorf("no warning: %s", again.stderr)
	}
	if code, out, errs := command(t, c.environ[:1], "", "migrate", "--status"); code != exitOK || !strings.Contains(out, "of a newer version of Writ") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	for _, in := range []*instance{old, newer, again} {
		in.stop()
	}

	c.startProgram(t, breaking).stop()
	refused := startApart(t, append(c.environ, "WRIT_LOG_LEVEL=error"), c.flags...)
	<-refused.exited
	if line := refused.stderr.String(); refused.command.ProcessState.ExitCode() != exitFailure || strings.Count(line, "\n") != 1 || !strings.Contains(line, "newer version of Writ") {
		t.Errorf("after a change that breaks: %s", line)
	}
	if code, _, errs := command(t, c.environ[:1], "", "migrate", "--to", "6", "--destroy"); code != exitFailure || !strings.Contains(errs, "newer version of Writ") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

func (c *cluster) startProgram(t *testing.T, program string) *instance {
	t.Helper()
	in := startProgram(t, program, c.environ, c.flags...)
	in.waitUntilListening(t)
	return in
}

func TestMigrateShowsAndMovesTheSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serveHere(t, dir, nil).stop()
	run := func(args ...string) (int, string, string) {
		t.Helper()
		return command(t, nil, "", append([]string{"migrate", "--data-dir=" + dir}, args...)...)
	}
	code, before, _ := run("--status")
	if code != exitOK || !strings.Contains(before, "tenants") || strings.Contains(before, " no ") {
		t.Fatalf("exit code %d: %s", code, before)
	}
	for want, args := range map[string][]string{
		"--destroy":                          {"--to", "5"},
		"there is no version 5000":           {"--to", "5000"},
		"must be a number":                   {"--to", "x"},
		"either --status or --to":            {},
		"either --status or --to is needed":  {"--status", "--to", "5"},
		"there is no database /nowhere/at.x": {"--status", "--database=sqlite:/nowhere/at.x"},
	} {
		if code, out, errs := run(args...); code == exitOK || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%v: exit code %d: %s%s", args, code, out, errs)
		}
	}
	if code, out, errs := run("--to", "5", "--destroy"); code != exitOK || !strings.Contains(out, "is version 5") {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if _, after, _ := run("--status"); strings.Count(after, " no ") == 0 {
		t.Errorf("after going down: %s", after)
	}
	if code, out, errs := run("--to", "latest"); code != exitOK {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if _, after, _ := run("--status"); strings.Contains(after, " no ") {
		t.Errorf("after going up: %s", after)
	}
	serveHere(t, dir, nil)
}
