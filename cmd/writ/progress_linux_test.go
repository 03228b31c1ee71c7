package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
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
	shown, ended := newTranscript(), make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(shown, seen) // an error is how a terminal tells that its other end is closed
	}()
	bar := newCounter(written, "copying rows")
	for done, began := int64(0), time.Now(); !strings.Contains(shown.String(), "%"); done++ { // it is not drawn at every step
		if time.Since(began) > patience {
			t.Fatalf("there is no percentage in %q", shown)
		}
		bar.of(done%1000, 1000)
		<-time.After(time.Millisecond)
	}
	bar.print("line 3: no")
	bar.end()
	if err := written.Close(); err != nil {
		t.Fatal(err)
	}
	<-ended
	for _, want := range []string{"copying rows", "line 3: no"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("%q is not in %q", want, shown)
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
