package wording

import (
	"testing"
	"testing/fstest"
)

func TestTextsAreFilledIn(t *testing.T) {
	t.Parallel()
	all := Read(fstest.MapFS{
		"en.txt":    {Data: []byte("# note\none = first {1}\n  and {2}\n\ntwo=\n")},
		"en-2.txt":  {Data: []byte("three = a = b\n")},
		"other.txt": {Data: []byte("one = wrong\n")},
	}, "en*.txt")
	for got, want := range map[string]string{
		all.Say("one", "a", 7):     "first a and 7",
		all.Say("one", "{2}", "b"): "first {2} and b",
		all.Say("one"):             "first {1} and {2}",
		all.Say("three"):           "a = b",
		all.Say("none"):            "[none]",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if all.Has("two") || all.Has("none") || !all.Has("one") || len(all) != 3 {
		t.Errorf("%v", all)
	}
}
