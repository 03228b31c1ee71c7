package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/grants/transfer"
)

func (p *process) exportUsers(ctx context.Context, cmd *cli.Command) (failure error) {
	if n := cmd.Args().Len(); n < 1 || n > 2 {
		return usersUsage("the arguments are ORG/APP [FILE], without FILE or with \"-\" it is standard output")
	}
	path, hashes := cmd.Args().Get(1), cmd.Bool("with-hashes")
	toStdout := path == "" || path == "-"
	if toStdout && hashes && othersRead(p.stdout) {
		return usersUsage("hashes do not go to a file that others can read: name FILE as an argument, it gets mode 0600")
	}
	db, _, application, err := p.openUsers(ctx, cmd)
	if err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, db.Close()) }()
	if toStdout {
		_, err = transfer.Export(ctx, db, application.ID, hashes, p.stdout)
		return err
	}
	var count int
	err = replaceFile(path, func(file *os.File) (err error) {
		count, err = transfer.Export(ctx, db, application.ID, hashes, file)
		return err
	})
	if err == nil {
		_, err = fmt.Fprintf(p.stdout, "%d users exported to %s\n", count, path)
	}
	return err
}

// othersRead tells whether an output is a file that other users of the machine can read.
func othersRead(output any) bool {
	file, is := output.(*os.File)
	if !is {
		return false
	}
	info, err := file.Stat()
	return err != nil || info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0
}

// replaceFile writes a file of mode 0600 beside the place and moves it there when it is complete.
func replaceFile(path string, write func(*os.File) error) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return usersUsage("%s is no file; \"-\" is standard output", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usersFailure("%v", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".writ-export-*") // mode 0600
	if err != nil {
		return usersFailure("%v", err)
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
