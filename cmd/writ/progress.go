package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress is a bar on a terminal, and nothing elsewhere: a log is no place for one.
type progress struct {
	out io.Writer
	bar *progressbar.ProgressBar // nil: no terminal
}

// newProgress makes a bar for size bytes; -1 if their number is not known.
func newProgress(out io.Writer, size int64) *progress {
	p := &progress{out: out}
	if file, is := out.(*os.File); is && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions64(size,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("importing"), progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetRenderBlankState(true),
		)
	}
	return p
}

func (p *progress) set(bytes int64) {
	if p.bar != nil {
		_ = p.bar.Set64(bytes) // what cannot be shown is not missed
	}
}

// print writes a line above the bar.
func (p *progress) print(line string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(p.out, line)
}

// end removes the bar; a second time it does nothing.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
		p.bar = nil
	}
}
