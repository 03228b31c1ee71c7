package server

import (
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// acceptance is how much a caller wants one media type: RFC 9110 §12.5.1. named is false if only a wildcard speaks of it, or nothing.
type acceptance struct {
	quality float64
	named   bool
}

// accepted reads the Accept header's word about a media type; the most specific range counts. Without the header everything is welcome.
func accepted(h http.Header, media string) acceptance {
	lines := h.Values("Accept")
	if len(lines) == 0 {
		return acceptance{quality: 1}
	}
	group, _, _ := strings.Cut(media, "/")
	best, found := 0, acceptance{}
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			name, parameters, err := mime.ParseMediaType(strings.TrimSpace(part))
			if err != nil {
				continue
			}
			specific := map[string]int{media: 3, group + "/*": 2, "*/*": 1}[name]
			if specific > best {
				best, found = specific, acceptance{quality: quality(parameters["q"]), named: specific == 3}
			}
		}
	}
	return found
}

// quality is 1 without a value. What is no number from 0 to 1 counts as 0: nobody gets what he may not have wanted.
func quality(text string) float64 {
	if text == "" {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || q < 0 || q > 1 || math.IsNaN(q) {
		return 0
	}
	return q
}

// prefersSigned tells whether an introspection is to be answered as a JWT: it was asked for by name, and not less than JSON. RFC 9701 §4.
func prefersSigned(h http.Header, signed string) bool {
	jwt := accepted(h, signed)
	return jwt.named && jwt.quality > 0 && jwt.quality >= accepted(h, "application/json").quality
}
