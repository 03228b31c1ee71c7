package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// bench is one run of the program: its binaries, its folder and what it has found out.
type bench struct {
	options

	self   string // this program
	writ   string // the stripped server
	folder string // removed at the end
	log    *os.File
	report report
	notes  io.Writer
	seeds  map[int]*seed // by number of clients
}

func newBench(ctx context.Context, o options, notes io.Writer) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "writ-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, self: self, writ: o.writ, folder: folder, notes: notes, seeds: map[int]*seed{}}
	// The servers append, so that truncating keeps the file small while they run.
	if b.log, err = os.OpenFile(filepath.Join(folder, "servers.log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		b.cleanUp()
		return nil, err
	}
	if b.writ == "" {
		b.writ = filepath.Join(folder, "writ")
		if err := build(ctx, b.writ, notes); err != nil {
			b.cleanUp()
			return nil, err
		}
	}
	return b, nil
}

func build(ctx context.Context, to string, notes io.Writer) error {
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, "github.com/writ-auth/writ/cmd/writ")
	command.Stdout, command.Stderr = notes, notes
	if err := command.Run(); err != nil {
		return fmt.Errorf("building the server: %w", err)
	}
	return nil
}

func (b *bench) cleanUp() {
	if b.log != nil {
		_ = b.log.Close()
	}
	_ = os.RemoveAll(b.folder)
}

// floorServer starts the floor.
func (b *bench) startFloor(ctx context.Context) (*process, error) {
	return startServer(ctx, b.log, b.self, "floor")
}

// startWrit starts the server on a database.
func (b *bench) startWrit(ctx context.Context, s *seed) (*process, error) {
	return b.startWritOn(ctx, "", s)
}

// startWritOn starts it on some cores only.
func (b *bench) startWritOn(ctx context.Context, cores string, s *seed) (*process, error) {
	line := pinned(cores, b.writ, "serve", "--listen", "127.0.0.1:0", "--data-dir", s.folder)
	if b.logLevel != "" {
		line = append(line, "--log-level", b.logLevel)
	}
	p, err := startServer(ctx, b.log, line[0], line[1:]...)
	if err != nil {
		return nil, fmt.Errorf("%w; its log ends: %s", err, b.logTail())
	}
	return p, nil
}

func (b *bench) logTail() string {
	text, err := os.ReadFile(b.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// load runs one load client and refuses outcomes with failed requests: a fast error is not a fast token.
func (b *bench) load(ctx context.Context, p *process, connections int, targets []target, change func(*plan)) (outcome, error) {
	return b.loadFrom(ctx, "", p, connections, targets, change)
}

// loadFrom is load by a client on some cores only.
func (b *bench) loadFrom(ctx context.Context, cores string, p *process, connections int, targets []target, change func(*plan)) (outcome, error) {
	if err := b.log.Truncate(0); err != nil {
		return outcome{}, err
	}
	order := plan{
		Address: p.address, PID: p.pid(), Connections: connections, WarmUp: b.warmUp, Duration: b.round, Targets: targets,
	}
	if change != nil {
		change(&order)
	}
	o, err := askOf[outcome](ctx, pinned(cores, b.self, "load"), order)
	switch {
	case err != nil:
		return o, err
	case o.Failures > 0:
		return o, fmt.Errorf("%d of %d requests failed, for example: %s", o.Failures, o.Requests, o.Failure)
	case o.Requests == 0:
		return o, fmt.Errorf("no request was answered; the log ends: %s", b.logTail())
	}
	return o, nil
}
