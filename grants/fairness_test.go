package grants

import (
	"context"
	"net/http"
	"sync"
	"testing"
)

// Registering costs a hash and no guess, so that nothing slows down who does it as fast as he can. He must not take the whole queue.
//
// SEC-27
func TestOneSourceCannotTakeTheWholeHashingQueue(t *testing.T) {
	t.Parallel()
	p := NewPasswords(Policy{MinLength: 8, Cost: cheap}, 1)
	hold, held := make(chan struct{}), make(chan struct{})
	go func() {
		_ = p.run(t.Context(), func() { close(held); <-hold })
	}()
	<-held
	half := queuePerWorker / 2
	abandoned, abandon := context.WithCancel(From(t.Context(), "2001:db8::1"))
	var waiting sync.WaitGroup
	for range half {
		waiting.Go(func() { _ = p.run(abandoned, func() {}) })
	}
	for p.Queued() < half {
		t.Log("waiting for the flood")
	}
	abandon() // gone or not, its work is still in the queue
	waiting.Wait()
	for _, source := range []string{"2001:db8::1", "2001:db8::ffff"} {
		_, err := p.HashUnchecked(From(t.Context(), source), "x")
		if e, is := err.(*Error); !is || e.Status != http.StatusServiceUnavailable || e.RetryAfter <= 0 { //nolint:errorlint // promised
			t.Errorf("%s: %v", source, err)
		}
	}
	results := make(chan error)
	others := []string{"192.0.2.1", "127.0.0.1", "::1", ""}
	for _, source := range others {
		go func() {
			_, err := p.HashUnchecked(From(t.Context(), source), "x")
			results <- err
		}()
	}
	for p.Queued() < half+len(others) {
		t.Log("waiting for the others")
	}
	close(hold)
	for range others {
		must(t, <-results)
	}
	_, err := p.HashUnchecked(From(t.Context(), "2001:db8::1"), "x")
	must(t, err)
	must(t, p.run(t.Context(), func() {})) // everything before has given back its place
	p.shares.mu.Lock()
	defer p.shares.mu.Unlock()
	if len(p.shares.taken) != 0 {
		t.Errorf("places are kept: %v", p.shares.taken)
	}
}
