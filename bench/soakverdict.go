package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// invariant is what must hold all the time.
type invariant string

const (
	revokedIsRefused invariant = "something revoked was accepted"
	validIsAccepted  invariant = "something valid was refused"
	alwaysAnswered   invariant = "5xx, or no answer, where nothing was broken"
	memoryIsFlat     invariant = "memory grew"
	soakWorks        invariant = "the soak itself did not work"
)

// counts is what was done.
type counts struct {
	tokens, refreshes, revocations, verifications, refusals, changes, faults, unavailable atomic.Int64
}

// violations are what must not be. The first ones are kept.
type violations struct {
	mutex sync.Mutex
	kinds map[invariant]int
	first []string
}

const keptViolations = 20

func (v *violations) add(broken invariant, format string, values ...any) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.kinds == nil {
		v.kinds = map[invariant]int{}
	}
	v.kinds[broken]++
	if len(v.first) < keptViolations {
		v.first = append(v.first, fmt.Sprintf("%s %s: ", time.Now().Format(time.TimeOnly), broken)+fmt.Sprintf(format, values...))
	}
}

// text names every invariant that was broken, and how often.
func (v *violations) text() string {
	var parts []string
	for kind, count := range v.kinds {
		parts = append(parts, fmt.Sprintf("%d × %s", count, kind))
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

func (s *soak) violated(broken invariant, format string, values ...any) {
	s.violations.add(broken, format, values...)
}

var errViolated = errors.New("the soak has failed")

// verdict is one line, behind what was wrong.
func (s *soak) verdict(stdout io.Writer, length time.Duration) error {
	for _, grown := range s.memory.complaints() {
		s.violated(memoryIsFlat, "%s", grown)
	}
	if idle := s.idle(); len(idle) > 0 {
		s.violated(soakWorks, "never done: %s", strings.Join(idle, ", "))
	}
	for _, one := range s.violations.first {
		fmt.Fprintln(stdout, one)
	}
	failed := len(s.violations.kinds) > 0
	word := "passed"
	if failed {
		word = "FAILED: " + s.violations.text()
	}
	n := &s.counts
	fmt.Fprintf(stdout, "soak %s. %v, %d replicas, %d tokens, %d refreshes, %d revocations (heard everywhere after %s), "+
		"%d verifications and %d refusals as they must be, %d admin changes, %d faults with %d answers of 503; %s\n",
		word, length, len(s.replicas), n.tokens.Load(), n.refreshes.Load(), n.revocations.Load(), s.heard.text(),
		n.verifications.Load(), n.refusals.Load(), n.changes.Load(), n.faults.Load(), n.unavailable.Load(), s.memory.text())
	if failed {
		return errViolated
	}
	return nil
}

// idle is what was never done: a soak that does nothing finds nothing.
func (s *soak) idle() (never []string) {
	n := &s.counts
	for _, deed := range []struct {
		what  string
		count *atomic.Int64
	}{
		{"tokens", &n.tokens},
		{"refreshes", &n.refreshes},
		{"revocations", &n.revocations},
		{"verifications", &n.verifications},
		{"refusals", &n.refusals},
		{"admin changes", &n.changes},
	} {
		if deed.count.Load() == 0 {
			never = append(never, deed.what)
		}
	}
	return never
}
