package denylist_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier/denylist"
)

// id gives identifiers that are as good as hashed ones; n of the oracle is small, so that keys meet.
func id(n int64) (id revocation.ID) {
	random := rand.New(rand.NewPCG(uint64(n), 42)) //nolint:gosec // n names the identifier
	binary.LittleEndian.PutUint64(id[:8], random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], random.Uint64())
	return id
}

func token(n, exp int64) revocation.Token {
	if exp == math.MaxInt64 {
		return revocation.Token{ID: id(n)}
	}
	return revocation.Token{ID: id(n), Expires: &exp}
}

func subject(n, gen, exp int64) revocation.Subject {
	if exp == math.MaxInt64 {
		return revocation.Subject{ID: id(n), Generation: gen}
	}
	return revocation.Subject{ID: id(n), Generation: gen, Expires: &exp}
}

func TestWhoeverHasNoListDeniesEverything(t *testing.T) {
	t.Parallel()
	var none *denylist.List
	if !none.Denies(id(1), id(2), 3) {
		t.Error("a nil list lets a token pass")
	}
	if denylist.New().Denies(id(1), id(2), 3) {
		t.Error("an empty list denies a token")
	}
	if none.Len() != 0 || none.Loose() != 0 || none.Expire(1) != nil {
		t.Error("a nil list has entries")
	}
	if !none.Add([]revocation.Token{token(1, 9)}, nil).Denies(id(1), id(2), 3) {
		t.Error("what was added to nothing is not denied")
	}
}

func TestASubjectsOlderTokensAreDeniedAndNoOthers(t *testing.T) {
	t.Parallel()
	list := denylist.New().Add(nil, []revocation.Subject{subject(7, 4, 100)})
	for gen, want := range map[int64]bool{math.MinInt64: true, 0: true, 3: true, 4: false, 5: false, math.MaxInt64: false} {
		if got := list.Denies(id(1), id(7), gen); got != want {
			t.Errorf("generation %d: %t", gen, got)
		}
	}
	if list.Denies(id(7), id(8), 1) {
		t.Error("a jti is denied because a sub of the same hash is")
	}
	if denylist.New().Add([]revocation.Token{token(7, 1)}, nil).Denies(id(1), id(7), 1) {
		t.Error("a sub is denied because a jti of the same hash is")
	}
}

func TestAnAdditionLeavesTheListOfBeforeAlone(t *testing.T) {
	t.Parallel()
	lists := []*denylist.List{denylist.New()}
	const many = 3000 // over several merges of the small tables
	for n := range int64(many) {
		lists = append(lists, lists[n].Add([]revocation.Token{token(n, 50)}, nil))
	}
	for n := int64(0); n < many; n += 97 {
		if lists[n].Denies(id(n), id(many), 1) || !lists[n+1].Denies(id(n), id(many), 1) || lists[n].Len() != int(n) {
			t.Fatalf("the list of %d entries has %d and denies what came later", n, lists[n].Len())
		}
	}
}

func TestWhatIsKnownAlreadyChangesNothing(t *testing.T) {
	t.Parallel()
	tokens, subjects := []revocation.Token{token(1, 10), token(2, math.MaxInt64)}, []revocation.Subject{subject(3, 5, 10)}
	list := denylist.New().Add(tokens, subjects)
	for _, l := range []*denylist.List{list, list.Expire(10)} {
		if l.Add(tokens, subjects) != l || l.Add([]revocation.Token{token(2, 7)}, []revocation.Subject{subject(3, 4, 9)}) != l || l.Add(nil, nil) != l {
			t.Error("an entry that was there gave another list")
		}
		if l.Add(nil, []revocation.Subject{subject(3, 5, 11)}) == l || l.Add([]revocation.Token{token(1, math.MaxInt64)}, nil) == l {
			t.Error("a later exp gave the same list")
		}
	}
}

func TestEntriesGoAfterTheirTimeAndNotBefore(t *testing.T) {
	t.Parallel()
	builder := denylist.NewBuilder()
	builder.Add([]revocation.Token{token(1, 10), token(2, math.MaxInt64), token(3, -5)}, []revocation.Subject{subject(4, 9, 10), subject(5, 9, math.MaxInt64)})
	base := builder.List()
	// The same entries once more in a layer above: the later exp of the one with the gen of the other.
	layered := base.Add([]revocation.Token{token(1, 20)}, []revocation.Subject{subject(4, 3, 20)})
	for _, c := range []struct {
		list *denylist.List
		now  int64
		want int
	}{
		{base, math.MinInt64, 5},
		{base, 10, 4},
		{base, 11, 2},
		{base, math.MaxInt64, 2},
		{layered, 11, 4},
		{layered, 20, 4},
		{layered, 21, 2},
	} {
		got := c.list.Expire(c.now)
		if got.Len() != c.want || got.Loose() != 0 {
			t.Errorf("at %d: %d entries (%d of them loose), want %d", c.now, got.Len(), got.Loose(), c.want)
		}
		if !got.Denies(id(2), id(99), 1) || !got.Denies(id(99), id(5), 8) {
			t.Errorf("at %d an entry without exp is gone", c.now)
		}
	}
	if late := layered.Expire(15); !late.Denies(id(99), id(4), 8) || !late.Denies(id(1), id(99), 1) {
		t.Error("an entry went with the exp of one table and the gen of the other")
	}
}

// An entry costs no more than 64 bytes, whatever the number of entries: what is measured is the heap, not a calculation.
func TestAnEntryCostsNoMoreThan64Bytes(t *testing.T) {
	for _, n := range []int{100_000, 131_073, 1_000_000} {
		before := heap()
		list := million(n)
		after := heap()
		perEntry := float64(after-before) / float64(n)
		t.Logf("%d entries: %.1f bytes each", n, perEntry)
		if perEntry > 64 {
			t.Errorf("%d entries cost %.1f bytes each", n, perEntry)
		}
		runtime.KeepAlive(list)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// million gives a list of n entries, half of them tokens, half subjects, that came in pages.
func million(n int) *denylist.List {
	builder := denylist.NewBuilder()
	const page = 10_000
	for first := 0; first < n; first += page {
		var tokens []revocation.Token
		var subjects []revocation.Subject
		for i := first; i < min(first+page, n); i++ {
			if i%2 == 0 {
				tokens = append(tokens, token(int64(i), 1000))
			} else {
				subjects = append(subjects, subject(int64(i), 5, 1000))
			}
		}
		builder.Add(tokens, subjects)
	}
	return builder.List()
}

func TestALookUpAllocatesNothing(t *testing.T) {
	list := million(10_000).Add([]revocation.Token{token(1<<40, 1)}, nil)
	if allocations := testing.AllocsPerRun(1000, func() { list.Denies(id0, id0, 1) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

var id0 = id(0)
