package grants

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
)

func testThrottle() (*throttle, *clock) {
	c := &clock{at: time.Unix(1_796_117_400, 0)}
	return newThrottle(c.now), c
}

// SEC-28
func TestAnAccountWaitsAfterTenFailuresFromOneAddress(t *testing.T) {
	t.Parallel()
	th, clock := testThrottle()
	for range pairLimit - 1 {
		th.failed("a", "s1")
	}
	if wait := th.wait("a", "s1"); wait != 0 {
		t.Fatalf("waits %s after nine", wait)
	}
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		want := time.Duration(seconds) * time.Second
		th.failed("a", "s1")
		if wait := th.wait("a", "s1"); wait < want {
			t.Fatalf("waits %s, want at least %s", wait, want)
		}
		clock.advance(5 * time.Minute)
		if wait := th.wait("a", "s1"); wait > 0 {
			t.Fatalf("still waits %s after five minutes", wait)
		}
	}
	if th.wait("a", "s2") != 0 || th.wait("b", "s1") != 0 {
		t.Error("others wait too")
	}
	th.failed("a", "s1")
	th.succeeded("a", "s1")
	if wait := th.wait("a", "s1"); wait != 0 {
		t.Errorf("a success leaves %s", wait)
	}
}

func TestAnAccountTriedFromManyAddressesWaitsShortly(t *testing.T) {
	t.Parallel()
	th, clock := testThrottle()
	for i := range accountLimit {
		th.failed("a", strconv.Itoa(i))
	}
	wait := th.wait("a", "elsewhere")
	if wait <= 0 || wait > sharedWait {
		t.Fatalf("waits %s", wait)
	}
	if th.wait("b", "elsewhere") != 0 {
		t.Error("another account waits")
	}
	clock.advance(sharedWait)
	if th.wait("a", "elsewhere") != 0 {
		t.Error("waits longer than half a minute")
	}
	clock.advance(window)
	th.failed("a", "elsewhere")
	if th.wait("a", "elsewhere") != 0 {
		t.Error("failures older than the window count")
	}
}

// SEC-29
func TestASourceThatTriesManyAccountsWaits(t *testing.T) {
	t.Parallel()
	th, _ := testThrottle()
	for i := range sourceLimit {
		th.failed(strconv.Itoa(i), "s")
	}
	if wait := th.wait("never tried", "s"); wait <= 0 {
		t.Error("spraying is not slowed down")
	}
	if th.wait("never tried", "t") != 0 {
		t.Error("another source waits")
	}
}

func TestThrottledLoginsAreRefusedWhateverThePassword(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	wrong := with(f.login(), func(r *TokenRequest) { r.Password = "wrong" })
	for range pairLimit {
		_, err := f.Token(t.Context(), wrong)
		if got := code(t, err, RFC6749); got != "invalid_grant" {
			t.Fatalf("code %q", got)
		}
	}
	byEmail := with(f.login(), func(r *TokenRequest) { r.Username = "dana@example.com" }) // the same account
	for _, req := range []TokenRequest{wrong, f.login(), byEmail} {
		_, err := f.Token(t.Context(), req)
		if e, ok := err.(*Error); !ok || e.Status != 429 || e.RetryAfter < time.Second { //nolint:errorlint // Token promises *Error
			t.Errorf("got %v", err)
		}
	}
	f.token(t, with(f.login(), func(r *TokenRequest) { r.Source = "192.0.2.99" }))
	f.clock.advance(time.Second)
	f.token(t, f.login())
	f.token(t, with(f.login(), func(r *TokenRequest) { r.Password = userPassword }))
}

// An unknown user waits like a known one. SEC-10
func TestUnknownAccountsAreThrottledToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for what, req := range map[string]TokenRequest{
		"user":   with(f.login(), func(r *TokenRequest) { r.Username, r.Source = "nobody", "192.0.2.7" }),
		"admin":  with(f.login(), func(r *TokenRequest) { r.Tenant, r.Username, r.Source = nil, "nobody", "192.0.2.8" }),
		"client": with(f.own(f.shop, "wrong"), func(r *TokenRequest) { r.Source = "192.0.2.9" }), // SEC-12
	} {
		var err error
		for range pairLimit + 1 {
			_, err = f.Token(t.Context(), req)
		}
		if got := code(t, err, RFC6749); got != "too_many_requests" {
			t.Errorf("%s: %q", what, got)
		}
	}
}

func TestTheSuperuserIsNeverLockedOutFromLoopback(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, source := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		for range 3 * pairLimit {
			if _, err := f.AuthenticateBasic(t.Context(), "superuser", uuid.NewString(), source); code(t, err, Usergrid) != "unauthorized" {
				t.Fatalf("from %s: %v", source, err)
			}
		}
		if _, err := f.AuthenticateBasic(t.Context(), "superuser", rootPassword, source); err != nil {
			t.Errorf("from %s: %v", source, err)
		}
	}
	var err error
	for range pairLimit + 1 {
		_, err = f.AuthenticateBasic(t.Context(), "superuser", "wrong", "192.0.2.1")
	}
	if got := code(t, err, Usergrid); got != "too_many_requests" {
		t.Errorf("from elsewhere: %q", got)
	}
}
