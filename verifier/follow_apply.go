package verifier

import (
	"context"
	"maps"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier/denylist"
)

// outcome is what became of a document.
type outcome int

const (
	applied outcome = iota
	ignored         // it is older than what is known
	missing         // something lies between it and what is known
)

// take does with a document what docs/feed.md, Keeping up, says.
func (f *follower) take(ctx context.Context, d *revocation.Document) (outcome, error) {
	if d.Complete {
		if err := f.complete(ctx, d); err != nil {
			return missing, err
		}
		return applied, nil
	}
	done, err := f.add(d)
	switch {
	case err != nil:
	case done == applied:
		f.connect()
		f.metrics.feed(f.issuer, FeedDocument)
	case done == missing:
		f.metrics.feed(f.issuer, FeedGap)
	}
	return done, err
}

// add is rule 2, for increments.
func (f *follower) add(d *revocation.Document) (outcome, error) {
	arrived := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.current()
	switch {
	case old == nil || f.gap || d.Epoch != old.epoch || d.From > old.seq:
		f.gap = true
		return missing, nil
	case d.Seq < old.seq, d.Seq == old.seq && d.AsOf < old.asOf.Unix(): // rule 2: what it says of keys and of the end is out of date
		return ignored, nil
	case f.authorization != "" && f.raised > 0 && d.Policy == 0 && !d.Ended:
		// The document that everybody gets has no claim changes: taking it for ours would lose some. An issuer that has ended has no others.
		return ignored, documentError("it is not the one for clients")
	}
	f.list = f.list.Add(d.Tokens, d.Subjects)
	if f.sorting {
		f.since = append(f.since, d)
	}
	next := *old
	next.denied, next.seq = f.list, d.Seq
	next.claims = withChanges(old.claims, d.Claims)
	next.state(d)
	next.younger(d.AsOf, arrived)
	f.raise(d.Policy, &next)
	f.swap(&next)
	if loose := f.list.Loose(); loose > max(f.pace.looseMin, f.list.Len()/16) {
		signal(f.loose)
	}
	return applied, nil
}

// replace is rule 1, for complete lists.
func (f *follower) replace(l *completeList) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.current()
	next := &knowledge{epoch: l.head.Epoch, seq: l.head.Seq}
	next.state(&l.head)
	next.asOf, next.arrived = time.Unix(l.head.AsOf, 0), l.arrived
	if old != nil {
		next.policy = old.policy
		if old.epoch == next.epoch {
			// The newest state of a subject stays the newest until there is an entry that is newer, whether or not the list tells it again.
			next.claims = old.claims
		}
		// Rule 1 has the lower seq of the same epoch. A list that is older by its as_of is treated in the same way, whatever its epoch:
		// in the place of what is known it would take denials away, while what is known is complete up to a later time.
		if older := next.asOf.Before(old.asOf); older || old.epoch == next.epoch && next.seq < old.seq {
			l.entries.Union(f.list)
			next.claims = withChanges(withChanges(nil, l.claims), changesOf(old.claims))
			l.claims = nil
			for kid := range old.keys {
				next.keys[kid] = struct{}{}
			}
			next.ended = next.ended || old.ended // until the next increment says what is so now
			if older {
				next.asOf, next.arrived = old.asOf, old.arrived
			}
		}
	}
	next.claims = withChanges(next.claims, l.claims)
	f.list = l.entries.List()
	next.denied = f.list
	f.gap, f.replaced = false, f.replaced+1
	f.raised = 0
	f.raise(l.head.Policy, next)
	f.swap(next)
	if f.authorization == "" || f.policy == "" {
		f.knownOnce.Do(func() { close(f.known) })
	}
}

// state takes over what is whole in every document: rule 3.
func (k *knowledge) state(d *revocation.Document) {
	k.ended = d.Ended
	k.keys = make(map[string]struct{}, len(d.Keys))
	for _, kid := range d.Keys {
		k.keys[kid] = struct{}{}
	}
}

// younger is rule 4, when no gap is open.
func (k *knowledge) younger(asOf int64, arrived time.Time) {
	if at := time.Unix(asOf, 0); at.After(k.asOf) {
		k.asOf, k.arrived = at, arrived
	}
}

// raise notes which policy is the newest. The caller holds the lock.
func (f *follower) raise(seq int64, k *knowledge) {
	f.raised = seq
	if f.outdated(k) {
		signal(f.wantPolicy)
	}
}

// withChanges gives the newest change of each subject. Maps are shared with readers: a new one is made.
func withChanges(old map[revocation.ID]revocation.Change, changes []revocation.Change) map[revocation.ID]revocation.Change {
	if len(changes) == 0 {
		return old
	}
	all := make(map[revocation.ID]revocation.Change, len(old)+len(changes))
	maps.Copy(all, old)
	for _, change := range changes {
		all[change.ID] = change
	}
	return all
}

func changesOf(changes map[revocation.ID]revocation.Change) []revocation.Change {
	all := make([]revocation.Change, 0, len(changes))
	for _, change := range changes {
		all = append(all, change)
	}
	return all
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default: // somebody was told already
	}
}

// keepOrder forgets what expired, and puts the denylist in order beside those who read it and add to it.
func (f *follower) keepOrder(ctx context.Context) {
	ticker := time.NewTicker(f.pace.forgetEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.loose:
		case <-ticker.C:
		}
		f.order()
	}
}

func (f *follower) order() {
	// docs/feed.md, Forgetting: an entry goes when exp plus the leeway is past.
	now := f.now().Add(-f.leeway).Unix()
	list, replaced := f.beginOrder()
	if list == nil {
		return
	}
	f.endOrder(list.Expire(now), replaced, now)
}

func (f *follower) endOrder(sorted *denylist.List, replaced int, now int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	since := f.since
	f.sorting, f.since = false, nil
	if f.replaced != replaced {
		return
	}
	for _, d := range since {
		sorted = sorted.Add(d.Tokens, d.Subjects)
	}
	f.list = sorted
	next := *f.current()
	next.denied = sorted
	next.claims = living(next.claims, now)
	f.swap(&next)
}

func (f *follower) beginOrder() (list *denylist.List, replaced int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list == nil {
		return nil, 0
	}
	f.sorting = true
	return f.list, f.replaced
}

func living(changes map[revocation.ID]revocation.Change, now int64) map[revocation.ID]revocation.Change {
	var alive map[revocation.ID]revocation.Change
	for id, change := range changes {
		if change.Expires != nil && *change.Expires < now {
			continue
		}
		if alive == nil {
			alive = make(map[revocation.ID]revocation.Change, len(changes))
		}
		alive[id] = change
	}
	return alive
}
