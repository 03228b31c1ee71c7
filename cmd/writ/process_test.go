package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests; nothing normal takes a tenth of it.
const patience = 30 * time.Second

// transcript is an output that can be waited for.
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

// await returns the first group of the first match, or not if the writer ended or patience did.
func (t *transcript) await(pattern *regexp.Regexp, ended <-chan struct{}) (string, bool) {
	tooLate := time.After(patience)
	for {
		if found := pattern.FindStringSubmatch(t.String()); found != nil {
			return found[1], true
		}
		select {
		case <-t.grown:
		case <-ended:
			return "", false
		case <-tooLate:
			return "", false
		}
	}
}

func listening() *regexp.Regexp { return regexp.MustCompile(`(?m)^Writ listens on (\S+)$`) }

// instance is a running Writ, in this process or in one of its own.
type instance struct {
	url            string
	stdout, stderr *transcript
	stop           func() int    // drains and returns the exit code
	command        *exec.Cmd     // nil in this process
	exited         chan struct{} // closed when the process or goroutine has ended
}

func arguments(dir string, more []string) []string {
	args := []string{"serve", "--data-dir=" + dir}
	if !slices.ContainsFunc(more, func(flag string) bool { return strings.HasPrefix(flag, "--listen=") }) {
		args = append(args, "--listen=127.0.0.1:0")
	}
	return append(args, more...)
}

// serveHere runs Writ in this process on a free port until the test ends.
func serveHere(t *testing.T, dir string, environ []string, more ...string) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in := &instance{stdout: newTranscript(), stderr: newTranscript(), exited: make(chan struct{})}
	code := make(chan int, 1)
	go func() {
		defer close(in.exited)
		code <- run(ctx, append([]string{"writ"}, arguments(dir, more)...), environ, strings.NewReader(""), in.stdout, in.stderr)
	}()
	in.stop = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { in.stop() })
	in.waitUntilListening(t)
	return in
}

func (in *instance) waitUntilListening(t *testing.T) {
	t.Helper()
	var up bool
	if in.url, up = in.stdout.await(listening(), in.exited); !up {
		t.Fatalf("Writ did not start\nstdout: %s\nstderr: %s", in.stdout, in.stderr)
	}
}

var scratch string //nolint:gochecknoglobals // folder of the binary, made and removed by TestMain

// binary builds the program once for all tests that need it.
var binary = sync.OnceValues(func() (string, error) { //nolint:gochecknoglobals // built once
	path := filepath.Join(scratch, "writ")
	if text, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return path, &buildError{string(text)}
	}
	return path, nil
})

type buildError struct{ text string }

func (e *buildError) Error() string { return e.text }

func TestMain(m *testing.M) {
	if off, is := os.LookupEnv(clockOff); is {
		os.Exit(writWithClock(off))
	}
	var err error
	if scratch, err = os.MkdirTemp("", "writ-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch) //nolint:errcheck,gosec // a left-over in the temporary folder
	os.Exit(code)
}

// serveApart runs Writ in a process of its own, for what only a process has: signals and sudden death.
func serveApart(t *testing.T, dir string, more ...string) *instance {
	t.Helper()
	in := startApart(t, nil, arguments(dir, more)...)
	in.waitUntilListening(t)
	return in
}

// startApart runs Writ in a process of its own and does not wait for anything.
func startApart(t *testing.T, environ []string, args ...string) *instance {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return startProgram(t, path, environ, args...)
}

func startProgram(t *testing.T, path string, environ []string, args ...string) *instance {
	t.Helper()
	in := &instance{stdout: newTranscript(), stderr: newTranscript(), exited: make(chan struct{})}
	in.command = exec.CommandContext(t.Context(), path, args...)
	in.command.Stdout, in.command.Stderr, in.command.Env = in.stdout, in.stderr, append(slices.Clone(environ), "PATH="+os.Getenv("PATH"))
	if err := in.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(in.exited)
		in.command.Wait() //nolint:errcheck,gosec // the exit code is read from ProcessState
	}()
	in.stop = func() int {
		in.command.Process.Signal(syscall.SIGTERM) //nolint:errcheck,gosec // it may be gone already
		<-in.exited
		return in.command.ProcessState.ExitCode()
	}
	t.Cleanup(in.kill)
	return in
}

// kill is kill -9.
func (in *instance) kill() {
	in.command.Process.Kill() //nolint:errcheck,gosec // it may be gone already
	<-in.exited
}

// answer is what tests look at of a response.
type answer struct {
	status int
	header http.Header
	body   string
}

func request(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Client{Timeout: patience}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

func (in *instance) get(t *testing.T, path, token string) answer {
	t.Helper()
	if token == "" {
		return request(t, http.MethodGet, in.url+path, "")
	}
	return request(t, http.MethodGet, in.url+path, "", "Authorization", "Bearer "+token)
}

// post sends a JSON body.
func (in *instance) post(t *testing.T, path, body string) answer {
	t.Helper()
	return request(t, http.MethodPost, in.url+path, body)
}

func (in *instance) token(t *testing.T, path, body string) string {
	t.Helper()
	a := in.post(t, path, body)
	found := regexp.MustCompile(`"access_token":"([^"]+)"`).FindStringSubmatch(a.body)
	if a.status != http.StatusOK || found == nil {
		t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	return found[1]
}

// printed finds a credential in what the demo printed, by the beginning of its line.
func (in *instance) printed(t *testing.T, line string) login {
	t.Helper()
	found := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(line) + `\s+(\S+)\s+(\S+)`).FindStringSubmatch(in.stdout.String())
	if found == nil {
		t.Fatalf("no %q in\n%s", line, in.stdout)
	}
	return login{found[1], found[2]}
}
