package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/writ-auth/writ/cmd/writ/operator"
	"github.com/writ-auth/writ/models"
)

// tokenVariable holds the access token of operators' commands. It is no setting.
const tokenVariable = "WRIT_TOKEN"

func (p *process) operator() *operator.Program {
	program := &operator.Program{
		Stdin: p.stdin, Stdout: p.stdout, Terminal: operator.TerminalOf(p.stdin, p.stderr), Local: p.openLocal, Reseal: p.reseal,
	}
	for _, pair := range p.environ {
		if name, value, _ := strings.Cut(pair, "="); name == tokenVariable {
			program.Token = value
		}
	}
	return program
}

// localServer answers requests of this process from the database. It is wired as `writ serve` wires it, but listens nowhere and
// runs no loops: a server that runs beside it learns of every change from the change log.
type localServer struct {
	*wiring
}

// openLocal opens what `writ serve` opens, and makes nothing that only a first start should make.
func (p *process) openLocal(ctx context.Context, flags []string) (operator.Server, error) {
	c, err := configure(flags, p.environ)
	if err != nil {
		return nil, err
	}
	if path, isFile := strings.CutPrefix(c.database, "sqlite:"); isFile && !holdsData(path) {
		return nil, &operator.Failure{Code: operator.ExitFailure, Message: fmt.Sprintf(
			"there is no database %s: name it with --data-dir or --database, or start `writ serve` once, which makes it", path)}
	}
	if c.publicURL == "" {
		c.publicURL = c.scheme() + "://" + reachable(c.listen)
	}
	// The server's log of requests is not what the operator wants to read, but the cause of a failure is.
	logger := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	l := &localServer{&wiring{configuration: c, logger: logger, now: time.Now, beside: true}}
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	if err := l.connect(ctx); err != nil {
		return nil, errors.Join(err, l.store.Close())
	}
	return l, nil
}

// reachable is an address at which a listener on address can be reached from this machine.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return address
	case host == "" || host == "0.0.0.0":
		host = "127.0.0.1"
	case host == "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

func (l *localServer) Base() string { return l.publicURL }

// localSource stands where the caller's address stands for requests over the network.
const localSource = "command line"

// RoundTrip lets the server's handler answer. The token never leaves the process.
func (l *localServer) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := l.service.OperatorToken(request.Context())
	if errors.Is(err, models.ErrNotFound) {
		err = errNoSuperuser()
	}
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+token)
	request.RemoteAddr, request.RequestURI = localSource, request.URL.RequestURI()
	if request.Body == nil {
		request.Body = http.NoBody
	}
	answer := &recorded{header: http.Header{}}
	l.handler.ServeHTTP(answer, request)
	return &http.Response{
		StatusCode: answer.status, Header: answer.header, Body: io.NopCloser(&answer.body), Request: request,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(answer.body.Len()),
	}, nil
}

func errNoSuperuser() error {
	return &operator.Failure{Code: operator.ExitFailure, Message: "the database has no superuser yet: start `writ serve` once"}
}

// recorded is an answer that is kept in memory.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header { return r.header }

func (r *recorded) WriteHeader(status int) { r.status = status }

func (r *recorded) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.body.Write(b)
}

// SetSuperuserPassword implements operator.Server.
func (l *localServer) SetSuperuserPassword(ctx context.Context, password string) (string, error) {
	if l.superuserPassword != "" {
		return "", &operator.Failure{Code: operator.ExitUsage, Message: "superuser-password is configured, and the next start sets it again: change it there"}
	}
	admin, err := l.store.Superuser(ctx)
	if errors.Is(err, models.ErrNotFound) {
		err = errNoSuperuser()
	}
	if err != nil {
		return "", err
	}
	if err := l.passwords.Check(password); err != nil {
		return "", err
	}
	if err := l.setSuperuserPassword(ctx, admin.ID, password); err != nil {
		return "", err
	}
	return admin.Username, nil
}

// Close implements operator.Server.
func (l *localServer) Close() error {
	return errors.Join(l.audit.Flush(context.Background()), l.store.Close())
}
