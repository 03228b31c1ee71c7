package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// collector is what OpenTelemetry calls an OTLP receiver. Names and values are plain bytes in protocol buffers.
type collector struct {
	mu      sync.Mutex
	content strings.Builder
	paths   []string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.content.Write(body)
	c.paths = append(c.paths, r.URL.Path+" "+r.Header.Get("Content-Type"))
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *collector) received() (content string, paths []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.content.String(), c.paths
}

// traced runs Writ in a process of its own, whose environment the SDK reads.
func traced(t *testing.T, environ ...string) *instance {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	in := &instance{stdout: newTranscript(), stderr: newTranscript(), exited: make(chan struct{})}
	in.command = exec.CommandContext(t.Context(), path, arguments(t.TempDir(), []string{"--demo", "--log-level=debug"})...)
	in.command.Stdout, in.command.Stderr = in.stdout, in.stderr
	in.command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	if err := in.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(in.exited)
		in.command.Wait() //nolint:errcheck,gosec // the exit code is read from ProcessState
	}()
	t.Cleanup(in.kill)
	in.waitUntilListening(t)
	return in
}

// SEC-79: traces go where the environment says, with the parts of a request, and nothing that a caller has sent or been given is in them.
func TestTracesHoldThePartsOfARequestAndNoSecrets(t *testing.T) {
	t.Parallel()
	sink := &collector{}
	receiver := httptest.NewServer(sink)
	t.Cleanup(receiver.Close)
	in := traced(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL, "OTEL_SERVICE_NAME=writ-of-a-test", "OTEL_BSP_SCHEDULE_DELAY=50",
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=somewhere")
	const canary = "canary4711"
	user, app := in.printed(t, "app user of demo/app"), in.printed(t, "client of demo/app")
	token := in.token(t, "/demo/app/token", `{"grant_type":"password","username":"`+user.name+`","password":"`+user.password+`"}`)
	clientToken := in.token(t, "/demo/app/token", `{"grant_type":"client_credentials","client_id":"`+app.name+`","client_secret":"`+app.password+`"}`)
	for _, r := range [][]string{
		{"POST", "/demo/app/token?access_token=" + canary, `{"grant_type":"password","username":"` + canary + `","password":"` + canary + `"}`},
		{"POST", "/" + canary + "/" + canary + "/token", "grant_type=" + canary},
		{"GET", "/demo/app/users/" + canary + "?ql=" + canary, ""},
		{"GET", "/demo/app/users/" + user.name, ""},
		{"PUT", "/demo/app/users/" + user.name, `{"name":"` + canary + `"}`},
		{strings.ToUpper(canary), "/status", ""},
	} {
		request(t, r[0], in.url+r[1], r[2], "Authorization", "Bearer "+clientToken, "Cookie", canary, "User-Agent", canary, "X-Forwarded-For", "203.0.113.77",
			"Traceparent", "00-"+strings.Repeat("ca", 16)+"-"+strings.Repeat("ca", 8)+"-01", "Tracestate", canary+"=1", "Baggage", canary+"=1", "X-Request-Id", canary)
	}
	if err := in.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-in.exited
	content, paths := sink.received()
	for _, want := range []string{
		"writ-of-a-test", "somewhere", "POST /:org/:app/token", "GET /:org/:app/users/:user", "PATCH /status", "hash password", "SELECT users",
		"http.response.status_code", "invalid_grant", "application_user",
	} {
		if !strings.Contains(content, want) {
			t.Errorf("no span says %q", want)
		}
	}
	if len(paths) == 0 || paths[0] != "/v1/traces application/x-protobuf" {
		t.Errorf("the collector was asked for %v", paths)
	}
	for _, secret := range []string{
		canary, strings.ToUpper(canary), token, clientToken, user.name, user.password, app.name, app.password, "203.0.113.77", "127.0.0.1", strings.Repeat("\xca", 16),
		base64.StdEncoding.EncodeToString([]byte(canary)),
	} {
		if strings.Contains(content, secret) {
			t.Errorf("a span holds %q", secret)
		}
	}
	log := in.stderr.String()
	if !strings.Contains(log, "trace=") || strings.Contains(log, strings.Repeat("ca", 16)) {
		t.Errorf("the log does not name traces, or a stranger's: %s", log)
	}
	if in.command.ProcessState.ExitCode() != exitOK {
		t.Errorf("exit code %d", in.command.ProcessState.ExitCode())
	}
}

// A collector that is away costs neither requests nor the end of the process.
func TestACollectorThatIsAwayHurtsNobody(t *testing.T) {
	t.Parallel()
	in := traced(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_EXPORTER_OTLP_TIMEOUT=200")
	if a := in.get(t, "/readyz", ""); a.status != http.StatusOK {
		t.Errorf("%d", a.status)
	}
	if err := in.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	<-in.exited
	if took := time.Since(began); took > drainTime+tracePatience+5*time.Second || in.command.ProcessState.ExitCode() != exitOK {
		t.Errorf("%v, exit code %d", took, in.command.ProcessState.ExitCode())
	}
	if !strings.Contains(in.stderr.String(), "traces could not be exported") {
		t.Errorf("nobody was told: %s", in.stderr)
	}
}

func TestWhatTracingCannotDoIsAProblemOfTheConfiguration(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"OTEL_TRACES_EXPORTER=zipkin", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json"} {
		environ := []string{variable, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"}
		code, _, stderr := output(t, environ, "serve", "--data-dir="+t.TempDir(), "--listen=127.0.0.1:0")
		name, _, _ := strings.Cut(variable, "=")
		if code != exitConfiguration || !strings.Contains(stderr, name) {
			t.Errorf("%s: exit code %d: %s", variable, code, stderr)
		}
	}
}
