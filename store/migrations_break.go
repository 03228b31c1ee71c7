//go:build writ_break

package store

const breaking = true
