package main

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// events opens a stream of the revocation feed.
func (in *instance) events(t *testing.T) *bufio.Reader {
	t.Helper()
	connection := dial(t, in.url)
	if _, err := fmt.Fprint(connection, "GET /demo/app/revocations?after=0 HTTP/1.1\r\nHost: writ\r\nAccept: text/event-stream\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d", response.StatusCode)
	}
	return bufio.NewReader(response.Body)
}

// nextEvent gives the document of the next event; "" is the end of the stream.
func nextEvent(stream *bufio.Reader) string {
	for {
		line, err := stream.ReadString('\n')
		if err != nil {
			return ""
		}
		if document, is := strings.CutPrefix(line, "data: "); is {
			return strings.TrimSpace(document)
		}
	}
}

// A stream lives for ever; SIGTERM does not wait for it.
// SEC-61
func TestTheProgramStreamsRevocationsAndSIGTERMEndsTheStream(t *testing.T) {
	t.Parallel()
	in := serveApart(t, t.TempDir(), "--demo")
	user := in.printed(t, "app user of demo/app")
	token := in.token(t, "/demo/app/token", fmt.Sprintf(`{"grant_type":"password","username":%q,"password":%q}`, user.name, user.password))
	stream := in.events(t)
	first := nextEvent(stream)
	if answered := request(t, http.MethodPost, in.url+"/demo/app/revoke", "token="+token, "Content-Type", "application/x-www-form-urlencoded"); answered.status != http.StatusOK {
		t.Fatalf("%d %s", answered.status, answered.body)
	}
	if second := nextEvent(stream); first == "" || second == "" || len(second) <= len(first) {
		t.Errorf("first %q, then %q", first, second)
	}
	began := time.Now()
	if code := in.stop(); code != exitOK {
		t.Errorf("exit code %d\n%s", code, in.stderr)
	}
	if took := time.Since(began); took > drainTime/2 {
		t.Errorf("it took %s to end", took)
	}
	for nextEvent(stream) != "" {
		continue
	}
	if strings.Contains(in.stderr.String(), "cut off") {
		t.Errorf("streams were cut off:\n%s", in.stderr)
	}
}

func TestFeedAccess(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]int{"public": http.StatusOK, "client": http.StatusUnauthorized} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			in := serveHere(t, t.TempDir(), nil, "--demo", "--feed-access="+setting)
			client := in.printed(t, "client of demo/app")
			for _, path := range []string{"/demo/app/revocations", "/management/revocations"} {
				if got := in.get(t, path, ""); got.status != want {
					t.Errorf("%s: %d %s", path, got.status, got.body)
				}
				token := in.token(t, "/demo/app/token", fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q}`, client.name, client.password))
				if got := in.get(t, path, token); got.status != http.StatusOK {
					t.Errorf("%s with a token: %d %s", path, got.status, got.body)
				}
			}
		})
	}
}
