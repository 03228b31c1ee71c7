package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/verifier"
)

// clockOff makes the tests' program a Writ whose clock is off by so much: no clock of a machine can be set for one process alone.
const clockOff = "CLOCK_OFF"

// writWithClock is that Writ.
func writWithClock(off string) int {
	by, err := time.ParseDuration(off)
	if err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	p := &process{
		environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		now: func() time.Time { return time.Now().Add(by) },
	}
	return p.run(ctx, os.Args)
}

// serveAt starts a replica whose clock is off.
func (c *cluster) serveAt(t *testing.T, off time.Duration, more ...string) *instance {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in := startProgram(t, self, append(slices.Clone(c.environ), clockOff+"="+off.String()), append(slices.Clone(c.flags), more...)...)
	in.waitUntilListening(t)
	return in
}

// The clock of a replica is five minutes off. What is revoked is refused everywhere whatever the clocks say, for nothing compares the clocks of
// two machines; tokens are judged by the clock of whoever looks, so that those of a replica that is ahead are refused; the keys stay the same. SEC-61, SEC-78
func TestAReplicaWhoseClockIsOff(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	right := c.serveAt(t, 0, "--demo")
	s := c.open(t, right)
	for _, off := range []time.Duration{5 * time.Minute, -5 * time.Minute} {
		wrong := c.serveAt(t, off)
		follower, _ := s.follow(t, right)
		for _, pair := range [][2]*instance{{right, wrong}, {wrong, right}} {
			here, there := pair[0], pair[1]
			taken := 1
			if (off > 0) == (here == wrong) { // the token says that it was issued later than now
				taken = 0
			}
			root := here.token(t, "/management/token", fmt.Sprintf(passwordLogin, "superuser", rootPassword))
			ofClient, ofUser := tokenIn(t, s.asClient(t, here)), s.login(t, here)
			for _, token := range []string{ofClient, ofUser} {
				if status := s.active(t, there, token); status != taken {
					t.Errorf("%v: a token of the other replica: %d, want %d", off, status, taken)
				}
			}
			if status := s.revoke(t, here, ofClient); status != http.StatusOK {
				t.Fatal(status)
			}
			a := request(t, http.MethodPost, here.url+"/demo/app/users/"+s.user.name+"/revoketokens", "", "Authorization", "Bearer "+root)
			if a.status != http.StatusOK {
				t.Fatal(a.status, a.body)
			}
			for _, token := range []string{ofClient, ofUser} {
				promptly(t, "it is refused", 2*time.Second, func() bool { return s.active(t, there, token) == 0 })
				promptly(t, "the follower refuses it", patience, func() bool {
					_, err := follower.Verify(t.Context(), token)
					return err != nil && !errors.Is(err, verifier.ErrUnavailable)
				})
			}
			if status := s.active(t, here, s.login(t, here)); status != 1 {
				t.Errorf("%v: a login right behind the revocation: %d", off, status)
			}
		}
		s.lifetimes(t, right, wrong, off)
		if here, there := right.get(t, "/.well-known/jwks.json", "").body, wrong.get(t, "/.well-known/jwks.json", "").body; here != there {
			t.Errorf("%v: two sets of keys:\n%s\n%s", off, here, there)
		}
		age := feedAge(t, wrong)
		if want := -off; age < want-5*time.Second || age > want+10*time.Second {
			t.Errorf("the feed of a replica that is off by %v is %v old", off, age)
		}
		wrong.stop()
	}
}

// lifetimes: a token of two minutes is judged by the clock of whoever looks at it.
func (s *scene) lifetimes(t *testing.T, right, wrong *instance, off time.Duration) {
	t.Helper()
	short := func(in *instance) string {
		return in.token(t, "/demo/app/token", fmt.Sprintf(
			`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q,"ttl":120000}`, s.client.name, s.client.password))
	}
	ahead, behind := right, wrong
	if off > 0 {
		ahead, behind = wrong, right
	}
	if status := s.active(t, ahead, short(behind)); status != 0 {
		t.Errorf("%v: the clock that is ahead says that the token has expired, and it answers %d", off, status)
	}
	if status := s.active(t, behind, short(ahead)); status != 0 {
		t.Errorf("%v: the clock that is behind says that the token is of the future, and it answers %d", off, status)
	}
}
