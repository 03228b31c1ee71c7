package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/writ-auth/writ/verifier"
)

const (
	manyRevocations = 10_000
	lostVerifiers   = 10
	controls        = 100 // tokens that nobody revokes
	revokers        = 4
	settle          = 60 * time.Second
)

// lost revokes 10,000 tokens while the server is killed and restarted and the connections of the verifiers are delayed and cut. An
// acknowledged revocation that a verifier does not know in the end is lost; so is a token that is refused without having been revoked.
func (b *bench) lost(ctx context.Context) error {
	s, err := b.seedOf(ctx, 1)
	if err != nil {
		return err
	}
	front, err := startRelay(ctx, true)
	if err != nil {
		return err
	}
	defer front.end()
	host := &restarting{bench: b, seed: s, front: front, public: "http://" + front.address()}
	defer host.end()
	if err := host.start(ctx); err != nil {
		return err
	}
	tokens, err := host.tokens(ctx, manyRevocations+controls)
	if err != nil {
		return err
	}
	verifiers, end, err := s.verifiers(ctx, host.public, lostVerifiers)
	defer end()
	if err != nil {
		return err
	}
	if err := host.revokeAll(ctx, tokens[controls:]); err != nil {
		return err
	}
	missing, refused, took := audit(ctx, verifiers, tokens)
	b.report.add(fmt.Sprintf("lost of %d revocations at %d verifiers; %d kills, %d cut connections", manyRevocations, lostVerifiers, host.kills, front.cuts.Load()),
		"0", fmt.Sprintf("%d, and %d wrongly refused; all known %.1f s after the last", missing, refused, took.Seconds()), judged(missing+refused == 0))
	return nil
}

// restarting is a server behind a relay that is killed and started again on the same database.
type restarting struct {
	*bench

	seed    *seed
	front   *relay
	public  string
	mutex   sync.RWMutex // writing: the server is down
	process *process
	kills   int
}

func (h *restarting) start(ctx context.Context) error {
	p, err := startServer(ctx, h.log, h.writ, "serve", "--listen", "127.0.0.1:0", "--data-dir", h.seed.folder, "--public-url", h.public)
	if err != nil {
		return fmt.Errorf("%w; its log ends: %s", err, h.logTail())
	}
	h.process = p
	h.front.target.Store(&p.address)
	return nil
}

// kill gives the server no chance to say anything.
func (h *restarting) kill(ctx context.Context) error {
	if err := h.process.command.Process.Kill(); err != nil {
		return err
	}
	h.process.end()
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.front.target.Store(nil)
	h.kills++
	return h.start(ctx)
}

func (h *restarting) end() {
	if h.process != nil {
		h.process.end()
	}
}

func (h *restarting) tokens(ctx context.Context, count int) ([]string, error) {
	issuer, err := h.seed.connect(ctx, h.process.address)
	if err != nil {
		return nil, err
	}
	defer issuer.end()
	tokens := make([]string, count)
	for i := range tokens {
		if tokens[i], err = issuer.token(); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// revokeAll revokes every token until that is acknowledged, whatever happens to the server meanwhile.
func (h *restarting) revokeAll(ctx context.Context, tokens []string) error {
	work := make(chan string)
	failures := make(chan error, revokers)
	var group sync.WaitGroup
	for range revokers {
		group.Go(func() { failures <- h.revoker(ctx, work) })
	}
	var failure error
	for i, token := range tokens {
		if i == len(tokens)/3 || i == 2*len(tokens)/3 {
			failure = errors.Join(failure, h.kill(ctx))
		}
		work <- token
	}
	close(work)
	group.Wait()
	close(failures)
	for err := range failures {
		failure = errors.Join(failure, err)
	}
	return failure
}

func (h *restarting) revoker(ctx context.Context, work <-chan string) error {
	var issuer *issuing
	var failure error
	for token := range work {
		for attempts := 0; ; attempts++ {
			var err error
			if issuer, err = h.revoke(ctx, issuer, token); err == nil {
				break
			}
			if attempts == 100 {
				failure = errors.Join(failure, err)
				break
			}
			wait(ctx, 10*time.Millisecond)
		}
	}
	return failure
}

// revoke uses the connection it is given, or a new one, and gives back the one to use next.
func (h *restarting) revoke(ctx context.Context, issuer *issuing, token string) (*issuing, error) {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if issuer == nil {
		var err error
		if issuer, err = h.seed.connect(ctx, h.process.address); err != nil {
			return nil, err
		}
	}
	if err := issuer.revoke(token); err != nil {
		issuer.end()
		return nil, err
	}
	return issuer, nil
}

// audit asks every verifier about every token until all answers are right or the time is over.
func audit(ctx context.Context, verifiers []*verifier.Verifier, tokens []string) (missing, refused int, took time.Duration) {
	began := time.Now()
	for {
		missing, refused = 0, 0
		for _, v := range verifiers {
			for i, token := range tokens {
				_, err := v.Verify(ctx, token)
				switch {
				case i < controls && err != nil:
					refused++
				case i >= controls && !errors.Is(err, verifier.ErrRevoked):
					missing++
				}
			}
		}
		if missing+refused == 0 || time.Since(began) > settle {
			return missing, refused, time.Since(began)
		}
		wait(ctx, 100*time.Millisecond)
	}
}
