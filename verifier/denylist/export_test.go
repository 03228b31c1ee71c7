package denylist

// LongestRun gives the longest run of slots without an empty one, which bounds what a look-up visits.
func LongestRun(l *List) int {
	longest := 0
	for _, t := range append(l.tokens.list(), l.subjects.list()...) {
		run := 0
		for i := range t.slots {
			run++
			if t.slots[i].gen == 0 {
				run = 0
			}
			longest = max(longest, run)
		}
	}
	return longest
}

func (st *stack) list() []*table { all := st.tables(); return all[:] }
