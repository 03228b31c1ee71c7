package grants

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// cache keeps what was loaded until the change log says that it has changed. A load that began before an invalidation is not kept: it may
// have read the state before the change.
//
// It is bounded by number and by weight: how much hangs on one entry is the tenants' choice, and must not be the server's memory.
type cache[K comparable, V any] struct {
	entries *lru.Cache[K, V]
	weigh   func(V) int // bytes, roughly
	most    int         // of all entries together

	mu     sync.Mutex // keeps epoch, weight and entries in step; readers of entries do without
	epoch  uint64
	weight int
}

func newCache[K comparable, V any](size, most int, weigh func(V) int) *cache[K, V] {
	c := &cache[K, V]{most: most, weigh: weigh}
	var err error
	// Whatever removes entries holds the lock.
	if c.entries, err = lru.NewWithEvict(size, func(_ K, gone V) { c.weight -= weigh(gone) }); err != nil {
		panic(err) // only a size below 1 is refused
	}
	return c
}

func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	entries, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // only a size below 1 is refused
	}
	return entries
}

// get answers the kept value or loads it. Errors are not kept.
func (c *cache[K, V]) get(key K, load func() (V, error)) (V, error) {
	if value, kept := c.entries.Get(key); kept {
		return value, nil
	}
	c.mu.Lock()
	epoch := c.epoch
	c.mu.Unlock()
	value, err := load()
	if err == nil {
		c.keep(epoch, key, value)
	}
	return value, err
}

func (c *cache[K, V]) keep(epoch uint64, key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch {
		return
	}
	c.entries.Remove(key) // somebody else may have loaded it, too
	c.entries.Add(key, value)
	c.weight += c.weigh(value)
	for c.weight > c.most {
		c.entries.RemoveOldest()
	}
}

// drop forgets one entry and tells whether there was one.
func (c *cache[K, V]) drop(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	return c.entries.Remove(key)
}

// dropAll forgets every entry that a condition selects.
func (c *cache[K, V]) dropAll(selects func(K, V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for _, key := range c.entries.Keys() {
		if value, kept := c.entries.Peek(key); kept && selects(key, value) {
			c.entries.Remove(key)
		}
	}
}
