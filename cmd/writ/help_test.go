package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew") //nolint:gochecknoglobals // a test flag

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update to accept):\n%s", name, got)
	}
}

// output runs Writ to its end.
func output(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience) // a Writ that starts against expectation drains and is reported
	defer cancel()
	var out, err bytes.Buffer
	code = run(ctx, append([]string{"writ"}, args...), environ, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestHelpListsEverySetting(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := output(t, nil, "serve", "--help")
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	golden(t, "serve-help.golden", stdout)
	for _, s := range settings() {
		if !strings.Contains(stdout, s.environment()+"\n") {
			t.Errorf("%s is missing", s.environment())
		}
	}
}

func TestCommandsAndTheirExitCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"version"}, exitOK, "writ ", ""},
		{[]string{"--help"}, exitOK, "serve", ""},
		{[]string{"-h"}, exitOK, "version", ""},
		{[]string{"serv"}, exitConfiguration, "", `writ: 1 problem in the configuration:` + "\n  " + `unknown command "serv"`},
		{[]string{"version", "now"}, exitConfiguration, "", `unexpected argument "now"`},
		{[]string{"version", "--loud"}, exitConfiguration, "", "writ: 1 problem in the configuration"},
		{[]string{"serve", "now"}, exitConfiguration, "", `unexpected argument "now"`},
		{[]string{"--bogus"}, exitConfiguration, "", "--bogus: unknown flag"},
	} {
		code, stdout, stderr := output(t, nil, tc.args...)
		if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) || (tc.stderr == "") != (stderr == "") {
			t.Errorf("%v: exit code %d\nstdout %s\nstderr %s", tc.args, code, stdout, stderr)
		}
	}
}
