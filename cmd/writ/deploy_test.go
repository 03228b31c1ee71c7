package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

// program finds a program that a test needs; in CI it must be there.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, folder := range []string{"", "/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(folder + name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing", name)
	}
	t.Skipf("SKIPPED: %s is missing", name)
	return ""
}

func perform(t *testing.T, path string, args ...string) string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", path, args, err, text)
	}
	return string(text)
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // a test's listener
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// replaced writes a file of the project with what cannot be on this machine replaced, each of it exactly as it stands there.
func replaced(t *testing.T, content, to string, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(content, pairs[i]) {
			t.Fatalf("%s is not in %s", pairs[i], filepath.Base(to))
		}
	}
	write(t, to, strings.NewReplacer(pairs...).Replace(content))
}

// deployed is the cluster of the compose file without Docker: the script that makes its secrets, three replicas with its environment on a
// real PostgreSQL, and a real nginx with its configuration.
type deployed struct {
	url      string
	roots    *x509.CertPool
	replicas []*instance
}

func deploy(t *testing.T) *deployed {
	t.Helper()
	nginx, shell := program(t, "nginx"), program(t, "sh")
	program(t, "openssl")
	database := postgrestest.Database(t)
	dir := t.TempDir()
	script := filepath.Join("..", "..", "docs", "deploy", "secrets.sh")
	perform(t, shell, script, dir)
	config := readFileOf(t, dir, "writ", "writ.toml")
	perform(t, shell, script, dir) // never twice
	if again := readFileOf(t, dir, "writ", "writ.toml"); again != config || !strings.Contains(config, "postgres://writ:") {
		t.Error("the secrets were made anew")
	}
	toml := filepath.Join(dir, "here.toml")
	replaced(t, regexp.MustCompile(`postgres://[^"]*`).ReplaceAllLiteralString(config, database), toml, "/secrets/writ", filepath.Join(dir, "writ"))
	if os.Getuid() == 0 { // the script gave it to the container's user
		if err := os.Chown(filepath.Join(dir, "writ", "master.key"), 0, 0); err != nil {
			t.Fatal(err)
		}
	}

	d := &deployed{roots: x509.NewCertPool()}
	port := freePort(t)
	d.url = "https://localhost:" + port
	pairs := []string{"listen 8443", "listen 127.0.0.1:" + port, "/secrets/tls", filepath.Join(dir, "tls"), "/tmp/nginx", filepath.Join(dir, "nginx")}
	environ := container(t, "x-replica", map[string]string{
		"WRIT_LISTEN": "0.0.0.0:0", "WRIT_CONFIG": toml, "WRIT_METRICS_LISTEN": "127.0.0.1:0", "WRIT_TRUSTED_PROXIES": "127.0.0.1", "WRIT_PUBLIC_URL": d.url,
	})
	for i := range 3 {
		in := startApart(t, environ, "serve")
		in.waitUntilListening(t)
		in.url = "http://127.0.0.1" + in.url[strings.LastIndexByte(in.url, ':'):]
		d.replicas = append(d.replicas, in)
		pairs = append(pairs, fmt.Sprintf("replica-%d:8080", i+1), strings.TrimPrefix(in.url, "http://"))
	}
	conf := filepath.Join(dir, "nginx.conf")
	replaced(t, projectFile(t, "docs", "deploy", "nginx.conf"), conf, pairs...)
	if !d.roots.AppendCertsFromPEM([]byte(readFileOf(t, dir, "tls", "cert.pem"))) {
		t.Fatal("the certificate is none")
	}
	log := filepath.Join(dir, "nginx.log")
	output, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close() //nolint:errcheck // the process has its own
	proxy := exec.CommandContext(t.Context(), nginx, "-c", conf, "-e", "stderr", "-g", "daemon off;")
	proxy.Stdout, proxy.Stderr = output, output
	proxy.Cancel = func() error { return proxy.Process.Signal(os.Interrupt) }
	proxy.WaitDelay = patience
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		proxy.Wait() //nolint:errcheck,gosec // it is interrupted at the end
	}()
	t.Cleanup(func() {
		proxy.Process.Signal(os.Interrupt) //nolint:errcheck,gosec // it may be gone already
		<-ended
	})
	promptly(t, "nginx answers", patience, func() bool {
		select {
		case <-ended:
			t.Fatalf("nginx ended: %s", readFileOf(t, log))
		default:
		}
		a, _, err := secureGet(t, d.roots, d.url+"/readyz")
		return err == nil && a.status == http.StatusOK
	})
	return d
}

func readFileOf(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask makes a request through the proxy.
func (d *deployed) ask(t *testing.T, method, path, body string, header ...string) (answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, d.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := trusting(d.roots)
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}, err
}

// The profile "cluster": its secrets, its settings and its proxy work together.
//
// SEC-74
func TestTheComposeFileStartsACluster(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	var credentials []string
	for _, in := range d.replicas {
		if log := in.stderr.String(); strings.Contains(log, "mean nothing") || strings.Contains(log, `"ERROR"`) || strings.Contains(log, "insecure") {
			t.Errorf("log: %s", log)
		}
		if found := regexp.MustCompile(`username  (\S+)\n  password  (\S+)\n`).FindStringSubmatch(in.stdout.String()); found != nil {
			credentials = append(credentials, found[1:]...)
		}
	}
	if len(credentials) != 2 {
		t.Fatalf("the superuser's password was printed %d times", len(credentials)/2)
	}
	login := fmt.Sprintf(passwordLogin, credentials[0], credentials[1])
	a, err := d.ask(t, http.MethodPost, "/management/token", login)
	token := regexp.MustCompile(`"access_token":"([^"]+)"`).FindStringSubmatch(a.body)
	if err != nil || token == nil || a.header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("%d %s %v", a.status, a.body, err)
	}
	// Every replica takes the token of any.
	for range 6 {
		if a, err := d.ask(t, http.MethodGet, "/management/orgs", "", "Authorization", "Bearer "+token[1]); err != nil || a.status != http.StatusOK {
			t.Errorf("%d %s %v", a.status, a.body, err)
		}
	}
	if a, _ := d.ask(t, http.MethodGet, "/metrics", ""); a.status != http.StatusNotFound {
		t.Errorf("metrics through the proxy: %d", a.status)
	}
	if a, _ := d.ask(t, http.MethodGet, "/.well-known/oauth-authorization-server/management", ""); !strings.Contains(a.body, `"issuer":"`+d.url+`/management"`) {
		t.Errorf("%s", a.body)
	}
	// The proxy says who the client is, whatever the client says.
	if _, err := d.ask(t, http.MethodGet, "/status", "", "X-Forwarded-For", "203.0.113.66", "Forwarded", "for=203.0.113.66", "X-Request-Id", "spoofed"); err != nil {
		t.Error(err)
	}
	var log strings.Builder
	for _, in := range d.replicas {
		log.WriteString(in.stderr.String())
	}
	if strings.Contains(log.String(), "203.0.113.66") || !strings.Contains(log.String(), `"source":"127.0.0.1 (proxied)"`) {
		t.Errorf("log: %s", log.String())
	}

	// A replica that dies is passed over.
	d.replicas[1].kill()
	began := time.Now()
	for range 10 {
		if a, err := d.ask(t, http.MethodGet, "/management/orgs", "", "Authorization", "Bearer "+token[1]); err != nil || a.status != http.StatusOK {
			t.Errorf("after a replica's death: %d %s %v", a.status, a.body, err)
		}
	}
	if took := time.Since(began); took > patience {
		t.Errorf("ten requests took %v", took)
	}
}

// systemd finds nothing wrong with the unit, and little that it could do if it were broken into.
func TestTheSystemdUnit(t *testing.T) {
	t.Parallel()
	analyze := program(t, "systemd-analyze")
	folder := t.TempDir()
	unit := filepath.Join(folder, "writ.service")
	replaced(t, projectFile(t, "docs", "deploy", "writ.service"), unit, "/usr/local/bin/writ", program(t, "true"))
	if text := perform(t, analyze, "verify", unit); strings.TrimSpace(text) != "" {
		t.Errorf("systemd-analyze: %s", text)
	}
	perform(t, analyze, "security", "--offline=true", "--threshold=20", unit) // 2.0 of 10
	for _, name := range regexp.MustCompile(`\bWRIT_[A-Z_]+`).FindAllString(projectFile(t, "docs", "deploy", "writ.service"), -1) {
		if !strings.Contains(serveHelp(settings()), name+"\n") {
			t.Errorf("%s is no setting", name)
		}
	}
}
