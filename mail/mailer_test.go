package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/mail/mailtest"
)

const link = "https://id.example.com/acme/shop/users/23eb7164-3ac5-4727-95d2-5341edc5fe85/resetpw?token=canary-token"

// journal is a log that may be read while others write.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// start runs a Mailer that sends to a server; stop ends it and waits.
func start(t *testing.T, cfg Config) (m *Mailer, log *journal, stop func()) {
	t.Helper()
	log = &journal{}
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	if cfg.From == "" {
		cfg.From = "Writ <writ@id.example.com>"
	}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = m.Run(ctx)
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return m, log, stop
}

func serverOf(t *testing.T, text string) *Server {
	t.Helper()
	s, err := ParseServer(text)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

func resetLetter(to string) Request {
	return func(context.Context) (*Letter, error) {
		return &Letter{Kind: Reset, To: to, Place: "acme/shop", Link: link, Life: time.Hour}, nil
	}
}

// certificate is one for 127.0.0.1 and example.com, and the pool that trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}, roots
}

func TestALetterArrives(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	m, log, _ := start(t, Config{Server: serverOf(t, "smtp://"+server.Addr)})
	m.Send(resetLetter("dana@example.com"))
	got := server.Next(t)
	if got.From != "writ@id.example.com" || len(got.To) != 1 || got.To[0] != "dana@example.com" {
		t.Errorf("envelope %s, %v", got.From, got.To)
	}
	if got.Subject != "Set a new password for acme/shop" || got.Header.Get("To") != "<dana@example.com>" ||
		got.Header.Get("From") != `"Writ" <writ@id.example.com>` || got.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("headers %v", got.Header)
	}
	if _, err := got.Header.Date(); err != nil || !strings.HasSuffix(got.Header.Get("Message-Id"), "@id.example.com>") {
		t.Errorf("headers %v: %v", got.Header, err)
	}
	if got.Link(t) != link || !strings.Contains(got.Text, "once, within 1 hour") || !strings.Contains(got.HTML, "once, within 1 hour") {
		t.Errorf("text %s\nhtml %s", got.Text, got.HTML)
	}
	if got.TLS || log.String() != "" {
		t.Errorf("TLS %t, log %s", got.TLS, log)
	}
}

func TestEveryKindOfLetterHasWords(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	m, _, _ := start(t, Config{Server: serverOf(t, "smtp://"+server.Addr)})
	for _, kind := range []Kind{Reset, Welcome, Activate, Confirm, Joined} {
		m.Send(func(context.Context) (*Letter, error) {
			return &Letter{Kind: kind, To: "dana@example.com", Place: "acme/<i>shop", Link: link, Life: 7 * 24 * time.Hour}, nil
		})
		got := server.Next(t)
		if strings.Contains(got.Raw, "%!") || strings.Contains(got.Text+got.HTML+got.Subject, "%s") || got.Link(t) != link {
			t.Errorf("%s: %s", kind, got.Raw)
		}
		if strings.Contains(got.HTML, "<i>") || !strings.Contains(got.Subject, "acme/<i>shop") {
			t.Errorf("%s: %s %s", kind, got.Subject, got.HTML)
		}
		if kind != Joined && !strings.Contains(got.Text, "within 7 days") {
			t.Errorf("%s: %s", kind, got.Text)
		}
	}
}

func TestTLSAndAuthentication(t *testing.T) {
	t.Parallel()
	config, roots := certificate(t)
	for name, c := range map[string]struct {
		options mailtest.Options
		url     string // %s: the address
		roots   *x509.CertPool
		arrives bool
		tls     bool
	}{
		"offered STARTTLS is used":                           {mailtest.Options{TLS: config}, "smtp://%s", roots, true, true},
		"on this machine whatever the certificate":           {mailtest.Options{TLS: config}, "smtp://%s", nil, true, true},
		"TLS from the start":                                 {mailtest.Options{TLS: config, Implicit: true}, "smtps://%s", roots, true, true},
		"TLS from the start with an unknown certificate":     {mailtest.Options{TLS: config, Implicit: true}, "smtps://%s", nil, false, false},
		"password over TLS":                                  {mailtest.Options{TLS: config, User: "u", Password: "p@ss:w/"}, "smtp://u:p%40ss%3Aw%2F@%s", roots, true, true},
		"password without TLS, on this machine":              {mailtest.Options{User: "u", Password: "p"}, "smtp://u:p@%s", nil, true, false},
		"wrong password":                                     {mailtest.Options{User: "u", Password: "p"}, "smtp://u:canary-wrong@%s", nil, false, false},
		"no password where one is needed":                    {mailtest.Options{User: "u", Password: "p"}, "smtp://%s", nil, false, false},
		"a password where the server wants none is an error": {mailtest.Options{}, "smtp://u:canary-wrong@%s", nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t, c.options)
			m, log, stop := start(t, Config{
				Server: serverOf(t, strings.Replace(c.url, "%s", server.Addr, 1)), Roots: c.roots, Backoff: []time.Duration{},
			})
			m.Send(resetLetter("dana@example.com"))
			if c.arrives {
				if got := server.Next(t); got.TLS != c.tls {
					t.Errorf("over TLS: %t", got.TLS)
				}
				return
			}
			stop()
			if server.Count() != 0 || !strings.Contains(log.String(), "could not be delivered") || strings.Contains(log.String(), "canary") {
				t.Errorf("%d mails, log %s", server.Count(), log)
			}
		})
	}
}

// Beyond this machine there is no way back to plain text.
func TestTLSIsRequiredBeyondThisMachine(t *testing.T) {
	t.Parallel()
	for url, policy := range map[string]string{
		"smtp://mail.example.com": "TLSMandatory", "smtp://192.0.2.1:25": "TLSMandatory", "smtp://localhost:25": "TLSOpportunistic",
		"smtp://[::1]:25": "TLSOpportunistic", "smtp://127.0.0.2": "TLSOpportunistic", "smtp://localhost.example.com": "TLSMandatory",
	} {
		client, err := serverOf(t, url).client(nil)
		if err != nil || client.TLSPolicy() != policy {
			t.Errorf("%s: %s, %v", url, client.TLSPolicy(), err)
		}
	}
}

func TestServerSettings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Server{
		"smtp://mail.example.com":              {Host: "mail.example.com", Port: 587},
		"smtps://mail.example.com/":            {Host: "mail.example.com", Port: 465, Implicit: true},
		"smtp://u%40h:p%3A%2F@mail.example:25": {Host: "mail.example", Port: 25, User: "u@h", Password: "p:/"},
	} {
		if got, err := ParseServer(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "mail.example.com", "mail.example.com:25", "http://mail.example.com", "smtp:mail", "smtp://", "smtp://:25", "smtp://canary:canary@h:x",
		"smtp://h:0", "smtp://h:65536", "smtp://h/path", "smtp://h?canary", "smtp://h#canary", "smtp://u:canary%zz@h", "smtp://u:canary@h\n",
	} {
		if _, err := ParseServer(text); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	server := mailtest.New(t, mailtest.Options{Refuse: func(to string) error {
		if n := asked.Add(1); n <= 2 {
			return mailtest.Refusal(451, "greylisted, "+to)
		}
		return nil
	}})
	m, log, _ := start(t, Config{Server: serverOf(t, "smtp://"+server.Addr), Backoff: []time.Duration{time.Millisecond, time.Millisecond}})
	m.Send(resetLetter("dana@example.com"))
	if got := server.Next(t); got.Link(t) != link {
		t.Error(got.Text)
	}
	if n := strings.Count(log.String(), "could not be delivered"); n != 2 || strings.Contains(log.String(), "dana@") {
		t.Errorf("log %s", log)
	}
}

func TestARefusedLetterIsGivenUp(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{Refuse: func(to string) error {
		if strings.HasPrefix(to, "nobody@") {
			return mailtest.Refusal(550, "no such mailbox")
		}
		return nil
	}})
	m, log, stop := start(t, Config{Server: serverOf(t, "smtp://"+server.Addr), Backoff: []time.Duration{time.Millisecond}})
	m.Send(resetLetter("nobody@example.com"))
	m.Send(resetLetter("dana@example.com"))
	server.Next(t)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "SMTP 550") && time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
	}
	stop()
	if n := strings.Count(log.String(), "could not be delivered"); n != 1 || !strings.Contains(log.String(), "again=false") ||
		strings.Contains(log.String(), "canary") {
		t.Errorf("log %s", log)
	}
}

// A line break in an address or a place never becomes a header, and a mail never goes to somebody else besides.
func TestLineBreaksMakeNoHeaders(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	m, _, stop := start(t, Config{Server: serverOf(t, "smtp://"+server.Addr)})
	for _, to := range []string{
		"dana@example.com\r\nBcc: eve@example.com", "dana@example.com\nX: y", "dana@example.com>, <eve@example.com", "dana@example.com,eve@example.com",
		"", "dana", "a@b\x00c",
	} {
		m.Send(resetLetter(to))
	}
	m.Send(func(context.Context) (*Letter, error) {
		return &Letter{Kind: Reset, To: "dana@example.com", Place: "acme\r\nBcc: eve@example.com\r\n\r\nx", Link: link}, nil
	})
	got := server.Next(t)
	stop()
	if server.Count() != 1 || got.Header.Get("Bcc") != "" || len(got.To) != 1 {
		t.Errorf("%d mails, %s", server.Count(), got.Raw)
	}
	if _, err := New(Config{Server: &Server{Host: "h"}, From: "writ@example.com\r\nBcc: eve@example.com", Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a sender with a line break is accepted")
	}
}

func TestWhatIsQueuedIsSentBeforeTheEnd(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	m, err := New(Config{Server: serverOf(t, "smtp://"+server.Addr), From: "w@example.com", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		m.Send(resetLetter("dana@example.com"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if server.Count() != 20 {
		t.Errorf("%d mails", server.Count())
	}
}

func TestABrokenRequestHurtsNobody(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Options{})
	m, log, _ := start(t, Config{Server: serverOf(t, "smtp://"+server.Addr)})
	for range 2 * senders {
		m.Send(func(context.Context) (*Letter, error) { panic("broken") })
		m.Send(func(context.Context) (*Letter, error) { return nil, errors.New("database is down") })
		m.Send(func(context.Context) (*Letter, error) { return nil, nil })
		m.Send(func(context.Context) (*Letter, error) { return &Letter{Kind: "unknown", To: "dana@example.com"}, nil })
	}
	m.Send(resetLetter("dana@example.com"))
	server.Next(t)
	if !strings.Contains(log.String(), "database is down") || !strings.Contains(log.String(), "panic") {
		t.Error(log)
	}
}

func TestAFullQueueDrops(t *testing.T) {
	t.Parallel()
	log := &journal{}
	m, err := New(Config{Server: &Server{Host: "localhost"}, From: "w@example.com", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range queueSize + 1 {
		m.Send(resetLetter("dana@example.com"))
	}
	if strings.Count(log.String(), "dropped") != 1 {
		t.Error(log)
	}
}

// Without a server links appear in the log only if that was asked for.
func TestLinksAreLoggedForDemonstrationsOnly(t *testing.T) { // SEC-79
	t.Parallel()
	for _, demo := range []bool{false, true} {
		m, log, stop := start(t, Config{LogLinks: demo})
		m.Send(resetLetter("dana@example.com"))
		stop()
		if strings.Contains(log.String(), "canary-token") != demo || strings.Count(log.String(), "level=WARN") != 1 {
			t.Errorf("demo %t: %s", demo, log)
		}
	}
}
