package grants

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// SourceLimit bounds what one IP address asks for (an IPv6 address counts for its network): how often, and how much at the same time. Make
// it with NewSourceLimit.
type SourceLimit struct {
	now   func() time.Time
	burst float64
	rate  float64 // a second

	mu      sync.Mutex
	buckets *lru.Cache[string, bucket]
	present map[string]int
	all     int
}

// bucket is how much a source may still take, as of a moment.
type bucket struct {
	left float64
	at   time.Time
}

// NewSourceLimit lets every source ask burst times at once, and so many times a second in the long run.
func NewSourceLimit(now func() time.Time, burst, perSecond float64) *SourceLimit {
	return &SourceLimit{
		now: now, burst: burst, rate: perSecond, buckets: newLRU[string, bucket](maxThrottled), present: map[string]int{},
	}
}

// Take counts one request of a source; wait is how long it must wait before the next if this one is refused, else 0.
func (l *SourceLimit) Take(source string) (wait time.Duration) {
	source = network(source)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, known := l.buckets.Get(source)
	if !known {
		b = bucket{l.burst, now}
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.left, b.at = min(l.burst, b.left+passed.Seconds()*l.rate), now
	}
	if b.left < 1 {
		wait = max(time.Second, time.Duration((1-b.left)/l.rate*float64(time.Second)))
	} else {
		b.left--
	}
	l.buckets.Add(source, b)
	return wait
}

// Crowd says why Enter refuses somebody.
type Crowd int

// What Enter answers.
const (
	Admitted    Crowd = iota
	SourceFull        // this source has as many as it may
	EverybodyIn       // all sources together have
)

// Enter counts somebody who stays, if his source has fewer than perSource and all together fewer than total. If he is admitted, leave must be
// called once.
func (l *SourceLimit) Enter(source string, perSource, total int) (leave func(), crowd Crowd) {
	source = network(source)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.present[source] >= perSource:
		return nil, SourceFull
	case l.all >= total:
		return nil, EverybodyIn
	}
	l.present[source]++
	l.all++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all--
		if l.present[source]--; l.present[source] == 0 {
			delete(l.present, source)
		}
	}, Admitted
}
