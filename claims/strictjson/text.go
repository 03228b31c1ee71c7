package strictjson

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string; the current byte is its opening quote. Without an escape in it, it is a part of the text.
func (r *reader) str() (string, error) {
	r.at++
	start := r.at
	for r.at < len(r.text) {
		switch b := r.text[r.at]; {
		case b == '"':
			r.at++
			return r.text[start : r.at-1], nil
		case b == '\\':
			return r.escaped(start)
		case b < ' ':
			// RFC 8259 §7: control characters must be escaped.
			return "", r.fail(ErrSyntax)
		default:
			r.at++
		}
	}
	return "", r.fail(ErrSyntax)
}

// escaped reads the rest of a string that has an escape in it; what lies between start and here is plain.
func (r *reader) escaped(start int) (string, error) {
	plain := append([]byte(nil), r.text[start:r.at]...)
	for r.at < len(r.text) {
		b := r.text[r.at]
		switch {
		case b == '"':
			r.at++
			return string(plain), nil
		case b < ' ':
			return "", r.fail(ErrSyntax)
		case b != '\\':
			plain = append(plain, b)
			r.at++
		default:
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			plain = utf8.AppendRune(plain, char)
		}
	}
	return "", r.fail(ErrSyntax)
}

// escape reads one escape; the current byte is its backslash.
func (r *reader) escape() (rune, error) {
	r.at++
	b := r.peek()
	if b == 'u' {
		return r.unicode()
	}
	char, known := simpleEscape(b)
	if !known {
		return 0, r.fail(ErrSyntax)
	}
	r.at++
	return char, nil
}

func simpleEscape(b byte) (char rune, known bool) {
	switch b {
	case '"', '\\', '/':
		return rune(b), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	default:
		return 0, false
	}
}

// unicode reads one \u escape, or the two of a surrogate pair; the current byte is the u.
func (r *reader) unicode() (rune, error) {
	first, err := r.unit()
	if err != nil || !utf16.IsSurrogate(first) {
		return first, err
	}
	// RFC 7493 §2.1: no lone surrogates. Readers replace them, so that different names would become one.
	if r.peek() != '\\' {
		return 0, r.fail(ErrEncoding)
	}
	r.at++
	if r.peek() != 'u' {
		return 0, r.fail(ErrEncoding)
	}
	second, err := r.unit()
	if err != nil {
		return 0, err
	}
	char := utf16.DecodeRune(first, second)
	if char == utf8.RuneError {
		return 0, r.fail(ErrEncoding)
	}
	return char, nil
}

// unit reads the four digits behind a u.
func (r *reader) unit() (rune, error) {
	r.at++
	if len(r.text)-r.at < 4 {
		return 0, r.fail(ErrSyntax)
	}
	// A sign or an underscore is refused by ParseUint with an explicit base.
	n, err := strconv.ParseUint(r.text[r.at:r.at+4], 16, 16)
	if err != nil {
		return 0, r.fail(ErrSyntax)
	}
	r.at += 4
	return rune(n), nil
}
