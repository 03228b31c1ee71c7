package insight

import (
	"sync/atomic"
	"time"
)

// Window is a time to look at.
type Window int

// The windows, which end now.
const (
	Hour Window = iota
	Day
)

// step is how long (ms) a slot of a window is.
func (w Window) step() int64 {
	if w == Hour {
		return (2 * time.Minute).Milliseconds()
	}
	return time.Hour.Milliseconds()
}

// slots is how many slots a window has.
func (w Window) slots() int {
	if w == Hour {
		return 30
	}
	return 24
}

// Figures are what was counted of one scope.
type Figures struct {
	Since      int64 // ms, when counting began
	Now        int64 // ms
	Step       int64 // ms of a slot
	Slots      []Slot
	Total      Counts // since the beginning
	Incomplete bool   // there was no place for every scope at some time, so that something may be missing from this one
}

// Slot is a part of a window.
type Slot struct {
	At        int64 // ms, its beginning
	Counts    Counts
	Followers int64 // of the revocation feed, the most at once; of the whole server only
}

// Sum is what was counted in the window.
func (f *Figures) Sum() (sum Counts) {
	for i := range f.Slots {
		for kind, n := range f.Slots[i].Counts {
			sum[kind] += n
		}
	}
	return sum
}

// series counts one scope. Everything but the counters belongs to who holds the Recorder's lock.
type series struct {
	counters [kinds]atomic.Uint64
	seen     Counts
	busy     int64 // ms, when something was counted last
	rings    [2]ring
}

func newSeries() *series { return &series{rings: [2]ring{newRing(Hour), newRing(Day)}} }

// sample notes what the counters have won.
func (s *series) sample(now int64) {
	for kind := range s.counters {
		n := s.counters[kind].Load()
		won := n - s.seen[kind]
		if won == 0 {
			continue
		}
		s.seen[kind], s.busy = n, now
		for i := range s.rings {
			s.rings[i].at(now).add(kind, won)
		}
	}
}

// ring has the newest slots of a window, each where its time belongs.
type ring struct {
	step  int64
	slots []cell
}

// cell is a slot that is being filled. Most of them never are, and take no room.
type cell struct {
	at        int64
	counts    *[kinds]uint32
	followers int64
}

func newRing(w Window) ring { return ring{w.step(), make([]cell, w.slots())} }

// at is the slot of a time, emptied if it was that of an earlier one.
func (r *ring) at(now int64) *cell {
	begin := now - now%r.step
	c := &r.slots[begin/r.step%int64(len(r.slots))]
	if c.at != begin {
		*c = cell{at: begin}
	}
	return c
}

func (c *cell) add(kind int, n uint64) {
	if c.counts == nil {
		c.counts = new([kinds]uint32)
	}
	c.counts[kind] += uint32(min(n, 1<<31))
}

func (r *ring) follow(now, followers int64) {
	c := r.at(now)
	c.followers = max(c.followers, followers)
}

// read gives the slots that end now, oldest first.
func (r *ring) read(now int64) []Slot {
	n := int64(len(r.slots))
	last := now - now%r.step
	out := make([]Slot, n)
	for i := range out {
		slot := &out[i]
		slot.At = last - (n-1-int64(i))*r.step
		c := &r.slots[slot.At/r.step%n]
		if c.at != slot.At {
			continue
		}
		slot.Followers = c.followers
		if c.counts != nil {
			for kind, count := range c.counts {
				slot.Counts[kind] = uint64(count)
			}
		}
	}
	return out
}
