package grants

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/writ-auth/writ/models"
)

// Limits of mails: nobody fills another's mailbox through us, nor our sender's reputation is spent by one address.
const (
	mailsPerAccount = 5
	mailsPerSource  = 200 // a source may be a proxy with many users behind it
	mailWindow      = time.Hour
	maxMailCounters = 50_000 // bounded: who floods it with names only evicts other names
)

// MailLimit counts mails by address and by who asked for them. Make it with NewMailLimit.
type MailLimit struct {
	now      func() time.Time
	mu       sync.Mutex
	counters *lru.Cache[string, []int64]
}

// NewMailLimit makes an empty MailLimit.
func NewMailLimit(now func() time.Time) *MailLimit {
	return &MailLimit{now: now, counters: newLRU[string, []int64](maxMailCounters)}
}

// Source counts one request of an IP address (an IPv6 address counts for its network) and tells whether it may have a mail sent.
func (l *MailLimit) Source(address string) bool { return l.take("@"+network(address), mailsPerSource) }

// Address counts one mail to an e-mail address and tells whether it may be sent.
func (l *MailLimit) Address(email string) bool { return l.take(models.Fold(email), mailsPerAccount) }

// take counts in a sliding window: the times (ms) of those that were let through.
func (l *MailLimit) take(key string, limit int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().UnixMilli()
	before, _ := l.counters.Get(key)
	times := make([]int64, 0, len(before)+1)
	for _, at := range before {
		if at > now-mailWindow.Milliseconds() {
			times = append(times, at)
		}
	}
	if len(times) >= limit {
		l.counters.Add(key, times)
		return false
	}
	l.counters.Add(key, append(times, now))
	return true
}
