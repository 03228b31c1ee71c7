package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// wireTimeout bounds one request: a server that hangs must not hang the bench.
const wireTimeout = 30 * time.Second

// wire is one HTTP/1.1 connection with keep-alive. It reads of an answer what a load client must know and nothing else, so that
// the client takes as little of the processor as possible from the server beside it.
type wire struct {
	conn     net.Conn
	deadline time.Time
	buffer   [16 << 10]byte
}

func dial(ctx context.Context, address string) (*wire, error) {
	conn, err := (&net.Dialer{Timeout: wireTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn}, nil
}

// do sends a request and gives status and body of the answer; the body is valid until the next call.
func (w *wire) do(request []byte) (status int, body []byte, err error) {
	if now := time.Now(); w.deadline.Sub(now) < wireTimeout/2 {
		w.deadline = now.Add(wireTimeout)
		if err := w.conn.SetDeadline(w.deadline); err != nil {
			return 0, nil, err
		}
	}
	if _, err := w.conn.Write(request); err != nil {
		return 0, nil, err
	}
	return w.answer()
}

var (
	errAnswer = errors.New("not an answer the bench understands")
	headEnd   = []byte("\r\n\r\n")
	lengthKey = []byte("\r\ncontent-length:")
)

func (w *wire) answer() (status int, body []byte, err error) {
	filled, head := 0, -1
	for head < 0 {
		n, err := w.conn.Read(w.buffer[filled:])
		if err != nil {
			return 0, nil, err
		}
		filled += n
		head = bytes.Index(w.buffer[:filled], headEnd)
		if head < 0 && filled == len(w.buffer) {
			return 0, nil, fmt.Errorf("%w: header too large", errAnswer)
		}
	}
	status, length, err := parseHead(w.buffer[:head])
	start := head + len(headEnd)
	if err != nil || start+length > len(w.buffer) {
		return 0, nil, errors.Join(errAnswer, err)
	}
	if missing := start + length - filled; missing > 0 {
		if _, err := io.ReadFull(w.conn, w.buffer[filled:start+length]); err != nil {
			return 0, nil, err
		}
	}
	return status, w.buffer[start : start+length], nil
}

// parseHead reads the status and the Content-Length, which both servers send.
func parseHead(head []byte) (status, length int, err error) {
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return 0, 0, errAnswer
	}
	if status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return 0, 0, err
	}
	at := indexFold(head, lengthKey)
	if at < 0 {
		return 0, 0, fmt.Errorf("%w: no Content-Length", errAnswer)
	}
	value := head[at+len(lengthKey):]
	if end := bytes.IndexByte(value, '\r'); end >= 0 {
		value = value[:end]
	}
	length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
	return status, length, err
}

// indexFold finds a lower-case key at the start of a header line, whatever its case.
func indexFold(head, key []byte) int {
	for at := 0; ; {
		next := bytes.IndexByte(head[at:], '\r')
		if next < 0 || at+next+len(key) > len(head) {
			return -1
		}
		at += next
		if bytes.EqualFold(head[at:at+len(key)], key) {
			return at
		}
		at++
	}
}
