// Package diff turns images of a row into changes and changes into the JSON that
// an entry keeps (docs/formats/diff.md), and reads that JSON back. It is pure:
// equal images give equal bytes.
//
// An entry's diff is either a [Diff], what became of one row's columns, or an
// [Association], which two objects belong together.
package diff

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
)

// Masked is the value that stands for one which is not kept.
//
//nolint:gochecknoglobals // a constant of a type that Go has no constants of
var Masked = json.RawMessage(`{"masked":true}`)

// The parts of a masked value with a keyed digest, round its hexadecimal digits.
const (
	digestBegins = `{"digest":"hmac-sha256:`
	digestEnds   = `","masked":true}`
)

// MaskedBy is the sign that stands for the canonical value v, with a digest by
// which the owner of key can tell whether two values are equal.
func MaskedBy(key []byte, v json.RawMessage) json.RawMessage {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write(v)
	out := make([]byte, 0, len(digestBegins)+2*sha256.Size+len(digestEnds))
	out = append(out, digestBegins...)
	out = hex.AppendEncode(out, h.Sum(nil))
	return append(out, digestEnds...)
}

// IsMasked reports whether v stands for a value that is not kept. Values are
// canonical, so there is one spelling of either form.
func IsMasked(v json.RawMessage) bool {
	s := string(v)
	return s == `{"masked":true}` || len(s) == len(digestBegins)+2*sha256.Size+len(digestEnds) &&
		strings.HasPrefix(s, digestBegins) && strings.HasSuffix(s, digestEnds)
}

// Canonical returns the canonical form of a JSON value: keys sorted, no spaces,
// numbers in plain decimal digits. Diffs that a database stored in a JSON type
// of its own come back in another order; their canonical form is the same.
func Canonical(src []byte) ([]byte, error) {
	return canonical.Canonical(src) //nolint:wrapcheck // its errors say all
}

// Change is what became of one column. Old and New are canonical JSON, null
// where the column was null or the row was not there.
type Change struct {
	Column   string
	Old, New json.RawMessage
}

// Flags are the marks of a diff.
type Flags struct {
	// Soft: a soft-delete column was set (remove) or cleared (insert).
	Soft bool
	// Cascade: the database changed the row because another row was changed.
	Cascade bool
}

// Diff is what an entry of type insert, update, remove or epoch keeps.
type Diff struct {
	// Changes are sorted by column, each column once.
	Changes []Change
	Flags
	// Label names the object for people, nil where it has no name.
	Label *string
	// Key is the whole key of an object whose id is only the key's digest; else
	// nil.
	Key []Pair
	// Statement is set for raw SQL, which tells no rows.
	Statement *Statement
	// Association is set by Parse, alone, for an associate or dissociate.
	Association *Association
}

// Change returns what became of a column; ok is false where nothing did.
func (d *Diff) Change(column string) (c Change, ok bool) {
	for _, c := range d.Changes {
		if c.Column == column {
			return c, true
		}
	}
	return Change{}, false
}

// Pair is a column of a key and its value.
type Pair struct {
	Name  string
	Value json.RawMessage
}

// Pairs puts a key's column names and their values together. A value that is
// missing is null.
func Pairs(names []string, values []json.RawMessage) []Pair {
	pairs := make([]Pair, len(names))
	for i, name := range names {
		pairs[i] = Pair{Name: name, Value: annals.Null}
		if i < len(values) {
			pairs[i].Value = orNull(values[i])
		}
	}
	return pairs
}

// Inserted returns the changes of a new row: all columns that are not null.
func Inserted(after *annals.Image) []Change {
	changes := make([]Change, 0, len(after.Columns))
	for i, c := range after.Columns {
		if v := after.Values[i]; !annals.IsNull(v) {
			changes = append(changes, Change{c, annals.Null, v})
		}
	}
	return sorted(changes)
}

// Baseline returns the changes of an epoch: every column, nulls included.
func Baseline(image *annals.Image) []Change {
	changes := make([]Change, len(image.Columns))
	for i, c := range image.Columns {
		changes[i] = Change{c, annals.Null, orNull(image.Values[i])}
	}
	return sorted(changes)
}

// Removed returns the changes of a row that is gone: every column, nulls
// included.
func Removed(before *annals.Image) []Change {
	changes := make([]Change, len(before.Columns))
	for i, c := range before.Columns {
		changes[i] = Change{c, orNull(before.Values[i]), annals.Null}
	}
	return sorted(changes)
}

// Compute returns the changes between two images of a row: the columns whose
// values differ, and masked columns whose digests differ. A column that only one
// image has is null in the other.
func Compute(before, after *annals.Image) []Change {
	var changes []Change
	aligned := slices.Equal(before.Columns, after.Columns)
	for i, c := range after.Columns {
		var old json.RawMessage
		if aligned {
			old = before.Values[i]
		} else {
			old, _ = before.Value(c)
		}
		changes = compare(changes, Change{c, old, after.Values[i]}, before, after)
	}
	for i, c := range before.Columns {
		if aligned {
			break
		}
		if _, ok := after.Value(c); !ok {
			changes = compare(changes, Change{c, before.Values[i], nil}, before, after)
		}
	}
	return sorted(changes)
}

// compare appends c if it is a change.
func compare(changes []Change, c Change, before, after *annals.Image) []Change {
	c.Old, c.New = orNull(c.Old), orNull(c.New)
	if bytes.Equal(c.Old, c.New) {
		if !IsMasked(c.Old) || before == nil || after == nil {
			return changes
		}
		was, hadDigest := before.Digests[c.Column]
		is, hasDigest := after.Digests[c.Column]
		if was == is && hadDigest == hasDigest {
			return changes
		}
	}
	return append(changes, c)
}

// sorted sorts changes by column, as canonical JSON has them.
func sorted(changes []Change) []Change {
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Column, b.Column) })
	return changes
}

func orNull(v json.RawMessage) json.RawMessage {
	if len(v) == 0 {
		return annals.Null
	}
	return v
}
