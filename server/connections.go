package server

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// connections bounds how many are open. Those beyond it wait in the kernel's queue until another one ends; so that clients which only keep
// theirs open shut nobody out, the one that has been idle for longest is closed for them.
type connections struct {
	max int

	mu      sync.Mutex
	freed   *sync.Cond
	open    int
	closed  bool
	idle    *list.List // of net.Conn, the one idle for longest in front
	place   map[net.Conn]*list.Element
	closing map[net.Conn]struct{} // closed for another one, and net/http has not noticed yet
}

func newConnections(most int) *connections {
	c := &connections{max: most, idle: list.New(), place: map[net.Conn]*list.Element{}, closing: map[net.Conn]struct{}{}}
	c.freed = sync.NewCond(&c.mu)
	return c
}

// take waits for a place, and tells whether it has one: not after the end.
func (c *connections) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.open >= c.max && !c.closed {
		if len(c.closing) == 0 { // one that ends is enough for one that comes
			c.closeIdle()
		}
		c.freed.Wait()
	}
	if c.closed {
		return false
	}
	c.open++
	return true
}

// closeIdle closes a connection whose client asks for nothing, which it may do at any time: RFC 9112 §9.5. Its place comes back when
// net/http has noticed.
func (c *connections) closeIdle() {
	if oldest := c.idle.Front(); oldest != nil {
		conn, _ := c.idle.Remove(oldest).(net.Conn)
		delete(c.place, conn)
		c.closing[conn] = struct{}{}
		go conn.Close() //nolint:errcheck // under TLS it writes, and the lock is held
	}
}

func (c *connections) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	c.freed.Signal()
}

func (c *connections) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.freed.Broadcast()
}

// watch is called by net/http whenever a connection enters another state.
func (c *connections) watch(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, isIdle := c.place[conn]; isIdle {
		c.idle.Remove(at)
		delete(c.place, conn)
	}
	switch state {
	case http.StateIdle:
		c.place[conn] = c.idle.PushBack(conn)
		if c.open >= c.max {
			c.freed.Signal() // somebody may be waiting for one to close
		}
	case http.StateClosed, http.StateHijacked:
		delete(c.closing, conn)
		c.open--
		c.freed.Signal()
	case http.StateActive:
		delete(c.closing, conn) // a last request came first: its place is free only once that is answered
	case http.StateNew:
	}
}

// count is how many connections are open.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// boundedListener accepts no more connections than there are places.
type boundedListener struct {
	net.Listener

	connections *connections
}

// Accept implements net.Listener.
func (l boundedListener) Accept() (net.Conn, error) {
	if !l.connections.take() {
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		l.connections.release()
	}
	return conn, err
}

// Close implements net.Listener.
func (l boundedListener) Close() error {
	l.connections.end()
	return l.Listener.Close()
}
