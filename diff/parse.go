package diff

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
)

// ErrFormat means that a text is no diff as docs/formats/diff.md describes it.
var ErrFormat = errors.New("not a diff")

// Parse reads a diff, in canonical form or not. Members it does not know are
// left out; {} has no changes. An associate or dissociate gives a Diff with
// Association set. The error for anything else matches ErrFormat.
func Parse(diffs []byte) (Diff, error) {
	text, err := canonical.Canonical(diffs)
	if err != nil {
		return Diff{}, fmt.Errorf("parse diff: %w: %w", ErrFormat, err)
	}
	r := reader{}
	if text[0] != '{' {
		r.err = errors.New("not an object")
	}
	members := r.object(text)
	var d Diff
	if _, ok := members["subject"]; ok {
		d.Association = r.association(members)
	} else {
		d = r.diff(members)
	}
	if r.err != nil {
		return Diff{}, fmt.Errorf("parse diff: %w: %w", ErrFormat, r.err)
	}
	return d, nil
}

// reader reads the parts of a diff and keeps the first error.
type reader struct{ err error }

func (r *reader) diff(members map[string]json.RawMessage) Diff {
	d := Diff{
		Flags: r.flags(members), Label: r.label(members["label"]), Key: r.pairs(members["key"]),
		Statement: r.statement(members["statement"]),
	}
	for column, v := range r.object(members["changes"]) {
		change := r.object(v)
		d.Changes = append(d.Changes, Change{
			Column: column, Old: orNull(change["old"]), New: orNull(change["new"]),
		})
	}
	if members["changes"] == nil && len(members) > 0 && r.err == nil {
		r.err = errors.New(`neither "changes" nor "subject"`)
	}
	d.Changes = sorted(d.Changes)
	return d
}

func (r *reader) association(members map[string]json.RawMessage) *Association {
	a := &Association{
		Subject: r.subject(members["subject"]), Target: r.subject(members["target"]),
		JoinTable: r.text(members["join_table"]), Flags: r.flags(members),
	}
	r.decode(members["is_owning_side"], &a.IsOwningSide)
	return a
}

func (r *reader) statement(v json.RawMessage) *Statement {
	if annals.IsNull(v) {
		return nil
	}
	members := r.object(v)
	s := &Statement{SQL: r.text(members["sql"]), Operation: r.text(members["operation"])}
	r.decode(members["affected"], &s.Affected)
	r.decode(members["table"], &s.Table)
	r.decode(members["unclear"], &s.Unclear)
	return s
}

func (r *reader) subject(v json.RawMessage) Subject {
	members := r.object(v)
	return Subject{
		Entity: r.text(members["entity"]), Table: r.text(members["table"]),
		Field: r.text(members["field"]), Label: r.label(members["label"]),
		Key: r.pairs(members["key"]),
	}
}

func (r *reader) flags(members map[string]json.RawMessage) (f Flags) {
	r.decode(members["soft"], &f.Soft)
	r.decode(members["cascade"], &f.Cascade)
	return f
}

func (r *reader) pairs(v json.RawMessage) []Pair {
	var pairs []Pair
	for name, value := range r.object(v) {
		pairs = append(pairs, Pair{Name: name, Value: value})
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
	return pairs
}

func (r *reader) label(v json.RawMessage) *string {
	if annals.IsNull(v) {
		return nil
	}
	label := r.text(v)
	return &label
}

func (r *reader) text(v json.RawMessage) (s string) {
	r.decode(v, &s)
	return s
}

func (r *reader) object(v json.RawMessage) (members map[string]json.RawMessage) {
	r.decode(v, &members)
	return members
}

// decode reads one part; what is absent or null leaves dst as it is.
func (r *reader) decode(v json.RawMessage, dst any) {
	if r.err == nil && !annals.IsNull(v) {
		r.err = json.Unmarshal(v, dst)
	}
}
