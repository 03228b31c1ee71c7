package models

import (
	"bytes"
	"math/bits"
	"testing"
)

func statusList(salt string) *StatusList {
	return &StatusList{Size: StatusListSize, Salt: []byte(salt)}
}

// SEC-65
func TestDecoysFollowFromTheSaltAlone(t *testing.T) {
	t.Parallel()
	list := statusList("a")
	first, again, other := list.Bits(), statusList("a").Bits(), statusList("b").Bits()
	if len(first) != StatusListSize/8 || !bytes.Equal(first, again) || bytes.Equal(first, other) {
		t.Fatalf("%d bytes; equal to its like %t, to another %t", len(first), bytes.Equal(first, again), bytes.Equal(first, other))
	}
	set := 0
	for index := range int64(StatusListSize) {
		bit := first[index/8]>>(index%8)&1 == 1
		if bit != list.Decoy(index) {
			t.Fatalf("entry %d: bit %t, decoy %t", index, bit, list.Decoy(index))
		}
		if bit {
			set++
		}
	}
	// 4096 are expected, with a standard deviation of 62.
	if set < 3700 || set > 4500 {
		t.Errorf("%d decoys among %d entries", set, StatusListSize)
	}
}

// SEC-65
func TestDecoysAreSpreadEvenly(t *testing.T) {
	t.Parallel()
	all := statusList("a").Bits()
	for part := range 16 {
		count := 0
		for _, b := range all[part*512 : (part+1)*512] {
			count += bits.OnesCount8(b)
		}
		if count < 150 || count > 370 { // 256 expected, standard deviation 15
			t.Errorf("part %d has %d decoys", part, count)
		}
	}
}

func TestAStatusListIsLeftWhenHalfOfItIsGivenOut(t *testing.T) {
	t.Parallel()
	for assigned, open := range map[int64]bool{0: true, StatusListSize/2 - 1: true, StatusListSize / 2: false, StatusListSize: false} {
		if list := (StatusList{Size: StatusListSize, Assigned: assigned}); list.Open() != open {
			t.Errorf("with %d entries given out: open %t", assigned, list.Open())
		}
	}
}
