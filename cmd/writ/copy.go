package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/store"
)

// copyCommand is for the day when one machine no longer suffices, or when it does again.
func (p *process) copyCommand() *cli.Command {
	return &cli.Command{
		Name: "copy", Usage: "copy a database into an empty one, from SQLite to PostgreSQL or back", ArgsUsage: "FROM TO", HideHelpCommand: true,
		Description: "Databases are written sqlite:PATH and postgres://USER@HOST:PORT/NAME. Leave the password out and put it into PGPASSWORD: others can\n" +
			"read arguments. Nobody can write to FROM meanwhile. An interrupted copy is continued by the same command. At the end both are compared\n" +
			"row by row. The servers on TO need the master key of those on FROM.",
		OnUsageError: func(_ context.Context, _ *cli.Command, err error, _ bool) error {
			return usersUsage("%v; `writ copy --help` explains it", err)
		},
		Action: p.copy,
	}
}

func (p *process) copy(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Len() != 2 {
		return usersUsage("the arguments are FROM TO, such as sqlite:writ-data/writ.db postgres://writ@db.example.com/writ")
	}
	from, to := cmd.Args().Get(0), cmd.Args().Get(1)
	for _, database := range []string{from, to} {
		var known string
		if err := parseDatabase(database, &known); err != nil {
			return usersUsage("a database %v", err)
		}
		if hasPassword(database) {
			fmt.Fprintln(p.stderr, "writ: other users of the machine can read the password in the arguments: PGPASSWORD is the place for it")
		}
	}
	if path, isFile := strings.CutPrefix(from, "sqlite:"); isFile && !holdsData(path) {
		return usersFailure("there is no database %s", path)
	}
	bar := newCounter(p.stderr, "copying rows")
	defer bar.end()
	logger := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	summary, err := store.Copy(ctx, from, to, logger, func(_ string, done, total int64) { bar.of(done, total) })
	bar.end()
	switch {
	case err != nil && ctx.Err() != nil:
		return usersFailure("interrupted; the same command continues the copy")
	case errors.Is(err, store.ErrCopyEnds):
		return usersUsage("%v; `writ backup` and pg_dump copy databases of one kind", err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d rows of %d tables are copied from %s to %s, and compared.\n", summary.Rows, summary.Tables, store.Name(from), store.Name(to))
	return err
}
