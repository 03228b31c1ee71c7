package main

import (
	"context"
	"net"
	"net/url"
	"sync"
	"testing"
)

// wire is the network between a replica and its database. Cut, it drops everything in both directions and says nothing: nobody gets a reset.
type wire struct {
	listener net.Listener
	target   string

	mutex sync.Mutex
	cut   chan struct{} // closed when the connections of now are lost
	down  bool          // new ones are lost, too
}

// layWire answers the wire and the address of the database at its end.
func layWire(t *testing.T, database string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener, target: u.Host, cut: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.carry(ctx, conn) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		all.Wait()
	})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	u.Host = net.JoinHostPort("127.0.0.1", port)
	return w, u.String()
}

// sever loses every connection of now, and those that come while it is down.
func (w *wire) sever(down bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	close(w.cut)
	w.cut, w.down = make(chan struct{}), down
}

// mend lets new connections through. Those that were lost stay so.
func (w *wire) mend() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.down = false
}

func (w *wire) state() (cut <-chan struct{}, down bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.cut, w.down
}

// carry holds a lost connection open until the end: neither side is told.
func (w *wire) carry(ctx context.Context, client net.Conn) {
	defer client.Close() //nolint:errcheck // nothing is lost
	cut, down := w.state()
	if down {
		<-ctx.Done()
		return
	}
	server, err := new(net.Dialer).DialContext(ctx, "tcp", w.target)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // nothing is lost
	ended := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		piece := make([]byte, 32<<10)
		for {
			n, err := from.Read(piece)
			select {
			case <-cut:
				return // and what was read is lost
			default:
			}
			if err != nil {
				ended <- struct{}{}
				return
			}
			if _, err := to.Write(piece[:n]); err != nil {
				ended <- struct{}{}
				return
			}
		}
	}
	go pass(server, client)
	go pass(client, server)
	select {
	case <-ended:
	case <-cut:
		<-ctx.Done()
	case <-ctx.Done():
	}
}
