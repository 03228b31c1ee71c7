package interop

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
)

var errOffline = errors.New("the network is gone")

// pipes is a network of pipes: a listener and a dialer that share a bubble of testing/synctest, whose clock stands still while somebody
// reads from a socket. Offline, it cuts what is open and refuses what is dialled.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func newPipes() *pipes { return &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})} }

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accepted:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.accepted <- addressed{theirs}:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.closed:
		return nil, errOffline
	}
}

// addressed gives a pipe the addresses that a server asks for.
type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 4711} }

func (addressed) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

// line is one client's way to a server, which can be cut.
type line struct {
	to *pipes

	mutex sync.Mutex
	down  bool
	open  []net.Conn
}

func (l *line) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.down {
		return nil, errOffline
	}
	conn, err := l.to.dial(ctx)
	if err == nil {
		l.open = append(l.open, conn)
	}
	return conn, err
}

func (l *line) cut() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.down = true
	for _, conn := range slices.Backward(l.open) {
		_ = conn.Close()
	}
	l.open = nil
}

func (l *line) mend() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.down = false
}
