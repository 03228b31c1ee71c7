package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Server is the SMTP server that mails are handed to.
type Server struct {
	Host     string
	Port     int
	Implicit bool // TLS from the first byte (smtps)
	User     string
	Password string
}

// ParseServer reads smtp://user:password@host:port or smtps://…; user, password and port may be missing. Errors never repeat the text,
// which holds a password.
func ParseServer(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" || u.Opaque != "" {
		return Server{}, errors.New("must be smtp://user:password@host:port, or smtps:// for TLS from the start")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return Server{}, errors.New("must have neither path, query nor fragment; special characters of a password are percent-encoded")
	}
	s := Server{Host: u.Hostname(), Implicit: u.Scheme == "smtps", Port: 587}
	if s.Implicit {
		s.Port = 465
	}
	if text := u.Port(); text != "" {
		if s.Port, err = strconv.Atoi(text); err != nil || s.Port < 1 || s.Port > 65535 {
			return Server{}, errors.New("must have a port from 1 to 65535")
		}
	}
	s.User = u.User.Username()
	s.Password, _ = u.User.Password()
	return s, nil
}

// loopback tells whether the server is on this machine.
func (s *Server) loopback() bool {
	return strings.EqualFold(s.Host, "localhost") || net.ParseIP(s.Host).IsLoopback()
}

// Time-outs of one delivery.
const (
	dialTimeout    = 10 * time.Second
	deliverTimeout = time.Minute
)

// client makes the library's client for one delivery. Beyond this machine nothing is sent without TLS, and the certificate must be right;
// on this machine STARTTLS is used when it is offered, whatever the certificate, which is a self-signed one on most.
func (s *Server) client(roots *x509.CertPool) (*gomail.Client, error) {
	config := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: roots}
	policy := gomail.TLSMandatory
	if s.loopback() && !s.Implicit {
		policy = gomail.TLSOpportunistic
		config.InsecureSkipVerify = true // a connection that may be plain gains nothing from a checked certificate
	}
	options := []gomail.Option{
		gomail.WithPort(s.Port), gomail.WithTimeout(dialTimeout), gomail.WithTLSConfig(config), gomail.WithTLSPolicy(policy),
	}
	if s.Implicit {
		options = append(options, gomail.WithSSL())
	}
	if s.User != "" {
		mechanisms := []gomail.SMTPAuthType{
			gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5,
		}
		if s.loopback() {
			mechanisms = []gomail.SMTPAuthType{
				gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc, gomail.SMTPAuthCramMD5,
			}
		}
		options = append(options,
			gomail.WithUsername(s.User), gomail.WithPassword(s.Password), gomail.WithOpportunisticSMTPAuth(mechanisms...))
	}
	return gomail.NewClient(s.Host, options...)
}

// deliver hands one message over.
func (s *Server) deliver(ctx context.Context, roots *x509.CertPool, message *gomail.Msg) error {
	client, err := s.client(roots)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	return client.DialAndSendWithContext(ctx, message)
}

// permanent tells a refusal that would only be repeated (RFC 5321 §4.2.1: 5yz) from what time may heal: a network that is down, a 4yz.
func permanent(err error) bool {
	if send, is := errors.AsType[*gomail.SendError](err); is {
		return !send.IsTemp() && send.ErrorCode() >= 500
	}
	reply, is := errors.AsType[*textproto.Error](err)
	return is && reply.Code >= 500
}

// reason is what may be logged: the library's text repeats addresses, and whatever the other side says.
func reason(err error) string {
	if send, is := errors.AsType[*gomail.SendError](err); is {
		return fmt.Sprintf("%s (SMTP %d %s)", send.Reason, send.ErrorCode(), send.EnhancedStatusCode())
	}
	return oneLine(err.Error())
}

func newMessageID() string { return rand.Text() }
