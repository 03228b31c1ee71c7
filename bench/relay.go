package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// relay is a TCP relay with a fixed address in front of a server that may come and go. Told to disturb, it delays what it passes on
// and cuts connections in the middle of it.
type relay struct {
	listener net.Listener
	target   atomic.Pointer[string] // nil: nobody is there
	disturb  bool
	cuts     atomic.Int64
	group    sync.WaitGroup
	stop     context.CancelFunc
	life     context.Context
}

// How a connection is disturbed: cut after so many bytes at the most, which may be in the middle of a document, and one of so many pieces
// is held back for so long at the most.
const (
	mostBytes  = 1 << 20
	pieceSize  = 4 << 10
	heldBackOf = 4
	mostDelay  = 50 * time.Millisecond
)

func startRelay(ctx context.Context, disturb bool) (*relay, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: listener, disturb: disturb}
	r.life, r.stop = context.WithCancel(ctx)
	r.group.Go(r.accept)
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

// end closes everything and waits for it.
func (r *relay) end() {
	r.stop()
	_ = r.listener.Close()
	r.group.Wait()
}

func (r *relay) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.group.Go(func() { r.serve(conn) })
	}
}

func (r *relay) serve(client net.Conn) {
	defer client.Close() //nolint:errcheck // nothing is lost
	address := r.target.Load()
	if address == nil {
		return
	}
	server, err := new(net.Dialer).DialContext(r.life, "tcp", *address)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // nothing is lost
	ended := make(chan struct{}, 2)
	r.group.Go(func() { _, _ = io.Copy(server, client); ended <- struct{}{} })
	r.group.Go(func() { r.pass(client, server); ended <- struct{}{} })
	select {
	case <-ended:
	case <-r.life.Done():
	}
}

// pass hands on what the server answers.
func (r *relay) pass(client, server net.Conn) {
	if !r.disturb {
		_, _ = io.Copy(client, server)
		return
	}
	left := rand.IntN(mostBytes) //nolint:gosec // disturbs, protects nothing
	piece := make([]byte, pieceSize)
	for {
		n, err := server.Read(piece)
		if err != nil {
			return
		}
		if rand.IntN(heldBackOf) == 0 { //nolint:gosec // as above
			wait(r.life, rand.N(mostDelay)) //nolint:gosec // as above
		}
		if n >= left {
			_, _ = client.Write(piece[:left])
			r.cuts.Add(1)
			return
		}
		left -= n
		if _, err := client.Write(piece[:n]); err != nil {
			return
		}
	}
}
