package grants

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/writ-auth/writ/models"
)

// commonPasswords are the 10000 most common passwords, one a line, lower case.
//
//go:embed common-passwords.txt
var commonPasswords []byte

// MaxPasswordLength is the longest password, in code points after NFC.
const MaxPasswordLength = 256

// Policy is what a new password must satisfy.
type Policy struct {
	MinLength   int  // code points, at least 4
	AllowCommon bool // accept the most common passwords too
	Cost        Cost // of new hashes; zero: OWASP's minimum
}

// Passwords hashes and verifies passwords in a bounded pool with a bounded queue, so that a storm of logins can exhaust neither memory nor
// the processors that other requests need.
type Passwords struct {
	policy  Policy
	common  map[string]struct{}
	workers int
	jobs    chan job
	shares  *shares
	apart   *hashers                                // nil: hashing happens here
	trace   func(context.Context) (end func(error)) // nil: nobody is told
	running atomic.Int64
	refused atomic.Int64
}

// queuePerWorker bounds the wait: 64 hashes of about 60 ms are 4 s.
const queuePerWorker = 64

type job struct {
	ctx  context.Context
	work func()
	done chan struct{}
	// giveBack ends the job's place in the queue. Only the worker calls it: what was abandoned still has its place.
	giveBack func()
}

var errPoolFull = errors.New("the hashing queue is full")

// NewPasswords starts the pool; zero workers mean one per core. The workers live as long as the process.
func NewPasswords(policy Policy, workers int) *Passwords {
	if workers <= 0 {
		workers = runtime.NumCPU()
	}
	if policy.Cost == (Cost{}) {
		policy.Cost = owaspMinimum()
	}
	p := &Passwords{policy: policy, common: map[string]struct{}{}, workers: workers, jobs: make(chan job, workers*queuePerWorker)}
	p.shares = newShares(cap(p.jobs) / 2)
	for line := range bytes.Lines(commonPasswords) {
		p.common[string(bytes.TrimSpace(line))] = struct{}{}
	}
	for range workers {
		go p.worker()
	}
	return p
}

// worker hashes at a lower priority than everything else the server does.
func (p *Passwords) worker() {
	runtime.LockOSThread() // never unlocked: the priority belongs to this thread alone
	lowerPriority()
	for j := range p.jobs {
		if j.ctx.Err() == nil { // nobody waits for the answer any more
			p.running.Add(1)
			j.work()
			p.running.Add(-1)
		}
		j.giveBack()
		close(j.done)
	}
}

// run does work in the pool and waits for it. A full queue is 503 with Retry-After, and so is a source's share of it that is used up.
func (p *Passwords) run(ctx context.Context, work func()) (err error) {
	if p.trace != nil {
		end := p.trace(ctx)
		defer func() { end(err) }()
	}
	giveBack, ok := p.shares.take(ctx)
	if !ok {
		p.refused.Add(1)
		return Unavailable(errSourceFull)
	}
	j := job{ctx: ctx, work: work, done: make(chan struct{}), giveBack: giveBack}
	select {
	case p.jobs <- j:
	default:
		giveBack()
		p.refused.Add(1)
		return Unavailable(errPoolFull)
	}
	select {
	case <-j.done:
		if err := ctx.Err(); err != nil {
			return Unavailable(err)
		}
		return nil
	case <-ctx.Done():
		return Unavailable(ctx.Err())
	}
}

// Trace has somebody told when hashing begins and ends, the wait for a place included. It must be called before anything is hashed.
func (p *Passwords) Trace(begin func(context.Context) (end func(error))) { p.trace = begin }

// Queued is the number of hashes that wait.
func (p *Passwords) Queued() int { return len(p.jobs) }

// Running is the number of hashes that are being computed.
func (p *Passwords) Running() int { return int(p.running.Load()) }

// Workers is how many hashes can be computed at once.
func (p *Passwords) Workers() int { return p.workers }

// Refused is how many hashes found no place in the queue.
func (p *Passwords) Refused() int64 { return p.refused.Load() }

// MinLength is the shortest password, in code points.
func (p *Passwords) MinLength() int { return p.policy.MinLength }

// Check tells whether a new password satisfies the policy; the error is a *models.Invalid that never repeats it.
func (p *Passwords) Check(password string) error {
	return p.policy.check(password, func(folded string) bool {
		_, common := p.common[folded]
		return common
	})
}

// Check does the same without a pool, for a password now and then.
func (p Policy) Check(password string) error {
	return p.check(password, func(folded string) bool {
		for line := range bytes.Lines(commonPasswords) {
			if string(bytes.TrimSpace(line)) == folded {
				return true
			}
		}
		return false
	})
}

func (p Policy) check(password string, isCommon func(folded string) bool) error {
	if !utf8.ValidString(password) {
		return policyViolation("error_encoding_policy: must be valid UTF-8")
	}
	password = norm.NFC.String(password)
	length := utf8.RuneCountInString(password)
	switch {
	case length < p.MinLength:
		return policyViolation(fmt.Sprintf("error_length_policy: must be at least %d characters", p.MinLength))
	case length > MaxPasswordLength:
		return policyViolation(fmt.Sprintf("error_length_policy: must be no longer than %d characters", MaxPasswordLength))
	case !p.AllowCommon && isCommon(strings.ToLower(password)):
		return policyViolation("error_common_policy: must not be a commonly used password")
	}
	return nil
}

func policyViolation(reason string) error {
	return &models.Invalid{Code: models.CodePasswordPolicy, Reason: reason}
}

// Hash checks the policy and hashes with the current parameters; the result is a PHC string.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := p.Check(password); err != nil {
		return "", err
	}
	return p.HashUnchecked(ctx, password)
}

// HashUnchecked hashes without a look at the policy: PINs, and passwords that were accepted before.
func (p *Passwords) HashUnchecked(ctx context.Context, password string) (string, error) {
	result, err := p.perform(ctx, hashTask{Cost: p.policy.Cost, Password: normalized(password)})
	return result.Hash, err
}

// Verify compares a password with a stored hash; outdated says that it was right but the hash is weaker than today's. An empty hash is never right
// and costs as much as any other, so that an unknown user cannot be told by the time it takes.
func (p *Passwords) Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error) {
	result, err := p.perform(ctx, hashTask{Cost: p.policy.Cost, Password: normalized(password), Compare: true, Stored: hash})
	return result.Right, result.Outdated, err
}

// perform does a task in the pool.
func (p *Passwords) perform(ctx context.Context, task hashTask) (hashResult, error) {
	var result hashResult
	err := p.run(ctx, func() {
		if p.apart == nil {
			result = task.run()
			return
		}
		result = p.apart.run(task)
	})
	if err != nil {
		return hashResult{}, err // the work may still be going on
	}
	return result, nil
}

// normalized is the form passwords are hashed in. NFC makes the same text typed on two systems the same bytes. What is absurdly long was never set
// as a password; it is cut so that it costs no more than others, and a cut one matches nothing that policy allowed.
func normalized(password string) []byte {
	const limit = (MaxPasswordLength + 1) * utf8.UTFMax
	text := norm.NFC.String(password)
	return []byte(text[:min(len(text), limit)])
}
