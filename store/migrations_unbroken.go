//go:build writ_next && !writ_break

package store

const breaking = false
