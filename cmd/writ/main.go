// Command writ is the authorization server: sub-commands, settings, and the wiring of the packages that do the work.
//
// It owns everything that concerns one process (flags, environment, configuration file, listener, signals, exit codes)
// and knows nothing of how a token is made.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second signal ends the process at once: nobody should have to wait for the drain.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args, os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
