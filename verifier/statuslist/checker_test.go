package statuslist_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-auth/writ/verifier/statuslist"
)

// issuer serves lists; signatures are somebody else's, here every answer is its payload.
type issuer struct {
	server *httptest.Server
	asked  atomic.Int64

	mu     sync.Mutex
	now    time.Time
	data   []byte
	add    map[string]any
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{now: time.Unix(1686920170, 0), data: []byte{0b10}, add: map[string]any{"ttl": 100, "exp": 1686920170 + 1000}}
	i.server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.server.Close)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.asked.Add(1)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.answer != nil && i.answer(w, r) {
		return
	}
	members := map[string]any{"sub": i.server.URL + r.URL.Path, "iat": i.now.Unix(), "status_list": map[string]any{"bits": 1, "lst": pack(i.data)}}
	maps.Copy(members, i.add)
	_, _ = w.Write(payload(members))
}

func (i *issuer) set(do func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	do()
}

func (i *issuer) wait(d time.Duration) { i.set(func() { i.now = i.now.Add(d) }) }

func (i *issuer) checker(t *testing.T) *statuslist.Checker {
	t.Helper()
	c := statuslist.NewChecker(statuslist.Config{
		Verify:  func(_ context.Context, raw []byte) ([]byte, error) { return raw, nil },
		Origins: []string{i.server.URL},
		Limit:   1 << 16,
		Now: func() time.Time {
			i.mu.Lock()
			defer i.mu.Unlock()
			return i.now
		},
	})
	t.Cleanup(c.Close)
	return c
}

func (i *issuer) uri(n int) string { return fmt.Sprintf("%s/statuslists/%d", i.server.URL, n) }

func TestAListIsReadOnceForItsTTL(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.checker(t)
	for range 50 {
		valid, err := c.Check(t.Context(), i.uri(1), 0)
		revoked, err2 := c.Check(t.Context(), i.uri(1), 1)
		if valid != statuslist.Valid || revoked != statuslist.Invalid || err != nil || err2 != nil {
			t.Fatal(valid, revoked, err, err2)
		}
	}
	if i.asked.Load() != 1 {
		t.Errorf("asked %d times", i.asked.Load())
	}
	i.set(func() { i.data = []byte{0b11} })
	i.wait(100 * time.Second)
	if got, err := c.Check(t.Context(), i.uri(1), 0); got != statuslist.Invalid || err != nil {
		t.Errorf("after the ttl: %d, %v", got, err)
	}
}

func TestAListIsRenewedBesideTheRequestsBeforeItsTTLIsOver(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.checker(t)
	_, _ = c.Check(t.Context(), i.uri(1), 0)
	i.set(func() { i.data = []byte{0b11} })
	i.wait(80 * time.Second)
	ended, cancel := context.WithCancel(t.Context())
	cancel() // whoever would wait would fail
	deadline := time.Now().Add(10 * time.Second)
	for {
		got, err := c.Check(ended, i.uri(1), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got == statuslist.Invalid {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the list is not renewed")
		}
	}
}

func TestManyRequestsForOneUnknownListAskOnce(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.checker(t)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := c.Check(t.Context(), i.uri(1), 0); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if i.asked.Load() != 1 {
		t.Errorf("asked %d times", i.asked.Load())
	}
}

// SEC-65
func TestAnExpiredListRefusesWhateverHappens(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.checker(t)
	if _, err := c.Check(t.Context(), i.uri(1), 0); err != nil {
		t.Fatal(err)
	}
	i.set(func() {
		i.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	})
	i.wait(999 * time.Second)
	if got, err := c.Check(t.Context(), i.uri(1), 0); err != nil || got != statuslist.Valid {
		t.Errorf("beyond its ttl, not expired, and the server is away: %d, %v", got, err)
	}
	i.wait(time.Second)
	if got, err := c.Check(t.Context(), i.uri(1), 0); !errors.Is(err, statuslist.ErrExpired) || got == statuslist.Valid {
		t.Errorf("expired: %d, %v", got, err)
	}
	// The server gives the expired one again.
	i.set(func() { i.answer = nil })
	i.wait(10 * time.Second)
	if got, err := c.Check(t.Context(), i.uri(1), 0); !errors.Is(err, statuslist.ErrExpired) || got == statuslist.Valid {
		t.Errorf("expired and given again: %d, %v", got, err)
	}
}

func TestAListWithoutExpEndsWithItsAge(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.add = nil
	c := i.checker(t)
	_, _ = c.Check(t.Context(), i.uri(1), 0)
	i.set(func() {
		i.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	})
	i.wait(statuslist.DefaultMaxAge - time.Second)
	if _, err := c.Check(t.Context(), i.uri(1), 0); err != nil {
		t.Error(err)
	}
	i.wait(time.Second)
	if _, err := c.Check(t.Context(), i.uri(1), 0); !errors.Is(err, statuslist.ErrExpired) {
		t.Errorf("error %v", err)
	}
}

func TestAListThatCannotBeReadIsNotAskedForAllTheTime(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNotFound); return true }
	c := i.checker(t)
	for range 50 {
		if got, err := c.Check(t.Context(), i.uri(1), 0); !errors.Is(err, statuslist.ErrUnavailable) || got == statuslist.Valid {
			t.Fatalf("%d, %v", got, err)
		}
	}
	if i.asked.Load() != 1 {
		t.Errorf("asked %d times", i.asked.Load())
	}
	i.set(func() { i.answer = nil })
	i.wait(5 * time.Second)
	if _, err := c.Check(t.Context(), i.uri(1), 0); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

func TestAnOlderListTakesNothingBack(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.data = []byte{0b11}
	c := i.checker(t)
	_, _ = c.Check(t.Context(), i.uri(1), 0)
	i.set(func() { i.data, i.add = []byte{0}, map[string]any{"iat": 1686920169, "exp": 1686920170 + 1000} })
	i.wait(200 * time.Second)
	if got, _ := c.Check(t.Context(), i.uri(1), 0); got != statuslist.Invalid {
		t.Errorf("status %d", got)
	}
}

// SEC-65
func TestOnlyTheServersThatAreNamedAreAsked(t *testing.T) {
	t.Parallel()
	i, other := newIssuer(t), newIssuer(t)
	c := i.checker(t)
	host := strings.TrimPrefix(i.server.URL, "http://")
	for _, uri := range []string{
		"", "x", "/statuslists/1", other.uri(1), "http://169.254.169.254/latest", "https://" + host + "/statuslists/1", "file:///etc/passwd",
		"http://" + host + "@" + strings.TrimPrefix(other.server.URL, "http://") + "/statuslists/1", "http://u:p@" + host + "/statuslists/1",
		i.uri(1) + "#x", "http://" + host + ".example.com/", "//" + host + "/statuslists/1", i.uri(1) + strings.Repeat("x", 2048),
	} {
		if _, err := c.Check(t.Context(), uri, 0); !errors.Is(err, statuslist.ErrOrigin) {
			t.Errorf("%q: %v", uri, err)
		}
	}
	if i.asked.Load()+other.asked.Load() != 0 {
		t.Error("somebody was asked")
	}
	i.answer = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.uri(1), http.StatusFound)
		return true
	}
	if _, err := c.Check(t.Context(), i.uri(1), 0); !errors.Is(err, statuslist.ErrOrigin) || other.asked.Load() != 0 {
		t.Errorf("redirected to another server: %v", err)
	}
	i.answer = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, "/again", http.StatusFound)
		return true
	}
	if _, err := c.Check(t.Context(), i.uri(2), 0); err == nil || i.asked.Load() > 10 {
		t.Errorf("redirected without end: %v after %d requests", err, i.asked.Load())
	}
	far := statuslist.NewChecker(statuslist.Config{Origins: []string{"http://lists.example.com"}})
	defer far.Close()
	if _, err := far.Check(t.Context(), "http://lists.example.com/1", 0); !errors.Is(err, statuslist.ErrOrigin) {
		t.Errorf("a list without TLS: %v", err)
	}
}

// SEC-65
func TestWhatTheServerGivesIsCheckedAndBounded(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(i *issuer, w http.ResponseWriter){
		"of another address": func(i *issuer, w http.ResponseWriter) { _, _ = w.Write(payload(map[string]any{"sub": i.uri(2)})) },
		"endless":            func(_ *issuer, w http.ResponseWriter) { _, _ = w.Write(make([]byte, 4<<20)) },
		"a bomb of gzip": func(_ *issuer, w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzip.NewWriter(w)
			_, _ = packed.Write(make([]byte, 8<<20))
			_ = packed.Close()
		},
		"a bomb of zlib": func(i *issuer, w http.ResponseWriter) {
			_, _ = w.Write(payload(map[string]any{"sub": i.uri(1), "status_list": map[string]any{"bits": 1, "lst": pack(make([]byte, 8<<20))}}))
		},
	} {
		i := newIssuer(t)
		i.answer = func(w http.ResponseWriter, _ *http.Request) bool { answer(i, w); return true }
		if got, err := i.checker(t).Check(t.Context(), i.uri(1), 0); !errors.Is(err, statuslist.ErrUnavailable) || got == statuslist.Valid {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	i := newIssuer(t)
	refusing := statuslist.NewChecker(statuslist.Config{
		Verify:  func(context.Context, []byte) ([]byte, error) { return nil, errors.New("another typ") },
		Origins: []string{i.server.URL},
	})
	defer refusing.Close()
	if _, err := refusing.Check(t.Context(), i.uri(1), 0); !errors.Is(err, statuslist.ErrUnavailable) {
		t.Errorf("a list whose signature does not hold: %v", err)
	}
}

func TestGzipIsRead(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Accept-Encoding") != "gzip" || r.Header.Get("Accept") != statuslist.MediaType {
			t.Errorf("header %v", r.Header)
		}
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = packed.Write(payload(map[string]any{"sub": i.uri(1)}))
		_ = packed.Close()
		return true
	}
	if _, err := i.checker(t).Check(t.Context(), i.uri(1), 1); err != nil {
		t.Error(err)
	}
}

func TestTheListsThatAreKeptAreBounded(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.checker(t)
	for n := range 200 {
		if _, err := c.Check(t.Context(), i.uri(n), 0); err != nil {
			t.Fatal(err)
		}
		i.wait(time.Millisecond)
	}
	_, _ = c.Check(t.Context(), i.uri(199), 0)
	if i.asked.Load() != 200 {
		t.Errorf("the newest list is asked for again: %d", i.asked.Load())
	}
	_, _ = c.Check(t.Context(), i.uri(0), 0)
	if i.asked.Load() != 201 {
		t.Errorf("the oldest list is still there: %d", i.asked.Load())
	}
}

func TestWhatIsAtHandAllocatesNothing(t *testing.T) {
	i := newIssuer(t)
	c, uri := i.checker(t), i.uri(1)
	_, _ = c.Check(t.Context(), uri, 0)
	if n := testing.AllocsPerRun(100, func() { _, _ = c.Check(t.Context(), uri, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCloseEndsAFetch(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.answer = func(_ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true }
	c := i.checker(t)
	failed := make(chan error)
	go func() {
		_, err := c.Check(t.Context(), i.uri(1), 0)
		failed <- err
	}()
	for i.asked.Load() == 0 {
		<-time.After(time.Millisecond)
	}
	c.Close()
	if err := <-failed; !errors.Is(err, statuslist.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Check(t.Context(), i.uri(2), 0); !errors.Is(err, statuslist.ErrUnavailable) {
		t.Errorf("after the end: %v", err)
	}
}
