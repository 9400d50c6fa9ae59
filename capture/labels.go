package capture

import (
	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/track"
)

// maxLabels is how many labels a transaction remembers, the last ones seen.
const maxLabels = 10_000

// labels remembers the labels of the objects whose images one transaction has
// seen, so that its links can name what they connect. It never guesses: what may
// have changed unseen, by a rollback to a savepoint or by raw SQL, is forgotten,
// and an object that is not remembered has no label there. (What the program does
// under annals.Off is out of sight, its labels too.)
type labels struct {
	known map[object]*string
	// order is the objects as they were first seen, a ring from next on once it is
	// full.
	order []object
	next  int
}

type object struct{ entity, id string }

// see notes what a mutation shows of its own object.
func (l *labels) see(t *track.Table, m *annals.Mutation) {
	was, _, before := track.LabelOf(t, m.Before)
	image := m.After
	if image == nil {
		image = m.Before // its last label
	}
	id, label, ok := track.LabelOf(t, image)
	if !ok {
		return
	}
	if before && was != id {
		l.note(object{t.Entity.Name, was}, nil)
	}
	l.note(object{t.Entity.Name, id}, label)
}

func (l *labels) note(o object, label *string) {
	if _, known := l.known[o]; known {
		l.known[o] = label
		return
	}
	if label == nil {
		return
	}
	if l.known == nil {
		l.known = map[object]*string{}
	}
	l.known[o] = label
	if len(l.order) < maxLabels {
		l.order = append(l.order, o)
		return
	}
	delete(l.known, l.order[l.next])
	l.order[l.next] = o
	l.next = (l.next + 1) % maxLabels
}

// find implements track.Labels.
func (l *labels) find(entity, id string) *string { return l.known[object{entity, id}] }

func (l *labels) forget() { *l = labels{} }
