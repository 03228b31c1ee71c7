package server

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// race makes the same kind of request at once and gives the statuses, sorted.
func (f *fixture) race(t *testing.T, n int, request func(i int) *answer) []int {
	t.Helper()
	statuses := make([]int, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { statuses[i] = request(i).Code })
	}
	all.Wait()
	slices.Sort(statuses)
	return statuses
}

func TestOneOfManyGetsTheName(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{registration: true})
	olga := f.asOlga(t)
	for name, test := range map[string]struct {
		request func(i int) *answer
		refused int
	}{
		"organization": {func(i int) *answer {
			return f.do(t, "POST", "/management/orgs", fmt.Sprintf(`{"organization":"globex","email":"gus%d@example.com"}`, i))
		}, 400},
		"admin": {func(int) *answer { return f.do(t, "POST", "/management/users", `{"email":"ines@example.com"}`) }, 400},
		"application": {func(int) *answer {
			return f.do(t, "POST", "/management/orgs/acme/apps", `{"name":"depot"}`, olga)
		}, 409},
	} {
		got := f.race(t, 8, test.request)
		want := append([]int{200}, slices.Repeat([]int{test.refused}, 7)...)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	left := 0
	for i := range 8 {
		if _, err := f.store.Admin(t.Context(), fmt.Sprintf("gus%d@example.com", i)); err == nil {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d owners exist, want the winner's alone", left)
	}
}

// SEC-73
func TestTwoMembersCannotBothLeave(t *testing.T) {
	t.Parallel()
	f := newServer(t, options{})
	f.status(t, 200, "PUT", "/management/orgs/acme/users/rita", "", f.asOlga(t))
	superuser := f.asSuperuser(t)
	got := f.race(t, 2, func(i int) *answer {
		return f.do(t, "DELETE", "/management/orgs/acme/users/"+[]string{"olga", "rita"}[i], "", superuser)
	})
	if !slices.Equal(got, []int{200, 400}) {
		t.Errorf("%v, want one of them refused", got)
	}
}
