package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// missing ends a test that lacks a tool: developers are told, CI fails.
func missing(t *testing.T, what string) {
	t.Helper()
	if inCI() {
		t.Fatalf("in CI this must run: %s", what)
	}
	t.Skipf("NOT RUN: %s", what)
}

func inCI() bool { return os.Getenv("CI") == "true" } //nolint:forbidigo // what a missing tool means is the environment's decision

// tool finds a program that a developer may lack.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed")
	}
	return path
}

// outcome of a program that ran.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs a program in a folder ("" is this one) with an environment of its own.
func run(t *testing.T, folder string, environment []string, program string, arguments ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = folder
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, environment...) //nolint:forbidigo // where tools find theirs
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// decoded is the JSON that the program printed.
func (o outcome) decoded(t *testing.T) map[string]any {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(o.stdout), &answer); o.code != 0 || err != nil {
		t.Fatalf("exit code %d, %v\nstdout: %s\nstderr: %s", o.code, err, o.stdout, o.stderr)
	}
	return answer
}
