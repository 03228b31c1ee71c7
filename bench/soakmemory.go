package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memory is what all replicas take together, every second.
type memory struct {
	mutex   sync.Mutex
	figures [3]sample // by the order of lines
}

// flat is what a figure may be off and still is called flat: a share, and an amount for all replicas together.
type flat struct {
	what, unit  string
	share, room float64
}

// fewestSamples is what a median of a quarter needs.
const fewestSamples = 20

// lines are what is held flat. The collector lets the heap grow to four times what lives, so resident memory tells little about what is kept for
// ever; what lives after a collection tells that, and has far less room.
func lines() [3]flat {
	return [3]flat{
		{"resident", "MiB", 0.25, 24},
		{"live heap", "MiB", 0.15, 6},
		{"goroutines", "", 0.25, 60},
	}
}

func (m *memory) add(resident, live, goroutines float64) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for i, value := range []float64{resident, live, goroutines} {
		m.figures[i] = append(m.figures[i], value)
	}
}

// halves are the medians of the second quarter of the time and of the last: the first quarter fills caches.
func (s sample) halves() (early, late float64) {
	quarter := len(s) / 4
	return s[quarter : 2*quarter].median(), s[3*quarter:].median()
}

// complaints are the figures that are not flat.
func (m *memory) complaints() (all []string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for i, line := range lines() {
		if len(m.figures[i]) < fewestSamples {
			continue
		}
		if early, late := m.figures[i].halves(); late > early*(1+line.share)+line.room {
			all = append(all, fmt.Sprintf("%s grows: %.1f %s in the second quarter, %.1f in the last", line.what, early, line.unit, late))
		}
	}
	return all
}

func (m *memory) text() string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	var parts []string
	for i, line := range lines() {
		if len(m.figures[i]) < fewestSamples {
			return "not measured"
		}
		early, late := m.figures[i].halves()
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %.1f → %.1f %s", line.what, early, late, line.unit)))
	}
	return strings.Join(parts, ", ")
}

// watchesMemory looks at all replicas every second while nothing is broken: a replica that has just started is small.
func (s *soak) watchesMemory(ctx context.Context) {
	for ; ctx.Err() == nil; wait(ctx, time.Second) {
		if s.faulting.Load() {
			continue
		}
		var resident, live, goroutines float64
		complete := true
		for _, r := range s.replicas {
			resident += residentMiB(r.running().pid())
			heap, running, ok := s.insideOf(ctx, r)
			live, goroutines, complete = live+heap, goroutines+running, complete && ok
		}
		if complete {
			s.memory.add(resident, live, goroutines)
		}
	}
}

// insideOf is what a replica's metrics tell: what lived after the last collection in MiB, and its goroutines.
func (s *soak) insideOf(ctx context.Context, r *replica) (live, goroutines float64, ok bool) {
	answer := s.ask(ctx, question{base: r.url(), method: http.MethodGet, path: "/metrics"})
	if answer.status != http.StatusOK {
		return 0, 0, false
	}
	values := metricsOf(answer.body, heapTarget, heapPercent, "go_goroutines")
	return liveHeap(values), values[2], true
}

// Names of metrics: where the collector begins, and GOGC.
const (
	heapTarget  = "go_memstats_next_gc_bytes"
	heapPercent = "go_gc_gogc_percent"
)

// liveHeap is what lived after the last collection, in MiB: the next one begins when the heap has grown by GOGC percent of that.
func liveHeap(values []float64) float64 { return values[0] / (1 + values[1]/100) / (1 << 20) }

// metricsOf reads values without labels from a page of metrics.
func metricsOf(page []byte, names ...string) []float64 {
	values := make([]float64, len(names))
	for scanner := bufio.NewScanner(bytes.NewReader(page)); scanner.Scan(); {
		for i, name := range names {
			if text, is := strings.CutPrefix(scanner.Text(), name+" "); is {
				values[i], _ = strconv.ParseFloat(text, 64)
			}
		}
	}
	return values
}
