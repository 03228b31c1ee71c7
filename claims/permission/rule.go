// Package permission reads permission rules and decides with them (wire contract §9). It is pure functions on strings: it
// knows neither HTTP nor a database nor where rules are kept, so that resource servers decide exactly as Writ does.
//
// Everything fails closed: a rule that cannot be read, a method without an operation, a path that is not UTF-8 and a caller
// whose name could be taken for more than one path segment grant nothing.
package permission

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLength is how many bytes a rule may have. Together with MaxPath it bounds the work of one match.
const MaxLength = 1000

// Operations is a set of operations.
type Operations uint8

// The operations of rules.
const (
	Get Operations = 1 << iota
	Put
	Post
	Delete
	All = Get | Put | Post | Delete
)

// Has tells whether every operation of want is in the set.
func (o Operations) Has(want Operations) bool { return o&want == want }

// OperationOf gives the operation of an HTTP method, 0 for methods that no rule permits. HEAD is GET without body.
func OperationOf(method string) Operations {
	switch method {
	case "GET", "HEAD":
		return Get
	case "PUT":
		return Put
	case "POST":
		return Post
	case "DELETE":
		return Delete
	default:
		return 0
	}
}

// Rule is one parsed rule: operations, and paths of which any may match. The zero value grants nothing.
type Rule struct {
	text       string
	operations Operations
	paths      []pattern
}

// String is the canonical form in which a rule is stored: trimmed and in lower case, ${user} and me kept.
func (r Rule) String() string { return r.text }

// Operations are the operations the rule grants on its paths.
func (r Rule) Operations() Operations { return r.operations }

// SyntaxError says why a text is no rule. Reason may be shown to the caller: foreign text in it is quoted and short.
type SyntaxError struct {
	Reason string
}

func (e *SyntaxError) Error() string { return "Illegal permission: " + e.Reason }

func syntax(format string, args ...any) error {
	return &SyntaxError{Reason: fmt.Sprintf(format, args...)}
}

// Parse reads a rule; every error is a *SyntaxError. White space around the rule is dropped, inside it counts.
func Parse(text string) (Rule, error) {
	text = strings.TrimSpace(text)
	if err := checkCharacters(text); err != nil {
		return Rule{}, err
	}
	text = strings.ToLower(text)
	if len(text) > MaxLength {
		return Rule{}, syntax("longer than %d bytes", MaxLength)
	}
	operations, paths, found := strings.Cut(text, ":")
	if !found {
		operations, paths = "*", text
	}
	rule := Rule{text: text}
	var err error
	if rule.operations, err = parseOperations(operations); err != nil {
		return Rule{}, err
	}
	rule.paths, err = parsePaths(paths)
	if err != nil {
		return Rule{}, err
	}
	return rule, nil
}

func checkCharacters(text string) error {
	if len(text) > MaxLength {
		return syntax("longer than %d bytes", MaxLength)
	}
	if !utf8.ValidString(text) {
		return syntax("not UTF-8")
	}
	for _, r := range text {
		// Line separators and bidirectional controls would make a rule look like another one where people read it.
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return syntax("control character %U", r)
		}
	}
	return nil
}

func parseOperations(list string) (Operations, error) {
	var operations Operations
	for name := range strings.SplitSeq(list, ",") {
		switch name {
		case "get":
			operations |= Get
		case "put":
			operations |= Put
		case "post":
			operations |= Post
		case "delete":
			operations |= Delete
		case "*", "access":
			operations |= All
		default:
			return 0, syntax("unknown operation %s", excerpt(name))
		}
	}
	return operations, nil
}

func parsePaths(list string) ([]pattern, error) {
	if strings.Contains(list, ":") {
		return nil, syntax("more than one ':'")
	}
	paths := make([]pattern, 0, 1+strings.Count(list, ","))
	for path := range strings.SplitSeq(list, ",") {
		if path == "" {
			return nil, syntax("empty path")
		}
		// It could never match, and whoever writes it means something else.
		if strings.TrimSpace(path) != path {
			return nil, syntax("white space around path %s", excerpt(path))
		}
		paths = append(paths, compile(path))
	}
	return paths, nil
}

// excerpt quotes foreign text for an error.
func excerpt(text string) string {
	if runes := []rune(text); len(runes) > 40 {
		text = string(runes[:40]) + "..."
	}
	return "'" + text + "'"
}
