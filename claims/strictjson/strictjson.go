// Package strictjson reads JSON where two readers must not disagree about what a text says: tokens, request bodies, key sets. It
// owns the one strict reader of the project; it knows nothing of what the members mean.
//
// It accepts a subset of RFC 8259: text is UTF-8 without lone surrogates, member names are unique after unescaping (RFC 7493 §2.3),
// nesting is bounded, and nothing follows the value. Names are compared byte by byte: no folding of case. Time and memory are
// linear in the length of the text, so callers bound the length. Errors never repeat a value, for it may be a password.
package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Reasons why a text is refused; Decode returns an *Error that wraps one of them.
var (
	ErrSyntax   = errors.New("not valid JSON")
	ErrEncoding = errors.New("not valid UTF-8")
	ErrRepeated = errors.New("repeated member")
	ErrTrailing = errors.New("data after the value")
	ErrDepth    = errors.New("nested too deep")
)

// Error says why and where a text was refused. Its text may be shown to whoever sent the JSON.
type Error struct {
	Reason error  // one of the reasons above
	Offset int    // bytes before the place
	Member string // the repeated member's name, cut to short printable ASCII; empty for other reasons
}

func (e *Error) Error() string {
	if e.Member != "" {
		return fmt.Sprintf("%v %s at byte %d", e.Reason, e.Member, e.Offset)
	}
	return fmt.Sprintf("%v at byte %d", e.Reason, e.Offset)
}

func (e *Error) Unwrap() error { return e.Reason }

// Decode reads one JSON value: map[string]any, []any, string, json.Number, bool or nil. maxDepth is how many objects and arrays
// may lie in one another; 1 allows an object of plain values.
func Decode(text []byte, maxDepth int) (any, error) {
	r := reader{text: string(text), depth: maxDepth}
	if !utf8.Valid(text) {
		return nil, r.fail(ErrEncoding)
	}
	r.skipSpace()
	value, err := r.value()
	if err != nil {
		return nil, err
	}
	r.skipSpace()
	if r.at < len(text) {
		return nil, r.fail(ErrTrailing)
	}
	return value, nil
}

// reader walks over the text once. The text is known to be UTF-8.
type reader struct {
	text  string
	at    int
	depth int // how many more levels may be opened
}

func (r *reader) fail(reason error) error { return &Error{Reason: reason, Offset: r.at} }

// peek returns 0 at the end; a NUL byte is no JSON anyway.
func (r *reader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// RFC 8259 §2: white space is these four bytes.
func (r *reader) skipSpace() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

func (r *reader) value() (any, error) {
	switch b := r.peek(); {
	case b == '{':
		return r.object()
	case b == '[':
		return r.array()
	case b == '"':
		text, err := r.str()
		// A part would keep the whole text in memory as long as it lives.
		return strings.Clone(text), err
	case b == '-' || isDigit(b):
		number, err := r.number()
		return json.Number(strings.Clone(string(number))), err
	default:
		return r.literal()
	}
}

// literal reads one of the three words of RFC 8259 §3.
func (r *reader) literal() (any, error) {
	switch {
	case r.word("true"):
		return true, nil
	case r.word("false"):
		return false, nil
	case r.word("null"):
		return nil, nil
	default:
		return nil, r.fail(ErrSyntax)
	}
}

func (r *reader) word(word string) bool {
	rest := r.text[r.at:]
	if !strings.HasPrefix(rest, word) {
		return false
	}
	r.at += len(word)
	return true
}

// open enters an object or array and tells whether it is empty.
func (r *reader) open(closing byte) (empty bool, err error) {
	if r.depth <= 0 {
		return false, r.fail(ErrDepth)
	}
	r.depth--
	r.at++
	r.skipSpace()
	return r.peek() == closing, nil
}

// next moves over the comma or the closing byte behind an element and tells whether that was the last one.
func (r *reader) next(closing byte) (last bool, err error) {
	r.skipSpace()
	switch r.peek() {
	case ',':
		r.at++
		r.skipSpace()
		return false, nil
	case closing:
		return true, nil
	default:
		return false, r.fail(ErrSyntax)
	}
}

func (r *reader) close() {
	r.at++
	r.depth++
}

func (r *reader) array() (any, error) {
	list := []any{}
	last, err := r.open(']')
	for err == nil && !last {
		var element any
		if element, err = r.value(); err == nil {
			list = append(list, element)
			last, err = r.next(']')
		}
	}
	if err != nil {
		return nil, err
	}
	r.close()
	return list, nil
}

func (r *reader) object() (any, error) {
	members := map[string]any{}
	last, err := r.open('}')
	for err == nil && !last {
		if err = r.member(members); err == nil {
			last, err = r.next('}')
		}
	}
	if err != nil {
		return nil, err
	}
	r.close()
	return members, nil
}

func (r *reader) member(members map[string]any) error {
	start := r.at
	name, err := r.name()
	if err != nil {
		return err
	}
	if _, repeated := members[name]; repeated {
		return &Error{Reason: ErrRepeated, Offset: start, Member: printable(name)}
	}
	members[strings.Clone(name)], err = r.value()
	return err
}

// name reads the name of a member and moves to its value.
func (r *reader) name() (string, error) {
	if r.peek() != '"' {
		return "", r.fail(ErrSyntax)
	}
	name, err := r.str()
	if err != nil {
		return "", err
	}
	r.skipSpace()
	if r.peek() != ':' {
		return "", r.fail(ErrSyntax)
	}
	r.at++
	r.skipSpace()
	return name, nil
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func (r *reader) digits() (some bool) {
	start := r.at
	for isDigit(r.peek()) {
		r.at++
	}
	return r.at > start
}

// number reads RFC 8259 §6 and keeps the spelling: no precision is lost here.
func (r *reader) number() (json.Number, error) {
	start := r.at
	if r.peek() == '-' {
		r.at++
	}
	whole := true
	if r.peek() == '0' {
		r.at++ // no digit may follow; the caller trips over it
	} else {
		whole = r.digits()
	}
	if whole && r.peek() == '.' {
		r.at++
		whole = r.digits()
	}
	if b := r.peek(); whole && (b == 'e' || b == 'E') {
		r.at++
		if b := r.peek(); b == '+' || b == '-' {
			r.at++
		}
		whole = r.digits()
	}
	if !whole {
		return "", r.fail(ErrSyntax)
	}
	return json.Number(r.text[start:r.at]), nil
}

// printable makes a member name fit for an error text and a log line.
func printable(name string) string {
	const longest = 40
	cut := name[:min(len(name), longest)]
	return `'` + strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '\'' || c == '"' || c == '\\' {
			return '?'
		}
		return c
	}, cut) + `'`
}
