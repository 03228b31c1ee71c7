package main

import (
	"io"
	"sync"
	"time"
)

// linger is how long a line of the log may wait for others, and lingering how many bytes may.
const (
	linger    = 10 * time.Millisecond
	lingering = 64 << 10
)

// lineBuffer gathers the lines of a busy moment into one write: a system call for each request would cost a twentieth of the tokens a
// second. A line after a quiet moment is written at once, any other within linger, and Flush leaves nothing behind; only a process that
// is killed can lose its last hundredth of a second.
type lineBuffer struct {
	to io.Writer

	mu      sync.Mutex
	pending []byte
	waiting bool // a timer runs
}

func newLineBuffer(to io.Writer) *lineBuffer { return &lineBuffer{to: to} }

// Write implements io.Writer. What the log cannot take is lost: there is nobody to tell.
func (b *lineBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = append(b.pending, line...)
	if !b.waiting {
		b.write()
		b.wait()
	} else if len(b.pending) >= lingering {
		b.write()
	}
	return len(line), nil
}

// wait starts the timer that ends the busy moment or goes on with it. The caller holds the lock.
func (b *lineBuffer) wait() {
	b.waiting = true
	time.AfterFunc(linger, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.waiting = len(b.pending) > 0; b.waiting {
			b.write()
			b.wait()
		}
	})
}

// Flush writes what waits.
func (b *lineBuffer) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.write()
}

func (b *lineBuffer) write() {
	if len(b.pending) == 0 {
		return
	}
	_, _ = b.to.Write(b.pending)
	b.pending = b.pending[:0]
}
