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

// newProgress makes a bar for size bytes to import; -1 if their number is not known.
func newProgress(out io.Writer, size int64) *progress {
	return newBar(out, size, "importing", true)
}

// newCounter makes a bar for things that are counted; of tells it how many there are.
func newCounter(out io.Writer, what string) *progress { return newBar(out, -1, what, false) }

func newBar(out io.Writer, size int64, what string, bytes bool) *progress {
	p := &progress{out: out}
	if file, is := out.(*os.File); is && term.IsTerminal(int(file.Fd())) {
		p.bar = progressbar.NewOptions64(size,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(bytes),
			progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetRenderBlankState(true),
			progressbar.OptionSetSpinnerChangeInterval(0), // it would draw beside whoever calls
		)
	}
	return p
}

func (p *progress) set(bytes int64) {
	if p.bar != nil {
		_ = p.bar.Set64(bytes) // what cannot be shown is not missed
	}
}

func (p *progress) of(done, total int64) {
	if p.bar != nil && p.bar.GetMax64() != total {
		p.bar.ChangeMax64(total)
	}
	p.set(done)
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
