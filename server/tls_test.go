package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"
)

func testCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// SEC-74: 1.3 where the client can, 1.2 with forward secrecy and authenticated encryption where not, nothing older; and no HTTP/2, which the
// watch on the framing cannot read.
func TestTLSVersionsAndSuites(t *testing.T) {
	t.Parallel()
	certificate := testCertificate(t)
	f := newServer(t, options{configure: func(c *Config) {
		c.TLS = TLSConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil })
	}})
	dial := f.listen(t)
	handshake := func(config *tls.Config) (tls.ConnectionState, error) {
		config.InsecureSkipVerify = true
		conn, is := dial().(*tls.Conn)
		if !is {
			t.Fatal("no TLS")
		}
		again := tls.Client(conn.NetConn(), config)
		err := again.HandshakeContext(t.Context())
		return again.ConnectionState(), err
	}
	if state, err := handshake(&tls.Config{NextProtos: []string{"h2", "http/1.1"}}); err != nil || state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("by default: version %x, protocol %q, %v", state.Version, state.NegotiatedProtocol, err)
	}
	if state, err := handshake(&tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}); err != nil || state.Version != tls.VersionTLS12 { //nolint:gosec // the older of the two
		t.Errorf("1.2: %x %v", state.Version, err)
	}
	for name, config := range map[string]*tls.Config{
		"1.1":      {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"1.0":      {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10},
		"CBC":      {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}},
		"no ECDHE": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
	} {
		if state, err := handshake(config); err == nil {
			t.Errorf("%s: %x %x", name, state.Version, state.CipherSuite)
		}
	}
}

// Plain HTTP on the port of TLS gets no answer that could be taken for one.
//
// SEC-74
func TestPlainHTTPIsNotAnsweredUnderTLS(t *testing.T) {
	t.Parallel()
	certificate := testCertificate(t)
	f := newServer(t, options{configure: func(c *Config) {
		c.TLS = TLSConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil })
	}})
	dial := f.listen(t)
	secure, is := dial().(*tls.Conn)
	if !is {
		t.Fatal("no TLS")
	}
	plain := secure.NetConn()
	_, err := io.WriteString(plain, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	if text, _ := io.ReadAll(plain); len(text) > 16 { // at most an alert
		t.Errorf("%q", text)
	}

	conn := dial()
	_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusOK || response.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
}
