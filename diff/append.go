package diff

import (
	"slices"
	"strings"

	"github.com/seed-162b1470/annals/internal/canonical"
)

// Append appends the diff as canonical JSON to dst. The values in it must be
// canonical, as the codec makes them.
func (d *Diff) Append(dst []byte) []byte {
	if d.Association != nil {
		return d.Association.Append(dst)
	}
	dst = append(dst, '{')
	if d.Cascade {
		dst = append(dst, `"cascade":true,`...)
	}
	dst = append(dst, `"changes":{`...)
	changes := d.Changes
	byColumn := func(a, b Change) int { return strings.Compare(a.Column, b.Column) }
	if !slices.IsSortedFunc(changes, byColumn) {
		changes = slices.Clone(changes)
		slices.SortFunc(changes, byColumn)
	}
	for i, c := range changes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = canonical.AppendString(dst, c.Column)
		dst = append(dst, `:{"new":`...)
		dst = append(dst, orNull(c.New)...)
		dst = append(dst, `,"old":`...)
		dst = append(dst, orNull(c.Old)...)
		dst = append(dst, '}')
	}
	dst = append(dst, '}')
	if len(d.Key) > 0 {
		dst = append(dst, `,"key":`...)
		dst = appendPairs(dst, d.Key)
	}
	if d.Label != nil {
		dst = append(dst, `,"label":`...)
		dst = canonical.AppendString(dst, *d.Label)
	}
	if d.Soft {
		dst = append(dst, `,"soft":true`...)
	}
	if d.Statement != nil {
		dst = append(dst, `,"statement":`...)
		dst = d.Statement.append(dst)
	}
	return append(dst, '}')
}

// appendPairs appends a key as an object.
func appendPairs(dst []byte, pairs []Pair) []byte {
	byName := func(a, b Pair) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(pairs, byName) {
		pairs = slices.Clone(pairs)
		slices.SortFunc(pairs, byName)
	}
	dst = append(dst, '{')
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = canonical.AppendString(dst, p.Name)
		dst = append(dst, ':')
		dst = append(dst, orNull(p.Value)...)
	}
	return append(dst, '}')
}
