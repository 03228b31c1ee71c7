//go:build unix

package main

import (
	"math"
	"syscall"
)

// openFiles is how many files this process may open; Go has raised the limit to the highest that is allowed.
func openFiles() (most int, known bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return int(min(uint64(limit.Cur), math.MaxInt32)), true //nolint:unconvert // signed on some systems
}
