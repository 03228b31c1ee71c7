package verifier

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier/statuslist"
)

// How long New waits, and how long the pauses of the background loop are.
const (
	startTimeout = 30 * time.Second
	firstRetry   = 250 * time.Millisecond
	lastRetry    = 10 * time.Second
	sweepEvery   = time.Minute
)

// Verifier checks tokens of one or two issuers. It may be used by many goroutines at once.
type Verifier struct {
	config    Config
	client    *http.Client
	issuers   []*issuer
	cache     *cache
	newSource func(followerConfig) source
	statuses  *statuslist.Checker // nil but for a Foreign issuer

	life  context.Context // of the background loop, which ends with Close and not with a request
	end   context.CancelFunc
	group sync.WaitGroup

	mutex   sync.Mutex
	keySets map[string]*keySet // by address
}

// New discovers the issuers, fetches their keys, and follows their revocation feeds until Close. ctx is for the start alone: New returns when
// everything that Verify needs is there, or with the reason why it is not.
func New(ctx context.Context, config Config) (*Verifier, error) {
	return start(ctx, config, func(c followerConfig) source { return newFollower(c) })
}

func start(ctx context.Context, config Config, newSource func(followerConfig) source) (*Verifier, error) {
	config, err := config.checked()
	if err != nil {
		return nil, err
	}
	v := &Verifier{
		config: config, client: ownClient(config.HTTPClient), cache: newCache(config.CacheSize), newSource: newSource,
		keySets: map[string]*keySet{},
	}
	if err := v.trust(); err != nil {
		return nil, err
	}
	if config.Foreign {
		v.statuses = v.newStatuses()
	}
	v.life, v.end = context.WithCancel(context.WithoutCancel(ctx))
	v.group.Go(v.sweep)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, is := range v.issuers {
		err := v.reach(ctx, is)
		if err == nil {
			continue
		}
		if !config.StartOffline {
			v.Close()
			return nil, err
		}
		config.Logger.WarnContext(ctx, "starting without the issuer: every token is refused", "issuer", is.name, "error", err)
		v.group.Go(func() { v.insist(is) })
	}
	return v, nil
}

func (v *Verifier) trust() error {
	first, err := newIssuer(v.config.Issuer, v.config.Audience, v.config)
	if err != nil {
		return err
	}
	v.issuers = []*issuer{first}
	if v.config.ManagementIssuer != "" {
		// Its tokens are for itself; Audience is about the application's.
		second, err := newIssuer(v.config.ManagementIssuer, "", v.config)
		if err != nil {
			return err
		}
		v.issuers = append(v.issuers, second)
	}
	return nil
}

// reach connects and waits for the first complete list.
func (v *Verifier) reach(ctx context.Context, is *issuer) error {
	if err := v.connect(ctx, is); err != nil {
		return err
	}
	if feed := is.tracked.Load().feed; feed != nil {
		if err := feed.ready(ctx); err != nil {
			return fmt.Errorf("verifier: revocations of %s: %w", is.name, err)
		}
	}
	return nil
}

// insist connects as soon as the issuer can be reached.
func (v *Verifier) insist(is *issuer) {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		timer := time.NewTimer(pause)
		select {
		case <-v.life.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		err := v.connect(v.life, is)
		if err == nil {
			return
		}
		v.config.Logger.WarnContext(v.life, "the issuer cannot be reached", "issuer", is.name, "error", err)
	}
}

func (v *Verifier) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-v.life.Done():
			return
		case <-ticker.C:
			v.cache.sweep(v.config.Now())
		}
	}
}

// Close ends the background loop and waits for it. What is known grows old then, and tokens are refused sooner or later.
func (v *Verifier) Close() {
	v.end()
	v.group.Wait()
	if v.statuses != nil {
		v.statuses.Close()
	}
}

// Ready tells whether tokens can be checked now: nil, ErrUnavailable, or ErrStale. It is meant for readiness probes.
func (v *Verifier) Ready() error {
	for _, is := range v.issuers {
		t := is.tracked.Load()
		if t == nil {
			return ErrUnavailable
		}
		if err := v.fresh(t, t.knowledge(), false, v.config.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Position is how far the verifier has followed the feed of an issuer.
type Position struct {
	Epoch       string
	Seq, Policy int64 // Policy is the seq of the policy; 0 without one
}

// Position tells how far the feed of a trusted issuer was followed; false while nothing is known.
func (v *Verifier) Position(issuer string) (at Position, known bool) {
	is := v.issuerOf(issuer)
	if is == nil {
		return Position{}, false
	}
	t := is.tracked.Load()
	if t == nil || t.knowledge() == nil {
		return Position{}, false
	}
	k := t.knowledge()
	at = Position{Epoch: k.epoch, Seq: k.seq}
	if k.policy != nil {
		at.Policy = k.policy.document.Seq
	}
	return at, true
}

// Age is how old the oldest knowledge about revocations is; false while there is none.
func (v *Verifier) Age() (age time.Duration, known bool) {
	for _, is := range v.issuers {
		t := is.tracked.Load()
		if t == nil || t.knowledge() == nil {
			return 0, false
		}
		age = max(age, t.knowledge().age(v.config.Now()))
	}
	return age, true
}

// Verify checks an access token, which comes without "Bearer" in front. Every error is an *Error. It reads memory only, unless the key is
// unknown: then it may wait for one fetch of the keys, which happens at most every few seconds; ctx bounds that.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	token, cached, err := v.verify(ctx, raw)
	if err == nil {
		err = v.checkStatus(ctx, token)
	}
	if err != nil {
		v.config.Metrics.verified(err.code, cached)
		return nil, err
	}
	v.config.Metrics.verified("", cached)
	return token, nil
}

func (v *Verifier) verify(ctx context.Context, raw string) (token *Token, cached bool, err *Error) {
	// The size comes first: nothing is done with what is too long, not even hashing.
	if raw == "" || len(raw) > claims.MaxTokenSize {
		return nil, false, ErrMalformed
	}
	if e := v.cache.find(raw); e != nil {
		token, err = v.judge(e)
		// A key that left the set may be back, or be another one: then the signature counts again.
		if err == nil || err.code != ErrUnknownKey.code {
			return token, true, err
		}
	}
	e, err := v.inspect(ctx, raw)
	if err != nil {
		return nil, false, err
	}
	if token, err = v.judge(e); err != nil {
		return nil, false, err
	}
	v.cache.add(e)
	return token, false, nil
}

// inspect checks what depends on the text alone: form, key, signature, issuer, audience.
func (v *Verifier) inspect(ctx context.Context, raw string) (*entry, *Error) {
	parts, err := claims.SplitKnown(raw, v.headers())
	if err != nil {
		return nil, ErrMalformed.because(err)
	}
	// RFC 9068 §4: any other typ is refused.
	if !v.accessToken(parts.Header.Type) {
		return nil, ErrMalformed
	}
	// RFC 8725 §3.1.
	if algorithm, known := canonical(parts.Header.Algorithm); !known || !slices.Contains(v.config.Algorithms, algorithm) {
		return nil, ErrAlgorithm
	}
	// Nothing in the claims counts before the signature holds; iss says whose keys are tried, so that foreign tokens make nobody fetch any.
	said, err := v.parse(parts.Payload)
	if err != nil {
		return nil, ErrMalformed.because(err)
	}
	is := v.issuerOf(said.Issuer)
	if is == nil {
		return nil, ErrIssuer
	}
	key, failure := is.checkSignature(ctx, parts)
	if failure != nil {
		return nil, failure
	}
	if err := v.validate(is, said); err != nil {
		return nil, err
	}
	if said.NonExpiring() && (v.config.RefuseNonExpiring || v.config.WithoutFeed || v.outlives(is, said)) {
		return nil, ErrNonExpiring
	}
	e := &entry{raw: raw, issuer: is, key: key, expires: math.MaxInt64, token: &Token{
		claims: *said, key: key.id, jti: revocation.Hash(said.ID), sub: revocation.Hash(said.Subject),
	}}
	if said.Expires != nil {
		e.expires = *said.Expires
	}
	return e, nil
}

// outlives tells whether a token without an end could go on being accepted when its admin has left the organization: only the organization's
// client is told that, and his other organizations still want the token.
func (v *Verifier) outlives(is *issuer, said *claims.Claims) bool {
	if said.Level != claims.AdminUser || said.Superuser {
		return false
	}
	id, _ := v.config.credentials(is.address)
	return id == ""
}

// validate checks the claims of a token whose signature held.
func (v *Verifier) validate(is *issuer, said *claims.Claims) *Error {
	if v.config.Foreign {
		return validateForeign(said, is.want, v.config.Now())
	}
	if err := said.Validate(is.want, v.config.Now()); err != nil {
		return reasonOfClaims(err)
	}
	if !is.has(said.Level) {
		return ErrIssuer
	}
	return nil
}

// headers are those of the tokens of the first issuer; all issuers of a server have the same keys.
func (v *Verifier) headers() map[string]claims.Header {
	if t := v.issuers[0].tracked.Load(); t != nil {
		return t.keys.current().headers
	}
	return nil
}

// issuerOf compares byte by byte. RFC 8725 §3.8: the keys of a server are those of all its issuers, so this is what keeps tenants apart.
func (v *Verifier) issuerOf(name string) *issuer {
	for _, is := range v.issuers {
		if is.name == name {
			return is
		}
	}
	return nil
}

func (i *issuer) checkSignature(ctx context.Context, parts claims.Compact) (*publicKey, *Error) {
	t := i.tracked.Load()
	if t == nil {
		return nil, ErrUnavailable
	}
	// Before the key is used: whoever holds a dropped key signs what he likes.
	if _, is := t.dropped()[parts.Header.KeyID]; is {
		return nil, ErrRevoked
	}
	key, err := t.keys.key(ctx, parts.Header.KeyID)
	if err != nil {
		return nil, reasonOf(err)
	}
	if err := key.verify(parts); err != nil {
		return nil, reasonOf(err)
	}
	return key, nil
}

func reasonOf(err error) *Error {
	if reason, is := errors.AsType[*Error](err); is {
		return reason
	}
	return ErrUnavailable.because(err)
}

// reasonOfClaims translates what claims.Validate says.
func reasonOfClaims(err error) *Error {
	switch {
	case errors.Is(err, claims.ErrIssuer):
		return ErrIssuer
	case errors.Is(err, claims.ErrAudience):
		return ErrAudience
	case errors.Is(err, claims.ErrExpired):
		return ErrExpired
	case errors.Is(err, claims.ErrNotYet):
		return ErrNotYet
	default:
		return ErrMalformed.because(err)
	}
}
