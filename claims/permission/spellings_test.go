package permission

import (
	"fmt"
	"slices"
	"testing"
)

func TestSpellings(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		segments [][]string
		want     []string
	}{
		{"root", nil, []string{"/"}},
		{"plain", [][]string{{"users"}}, []string{"/users"}},
		{"as written first", [][]string{{"users"}, {"DANA@x", "dana", "u1"}}, []string{"/users/dana@x", "/users/dana", "/users/u1"}},
		{"same spelling once", [][]string{{"users"}, {"Dana", "dana", "", "u1", "dana"}}, []string{"/users/dana", "/users/u1"}},
		{
			"every combination",
			[][]string{{"roles"}, {"r", "id"}, {"users"}, {"dana", "u1"}},
			[]string{"/roles/r/users/dana", "/roles/r/users/u1", "/roles/id/users/dana", "/roles/id/users/u1"},
		},
		{"group path", [][]string{{"groups"}, {"staff/north", "g1"}, {"users"}}, []string{"/groups/staff/north/users", "/groups/g1/users"}},
		{"segment without alternative", [][]string{{"users"}, {}}, []string{}},
		{"segment of empty alternatives", [][]string{{"users"}, {""}, {"x"}}, []string{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Spellings(c.segments); !slices.Equal(got, c.want) {
				t.Errorf("Spellings(%v) = %v, want %v", c.segments, got, c.want)
			}
		})
	}
}

func TestSpellingsAreBounded(t *testing.T) {
	t.Parallel()
	segments := make([][]string, 100)
	for i := range segments {
		segments[i] = []string{fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("c", i)}
	}
	paths := Spellings(segments)
	if len(paths) != MaxSpellings {
		t.Errorf("%d spellings, want %d", len(paths), MaxSpellings)
	}
	if written := Spellings(slices.Collect(func(yield func([]string) bool) {
		for _, s := range segments {
			if !yield(s[:1]) {
				return
			}
		}
	})); paths[0] != written[0] {
		t.Error("the path as written is not the first")
	}
}
