package verifier

import (
	"slices"
	"time"

	"github.com/writ-auth/writ/claims"
)

// judge asks about a token whose signature held everything that may have changed since: time, keys, revocations, claims. It is the
// whole path of a token that is seen again. What one knowledge and one key set say is worked out once.
func (v *Verifier) judge(e *entry) (*Token, *Error) {
	now := v.config.Now()
	t := e.issuer.tracked.Load()
	known, keys := t.knowledge(), t.keys.current()
	said := e.verdict.Load()
	if version := known.versionOf(); said == nil || said.knowledge != version || said.keys != keys.version {
		token, err := v.decide(e, known, keys)
		said = &verdict{knowledge: version, keys: keys.version, token: token, err: err}
		e.verdict.Store(said)
	}
	if said.err != nil {
		return nil, said.err
	}
	// RFC 7519 §4.1.4: on or after exp the token must not be accepted.
	if e.expires <= now.Add(-v.config.Leeway).Unix() {
		return nil, ErrExpired
	}
	if err := v.fresh(t, known, said.token.NonExpiring(), now); err != nil {
		return nil, err
	}
	if err := v.host(e.issuer, said.token.NonExpiring(), now); err != nil {
		return nil, err
	}
	return said.token, nil
}

// host asks about the application that management tokens are used at: when it has ended, with its organization or alone, nobody has any
// rights in it. Its own feed says so, and the management issuer's does not.
func (v *Verifier) host(is *issuer, nonExpiring bool, now time.Time) *Error {
	application := v.issuers[0]
	if is == application {
		return nil
	}
	t := application.tracked.Load()
	if t == nil {
		return ErrUnavailable
	}
	known := t.knowledge()
	if known != nil && known.ended {
		return ErrRevoked
	}
	return v.fresh(t, known, nonExpiring, now)
}

// versionOf is 0 when nothing is known.
func (k *knowledge) versionOf() uint64 {
	if k == nil {
		return 0
	}
	return k.version
}

// decide says what one knowledge and one key set mean for a token, whatever the time is.
func (v *Verifier) decide(e *entry, known *knowledge, keys *keySnapshot) (*Token, *Error) {
	if keys.key(e.key.id) != e.key {
		return nil, ErrUnknownKey
	}
	token := e.token
	if known != nil {
		if known.ended {
			return nil, ErrRevoked
		}
		if _, dropped := known.keys[e.key.id]; dropped {
			return nil, ErrRevoked
		}
		if known.denied.Denies(token.jti, token.sub, token.claims.Generation) {
			return nil, ErrRevoked
		}
		if change, is := known.claims[token.sub]; is {
			token = token.changed(change, v.config.Organization)
		}
	}
	if e.issuer.management && !v.belongs(token) {
		return nil, ErrOrganization
	}
	return token, nil
}

// belongs tells whether a management token reaches the organization. Wire contract §4.
func (v *Verifier) belongs(t *Token) bool {
	switch t.claims.Level {
	case claims.Organization:
		return t.claims.Org == v.config.Organization
	case claims.AdminUser:
		if t.claims.Superuser {
			return v.config.AcceptSuperuser
		}
		return slices.Contains(t.claims.Orgs, v.config.Organization)
	default:
		return false
	}
}

// fresh refuses when too little is known about revocations: first for tokens that nothing else ends, then for all.
func (v *Verifier) fresh(t *tracked, known *knowledge, nonExpiring bool, now time.Time) *Error {
	if t.feed == nil {
		return nil // WithoutFeed; such verifiers take no non-expiring token
	}
	if known == nil {
		return ErrUnavailable
	}
	age := known.age(now)
	if age > v.config.MaxStaleAll || nonExpiring && age > v.config.MaxStale {
		return ErrStale
	}
	return nil
}
