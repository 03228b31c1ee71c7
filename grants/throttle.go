package grants

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/writ-auth/writ/models"
)

// Limits of failed attempts (wire contract §13, 2.2).
const (
	pairLimit    = 10 // in a row, an account from one address
	pairWaitMax  = 5 * time.Minute
	accountLimit = 50 // in the window, an account from many addresses
	sourceLimit  = 100
	sharedWait   = 30 * time.Second
	window       = 5 * time.Minute
	buckets      = 5

	// throttled entries are bounded: who floods it with names only evicts other names.
	maxThrottled = 100_000
)

// throttle slows down guessing. It counts failures only: a server without failures pays one atomic load a request.
type throttle struct {
	now   func() time.Time
	used  atomic.Bool // whether anything ever failed
	mu    sync.Mutex
	pairs *lru.Cache[pair, streak]
	many  *lru.Cache[string, *failures] // by account, and by "@" + source

	shared *shared // nil: this process is alone
}

type pair struct{ account, source string }

// streak is a row of failures of an account from one address.
type streak struct {
	count int
	until time.Time
}

// failures counts in a sliding window of coarse buckets.
type failures struct {
	counts [buckets]int
	head   int64 // index of the newest bucket since the epoch
	until  time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, pairs: newLRU[pair, streak](maxThrottled), many: newLRU[string, *failures](maxThrottled)}
}

// wait is how long this account must not be tried from this source; 0: go ahead.
func (t *throttle) wait(account, source string) time.Duration {
	if account == exempt {
		return 0
	}
	longest := time.Duration(0)
	if t.shared != nil && t.shared.known.Load() {
		longest = max(longest, t.shared.wait(bounded(account), network(source)))
	}
	if !t.used.Load() {
		return longest
	}
	account, source = bounded(account), network(source)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if s, known := t.pairs.Peek(pair{account, source}); known {
		longest = max(longest, s.until.Sub(now))
	}
	for _, key := range [...]string{account, "@" + source} {
		if f, known := t.many.Peek(key); known {
			longest = max(longest, f.until.Sub(now))
		}
	}
	return longest
}

// failed counts a failure.
func (t *throttle) failed(account, source string) {
	if account == exempt {
		return
	}
	t.used.Store(true)
	account, source = bounded(account), network(source)
	if t.shared != nil {
		t.shared.failed(account, source)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	key := pair{account, source}
	s, _ := t.pairs.Get(key)
	s.count++
	if s.count >= pairLimit {
		s.until = now.Add(pairWait(s.count))
	}
	t.pairs.Add(key, s)
	t.count(account, accountLimit, now)
	t.count("@"+source, sourceLimit, now)
}

// pairWait doubles with every failure.
func pairWait(count int) time.Duration {
	return min(time.Second<<min(count-pairLimit, 10), pairWaitMax)
}

func (t *throttle) count(key string, limit int, now time.Time) {
	f, known := t.many.Get(key)
	if !known {
		f = &failures{}
		t.many.Add(key, f)
	}
	if f.add(now) >= limit {
		f.until = now.Add(sharedWait)
	}
}

// succeeded ends the account's wait from this address.
func (t *throttle) succeeded(account, source string) {
	if account == exempt {
		return
	}
	failedHere := false
	if t.used.Load() {
		key := pair{bounded(account), network(source)}
		t.mu.Lock()
		failedHere = t.pairs.Remove(key)
		t.mu.Unlock()
	}
	if t.shared != nil && (failedHere || t.shared.known.Load()) {
		t.shared.succeeded(bounded(account), network(source), failedHere)
	}
}

// maxAccount is longer than the name of any account that exists.
const maxAccount = 128

// bounded is an account's name in few bytes: the one that was tried may be as long as a body, and it is kept.
func bounded(account string) string {
	if len(account) <= maxAccount {
		return account
	}
	sum := sha256.Sum256([]byte(account))
	return "#" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// networkBits is what an IPv6 customer has at least. Whoever has one address has the 2^64 of its network, and counting them one by one would
// count nothing.
const networkBits = 64

// network is the source that is counted: an IPv4 address, or the network of an IPv6 one.
func network(source string) string {
	address, err := netip.ParseAddr(source)
	if err != nil {
		return bounded(source)
	}
	if address = address.Unmap(); address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(networkBits) // drops a zone
	if err != nil {
		return bounded(source)
	}
	return prefix.String()
}

// add counts one failure and gives the number in the window.
func (f *failures) add(now time.Time) int {
	newest := now.UnixNano() / int64(window/buckets)
	for i := max(f.head+1, newest-buckets+1); i <= newest; i++ {
		f.counts[i%buckets] = 0
	}
	f.head = newest
	f.counts[newest%buckets]++
	sum := 0
	for _, n := range f.counts {
		sum += n
	}
	return sum
}

// userAccount names an application user's account. An unknown user has an account too, by the name that was tried.
func userAccount(application, id uuid.UUID, ref string) string {
	if id == uuid.Nil {
		return "user:" + application.String() + ":" + models.Fold(ref)
	}
	return "user:" + id.String()
}

// exempt is the account of the superuser on this machine: he is never locked out there.
const exempt = ""

// adminAccount names an admin's account.
func (s *Service) adminAccount(admin *models.Admin, ref, source string) string {
	if admin.Superuser {
		if address, err := netip.ParseAddr(source); err == nil && address.Unmap().IsLoopback() {
			return exempt
		}
	}
	if admin.ID == uuid.Nil {
		return "admin:" + models.Fold(ref)
	}
	return "admin:" + admin.ID.String()
}

func clientAccount(clientID string) string { return "client:" + clientID }
