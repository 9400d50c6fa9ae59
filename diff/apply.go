package diff

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-162b1470/annals"
)

// ErrConflict means that an image is not the one a diff was made from.
var ErrConflict = errors.New("image is not what the diff starts from")

// Apply returns the image that d makes of before, which it leaves as it is:
// Apply(before, the diff of before and after) is after. Columns that before
// lacks are added; nil stands for an image without columns, which is where an
// insert or epoch starts. A column whose value is not what d calls old gives an
// error that matches ErrConflict. Digests of columns that changed are not known.
func Apply(before *annals.Image, d Diff) (*annals.Image, error) {
	after := &annals.Image{}
	if before != nil {
		after.Columns = slices.Clone(before.Columns)
		after.Values = slices.Clone(before.Values)
		after.Digests = maps.Clone(before.Digests)
	}
	for _, c := range d.Changes {
		i := slices.Index(after.Columns, c.Column)
		if i < 0 {
			after.Columns = append(after.Columns, c.Column)
			after.Values = append(after.Values, orNull(c.New))
			continue
		}
		if !bytes.Equal(orNull(after.Values[i]), orNull(c.Old)) {
			return nil, fmt.Errorf("apply diff to column %q: %w", c.Column, ErrConflict)
		}
		after.Values[i] = orNull(c.New)
		delete(after.Digests, c.Column)
	}
	return after, nil
}

// Revert returns the image that d was made from, given the one it made: Apply
// with old and new exchanged.
func Revert(after *annals.Image, d Diff) (*annals.Image, error) {
	back := Diff{Changes: slices.Clone(d.Changes)}
	for i := range back.Changes {
		c := &back.Changes[i]
		c.Old, c.New = c.New, c.Old
	}
	return Apply(after, back)
}
