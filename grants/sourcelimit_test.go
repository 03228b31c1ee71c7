package grants

import (
	"testing"
	"time"
)

// SEC-75
func TestASourceMayAskInBurstsAndSteadily(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_795_000_000, 0)
	l := NewSourceLimit(func() time.Time { return at }, 10, 2)
	take := func(source string, times int) (taken int) {
		for range times {
			if l.Take(source) == 0 {
				taken++
			}
		}
		return taken
	}
	if got := take("192.0.2.1", 20); got != 10 {
		t.Errorf("%d at once", got)
	}
	if wait := l.Take("192.0.2.1"); wait < time.Second || wait > 2*time.Second {
		t.Errorf("wait %s", wait)
	}
	if got := take("192.0.2.2", 1); got != 1 {
		t.Error("another source is limited, too")
	}
	at = at.Add(3 * time.Second)
	if got := take("192.0.2.1", 20); got != 6 {
		t.Errorf("%d after three seconds", got)
	}
	at = at.Add(-time.Hour) // a clock that is set back neither gives nor takes
	if got := take("192.0.2.1", 5); got != 0 {
		t.Errorf("%d when the clock goes back", got)
	}
	at = at.Add(2 * time.Hour)
	if got := take("192.0.2.1", 50); got != 10 {
		t.Errorf("%d after an hour", got)
	}
	// Whoever has an IPv6 address has its network.
	if got := take("2001:db8::1", 10) + take("2001:db8::2", 10); got != 10 {
		t.Errorf("%d of one network", got)
	}
}

// SEC-75
func TestOnlySoManyStayAtATime(t *testing.T) {
	t.Parallel()
	l := NewSourceLimit(time.Now, 1, 1)
	var leave []func()
	enter := func(source string, want Crowd) {
		t.Helper()
		out, got := l.Enter(source, 2, 3)
		if got != want || (out != nil) != (want == Admitted) {
			t.Errorf("%s: %d, want %d", source, got, want)
		}
		if out != nil {
			leave = append(leave, out)
		}
	}
	enter("192.0.2.1", Admitted)
	enter("192.0.2.1", Admitted)
	enter("192.0.2.1", SourceFull)
	enter("192.0.2.2", Admitted)
	enter("192.0.2.3", EverybodyIn)
	leave[0]()
	enter("192.0.2.3", Admitted)
	for _, out := range leave[1:] {
		out()
	}
	if len(l.present) != 0 || l.all != 0 {
		t.Errorf("%v are counted although all have left", l.present)
	}
}
