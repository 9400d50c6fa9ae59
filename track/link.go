package track

import (
	"bytes"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// linkEntries returns what mutation m of a linking row says at the link's ends:
// the owner's side first, and on each side what came apart before what came
// together.
func linkEntries(l *Link, m *annals.Mutation, labels Labels) []annals.Entry {
	before, after := linked(l, m.Before), linked(l, m.After)
	if before != nil && after != nil && sameLink(l, before, after) {
		return nil
	}
	var entries []annals.Entry
	for side, end := range []*End{&l.Owner, &l.Target} {
		// A child's row links its parent to itself; only the parent is told, the
		// child has an entry of its own.
		if !end.Audited || (l.JoinTable == "" && side == 1) {
			continue
		}
		if before != nil {
			entries = append(entries, linkEntry(l, side, before, told{annals.Dissociate, m.Cascade, labels}))
		}
		if after != nil {
			entries = append(entries, linkEntry(l, side, after, told{annals.Associate, m.Cascade, labels}))
		}
	}
	return entries
}

// linked returns the image if its row links two objects, nil if a column of the
// link is null or absent.
func linked(l *Link, i *annals.Image) *annals.Image {
	if i == nil || (l.TypeColumn != "" && text(i, l.TypeColumn) != l.TypeValue) {
		return nil
	}
	for _, columns := range [][]string{l.Owner.Columns, l.Target.Columns} {
		for _, v := range values(i, columns) {
			if annals.IsNull(v) {
				return nil
			}
		}
	}
	return i
}

// gives reports whether the rules of the entry's end keep an entry of its type.
func (l *Link) gives(e *annals.Entry) bool {
	end := l.Owner
	if e.Entity != end.Entity {
		end = l.Target
	}
	return len(end.Operations) == 0 || slices.Contains(end.Operations, e.Type)
}

// needs lists the columns of the linking row that the link is read from.
func (l *Link) needs() []string {
	columns := slices.Concat(l.Owner.Columns, l.Target.Columns)
	if l.TypeColumn != "" {
		columns = append(columns, l.TypeColumn)
	}
	return columns
}

func sameLink(l *Link, a, b *annals.Image) bool {
	ends := []*End{&l.Owner, &l.Target}
	if l.JoinTable == "" {
		ends = ends[:1] // a child that changes its own key keeps its parent
	}
	for _, end := range ends {
		x, y := values(a, end.Columns), values(b, end.Columns)
		for n := range x {
			if !bytes.Equal(x[n], y[n]) {
				return false
			}
		}
	}
	return true
}

// told is what an entry says of a link.
type told struct {
	typ     annals.EntryType
	cascade bool
	labels  Labels
}

func linkEntry(l *Link, side int, row *annals.Image, as told) annals.Entry {
	self, other := &l.Owner, &l.Target
	if side == 1 {
		self, other = other, self
	}
	d := diff.Association{
		Subject: subject(self, row, as.labels), Target: subject(other, row, as.labels),
		IsOwningSide: l.JoinTable != "" && side == 0, JoinTable: l.JoinTable,
		Flags: diff.Flags{Cascade: as.cascade},
	}
	return annals.Entry{
		Entity: self.Entity, Type: as.typ, ObjectID: annals.ObjectID(values(row, self.Columns)...),
		Diffs: d.Append(nil),
	}
}

func subject(e *End, row *annals.Image, labels Labels) diff.Subject {
	key := values(row, e.Columns)
	s := diff.Subject{
		Entity: e.Entity, Table: e.Table.String(), Field: e.Field, Key: diff.Pairs(e.Key, key),
	}
	if labels != nil {
		s.Label = labels(e.Entity, annals.ObjectID(key...))
	}
	return s
}
