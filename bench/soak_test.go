package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/verifier"
)

// pretended is a replica and a resource server that say what a test wants. What they say at first is right: every token is active.
type pretended struct {
	answer atomic.Pointer[http.HandlerFunc]
	verify atomic.Pointer[error] // nil: accepted
}

func (p *pretended) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if answer := p.answer.Load(); answer != nil {
		(*answer)(w, r)
		return
	}
	_, _ = io.WriteString(w, `{"active":true}`)
}

func (p *pretended) says(answer http.HandlerFunc) { p.answer.Store(&answer) }

func (p *pretended) saysText(status int, body string) {
	p.says(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func (p *pretended) refuses(err error) { p.verify.Store(&err) }

func (p *pretended) Verify(context.Context, string) (*verifier.Token, error) {
	if err := p.verify.Load(); err != nil {
		return nil, *err
	}
	return &verifier.Token{}, nil
}

// pretend makes a soak of one pretended replica and a pretended resource server.
func pretend(t *testing.T) (*soak, *pretended) {
	t.Helper()
	p := &pretended{}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	r := &replica{process: &process{address: address}}
	r.address.Store(&address)
	s := newSoak(&cluster{bench: &bench{notes: io.Discard}, seed: &seed{client: "client", secret: "secret"}, replicas: []*replica{r}})
	s.follower = p
	return s, p
}

// revokedBefore is a token that was revoked so long ago.
func revokedBefore(ago time.Duration) *soakToken {
	return &soakToken{raw: "revoked", user: -1, doomed: true, revoked: time.Now().Add(-ago)}
}

func (s *soak) faultIs(on bool) { s.faulting.Store(on) }

// The soak is worth what it notices. Each of these says something wrong, once, and must be noticed as what it is.
func TestTheSoakNotices(t *testing.T) {
	t.Parallel()
	const long = heardWithin + freshWithin + time.Second
	valid := &soakToken{raw: "valid", user: -1}
	for _, c := range []struct {
		what   string
		broken invariant
		act    func(context.Context, *soak, *pretended)
	}{
		{"a replica accepts a revoked token", revokedIsRefused, func(ctx context.Context, s *soak, _ *pretended) {
			s.examine(ctx, "", revokedBefore(long))
		}},
		{"a replica that stood still accepts one", revokedIsRefused, func(ctx context.Context, s *soak, _ *pretended) {
			s.faultIs(true)
			s.examine(ctx, s.replicas[0].url(), revokedBefore(long))
		}},
		{"a replica lets a revoked token in", revokedIsRefused, func(ctx context.Context, s *soak, _ *pretended) {
			s.faultIs(true)
			s.use(ctx, s.replicas[0].url(), revokedBefore(long))
		}},
		{"a replica never hears of a revocation", revokedIsRefused, func(ctx context.Context, s *soak, _ *pretended) {
			s.refusedEverywhere(ctx, revokedBefore(long))
		}},
		{"a resource server accepts a revoked token", revokedIsRefused, func(ctx context.Context, s *soak, _ *pretended) {
			s.verify(ctx, revokedBefore(long))
		}},
		{"a resource server missed a revocation during a fault", revokedIsRefused, func(ctx context.Context, s *soak, _ *pretended) {
			calm := time.Now().Add(-time.Second)
			s.calmSince.Store(&calm)
			s.verify(ctx, revokedBefore(long))
		}},
		{"a resource server never hears of a revocation", revokedIsRefused, func(ctx context.Context, s *soak, p *pretended) {
			p.saysText(http.StatusOK, `{"active":false}`)
			s.refusedEverywhere(ctx, revokedBefore(long))
		}},
		{"a right that was taken away holds", revokedIsRefused, func(ctx context.Context, s *soak, _ *pretended) {
			s.within(ctx, revokedIsRefused, "it is gone", func(string) bool { return false })
		}},
		{"a client's former secret is taken", revokedIsRefused, func(ctx context.Context, s *soak, p *pretended) {
			p.saysText(http.StatusOK, `{"access_token":"a","credentials":{"client_secret":"new"}}`)
			s.renewSecret(ctx)
		}},
		{"a session outlives its end", revokedIsRefused, func(_ context.Context, s *soak, _ *pretended) {
			s.refreshed(said{status: http.StatusOK, body: []byte(`{"access_token":"a"}`)}, 0, true, time.Now())
		}},
		{"a session ends before its end", validIsAccepted, func(_ context.Context, s *soak, _ *pretended) {
			s.refreshed(said{status: http.StatusBadRequest}, 0, false, time.Now())
		}},
		{"a replica refuses a valid token", validIsAccepted, func(ctx context.Context, s *soak, p *pretended) {
			p.saysText(http.StatusOK, `{"active":false}`)
			s.examine(ctx, "", valid)
		}},
		{"a resource server refuses a valid token", validIsAccepted, func(ctx context.Context, s *soak, p *pretended) {
			p.refuses(verifier.ErrRevoked)
			s.verify(ctx, valid)
		}},
		{"a replica refuses who asks", validIsAccepted, func(ctx context.Context, s *soak, p *pretended) {
			p.saysText(http.StatusUnauthorized, `{}`)
			s.examine(ctx, "", valid)
		}},
		{"a change is refused", validIsAccepted, func(ctx context.Context, s *soak, p *pretended) {
			p.saysText(http.StatusBadRequest, `{}`)
			s.change(ctx, http.MethodPost, "/", "")
		}},
		{"500 while nothing is broken", alwaysAnswered, func(ctx context.Context, s *soak, p *pretended) {
			p.saysText(http.StatusInternalServerError, `{}`)
			s.examine(ctx, "", valid)
		}},
		{"500 while something is broken", alwaysAnswered, func(ctx context.Context, s *soak, p *pretended) {
			s.faultIs(true)
			p.saysText(http.StatusInternalServerError, `{}`)
			s.examine(ctx, "", valid)
		}},
		{"503 while nothing is broken", alwaysAnswered, func(ctx context.Context, s *soak, p *pretended) {
			p.says(unavailable)
			s.examine(ctx, "", valid)
		}},
		{"503 without Retry-After", alwaysAnswered, func(ctx context.Context, s *soak, p *pretended) {
			s.faultIs(true)
			p.saysText(http.StatusServiceUnavailable, `{}`)
			s.examine(ctx, "", valid)
		}},
		{"no answer while nothing is broken", alwaysAnswered, func(ctx context.Context, s *soak, p *pretended) {
			p.says(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			s.examine(ctx, "", valid)
		}},
		{"memory that grows", memoryIsFlat, func(_ context.Context, s *soak, _ *pretended) {
			s.remember(func(i float64) (float64, float64, float64) { return 150 + 2*i, 40, 300 })
		}},
		{"a live heap that grows in a large one", memoryIsFlat, func(_ context.Context, s *soak, _ *pretended) {
			s.remember(func(i float64) (float64, float64, float64) { return 150, 40 + i/4, 300 })
		}},
		{"goroutines that stay", memoryIsFlat, func(_ context.Context, s *soak, _ *pretended) {
			s.remember(func(i float64) (float64, float64, float64) { return 150, 40, 300 + 3*i })
		}},
		{"that nothing was done", soakWorks, func(_ context.Context, s *soak, _ *pretended) { s.counts.revocations.Store(0) }},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s, p := pretend(t)
			s.busy()
			c.act(t.Context(), s, p)
			var report strings.Builder
			if err := s.verdict(&report, time.Minute); !errors.Is(err, errViolated) {
				t.Errorf("passed: %v\n%s", err, &report)
			}
			if len(s.violations.kinds) != 1 || s.violations.kinds[c.broken] != 1 || !strings.Contains(report.String(), "soak FAILED: 1 × "+string(c.broken)) {
				t.Errorf("want one of %q:\n%s", c.broken, &report)
			}
		})
	}
}

// What may be does not count: otherwise nobody would believe the soak.
func TestTheSoakBears(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what string
		act  func(context.Context, *soak, *pretended)
	}{
		{"right answers", func(ctx context.Context, s *soak, p *pretended) {
			s.examine(ctx, "", &soakToken{raw: "valid"})
			s.verify(ctx, &soakToken{raw: "valid"})
			p.saysText(http.StatusOK, `{"active":false}`)
			p.refuses(verifier.ErrRevoked)
			token := revokedBefore(heardWithin + freshWithin + time.Second)
			s.examine(ctx, "", token)
			s.verify(ctx, token)
			s.refusedEverywhere(ctx, token)
		}},
		{"a token that was revoked just now", func(ctx context.Context, s *soak, _ *pretended) {
			s.examine(ctx, "", revokedBefore(0))
			s.verify(ctx, revokedBefore(0))
		}},
		{"503 with Retry-After while something is broken", func(ctx context.Context, s *soak, p *pretended) {
			s.faultIs(true)
			p.says(unavailable)
			s.examine(ctx, "", &soakToken{raw: "valid"})
		}},
		{"no answer while something is broken", func(ctx context.Context, s *soak, p *pretended) {
			s.faultIs(true)
			p.says(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			s.examine(ctx, "", &soakToken{raw: "valid"})
		}},
		{"a resource server that is cut off", func(ctx context.Context, s *soak, _ *pretended) {
			s.faultIs(true)
			s.verify(ctx, revokedBefore(time.Minute))
		}},
		{"a replica that learns of a secret late, while something is broken", func(ctx context.Context, s *soak, p *pretended) {
			s.faultIs(true)
			former := 0
			p.says(func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("client_secret") == "secret" { // three times it is taken still
					if former++; former > 3 {
						s.faultIs(false)
						w.WriteHeader(http.StatusUnauthorized)
					}
				}
				_, _ = io.WriteString(w, `{"access_token":"a","credentials":{"client_secret":"new"}}`)
			})
			s.renewSecret(ctx)
		}},
		{"memory that goes up and down", func(_ context.Context, s *soak, _ *pretended) {
			s.remember(func(i float64) (float64, float64, float64) {
				return 150 + float64(int(i)%20), 40 + float64(int(i)%5), 300 + float64(int(i)%30)
			})
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s, p := pretend(t)
			s.busy()
			c.act(t.Context(), s, p)
			var report strings.Builder
			if err := s.verdict(&report, time.Minute); err != nil || !strings.HasPrefix(report.String(), "soak passed.") {
				t.Errorf("%v\n%s", err, &report)
			}
		})
	}
}

func unavailable(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
}

// busy is a soak that has done everything once.
func (s *soak) busy() {
	n := &s.counts
	for _, count := range []*atomic.Int64{&n.tokens, &n.refreshes, &n.revocations, &n.verifications, &n.refusals, &n.changes} {
		count.Store(1)
	}
}

// remember is two minutes of memory.
func (s *soak) remember(at func(second float64) (resident, live, goroutines float64)) {
	for i := range 120 {
		s.memory.add(at(float64(i)))
	}
}

func TestCuttingConnectionsEndsWhoWaits(t *testing.T) {
	t.Parallel()
	s, p := pretend(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	p.says(func(http.ResponseWriter, *http.Request) { close(arrived); <-release })
	defer close(release)
	s.faultIs(true)
	go func() { <-arrived; s.open.cut(*s.replicas[0].address.Load()) }()
	if answer := s.ask(t.Context(), question{base: s.replicas[0].url(), method: http.MethodPost, path: "/"}); answer.status != 0 {
		t.Errorf("answered %d", answer.status)
	}
	if s.violations.kinds != nil {
		t.Error(s.violations.first)
	}
}

func TestMetricsAreRead(t *testing.T) {
	t.Parallel()
	page := []byte("# TYPE go_goroutines gauge\ngo_goroutines 17\ngo_goroutines_more 3\ngo_memstats_next_gc_bytes 1.6777216e+07\n")
	if got := metricsOf(page, "go_memstats_next_gc_bytes", "go_goroutines", "absent"); got[0] != 16<<20 || got[1] != 17 || got[2] != 0 {
		t.Error(got)
	}
}
