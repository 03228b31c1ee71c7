package portal

import "strconv"

// maxShown is how much of a list that the API gives as a whole a page shows at once: pages stay small however much there is.
const maxShown = 50

// windowOf is the part of a list that the parameter from of the address asks for, with the addresses of the first and the next part, if there are.
func windowOf[E any](v *visit, list []E, page string) (shown []E, first, next string) {
	from, err := strconv.Atoi(v.query("from"))
	if err != nil || from < 0 || from >= len(list) {
		from = 0
	}
	if from > 0 {
		first = page
	}
	to := min(from+maxShown, len(list))
	if to < len(list) {
		next = page + asQuery(filled("from", strconv.Itoa(to)))
	}
	return list[from:to], first, next
}
