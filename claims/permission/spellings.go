package permission

import (
	"slices"
	"strings"
)

// MaxSpellings is how many spellings of one path are tried. No path of Writ names so many entities that it has more.
const MaxSpellings = 64

// Spellings gives every path that can be made of one alternative per segment, the first alternatives first, in lower case.
// An alternative may span several segments, as the path of a group does. A segment without any alternative has no spelling,
// nor has the path then. Beyond MaxSpellings they are left out, which can only refuse.
func Spellings(segments [][]string) []string {
	paths := []string{""}
	for _, alternatives := range segments {
		alternatives = distinct(alternatives)
		longer := make([]string, 0, min(len(paths)*len(alternatives), MaxSpellings))
		for _, path := range paths {
			for _, alternative := range alternatives {
				if len(longer) < MaxSpellings {
					longer = append(longer, path+"/"+alternative)
				}
			}
		}
		paths = longer
	}
	if len(segments) == 0 {
		return []string{"/"}
	}
	return paths
}

func distinct(alternatives []string) []string {
	kept := make([]string, 0, len(alternatives))
	for _, alternative := range alternatives {
		if folded := strings.ToLower(alternative); folded != "" && !slices.Contains(kept, folded) {
			kept = append(kept, folded)
		}
	}
	return kept
}
