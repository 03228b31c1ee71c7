package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/store"
)

// migrateCommand is for upgrades by hand, and for the way back; `writ serve` brings the schema up to date by itself.
func (p *process) migrateCommand() *cli.Command {
	return &cli.Command{
		Name: "migrate", Usage: "show or change the version of the database's schema", HideHelpCommand: true,
		Description: "`writ serve` brings the schema up to date by itself. --to goes back to an older version of Writ: run it with the newer one, while\n" +
			"no server runs. docs/operations.md describes upgrades.",
		OnUsageError: func(_ context.Context, _ *cli.Command, err error, _ bool) error {
			return usersUsage("%v; `writ migrate --help` lists the flags", err)
		},
		Flags: append(databaseFlags(),
			&cli.BoolFlag{Name: "status", Usage: "list the changes of the schema, applied or not"},
			&cli.StringFlag{Name: "to", Usage: "bring the schema to version `N`, or to the latest"},
			&cli.BoolFlag{Name: "destroy", Usage: "with --to: allow to go down, which destroys what newer versions keep"},
		),
		Action: p.migrate,
	}
}

func (p *process) migrate(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Present() || cmd.Bool("status") == cmd.IsSet("to") {
		return usersUsage("either --status or --to is needed; `writ migrate --help` explains them")
	}
	c, err := p.configureDatabase(cmd)
	if err != nil {
		return err
	}
	database := store.Config{Database: c.database}
	known, version, err := store.Migrations(ctx, database)
	if err != nil {
		return err
	}
	if cmd.Bool("status") {
		return writeMigrations(p.stdout, known, version)
	}
	latest := known[len(known)-1].Version
	to := latest
	if text := cmd.String("to"); text != "latest" {
		if to, err = strconv.ParseInt(text, 10, 64); err != nil || to < 0 {
			return usersUsage("--to must be a number or latest")
		}
	}
	if to < version && !cmd.Bool("destroy") {
		return usersUsage("version %d of the schema is older than the database's, %d: going down destroys what newer versions keep; --destroy does it", to, version)
	}
	if err := store.MigrateTo(ctx, database, to); err != nil {
		if errors.Is(err, store.ErrUnknownVersion) {
			return usersUsage("there is no version %d of the schema; `writ migrate --status` lists them", to)
		}
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "The schema of %s is version %d; it was %d.\n", store.Name(c.database), to, version)
	return err
}

func writeMigrations(out io.Writer, known []store.Migration, version int64) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "VERSION\tNAME\tAPPLIED\tOLDER SERVERS")
	for _, m := range known {
		_, name, _ := strings.Cut(m.Name, "_")
		applied, older := "no", "must stop"
		if !m.Applied.IsZero() {
			applied = m.Applied.UTC().Format(time.RFC3339)
		}
		if m.Additive {
			older = "go on"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", m.Version, name, applied, older)
	}
	if latest := known[len(known)-1].Version; version > latest {
		fmt.Fprintf(table, "%d\tof a newer version of Writ\tyes\t\n", version)
	}
	return table.Flush()
}

// configureDatabase reads the settings that databaseFlags name, environment and file. The database must be there.
func (p *process) configureDatabase(cmd *cli.Command) (*configuration, error) {
	var flags []string
	for _, name := range []string{"config", "data-dir", "database"} {
		if cmd.IsSet(name) {
			flags = append(flags, "--"+name+"="+cmd.String(name))
		}
	}
	c, err := configure(flags, p.environ)
	if err != nil {
		return nil, err
	}
	if path, isFile := strings.CutPrefix(c.database, "sqlite:"); isFile && !holdsData(path) {
		return nil, usersFailure("there is no database %s: name it with --data-dir or --database", path)
	}
	return c, nil
}
