package keys

import (
	"time"

	"github.com/writ-auth/writ/models"
)

// The times of a key's life; docs/decisions/0006-keys.md says why.
const (
	// CacheLife is for how long the JWKS document may be kept.
	CacheLife = 5 * time.Minute
	// DefaultAnnounce is how long a key is published before it signs. A reader that fetched the document a moment before, keeps it for
	// CacheLife behind a cache that kept it as long, has fetched it twice since; one that was offline for an hour knows the key.
	DefaultAnnounce = 2 * time.Hour
	// LongestOrdinary is the longest lifetime of tokens that an ordinary key signs, or the keys that retire would never leave.
	LongestOrdinary = 400 * 24 * time.Hour

	shortestAnnounce  = 2 * CacheLife
	shortestCacheLife = 10 * time.Second
	// documentLife is how long what SignAs signs may be used.
	documentLife = 24 * time.Hour
	// lateness is what a token may live on behind its time: replicas that still sign, lifetimes rounded up, clocks that differ, the
	// leeway of resource servers.
	lateness = 5 * time.Minute
)

// Status is a key and what becomes of it next.
type Status struct {
	KID       string
	Algorithm string
	Purpose   Purpose
	State     string
	Created   time.Time
	Changed   time.Time // when State was entered
	// Next is the state that the key enters by itself; empty: none.
	Next string
	At   time.Time // of Next
}

// purposes are all of them.
func purposes() []Purpose { return []Purpose{Ordinary, NonExpiring} }

// present finds the key that signs for a purpose and the one announced; nil if there is none. Rows are oldest first.
func present(rows []models.SigningKey, purpose Purpose) (signing, announced *models.SigningKey) {
	for i := range rows {
		row := &rows[i]
		switch {
		case row.Purpose != string(purpose):
		case row.State == StateSigning:
			signing = row // the newest
		case row.State == StateAnnounced && announced == nil:
			announced = row
		}
	}
	return signing, announced
}

func changed(row *models.SigningKey) time.Time { return time.UnixMilli(row.Changed) }

// announcement is when a successor of the ordinary key is announced; zero if it never is, or has been.
func (c *Config) announcement(rows []models.SigningKey) time.Time {
	signing, announced := present(rows, Ordinary)
	if signing == nil || announced != nil || c.Rotation == 0 {
		return time.Time{}
	}
	return changed(signing).Add(c.Rotation - c.Announce)
}

// removal is when the last thing that an ordinary key signed has ended. It counts from the state's beginning: a retiring or dropped
// key does not sign any more.
func removal(row *models.SigningKey, longest time.Duration) time.Time {
	return changed(row).Add(max(min(longest, LongestOrdinary), documentLife) + lateness)
}

// status tells what becomes of a key.
func (c *Config) status(row *models.SigningKey, rows []models.SigningKey, longest time.Duration) Status {
	s := Status{
		KID: row.KID, Algorithm: row.Alg, Purpose: Purpose(row.Purpose), State: row.State,
		Created: time.UnixMilli(row.Created), Changed: changed(row),
	}
	ordinary := s.Purpose == Ordinary
	_, announced := present(rows, s.Purpose)
	switch {
	case row.State == StateAnnounced:
		s.Next, s.At = StateSigning, s.Changed.Add(c.Announce)
	case row.State == StateSigning && announced != nil:
		s.Next, s.At = StateRetiring, changed(announced).Add(c.Announce)
	case row.State == StateSigning && ordinary && c.Rotation > 0:
		s.Next, s.At = StateRetiring, s.Changed.Add(c.Rotation)
	case ordinary && (row.State == StateRetiring || row.State == StateDropped):
		s.Next, s.At = StateRemoved, removal(row, longest)
	}
	return s
}
