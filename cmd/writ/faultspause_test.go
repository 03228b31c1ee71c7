package main

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A replica that was stopped (SIGSTOP, a frozen container, a suspended machine) honours nothing that was revoked meanwhile: the first
// requests that it answers are those that came while it stood still. How long that was makes no difference. SEC-61, SEC-78
func TestAReplicaThatStoodStillHonoursNothingRevoked(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.start(t, "--demo")
	b := c.start(t)
	s := c.open(t, a)
	rounds := 3
	if *outageLength > 30*time.Second {
		rounds = 1
	}
	for range rounds {
		s.standStill(t, a, b)
	}
}

func (s *scene) standStill(t *testing.T, a, b *instance) {
	t.Helper()
	const each = 8
	ofClient, kept, ofUser := tokenIn(t, s.asClient(t, a)), tokenIn(t, s.asClient(t, a)), s.login(t, a)
	for _, token := range []string{ofClient, kept, ofUser} { // and everything is in the caches
		if status := b.get(t, "/demo/app/users", token).status; status != http.StatusOK {
			t.Fatalf("before: %d", status)
		}
	}
	connections := warm(t, b, 4*each+1)
	if err := b.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	former := s.client.password
	s.revokeEverything(t, a, ofClient, ofUser)
	pause(t, *outageLength)

	asked := []struct {
		what string
		ask  func(*http.Client) outcome
		want int
	}{
		{"a revoked token of a client", bearer(b, "/demo/app/users", ofClient), 401},
		{"a user's token, all of which are revoked", bearer(b, "/demo/app/users", ofUser), 401},
		{"forward auth for a revoked token", bearer(b, "/demo/app/authorize?method=GET&path=/users", ofClient), 401},
		{"a token that nobody revoked", bearer(b, "/demo/app/users", kept), 200},
	}
	formerSecret := func(client *http.Client) outcome {
		body := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.client.name}, "client_secret": {former}}.Encode()
		return try(t.Context(), client, http.MethodPost, b.url+"/demo/app/token", body, "Content-Type", form)
	}
	var all sync.WaitGroup
	var sent atomic.Int64
	for i, client := range connections {
		one := asked[i%len(asked)]
		if i == 4*each { // once: more would slow the client's later questions down as guessing
			one.what, one.ask, one.want = "a client's former secret", formerSecret, 401
		}
		all.Go(func() {
			sent.Add(1)
			o := one.ask(client)
			if o.status != one.want {
				t.Errorf("%s: %d %s", one.what, o.status, o.body)
			}
		})
	}
	promptly(t, "all have asked", patience, func() bool { return sent.Load() == int64(len(connections)) })
	pause(t, 100*time.Millisecond) // and their questions wait in the sockets
	if err := b.command.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	s.recovered(t, b)
}

// revokeEverything revokes in every way there is, and gives the client another secret.
func (s *scene) revokeEverything(t *testing.T, in *instance, ofClient, ofUser string) {
	t.Helper()
	if status := s.revoke(t, in, ofClient); status != http.StatusOK {
		t.Fatal(status)
	}
	root := []string{"Authorization", "Bearer " + s.root}
	a := request(t, http.MethodPost, in.url+"/demo/app/users/"+s.user.name+"/revoketokens", "", root...)
	if a.status != http.StatusOK || ofUser == "" {
		t.Fatal(a.status, a.body)
	}
	a = request(t, http.MethodPost, in.url+"/demo/app/credentials", "", root...)
	found := regexp.MustCompile(`"client_secret":"([^"]+)"`).FindStringSubmatch(a.body)
	if a.status != http.StatusOK || found == nil {
		t.Fatal(a.status, a.body)
	}
	s.client.password = found[1]
}

func bearer(in *instance, path, token string) func(*http.Client) outcome {
	return func(client *http.Client) outcome {
		return try(context.Background(), client, http.MethodGet, in.url+path, "", "Authorization", "Bearer "+token)
	}
}

// warm gives clients each of which has a connection open, so that nothing but the request is left to send.
func warm(t *testing.T, in *instance, count int) []*http.Client {
	t.Helper()
	all := make([]*http.Client, count)
	for i := range all {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		all[i] = &http.Client{Transport: transport, Timeout: patience}
		if o := try(t.Context(), all[i], http.MethodGet, in.url+"/healthz", ""); o.status != http.StatusOK {
			t.Fatal(o)
		}
	}
	return all
}

// pause lets time pass that no clock can stand in for: that of other processes.
func pause(t *testing.T, length time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(length):
	}
}

// A replica that stood still and finds no database when it goes on refuses what it cannot know. SEC-78
func TestAReplicaThatStoodStillWithoutADatabaseRefuses(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.start(t, "--demo")
	s := c.open(t, a)
	wire, address := layWire(t, strings.TrimPrefix(c.environ[0], "WRIT_DATABASE="))
	b := clusterOn(address).start(t)
	token := tokenIn(t, s.asClient(t, b))
	if err := b.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wire.sever(true)
	if status := s.revoke(t, a, token); status != http.StatusOK {
		t.Fatal(status)
	}
	pause(t, *outageLength)
	if err := b.command.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if o := bearer(b, "/demo/app/authorize?method=GET&path=/users", token)(patient()); o.status != http.StatusServiceUnavailable || o.took > bound {
			t.Errorf("%d %s after %v", o.status, o.body, o.took)
		}
	}
	wire.mend()
	s.recovered(t, b)
	if status := s.active(t, b, token); status != 0 {
		t.Errorf("the revoked token afterwards: %d", status)
	}
}
