package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes keeps every write apart.
type writes struct {
	sync.Mutex
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.Lock()
	defer w.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

func (w *writes) String() string {
	w.Lock()
	defer w.Unlock()
	return strings.Join(w.all, "|")
}

func TestALineAfterAQuietMomentIsWrittenAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to writes
		b := newLineBuffer(&to)
		for range 2 {
			fmt.Fprint(b, "a\n")
			<-time.After(2 * linger)
		}
		if got := to.String(); got != "a\n|a\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestLinesOfABusyMomentAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to writes
		b := newLineBuffer(&to)
		for _, line := range []string{"a\n", "b\n", "c\n"} {
			fmt.Fprint(b, line)
		}
		if got := to.String(); got != "a\n" {
			t.Errorf("at once: %q", got)
		}
		<-time.After(linger)
		synctest.Wait()
		if got := to.String(); got != "a\n|b\nc\n" {
			t.Errorf("after a moment: %q", got)
		}
		<-time.After(2 * linger)
	})
}

func TestABufferDoesNotGrowWithoutBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var to writes
		b := newLineBuffer(&to)
		line := strings.Repeat("x", lingering/2)
		for range 5 {
			fmt.Fprint(b, line)
		}
		if n := len(to.String()) / len(line); n != 5 {
			t.Errorf("%d of 5 lines were written", n)
		}
		<-time.After(2 * linger)
	})
}

func TestNoLineIsLost(t *testing.T) {
	t.Parallel()
	var to bytes.Buffer
	b := newLineBuffer(&to)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 1000 {
				fmt.Fprint(b, "line\n")
			}
		})
	}
	callers.Wait()
	b.Flush()
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := strings.Count(to.String(), "line\n"); n != 8000 {
		t.Errorf("%d of 8000 lines", n)
	}
}
