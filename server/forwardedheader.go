package server

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
)

var errUnbalanced = errors.New("a quoted string does not end")

// splitElements splits the value of a list header at its commas, those in quoted strings excepted.
func splitElements(value string) ([]string, error) { return splitOutsideQuotes(value, ',') }

func splitOutsideQuotes(value string, separator byte) ([]string, error) {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts = append(parts, strings.Trim(value[start:i], " \t"))
			start = i + 1
		}
	}
	if quoted {
		return nil, errUnbalanced
	}
	return append(parts, strings.Trim(value[start:], " \t")), nil
}

// forwardedFor reads the parameter "for" of one element of Forwarded. RFC 7239 §4, §6: obfuscated names and "unknown" are no addresses.
func forwardedFor(element string) (netip.Addr, bool) {
	return forwardedNode(forwardedParameter(element, "for"))
}

// forwardedParameter gives a parameter of an element of Forwarded; a repeated one counts as absent, RFC 7239 §4 forbids it.
func forwardedParameter(element, name string) (value string) {
	pairs, err := splitOutsideQuotes(element, ';')
	if err != nil {
		return ""
	}
	found := false
	for _, pair := range pairs {
		key, text, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(key, name) {
			continue
		}
		if found {
			return ""
		}
		value, found = unquoted(text), true
	}
	return value
}

// unquoted reads a token or a quoted string. RFC 9110 §5.6.4.
func unquoted(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	text = text[1 : len(text)-1]
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// forwardedProto is the scheme that the nearest proxy says its client has used. X-Forwarded-Proto counts if there is one.
func forwardedProto(header http.Header) string {
	if values := header["X-Forwarded-Proto"]; len(values) > 0 {
		last := values[len(values)-1]
		return strings.ToLower(strings.Trim(last[strings.LastIndexByte(last, ',')+1:], " \t"))
	}
	values := header["Forwarded"]
	if len(values) == 0 {
		return ""
	}
	elements, err := splitElements(values[len(values)-1])
	if err != nil {
		return ""
	}
	return strings.ToLower(forwardedParameter(elements[len(elements)-1], "proto"))
}
