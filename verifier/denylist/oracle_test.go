package denylist_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier/denylist"
)

// oracle is the same set, in maps.
type oracle struct {
	tokens   map[int64]int64
	subjects map[int64][2]int64 // gen, exp
}

func newOracle() *oracle { return &oracle{map[int64]int64{}, map[int64][2]int64{}} }

func (o *oracle) token(n, exp int64) {
	if had, is := o.tokens[n]; is {
		exp = max(exp, had)
	}
	o.tokens[n] = exp
}

func (o *oracle) subject(n, gen, exp int64) {
	if had, is := o.subjects[n]; is {
		gen, exp = max(gen, had[0]), max(exp, had[1])
	}
	o.subjects[n] = [2]int64{gen, exp}
}

func (o *oracle) expire(now int64) {
	for n, exp := range o.tokens {
		if exp < now {
			delete(o.tokens, n)
		}
	}
	for n, entry := range o.subjects {
		if entry[1] < now {
			delete(o.subjects, n)
		}
	}
}

func (o *oracle) denies(jti, sub, gen int64) bool {
	_, denied := o.tokens[jti]
	entry, is := o.subjects[sub]
	return denied || is && gen < entry[0]
}

// story does one random thing after the other with a list and its oracle.
type story struct {
	t      *testing.T
	list   *denylist.List
	oracle *oracle
	keys   int64 // how many different identifiers there are
	next   func(n int64) int64
}

func (s *story) batch(size int64) (tokens []revocation.Token, subjects []revocation.Subject) {
	for range s.next(size) {
		n, gen, exp := s.next(s.keys), s.next(9)+1, s.next(200)
		if s.next(8) == 0 {
			exp = math.MaxInt64
		}
		if s.next(2) == 0 {
			tokens = append(tokens, token(n, exp))
			s.oracle.token(n, exp)
		} else {
			subjects = append(subjects, subject(n, gen, exp))
			s.oracle.subject(n, gen, exp)
		}
	}
	return tokens, subjects
}

func (s *story) step() {
	switch s.next(8) {
	case 0:
		now := s.next(150)
		s.list = s.list.Expire(now)
		s.oracle.expire(now)
	case 1: // another complete list, united with what is there
		builder := denylist.NewBuilder()
		builder.Add(s.batch(500))
		builder.Add(s.batch(5))
		builder.Union(s.list)
		s.list = builder.List()
	case 2:
		s.list = s.list.Add(s.batch(1000))
	default:
		s.list = s.list.Add(s.batch(4))
	}
}

func (s *story) compare() {
	s.t.Helper()
	if got, want := s.list.Len(), len(s.oracle.tokens)+len(s.oracle.subjects); got != want {
		s.t.Fatalf("%d entries, want %d", got, want)
	}
	for n := range s.keys {
		gen := s.next(11)
		if got, want := s.list.Denies(id(n), id(s.keys), gen), s.oracle.denies(n, s.keys, gen); got != want {
			s.t.Fatalf("token %d: %t, want %t", n, got, want)
		}
		if got, want := s.list.Denies(id(s.keys), id(n), gen), s.oracle.denies(s.keys, n, gen); got != want {
			s.t.Fatalf("subject %d, generation %d: %t, want %t", n, gen, got, want)
		}
	}
}

func TestAListIsTheSameAsAMap(t *testing.T) {
	t.Parallel()
	first := rand.Uint64()
	t.Logf("seed %d", first)
	for round := range uint64(60) {
		random := rand.New(rand.NewPCG(first, round))
		s := story{t, denylist.New(), newOracle(), 1 + random.Int64N(2000), random.Int64N}
		for range 25 {
			s.step()
			s.compare()
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte("one thing after the other, of sixteen identifiers"))
	f.Fuzz(func(t *testing.T, text []byte) {
		// Every choice takes the next byte; at the end of the text the story is over.
		next := func(n int64) int64 {
			if len(text) == 0 {
				return 0
			}
			choice := int64(text[0])
			text = text[1:]
			if n > 256 && len(text) > 0 {
				choice |= int64(text[0]) << 8
				text = text[1:]
			}
			return choice % n
		}
		s := story{t, denylist.New(), newOracle(), 16, next}
		for len(text) > 0 {
			s.step()
		}
		s.compare()
	})
}

// Identifiers that differ in few bits only, as an attacker would choose them if they could, cost no more than others: the seed decides
// where they lie.
func TestIdentifiersThatLookAlikeDoNotMeet(t *testing.T) {
	t.Parallel()
	var tokens []revocation.Token
	for n := range uint64(1 << 16) {
		var low, high revocation.ID
		binary.LittleEndian.PutUint64(low[:8], n)
		binary.LittleEndian.PutUint64(high[8:], n<<48)
		tokens = append(tokens, revocation.Token{ID: low}, revocation.Token{ID: high})
	}
	list := denylist.New().Add(tokens, nil)
	if got := denylist.LongestRun(list); got > 400 {
		t.Errorf("a look-up visits %d slots", got)
	}
	for _, token := range tokens {
		if !list.Denies(token.ID, id0, 1) {
			t.Fatalf("%x is not denied", token.ID)
		}
	}
}
