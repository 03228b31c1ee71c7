package denylist_test

import (
	"testing"

	"github.com/writ-auth/writ/claims/revocation"
	"github.com/writ-auth/writ/verifier/denylist"
)

const entries = 1_000_000

// ids gives identifiers in an order that no cache foresees: of tokens and subjects that are listed, or of none.
func ids(first, n int) []revocation.ID {
	all := make([]revocation.ID, n)
	for i := range all {
		all[i] = id(int64(first + (i*7919)%n))
	}
	return all
}

func BenchmarkDenies(b *testing.B) {
	base := million(entries)
	layered := base
	for i := range 20_000 {
		layered = layered.Add([]revocation.Token{token(int64(entries+i), 1000)}, []revocation.Subject{subject(int64(entries+i), 5, 1000)})
	}
	listed, unlisted := ids(0, 1<<18), ids(10*entries, 1<<18)
	for _, c := range []struct {
		name string
		list *denylist.List
		ids  []revocation.ID
	}{{"unlisted", base, unlisted}, {"listed", base, listed}, {"unlisted/layers", layered, unlisted}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				c.list.Denies(c.ids[at&(1<<18-1)], c.ids[(at+1)&(1<<18-1)], 5)
				at += 2
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	list := million(entries)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if list = list.Add([]revocation.Token{token(int64(2*entries+i), 1000)}, nil); list.Loose() == 1<<16 {
			b.StopTimer()
			list = list.Expire(0)
			b.StartTimer()
		}
	}
}

func BenchmarkExpire(b *testing.B) {
	list := million(entries).Add([]revocation.Token{token(entries+1, 1000)}, nil)
	b.ReportAllocs()
	for b.Loop() {
		list.Expire(0)
	}
}
