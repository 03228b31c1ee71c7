package models

import "fmt"

// ErrSpent says that a single-use token was used already. It is an ErrConflict.
var ErrSpent = fmt.Errorf("%w: it was used already", ErrConflict)

// MayRetry tells whether a used token may be presented once more: it was used less than grace (ms) ago and has a successor. Whether
// the successor was used is for the caller to see.
func (t *RefreshToken) MayRetry(now, grace int64) bool {
	return t.Used != nil && t.Successor != nil && now-*t.Used < grace
}

// Idle tells whether an unused token has waited too long for its use, in ms; nil is no limit.
func (t *RefreshToken) Idle(now int64, limit *int64) bool {
	return limit != nil && now-t.Created >= *limit
}
