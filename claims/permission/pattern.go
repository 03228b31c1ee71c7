package permission

import (
	"strings"
	"unicode/utf8"
)

// Wildcards of a compiled path are bytes that UTF-8 never contains, so that no text put in at run time, a username least of
// all, can be taken for one.
const (
	anyRun   = "\xff"     // *
	anyOne   = "\xfe"     // ?
	caller   = "\xfd"     // ${user}, or the me of /me/
	anyDepth = "\xfc"     // a whole segment **
	twoRuns  = "\xff\xff" // ** before it is known to be a whole segment
)

// Their bytes, for comparing.
const (
	anyRunByte   = 0xff
	anyOneByte   = 0xfe
	callerByte   = 0xfd
	anyDepthByte = 0xfc
)

var wildcards = strings.NewReplacer("${user}", caller, "*", anyRun, "?", anyOne)

// pattern is one compiled path of a rule.
type pattern struct {
	text     string   // the whole path, wildcards as bytes
	segments []string // its non-empty segments
	prefix   string   // what every match without empty segments starts with
	glob     bool     // has * or ?
	deep     bool     // has a segment **
	caller   bool     // has ${user} or /me/: only for application users
	slash    bool     // ends in "/"
	run      bool     // ends in "*"
	lastRun  bool     // the last segment is "*"
}

// compile prepares a path that is in lower case already.
func compile(path string) pattern {
	if path == "*" {
		path = "/**"
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		inner := i > 0 && i < len(segments)-1
		segments[i] = wildcards.Replace(segment)
		switch {
		case inner && segment == "me": // a final /me is not replaced
			segments[i] = caller
		case segments[i] == twoRuns:
			segments[i] = anyDepth
		}
	}
	text := strings.Join(segments, "/")
	if !strings.HasPrefix(text, "/") {
		text = "/" + text
	}
	p := pattern{text: text, prefix: literalPrefix(text), slash: strings.HasSuffix(text, "/"), run: endsInStar(text)}
	for segment := range strings.SplitSeq(text, "/") {
		if segment != "" {
			p.segments = append(p.segments, segment)
		}
	}
	p.glob = strings.Contains(text, anyRun) || strings.Contains(text, anyOne) || strings.Contains(text, anyDepth)
	p.deep = strings.Contains(text, anyDepth)
	p.caller = strings.Contains(text, caller)
	p.lastRun = len(p.segments) > 0 && p.segments[len(p.segments)-1] == anyRun
	return p
}

// literalPrefix is the text before the first wildcard, without its final slash: /a/* matches /a.
func literalPrefix(text string) string {
	if strings.Contains(text, "//") {
		return ""
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError }); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSuffix(text, "/")
}

func endsInStar(text string) bool {
	return strings.HasSuffix(text, anyRun) || strings.HasSuffix(text, anyDepth)
}

// checked is a path to be decided about, in lower case and with its leading slash.
type checked struct {
	text  string
	slash bool // ends in "/"
	run   bool // ends in "*"
	plain bool // has no empty segments
}

// MaxPath is how many bytes a checked path may have; nothing matches a longer one.
const MaxPath = 8192

// check prepares a path of a request. It allocates nothing if the path is in lower case and starts with a slash.
func check(path string) (checked, bool) {
	if len(path) > MaxPath || !utf8.ValidString(path) {
		return checked{}, false
	}
	path = strings.ToLower(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return newChecked(path), true
}

func newChecked(path string) checked {
	return checked{
		text: path, slash: strings.HasSuffix(path, "/"), run: strings.HasSuffix(path, "*") || endsInStar(path),
		plain: !strings.Contains(path, "//"),
	}
}

// names are the caller's spellings; an empty one stands for nobody.
type names [2]string

// matches tells whether the pattern matches with any of the caller's spellings put in.
func (p *pattern) matches(path checked, who names) bool {
	// Most rules of a long list are about something else, and this tells so fastest.
	if path.plain && !strings.HasPrefix(path.text, p.prefix) {
		return false
	}
	if !p.caller {
		return p.matchesWith(path, "")
	}
	for _, name := range who {
		if name != "" && p.matchesWith(path, name) {
			return true
		}
	}
	return false
}

// matchesWith is match of wire contract §9.2 with the caller's name at hand.
func (p *pattern) matchesWith(path checked, name string) bool {
	switch {
	case !p.glob && !p.caller:
		return p.text == path.text
	case !p.glob:
		return matchText(p.text, path.text, name)
	case p.deep:
		return p.matchDeep(path.text, name)
	default:
		return p.matchFlat(path, name)
	}
}

// matchFlat is "glob(rule, path) or glob(pad(rule), pad(path))" for a rule without **.
//
// Padding adds a slash unless there is one or a star at the end, so the padded rule ends in a slash iff it does not end in a
// star; the same for the path.
func (p *pattern) matchFlat(path checked, name string) bool {
	at := 0
	for i, segment := range p.segments {
		start, end := nextSegment(path.text, at)
		if start == end {
			// The path is at its end: the rule may have one more, "*", if the path, as it is or padded, ends in a slash.
			return i == len(p.segments)-1 && p.lastRun && (path.slash || !path.run)
		}
		if !matchSegment(segment, path.text[start:end], name) {
			return false
		}
		at = end
	}
	if start, end := nextSegment(path.text, at); start != end {
		return false
	}
	return p.slash == path.slash || p.run == path.run
}

// matchDeep is glob for a rule with **. Only the last ** is ever tried again: what an earlier one could still reach, the later
// one reaches as well. So the work is bounded by the length of the rule times the length of the path.
func (p *pattern) matchDeep(path, name string) bool {
	at, next := 0, 0
	retry, retryAt := -1, 0
	for {
		start, end := nextSegment(path, at)
		if start == end {
			break
		}
		switch {
		case next < len(p.segments) && p.segments[next] == anyDepth:
			retry, retryAt = next, at
			next++
		case next < len(p.segments) && matchSegment(p.segments[next], path[start:end], name):
			next, at = next+1, end
		case retry >= 0:
			_, retryAt = nextSegment(path, retryAt)
			next, at = retry+1, retryAt
		default:
			return false
		}
	}
	for next < len(p.segments) && p.segments[next] == anyDepth {
		next++
	}
	return next == len(p.segments)
}

// nextSegment gives the bounds of the next non-empty segment; start == end at the end of the path.
func nextSegment(path string, at int) (start, end int) {
	for at < len(path) && path[at] == '/' {
		at++
	}
	if length := strings.IndexByte(path[at:], '/'); length >= 0 {
		return at, at + length
	}
	return at, len(path)
}

// matchSegment matches one segment. A ** of a path that is a rule itself (see Covers) is matched by ** alone.
func matchSegment(pattern, segment, name string) bool {
	if segment == anyDepth {
		return false
	}
	return pattern == anyRun || matchText(pattern, segment, name)
}

// matchText matches a text without segments in mind, retrying only the last *.
func matchText(pattern, text, name string) bool {
	i, at := 0, 0
	retry, retryAt := -1, 0
	for at < len(text) {
		if i < len(pattern) {
			if pattern[i] == anyRunByte {
				retry, retryAt = i, at
				i++
				continue
			}
			if width := matchOne(pattern[i], text[at:], name); width > 0 {
				i, at = i+1, at+width
				continue
			}
		}
		if retry < 0 {
			return false
		}
		_, width := utf8.DecodeRuneInString(text[retryAt:])
		retryAt += width
		i, at = retry+1, retryAt
	}
	for i < len(pattern) && pattern[i] == anyRunByte {
		i++
	}
	return i == len(pattern)
}

// matchOne tells how many bytes of the text one byte of the pattern consumes, 0 if it does not match.
func matchOne(pattern byte, text, name string) int {
	switch pattern {
	case anyOneByte:
		// Of the wildcards in a path that is a rule itself, ? covers ? alone.
		if text[0] >= anyDepthByte && text[0] != anyOneByte {
			return 0
		}
		_, width := utf8.DecodeRuneInString(text)
		return width
	case callerByte:
		if strings.HasPrefix(text, name) {
			return len(name)
		}
	case text[0]:
		return 1
	}
	return 0
}
