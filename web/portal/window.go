package portal

import (
	"maps"
	"net/url"
	"strconv"
)

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

// cursorPages are the addresses of the first and the next page of a list that the API gives page by page, if there are; shown is what else stands in them.
func (v *visit) cursorPages(page string, shown url.Values, cursor string) (first, next string) {
	if v.query("cursor") != "" {
		first = page + asQuery(shown)
	}
	if cursor != "" {
		further := url.Values{"cursor": {cursor}}
		maps.Copy(further, shown)
		next = page + asQuery(further)
	}
	return first, next
}
