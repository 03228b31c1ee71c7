package verifier

import (
	"context"
	"fmt"
	"net/http"

	"github.com/writ-auth/writ/claims/revocation"
)

// outdated tells whether there is a newer policy than that of k. The caller holds the lock, or k is the newest.
func (f *follower) outdated(k *knowledge) bool {
	if f.authorization == "" || f.policy == "" {
		return false
	}
	if k.policy == nil {
		return true
	}
	return k.policy.version.epoch != k.epoch || k.policy.version.seq < f.raised
}

// keepPolicy fetches the policy whenever the feed says that there is a newer one. What is there stays until then.
func (f *follower) keepPolicy(ctx context.Context) {
	pauses := backOff{first: f.pace.backOff, limit: f.pace.backOffMax}
	etag, failing := "", false
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wantPolicy:
		}
		for f.wantsPolicy() {
			changed, err := f.fetchPolicy(ctx, &etag)
			if ctx.Err() != nil {
				return
			}
			if changed {
				f.metrics.feed(f.issuer, FeedPolicy)
				f.knownOnce.Do(func() { close(f.known) })
				pauses.reset()
			}
			if err != nil && !failing {
				f.policyFailed(err)
			}
			if failing = err != nil; !f.wantsPolicy() {
				break
			}
			if !sleep(ctx, pauses.next(err)) {
				return
			}
		}
	}
}

func (f *follower) policyFailed(err error) {
	f.logger.Warn("policy cannot be read", "issuer", f.issuer, "cause", err)
	if lasting(err) {
		f.fail(err)
		f.failedOnce.Do(func() { close(f.failed) })
	}
}

func (f *follower) wantsPolicy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.current()
	return k != nil && f.outdated(k)
}

// fetchPolicy reads the policy and puts it into the knowledge, unless it is the one that is there.
func (f *follower) fetchPolicy(ctx context.Context, etag *string) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.pace.page)
	defer cancel()
	wanted := f.wantedPolicy()
	header := http.Header{"Accept": {revocation.PolicyMediaType}, "Accept-Encoding": {"gzip"}}
	if *etag != "" {
		header.Set("If-None-Match", *etag)
	}
	answer, err := f.ask(ctx, f.policy, header)
	if err != nil {
		return false, fmt.Errorf("policy: %w", err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if answer.StatusCode == http.StatusNotModified {
		return false, nil
	}
	raw, err := documentText(answer)
	if err != nil {
		return false, fmt.Errorf("policy: %w", err)
	}
	payload, _, err := f.checked(ctx, raw, revocation.PolicyType)
	if err != nil {
		return false, fmt.Errorf("policy: %w", err)
	}
	document, err := revocation.ParsePolicy(payload)
	if err != nil {
		return false, documentError("policy: %w", err)
	}
	if err := f.ours(document.Issuer, document.AsOf); err != nil {
		return false, fmt.Errorf("policy: %w", err)
	}
	if err := f.setPolicy(document, wanted); err != nil {
		return false, err
	}
	*etag = answer.Header.Get("ETag")
	return true, nil
}

func (f *follower) wantedPolicy() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.raised
}

// setPolicy puts a policy into the knowledge; wanted is what the feed had told of when it was asked for.
func (f *follower) setPolicy(document *revocation.Policy, wanted int64) error {
	prepared := newPolicy(document)
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.current()
	// One from before what the feed has told of, out of a cache or kept by somebody, would give back what was taken away.
	if document.Epoch != old.epoch || document.Seq < wanted || olderPolicy(document, old.policy) {
		return documentError("policy %d is older than what is known", document.Seq)
	}
	next := *old
	next.policy = prepared
	f.swap(&next)
	return nil
}

func olderPolicy(document *revocation.Policy, held *policy) bool {
	return held != nil && document.Epoch == held.version.epoch && document.Seq < held.version.seq
}
