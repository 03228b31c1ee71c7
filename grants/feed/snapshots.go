package feed

import (
	"sync"
	"time"
)

// snapshots are the complete lists that are kept.
type snapshots struct {
	mu     sync.Mutex
	newest map[viewKey]*snapshot
	old    []*snapshot
	weight int // entries of all of them
	signed []*page
	bytes  int // of the signed pages

	building map[viewKey]*sync.Mutex
	slots    chan struct{}
}

const (
	// snapshotKept is how long a complete list can be read on after a newer one has taken its place.
	snapshotKept = 5 * time.Minute
	// maxEntries bounds the entries of all complete lists together: about 32 bytes each.
	maxEntries = 6_000_000
	// maxSigned bounds the signed pages that are kept, in bytes.
	maxSigned = 128 << 20
	// builders is how many complete lists are read from the database at a time.
	builders = 2
	// readTime bounds one reading.
	readTime = time.Minute
	// reread is how old entries may grow: some may be forgotten meanwhile.
	reread = 10 * time.Minute
)

func (s *snapshots) init() {
	s.newest, s.building, s.slots = map[viewKey]*snapshot{}, map[viewKey]*sync.Mutex{}, make(chan struct{}, builders)
}

// perSnapshot is what a snapshot weighs besides its entries.
const perSnapshot = 64

// theNewest is the position of no list.
const theNewest = -1

// at finds a complete list by its position, or the newest.
func (s *snapshots) at(key viewKey, seq int64, now time.Time) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	found := s.newest[key]
	if seq != theNewest && (found == nil || found.seq != seq) {
		found = nil
		for _, old := range s.old {
			if old.seq == seq && old.view.key() == key {
				found = old
			}
		}
	}
	if found != nil {
		found.used = now
	}
	return found
}

// lock is what those who make the complete list of one view queue for.
func (s *snapshots) lock(key viewKey) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.building) > maxStates {
		clear(s.building) // at worst a list is made twice
	}
	if s.building[key] == nil {
		s.building[key] = new(sync.Mutex)
	}
	return s.building[key]
}

func (s *snapshots) keep(made *snapshot, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := made.view.key()
	if before := s.newest[key]; before != nil {
		before.replaced = now
		s.old = append(s.old, before)
	}
	made.used = now
	s.newest[key] = made
	if made.users++; made.users == 1 {
		s.weight += made.weight()
	}
	s.weight += perSnapshot
	s.sweep(now)
	for more := true; more && s.weight > maxEntries; {
		more = s.forgetOne(made)
	}
}

func (s *snapshots) release(gone *snapshot) {
	s.weight -= perSnapshot
	if gone.users--; gone.users == 0 {
		s.weight -= gone.weight()
	}
}

// sweep forgets what was replaced long ago. The caller holds the lock.
func (s *snapshots) sweep(now time.Time) {
	for len(s.old) > 0 && now.Sub(s.old[0].replaced) > snapshotKept {
		s.release(s.old[0])
		s.old = s.old[1:]
	}
}

// forgetOne gives up the list that is missed least, but never the one just made. The caller holds the lock.
func (s *snapshots) forgetOne(but *snapshot) bool {
	if len(s.old) > 0 {
		s.release(s.old[0])
		s.old = s.old[1:]
		return true
	}
	var idle *snapshot
	for _, one := range s.newest {
		if one != but && (idle == nil || one.used.Before(idle.used)) {
			idle = one
		}
	}
	if idle == nil {
		return false
	}
	delete(s.newest, idle.view.key())
	s.release(idle)
	return true
}

// clear forgets everything: another key signs from now on.
func (s *snapshots) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest, s.old, s.weight, s.signed, s.bytes = map[viewKey]*snapshot{}, nil, 0, nil, 0
}

// signedPage notes a page whose text is kept, and gives up the oldest ones if there are too many. They are signed again when somebody asks.
func (s *snapshots) signedPage(p *page) {
	s.mu.Lock()
	s.signed = append(s.signed, p)
	s.bytes += 2 * len(p.doc.Text)
	var gone []*page
	for s.bytes > maxSigned && len(s.signed) > 1 {
		gone, s.signed = append(gone, s.signed[0]), s.signed[1:]
		s.bytes -= 2 * len(gone[len(gone)-1].doc.Text)
	}
	s.mu.Unlock()
	for _, old := range gone {
		if old != p && old.mu.TryLock() {
			old.doc = nil
			old.mu.Unlock()
		}
	}
}
