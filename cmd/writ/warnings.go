package main

import (
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
)

func (c *configuration) newLogger(to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel}
	if c.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

// warnings has one sentence for each insecure choice.
func (c *configuration) warnings() (sentences []string) {
	host, _, _ := net.SplitHostPort(c.listen)
	plain := !c.hasTLS() && len(c.trustedProxies) == 0
	for _, choice := range []struct {
		made     bool
		sentence string
	}{
		{c.demo, "demo is on: credentials are printed and mail links are logged; not for production"},
		{c.publicRegistration, "public-registration is on: anybody may create organizations and admin users"},
		{
			plain && c.insecurePlainHTTP && !isLoopback(host),
			"insecure-plain-http is on: whoever is on the way to " + c.listen + " reads passwords and tokens",
		},
		{
			plain && strings.HasPrefix(c.publicURL, "https://"),
			"public-url is https, but Writ speaks plain HTTP and trusted-proxies names no proxy: its clients cannot be told apart",
		},
		{insecureURL(c.publicURL), "public-url is plain HTTP beyond this machine: passwords and tokens can be read on the way"},
		{exposedDatabase(c.database), "database: whoever is on the way to PostgreSQL may read along or take its place: add sslmode=verify-full"},
		{c.allowCommon, "password-common=allow: passwords that attackers try first are accepted"},
		{c.passwordMinLength < 8, "password-min-length is below 8: short passwords are guessed quickly"},
		{slices.Contains(c.allowedOrigins, "*"), "allowed-origins has *: the pages of every web site may call the API"},
	} {
		if choice.made {
			sentences = append(sentences, choice.sentence)
		}
	}
	if len(c.unknownVariables) > 0 {
		sentences = append(sentences, "environment variables that mean nothing to Writ: "+strings.Join(c.unknownVariables, ", "))
	}
	return sentences
}

func insecureURL(public string) bool {
	u, err := url.Parse(public)
	return err == nil && u.Scheme == "http" && !isLoopback(u.Hostname())
}

// isLoopback tells whether a host is this machine. An empty one means every address.
func isLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
