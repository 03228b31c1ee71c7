package interop

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience bounds every wait; nothing normal takes a tenth of it.
	patience = 60 * time.Second

	superuser         = "superuser"
	superuserPassword = "tall-cedar-4711"
)

// scratch is the folder of what is built, made and removed by TestMain.
var scratch string

// program builds Writ once for all tests that need it.
var program = sync.OnceValues(func() (string, error) { return build("writ", "../cmd/writ") })

func build(name, source string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
	defer cancel()
	path := filepath.Join(scratch, name)
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", path, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", source, err, text)
	}
	return path, nil
}

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "writ-interop-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch) //nolint:errcheck,gosec // a left-over in the temporary folder
	os.Exit(code)         //nolint:forbidigo // this is a main
}

// transcript is what a process has written so far.
type transcript struct {
	mu      sync.Mutex
	content bytes.Buffer
	grown   chan struct{}
}

func newTranscript() *transcript { return &transcript{grown: make(chan struct{}, 1)} }

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case t.grown <- struct{}{}:
	default:
	}
	return t.content.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.content.String()
}

// start runs Writ on a free port with an empty data folder until the test ends, and returns its address.
func start(t *testing.T, flags ...string) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := newTranscript(), newTranscript()
	arguments := append([]string{"serve", "--listen=127.0.0.1:0", "--data-dir=" + filepath.Join(t.TempDir(), "data"), "--log-level=warn"}, flags...)
	process := exec.CommandContext(context.WithoutCancel(t.Context()), path, arguments...)
	process.Stdout, process.Stderr = stdout, stderr
	process.Env = []string{"WRIT_SUPERUSER_PASSWORD=" + superuserPassword}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- process.Wait() }()
	t.Cleanup(func() {
		stop(t, process, exited)
		if t.Failed() {
			t.Logf("Writ said:\n%s", stderr)
		}
	})
	address, up := awaitAddress(t.Context(), stdout)
	if !up {
		t.Fatalf("Writ did not start\nstdout: %s\nstderr: %s", stdout, stderr)
	}
	return address
}

func awaitAddress(ctx context.Context, stdout *transcript) (address string, up bool) {
	return awaitLine(ctx, stdout, regexp.MustCompile(`(?m)^Writ listens on (\S+)$`))
}

// awaitLine waits for a line, and returns what its first group matches.
func awaitLine(ctx context.Context, stdout *transcript, line *regexp.Regexp) (found string, said bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if found := line.FindStringSubmatch(stdout.String()); found != nil {
			return found[1], true
		}
		select {
		case <-stdout.grown:
		case <-ctx.Done():
			return "", false
		}
	}
}

// stop ends the process as an operator would, and by force when it does not listen.
func stop(t *testing.T, process *exec.Cmd, exited <-chan error) {
	t.Helper()
	process.Process.Signal(syscall.SIGTERM) //nolint:errcheck,gosec // it may be gone already
	select {
	case err := <-exited:
		if err != nil {
			t.Errorf("Writ ended with %v", err)
		}
	case <-time.After(patience):
		process.Process.Kill() //nolint:errcheck,gosec // it may be gone already
		t.Error("Writ did not stop")
	}
}
