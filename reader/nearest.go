package reader

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
)

// suggestions is how many names an error lists.
const suggestions = 3

// unknownEntity says which known names are nearest.
func unknownEntity(name string, known []EntityInfo) error {
	e := &annals.Error{
		Op: "find", Subject: fmt.Sprintf("entity %q", name), Err: annals.ErrUnknownEntity,
	}
	if len(known) == 0 {
		e.Remedy = "no entity is known; configure one"
		return e
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Name
	}
	slices.SortStableFunc(names, func(x, y string) int {
		return cmp.Compare(distance(name, x), distance(name, y))
	})
	quoted := make([]string, 0, suggestions)
	for _, n := range names[:min(len(names), suggestions)] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	e.Remedy = "the nearest known: " + strings.Join(quoted, ", ")
	return e
}

// distance counts the letters that have to be put in, left out or exchanged to
// make b of a, without regard to case (Levenshtein).
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			change := diagonal
			if x[i] != y[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(y)]
}
