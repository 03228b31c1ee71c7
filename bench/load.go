package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// plan is what one load client does; it is read from standard input. Times are in nanoseconds.
type plan struct {
	Address     string
	PID         int // of the server, whose processor time is taken
	Connections int
	WarmUp      time.Duration
	Duration    time.Duration
	// Limit ends the load after that many requests, warm-up not counted; 0: Duration alone does.
	Limit int
	// Rate is the number of requests a second over all connections; 0: as many as the server answers.
	Rate float64
	// Targets are requested in turn.
	Targets []target
}

// target is one request to a token endpoint.
type target struct{ Path, Form string }

func (t target) bytes(address string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		t.Path, address, len(t.Form), t.Form)
}

// outcome is what a load client saw after the warm-up.
type outcome struct {
	Requests int
	Failures int
	Failure  string  // one of them
	Seconds  float64 // measured, not planned
	P50, P99 float64 // µs
	CPU      float64 // processor time of the server, µs per request
}

func (o outcome) perSecond() float64 { return float64(o.Requests) / o.Seconds }

// load is the sub-command: a plan comes in, an outcome goes out. A process of its own, so that its garbage collector and the
// measuring program do not get in each other's way.
func load(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	var p plan
	if err := json.NewDecoder(stdin).Decode(&p); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	o, err := p.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(o)
}

// volley is the state that all connections of a load share.
type volley struct {
	*plan

	requests [][]byte
	next     atomic.Uint64 // index into requests
	left     atomic.Int64  // of Limit
	measured atomic.Bool   // the warm-up is over
	over     atomic.Bool
}

// shot is what one connection saw.
type shot struct {
	latencies []uint32 // µs
	failures  int
	failure   string
	err       error
}

func (p *plan) run(ctx context.Context) (outcome, error) {
	v := &volley{plan: p}
	for _, t := range p.Targets {
		v.requests = append(v.requests, t.bytes(p.Address))
	}
	v.left.Store(int64(p.Limit))
	shots := make([]shot, p.Connections)
	var group sync.WaitGroup
	for i := range shots {
		w, err := dial(ctx, p.Address)
		if err != nil {
			v.over.Store(true)
			return outcome{}, err
		}
		group.Go(func() {
			defer w.conn.Close() //nolint:errcheck // nothing is lost
			shots[i] = v.shoot(w, i)
		})
	}
	wait(ctx, p.WarmUp)
	before, started := processorTime(p.PID), time.Now()
	v.measured.Store(true)
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done: // Limit was reached
	case <-ctx.Done():
	case <-time.After(p.Duration):
	}
	elapsed, used := time.Since(started), processorTime(p.PID)-before
	v.over.Store(true)
	<-done
	return summarize(shots, elapsed, used)
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// shoot sends one request after the other over one connection.
func (v *volley) shoot(w *wire, number int) shot {
	s := shot{latencies: make([]uint32, 0, 1<<14)}
	pace := v.pacer(number)
	for !v.over.Load() {
		request := v.requests[v.next.Add(1)%uint64(len(v.requests))]
		started := pace()
		status, body, err := w.do(request)
		elapsed := time.Since(started)
		if err != nil {
			s.err = err
			return s
		}
		if status != http.StatusOK {
			s.failures++
			s.failure = fmt.Sprintf("%d %s", status, body)
		}
		if !v.measured.Load() || v.over.Load() {
			continue // what is answered after the end was not done in the measured time
		}
		s.latencies = append(s.latencies, uint32(elapsed.Microseconds())) //nolint:gosec // an answer takes less than wireTimeout
		if v.Limit > 0 && v.left.Add(-1) <= 0 {
			return s
		}
	}
	return s
}

// pacer gives the moment each request counts from. At a fixed rate a request that could not be sent in time because the answer before
// it was late counts from when it was due: otherwise a stalled server would be asked less and look better.
func (v *volley) pacer(number int) func() time.Time {
	if v.Rate <= 0 {
		return time.Now
	}
	interval := time.Duration(float64(v.Connections) / v.Rate * float64(time.Second))
	due := time.Now().Add(interval * time.Duration(number) / time.Duration(v.Connections))
	return func() time.Time {
		at := due
		due = due.Add(interval)
		if ahead := time.Until(at); ahead > 0 {
			<-time.After(ahead)
			return time.Now() // the client's own clock may be late; that is not the server's fault
		}
		return at
	}
}

func summarize(shots []shot, elapsed time.Duration, used time.Duration) (outcome, error) {
	var all []uint32
	o := outcome{Seconds: elapsed.Seconds()}
	for _, s := range shots {
		if s.err != nil {
			return o, s.err
		}
		all = append(all, s.latencies...)
		o.Failures += s.failures
		if s.failure != "" {
			o.Failure = strings.ToValidUTF8(s.failure, "?")
		}
	}
	slices.Sort(all)
	o.Requests = len(all)
	if len(all) > 0 {
		o.P50, o.P99 = percentile(all, 50), percentile(all, 99)
		o.CPU = float64(used.Microseconds()) / float64(len(all))
	}
	return o, nil
}
