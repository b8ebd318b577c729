// Package spelling finds the word that somebody may have meant.
package spelling

import (
	"slices"
	"strings"
)

// Nearest is the known word that is most like word, or the first that begins
// with it; empty when none is like it.
func Nearest(word string, known []string) string {
	best, least := "", 1+max(len(word)/2, 2)
	for _, k := range slices.Sorted(slices.Values(known)) {
		n := distance(strings.ToLower(word), strings.ToLower(k))
		if word != "" && strings.HasPrefix(k, word) {
			n = 1
		}
		if n < least {
			best, least = k, n
		}
	}
	return best
}

// distance is how many letters have to be changed, added or taken away.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
