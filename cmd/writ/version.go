package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v3"
)

func (p *process) versionCommand() *cli.Command {
	return &cli.Command{
		Name:         "version",
		Usage:        "print version, Go version and platform",
		OnUsageError: wrongUsage,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.Args().Present() {
				return &configurationError{[]string{fmt.Sprintf("unexpected argument %q", cmd.Args().First())}}
			}
			_, err := fmt.Fprintf(p.stdout, "writ %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// version is the module's version, or the commit for a build from a checkout.
func version() string {
	info, known := debug.ReadBuildInfo()
	if !known || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
