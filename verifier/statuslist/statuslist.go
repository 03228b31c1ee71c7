// Package statuslist reads Token Status Lists (draft-ietf-oauth-status-list-21) in the form of JWTs: the state of many tokens, a few bits
// each, in one compressed and signed document. It owns the format, and the Checker that keeps lists fresh. It knows no keys: whoever
// uses it checks signature and typ.
package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Type is the JOSE header typ of a status list, §5.1, and MediaType what HTTP calls it, §8.1.
const (
	Type      = "statuslist+jwt"
	MediaType = "application/" + Type
)

// Status is the state of one token, §7.
type Status uint8

// The registered values, §7.1. Others are for applications to define; whoever does not know them takes them for a refusal.
const (
	Valid     Status = 0
	Invalid   Status = 1
	Suspended Status = 2
)

// Errors of reading; compare with errors.Is.
var (
	// ErrForm: the text is not a status list.
	ErrForm = errors.New("not a status list")
	// ErrSubject: the list is one of another address.
	ErrSubject = errors.New("the status list is another one")
	// ErrExpired: exp has passed.
	ErrExpired = errors.New("the status list has expired")
	// ErrFuture: iat is more than a minute ahead.
	ErrFuture = errors.New("the status list was issued in the future")
	// ErrSize: it has more bytes, unpacked, than are read.
	ErrSize = errors.New("the status list is too long")
	// ErrIndex: the list has no such entry.
	ErrIndex = errors.New("the index is not in the status list")
)

// DefaultLimit bounds what a list is unpacked to: 1 MiB, eight million tokens of one bit.
const DefaultLimit = 1 << 20

// maxSkew is how much clocks may differ.
const maxSkew = time.Minute

// List is one status list. It never changes.
type List struct {
	URI      string // its sub
	IssuedAt time.Time
	Expires  time.Time     // zero: the list does not say
	TTL      time.Duration // zero: the list does not say

	bits int64  // of one entry: 1, 2, 4 or 8
	data []byte // unpacked
}

// document is the claims set of §5.1.
type document struct {
	Subject string   `json:"sub"`
	Issued  *float64 `json:"iat"`
	Expires *float64 `json:"exp"`
	TTL     *float64 `json:"ttl"`
	List    *struct {
		Bits int64  `json:"bits"`
		Data string `json:"lst"`
	} `json:"status_list"`
}

// Parse reads the payload of a status list whose signature and typ were checked. uri is what the token says, and limit the number of bytes
// that are unpacked.
func Parse(payload []byte, uri string, limit int64) (*List, error) {
	var d document
	if err := json.Unmarshal(payload, &d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	// §8.3: sub must be equal to the uri of the token. Otherwise one list could be given for another.
	if d.Subject == "" || d.Subject != uri {
		return nil, ErrSubject
	}
	if d.Issued == nil || d.List == nil {
		return nil, fmt.Errorf("%w: a member is missing", ErrForm)
	}
	list := &List{URI: uri}
	var err error
	if list.IssuedAt, err = moment(*d.Issued); err != nil {
		return nil, err
	}
	if d.Expires != nil {
		if list.Expires, err = moment(*d.Expires); err != nil {
			return nil, err
		}
	}
	if d.TTL != nil {
		// §5.1: a positive number of seconds.
		if *d.TTL <= 0 || *d.TTL > maxSeconds {
			return nil, fmt.Errorf("%w: ttl", ErrForm)
		}
		list.TTL = time.Duration(*d.TTL * float64(time.Second))
	}
	switch d.List.Bits {
	case 1, 2, 4, 8: // §4.1
		list.bits = d.List.Bits
	default:
		return nil, fmt.Errorf("%w: bits is %d", ErrForm, d.List.Bits)
	}
	if list.data, err = unpack(d.List.Data, limit); err != nil {
		return nil, err
	}
	return list, nil
}

// maxSeconds keeps times within what a time.Duration holds.
const maxSeconds = 253402300799 / 100

// moment reads a NumericDate (RFC 7519 §2), which may have a fraction.
func moment(seconds float64) (time.Time, error) {
	if seconds < 0 || seconds > 253402300799 {
		return time.Time{}, fmt.Errorf("%w: a time", ErrForm)
	}
	return time.Unix(int64(seconds), 0), nil
}

// unpack reads §4.1, ZLIB (RFC 1950) in base64url. A list that says more than limit bytes, or something after its end, is refused.
func unpack(text string, limit int64) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // which package base64 skips
		return nil, fmt.Errorf("%w: lst: a line break", ErrForm)
	}
	packed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: lst: %w", ErrForm, err)
	}
	// A bytes.Reader is read byte by byte, so what the stream leaves is what comes after it.
	rest := bytes.NewReader(packed)
	stream, err := zlib.NewReader(rest)
	if err != nil {
		return nil, fmt.Errorf("%w: lst: %w", ErrForm, err)
	}
	data, err := io.ReadAll(io.LimitReader(stream, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: lst: %w", ErrForm, err)
	case int64(len(data)) > limit:
		return nil, ErrSize
	case rest.Len() > 0:
		return nil, fmt.Errorf("%w: lst: data after the end", ErrForm)
	}
	return data, nil
}

// Check tells whether the list may be used at a time.
func (l *List) Check(now time.Time) error {
	// §8.3: a list that has expired says nothing.
	if !l.Expires.IsZero() && !now.Before(l.Expires) {
		return ErrExpired
	}
	if l.IssuedAt.Sub(now) > maxSkew {
		return ErrFuture
	}
	return nil
}

// Len is how many entries the list has.
func (l *List) Len() int64 { return int64(len(l.data)) * 8 / l.bits }

// At gives the state of a token by its idx. §8.3: an index out of bounds is an error, never "valid".
func (l *List) At(index int64) (Status, error) {
	if index < 0 || index >= l.Len() {
		return Invalid, ErrIndex
	}
	bit := index * l.bits
	// §4.1: entries go from the least significant bit of a byte to the most significant one.
	return Status(l.data[bit/8] >> (bit % 8) & (1<<l.bits - 1)), nil
}
