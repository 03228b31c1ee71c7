package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newCertificate writes a self-signed certificate for this machine and gives what trusts it.
func newCertificate(t *testing.T, dir string, serial int64, until time.Time) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots = x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(leaf)
	return certFile, keyFile, roots
}

func trusting(roots *x509.CertPool) *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
}

// secureGet gives the answer and what TLS it came by.
func secureGet(t *testing.T, roots *x509.CertPool, url string) (answer, *tls.ConnectionState, error) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: trusting(roots)}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // not read
	return answer{status: response.StatusCode, header: response.Header}, response.TLS, nil
}

// SEC-74
func TestTLSInsideAndANewCertificateWithoutARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile, roots := newCertificate(t, dir, 1, time.Now().Add(time.Hour))
	in := serveHere(t, filepath.Join(dir, "data"), nil, "--tls-cert="+certFile, "--tls-key="+keyFile)
	if !strings.HasPrefix(in.url, "https://127.0.0.1:") {
		t.Fatalf("listens on %s", in.url)
	}
	a, state, err := secureGet(t, roots, in.url+"/readyz")
	if err != nil || a.status != http.StatusOK || state.Version != tls.VersionTLS13 || a.header.Get("Strict-Transport-Security") == "" {
		t.Fatalf("%+v %v", a, err)
	}
	// What a container's supervisor calls.
	listen := "--listen=" + strings.TrimPrefix(in.url, "https://")
	if code, _, stderr := output(t, nil, "healthcheck", listen, "--tls-cert="+certFile, "--tls-key="+keyFile); code != exitOK {
		t.Errorf("healthcheck: %d %s", code, stderr)
	}
	if code, _, _ := output(t, nil, "healthcheck", listen); code != exitFailure {
		t.Errorf("healthcheck without TLS: %d", code)
	}

	// A half that does not fit changes nothing, and the log says so once.
	good, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	write(t, keyFile, "no key")
	awaitLog(t, in, "the old one stays")
	if _, _, err := secureGet(t, roots, in.url+"/readyz"); err != nil {
		t.Errorf("with a broken key on disk: %v", err)
	}
	write(t, keyFile, string(good))
	_, _, renewed := newCertificate(t, dir, 2, time.Now().Add(2*time.Hour))
	awaitLog(t, in, "the TLS certificate was replaced")
	if _, state, err := secureGet(t, renewed, in.url+"/readyz"); err != nil || state.PeerCertificates[0].SerialNumber.Int64() != 2 {
		t.Errorf("the new certificate: %v", err)
	}
	if log := in.stderr.String(); strings.Contains(log, "no key") || strings.Contains(log, "PRIVATE") {
		t.Errorf("the log shows the file: %s", log)
	}
}

func awaitLog(t *testing.T, in *instance, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(in.stderr.String(), text); {
		if time.Now().After(end) {
			t.Fatalf("never logged: %s\n%s", text, in.stderr)
		}
		select {
		case <-in.stderr.grown:
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestTheSameProblemOfACertificateIsLoggedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile, _ := newCertificate(t, dir, 1, time.Now().Add(-time.Hour))
	log := newTranscript()
	c, err := loadCertificate(certFile, keyFile, time.Now, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	counts := func() [3]int {
		text := log.String()
		return [3]int{strings.Count(text, "has expired"), strings.Count(text, "the old one stays"), strings.Count(text, "was replaced")}
	}
	step := func(want [3]int) {
		t.Helper()
		for range 3 {
			c.refresh(context.WithoutCancel(t.Context()))
		}
		if got := counts(); got != want {
			t.Errorf("expired, stays, replaced: %v, want %v\n%s", got, want, log)
		}
	}
	step([3]int{1, 0, 0})
	write(t, certFile, "broken")
	step([3]int{1, 1, 0})
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	step([3]int{1, 2, 0})
	newCertificate(t, dir, 2, time.Now().Add(time.Hour))
	step([3]int{1, 2, 1})
	if c.leaf().SerialNumber.Int64() != 2 {
		t.Error("the old certificate is still used")
	}
	if _, err := loadCertificate(certFile, filepath.Join(dir, "absent"), time.Now, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("started without a key")
	}
	other := t.TempDir()
	otherCert, _, _ := newCertificate(t, other, 3, time.Now().Add(time.Hour))
	if _, err := loadCertificate(otherCert, keyFile, time.Now, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("started with a key of another certificate")
	}
}

// Metrics have a listener of their own, and then only there.
func TestMetricsOnAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	in := serveHere(t, t.TempDir(), nil)
	if a := in.get(t, "/metrics", ""); a.status != http.StatusOK || !strings.Contains(a.body, "writ_tokens_issued_total") && !strings.Contains(a.body, "writ_panics_total") {
		t.Errorf("on this machine: %d", a.status)
	}
	apart := serveHere(t, t.TempDir(), nil, "--metrics-listen=127.0.0.1:0")
	if a := apart.get(t, "/metrics", ""); a.status != http.StatusNotFound {
		t.Errorf("on the main listener: %d", a.status)
	}
	_, rest, _ := strings.Cut(apart.stderr.String(), "metrics are served")
	_, address, _ := strings.Cut(rest, "address=")
	address, _, _ = strings.Cut(address, "\n")
	if a := request(t, http.MethodGet, address, "", "Host", "x", "X-Forwarded-For", "192.0.2.1"); a.status != http.StatusOK || !strings.Contains(a.body, "writ_panics_total") {
		t.Errorf("on its own: %d %s", a.status, a.body)
	}
	if a := request(t, http.MethodGet, strings.TrimSuffix(address, "/metrics")+"/status", ""); a.status != http.StatusNotFound {
		t.Errorf("something else on its own: %d", a.status)
	}
	if code := apart.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
