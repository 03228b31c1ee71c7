package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"hash"
	"io"
)

// MaxLine is the longest line (bytes): the largest custom properties and some hundred roles fit.
const MaxLine = 256 << 10

// line is one line of the input.
type line struct {
	number  int    // from 1
	text    []byte // without the end of the line; empty if it is too long
	tooLong bool
}

// lines reads lines and keeps count of what was read.
type lines struct {
	in     *bufio.Reader
	number int
	offset int64     // bytes read
	sum    hash.Hash // of those bytes
}

// next gives the next line; io.EOF behind the last one. The text is the caller's.
func (l *lines) next() (line, error) {
	one := line{number: l.number + 1}
	for {
		part, err := l.in.ReadSlice('\n')
		l.offset += int64(len(part))
		l.sum.Write(part) // never fails
		switch {
		case one.tooLong:
		case len(one.text)+len(part) > MaxLine+len("\r\n"):
			one.text, one.tooLong = nil, true
		default:
			one.text = append(one.text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(one.text) == 0 && !one.tooLong:
			return line{}, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return line{}, err
		}
		break
	}
	l.number++
	if one.number == 1 {
		one.text = bytes.TrimPrefix(one.text, []byte("\ufeff"))
	}
	one.text = bytes.TrimSuffix(bytes.TrimSuffix(one.text, []byte("\n")), []byte("\r"))
	if len(one.text) > MaxLine {
		one.text, one.tooLong = nil, true
	}
	return one, nil
}
