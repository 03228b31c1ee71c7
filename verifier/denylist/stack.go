package denylist

// recentMax bounds what an addition copies: 12 kB, and the middle table once in so many entries.
const recentMax = 256

// stack is all entries of one kind: small tables above a large one, so that an addition copies the small ones only. One entry may
// be in more than one of them; it means what they say together.
type stack struct {
	recent table // what came last
	middle table // what there was no room for in recent
	base   table
	count  int // different keys
}

func (st *stack) tables() [3]*table { return [3]*table{&st.recent, &st.middle, &st.base} }

func (st *stack) loose() int { return st.recent.count + st.middle.count }

// exceeds tells whether there is an entry of that key with a higher gen.
func (st *stack) exceeds(s seed, k key, gen int64) bool {
	return st.base.exceeds(s, k, gen) || st.middle.exceeds(s, k, gen) || st.recent.exceeds(s, k, gen)
}

// get gives what all tables say of a key together.
func (st *stack) get(s seed, k key) slot {
	found := st.base.get(s, k)
	for _, t := range []*table{&st.middle, &st.recent} {
		switch other := t.get(s, k); {
		case found.gen == 0:
			found = other
		case other.gen != 0:
			found = found.join(other)
		}
	}
	return found
}

// add puts new tables into the place of recent and middle; those of before are somebody's snapshot. It tells whether there was anything new.
func (st *stack) add(s seed, entries []slot) bool {
	batch := newTable(len(entries))
	batch.put(s, entries...)
	fresh := entries[:0]
	for _, entry := range batch.slots {
		if entry.gen == 0 {
			continue
		}
		known := st.get(s, entry.key)
		if known.gen == 0 {
			st.count++
		}
		if !known.covers(entry) {
			fresh = append(fresh, entry)
		}
	}
	if len(fresh) == 0 {
		return false
	}
	if st.recent.count+len(fresh) <= recentMax {
		st.recent = assemble(s, st.recent.slots, fresh)
		return true
	}
	st.middle = assemble(s, st.middle.slots, st.recent.slots, fresh)
	st.recent = table{}
	return true
}

// assemble makes one table of the entries of all parts.
func assemble(s seed, parts ...[]slot) table {
	entries := 0
	for _, part := range parts {
		for i := range part {
			if part[i].gen != 0 {
				entries++
			}
		}
	}
	t := newTable(entries)
	for _, part := range parts {
		t.put(s, part...)
	}
	return t
}

// together makes one table of all, without what expired before now. The exp of an entry is known when all tables were asked.
func (st *stack) together(s seed, now int64) table {
	living := newTable(st.count)
	for _, t := range st.tables() {
		for i := range t.slots {
			if t.slots[i].gen == 0 {
				continue
			}
			// Tables of one seed have one order: the copy runs through memory from front to back.
			if entry := st.get(s, t.slots[i].key); entry.exp >= now {
				living.put(s, entry)
			}
		}
	}
	return living.trimmed(s)
}
