package reader

import (
	"encoding/json"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// Existence says whether an object was there.
type Existence string

// The answers.
const (
	Exists  Existence = "yes"
	Absent  Existence = "no"
	Unknown Existence = "unknown"
)

// State is an object as it was at a time.
type State struct {
	Entity string
	// ObjectID is the key that it had then.
	ObjectID string
	// At is the time that was asked for.
	At time.Time
	// Exists is Absent before the object's insert and after its removal, a soft one
	// too; SoftRemoved tells the row was still there.
	Exists      Existence
	SoftRemoved bool
	// Columns are its values; none where it was absent, other than softly.
	Columns map[string]Value
	// CleanedBefore is set where the time asked for lies before a mark of retention:
	// what was recorded until that mark is gone. Existence is then unknown unless
	// an insert is seen, and values are assumed.
	CleanedBefore time.Time
	// Entry is the last one at or before the time, nil where there is none.
	Entry *annals.Entry
}

// Known tells where a value comes from.
type Known string

// The origins of values.
const (
	// NotKnown: it cannot be told. It is not null.
	NotKnown Known = ""
	// FromBefore: the last entry until then left it so.
	FromBefore Known = "before"
	// FromAfter: the next entry since then found it so.
	FromAfter Known = "after"
	// FromLive: no entry tells of it, and the source has it now.
	FromLive Known = "live"
)

// Value is the value of a column at a time.
type Value struct {
	Known Known
	// JSON is canonical; nil where it is not known.
	JSON json.RawMessage
	// Assumed: retention took what may have told otherwise.
	Assumed bool
}

// Masked reports whether the value was not kept.
func (v Value) Masked() bool { return diff.IsMasked(v.JSON) }

// take notes a value where none is known yet.
func (s *State) take(column string, v json.RawMessage, from Known) {
	if _, ok := s.Columns[column]; ok {
		return
	}
	if s.Columns == nil {
		s.Columns = map[string]Value{}
	}
	s.Columns[column] = Value{Known: from, JSON: v, Assumed: !s.CleanedBefore.IsZero()}
}

// tally notes the side of an entry's changes that tells of the state; what is no
// diff tells nothing.
func (s *State) tally(e *annals.Entry, from Known) {
	d, err := diff.Parse(e.Diffs)
	if err != nil {
		return
	}
	for _, c := range d.Changes {
		v := c.New
		if from == FromAfter {
			v = c.Old
		}
		s.take(c.Column, v, from)
	}
}

// unknown notes the columns that an entry names as not known.
func (s *State) unknown(e *annals.Entry) {
	d, err := diff.Parse(e.Diffs)
	if err != nil {
		return
	}
	for _, c := range d.Changes {
		s.take(c.Column, nil, NotKnown)
	}
}

// isSoft reports whether an entry is about the soft-delete column.
func isSoft(e *annals.Entry) bool {
	d, err := diff.Parse(e.Diffs)
	return err == nil && d.Soft
}

// begins and ends tell the entries between which a row lives.
func begins(e *annals.Entry) bool {
	return e.Type == annals.Epoch || e.Type == annals.Insert && !isSoft(e)
}

func ends(e *annals.Entry) bool { return e.Type == annals.Remove && !isSoft(e) }
