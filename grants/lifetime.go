package grants

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/keys"
)

// HardMax is the longest finite lifetime: 100 years of 365 days, in ms.
const HardMax int64 = 3_153_600_000_000

// NeverExpiresIn is expires_in of a non-expiring token (s): every client's integer and date can hold it.
const NeverExpiresIn int64 = math.MaxInt32

// TTL is a requested lifetime in ms; the zero value means that none was requested. Zero milliseconds ask for a non-expiring token.
type TTL struct {
	set    bool
	millis int64
}

// ParseTTL reads ttl of a JSON body (json.Number or string), a form or a query (string); nil and "" are absent. Anything but an
// integer from 0 to 2^63-1 without sign, point or exponent is an error.
func ParseTTL(value any) (TTL, error) {
	var text string
	switch v := value.(type) {
	case nil:
		return TTL{}, nil
	case json.Number:
		text = v.String()
	case string:
		if v == "" {
			return TTL{}, nil
		}
		text = v
	default:
		return TTL{}, errTTLSyntax()
	}
	if !onlyDigits(text) {
		return TTL{}, errTTLSyntax()
	}
	millis, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return TTL{}, errTTLSyntax()
	}
	return TTL{set: true, millis: millis}, nil
}

// IsSet tells whether a lifetime was requested.
func (t TTL) IsSet() bool { return t.set }

func onlyDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

func errTTLSyntax() error { return InvalidRequest("ttl must be a number >= 0") }

// lifetime is a granted lifetime in ms, or never.
type lifetime struct {
	millis int64
	never  bool
}

// expiresIn is the answer's expires_in in whole seconds, rounded down.
func (l lifetime) expiresIn() int64 {
	if l.never {
		return NeverExpiresIn
	}
	return l.millis / 1000
}

// purpose is the key that signs: what lives very long would keep an ordinary key, which rotates, published as long.
func (l lifetime) purpose() keys.Purpose {
	if l.never || l.millis > keys.LongestOrdinary.Milliseconds() {
		return keys.NonExpiring
	}
	return keys.Ordinary
}

// bounds are ceiling and default of a level in an application, and whether ttl=0 may be asked for (wire contract §3).
type bounds struct {
	ceiling  int64
	standard lifetime
	zeroOK   bool
}

func (s *Service) bounds(level claims.Level, t *Tenant) bounds {
	ofApplication := level == claims.ApplicationUser || level == claims.Application
	if ofApplication && t.Application.Settings.AccessTokenTTL != nil {
		ttl := *t.Application.Settings.AccessTokenTTL
		switch {
		case ttl > 0:
			return bounds{ceiling: ttl, standard: lifetime{millis: ttl}}
		case s.NonExpiring:
			return bounds{ceiling: HardMax, standard: lifetime{never: true}, zeroOK: true}
		}
	}
	return bounds{ceiling: s.TokenTTL, standard: lifetime{millis: s.TokenTTL}, zeroOK: s.NonExpiring}
}

// lifetime grants a requested lifetime or says what the maximum is.
func (s *Service) lifetime(ttl TTL, level claims.Level, t *Tenant) (lifetime, error) {
	b := s.bounds(level, t)
	switch {
	case !ttl.set:
		return b.standard, nil
	case ttl.millis == 0 && b.zeroOK:
		return lifetime{never: true}, nil
	case ttl.millis == 0, ttl.millis > b.ceiling:
		return lifetime{}, InvalidRequest(fmt.Sprintf("Your token age cannot be more than the maximum age of %d milliseconds", b.ceiling))
	}
	return lifetime{millis: ttl.millis}, nil
}
