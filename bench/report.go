package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// line is one measurement held against its goal.
type line struct {
	what, goal, measured string
	met                  verdict
}

type verdict string

const (
	yes         verdict = "yes"
	no          verdict = "no"
	informative verdict = "-" // no goal
)

func judged(met bool) verdict {
	if met {
		return yes
	}
	return no
}

// report is what a run has found out.
type report struct {
	lines   []line
	details []string // Markdown behind the table
}

func (r *report) add(what, goal, measured string, met verdict) {
	r.lines = append(r.lines, line{what, goal, measured, met})
}

func (r *report) detail(format string, values ...any) {
	r.details = append(r.details, fmt.Sprintf(format, values...))
}

func (r *report) missed() bool {
	for _, l := range r.lines {
		if l.met == no {
			return true
		}
	}
	return false
}

func (r *report) write(to io.Writer) {
	fmt.Fprintf(to, "Measured %s, %d cores, %s, %s/%s.\n\n", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprint(to, "| what | goal | measured, median (range) | met |\n|---|---|---|---|\n")
	for _, l := range r.lines {
		fmt.Fprintf(to, "| %s | %s | %s | %s |\n", l.what, l.goal, l.measured, l.met)
	}
	if len(r.details) > 0 {
		fmt.Fprintf(to, "\n%s\n", strings.Join(r.details, "\n"))
	}
}

func sizeMiB(path string) (float64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()) / (1 << 20), nil
}
