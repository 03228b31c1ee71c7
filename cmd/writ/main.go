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
	p := &process{environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	if self, err := os.Executable(); err == nil {
		p.self = self
	}
	code := p.run(ctx, os.Args)
	stop()
	os.Exit(code)
}
