package operator

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const handshakePatience = 10 * time.Second

// remoteServer is a running server that is spoken to over the network.
type remoteServer struct {
	base, token string
	transport   *http.Transport
}

// remote reads --url and the token.
func (s *session) remote() (Server, error) {
	base, err := baseURL(s.cmd.String("url"), s.cmd.Bool("insecure-http"))
	if err != nil {
		return nil, err
	}
	token, err := s.accessToken()
	if err != nil {
		return nil, err
	}
	return &remoteServer{base, token, &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: handshakePatience,
	}}, nil
}

// baseURL takes what `public-url` takes, and a final slash. Plain HTTP would show the token to everybody on the way.
func baseURL(given string, insecure bool) (string, error) {
	u, err := url.Parse(strings.TrimSuffix(given, "/"))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return "", usage("--url must be scheme, host and port of a server, such as https://id.example.com")
	case u.Scheme == "http" && !insecure && !isLoopback(u.Hostname()):
		return "", usage("--url is plain HTTP to another machine, where others can read the token: use https, or say --insecure-http")
	}
	return u.Scheme + "://" + u.Host, nil
}

func isLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

func (s *session) accessToken() (string, error) {
	token := s.Token
	if file := s.cmd.String("token-file"); file != "" {
		content, err := s.readTokenFile(file)
		if err != nil {
			return "", err
		}
		token = content
	}
	token = strings.TrimSpace(token)
	switch {
	case token == "":
		return "", usage("an access token for --url is missing: set WRIT_TOKEN or name a --token-file")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", usage("what was given as access token is none")
	}
	return token, nil
}

func (s *session) readTokenFile(file string) (string, error) {
	if file == "-" {
		if s.cmd.Bool("password-stdin") {
			return "", usage("standard input cannot be both the token and the password")
		}
		return readLine(s.Stdin)
	}
	content, err := os.ReadFile(file) //nolint:gosec // the operator's choice
	if err != nil {
		if path, is := errors.AsType[*os.PathError](err); is {
			err = path.Err
		}
		return "", usage("token file %s: %v", file, err)
	}
	return string(content), nil
}

// maxLine bounds a password or token that is read.
const maxLine = 64 << 10

// readLine reads one line, without its end.
func readLine(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", failed("standard input: %v", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func (r *remoteServer) Base() string { return r.base }

func (r *remoteServer) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+r.token) // RFC 6750 §2.1
	request.Header.Set("User-Agent", "writ")
	return r.transport.RoundTrip(request)
}

func (r *remoteServer) SetSuperuserPassword(context.Context, string) (string, error) {
	return "", usage("the superuser's password cannot be changed over the network: run this beside the database, without --url")
}

func (r *remoteServer) Close() error {
	r.transport.CloseIdleConnections()
	return nil
}
