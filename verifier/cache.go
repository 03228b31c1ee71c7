package verifier

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/claims"
)

// ways is how many places a token may have. With four, nearly all of the cache is used before anything is thrown out.
const ways = 4

// cache remembers tokens whose signature held. It only spares the signature check: everything else about a token is asked again at
// every hit. Looking up takes no lock. The key of a place is a keyed hash, so that nobody can choose tokens that collide, and a hit needs
// the whole text to be equal, so that nothing but the very token that was verified is one.
type cache struct {
	seed    maphash.Seed
	buckets uint64
	slots   []atomic.Pointer[entry]
}

// entry is a token that was verified, with everything that depends on its text alone.
type entry struct {
	raw     string
	hash    uint64
	issuer  *issuer
	key     *publicKey
	token   *Token
	expires int64 // exp; the end of all times for a token without one
	used    atomic.Bool
	verdict atomic.Pointer[verdict]
}

// verdict is what one knowledge and one key set say about a token. It names them by version: a pointer would keep them in memory.
type verdict struct {
	knowledge, keys uint64
	token           *Token // with claim changes
	err             *Error
}

func newCache(size int) *cache {
	if size < ways {
		return nil
	}
	buckets := size / ways
	return &cache{seed: maphash.MakeSeed(), buckets: uint64(buckets), slots: make([]atomic.Pointer[entry], buckets*ways)}
}

// bucket spreads the hash over the buckets without a division.
func (c *cache) bucket(hash uint64) []atomic.Pointer[entry] {
	index, _ := bits.Mul64(hash, c.buckets)
	return c.slots[index*ways : (index+1)*ways]
}

func (c *cache) find(raw string) *entry {
	if c == nil {
		return nil
	}
	hash := maphash.String(c.seed, raw)
	places := c.bucket(hash)
	for i := range places {
		if e := places[i].Load(); e != nil && e.hash == hash && e.raw == raw {
			// Written once only, or all processors would fight for it.
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e
		}
	}
	return nil
}

// add puts an entry into a free place, or into that of one which was not used since the last time somebody looked for a place.
func (c *cache) add(e *entry) {
	if c == nil {
		return
	}
	e.hash = maphash.String(c.seed, e.raw)
	places := c.bucket(e.hash)
	victim := int(e.hash % ways)
	for i := range places {
		other := places[i].Load()
		if other == nil || other.hash == e.hash && other.raw == e.raw {
			victim = i
			break
		}
		if !other.used.Swap(false) {
			victim = i
		}
	}
	places[victim].Store(e)
}

// sweep drops what has expired: it would be refused anyway, but it keeps memory.
func (c *cache) sweep(now time.Time) {
	if c == nil {
		return
	}
	for i := range c.slots {
		if e := c.slots[i].Load(); e != nil && e.expires < now.Add(-claims.MaxClockSkew).Unix() {
			c.slots[i].CompareAndSwap(e, nil)
		}
	}
}
