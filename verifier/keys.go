package verifier

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/claims"
)

// How often keys are fetched.
const (
	// minRefresh and maxRefresh bound what the answer's max-age asks for.
	minRefresh = 10 * time.Second
	maxRefresh = time.Hour
	// defaultRefresh is for answers without max-age.
	defaultRefresh = 5 * time.Minute
	// retryRefresh is the pause after a failure; what is known goes on working meanwhile.
	retryRefresh = 10 * time.Second
	// coolDown is the pause between fetches that unknown kids cause: anybody can invent kids.
	coolDown = 5 * time.Second
	// unknownFor is how long a kid that was not in the set is not asked for again, and maxUnknown how many such kids are remembered.
	unknownFor = time.Minute
	maxUnknown = 1000
	// maxKID bounds a kid before anything is done with it; a thumbprint has 43 characters.
	maxKID = 256
)

// keySnapshot is one version of a key set. It never changes.
type keySnapshot struct {
	version uint64
	keys    map[string]*publicKey
	headers map[string]claims.Header // of the access tokens of these keys, by the text that Writ encodes them to
}

// keySet is the key set behind one jwks_uri. Looking up what is known takes no lock and does no I/O.
type keySet struct {
	issuer     string
	address    string
	client     *http.Client
	algorithms []string
	now        func() time.Time
	logger     *slog.Logger
	metrics    Metrics

	newest atomic.Pointer[keySnapshot] // nil before the first fetch

	mutex   sync.Mutex // guards what follows
	flight  *flight
	tried   time.Time // when the last fetch ended
	failed  error     // what became of it
	unknown map[string]time.Time
}

// flight is a fetch under way.
type flight struct {
	done chan struct{}
	err  error
	next time.Duration // when to refresh
}

// current is nil before the first fetch.
func (s *keySet) current() *keySnapshot { return s.newest.Load() }

func (k *keySnapshot) key(kid string) *publicKey {
	if k == nil {
		return nil
	}
	return k.keys[kid]
}

// key gives a key for a token. For a kid that is not in the set it asks the issuer once, but rarely: RFC 8725bis §3.10, kids are the
// attacker's choice. It is the only thing on the path of tokens that may wait for the network.
func (s *keySet) key(ctx context.Context, kid string) (*publicKey, error) {
	if key := s.current().key(kid); key != nil {
		return key, nil
	}
	if kid == "" || len(kid) > maxKID {
		return nil, ErrUnknownKey
	}
	flight, err := s.ask(ctx, kid)
	if err != nil {
		return nil, err
	}
	if err := flight.wait(ctx); err != nil {
		return nil, ErrUnavailable.because(err)
	}
	if key := s.current().key(kid); key != nil {
		return key, nil
	}
	s.remember(kid)
	return nil, ErrUnknownKey
}

// ask joins the fetch under way or begins one, unless it is too early.
func (s *keySet) ask(ctx context.Context, kid string) (*flight, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.now()
	if until, is := s.unknown[kid]; is && now.Before(until) {
		return nil, ErrUnknownKey
	}
	if s.flight == nil && !s.tried.IsZero() && now.Sub(s.tried) < coolDown {
		if s.failed != nil {
			return nil, ErrUnavailable.because(s.failed)
		}
		return nil, ErrUnknownKey
	}
	return s.begin(ctx), nil
}

func (s *keySet) remember(kid string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.now()
	if len(s.unknown) >= maxUnknown {
		// The cool-down alone must do for the rest.
		for known, until := range s.unknown {
			if !now.Before(until) {
				delete(s.unknown, known)
			}
		}
	}
	if len(s.unknown) < maxUnknown {
		s.unknown[kid] = now.Add(unknownFor)
	}
}

// begin starts a fetch, or joins the one under way. The mutex is held. A caller that goes away does not end it for the others.
func (s *keySet) begin(ctx context.Context) *flight {
	if s.flight != nil {
		return s.flight
	}
	f := &flight{done: make(chan struct{})}
	s.flight = f
	go func() {
		f.next, f.err = s.fetch(context.WithoutCancel(ctx))
		s.mutex.Lock()
		s.flight, s.tried, s.failed = nil, s.now(), f.err
		s.mutex.Unlock()
		close(f.done)
	}()
	return f
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *keySet) fetch(ctx context.Context) (next time.Duration, err error) {
	answer, err := fetch(ctx, s.client, s.address)
	var keys map[string]*publicKey
	previous := s.current()
	if err == nil {
		var known map[string]*publicKey
		if previous != nil {
			known = previous.keys
		}
		keys, err = parseKeys(answer.body, s.algorithms, known)
	}
	s.metrics.keys(s.issuer, err)
	if err != nil {
		return 0, fmt.Errorf("keys of %s: %w", s.issuer, err)
	}
	s.publish(previous, keys)
	if answer.maxAge == 0 {
		answer.maxAge = defaultRefresh
	}
	return min(max(answer.maxAge, minRefresh), maxRefresh), nil
}

// publish swaps the set, unless nothing has changed. There is one fetch at a time.
func (s *keySet) publish(previous *keySnapshot, keys map[string]*publicKey) {
	next := &keySnapshot{version: 1, keys: keys, headers: make(map[string]claims.Header, len(keys))}
	if previous != nil {
		if same(previous.keys, keys) {
			return
		}
		next.version = previous.version + 1
	}
	for kid, key := range keys {
		header := claims.Header{Type: claims.Type, Algorithm: key.algorithm, KeyID: kid}
		if text, err := json.Marshal(header); err == nil {
			next.headers[base64.RawURLEncoding.EncodeToString(text)] = header
		}
	}
	s.newest.Store(next)
}

func same(a, b map[string]*publicKey) bool {
	for kid, key := range a {
		if b[kid] != key {
			return false
		}
	}
	return len(a) == len(b)
}

// refresh fetches now and tells when to do it again.
func (s *keySet) refresh(ctx context.Context) (next time.Duration, err error) {
	s.mutex.Lock()
	flight := s.begin(ctx)
	s.mutex.Unlock()
	if err := flight.wait(ctx); err != nil {
		return retryRefresh, err
	}
	return flight.next, nil
}

// run refreshes until ctx ends, first after the given time. Keys that are announced are taken before they sign, so that no token waits
// for a fetch; when the issuer cannot be reached, the known keys go on working.
func (s *keySet) run(ctx context.Context, next time.Duration) {
	timer := time.NewTimer(next)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next, err := s.refresh(ctx)
		if err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "signing keys could not be fetched", "issuer", s.issuer, "error", err)
		}
		timer.Reset(next)
	}
}

// verify checks typ and signature of a document of the feed, and may fetch keys for it. dropped are the keys that must not be used.
func (s *keySet) verify(ctx context.Context, raw []byte, typ string, dropped map[string]struct{}) ([]byte, error) {
	parts, err := claims.SplitLong(string(raw), maxFeedDocument)
	if err != nil {
		return nil, ErrMalformed.because(err)
	}
	// RFC 8725 §3.11: exactly this kind of document. No access token passes for one, nor the reverse.
	if parts.Header.Type != typ || typ == claims.Type {
		return nil, ErrMalformed.because(errors.New("another typ"))
	}
	if _, is := dropped[parts.Header.KeyID]; is {
		return nil, ErrRevoked
	}
	key, err := s.patientKey(ctx, parts.Header.KeyID)
	if err != nil {
		return nil, err
	}
	if err := key.verify(parts); err != nil {
		return nil, err
	}
	return parts.Payload, nil
}

// patientKey is key for documents: the follower may wait until the cool-down is over.
func (s *keySet) patientKey(ctx context.Context, kid string) (*publicKey, error) {
	if key := s.current().key(kid); key != nil {
		return key, nil
	}
	s.mutex.Lock()
	wait := time.Duration(0)
	if s.flight == nil && !s.tried.IsZero() {
		wait = coolDown - s.now().Sub(s.tried)
	}
	s.mutex.Unlock()
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if _, err := s.refresh(ctx); err != nil {
		return nil, err
	}
	if key := s.current().key(kid); key != nil {
		return key, nil
	}
	return nil, ErrUnknownKey
}

// verify checks algorithm and signature. RFC 8725 §3.1: the algorithm is the key's, never the token's choice.
func (k *publicKey) verify(parts claims.Compact) error {
	if algorithm, known := canonical(parts.Header.Algorithm); !known || algorithm != k.algorithm {
		return ErrAlgorithm
	}
	if !k.holds([]byte(parts.SigningInput), parts.Signature) {
		return ErrSignature
	}
	return nil
}
