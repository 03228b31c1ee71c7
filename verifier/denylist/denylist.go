// Package denylist holds what a revocation feed denies, for readers that ask at every request: an exact set of a million tokens and
// subjects at 48 bytes each, in which a look-up takes some tens of nanoseconds, allocates nothing and waits for nobody.
//
// A List never changes; what is added gives another List that shares the large part. Its owner keeps the newest one in an atomic
// pointer. The package knows neither where entries come from nor how old they are.
package denylist

import "github.com/writ-auth/writ/claims/revocation"

// List is an immutable set of denied tokens and subjects. A nil *List denies everything: whoever has none yet knows nothing.
type List struct {
	seed     seed
	tokens   stack
	subjects stack
}

// New gives an empty List.
func New() *List { return NewBuilder().List() }

// Denies tells whether the token of that jti, sub (both hashed) and gen is denied.
func (l *List) Denies(jti, sub revocation.ID, gen int64) bool {
	if l == nil {
		return true
	}
	return l.tokens.exceeds(l.seed, keyOf(jti), 0) || l.subjects.exceeds(l.seed, keyOf(sub), max(gen, 0))
}

// Len is the number of entries.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	return l.tokens.count + l.subjects.count
}

// Loose is how many entries were added since the last Expire. When they are many, additions copy more than they need to and look-ups
// visit more than one table: call Expire, beside the readers, and put the result in the place of this List.
func (l *List) Loose() int {
	if l == nil {
		return 0
	}
	return l.tokens.loose() + l.subjects.loose()
}

// Add gives a List that has these entries, too. Where there is one already the higher gen and the later exp win; no exp is the latest.
// It copies some kilobytes, however long the List is. If there is nothing new it gives the same List.
func (l *List) Add(tokens []revocation.Token, subjects []revocation.Subject) *List {
	if l == nil {
		l = New()
	}
	next := *l
	changed := next.tokens.add(l.seed, tokenSlots(tokens))
	changed = next.subjects.add(l.seed, subjectSlots(subjects)) || changed
	if !changed {
		return l
	}
	return &next
}

// Expire gives a List without the entries whose exp lies before now (seconds since 1970; let the leeway for clocks be taken off), with
// everything in one table each. It takes the time of copying all, beside whoever reads this one.
func (l *List) Expire(now int64) *List {
	if l == nil {
		return nil
	}
	next := &List{seed: l.seed}
	next.tokens.base = l.tokens.together(l.seed, now)
	next.subjects.base = l.subjects.together(l.seed, now)
	next.tokens.count, next.subjects.count = next.tokens.base.count, next.subjects.base.count
	return next
}

// Builder collects the pages of a complete list.
type Builder struct {
	seed             seed
	tokens, subjects table
}

// NewBuilder gives an empty Builder.
func NewBuilder() *Builder { return &Builder{seed: newSeed()} }

// Add takes what one page denies.
func (b *Builder) Add(tokens []revocation.Token, subjects []revocation.Subject) {
	b.tokens.grow(b.seed, tokenSlots(tokens))
	b.subjects.grow(b.seed, subjectSlots(subjects))
}

// Union takes what another list denies.
func (b *Builder) Union(other *List) {
	if other == nil {
		return
	}
	for _, t := range other.tokens.tables() {
		b.tokens.grow(b.seed, t.slots)
	}
	for _, t := range other.subjects.tables() {
		b.subjects.grow(b.seed, t.slots)
	}
}

// List gives what was collected. The Builder is not to be used again.
func (b *Builder) List() *List {
	l := &List{seed: b.seed}
	l.tokens.base = b.tokens.trimmed(b.seed)
	l.subjects.base = b.subjects.trimmed(b.seed)
	l.tokens.count, l.subjects.count = b.tokens.count, b.subjects.count
	return l
}
