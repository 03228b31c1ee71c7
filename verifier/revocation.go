package verifier

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
)

// denials is a set of denied tokens and subjects, a *denylist.List. It never changes once it is part of a knowledge.
type denials interface {
	// Denies tells whether the token of that jti, sub (both hashed) and gen is denied.
	Denies(jti, sub revocation.ID, generation int64) bool
}

// knowledge is one immutable view of what the feed of one issuer has said. The follower makes a new one and swaps it.
type knowledge struct {
	version uint64 // set by view.swap; two views of one follower never share it
	denied  denials
	claims  map[revocation.ID]revocation.Change // newest change by hashed sub; authenticated followers only
	policy  *policy                             // nil: there is none, or this follower may not see it
	keys    map[string]struct{}                 // kids of dropped keys
	ended   bool
	asOf    time.Time // as the newest document says: nothing acknowledged before is missing
	arrived time.Time // when that document was read here, with a monotonic reading
	epoch   string
	seq     int64
}

// age is how old the knowledge is. It is never younger than its arrival, whatever a document says about a future, and whichever
// way the clock of this machine is set meanwhile.
func (k *knowledge) age(now time.Time) time.Duration {
	return max(now.Sub(k.asOf), now.Sub(k.arrived), 0)
}

// view holds the current knowledge of one follower, which embeds it.
type view struct {
	versions atomic.Uint64
	newest   atomic.Pointer[knowledge]
}

// current never blocks and never does I/O; nil before the first complete list.
func (v *view) current() *knowledge { return v.newest.Load() }

// swap is for one writer at a time. k must not change any more.
func (v *view) swap(k *knowledge) {
	k.version = v.versions.Add(1)
	v.newest.Store(k)
}

// source is what a Verifier needs of a follower.
type source interface {
	current() *knowledge
	// ready waits for the first knowledge; its error says why there is none yet.
	ready(ctx context.Context) error
	// run follows until ctx ends.
	run(ctx context.Context) error
}

// followerConfig is what a follower of one issuer needs; nothing in it is zero but where that is said.
type followerConfig struct {
	issuer      string
	revocations string // writ_revocations_uri
	policy      string // writ_policy_uri; empty: this issuer has none
	// clientID and clientSecret are empty for a follower without credentials: it gets neither claim changes nor a policy.
	clientID, clientSecret string
	// client has no time-out of its own: streams last. It refuses redirects.
	client *http.Client
	// verify checks the signature and the typ of a document with the keys of the issuer, which it may fetch. iss is the caller's to check.
	verify func(ctx context.Context, raw []byte, typ string) (payload []byte, err error)
	// leeway: a token may be accepted that long after its exp, so entries are kept that long.
	leeway  time.Duration
	now     func() time.Time
	metrics Metrics
	logger  *slog.Logger
}
