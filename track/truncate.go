package track

import (
	"cmp"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// Everything is the object id of entries about a table as a whole.
const Everything = "*"

// truncated makes the entries of a TRUNCATE: the entity's own, or of a bare join
// table one for each of the entities that it connects, which names the table. Triggers do not know the
// statement's text.
func truncated(t *Table) (entries []annals.Entry) {
	d := diff.Diff{Statement: &diff.Statement{Operation: string(annals.OpTruncate)}}
	told := func(entity string, part int) annals.Entry {
		return annals.Entry{
			Entity: entity, Type: annals.Truncate, ObjectID: Everything, Part: part, Diffs: d.Append(nil),
		}
	}
	if t.Entity != nil {
		if t.Entity.Gives(annals.Truncate) {
			entries = append(entries, told(t.Entity.Name, 0))
		}
		return entries
	}
	var named []string
	for _, l := range t.Links {
		d.Statement.Table = cmp.Or(l.JoinTable, t.Live.Name.Name)
		for _, end := range []End{l.Owner, l.Target} {
			if !end.Audited || slices.Contains(named, end.Entity) {
				continue
			}
			named = append(named, end.Entity)
			if e := told(end.Entity, len(named)); len(end.Operations) == 0 ||
				slices.Contains(end.Operations, e.Type) {
				entries = append(entries, e)
			}
		}
	}
	return entries
}
