package grants

import "syscall"

// hashingNiceness is how far hashing steps back behind requests that need a processor for microseconds only.
const hashingNiceness = 10

// lowerPriority makes the calling thread yield to the others. It needs no privilege; if it fails, hashing is merely less polite.
func lowerPriority() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, hashingNiceness) // 0: the calling thread
}
