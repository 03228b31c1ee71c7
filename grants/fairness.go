package grants

import (
	"context"
	"errors"
	"net/netip"
	"sync"
)

var errSourceFull = errors.New("one source has its share of the hashing queue")

type sourceKey struct{}

// From notes for which IP address passwords are hashed in a context. Nobody can keep all others from logging in by having hashed as fast as he
// can: one source gets half of the queue. This machine is not limited, it may be a proxy; nor is work that nobody asked for.
func From(ctx context.Context, source string) context.Context {
	if address, err := netip.ParseAddr(source); err != nil || address.Unmap().IsLoopback() {
		return ctx
	}
	return context.WithValue(ctx, sourceKey{}, network(source))
}

// shares counts the places in the queue by source.
type shares struct {
	most int // of one source

	mu    sync.Mutex
	taken map[string]int
}

func newShares(most int) *shares { return &shares{most: most, taken: map[string]int{}} }

// take takes a place for the source of a context, and tells whether there was one. Every place that was taken must be given back.
func (s *shares) take(ctx context.Context) (giveBack func(), ok bool) {
	source, limited := ctx.Value(sourceKey{}).(string)
	if !limited {
		return func() {}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[source] >= s.most {
		return nil, false
	}
	s.taken[source]++
	return func() { s.giveBack(source) }, true
}

func (s *shares) giveBack(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[source]--; s.taken[source] == 0 {
		delete(s.taken, source)
	}
}
