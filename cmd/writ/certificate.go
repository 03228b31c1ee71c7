package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// certificatePoll is how often the files of a certificate are read. They are small, and contents tell more than times do: an orchestrator
// replaces a link, a restore keeps the time.
const certificatePoll = 2 * time.Second

// certificate is what Writ proves its name with. It is read again when its files change; while they do not fit together, the last good one stays.
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger
	now               func() time.Time
	current           atomic.Pointer[tls.Certificate]

	// Of the loop only.
	taken   [sha256.Size]byte // of the contents of current
	problem string            // with what the files hold now
}

// loadCertificate reads the files for the first time, when anything wrong with them is an error.
func loadCertificate(certFile, keyFile string, now func() time.Time, logger *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now, logger: logger}
	if info, err := os.Stat(keyFile); err == nil && info.Mode().Perm()&0o007 != 0 {
		logger.Warn("every user of the machine can read the key of the TLS certificate: run chmod 600 on it", "file", keyFile)
	}
	if _, err := c.read(); err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return c, nil
}

// read looks at the files and takes what is new in them.
func (c *certificate) read() (changed bool, err error) {
	certPEM, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, err
	}
	keyPEM, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, err
	}
	contents := sha256.Sum256(bytes.Join([][]byte{certPEM, keyPEM}, []byte{0}))
	if contents == c.taken {
		return false, nil
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return false, fmt.Errorf("%s and %s: %w", c.certFile, c.keyFile, err)
	}
	if c.now().After(pair.Leaf.NotAfter) {
		c.logger.Warn("the TLS certificate has expired: clients will refuse it", "file", c.certFile, "since", pair.Leaf.NotAfter)
	}
	c.current.Store(&pair)
	c.taken = contents
	return true, nil
}

// Run reads the certificate again and again until ctx ends.
func (c *certificate) Run(ctx context.Context) error {
	ticker := time.NewTicker(certificatePoll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			c.refresh(ctx)
		}
	}
}

// refresh reads once and tells the log what is new, the same problem once.
func (c *certificate) refresh(ctx context.Context) {
	changed, err := c.read()
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	switch {
	case changed:
		c.logger.InfoContext(ctx, "the TLS certificate was replaced", "file", c.certFile, "until", c.leaf().NotAfter)
	case problem != "" && problem != c.problem:
		c.logger.WarnContext(ctx, "the new TLS certificate cannot be used, the old one stays", "cause", err)
	}
	c.problem = problem
}

func (c *certificate) leaf() *x509.Certificate { return c.current.Load().Leaf }

// get is the tls.Config's GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
