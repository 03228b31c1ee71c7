package interop

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// service is a running program of folder examples that serves orders, or what stands in front of one.
type service struct {
	url    string
	client *http.Client
}

// launch starts a service with settings in its environment.
type launch func(t *testing.T, environment ...string) *service

// serve starts a program that says where it listens, until the test ends. It is ended by its process.
func serve(t *testing.T, folder string, environment []string, program string, arguments ...string) *service {
	t.Helper()
	said := newTranscript()
	process := exec.CommandContext(context.WithoutCancel(t.Context()), program, arguments...)
	process.Dir, process.Stdout, process.Stderr = folder, said, said
	process.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LISTEN=127.0.0.1:0"}, environment...) //nolint:forbidigo // where tools find theirs
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, process, said) })
	address, up := awaitLine(t.Context(), said, regexp.MustCompile(`(?m)^listens on (\S+)$`))
	if !up {
		t.Fatalf("%s %s did not start: %s", program, strings.Join(arguments, " "), said)
	}
	return newService(t, address)
}

// end stops a process as an operator would, and by force when it does not listen. How it ends does not matter.
func end(t *testing.T, process *exec.Cmd, said *transcript) {
	t.Helper()
	process.Process.Signal(syscall.SIGTERM) //nolint:errcheck,gosec // it may be gone already
	force := time.AfterFunc(patience, func() {
		process.Process.Kill() //nolint:errcheck,gosec // it may be gone already
		t.Errorf("%s did not stop", process.Path)
	})
	process.Wait() //nolint:errcheck,gosec // it was stopped by a signal
	force.Stop()
	if t.Failed() {
		t.Logf("%s said:\n%s", process.Path, said)
	}
}

func newService(t *testing.T, address string) *service {
	t.Helper()
	client := &http.Client{
		Timeout:       patience,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &service{address, client}
}

// reply is what a service answered.
type reply struct {
	status          int
	challenge, body string
}

// ask makes a request with a token, or without one if it is empty. more are names and values of headers.
func (s *service) ask(t *testing.T, method, path, token string, more ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	// As it is, tricks and all; two slashes would name a host there.
	if strings.HasPrefix(path, "//") {
		request.URL.Path = path
	} else {
		request.URL.Opaque = path
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(more); i += 2 {
		request.Header.Add(more[i], more[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header.Get("WWW-Authenticate"), string(body)}
}

func (s *service) want(t *testing.T, what, method, path, token string, status int, more ...string) reply {
	t.Helper()
	got := s.ask(t, method, path, token, more...)
	if got.status != status {
		t.Errorf("%s: %s %s: %d %s, want %d", what, method, path, got.status, got.body, status)
	}
	return got
}

// becomes waits until a request is answered so, at most that long.
func (s *service) becomes(t *testing.T, what, method, path, token string, status int, within time.Duration) {
	t.Helper()
	began := time.Now()
	for {
		got := s.ask(t, method, path, token)
		if got.status == status {
			return
		}
		if time.Since(began) > within {
			t.Fatalf("%s: after %v still %d %s, want %d", what, within, got.status, got.body, status)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// decoded is the JSON of the answer.
func (r reply) decoded(t *testing.T) (object map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), &object); err != nil {
		t.Fatalf("%v in %q", err, r.body)
	}
	return object
}

// Each example in Go is built once.
var (
	gohttpProgram = sync.OnceValues(func() (string, error) { return build("gohttp", "../examples/gohttp") })
	goechoProgram = sync.OnceValues(func() (string, error) { return build("goecho", "../examples/goecho") })
)

func goServer(program func() (string, error)) func(*testing.T) launch {
	return func(t *testing.T) launch {
		t.Helper()
		path, err := program()
		if err != nil {
			t.Fatal(err)
		}
		return func(t *testing.T, environment ...string) *service {
			t.Helper()
			return serve(t, "", environment, path)
		}
	}
}

// nodeServer puts the program beside this folder's packages, as `npm install jose` would.
func nodeServer(t *testing.T) launch {
	t.Helper()
	program := node(t)
	packages, err := filepath.Abs("node_modules")
	must(t, err)
	return func(t *testing.T, environment ...string) *service {
		t.Helper()
		folder := t.TempDir()
		must(t, os.CopyFS(folder, os.DirFS("../examples/node")))
		must(t, os.Symlink(packages, filepath.Join(folder, "node_modules")))
		return serve(t, folder, append(environment, "NODE_NO_WARNINGS=1"), program, "server.mjs")
	}
}

// pythonServer takes the first Python that has the library: Debian's package serves /usr/bin/python3 only.
func pythonServer(t *testing.T) launch {
	t.Helper()
	program := python(t)
	return func(t *testing.T, environment ...string) *service {
		t.Helper()
		return serve(t, "", append(environment, "PYTHONDONTWRITEBYTECODE=1"), program, "../examples/python/server.py")
	}
}

func python(t *testing.T) string {
	t.Helper()
	tool(t, "python3")
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), program, "-c", "import jwt, cryptography").Run() == nil {
			return program
		}
	}
	missing(t, "Python has no PyJWT: apt-get install python3-jwt python3-cryptography")
	return ""
}

// nginxServer starts Debian's nginx with the example's configuration, changed where it says so, in front of the example's service.
func nginxServer(t *testing.T) launch {
	t.Helper()
	program, python := tool(t, "nginx"), tool(t, "python3")
	return func(t *testing.T, environment ...string) *service {
		t.Helper()
		issuer, _ := strings.CutPrefix(environment[0], "WRIT_ISSUER=")
		behind := serve(t, "", []string{"PYTHONDONTWRITEBYTECODE=1"}, python, "../examples/nginx/service.py")
		return startNginx(t, program, issuer, behind.url)
	}
}
