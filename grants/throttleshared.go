package grants

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/writ-auth/writ/models"
)

const (
	// shareInterval is how often failures are told to the other processes; whoever is attacked gathers many in one transaction.
	shareInterval = 200 * time.Millisecond
	// streakKept is how long failures count in a row. Without an end those of a year would add up.
	streakKept = 15 * time.Minute
	// maxPending bounds what waits for a database that is away. What is more still counts in this process.
	maxPending = 4096
	// shareBatch bounds a transaction.
	shareBatch = 256
)

// counting says how failures of a key are counted.
type counting int

const (
	inARow     counting = iota // of an account from one address
	ofAccount                  // from many addresses
	fromSource                 // of many accounts
)

// until is how long the limits make everybody wait after so many failures; zero: they do not.
func (c counting) until(now time.Time, total int64) time.Time {
	switch {
	case c == inARow && total >= pairLimit:
		return now.Add(pairWait(int(min(total, 2*pairLimit))))
	case c == ofAccount && total >= accountLimit, c == fromSource && total >= sourceLimit:
		return now.Add(sharedWait)
	}
	return time.Time{}
}

// shared is what the throttles of all processes have in common. A process counts for itself, without asking anybody, and tells the others
// what it has counted; when the sum reaches a limit, all of them wait. A success without a failure before it touches nothing of this.
type shared struct {
	secret []byte // keeps names out of the database: people type passwords where names belong
	now    func() time.Time
	known  atomic.Bool // whether there ever was a wait
	waits  *lru.Cache[string, time.Time]
	pairs  *lru.Cache[string, pair] // what a name of a streak stands for

	mu      sync.Mutex
	pending map[string]*attempts
	cleared map[string]bool
}

type attempts struct {
	counting counting
	count    int64
}

func newShared(secret []byte, now func() time.Time) *shared {
	return &shared{
		secret: secret, now: now, waits: newLRU[string, time.Time](maxThrottled), pairs: newLRU[string, pair](maxThrottled),
		pending: map[string]*attempts{}, cleared: map[string]bool{},
	}
}

// name is 128 bits of what nobody can compute without the secret.
func (s *shared) name(kind, account, source string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(kind + "\x00" + account + "\x00" + source))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

func (s *shared) names(account, source string) [3]string {
	return [3]string{s.name("pair", account, source), s.name("account", account, ""), s.name("source", "", source)}
}

// wait is how long the other processes' failures make this one wait, too.
func (s *shared) wait(account, source string) time.Duration {
	if !s.known.Load() {
		return 0
	}
	longest := time.Duration(0)
	for _, name := range s.names(account, source) {
		if until, waits := s.waits.Peek(name); waits {
			longest = max(longest, until.Sub(s.now()))
		}
	}
	return longest
}

func (s *shared) failed(account, source string) {
	names := s.names(account, source)
	s.pairs.Add(names[0], pair{account, source})
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, name := range names {
		if waiting, known := s.pending[name]; known {
			waiting.count++
		} else if len(s.pending) < maxPending {
			s.pending[name] = &attempts{counting(at), 1}
		}
	}
}

// succeeded is told whether this process knows of a failure.
func (s *shared) succeeded(account, source string, failedHere bool) {
	if !failedHere && !s.known.Load() {
		return
	}
	name := s.name("pair", account, source)
	if !failedHere && !s.waits.Contains(name) {
		return
	}
	s.waits.Remove(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, name)
	if len(s.cleared) < maxPending {
		s.cleared[name] = true
	}
}

// apply learns of a wait that some process has decided about; an ended one also ends the row of failures here.
func (t *throttle) apply(wait models.ThrottleWait) {
	s := t.shared
	if s == nil {
		return
	}
	if wait.Expires > 0 {
		s.waits.Add(wait.Key, time.UnixMilli(wait.Expires))
		s.known.Store(true)
		return
	}
	s.waits.Remove(wait.Key)
	if key, known := s.pairs.Peek(wait.Key); known {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.pairs.Remove(key)
	}
}

// take removes up to a batch of what waits to be told.
func (s *shared) take() (counts map[string]*attempts, cleared []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts = map[string]*attempts{}
	for name, waiting := range s.pending {
		if len(counts) == shareBatch {
			break
		}
		counts[name] = waiting
		delete(s.pending, name)
	}
	for name := range s.cleared {
		if len(cleared) == shareBatch {
			break
		}
		cleared = append(cleared, name)
		delete(s.cleared, name)
	}
	return counts, cleared
}

// giveBack is for a database that did not take it.
func (s *shared) giveBack(counts map[string]*attempts, cleared []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, waiting := range counts {
		if newer, known := s.pending[name]; known {
			newer.count += waiting.count
		} else if !s.cleared[name] && len(s.pending) < maxPending {
			s.pending[name] = waiting
		}
	}
	for _, name := range cleared {
		s.cleared[name] = true
	}
}

// tell tells the other processes; more says that there is more to tell.
func (s *shared) tell(ctx context.Context, store throttleStore) (more bool, err error) {
	counts, cleared := s.take()
	if len(cleared) > 0 { // first: what failed after a success counts
		if err := store.ClearFailures(ctx, cleared); err != nil {
			s.giveBack(counts, cleared)
			return false, err
		}
	}
	if len(counts) > 0 {
		now := s.now()
		err := store.CountFailures(ctx, rows(counts, now), func(name string, total int64) int64 {
			until := counts[name].counting.until(now, total)
			if until.IsZero() {
				return 0
			}
			return until.UnixMilli()
		})
		if err != nil {
			s.giveBack(counts, nil)
			return false, err
		}
	}
	return len(counts) == shareBatch || len(cleared) == shareBatch, nil
}

func rows(counts map[string]*attempts, now time.Time) []models.FailureCount {
	const bucket = window / buckets
	failures := make([]models.FailureCount, 0, len(counts))
	for name, waiting := range counts {
		row := models.FailureCount{Key: name, Count: waiting.count, Expires: now.Add(streakKept).UnixMilli()}
		if waiting.counting != inARow {
			row.Bucket = now.UnixNano() / int64(bucket)
			row.Expires = time.Unix(0, row.Bucket*int64(bucket)).Add(window).UnixMilli()
		}
		failures = append(failures, row)
	}
	return failures
}

// ShareFailures tells the other processes of wrong passwords and secrets until ctx ends, and once more then.
func (s *Service) ShareFailures(ctx context.Context) error {
	if s.throttle.shared == nil {
		return nil
	}
	ticker := time.NewTicker(shareInterval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_, _ = s.throttle.shared.tell(last, s.Store) // nobody is left to hear of a failure
			return nil
		case <-ticker.C:
		}
		var err error
		for more := true; more && err == nil; {
			more, err = s.throttle.shared.tell(ctx, s.Store)
		}
		if err != nil && !failing && ctx.Err() == nil {
			s.Logger.ErrorContext(ctx, "failed attempts cannot be shared with other replicas", "cause", err)
		}
		failing = err != nil
	}
}
