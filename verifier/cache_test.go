package verifier

import (
	"fmt"
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

// SEC-61b: a hit needs the very text that was verified, whatever its hash is.
func TestTheCacheComparesTheWholeText(t *testing.T) {
	t.Parallel()
	c := newCache(ways) // one bucket
	raw := strings.Repeat("a", 700)
	c.add(&entry{raw: raw})
	if c.find(raw) == nil {
		t.Fatal("the token is not found")
	}
	for i := range raw {
		for _, other := range []string{raw[:i] + "b" + raw[i+1:], raw[:i], raw[:i] + raw[i+1:]} {
			if c.find(other) != nil {
				t.Fatalf("found by %q", other)
			}
		}
	}
	// Even with a hash that collides.
	twin := strings.Repeat("b", 700)
	c.slots[0].Store(&entry{raw: raw, hash: maphash.String(c.seed, twin)})
	if c.find(twin) != nil {
		t.Error("a collision is a hit")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	for _, size := range []int{-1, 0, 3} {
		c := newCache(size)
		c.add(&entry{raw: "x"})
		c.sweep(time.Now())
		if c != nil || c.find("x") != nil {
			t.Errorf("size %d: something is kept", size)
		}
	}
	const size = 200
	c := newCache(size)
	if len(c.slots) > size {
		t.Fatalf("%d places", len(c.slots))
	}
	kept := func() (n int) {
		for i := range c.slots {
			if c.slots[i].Load() != nil {
				n++
			}
		}
		return n
	}
	for i := range 100 * size {
		c.add(&entry{raw: fmt.Sprint(i), expires: int64(i)})
	}
	if n := kept(); n < size*9/10 || n > size {
		t.Errorf("%d entries", n)
	}
	c.sweep(time.Unix(100*size+61, 0))
	if n := kept(); n != 0 {
		t.Errorf("%d expired entries", n)
	}
	c.add(&entry{raw: "for ever", expires: math.MaxInt64})
	c.sweep(time.Unix(1<<40, 0))
	if c.find("for ever") == nil {
		t.Error("a token without exp was swept away")
	}
}

// A token that is used stays while many others come once.
func TestUsedTokensStayInTheCache(t *testing.T) {
	t.Parallel()
	c := newCache(1000)
	lost := 0
	c.add(&entry{raw: "busy"})
	for i := range 10_000 {
		c.add(&entry{raw: fmt.Sprint(i)})
		if c.find("busy") == nil {
			lost++
			c.add(&entry{raw: "busy"})
		}
	}
	if lost > 10 {
		t.Errorf("lost %d times", lost)
	}
}

func TestTheSameTokenHasOnePlace(t *testing.T) {
	t.Parallel()
	c := newCache(ways)
	for range 10 {
		c.add(&entry{raw: "x"})
	}
	n := 0
	for i := range c.slots {
		if c.slots[i].Load() != nil {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d places", n)
	}
}

func TestTheCacheIsSafeForManyReadersAndWriters(t *testing.T) {
	t.Parallel()
	c := newCache(64)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 2000 {
				raw := fmt.Sprint((i * (g + 1)) % 200)
				if e := c.find(raw); e != nil && e.raw != raw {
					t.Errorf("asked for %s, got %s", raw, e.raw)
				}
				c.add(&entry{raw: raw, expires: int64(i)})
				if i%500 == 0 {
					c.sweep(time.Unix(int64(i), 0))
				}
			}
		})
	}
	group.Wait()
}
