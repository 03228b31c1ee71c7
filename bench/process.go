package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds of what a process may take.
const (
	startTimeout = 60 * time.Second // migrations and loading of a large database included
	stopTimeout  = 15 * time.Second
)

// process is a server that bench has started.
type process struct {
	command *exec.Cmd
	address string // host:port
	started time.Time
	stop    context.CancelFunc
}

// startServer starts a server and waits until it says where it listens.
func startServer(ctx context.Context, log *os.File, name string, args ...string) (*process, error) {
	return startServerWith(ctx, log, nil, name, args...)
}

// startServerWith gives the server an environment besides.
func startServerWith(ctx context.Context, log *os.File, environ []string, name string, args ...string) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(plainEnvironment(), environ...)
	command.Stderr = log
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopTimeout
	stdout, err := command.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	p := &process{command: command, started: time.Now(), stop: cancel}
	if err := command.Start(); err != nil {
		cancel()
		return nil, err
	}
	if p.address, err = awaitAddress(stdout); err != nil {
		p.end()
		return nil, fmt.Errorf("%s did not start: %w", name, err)
	}
	return p, nil
}

// awaitAddress reads "… listens on http://ADDRESS" and keeps the pipe empty from then on.
func awaitAddress(stdout io.Reader) (string, error) {
	found := make(chan string, 1)
	go func() {
		defer close(found)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if _, address, is := strings.Cut(lines.Text(), "listens on http://"); is {
				found <- address
				break
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
	}()
	select {
	case address, ok := <-found:
		if !ok {
			return "", errors.New("it ended without listening")
		}
		return address, nil
	case <-time.After(startTimeout):
		return "", errors.New("it does not listen")
	}
}

// end stops the server and waits for it. How it ends tells nothing: it was told to.
func (p *process) end() {
	p.stop()
	_ = p.command.Wait()
}

func (p *process) pid() int { return p.command.Process.Pid }

// plainEnvironment leaves out whatever would configure a server or the runtime.
func plainEnvironment() (kept []string) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); !strings.HasPrefix(name, "WRIT_") && !strings.HasPrefix(name, "GO") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// ask runs a sub-command of bench that reads JSON and answers JSON.
func ask[Answer any](ctx context.Context, self, sub string, question any) (Answer, error) {
	return askOf[Answer](ctx, []string{self, sub}, question)
}

// askOf is ask for a command line.
func askOf[Answer any](ctx context.Context, line []string, question any) (Answer, error) {
	var answer Answer
	stdin, err := json.Marshal(question)
	if err != nil {
		return answer, err
	}
	command := exec.CommandContext(ctx, line[0], line[1:]...)
	command.Env = plainEnvironment()
	command.Stdin, command.Stderr = bytes.NewReader(stdin), os.Stderr
	output, err := command.Output()
	if err != nil {
		return answer, fmt.Errorf("%s: %w", strings.Join(line, " "), err)
	}
	return answer, json.Unmarshal(output, &answer)
}

// pinned is a command line on some cores only, as taskset names them; on all if that is empty.
func pinned(cores string, line ...string) []string {
	if cores == "" {
		return line
	}
	return append([]string{"taskset", "-c", cores}, line...)
}

// clockTick is the unit of /proc/PID/stat: 100 a second on every Linux that Go supports.
const clockTick = time.Second / 100

// processorTime is user and system time of a process so far; 0 if it is gone.
func processorTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may contain spaces; behind it, utime and stime are fields 12 and 13.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick
}

// residentMiB is the memory of a process now.
func residentMiB(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, behind, _ := strings.Cut(string(text), "VmRSS:")
	kib, _ := strconv.ParseFloat(strings.Fields(behind + " 0")[0], 64)
	return kib / 1024
}
