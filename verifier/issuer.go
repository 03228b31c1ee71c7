package verifier

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/claims"
)

// issuer is one trusted issuer.
type issuer struct {
	address    *url.URL
	name       string // iss
	management bool
	want       claims.Expectation
	tracked    atomic.Pointer[tracked] // nil until the issuer was reached
}

// tracked is what is known about an issuer and kept up to date.
type tracked struct {
	keys *keySet
	feed source // nil: WithoutFeed
}

func newIssuer(name, audience string, config Config) (*issuer, error) {
	address, err := parseIssuer("Issuer", name, config.AllowHTTP)
	if err != nil {
		return nil, err
	}
	return &issuer{
		address: address, name: name, management: address.Path == managementPath,
		want: claims.Expectation{Issuers: []string{name}, Audience: audience, Leeway: config.Leeway},
	}, nil
}

// knowledge is nil without a feed and before its first complete list.
func (t *tracked) knowledge() *knowledge {
	if t.feed == nil {
		return nil
	}
	return t.feed.current()
}

// dropped are the kids of the keys that must not be used.
func (t *tracked) dropped() map[string]struct{} {
	if known := t.knowledge(); known != nil {
		return known.keys
	}
	return nil
}

// has tells whether an issuer has tokens of that level. All issuers of a server share their keys, so a signature says nothing about it.
func (i *issuer) has(level claims.Level) bool {
	if i.management {
		return level == claims.Organization || level == claims.AdminUser
	}
	return level == claims.ApplicationUser || level == claims.Application
}

// connect discovers the issuer, fetches its keys and begins to follow it.
func (v *Verifier) connect(ctx context.Context, is *issuer) error {
	if is.tracked.Load() != nil {
		return nil
	}
	found, err := v.discover(ctx, is)
	if err != nil {
		return err
	}
	keys, err := v.keysAt(ctx, is, found.keys)
	if err != nil {
		return err
	}
	t := &tracked{keys: keys}
	if !v.config.WithoutFeed {
		if found.revocations == "" {
			return errors.New("verifier: " + is.name + " has no revocation feed; see Config.WithoutFeed")
		}
		v.follow(is, t, found)
	}
	is.tracked.Store(t)
	return nil
}

// keysAt gives the key set of that address, which issuers of one server share.
func (v *Verifier) keysAt(ctx context.Context, is *issuer, address string) (*keySet, error) {
	v.mutex.Lock()
	keys := v.keySets[address]
	if keys == nil {
		keys = &keySet{
			issuer: is.name, address: address, client: v.client, algorithms: v.config.Algorithms, now: v.config.Now,
			logger: v.config.Logger, metrics: v.config.Metrics, unknown: map[string]time.Time{},
		}
	}
	v.mutex.Unlock()
	if keys.current() != nil {
		return keys, nil
	}
	next, err := keys.refresh(ctx)
	if err != nil {
		return nil, err
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if other := v.keySets[address]; other != nil {
		return other, nil
	}
	v.keySets[address] = keys
	v.group.Go(func() { keys.run(v.life, next) })
	return keys, nil
}

// follow begins to follow the feed of an issuer.
func (v *Verifier) follow(is *issuer, t *tracked, found endpoints) {
	id, secret := v.config.credentials(is.address)
	policy := found.policy
	if id == "" {
		policy = ""
	}
	t.feed = v.newSource(followerConfig{
		issuer: is.name, revocations: found.revocations, policy: policy, clientID: id, clientSecret: secret, client: v.client,
		verify: func(ctx context.Context, raw []byte, typ string) ([]byte, error) {
			return t.keys.verify(ctx, raw, typ, t.dropped())
		},
		leeway: claims.MaxClockSkew, now: v.config.Now, metrics: v.config.Metrics, logger: v.config.Logger,
	})
	v.group.Go(func() {
		if err := t.feed.run(v.life); err != nil && v.life.Err() == nil {
			v.config.Logger.ErrorContext(v.life, "the revocation feed is not followed any more", "issuer", is.name, "error", err)
		}
	})
}
