package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/cmd/writ/operator"
)

// Exit codes of every sub-command.
const (
	exitOK            = 0
	exitFailure       = 1 // something outside of the configuration: a port that is taken, a folder that is not writable
	exitConfiguration = 2 // wrong arguments, environment or configuration file; nothing was done
)

// process is what a sub-command may use of the outside world, so that tests can give it another one.
type process struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	// self is the path of this program, for the processes that hash passwords; empty: the server hashes itself. Tests, whose
	// program is another one, leave it empty.
	self string
	// now is the clock; nil is time.Now. Tests give replicas clocks that differ.
	now func() time.Time
}

// run is the whole program but for the process it runs in. The environment is passed as a list because unknown variables
// are warned about. ctx ends with SIGTERM.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &process{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr}
	return p.run(ctx, args)
}

func (p *process) run(ctx context.Context, args []string) int {
	err := p.dispatch(ctx, withDefaultCommand(args))
	if err == nil {
		return exitOK
	}
	message, code := err.Error(), exitConfiguration
	if _, wrong := errors.AsType[*configurationError](err); !wrong {
		// Joined errors have a line each; whoever reads a supervisor's log sees only the last.
		message, code = strings.ReplaceAll(message, "\n", "; "), exitFailure
	}
	if failure, known := errors.AsType[*operator.Failure](err); known {
		code = failure.Code
	}
	fmt.Fprintln(p.stderr, "writ:", message)
	return code
}

func (p *process) dispatch(ctx context.Context, args []string) error {
	if help := operator.Help(args[1:]); help != "" {
		_, err := io.WriteString(p.stdout, help)
		return err
	}
	return p.commands().Run(ctx, args)
}

func (p *process) commands() *cli.Command {
	return &cli.Command{
		Name:  "writ",
		Usage: "an OAuth2 authorization server for many organizations and their applications",
		Description: "Without a command, `writ` is `writ serve`. `writ serve --demo` starts with credentials and curl lines to try;\n" +
			"`writ serve --help` lists every setting.",
		Commands: slices.Concat(
			[]*cli.Command{p.serveCommand()}, p.operator().Commands(), []*cli.Command{p.usersCommand(), p.migrateCommand(), p.copyCommand()},
			[]*cli.Command{p.backupCommand(), p.restoreCommand(), p.healthcheckCommand(), p.hashCommand(), p.versionCommand()},
		),
		Action:          unknownCommand,
		HideVersion:     true,
		HideHelpCommand: true,
		Reader:          p.stdin,
		Writer:          p.stdout,
		ErrWriter:       p.stderr,
		// The library would leave the process by itself; run decides about exit codes.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		OnUsageError:   wrongUsage,
	}
}

func wrongUsage(_ context.Context, _ *cli.Command, err error, _ bool) error {
	return &configurationError{[]string{err.Error()}}
}

func unknownCommand(_ context.Context, cmd *cli.Command) error {
	return &configurationError{[]string{fmt.Sprintf("unknown command %q; `writ --help` lists the commands", cmd.Args().First())}}
}

// withDefaultCommand makes `writ --demo` mean `writ serve --demo`.
func withDefaultCommand(args []string) []string {
	if len(args) == 0 {
		args = []string{"writ"}
	}
	if len(args) > 1 && (!strings.HasPrefix(args[1], "-") || isHelp(args[1])) {
		return args
	}
	return slices.Insert(slices.Clone(args), 1, "serve")
}

func isHelp(argument string) bool {
	return argument == "-h" || argument == "--help" || argument == "-help"
}

// configurationError is everything wrong with flags, environment and file, found before anything was opened.
type configurationError struct {
	problems []string
}

func (e *configurationError) Error() string {
	noun := "problems"
	if len(e.problems) == 1 {
		noun = "problem"
	}
	return fmt.Sprintf("%d %s in the configuration:\n  %s", len(e.problems), noun, strings.Join(e.problems, "\n  "))
}
