package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/writ-auth/writ/models"
)

// SEC-75
func TestASlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	f.feeding.patience = 100 * time.Millisecond
	_, target := f.known(t, "/acme/shop")
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", f.address)
	must(t, err)
	defer conn.Close() //nolint:errcheck // only read from
	tcp, is := conn.(*net.TCPConn)
	if !is {
		t.Fatal("no TCP")
	}
	must(t, tcp.SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", target)
	must(t, err)
	f.waitForFollowers(t, 1)
	// It reads nothing, whatever is said. The buffers of a connection take megabytes, so the changes come without a database.
	seq, _, err := f.store.Head(t.Context())
	must(t, err)
	for f.Feed.Stats.Followers.Load() > 0 {
		for range 5000 {
			seq++
			f.Feed.Apply(models.Change{
				Seq: seq, Kind: models.ChangeTokenDenied, Detail: fmt.Sprintf(`{"jti":"%d","scope":"%s"}`, seq, f.shop.ID),
			})
		}
		<-time.After(time.Millisecond)
	}
}

func TestShutdownEndsStreamsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	_, target := f.known(t, "/acme/shop")
	streams := []*stream{f.stream(t, target), f.stream(t, "/management/revocations?after=0")}
	polled := make(chan int, 1)
	go func() {
		status, _, err := f.poll(t.Context(), target+"&wait=30")
		if err != nil {
			t.Error(err)
		}
		polled <- status
	}()
	f.waitForFollowers(t, 3)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	must(t, f.http.Shutdown(ctx))
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	for _, stream := range streams {
		if _, err := io.Copy(io.Discard, stream.body); err != nil {
			t.Errorf("a stream was cut off: %v", err)
		}
	}
	if status := <-polled; status != 200 {
		t.Errorf("who polled got %d", status)
	}
	if err := <-f.ended; err != http.ErrServerClosed { //nolint:errorlint // the documented value
		t.Error(err)
	}
}

// SEC-75
func TestOnlySoManyMayFollow(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	f.feeding.perSource, f.feeding.total = 2, 3
	_, target := f.known(t, "/acme/shop")
	first := f.stream(t, target)
	f.stream(t, target)
	refused := f.stream(t, target)
	if refused.code != http.StatusTooManyRequests || refused.header.Get("Retry-After") != "5" {
		t.Errorf("the third of a source: %d %v", refused.code, refused.header)
	}
	done := make(chan struct{})
	go func() { // of another source
		defer close(done)
		f.do(t, "GET", target+"&wait=30", "")
	}()
	f.waitForFollowers(t, 3)
	full := f.do(t, "GET", target+"&wait=30", "", "Remote: 192.0.2.9:1")
	full.check(t, scenario{wantStatus: 503, wantHeader: map[string]string{"Retry-After": "5"}})
	f.do(t, "GET", target, "", "Remote: 192.0.2.9:1").check(t, scenario{wantStatus: 200}) // who does not wait takes no place
	first.cut()
	f.revokeSome(t, 1)
	<-done
	f.waitForFollowers(t, 1)
	if again := f.stream(t, target); again.code != http.StatusOK {
		t.Errorf("when one has left: %d", again.code)
	}
}

// Strangers from many addresses leave places to the resource servers that have credentials. SEC-75
func TestStrangersDoNotTakeEveryPlace(t *testing.T) {
	t.Parallel()
	f := newFeedServer(t, options{})
	f.feeding.total = 4
	_, target := f.known(t, "/acme/shop")
	for range 3 {
		f.stream(t, target)
	}
	f.waitForFollowers(t, 3)
	if stranger := f.stream(t, target); stranger.code != http.StatusServiceUnavailable {
		t.Errorf("the fourth stranger: %d", stranger.code)
	}
	client := basic(f.shopID, f.shopSecret)
	if known := f.stream(t, target, client); known.code != http.StatusOK {
		t.Errorf("a client: %d", known.code)
	}
	f.waitForFollowers(t, 4)
	if another := f.stream(t, target, client); another.code != http.StatusServiceUnavailable {
		t.Errorf("a client when all places are taken: %d", another.code)
	}
}
