package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
)

// Over TLS the browser keeps the session for this host alone, and gives it neither to scripts nor to plain HTTP.
//
// SEC-66
func TestTheCookieOverTLSInABrowser(t *testing.T) {
	t.Parallel()
	cert, key := newCertificate(t)
	browser := newBrowser(t)
	address := start(t, "--tls-cert="+cert, "--tls-key="+key)
	p := newTab(t, browser)
	_, err := chromedp.Call(p.ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
	if err != nil {
		t.Fatal(err)
	}
	p.open(t, address+"/portal", http.StatusOK, "Sign in")
	p.signInWith(t, superuser, superuserPassword, "Organizations")
	got := p.sessionCookie(t)
	if got.Name != "__Host-writ-portal" || !got.Secure || !got.HTTPOnly || got.SameSite != network.CookieSameSiteLax || got.Path != "/" || got.Domain != "127.0.0.1" {
		t.Errorf("cookie %+v", got)
	}
	if seen := asked[string](t, p, "document.cookie"); seen != "" {
		t.Errorf("scripts see %q", seen)
	}
	p.click(t, ".bar button", http.StatusOK, "Sign in")
	left, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil || len(left.Cookies) != 0 {
		t.Errorf("after signing out: %v %v", left.Cookies, err)
	}
}

// newCertificate writes a self-signed certificate for this machine.
func newCertificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}
