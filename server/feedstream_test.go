package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants/feed"
	"github.com/writ-auth/writ/models"
)

// feedServer is a fixture whose feed beats fast, on a real port. The bounds of connections are far below the life of a stream.
type feedServer struct {
	*fixture

	address string
	http    *HTTPServer
	ended   chan error
}

func newFeedServer(t *testing.T, opts options) *feedServer {
	t.Helper()
	if opts.feed == nil {
		opts.feed = func(c *feed.Config) { c.Heartbeat = 20 * time.Millisecond }
	}
	f := &feedServer{fixture: newServer(t, opts), ended: make(chan error, 1)}
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	f.address, f.http = listener.Addr().String(), f.HTTPServer()
	f.http.ReadTimeout, f.http.WriteTimeout = 150*time.Millisecond, 150*time.Millisecond
	go func() { f.ended <- f.http.Serve(listener) }()
	t.Cleanup(func() { _ = f.http.Close() })
	return f
}

// stream is a stream of events that somebody reads.
type stream struct {
	code   int
	header http.Header
	body   *bufio.Reader
	cut    func()
}

// stream opens a stream; it ends with the test.
func (f *feedServer) stream(t *testing.T, target string, headers ...string) *stream {
	t.Helper()
	return openStream(t, f.address, target, headers...)
}

func openStream(t *testing.T, address, target string, headers ...string) *stream {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+target, nil)
	must(t, err)
	request.Header.Set("Accept", "text/event-stream")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request) //nolint:bodyclose // closed by cut
	must(t, err)
	s := &stream{response.StatusCode, response.Header, bufio.NewReader(response.Body), func() { _ = response.Body.Close() }}
	t.Cleanup(s.cut)
	return s
}

// poll makes a request that waits, and gives the text of the answer.
func (f *feedServer) poll(ctx context.Context, target string) (status int, text string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.address+target, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close() //nolint:errcheck // read to the end
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// known is a reader that has the complete list, and the address that goes on from there.
func (f *feedServer) known(t *testing.T, path string, auth ...string) (*reader, string) {
	t.Helper()
	r := f.newReader(t, path, auth...)
	r.sync(t)
	return r, fmt.Sprintf("%s/revocations?after=%d&epoch=%s", path, r.seq, r.epoch)
}

// docs/feed.md, Following.
// SEC-61 SEC-64
func TestAStreamLivesLongerThanARequestAndTellsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	r, target := f.known(t, "/acme/shop")
	response := f.stream(t, target)
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "Access-Control-Allow-Origin": "*",
		"Content-Length": "", "Content-Encoding": "",
	} {
		if got := response.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	body := response.body
	began := time.Now()
	for time.Since(began) < 500*time.Millisecond { // thrice the bounds of a request
		if r.events(t, body, 1) != 1 {
			t.Fatal("the stream ended")
		}
	}
	jti := uuid.NewString()
	must(t, f.store.DenyToken(t.Context(), models.DeniedToken{JTI: jti, Scope: f.shop.ID.String()}))
	told := time.Now()
	for _, known := r.tokens[hashOf(jti)]; !known; _, known = r.tokens[hashOf(jti)] {
		if r.events(t, body, 1) != 1 {
			t.Fatal("the stream ended")
		}
	}
	if took := time.Since(told); took > time.Second {
		t.Errorf("it took %s", took)
	}
	if r.gap {
		t.Error("a gap")
	}
}

func TestAStreamGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	r, target := f.known(t, "/acme/shop")
	f.revokeSome(t, 3)
	// The header goes before the address: EventSource repeats the address for ever.
	for range 3 {
		response := f.stream(t, target, "Last-Event-ID: "+fmt.Sprintf("%s:%d", r.epoch, r.seq))
		r.events(t, response.body, 1)
		response.cut()
		f.revokeSome(t, 2)
	}
	r.sync(t)
	if len(r.tokens) != 9 || r.gap {
		t.Errorf("%d tokens, gap %t", len(r.tokens), r.gap)
	}
}

// SEC-64
func TestAStreamSaysThatItCannotGoOn(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	r, target := f.known(t, "/acme/shop")
	f.revokeSome(t, 1)
	for name, c := range map[string]struct{ target, last string }{
		"no position":           {"/acme/shop/revocations", ""},
		"another epoch":         {"/acme/shop/revocations?after=1&epoch=other", ""},
		"a position of nobody":  {"/acme/shop/revocations?after=99999&epoch=" + r.epoch, ""},
		"another epoch's event": {target, "other:1"},
		"no event":              {target, "garbage"},
	} {
		response := f.stream(t, c.target, "Last-Event-ID: "+c.last)
		text, err := io.ReadAll(response.body) // it ends by itself
		if err != nil || response.code != http.StatusOK || string(text) != "event: gone\ndata:\n\n" {
			t.Errorf("%s: %d %q %v", name, response.code, text, err)
		}
	}
	response := f.stream(t, target)
	body := response.body
	r.events(t, body, 1)
	must(t, f.store.DeleteApplication(t.Context(), f.shop.ID))
	for r.events(t, body, 1) == 1 && !r.gap {
		continue
	}
	if !r.ended && !r.gap {
		t.Error("the stream ended without a word")
	}
}

func TestEventsAreWhatTheyShouldBe(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	r, target := f.known(t, "/acme/shop")
	body := f.stream(t, target).body
	for _, want := range []string{fmt.Sprintf("id: %s:%d\n", r.epoch, r.seq), "event: revocations\n", "data: ey", "\n"} {
		line, err := body.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("line %q, want %q (%v)", line, want, err)
		}
	}
	for accept, stream := range map[string]bool{
		"text/event-stream": true, "text/event-stream, */*;q=0.1": true, "TEXT/EVENT-STREAM;q=0.5": true,
		"application/writ-revocations+jwt;q=0.4, text/event-stream;q=0.5": true, "application/writ-revocations+jwt, text/event-stream;q=0.5": false,
		"*/*": false, "": false, "text/event-stream;q=0": false, "text/event-stream;q=2": false, "text/html": false,
	} {
		head := f.do(t, "HEAD", target, "", "Accept: "+accept)
		if got := head.Header().Get("Content-Type") == eventStream; got != stream || head.Code != 200 || head.text != "" {
			t.Errorf("Accept %q: %d %s", accept, head.Code, head.Header().Get("Content-Type"))
		}
	}
}

func TestALongPollAnswersAtOnce(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	_, target := f.known(t, "/acme/shop")
	get := func(wait string) string {
		status, text, err := f.poll(t.Context(), target+"&wait="+wait)
		if err != nil || status != http.StatusOK {
			t.Errorf("%d %s %v", status, text, err)
		}
		return text
	}
	began := time.Now()
	if d, err := f.newReader(t, "/acme/shop").open(get("1s")); err != nil || len(d.Tokens) != 0 || time.Since(began) < 900*time.Millisecond {
		t.Errorf("nothing happened: %+v %v after %s", d, err, time.Since(began))
	}
	answers := make(chan string)
	go func() { answers <- get("30") }()
	f.waitForFollowers(t, 1)
	f.revokeSome(t, 1)
	if d, err := f.newReader(t, "/acme/shop").open(<-answers); err != nil || len(d.Tokens) != 1 {
		t.Errorf("news: %+v %v", d, err)
	}
}

// waitForFollowers waits until so many follow.
func (f *feedServer) waitForFollowers(t *testing.T, count int64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); f.Feed.Stats.Followers.Load() != count; {
		if time.Now().After(deadline) {
			t.Fatalf("%d follow, want %d", f.Feed.Stats.Followers.Load(), count)
		}
		<-time.After(time.Millisecond)
	}
}

// SEC-64
func TestAStreamEndsWithItsCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header func(*feedServer) string
		end    func(*feedServer) error
	}{
		"a new secret": {
			func(f *feedServer) string { return basic(f.shopID, f.shopSecret) },
			func(f *feedServer) error {
				_, err := f.store.UpdateClient(t.Context(), f.shop.ID, func(c *models.Client) error { c.SecretHash = []byte("x"); return nil })
				return err
			},
		},
		"a revoked token": {
			func(f *feedServer) string { return f.asShop(t) },
			func(f *feedServer) error { return f.service.RevokeClientTokens(t.Context(), f.shop.ID) },
		},
		"an expired token": {
			func(f *feedServer) string { return f.asAcme(t) },
			func(f *feedServer) error { f.clock.advance(25 * time.Hour); return nil },
		},
		"a lost membership": {
			func(f *feedServer) string { return f.asOlga(t) },
			func(f *feedServer) error {
				if err := f.store.AddMember(t.Context(), f.rita.ID, f.acme.ID); err != nil {
					return err
				}
				return f.store.RemoveMember(t.Context(), f.olga.ID, f.acme.ID)
			},
		},
		"the superuser's password, after a while": {
			func(*feedServer) string { return basic("superuser", superuserPassword) },
			func(f *feedServer) error { f.clock.advance(6 * time.Minute); return nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFeedServer(t, options{})
			header := c.header(f)
			_, target := f.known(t, "/acme/shop", header)
			body := f.stream(t, target, header).body
			if f.newReader(t, "/acme/shop").events(t, body, 3) != 3 {
				t.Fatal("it does not follow")
			}
			f.clock.advance(recheck)
			if f.newReader(t, "/acme/shop").events(t, body, 5) != 5 {
				t.Fatal("it ended although the credentials are right")
			}
			must(t, c.end(f))
			f.clock.advance(recheck)
			if _, err := io.Copy(io.Discard, body); err != nil {
				t.Error(err)
			}
		})
	}
}

// SEC-61
func TestManyFollowWhileMuchHappens(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	const readers, revocations = 20, 60
	var all sync.WaitGroup
	var known [readers]*reader
	for i := range readers {
		auth := []string{}
		if i%2 == 0 {
			auth = append(auth, basic(f.shopID, f.shopSecret))
		}
		r, target := f.known(t, "/acme/shop", auth...)
		known[i] = r
		body := f.stream(t, target, auth...).body
		all.Go(func() {
			for len(r.tokens) < revocations {
				if r.events(t, body, 1) != 1 {
					t.Error("a stream ended")
					return
				}
			}
		})
	}
	for range revocations {
		f.revokeSome(t, 1)
	}
	all.Wait()
	for _, r := range known {
		if r.gap {
			t.Error("a gap")
		}
	}
}
