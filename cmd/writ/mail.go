package main

import (
	"errors"
	"net"
	"net/url"

	"github.com/writ-auth/writ/mail"
)

func parseSMTP(value string, into **mail.Server) error {
	server, err := mail.ParseServer(value)
	if err != nil {
		return err
	}
	*into = &server
	return nil
}

func parseSender(value string, into *string) error {
	if _, err := mail.ParseAddress(value); err != nil {
		return errors.New("must be an address, such as writ@example.com or Writ <writ@example.com>")
	}
	*into = value
	return nil
}

// newMailer makes what sends mails. Without an SMTP server it says so in the log, and the demo's links stand there.
func (w *wiring) newMailer() (*mail.Mailer, error) {
	from := w.mailFrom
	if from == "" {
		from = defaultSender(w.publicURL)
	}
	return mail.New(mail.Config{Server: w.smtp, From: from, LogLinks: w.demo, Logger: w.logger})
}

// defaultSender is an address at the host that clients know. An IP address is no mail domain that anybody accepts.
func defaultSender(publicURL string) string {
	host := "localhost"
	if u, err := url.Parse(publicURL); err == nil && net.ParseIP(u.Hostname()) == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	return "Writ <writ@" + host + ">"
}
