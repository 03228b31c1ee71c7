//go:build !linux

package store

import "syscall"

// bounded does nothing: only Linux has the option.
func bounded(string, string, syscall.RawConn) error { return nil }
