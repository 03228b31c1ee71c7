package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal gives both ends of one.
func terminal(t *testing.T) (seen, written *os.File) {
	t.Helper()
	seen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = seen.Close() })
	if err := unix.IoctlSetPointerInt(int(seen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(seen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if written, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return seen, written
}

func TestABarIsShownOnATerminalAndNowhereElse(t *testing.T) {
	t.Parallel()
	seen, written := terminal(t)
	bar := newCounter(written, "copying rows")
	for began := time.Now(); time.Since(began) < 250*time.Millisecond; <-time.After(10 * time.Millisecond) { // it is not drawn more often than every 100
		bar.of(5, 10)
	}
	bar.print("line 3: no")
	bar.end()
	if err := written.Close(); err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(seen) // an error is how a terminal tells that its other end is closed
	for _, want := range []string{"copying rows", "50%", "line 3: no"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%q is not in %q", want, text)
		}
	}

	var file bytes.Buffer
	none := newCounter(&file, "copying rows")
	none.of(5, 10)
	none.end()
	if file.Len() > 0 {
		t.Errorf("in a log: %q", file.String())
	}
}
