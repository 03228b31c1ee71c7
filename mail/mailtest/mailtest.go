// Package mailtest is a real SMTP server for tests: mails go over a socket, with STARTTLS and authentication if wished, and are parsed
// like any reader parses them.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options change the server; the zero value takes every mail from everybody, without TLS.
type Options struct {
	TLS            *tls.Config // offers STARTTLS
	Implicit       bool        // TLS from the first byte instead
	User, Password string      // demands AUTH PLAIN
	// Refuse is asked for each recipient; a non-nil error is the reply.
	Refuse func(recipient string) error
	// OnMail is called before a mail is accepted.
	OnMail func()
}

// Refusal is a reply with a code, for Options.Refuse.
func Refusal(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}
}

// Message is a mail as its reader sees it.
type Message struct {
	From       string   // of the envelope
	To         []string // of the envelope
	Header     mail.Header
	Subject    string // decoded
	Text, HTML string // decoded
	Raw        string
	TLS        bool // whether it came over TLS
}

// Server is a running SMTP server.
type Server struct {
	Addr string

	options Options
	mu      sync.Mutex
	count   int
	mails   chan Message
}

// New starts a server that ends with the test.
func New(t testing.TB, options Options) *Server {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: listener.Addr().String(), options: options, mails: make(chan Message, 1000)}
	server := smtp.NewServer(backend{s})
	server.Domain = "mail.example.com"
	server.AllowInsecureAuth = true
	server.EnableSMTPUTF8 = true
	server.ErrorLog = log.New(io.Discard, "", 0) // clients that stop in the middle are part of the tests
	if options.Implicit {
		listener = tls.NewListener(listener, options.TLS)
	} else {
		server.TLSConfig = options.TLS
	}
	go server.Serve(listener) //nolint:errcheck // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// Next waits for the next mail.
func (s *Server) Next(t testing.TB) Message {
	t.Helper()
	select {
	case m := <-s.mails:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("no mail came")
		return Message{}
	}
}

// Count tells how many mails have come.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// linkShape is a link in the text of a mail.
var linkShape = regexp.MustCompile(`https?://[^\s<>"]+`)

// Link is the one link of a mail; both bodies must have it.
func (m *Message) Link(t testing.TB) string {
	t.Helper()
	links := linkShape.FindAllString(m.Text, -1)
	if len(links) != 1 || !strings.Contains(m.HTML, links[0]) {
		t.Fatalf("links %v in %s\n%s", links, m.Text, m.HTML)
	}
	return links[0]
}

type backend struct{ server *Server }

// NewSession implements smtp.Backend.
func (b backend) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	s := &session{server: b.server, encrypted: encrypted}
	if b.server.options.User == "" {
		return s, nil
	}
	return &authSession{session: s}, nil
}

// session is one connection.
type session struct {
	server    *Server
	encrypted bool
	from      string
	to        []string
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.server.options.Refuse != nil {
		if err := s.server.options.Refuse(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := parse(raw)
	if err != nil {
		return err
	}
	if s.server.options.OnMail != nil {
		s.server.options.OnMail()
	}
	m.From, m.To, m.TLS = s.from, s.to, s.encrypted
	s.server.mu.Lock()
	s.server.count++
	s.server.mu.Unlock()
	s.server.mails <- m
	return nil
}

// authSession wants a login first.
type authSession struct {
	*session

	known bool
}

// AuthMechanisms implements smtp.AuthSession.
func (*authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (s *authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.server.options.User || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *authSession) Mail(from string, options *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	return s.session.Mail(from, options)
}

func parse(raw []byte) (m Message, err error) {
	m.Raw = string(raw)
	read, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m, err
	}
	m.Header = read.Header
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); err != nil {
		return m, err
	}
	_, parameters, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil {
		return m, err
	}
	parts := multipart.NewReader(read.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		body, err := decoded(part.Header, part)
		if err != nil {
			return m, err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			m.HTML = body
		} else {
			m.Text = body
		}
	}
}

func decoded(header textproto.MIMEHeader, body io.Reader) (string, error) {
	if strings.EqualFold(header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	return strings.ReplaceAll(string(text), "\r\n", "\n"), err
}
