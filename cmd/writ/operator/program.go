// Package operator is the command line of whoever runs a Writ: organizations, applications, users, credentials and tokens
// without a line of curl.
//
// It owns commands, flags, prompts, tables and JSON, and speaks the wire contract to a Server. One of them is far away; the
// other is opened on the database by this very process and answers requests like any other. So there is one set of rules,
// policies and traces, the server's, and this package knows neither the database nor how a password is hashed.
package operator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/urfave/cli/v3"
)

// Exit codes besides 0.
const (
	ExitFailure  = 1 // the server refused, or cannot be reached
	ExitUsage    = 2 // wrong arguments or settings; nothing was done
	ExitNotFound = 3 // what was named does not exist
)

// Server is a Writ that answers with the rights of the operator.
type Server interface {
	// RoundTripper authenticates each request and sends it. The host of the URL is Base's.
	http.RoundTripper
	// Base is what the paths of the wire contract are appended to.
	Base() string
	// SetSuperuserPassword replaces the superuser's password and revokes his tokens. It is nothing that can be done over the wire.
	SetSuperuserPassword(ctx context.Context, password string) (username string, err error)
	// Close is called once, after the last request.
	Close() error
}

// Program is what the commands need of the process they run in.
type Program struct {
	Token    string // WRIT_TOKEN, for a server far away
	Stdin    io.Reader
	Stdout   io.Writer
	Terminal Terminal // nil: nobody can be asked
	// Local opens a server on the database. settings are flags of `writ serve`; the other settings come from environment and file.
	Local func(ctx context.Context, settings []string) (Server, error)
	// Reseal seals the secrets of the database under another master key; newFile names it, or is empty.
	Reseal func(ctx context.Context, settings []string, newFile string) (Resealed, error)
}

// Failure is an error in one line for whoever typed the command. It never repeats a secret.
type Failure struct {
	Code    int // exit code
	Message string
}

func (f *Failure) Error() string { return f.Message }

func failed(format string, args ...any) error {
	return &Failure{ExitFailure, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &Failure{ExitNotFound, fmt.Sprintf(format, args...)}
}

func usage(format string, args ...any) error {
	return &Failure{ExitUsage, fmt.Sprintf(format, args...)}
}

// group is the first word of a command.
type group struct {
	name, usage, about string
	commands           []command
}

// command is the second word: what it takes and what it does.
type command struct {
	name, arguments, usage string
	about, example         string
	least, most            int // number of arguments; most < 0: any
	flags                  []flag
	run                    func(ctx context.Context, s *session) error
}

// flag is one flag; without a value it is on when given.
type flag struct{ name, value, usage string }

func groups() []group {
	return []group{
		organizations(), applications(), users(), admins(), roles(), credentials(), tokens(), signingKeys(), superuser(),
	}
}

// Commands gives the operator's commands.
func (p *Program) Commands() []*cli.Command {
	all := make([]*cli.Command, 0, len(groups()))
	for _, g := range groups() {
		one := &cli.Command{
			Name: g.name, Usage: g.usage, HideHelp: true,
			OnUsageError: wrongFlag("writ " + g.name),
			Action: func(_ context.Context, cmd *cli.Command) error {
				if cmd.Args().Present() {
					return usage("unknown command; `writ %s --help` lists them", g.name)
				}
				return usage("a command is missing; `writ %s --help` lists them", g.name)
			},
		}
		for _, c := range g.commands {
			one.Commands = append(one.Commands, p.command(g, c))
		}
		all = append(all, one)
	}
	return all
}

func (p *Program) command(g group, c command) *cli.Command {
	name := "writ " + g.name + " " + c.name
	one := &cli.Command{
		Name: c.name, Usage: c.usage, HideHelp: true,
		OnUsageError: wrongFlag(name),
		Action: func(ctx context.Context, cmd *cli.Command) (failure error) {
			args := cmd.Args().Slice()
			if len(args) < c.least || c.most >= 0 && len(args) > c.most {
				return usage("the arguments are %s; `%s --help` explains them", c.arguments, name)
			}
			s := &session{Program: p, cmd: cmd, args: args}
			defer func() {
				if err := s.close(); failure == nil {
					failure = err
				}
			}()
			return c.run(ctx, s)
		},
	}
	for _, f := range append(c.flags, commonFlags()...) {
		if f.value == "" {
			one.Flags = append(one.Flags, &cli.BoolFlag{Name: f.name, Usage: f.usage})
			continue
		}
		one.Flags = append(one.Flags, &cli.StringFlag{Name: f.name, Usage: f.usage})
	}
	return one
}

// wrongFlag says what is wrong with flags. What looks like a value is not repeated: it may be a secret that went astray.
func wrongFlag(name string) cli.OnUsageErrorFunc {
	return func(_ context.Context, _ *cli.Command, err error, _ bool) error {
		text, isUnknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
		flagName := strings.TrimLeft(text, "-")
		switch {
		case !isUnknown && strings.HasPrefix(err.Error(), "flag needs an argument: "):
			return usage("%s; `%s --help` explains it", err, name)
		case !isUnknown:
			return usage("a flag is wrong; `%s --help` lists the flags", name)
		case isSecretName(flagName):
			return usage("--%s is not a flag, because other users of the machine can read arguments; `%s --help` says how it is given", flagName, name)
		}
		return usage("unknown flag; `%s --help` lists the flags", name)
	}
}

func isSecretName(name string) bool {
	switch name {
	case "password", "newpassword", "new-password", "token", "secret", "client-secret", "master-key", "superuser-password":
		return true
	}
	return false
}
