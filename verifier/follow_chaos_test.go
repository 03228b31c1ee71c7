package verifier

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/claims"
	"github.com/writ-auth/writ/claims/revocation"
)

// cutter is a TCP proxy that can hurt connections.
type cutter struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	// harm says how many bytes of the answers a new connection gives, and how long it waits before each piece.
	harm func() (bytes int64, delay time.Duration)
}

func newCutter(t testing.TB, target string) *cutter {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: listener, target: target, conns: map[net.Conn]struct{}{}}
	var running sync.WaitGroup
	running.Go(func() { c.accept(&running) })
	t.Cleanup(func() {
		_ = listener.Close()
		c.cut()
		running.Wait()
	})
	return c
}

func (c *cutter) accept(running *sync.WaitGroup) {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(context.Background(), "tcp", c.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		bytes, delay := int64(1<<40), time.Duration(0)
		c.mu.Lock()
		if c.harm != nil {
			bytes, delay = c.harm()
		}
		c.conns[client], c.conns[server] = struct{}{}, struct{}{}
		c.mu.Unlock()
		closeBoth := func() { _, _ = client.Close(), server.Close() }
		running.Go(func() { _, _ = io.Copy(server, client); closeBoth() })
		running.Go(func() { trickle(client, server, bytes, delay); closeBoth() })
	}
}

func trickle(to io.Writer, from io.Reader, bytes int64, delay time.Duration) {
	piece := make([]byte, 512)
	for bytes > 0 {
		n, err := from.Read(piece)
		if delay > 0 {
			<-time.After(delay)
		}
		if _, failed := to.Write(piece[:min(int64(n), bytes)]); failed != nil || err != nil {
			return
		}
		bytes -= int64(n)
	}
}

// cut ends all connections.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		_ = conn.Close()
	}
	clear(c.conns)
}

func (c *cutter) setHarm(harm func() (int64, time.Duration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.harm = harm
}

// meddler stands in the place of a proxy that can read TLS: it knows every document that was ever sent, and can make its own, but has
// no living key of the issuer.
type meddler struct {
	feed   *fakeFeed
	random *rand.Rand
	mu     sync.Mutex
	kept   []string
	held   []string // to be sent later
}

func (m *meddler) meddle(document string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.kept) < 500 {
		m.kept = append(m.kept, document)
	}
	old := m.kept[m.random.IntN(len(m.kept))]
	switch m.random.IntN(16) {
	case 0: // an old one besides
		return []string{old, document}
	case 1: // an old one instead
		return []string{old}
	case 2: // twice
		return []string{document, document}
	case 3: // later, in another order
		m.held = append(m.held, document)
		return []string{old}
	case 4:
		if len(m.held) > 0 {
			late := m.held[0]
			m.held = m.held[1:]
			return []string{document, late}
		}
	case 5: // never
		return []string{m.forged(document)}
	case 6: // cut
		return []string{document[:m.random.IntN(len(document))]}
	case 7: // changed
		at := m.random.IntN(len(document))
		return []string{document[:at] + "A" + document[at+1:], document}
	case 8:
		return []string{m.forged(document), document}
	}
	return []string{document}
}

// forged makes a document that must be refused.
func (m *meddler) forged(document string) string {
	f := m.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh := f.document(0, 0, true)
	fresh.Seq, fresh.AsOf = f.seq(), f.clock // "nothing is denied"
	fresh.Complete, fresh.Page, fresh.Pages = true, 1, 1
	parts := strings.Split(document, ".")
	switch m.random.IntN(8) {
	case 0: // of another issuer of the same server, which has the same keys
		fresh.Issuer = f.server.URL + "/acme/other"
		return f.sign(revocation.Type, f.signer, fresh)
	case 1:
		return f.sign(claims.Type, f.signer, fresh)
	case 2:
		return f.sign(claims.StatusListType, f.signer, fresh)
	case 3:
		return f.sign(revocation.PolicyType, f.signer, fresh)
	case 4:
		return parts[0] + "." + parts[1] + "."
	case 5: // {"alg":"none","typ":"writ-revocations+jwt"}
		return "eyJhbGciOiJub25lIiwidHlwIjoid3JpdC1yZXZvY2F0aW9ucytqd3QifQ." + parts[1] + "."
	case 6: // by a dropped key
		return f.sign(revocation.Type, "stolen", fresh)
	default:
		return strings.Repeat("x", 100_000)
	}
}

// Whatever is done to the connections and the documents: at no moment does the follower claim to know everything up to a time and lack
// an entry from before it, or forget what it knew, and when the disturbance is over it has exactly what is denied.
//
// SEC-64
func TestAFollowerNeverMissesADenialSilently(t *testing.T) {
	t.Parallel()
	first := rand.Uint64()
	t.Logf("seed %d", first)
	for round := range uint64(6) {
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			t.Parallel()
			disturb(t, rand.New(rand.NewPCG(first, round)))
		})
	}
}

func disturb(t *testing.T, random *rand.Rand) {
	t.Helper()
	feed := newFakeFeed(t)
	feed.pageSize = 1 + random.IntN(40)
	feed.newKey("stolen")
	feed.newKey("key-2")
	feed.change(func() { feed.dropped = []string{"stolen"} })
	proxy := newCutter(t, feed.server.Listener.Addr().String())
	feed.via = proxy.listener.Addr().String()
	c := feed.withClient(feed.config(t))
	c.policy = ""
	f := newFollower(c)
	f.pace = quickPace()
	f.pace.looseMin = 1 + random.IntN(30)
	f.pace.forgetEvery = time.Duration(1+random.IntN(50)) * time.Millisecond
	f.pollNext = f.pace.polls
	runFollower(t, f)
	mustBeReady(t, f)
	stop := watch(t, feed, f)
	defer stop()

	harmed := rand.New(rand.NewPCG(random.Uint64(), 1))
	for range 4 {
		m := &meddler{feed: feed, random: rand.New(rand.NewPCG(random.Uint64(), 2))}
		feed.mu.Lock()
		feed.meddle, feed.buffering = m.meddle, random.IntN(4) == 0
		feed.mu.Unlock()
		proxy.setHarm(func() (int64, time.Duration) {
			return 1 << harmed.IntN(16), time.Duration(harmed.IntN(3)) * time.Millisecond
		})
		for n := range 60 {
			feed.something(random, n)
			if random.IntN(8) == 0 {
				proxy.cut()
			}
			<-time.After(time.Duration(random.IntN(4)) * time.Millisecond)
		}
		feed.mu.Lock()
		feed.meddle, feed.buffering = nil, false
		feed.mu.Unlock()
		proxy.setHarm(nil)
		proxy.cut()
		var err error
		deadline := time.Now().Add(15 * time.Second)
		for {
			f.mu.Lock()
			list := f.list
			f.mu.Unlock()
			if err = feed.right(f.current(), list); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("after the disturbance: %v (the follower says %v)", err, f.failure())
			}
			<-time.After(time.Millisecond)
		}
	}
}

// something is what may happen at an issuer.
func (f *fakeFeed) something(random *rand.Rand, n int) {
	switch random.IntN(20) {
	case 0: // positions before now cannot be continued any more
		f.mu.Lock()
		f.floor = f.seq()
		f.mu.Unlock()
	case 1: // moved to another database
		f.change(func() { f.epoch += "'" })
	case 2:
		f.change(func() { f.ended = !f.ended })
	case 3, 4:
		f.changeRoles("somebody", fmt.Sprint(n))
	case 5, 6, 7, 8, 9:
		f.denySubject(fmt.Sprint("sub", random.IntN(50)), random.Int64N(100)+1)
	default:
		f.denyToken(fmt.Sprint(random.Uint64()))
	}
}

// watch looks at what the follower claims until the function it gives is called.
func watch(t *testing.T, feed *fakeFeed, f *follower) (stop func()) {
	t.Helper()
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		looks, before := 0, 0
		for {
			select {
			case <-done:
				if looks == 0 {
					t.Error("nobody has looked")
				}
				return
			case <-time.After(500 * time.Microsecond):
			}
			k := f.current()
			feed.mu.Lock()
			err := feed.nothingMissing(k, k.asOf.Unix())
			known := feed.knownUpTo(k)
			feed.mu.Unlock()
			if err == nil && known < before {
				err = fmt.Errorf("change %d is known no more", known+1)
			}
			if looks, before = looks+1, known; err != nil {
				t.Error(err)
				<-done
				return
			}
		}
	}()
	return func() { close(done); <-stopped }
}
