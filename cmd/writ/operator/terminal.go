package operator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Terminal is somebody who can be asked.
type Terminal interface {
	// Password reads a line without showing it.
	Password(ctx context.Context, prompt string) (string, error)
	// Line reads a line.
	Line(ctx context.Context, prompt string) (string, error)
}

// TerminalOf gives the terminal that stdin is; nil if it is none. Prompts go to prompts, so that they are no part of the output.
func TerminalOf(stdin io.Reader, prompts io.Writer) Terminal {
	file, is := stdin.(*os.File)
	if !is || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return &terminal{file, prompts}
}

type terminal struct {
	in      *os.File
	prompts io.Writer
}

func (t *terminal) Password(ctx context.Context, prompt string) (string, error) {
	fd := int(t.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	defer fmt.Fprintln(t.prompts)
	return t.ask(ctx, prompt, func() (string, error) {
		line, err := term.ReadPassword(fd)
		return string(line), err
	}, func() { _ = term.Restore(fd, before) }) // nothing better can be done on the way out
}

func (t *terminal) Line(ctx context.Context, prompt string) (string, error) {
	return t.ask(ctx, prompt, func() (string, error) {
		line, err := bufio.NewReader(t.in).ReadString('\n')
		return strings.TrimRight(line, "\r\n"), err
	}, func() {})
}

// ask waits for the answer or for the end of ctx: a terminal must not stay without echo after an interrupt.
func (t *terminal) ask(ctx context.Context, prompt string, read func() (string, error), restore func()) (string, error) {
	fmt.Fprint(t.prompts, prompt)
	type answer struct {
		line string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		line, err := read()
		answered <- answer{line, err}
	}()
	select {
	case a := <-answered:
		return a.line, a.err
	case <-ctx.Done():
		restore()
		return "", failed("interrupted")
	}
}
