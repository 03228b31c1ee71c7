// Command bench drives the real Writ server over loopback, beside the fastest server this stack allows (the floor), and holds
// the figures against the goals of docs/performance.md. Every server and every load client is a process of its own that bench
// starts and ends; all run on this machine, so only ratios of one run mean anything.
//
// It runs on Linux: processor time and memory are read from /proc. The product knows nothing of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/writ-auth/writ/grants"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the whole program: without a sub-command it measures, and it calls itself for the processes that the measuring needs.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	command := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command = args[0]
	}
	switch command {
	case "":
		return measure(ctx, args, stdout, stderr)
	case "soak":
		return soakCommand(ctx, args[1:], stdout, stderr)
	case "floor":
		return serveFloor(ctx, stdout)
	case "load":
		return load(ctx, stdin, stdout)
	case "hash":
		return hashAlone(ctx, stdin, stdout)
	case "hasher":
		return grants.ServeHashes(stdin, stdout)
	}
	return fmt.Errorf("unknown sub-command %q", command)
}

// options are the flags of the measuring.
type options struct {
	round  time.Duration // length of one measurement
	warmUp time.Duration
	rounds int
	starts int
	tokens int // for memory and bytes written

	revocations int   // that are timed, for each number of verifiers
	sizes       []int // clients and users in the database
	check       bool
	only        string
	writ        string // a binary built before; empty: build it
	logLevel    string
}

// errMissed ends the program with 1 under -check.
var errMissed = errors.New("a goal was missed")

func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := options{sizes: []int{1, 1_000, 100_000}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	quick := flags.Bool("quick", false, "1 s rounds, for a first look; the figures are rougher")
	million := flags.Bool("million", false, "also with 10^6 clients and users in the database")
	flags.BoolVar(&o.check, "check", false, "end with status 1 when a goal is missed")
	flags.IntVar(&o.rounds, "rounds", 7, "rounds of each comparison")
	flags.StringVar(&o.only, "only", "", "comma-separated parts: throughput, population, password, storm, start, footprint, propagation, lost, replicas, sizing, portal")
	flags.StringVar(&o.writ, "writ", "", "measure this binary of cmd/writ instead of building one")
	flags.StringVar(&o.logLevel, "log-level", "", "log level of Writ; empty: its default")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.round, o.warmUp, o.starts, o.tokens = 5*time.Second, time.Second, 10, 100_000
	o.revocations = 1_000
	if *quick {
		o.round, o.warmUp = time.Second, 300*time.Millisecond
		o.revocations = 100
	}
	if *million {
		o.sizes = append(o.sizes, 1_000_000)
	}
	if o.rounds < 1 || flags.NArg() > 0 {
		return o, errors.New("bench takes flags only, and at least one round")
	}
	return o, nil
}

func (o options) wants(part string) bool {
	return o.only == "" || strings.Contains(","+o.only+",", ","+part+",")
}

// measure runs every part and writes the report.
func measure(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o, stderr)
	if err != nil {
		return err
	}
	defer b.cleanUp()
	for _, part := range []struct {
		name string
		run  func(*bench, context.Context) error
	}{
		{"throughput", (*bench).throughput},
		{"population", (*bench).population},
		{"password", (*bench).passwordGrant},
		{"storm", (*bench).storm},
		{"start", (*bench).start},
		{"footprint", (*bench).footprint},
		{"propagation", (*bench).propagation},
		{"lost", (*bench).lost},
		{"replicas", (*bench).replicaFigures},
		{"portal", (*bench).portal},
		{"sizing", (*bench).sizing},
	} {
		if !o.wants(part.name) {
			continue
		}
		fmt.Fprintf(stderr, "%s ...\n", part.name)
		if err := part.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	b.report.write(stdout)
	if o.check && b.report.missed() {
		return errMissed
	}
	return nil
}
