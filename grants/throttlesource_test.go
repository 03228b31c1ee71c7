package grants

import (
	"fmt"
	"strings"
	"testing"
)

// An attacker has as many IPv6 addresses as he likes, but they are all of one network.
//
// SEC-29
func TestAddressesOfOneIPv6NetworkAreOneSource(t *testing.T) {
	t.Parallel()
	th, clock := testThrottle()
	for i := range sourceLimit {
		th.failed(fmt.Sprint("account ", i), fmt.Sprintf("2001:db8:1:2::%x", i))
	}
	if th.wait("another", "2001:db8:1:2:ffff::1") == 0 {
		t.Error("another address of the network need not wait")
	}
	if th.wait("another", "2001:db8:1:3::1") != 0 {
		t.Error("the network beside it waits")
	}
	mails := NewMailLimit(clock.now)
	for i := range mailsPerSource {
		mails.Source(fmt.Sprintf("2001:db8:1:2::%x", i))
	}
	if mails.Source("2001:db8:1:2:ffff::1") || !mails.Source("2001:db8:1:3::1") {
		t.Error("mails are not counted by network")
	}
}

func TestAddressesAreCountedInWhateverSpelling(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::/64", "fe80::1%eth0": "fe80::/64", "@": "@", "": "",
	} {
		if got := network(source); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

// Whoever tries long names must not fill the memory with them.
//
// SEC-28
func TestTheThrottleKeepsNoLongNames(t *testing.T) {
	t.Parallel()
	th, _ := testThrottle()
	long := "user:" + strings.Repeat("x", 60_000)
	for range pairLimit {
		th.failed(long, "192.0.2.1")
	}
	if th.wait(long, "192.0.2.1") == 0 || th.wait(long+"y", "192.0.2.1") != 0 {
		t.Error("long names are not told apart")
	}
	for _, key := range th.many.Keys() {
		if len(key) > maxAccount {
			t.Errorf("a name of %d bytes is kept", len(key))
		}
	}
	for _, key := range th.pairs.Keys() {
		if len(key.account) > maxAccount {
			t.Errorf("a name of %d bytes is kept beside an address", len(key.account))
		}
	}
	th.succeeded(long, "192.0.2.1")
	if th.wait(long, "192.0.2.1") != 0 {
		t.Error("a success leaves a wait")
	}
}
