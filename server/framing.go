package server

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
)

// framingListener hands out connections that watch how requests are framed. net/http drops Content-Length silently when a request is
// chunked besides, so that a handler cannot see what a proxy in front may have believed.
type framingListener struct {
	net.Listener
}

// Accept implements net.Listener.
func (l framingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &framingConn{Conn: conn}, nil
}

type framingConn struct {
	net.Conn

	framing framing
}

// Read implements net.Conn.
func (c *framingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.framing.feed(p[:n])
	return n, err
}

// maxWatchedLine is longer than any header net/http accepts here.
const maxWatchedLine = 32 << 10

// framing follows the requests of one connection as far as their length. After a chunked request it follows no more, because the
// answer to it ends the connection.
type framing struct {
	line      []byte // the beginning of a line whose end has not arrived
	inHeaders bool   // the request line has been seen
	length    int64  // Content-Length of these headers, -1 for none
	body      int64  // bytes of body still to come
	chunked   bool
	done      bool
	ambiguous atomic.Bool // of the last headers; read by the handler while a background read may be going on
}

func (f *framing) feed(text []byte) {
	for len(text) > 0 && !f.done {
		if f.body > 0 {
			n := min(f.body, int64(len(text)))
			f.body -= n
			text = text[n:]
			continue
		}
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			f.line = append(f.line, text...)
			f.done = len(f.line) > maxWatchedLine
			return
		}
		line := text[:end]
		if len(f.line) > 0 {
			line = append(f.line, line...)
			f.line = f.line[:0]
		}
		f.take(bytes.TrimRight(line, "\r"))
		text = text[end+1:]
	}
}

// take reads one line: a request line, a header, or the empty line behind them.
func (f *framing) take(line []byte) {
	switch {
	case len(line) == 0 && !f.inHeaders: // empty lines before a request are skipped, RFC 9112 §2.2
	case len(line) == 0:
		f.ambiguous.Store(f.chunked && f.length >= 0)
		f.body, f.done, f.inHeaders = max(f.length, 0), f.chunked, false
	case !f.inHeaders:
		f.inHeaders, f.length, f.chunked = true, -1, false
	case line[0] == 'C' || line[0] == 'c':
		if value, is := headerValue(line, "content-length"); is {
			n, err := strconv.ParseInt(value, 10, 64)
			f.length, f.done = n, err != nil || n < 0 // net/http refuses the request
		}
	case line[0] == 'T' || line[0] == 't':
		if _, is := headerValue(line, "transfer-encoding"); is {
			f.chunked = true
		}
	}
}

func headerValue(line []byte, name string) (string, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !strings.EqualFold(string(line[:len(name)]), name) {
		return "", false
	}
	return string(bytes.TrimSpace(line[len(name)+1:])), true
}
