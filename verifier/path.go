package verifier

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rulePath gives the path that rules are asked about, as the handler behind will understand it: percent-encoding is decoded once, segment by
// segment. A path that a router, a proxy or a handler could take for another one is refused, not cleaned: whoever cleans it the other way
// would serve what no rule was asked about.
func rulePath(r *http.Request) (string, *Error) {
	raw := r.URL.EscapedPath()
	if raw == "" {
		return "/", nil
	}
	if raw[0] != '/' {
		return "", ErrPath
	}
	segments := strings.Split(raw[1:], "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		last := i == len(segments)-1
		// An empty segment is a double slash, but for the last one, which is a slash at the end.
		if err != nil || ambiguous(decoded) || decoded == "" && !last {
			return "", ErrPath
		}
		segments[i] = decoded
	}
	return "/" + strings.Join(segments, "/"), nil
}

func ambiguous(segment string) bool {
	if segment == "." || segment == ".." || !utf8.ValidString(segment) || strings.ContainsAny(segment, `/\`) {
		return true
	}
	// Decoded once more this would be something else.
	if again, err := url.PathUnescape(segment); err == nil && again != segment {
		return true
	}
	return strings.ContainsFunc(segment, unicode.IsControl)
}
