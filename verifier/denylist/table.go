package denylist

import (
	"crypto/rand"
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/writ-auth/writ/claims/revocation"
)

// never is the exp of entries without one.
const never = math.MaxInt64

// key is a revocation.ID as two numbers.
type key struct{ a, b uint64 }

func keyOf(id revocation.ID) key {
	return key{binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:])}
}

// seed keys the hash. Identifiers are bits of SHA-256 already, but whoever may choose what is hashed into them (names of their own
// making, tried until they fit) could fill one spot of a table whose order they know.
type seed struct{ a, b uint64 }

func newSeed() seed {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return seed{binary.LittleEndian.Uint64(random[:8]), binary.LittleEndian.Uint64(random[8:])}
}

func (s seed) hash(k key) uint64 {
	high, low := bits.Mul64(k.a^s.a, k.b^s.b)
	return high ^ low
}

// slot is one entry: half a cache line, and no pointer, so that the garbage collector does not look into tables. gen is never 0 in
// an entry, always 0 in an empty slot.
type slot struct {
	key key
	exp int64
	gen int64
}

// covers tells whether the other entry of the same key would change nothing.
func (s slot) covers(other slot) bool { return s.gen >= other.gen && s.exp >= other.exp }

// join gives what two entries of the same key mean together.
func (s slot) join(other slot) slot {
	s.gen, s.exp = max(s.gen, other.gen), max(s.exp, other.exp)
	return s
}

func expiry(exp *int64) int64 {
	if exp == nil {
		return never
	}
	return *exp
}

func tokenSlots(tokens []revocation.Token) []slot {
	slots := make([]slot, len(tokens))
	for i := range tokens {
		slots[i] = slot{keyOf(tokens[i].ID), expiry(tokens[i].Expires), math.MaxInt64}
	}
	return slots
}

// subjectSlots takes a gen below 1, which package revocation refuses, for 1: an entry denies something.
func subjectSlots(subjects []revocation.Subject) []slot {
	slots := make([]slot, len(subjects))
	for i := range subjects {
		slots[i] = slot{keyOf(subjects[i].ID), expiry(subjects[i].Expires), max(subjects[i].Generation, 1)}
	}
	return slots
}

// table is a hash table with open addressing, linear probing and room for half as many entries again.
type table struct {
	slots []slot
	// tags has a byte of the hash of each entry, 0 for an empty slot. A look-up that finds nothing, as most do, reads eight of them
	// and no slot: there is one tag table of 10^6 entries in a processor's cache, but not the entries. The first seven are there again
	// at the end, so that eight can be read from every slot.
	tags  []byte
	count int
}

const (
	group  = 8 // tags that are looked at together
	lowest = 0x0101010101010101
	signs  = 0x8080808080808080
)

// newTable has room for that many entries.
func newTable(entries int) table {
	if entries == 0 {
		return table{}
	}
	slots := max(entries+entries/2+1, group)
	return table{slots: make([]slot, slots), tags: make([]byte, slots+group-1)}
}

// fits tells whether that many entries may be there.
func (t *table) fits(entries int) bool { return entries+entries/2 < len(t.slots) }

// find gives the place of a key, or the empty slot where it would be. The table must have slots.
func (t *table) find(s seed, k key) (place int, found bool) {
	hash := s.hash(k)
	// The hash, read as a fraction, times the length: tables need no power of two.
	start, _ := bits.Mul64(hash, uint64(len(t.slots)))
	at, wanted := int(start), uint64(tagOf(hash))*lowest //nolint:gosec // below the length of a slice
	for {
		tags := binary.LittleEndian.Uint64(t.tags[at:])
		// The lowest bit of zeroes(x) is the lowest zero byte of x; above it there may be false ones.
		empty := zeroes(tags)
		end := empty & -empty
		for same := zeroes(tags^wanted) & (end - 1); same != 0; same &= same - 1 {
			if place = t.wrap(at + bits.TrailingZeros64(same)/8); t.slots[place].key == k {
				return place, true
			}
		}
		if empty != 0 {
			return t.wrap(at + bits.TrailingZeros64(empty)/8), false
		}
		at = t.wrap(at + group)
	}
}

func (t *table) wrap(place int) int {
	if place >= len(t.slots) {
		return place - len(t.slots)
	}
	return place
}

func tagOf(hash uint64) byte { return max(byte(hash&0xff), 1) }

func zeroes(bytes uint64) uint64 { return (bytes - lowest) & ^bytes & signs }

// exceeds tells whether there is an entry of that key with a higher gen.
func (t *table) exceeds(s seed, k key, gen int64) bool {
	if t.count == 0 {
		return false
	}
	place, found := t.find(s, k)
	return found && t.slots[place].gen > gen
}

// get gives the entry of a key, or a slot whose gen is 0.
func (t *table) get(s seed, k key) slot {
	if t.count == 0 {
		return slot{}
	}
	if place, found := t.find(s, k); found {
		return t.slots[place]
	}
	return slot{}
}

// put joins entries to those that are there. There must be room.
func (t *table) put(s seed, entries ...slot) {
	for _, entry := range entries {
		if entry.gen == 0 {
			continue
		}
		place, found := t.find(s, entry.key)
		if found {
			t.slots[place] = t.slots[place].join(entry)
			continue
		}
		t.count++
		t.slots[place], t.tags[place] = entry, tagOf(s.hash(entry.key))
		if place < group-1 {
			t.tags[len(t.slots)+place] = t.tags[place]
		}
	}
}

// grow is put that makes room.
func (t *table) grow(s seed, entries []slot) {
	if need := t.count + len(entries); !t.fits(need) {
		larger := newTable(max(need, 2*t.count))
		larger.put(s, t.slots...)
		*t = larger
	}
	t.put(s, entries...)
}

// trimmed gives the table without more room than it needs.
func (t *table) trimmed(s seed) table {
	exact := newTable(t.count)
	if len(t.slots) <= len(exact.slots) {
		return *t
	}
	exact.put(s, t.slots...)
	return exact
}
