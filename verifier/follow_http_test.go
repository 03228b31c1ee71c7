package verifier

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
)

func TestAProxyThatHoldsStreamsBackIsPolledUntilItLetsThemPass(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.buffering = true
	f := follow(t, feed.config(t))
	mustBeReady(t, f)
	until(t, "polls are sent", func() bool { return feed.asked("wait") > 0 })
	feed.denyToken("x")
	until(t, "a poll has brought it", func() bool { return f.current().seq == 1 })
	feed.mu.Lock()
	feed.buffering = false
	feed.mu.Unlock()
	streams := feed.asked("stream")
	until(t, "a stream is tried again", func() bool { return feed.asked("stream") > streams })
	until(t, "streams are used", func() bool {
		polls := feed.asked("wait")
		<-time.After(300 * time.Millisecond)
		return feed.asked("wait") == polls
	})
	feed.denyToken("y")
	until(t, "a stream has brought it", func() bool { return f.current().seq == 2 })
}

// asked counts requests of a kind.
func (f *fakeFeed) asked(kind string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		switch kind {
		case "stream":
			if r.Header.Get("Accept") == eventStream {
				n++
			}
		case "complete":
			if strings.HasSuffix(r.URL.Path, "/revocations") && r.URL.RawQuery == "" {
				n++
			}
		default:
			if r.URL.Query().Has(kind) {
				n++
			}
		}
	}
	return n
}

func TestAStreamContinuesWhereItEnded(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.denyToken("x")
	f := follow(t, feed.config(t))
	mustBeReady(t, f)
	until(t, "it streams", func() bool { return feed.asked("stream") == 1 })
	feed.server.CloseClientConnections()
	feed.denyToken("y")
	until(t, "it goes on", func() bool { return f.current().seq == 2 })
	feed.mu.Lock()
	defer feed.mu.Unlock()
	for _, r := range feed.requests {
		if id := r.Header.Get("Last-Event-Id"); r.Header.Get("Accept") == eventStream && id != "epoch-1:"+r.URL.Query().Get("after") {
			t.Errorf("Last-Event-ID is %q, the query %q", id, r.URL.RawQuery)
		}
	}
	complete := 0
	for _, r := range feed.requests {
		if r.Header.Get("Accept") == revocation.MediaType && r.URL.RawQuery == "" {
			complete++
		}
	}
	if complete != 1 {
		t.Errorf("the complete list was read %d times", complete)
	}
}

func TestACompleteListThatIsReplacedMeanwhileIsReadAgain(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.pageSize = 1
	feed.denyToken("x")
	feed.denyToken("y")
	var gone atomic.Int64
	feed.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("page") == "2" && gone.Add(1) <= 5 {
			w.WriteHeader(http.StatusGone)
			return true
		}
		return false
	}
	f := follow(t, feed.config(t))
	mustBeReady(t, f)
	if err := feed.right(f.current(), f.list); err != nil {
		t.Error(err)
	}
}

// The secret goes to the issuer's own origin and nowhere else; wrong credentials are an error and not a public feed.
func TestCredentialsThatAreRefusedAreLoud(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.setPolicy(map[string][]string{"default": {}})
	c := feed.withClient(feed.config(t))
	f := follow(t, c)
	mustBeReady(t, f)
	if f.current().policy == nil {
		t.Error("ready without the policy")
	}
	wrong := c
	wrong.clientSecret = "other"
	f = follow(t, wrong)
	if err := f.ready(t.Context()); !errors.Is(err, ErrFeedCredentials) {
		t.Errorf("wrong secret: %v", err)
	}
	if f.current() != nil {
		t.Error("a follower with wrong credentials knows the public feed")
	}
	elsewhere := c
	elsewhere.revocations = strings.Replace(c.revocations, "127.0.0.1", "localhost", 1)
	f = follow(t, elsewhere)
	if err := f.ready(t.Context()); err == nil || !strings.Contains(err.Error(), "another origin") {
		t.Errorf("another origin: %v", err)
	}
	feed.closed = true
	f = follow(t, feed.config(t))
	if err := f.ready(t.Context()); !errors.Is(err, ErrFeedClosed) {
		t.Errorf("none where some are needed: %v", err)
	}
}

func TestAnswersThatAreTooLongAreRefused(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.CopyN(w, zeros{}, maxFeedDocument+1)
	_ = w.Close()
	for name, answer := range map[string]func(w http.ResponseWriter){
		"plain": func(w http.ResponseWriter) { _, _ = io.CopyN(w, zeros{}, 2*maxFeedDocument) },
		"bomb": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		},
	} {
		feed := newFakeFeed(t)
		feed.answer = func(w http.ResponseWriter, _ *http.Request) bool { answer(w); return true }
		f := newFollower(feed.config(t))
		if _, err := f.fetch(t.Context(), nil, time.Minute); !errors.Is(err, errTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'A'
	}
	return len(p), nil
}

func TestGzipIsAskedForAndRead(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/acme/shop/revocations" || r.Header.Get("Accept-Encoding") != "gzip" {
			return false
		}
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = io.WriteString(packed, feed.send(feed.page(1, 0, false))[0])
		_ = packed.Close()
		return true
	}
	f := newFollower(feed.config(t))
	if d, err := f.fetch(t.Context(), nil, time.Minute); err != nil || !d.Complete {
		t.Errorf("%v, %v", d, err)
	}
}

func TestStreamsThatNeverBringADocumentAreGivenUp(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(w io.Writer) error{
		"comments":        func(w io.Writer) error { _, err := io.WriteString(w, ": still here\n\n"); return err },
		"an endless line": func(w io.Writer) error { _, err := io.WriteString(w, "data: "+strings.Repeat("A", 1<<16)); return err },
		"drops":           func(w io.Writer) error { _, err := io.WriteString(w, "A"); return err },
		"nothing":         func(io.Writer) error { return io.EOF },
		"no document": func(w io.Writer) error {
			_, err := io.WriteString(w, "event: revocations\ndata: x\n\n")
			return errors.Join(err, io.EOF)
		},
		"other events": func(w io.Writer) error { _, err := io.WriteString(w, "event: other\ndata: x\n\n"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			feed := newFakeFeed(t)
			feed.answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Accept") != eventStream {
					return false
				}
				w.Header().Set("Content-Type", eventStream)
				for write(w) == nil && r.Context().Err() == nil {
					_ = http.NewResponseController(w).Flush()
					<-time.After(time.Millisecond)
				}
				return true
			}
			f := follow(t, feed.config(t))
			mustBeReady(t, f)
			feed.denyToken("x")
			until(t, "a poll has brought it", func() bool { return f.current().seq == 1 })
		})
	}
}

func TestEventsAreReadAsTheStandardSays(t *testing.T) {
	t.Parallel()
	r := newEventReader(strings.NewReader("\n: comment\nid: e:1\r\nevent:revocations\r\ndata: a\r\ndata:b\r\n\r\ndata: nameless\n\nevent: gone\ndata\n\nretry: 1\nevent: cut\ndata: c"))
	for _, want := range [][2]string{{"revocations", "a\nb"}, {"gone", ""}} {
		name, data, err := r.next()
		if err != nil || name != want[0] || string(data) != want[1] {
			t.Errorf("%q %q %v, want %q", name, data, err, want)
		}
	}
	if name, _, err := r.next(); !errors.Is(err, errEnded) {
		t.Errorf("an event without its end is read: %q %v", name, err)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("id: e:1\nevent: revocations\ndata: a\n\nevent: gone\ndata:\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := newEventReader(bytes.NewReader(text))
		for range len(text) + 1 {
			name, data, err := r.next()
			if err != nil {
				return
			}
			if name == "" || len(data) > len(text) || strings.ContainsAny(name, "\n") {
				t.Fatalf("event %q with %d bytes", name, len(data))
			}
		}
		t.Fatal("more events than bytes")
	})
}

func TestTheNewestPolicyIsHeld(t *testing.T) {
	t.Parallel()
	feed := newFakeFeed(t)
	feed.setPolicy(map[string][]string{"default": {"get:/a"}})
	f := follow(t, feed.withClient(feed.config(t)))
	mustBeReady(t, f)
	if v := f.current().policy.version; v.seq != 1 {
		t.Errorf("version %+v", v)
	}
	// Kept while there is no other.
	var broken atomic.Bool
	broken.Store(true)
	feed.mu.Lock()
	feed.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if broken.Load() && strings.HasSuffix(r.URL.Path, "/policy") {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
		return false
	}
	feed.mu.Unlock()
	feed.setPolicy(map[string][]string{"default": {"get:/b"}})
	feed.changeRoles("somebody", "clerk")
	until(t, "the feed has told of it", func() bool { return f.current().seq == 3 })
	if v := f.current().policy.version; v.seq != 1 || len(f.current().claims) != 1 {
		t.Errorf("version %+v, %d claim changes", v, len(f.current().claims))
	}
	broken.Store(false)
	until(t, "the policy is there", func() bool { return f.current().policy.version.seq == 2 })
	if err := f.setPolicy(&revocation.Policy{Epoch: "epoch-1", Seq: 1}, 0); !errors.Is(err, ErrFeedDocument) {
		t.Errorf("an older policy: %v", err)
	}
	if err := f.setPolicy(&revocation.Policy{Epoch: "epoch-1", Seq: 8}, 9); !errors.Is(err, ErrFeedDocument) {
		t.Errorf("a policy from before what the feed told of: %v", err)
	}
	if err := f.setPolicy(&revocation.Policy{Epoch: "other", Seq: 9}, 0); !errors.Is(err, ErrFeedDocument) {
		t.Errorf("a policy of another epoch: %v", err)
	}
}

func TestNothingRunsWhenItsContextHasEnded(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		feed := newFakeFeed(t)
		feed.setPolicy(nil)
		ctx, stop := context.WithCancel(t.Context())
		c := feed.withClient(feed.config(t))
		f := newFollower(c)
		f.pace = quickPace()
		done := make(chan error)
		go func() { done <- f.run(ctx) }()
		mustBeReady(t, f)
		stop()
		if err := <-done; err != nil {
			t.Errorf("it ends with %v", err)
		}
		c.client.CloseIdleConnections()
		feed.server.CloseClientConnections()
		feed.server.Close()
	}
	until(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}

// pipes is a transport without a network: every answer is a stream that the test writes to.
type pipes struct{ streams chan *io.PipeWriter }

func (p pipes) RoundTrip(r *http.Request) (*http.Response, error) {
	reader, writer := io.Pipe()
	context.AfterFunc(r.Context(), func() { _ = writer.CloseWithError(r.Context().Err()) })
	p.streams <- writer
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {eventStream}}, Body: reader, Request: r}, nil
}

func TestAConnectionThatBringsNothingFor25SecondsIsDead(t *testing.T) {
	feed := newFakeFeed(t) // outside: it has a network
	synctest.Test(t, func(t *testing.T) {
		c := feed.config(t)
		transport := pipes{make(chan *io.PipeWriter, 10)}
		c.client = &http.Client{Transport: transport}
		c.verify = func(context.Context, []byte, string) ([]byte, error) {
			return []byte(`{"iss":"` + feed.name + `","iat":1,"epoch":"e","from":1,"seq":1,"as_of":900}`), nil
		}
		f := newFollower(c)
		f.completeWith(revocation.Document{Epoch: "e", Seq: 1, AsOf: 900})
		began := time.Now()
		go func() {
			stream := <-transport.streams
			for range 3 {
				<-time.After(9 * time.Second)
				_, _ = io.WriteString(stream, "event: revocations\ndata: eyJraWQiOiJrIn0.e30.e30\n\n: \n\n")
			}
		}()
		err := f.stream(t.Context())
		if took := time.Since(began); !errors.Is(err, ErrFeedSilent) || took != 3*9*time.Second+25*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		// One that never brings anything: polls, at once.
		began = time.Now()
		err = f.stream(t.Context())
		if took := time.Since(began); err != nil || took != 10*time.Second || !time.Now().Before(f.pollUntil) {
			t.Errorf("after %v: %v", took, err)
		}
	})
}
