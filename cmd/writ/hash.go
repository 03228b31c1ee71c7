package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/grants"
)

const hashCommandName = "hash"

// hashCommand is what the server starts to have passwords hashed; nobody else has a use for it. A SIGTERM meant for the whole group does not
// end it: the server's last logins still need it, and it goes when the server does.
func (p *process) hashCommand() *cli.Command {
	return &cli.Command{
		Name:   hashCommandName,
		Usage:  "hash passwords for a server (started by it)",
		Hidden: true,
		Action: func(context.Context, *cli.Command) error { return grants.ServeHashes(p.stdin, p.stdout) },
	}
}
