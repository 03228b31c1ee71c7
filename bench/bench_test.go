package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	t.Parallel()
	values := make([]uint32, 100)
	for i := range values {
		values[i] = uint32(i + 1)
	}
	for p, want := range map[float64]float64{1: 1, 50: 50, 99: 99, 100: 100} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %v = %v, want %v", p, got, want)
		}
	}
	if got := percentile([]uint32{7}, 99); got != 7 {
		t.Errorf("percentile of one value = %v", got)
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values sample
		want   float64
	}{{sample{3}, 3}, {sample{3, 1}, 2}, {sample{9, 1, 4}, 4}} {
		if got := c.values.median(); got != c.want {
			t.Errorf("median of %v = %v, want %v", c.values, got, c.want)
		}
	}
}

func TestTheHeadOfAnAnswerIsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		head           string
		status, length int
		bad            bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 12", 200, 12, false},
		{"HTTP/1.1 401 Unauthorized\r\ncontent-length:7\r\nX: y", 401, 7, false},
		{"HTTP/1.1 200 OK\r\nX-Content-Length: 3", 0, 0, true},
		{"HTTP/1.0 200 OK\r\nContent-Length: 3", 0, 0, true},
		{"", 0, 0, true},
	} {
		status, length, err := parseHead([]byte(c.head))
		if c.bad != (err != nil) || !c.bad && (status != c.status || length != c.length) {
			t.Errorf("%q: %d, %d, %v", c.head, status, length, err)
		}
	}
}

func TestAnAnswerMayArriveInPieces(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer ours.Close() //nolint:errcheck // a pipe
	go func() {
		_, _ = io.CopyN(io.Discard, theirs, 4)
		for _, piece := range []string{"HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r", "\nhe", "llo"} {
			_, _ = io.WriteString(theirs, piece)
		}
	}()
	status, body, err := (&wire{conn: ours}).do([]byte("ping"))
	if err != nil || status != 200 || string(body) != "hello" {
		t.Errorf("%d %q %v", status, body, err)
	}
}

func TestTheLoadClientDrivesTheFloor(t *testing.T) {
	t.Parallel()
	address := startTestFloor(t)
	for _, rate := range []float64{0, 200} {
		stdin, err := json.Marshal(plan{
			Address: address, PID: os.Getpid(), Connections: 3, Duration: 20 * time.Second, Limit: 60, Rate: rate,
			Targets: []target{{"/bench/app/token", "grant_type=client_credentials&client_id=c"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		var stdout bytes.Buffer
		if err := load(t.Context(), bytes.NewReader(stdin), &stdout); err != nil {
			t.Fatal(err)
		}
		var o outcome
		if err := json.Unmarshal(stdout.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		if o.Requests < 58 || o.Requests > 62 || o.Failures != 0 || o.P99 < o.P50 || o.P50 <= 0 {
			t.Errorf("outcome %+v", o)
		}
	}
}

func TestFailedRequestsAreCounted(t *testing.T) {
	t.Parallel()
	p := plan{
		Address: startTestFloor(t), Connections: 1, Duration: 20 * time.Second, Limit: 3,
		Targets: []target{{"/bench/app/token", "grant_type=password"}},
	}
	o, err := p.run(t.Context())
	if err != nil || o.Failures != 3 || !strings.Contains(o.Failure, "unsupported_grant_type") {
		t.Errorf("%+v, %v", o, err)
	}
}

// startTestFloor serves the floor until the test ends.
func startTestFloor(t *testing.T) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveFloor(ctx, write) }()
	address, err := awaitAddress(read)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return address
}
