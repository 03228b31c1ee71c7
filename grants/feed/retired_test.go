package feed

import (
	"slices"
	"testing"

	"github.com/writ-auth/writ/keys"
)

// Tokens that last for years are signed by the long-term key and registered nowhere: only the key can tell of their end.
func TestARetiredLongTermKeyIsNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Config{})
	before := f.signing(t, keys.NonExpiring)
	_, err := f.ring.Rotate(t.Context(), keys.NonExpiring, true)
	must(t, err)
	follower := f.follow(t, f.public(), f.position())
	if d := next(t, follower); d.Keys != nil {
		t.Errorf("a rotated key is named: %v", d.Keys)
	}
	_, err = f.ring.Retire(t.Context(), before)
	must(t, err)
	if d := next(t, follower); !slices.Equal(d.Keys, []string{before}) {
		t.Errorf("got %v, want %s", d.Keys, before)
	}
}

func (f *fixture) signing(t *testing.T, purpose keys.Purpose) string {
	t.Helper()
	all, err := f.ring.List(t.Context(), false)
	must(t, err)
	for i := range all {
		if all[i].Purpose == purpose && all[i].State == keys.StateSigning {
			return all[i].KID
		}
	}
	t.Fatal("no key signs")
	return ""
}
