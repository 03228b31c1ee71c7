package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/store"
)

// masterKeySuffix is what the name of a backup's master key ends with.
const masterKeySuffix = ".master.key"

func (p *process) backupCommand() *cli.Command {
	return &cli.Command{
		Name: "backup", Usage: "copy the SQLite database while a server uses it", ArgsUsage: "FILE", HideHelpCommand: true, OnUsageError: wrongBackupFlag,
		Description: "Writes a consistent copy to a new FILE of mode 0600, and checks it. The server goes on meanwhile.\n" +
			"The master key is not in it, and without it nobody can use the keys in the copy: keep it elsewhere, or add --with-master-key.\n" +
			"docs/operations.md says how to restore, and what to do with PostgreSQL.",
		Flags: append(databaseFlags(),
			&cli.StringFlag{Name: "master-key-file", Usage: "`FILE` with the master key, as for writ serve"},
			&cli.BoolFlag{Name: "with-master-key", Usage: "also write the master key, to FILE" + masterKeySuffix + "; whoever has both can sign tokens"},
		),
		Action: p.backup,
	}
}

func (p *process) restoreCommand() *cli.Command {
	return &cli.Command{
		Name: "restore", Usage: "put a backup in the place of the SQLite database", ArgsUsage: "FILE", HideHelpCommand: true, OnUsageError: wrongBackupFlag,
		Description: "Refuses where a database is: stop the server and move the old one away. If FILE" + masterKeySuffix + " exists and there is no master key, it is put back, too.\n" +
			"What was revoked after the backup was made is valid again: docs/operations.md says what to do.",
		Flags:  append(databaseFlags(), &cli.StringFlag{Name: "master-key-file", Usage: "`FILE` for the master key, as for writ serve"}),
		Action: p.restore,
	}
}

func wrongBackupFlag(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	return usersUsage("%v; `writ %s --help` lists the flags", err, cmd.Name)
}

// backupConfiguration reads the settings that say where database and master key are.
func (p *process) backupConfiguration(cmd *cli.Command) (*configuration, error) {
	if cmd.Args().Len() != 1 || cmd.Args().First() == "" {
		return nil, usersUsage("the argument is the FILE of the backup; `writ %s --help` explains it", cmd.Name)
	}
	var flags []string
	for _, name := range []string{"config", "data-dir", "database", "master-key-file"} {
		if cmd.IsSet(name) {
			flags = append(flags, "--"+name+"="+cmd.String(name))
		}
	}
	c, err := configure(flags, p.environ)
	if err == nil && store.IsPostgres(c.database) {
		return nil, usersUsage("the database is PostgreSQL: pg_dump and pg_restore are its own tools; docs/operations.md says what else a restore needs")
	}
	return c, err
}

func (p *process) backup(ctx context.Context, cmd *cli.Command) error {
	c, err := p.backupConfiguration(cmd)
	if err != nil {
		return err
	}
	to := cmd.Args().First()
	var master []byte
	if cmd.Bool("with-master-key") {
		if master, err = c.readMasterKey(); err != nil {
			return err
		}
	}
	if err := store.Backup(ctx, c.database, to); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "The backup is in", to)
	if master == nil {
		fmt.Fprintln(p.stdout, "The master key is not in it, and without that key it is worth nothing: keep a copy of the key elsewhere.")
		return nil
	}
	if err := writeMasterKey(to+masterKeySuffix, master); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "The master key is in", to+masterKeySuffix+". Whoever has both can sign tokens.")
	return nil
}

func (p *process) restore(ctx context.Context, cmd *cli.Command) error {
	c, err := p.backupConfiguration(cmd)
	if err != nil {
		return err
	}
	from := cmd.Args().First()
	master, err := readKeyFile(from + masterKeySuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := store.Restore(ctx, from, c.database); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "The backup is restored. Resource servers that follow the feed begin anew.")
	fmt.Fprintln(p.stdout, "What was revoked after it was made is valid again; if that matters, run `writ keys drop` for the signing keys.")
	path := c.keyFile()
	switch _, err := os.Stat(path); {
	case c.masterKey != nil || err == nil:
		return nil
	case master == nil:
		fmt.Fprintln(p.stdout, "The master key is missing: put it to", path, "before the server starts.")
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeMasterKey(path, master)
}

// readMasterKey never makes a key: one that did not seal anything would be worth nothing.
func (c *configuration) readMasterKey() ([]byte, error) {
	if c.masterKey != nil {
		return c.masterKey, nil
	}
	return readKeyFile(c.keyFile())
}

func readKeyFile(path string) ([]byte, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return keys.LoadMasterKey(path)
}

func writeMasterKey(path string, master []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	_, err = io.WriteString(file, base64.StdEncoding.EncodeToString(master)+"\n")
	return errors.Join(err, file.Sync(), file.Close())
}
