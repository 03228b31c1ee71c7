package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/cmd/writ/operator"
	"github.com/writ-auth/writ/grants/transfer"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// exitRejected says that an import went through but for some lines.
const exitRejected = 4

// usersCommand moves users in and out by the file. Single users are the business of `writ user`.
func (p *process) usersCommand() *cli.Command {
	return &cli.Command{
		Name: "users", Usage: "import and export the users of an application", HideHelpCommand: true,
		Description:  "One JSON object a line; docs/import.md describes the fields. The database is opened directly: a server may run beside it.",
		OnUsageError: wrongUsersFlag,
		Action: func(context.Context, *cli.Command) error {
			return usersUsage("import or export is missing; `writ users --help` explains them")
		},
		Commands: []*cli.Command{
			{
				Name: "import", Usage: "import users from a file", ArgsUsage: "ORG/APP FILE|-", HideHelpCommand: true, OnUsageError: wrongUsersFlag,
				Description: "Exit codes: 0 all lines are in, 1 failure, 2 wrong usage, 3 no such application, 4 some lines were rejected.\n" +
					"An interrupted import is continued by the same command with --resume.",
				Flags: append(databaseFlags(),
					&cli.StringFlag{Name: "on-conflict", Value: "fail", Usage: "`MODE` for users that exist: fail (reject the line), skip or update"},
					&cli.BoolFlag{Name: "dry-run", Usage: "check every line, write nothing to the database"},
					&cli.BoolFlag{Name: "resume", Usage: "continue the import that was interrupted"},
					&cli.StringFlag{Name: "rejects", Usage: "write rejected lines without their hashes to `FILE`, as JSON Lines"},
					&cli.BoolFlag{Name: "json", Usage: "print the summary as JSON"},
				),
				Action: p.importUsers,
			},
			{
				Name: "export", Usage: "export users to a file", ArgsUsage: "ORG/APP [FILE|-]", HideHelpCommand: true, OnUsageError: wrongUsersFlag,
				Flags: append(databaseFlags(),
					&cli.BoolFlag{Name: "with-hashes", Usage: "export the hashes of passwords and PINs, too"},
				),
				Action: p.exportUsers,
			},
		},
	}
}

// databaseFlags say which database, as for `writ serve`.
func databaseFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "settings `FILE`, as for writ serve"},
		&cli.StringFlag{Name: "data-dir", Usage: "`FOLDER` of the database"},
		&cli.StringFlag{Name: "database", Usage: "`DATABASE`, written as for writ serve"},
	}
}

func usersUsage(format string, args ...any) error {
	return &operator.Failure{Code: operator.ExitUsage, Message: fmt.Sprintf(format, args...)}
}

func usersFailure(format string, args ...any) error {
	return &operator.Failure{Code: operator.ExitFailure, Message: fmt.Sprintf(format, args...)}
}

func wrongUsersFlag(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	return usersUsage("%v; `writ users %s --help` lists the flags", err, cmd.Name)
}

// openUsers opens the database and finds the application. Nothing is made that is not there.
func (p *process) openUsers(ctx context.Context, cmd *cli.Command) (*store.Store, models.Organization, models.Application, error) {
	none, nothing := models.Organization{}, models.Application{}
	organization, application, named := strings.Cut(cmd.Args().First(), "/")
	if !named || organization == "" || application == "" {
		return nil, none, nothing, usersUsage("an application is written ORG/APP, such as acme/shop")
	}
	c, err := p.configureDatabase(cmd)
	if err != nil {
		return nil, none, nothing, err
	}
	logger := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	db, err := store.Open(ctx, store.Config{Database: c.database, TokenTTL: c.tokenTTL.Milliseconds(), Logger: logger})
	if err != nil {
		return nil, none, nothing, err
	}
	org, app, err := db.Application(ctx, organization, application)
	if errors.Is(err, models.ErrNotFound) {
		err = &operator.Failure{
			Code: operator.ExitNotFound, Message: "there is no application " + models.Printable(organization+"/"+application),
		}
	}
	if err != nil {
		return nil, none, nothing, errors.Join(err, db.Close())
	}
	return db, org, app, nil
}

func (p *process) importUsers(ctx context.Context, cmd *cli.Command) (failure error) {
	mode := models.OnConflict(cmd.String("on-conflict"))
	switch {
	case cmd.Args().Len() != 2:
		return usersUsage("the arguments are ORG/APP FILE, \"-\" for standard input")
	case mode != models.ConflictFail && mode != models.ConflictSkip && mode != models.ConflictUpdate:
		return usersUsage("--on-conflict must be fail, skip or update")
	}
	input, size, err := p.openInput(ctx, cmd.Args().Get(1))
	if err != nil {
		return err
	}
	defer input.Close() //nolint:errcheck // only read
	rejects, err := rejectsFile(cmd.String("rejects"), input)
	if err != nil {
		return err
	}
	db, organization, application, err := p.openUsers(ctx, cmd)
	if err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, rejects.Close(), db.Close()) }()
	bar := newProgress(p.stderr, size)
	defer bar.end()
	job := &transfer.Import{
		Store: db, Organization: organization, Application: application, OnConflict: mode, DryRun: cmd.Bool("dry-run"), Resume: cmd.Bool("resume"),
		Input: input, Rejects: rejects, Now: time.Now, Progress: bar.set,
		Report: func(r transfer.Rejection) { bar.print(fmt.Sprintf("line %d: %s", r.Line, r.Reason)) },
	}
	if err := p.noteUnfinished(ctx, job); err != nil {
		return err
	}
	began := time.Now()
	summary, err := job.Run(ctx)
	bar.end()
	if err := writeSummary(p.stdout, summary, importWords{cmd.Bool("json"), job.DryRun, err == nil, time.Since(began)}); err != nil {
		return err
	}
	return importResult(ctx, summary, job.DryRun, err)
}

// noteUnfinished tells whoever starts anew that he could go on instead.
func (p *process) noteUnfinished(ctx context.Context, job *transfer.Import) error {
	if job.Resume || job.DryRun {
		return nil
	}
	line, err := job.Unfinished(ctx)
	if err == nil && line > 0 {
		fmt.Fprintf(p.stderr, "An import into this application stopped behind line %d; --resume would continue it.\n", line)
	}
	return err
}

// importResult is what the exit code follows from.
func importResult(ctx context.Context, summary transfer.Summary, dry bool, err error) error {
	switch {
	case err != nil && ctx.Err() != nil && dry:
		return usersFailure("interrupted")
	case err != nil && ctx.Err() != nil:
		return usersFailure("interrupted behind line %d; the same command with --resume continues there", summary.Lines)
	case errors.Is(err, transfer.ErrChanged):
		return usersFailure("--resume: %v; without --resume the import starts anew", err)
	case err != nil:
		return err
	case summary.Rejected > 0:
		return &operator.Failure{Code: exitRejected, Message: fmt.Sprintf("%d of %d lines were rejected", summary.Rejected, summary.Lines)}
	}
	return nil
}

// openInput opens a file; its size is -1 if it is not known.
func (p *process) openInput(ctx context.Context, path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return untilDone(ctx, p.stdin), -1, nil
	}
	file, err := os.Open(path) //nolint:gosec // G304: the operator names it
	if err != nil {
		return nil, 0, usersFailure("%v", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, 0, errors.Join(err, file.Close())
	case info.IsDir():
		return nil, 0, errors.Join(usersFailure("%s is a folder", path), file.Close())
	case !info.Mode().IsRegular():
		return file, -1, nil
	}
	return file, info.Size(), nil
}

// untilDone reads until ctx ends: who interrupts a command that waits for its input must not have to wait, too.
func untilDone(ctx context.Context, in io.Reader) io.ReadCloser {
	out, feed := io.Pipe()
	context.AfterFunc(ctx, func() { _ = feed.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(feed, in)
		_ = feed.CloseWithError(err)
	}()
	return out
}

// rejectsFile refuses the one mistake that would destroy something.
func rejectsFile(path string, input io.Reader) (*transfer.Rejects, error) {
	if path == "" {
		return nil, nil
	}
	there, err := os.Stat(path)
	if file, is := input.(*os.File); is && err == nil {
		if info, err := file.Stat(); err == nil && os.SameFile(there, info) {
			return nil, usersUsage("--rejects names the input")
		}
	}
	return &transfer.Rejects{Path: path}, nil
}
