package denylist_test

import (
	"math"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier/denylist"
)

// taken counts how often the kernel has taken the processor from this thread because somebody else wanted it. Waiting for a lock, or
// for the garbage collector to let the world go on, does not count.
func taken() int64 {
	const thread = 1 // RUSAGE_THREAD of getrusage(2)
	var usage syscall.Rusage
	if syscall.Getrusage(thread, &usage) != nil {
		return 0
	}
	return usage.Nivcsw
}

// longestStall swaps rebuilt lists of a million entries under a reader and gives the longest time that one of its look-ups took while
// it had its processor.
func longestStall(current *atomic.Pointer[denylist.List], unlisted []revocation.ID) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 {
			current.Store(current.Load().Expire(0))
			runtime.GC()
		}
	}()
	longest, before, switches := time.Duration(0), time.Now(), taken()
	for at := 0; ; at++ {
		current.Load().Denies(unlisted[at%len(unlisted)], unlisted[(at+1)%len(unlisted)], 5)
		now := time.Now()
		took := now.Sub(before)
		before = now
		if took < longest && at%256 != 0 {
			continue
		}
		if had := switches; taken() != had {
			switches = taken()
		} else {
			longest = max(longest, took)
		}
		before = time.Now() // without what asking the kernel took
		select {
		case <-done:
			return longest
		default:
		}
	}
}

// Readers go on while a list of a million entries is built, put into its place and the old one collected. On a busy machine the writer
// loses its processor while it holds the world for a moment, and the reader waits: not in every round. A pause of our own would be in each.
func TestReadersDoNotStallWhileAMillionEntriesAreReplaced(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("the writer takes the only processor from the reader, whatever the list does")
	}
	var current atomic.Pointer[denylist.List]
	current.Store(million(entries))
	unlisted := ids(10*entries, 1<<16)
	shortest := time.Duration(math.MaxInt64)
	for range 60 {
		shortest = min(shortest, longestStall(&current, unlisted))
		if shortest <= time.Millisecond {
			t.Logf("no look-up took longer than %v", shortest)
			return
		}
	}
	t.Errorf("in every round a look-up took longer than 1 ms; in the best one %v", shortest)
}

func BenchmarkStall(b *testing.B) {
	var current atomic.Pointer[denylist.List]
	current.Store(million(entries))
	unlisted := ids(10*entries, 1<<16)
	longest := time.Duration(0)
	for b.Loop() {
		longest = max(longest, longestStall(&current, unlisted))
	}
	b.ReportMetric(float64(longest.Microseconds()), "µs-longest")
}
