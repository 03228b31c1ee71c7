package server

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/writ-auth/writ/grants"
)

// maxParameters bounds the comparisons that finding a repeated name costs.
const maxParameters = 512

// params are the parameters of a query or form in their order. A slice, because requests have few of them.
type params []param

type param struct{ name, value string }

// parseParams decodes application/x-www-form-urlencoded text. A semicolon is data, as in browsers; bad escapes and text that is
// not UTF-8 are refused, for two readers would disagree about them.
func parseParams(text string) (params, error) {
	if text == "" {
		return nil, nil
	}
	all := make(params, 0, strings.Count(text, "&")+1)
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		if len(all) == maxParameters {
			return nil, grants.InvalidRequest("too many parameters")
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescape(name)
		if err != nil {
			return nil, err
		}
		value, err = unescape(value)
		if err != nil {
			return nil, err
		}
		all = append(all, param{name, value})
	}
	return all, nil
}

func unescape(text string) (string, error) {
	decoded, err := url.QueryUnescape(text)
	if err != nil || !utf8.ValidString(decoded) {
		return "", grants.InvalidRequest("parameters are not well-formed")
	}
	return decoded, nil
}

// get gives the first value of a name, empty if there is none: an empty value counts as absent (§1.2).
func (p params) get(name string) string {
	for i := range p {
		if p[i].name == name {
			return p[i].value
		}
	}
	return ""
}

// has tells whether the name occurs, with an empty value too.
func (p params) has(name string) bool {
	for i := range p {
		if p[i].name == name {
			return true
		}
	}
	return false
}

// all gives every non-empty value of a name.
func (p params) all(name string) []string {
	var values []string
	for i := range p {
		if p[i].name == name && p[i].value != "" {
			values = append(values, p[i].value)
		}
	}
	return values
}

// count tells how often a name occurs.
func (p params) count(name string) int {
	n := 0
	for i := range p {
		if p[i].name == name {
			n++
		}
	}
	return n
}

// repeated gives a name that occurs more than once, or "".
func (p params) repeated() string {
	for i := range p {
		for j := range i {
			if p[i].name == p[j].name {
				return p[i].name
			}
		}
	}
	return ""
}
