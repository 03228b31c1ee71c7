//go:build unix

package grants

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// SEC-27
func TestAHashingProcessThatStandsStillIsGivenUp(t *testing.T) {
	t.Parallel()
	p, log := apart(t)
	hash, err := p.Hash(t.Context(), "correct horse")
	must(t, err)
	for range p.workers {
		one := <-p.apart.free
		if one != nil {
			one.patience = 50 * time.Millisecond
			must(t, one.process.Process.Signal(syscall.SIGSTOP))
		}
		p.apart.free <- one
	}
	for range 3 {
		right, _, err := p.Verify(t.Context(), hash, "correct horse")
		if err != nil || !right {
			t.Errorf("%v, %v", right, err)
		}
	}
	if n := strings.Count(log.String(), "a hashing process failed"); n != 1 {
		t.Errorf("%d warnings: %s", n, log)
	}
}
