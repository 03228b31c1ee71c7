package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/writ-auth/writ/verifier"
)

// Goals of this file, from the acknowledged revocation to the first refusal.
const (
	propagationP50 = 20 * time.Millisecond
	propagationP99 = 250 * time.Millisecond
)

// propagation is how long a verifier still takes a token whose revocation was acknowledged. All verifiers follow one server; every
// one of them is asked again and again until it refuses.
func (b *bench) propagation(ctx context.Context) error {
	s, err := b.seedOf(ctx, 1)
	if err != nil {
		return err
	}
	server, err := b.startWrit(ctx, s)
	if err != nil {
		return err
	}
	defer server.end()
	for _, count := range []int{1, 10, 100} {
		if err := b.propagationTo(ctx, s, server.address, count); err != nil {
			return fmt.Errorf("%d verifiers: %w", count, err)
		}
	}
	return nil
}

func (b *bench) propagationTo(ctx context.Context, s *seed, address string, count int) error {
	verifiers, end, err := s.verifiers(ctx, "http://"+address, count)
	defer end()
	if err != nil {
		return err
	}
	issuer, err := s.connect(ctx, address)
	if err != nil {
		return err
	}
	defer issuer.end()
	var times []uint32 // µs
	for range b.revocations {
		token, err := issuer.token()
		if err != nil {
			return err
		}
		for _, v := range verifiers {
			if _, err := v.Verify(ctx, token); err != nil {
				return fmt.Errorf("a new token is refused: %w", err)
			}
		}
		if err := issuer.revoke(token); err != nil {
			return err
		}
		if times, err = refusals(ctx, verifiers, token, times); err != nil {
			return err
		}
	}
	slices.Sort(times)
	p50, p99 := percentile(times, 50), percentile(times, 99)
	b.report.add(fmt.Sprintf("revocation acknowledged → refused, %d verifiers, p50 and p99, ms", count),
		fmt.Sprintf("≤ %d, ≤ %d", propagationP50.Milliseconds(), propagationP99.Milliseconds()),
		fmt.Sprintf("%.2f, %.2f; longest %.2f", p50/1000, p99/1000, float64(times[len(times)-1])/1000),
		judged(p50 <= float64(propagationP50.Microseconds()) && p99 <= float64(propagationP99.Microseconds())))
	return nil
}

const (
	askEvery   = 100 * time.Microsecond
	lostAfter  = 10 * time.Second
	mostVerify = 30 * time.Second
)

// refusals asks all verifiers until each has refused, and notes when each did.
func refusals(ctx context.Context, verifiers []*verifier.Verifier, token string, times []uint32) ([]uint32, error) {
	acknowledged := time.Now()
	waiting := slices.Clone(verifiers)
	for len(waiting) > 0 {
		waiting = slices.DeleteFunc(waiting, func(v *verifier.Verifier) bool {
			_, err := v.Verify(ctx, token)
			if !errors.Is(err, verifier.ErrRevoked) {
				return false
			}
			times = append(times, uint32(time.Since(acknowledged).Microseconds())) //nolint:gosec // below lostAfter
			return true
		})
		if time.Since(acknowledged) > lostAfter {
			return nil, fmt.Errorf("%d verifiers never learned of a revocation", len(waiting))
		}
		wait(ctx, askEvery)
	}
	return times, nil
}

// verifiers starts some that trust the first application under a public URL. end is never nil.
func (s *seed) verifiers(ctx context.Context, public string, count int) (started []*verifier.Verifier, end func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, mostVerify)
	defer cancel()
	end = func() {
		for _, v := range started {
			v.Close()
		}
	}
	for range count {
		v, err := verifier.New(ctx, verifier.Config{Issuer: public + "/" + seedOrganization + "/" + seedApplication, CacheSize: 2 * manyRevocations})
		if err != nil {
			return started, end, err
		}
		started = append(started, v)
	}
	return started, end, nil
}

// issuing is a connection over which tokens are asked for and revoked.
type issuing struct {
	wire    *wire
	address string
	grant   target
}

func (s *seed) connect(ctx context.Context, address string) (*issuing, error) {
	grants, err := s.clients(ctx, 1)
	if err != nil {
		return nil, err
	}
	w, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	return &issuing{wire: w, address: address, grant: grants[0]}, nil
}

func (i *issuing) end() { _ = i.wire.conn.Close() }

func (i *issuing) token() (string, error) {
	status, body, err := i.wire.do(i.grant.bytes(i.address))
	if err != nil {
		return "", err
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		return "", errors.Join(err, fmt.Errorf("token endpoint: %d", status))
	}
	return answer.Token, nil
}

func (i *issuing) revoke(token string) error {
	form := url.Values{"token": {token}}.Encode()
	status, _, err := i.wire.do(target{Path: "/" + seedOrganization + "/" + seedApplication + "/revoke", Form: form}.bytes(i.address))
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("revocation endpoint: %d", status)
	}
	return nil
}
