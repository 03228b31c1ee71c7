package grants

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// hashingNiceness is how far hashing steps back behind requests that need a processor for microseconds only.
	hashingNiceness = 10
	// hashingSlice is how long hashing wants to run at a stretch. The scheduler (since Linux 6.12) lets whoever wants a shorter
	// stretch interrupt at once; with equal ones a request would wait for the end of a stretch, about 3 ms.
	hashingSlice = 100 * time.Millisecond
)

// lowerPriority makes the calling thread yield to the others. It needs no privilege; if it fails, hashing is merely less polite.
func lowerPriority() {
	const thisThread = 0
	attributes := unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: hashingNiceness, Runtime: uint64(hashingSlice)}
	if unix.SchedSetAttr(thisThread, &attributes, 0) != nil {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, thisThread, hashingNiceness)
	}
}
