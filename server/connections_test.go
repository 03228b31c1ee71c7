package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

const patience = 20 * time.Second

// exchange sends one request and reads the status of its answer.
func exchange(t testing.TB, conn net.Conn) int {
	t.Helper()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	must(t, response.Body.Close())
	return response.StatusCode
}

// isIdle tells it of the connection with a client's address.
func (c *connections) isIdle(client net.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := c.idle.Front(); at != nil; at = at.Next() {
		if conn, ok := at.Value.(net.Conn); ok && conn.RemoteAddr().String() == client.String() {
			return true
		}
	}
	return false
}

// SEC-75: clients that only keep their connections open shut nobody out.
func TestIdleConnectionsGiveWayToNewOnes(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{configure: func(c *Config) { c.MaxConnections = 3 }})
	dial := f.listen(t)
	var kept []net.Conn
	for range 9 {
		conn := dial()
		if code := exchange(t, conn); code != http.StatusOK {
			t.Fatal(code)
		}
		kept = append(kept, conn)
		for began := time.Now(); !f.connections.isIdle(conn.LocalAddr()); { // the answer arrives a moment before that
			if time.Since(began) > patience {
				t.Fatal("the connection never became idle")
			}
			<-time.After(time.Millisecond)
		}
	}
	if n := f.connections.count(); n > 3 {
		t.Errorf("%d connections are open", n)
	}
	if code := exchange(t, kept[8]); code != http.StatusOK {
		t.Errorf("the newest was closed: %d", code)
	}
	must(t, kept[0].SetReadDeadline(time.Now().Add(patience)))
	if _, err := kept[0].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the oldest: %v", err)
	}
}

// SEC-75: connections in use are never closed for others, which wait; and one that never finishes its headers ends by itself.
func TestConnectionsBeyondTheLimitWait(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{configure: func(c *Config) { c.MaxConnections = 2 }})
	dial := f.listen(t)
	began := time.Now()
	for range 2 {
		_, err := io.WriteString(dial(), "POST /acme/shop/token HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		must(t, err)
	}
	waiting := dial()
	_, err := io.WriteString(waiting, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	must(t, err)
	must(t, waiting.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("there was a place beyond the limit: %v", err)
	}
	if code := exchange(t, dial()); code != http.StatusOK {
		t.Error(code)
	}
	if took := time.Since(began); took < readHeaderTimeout-time.Second || took > readHeaderTimeout+patience/2 {
		t.Errorf("slow clients held their places for %v", took)
	}
}

// SEC-75
func TestAServerAtItsLimitCanBeStopped(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{configure: func(c *Config) { c.MaxConnections = 1 }})
	conn := f.listen(t)() // the clean-up waits for Serve
	_, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\n")
	must(t, err)
}
