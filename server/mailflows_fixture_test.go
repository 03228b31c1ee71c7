package server

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/mail"
	"github.com/writ-auth/writ/mail/mailtest"
)

const linkPassword = "broad-meadow-31"

// mailFixture is a fixture whose mails go to a real SMTP server.
type mailFixture struct {
	*fixture

	smtp *mailtest.Server
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newMailServer(t testing.TB, opts options) *mailFixture {
	t.Helper()
	f := &mailFixture{smtp: mailtest.New(t, mailtest.Options{}), log: &lockedBuffer{}}
	to, err := mail.ParseServer("smtp://" + f.smtp.Addr)
	must(t, err)
	opts.logger = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	mailer, err := mail.New(mail.Config{Server: &to, From: "writ@id.example.com", Logger: opts.logger})
	must(t, err)
	configure := opts.configure
	opts.configure = func(c *Config) {
		c.Mail = mailer
		if configure != nil {
			configure(c)
		}
	}
	f.fixture = newServer(t, opts)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = mailer.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

// link waits for the next mail, which must be to this address, and gives path and query of its link.
func (f *mailFixture) link(t testing.TB, to string) string {
	t.Helper()
	m := f.smtp.Next(t)
	if len(m.To) != 1 || m.To[0] != to {
		t.Fatalf("mail to %v, want %s", m.To, to)
	}
	path, ours := strings.CutPrefix(m.Link(t), publicURL)
	if !ours {
		t.Fatalf("link %s", m.Link(t))
	}
	return path
}

// ask requests a reset for an application user of shop and gives the link.
func (f *mailFixture) ask(t testing.TB, email string) string {
	t.Helper()
	a := f.do(t, http.MethodPost, "/acme/shop/users/resetpw", `{"email":"`+email+`"}`)
	if a.Code != http.StatusOK || a.get("action") != "request password reset" || a.get("status") != "ok" {
		t.Fatalf("%d %s", a.Code, a.text)
	}
	return f.link(t, email)
}

// split cuts a link into path and token.
func split(t testing.TB, link string) (path, token string) {
	t.Helper()
	u, err := url.Parse(link)
	must(t, err)
	if token = u.Query().Get("token"); token == "" {
		t.Fatalf("no token in %s", link)
	}
	return u.Path, token
}

// reset sets a password by a link.
func (f *mailFixture) reset(t testing.TB, link, password string) *answer {
	t.Helper()
	path, token := split(t, link)
	return f.do(t, http.MethodPost, path, `{"token":"`+token+`","newpassword":"`+password+`"}`)
}

func (f *mailFixture) login(t testing.TB, path, username, password string) *answer {
	t.Helper()
	return f.do(t, http.MethodPost, path, `{"grant_type":"password","username":"`+username+`","password":"`+password+`"}`)
}

// wants checks status and the error's code and description, or nothing but the status.
func (a *answer) wants(t testing.TB, status int, fault ...string) {
	t.Helper()
	sc := scenario{wantStatus: status}
	if len(fault) == 2 {
		sc.wantBody = fails(fault[0], fault[1])
	}
	a.check(t, sc)
}

const browser = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"

func confirming(c *grants.Config) { c.AdminConfirmation = true }
