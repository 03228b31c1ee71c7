package store

import "syscall"

const (
	tcpUserTimeout = 0x12 // TCP_USER_TIMEOUT, which package syscall does not name
	unacknowledged = 10_000
)

// bounded ends a connection whose other end has not acknowledged what was sent for ten seconds (ms); the system's own patience is a
// quarter of an hour. RFC 5482.
func bounded(network, _ string, raw syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return nil
	}
	var failure error
	err := raw.Control(func(socket uintptr) {
		failure = syscall.SetsockoptInt(int(socket), syscall.IPPROTO_TCP, tcpUserTimeout, unacknowledged)
	})
	if err != nil {
		return err
	}
	return failure
}
