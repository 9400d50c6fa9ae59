// Package nearest finds the name that somebody probably meant.
package nearest

import (
	"slices"
	"strings"
)

// Name returns the one of known that is closest to name, compared without case;
// ok is false where none is close enough to be worth a suggestion. Among equally
// close names the first in byte order wins.
func Name(name string, known []string) (closest string, ok bool) {
	wanted := []rune(strings.ToLower(name))
	best := max(1, len(wanted)/3) + 1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := distance(wanted, []rune(strings.ToLower(k))); d < best {
			closest, best, ok = k, d, true
		}
	}
	return closest, ok
}

// DidYouMean returns a remedy: the closest name, or else the known ones, at most
// eight of them.
func DidYouMean(name string, known []string) string {
	if k, ok := Name(name, known); ok {
		return "did you mean " + quote(k) + "?"
	}
	if len(known) == 0 {
		return ""
	}
	names := slices.Sorted(slices.Values(known))
	more := ""
	if len(names) > 8 {
		names, more = names[:8], ", …"
	}
	for i, n := range names {
		names[i] = quote(n)
	}
	return "known: " + strings.Join(names, ", ") + more
}

func quote(s string) string { return `"` + s + `"` }

// distance counts the insertions, deletions, replacements and exchanges of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
