package server

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/writ-auth/writ/grants"
)

// maxServicePath is how long (bytes) a path of a service may be.
const maxServicePath = 2048

// servicePath brings the path of a request to a service, as it stands in the request line, into the form that rules are about: without
// query, percent-decoded once, a final slash kept.
//
// Proxies and services clean paths in different ways: they decode twice or not at all, merge slashes, resolve dots, take backslashes for
// slashes, cut off what follows a semicolon or a zero byte. A path that two of them could take for different things is refused with 403,
// not repaired: what was checked and what is served cannot differ then. What is no path at all is 400.
func servicePath(target string) (string, error) {
	path, _, _ := strings.Cut(target, "?")
	switch {
	case !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, isBlank):
		return "", grants.IllegalArgument("path is not the path of a request")
	case len(path) > maxServicePath:
		return "", ambiguousPath("is too long")
	case path == "/":
		return path, nil
	}
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return "", grants.IllegalArgument("path has a malformed escape")
		}
		if decoded == "" && i == len(segments)-1 {
			continue // a final slash
		}
		if why := ambiguity(decoded); why != "" {
			return "", ambiguousPath(why)
		}
		segments[i] = decoded
	}
	return "/" + strings.Join(segments, "/"), nil
}

// isBlank: no request line has white space or control characters in its path.
func isBlank(c rune) bool { return c <= ' ' || c == 0x7f }

func ambiguousPath(why string) *grants.Error { return forbidden("The path is ambiguous: it " + why) }

// ambiguity says why a decoded segment could be read in another way; "" if it cannot.
func ambiguity(segment string) string {
	// Some servers cut parameters off: /x/..;a/y is /y for them.
	name, _, _ := strings.Cut(segment, ";")
	switch {
	case name == "":
		return "has an empty segment"
	case strings.Trim(name, ".") == "" && len(name) <= 2, strings.TrimSpace(name) != name:
		return "has a dot segment or blanks around a segment"
	case strings.ContainsAny(segment, `/\?#`):
		return "has an escaped separator"
	case strings.ContainsFunc(segment, isUnseen), !utf8.ValidString(segment):
		return "has characters that cannot be seen"
	case hasEscape(segment):
		return "is escaped twice"
	}
	return ""
}

func isUnseen(c rune) bool {
	return unicode.IsControl(c) || unicode.In(c, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// hasEscape tells whether somebody who decodes once more would find something.
func hasEscape(segment string) bool {
	for {
		_, after, found := strings.Cut(segment, "%")
		if !found {
			return false
		}
		if len(after) >= 2 && strings.Trim(after[:2], "0123456789abcdefABCDEF") == "" {
			return true
		}
		segment = after
	}
}
