package track

import (
	"crypto/sha256"
	"encoding/json"
	"maps"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// Entries returns the entries that mutation m of table t gives, in order of
// Part, or none. They carry what the mutation and the rules know: entity, type,
// object ids, discriminator, seq, part, diffs and time; who and why is added by
// the capture or the journal. The error of a mutation that does not fit its
// table matches annals.ErrCapture.
func Entries(t *Table, m *annals.Mutation) ([]annals.Entry, error) {
	return EntriesWith(t, m, nil)
}

// Labels tells the label of an object that is at hand when it is linked to
// another, nil where it is not.
type Labels func(entity, objectID string) *string

// EntriesWith is Entries with labels for both sides of relations, which the
// mutation itself does not know. Nil knows none.
func EntriesWith(t *Table, m *annals.Mutation, labels Labels) ([]annals.Entry, error) {
	if m.Operation == annals.OpTruncate {
		return finished(truncated(t), m), nil
	}
	var entries []annals.Entry
	if t.Entity != nil {
		own, ok, err := ownEntry(t, m)
		if err != nil {
			return nil, err
		}
		if ok && t.Entity.Gives(own.Type) {
			entries = append(entries, own)
		}
	}
	// Entries that the rules leave out keep their number: the others' numbers do
	// not depend on the rules of the day.
	part := 1
	for i := range t.Links {
		if m.Operation == annals.OpEpoch {
			break // that two objects belong together is told when they come together
		}
		l := &t.Links[i]
		for _, linked := range linkEntries(l, m, labels) {
			linked.Part = part
			part++
			if l.gives(&linked) {
				entries = append(entries, linked)
			}
		}
	}
	return finished(entries, m), nil
}

// finished fills in what all entries of a mutation share.
func finished(entries []annals.Entry, m *annals.Mutation) []annals.Entry {
	for i := range entries {
		e := &entries[i]
		e.Source, e.Seq = m.Source, m.Seq
		e.CreatedAt, e.SchemaVersion = m.At, annals.SchemaVersion
	}
	return entries
}

// ownEntry makes the entry of the row itself; ok is false where nothing kept
// has changed.
func ownEntry(t *Table, m *annals.Mutation) (e annals.Entry, ok bool, err error) {
	before, after := keep(t, m.Before), keep(t, m.After)
	e = annals.Entry{Entity: t.Entity.Name}
	flags := diff.Flags{Cascade: m.Cascade}
	image := after
	if image == nil {
		image = before
	}
	if image == nil {
		return e, false, captureError("read", t, "the mutation has no image")
	}
	if e.ObjectID, err = objectID(t, image); err != nil {
		return e, false, err
	}
	var changes []diff.Change
	switch {
	case m.Operation == annals.OpEpoch:
		e.Type, changes = annals.Epoch, diff.Baseline(image)
	case before == nil:
		e.Type, changes = annals.Insert, diff.Inserted(after)
	case after == nil:
		e.Type, changes = annals.Remove, diff.Removed(before)
	default:
		changes = diff.Compute(before, after)
		if len(changes) == 0 {
			return e, false, nil
		}
		e.Type, flags.Soft = updateType(t.Entity.SoftDelete, changes)
		previous, err := objectID(t, before)
		if err != nil {
			return e, false, err
		}
		if previous != e.ObjectID {
			e.PreviousObjectID = previous
		}
	}
	e.Discriminator = text(image, t.Entity.Discriminator)
	d := diff.Diff{Changes: changes, Flags: flags, Label: label(image, t.Entity.Label)}
	if longKey(e.ObjectID) || longKey(e.PreviousObjectID) {
		d.Key = diff.Pairs(t.Key, values(image, t.Key))
	}
	e.Diffs = d.Append(nil)
	return e, true, nil
}

// updateType tells an update from a soft delete and its restoration.
func updateType(column string, changes []diff.Change) (t annals.EntryType, soft bool) {
	for _, c := range changes {
		if column == "" || c.Column != column {
			continue
		}
		was, is := isSet(c.Old), isSet(c.New)
		switch {
		case !was && is:
			return annals.Remove, true
		case was && !is:
			return annals.Insert, true
		}
	}
	return annals.Update, false
}

// isSet reports whether a soft-delete column says that the object is gone:
// anything but null, false, zero and the empty string.
func isSet(v json.RawMessage) bool {
	switch string(v) {
	case "", "null", "false", "0", `""`, `"0"`:
		return false
	}
	return true
}

// keep applies the rules once more to an image: a capture leaves ignored
// columns out and masks others, but a rule may be younger than the image.
func keep(t *Table, i *annals.Image) *annals.Image {
	if i == nil || (len(t.Entity.Only) == 0 && len(t.Entity.Ignore) == 0 &&
		len(t.Entity.Mask) == 0) {
		return i
	}
	kept := &annals.Image{Digests: maps.Clone(i.Digests)}
	for n, c := range i.Columns {
		switch {
		case !t.Entity.Keeps(c):
			continue
		case t.Masked(c) && t.Entity.MaskKey != "" && !annals.IsNull(i.Values[n]) &&
			!diff.IsMasked(i.Values[n]):
			kept.Values = append(kept.Values,
				diff.MaskedBy([]byte(t.Entity.MaskKey), i.Values[n]))
		case t.Masked(c) && !annals.IsNull(i.Values[n]) && !diff.IsMasked(i.Values[n]):
			// The digest tells a change from none; it is not kept either.
			if kept.Digests == nil {
				kept.Digests = map[string][32]byte{}
			}
			kept.Digests[c] = sha256.Sum256(i.Values[n])
			kept.Values = append(kept.Values, diff.Masked)
		default:
			kept.Values = append(kept.Values, i.Values[n])
		}
		kept.Columns = append(kept.Columns, c)
	}
	return kept
}

func objectID(t *Table, i *annals.Image) (string, error) {
	key := values(i, t.Key)
	for n, v := range key {
		if v == nil {
			return "", captureError("read key of", t, "the image has no column "+t.Key[n])
		}
	}
	return annals.ObjectID(key...), nil
}

// LabelOf returns the label of the object that an image shows, with the object's
// id; nil where it has none. ok is false for a table whose objects have no labels,
// and for an image without the key.
func LabelOf(t *Table, i *annals.Image) (object string, text *string, ok bool) {
	if i == nil || t.Entity == nil || t.Entity.Label == "" {
		return "", nil, false
	}
	object, err := objectID(t, i)
	return object, label(i, t.Entity.Label), err == nil
}

func longKey(id string) bool {
	return len(id) == len("sha256:")+64 && id[:7] == "sha256:"
}

// values returns the values of columns, nil for those the image lacks.
func values(i *annals.Image, columns []string) []json.RawMessage {
	vs := make([]json.RawMessage, len(columns))
	for n, c := range columns {
		vs[n], _ = i.Value(c)
	}
	return vs
}

// label is the text of a column, nil where it is absent, null or masked.
func label(i *annals.Image, column string) *string {
	v, ok := i.Value(column)
	if !ok || annals.IsNull(v) || diff.IsMasked(v) {
		return nil
	}
	s := asText(v)
	return &s
}

func text(i *annals.Image, column string) string {
	v, ok := i.Value(column)
	if !ok || annals.IsNull(v) {
		return ""
	}
	return asText(v)
}

func asText(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

func captureError(op string, t *Table, problem string) error {
	return &annals.Error{
		Op: op, Subject: "table " + t.Live.Name.String() + ": " + problem, Err: annals.ErrCapture,
	}
}
