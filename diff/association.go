package diff

import (
	"encoding/json"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
)

// Association is what an entry of type associate or dissociate keeps.
type Association struct {
	// Subject is the object whose entry it is, Target the one at the other end.
	Subject, Target Subject
	// IsOwningSide: the relation is declared at the subject's entity.
	IsOwningSide bool
	// JoinTable is empty for a one-to-many relation.
	JoinTable string
	Flags
}

// Subject is one end of an association. An empty text and a nil label are null
// in JSON.
type Subject struct {
	Entity, Table string
	// Key holds the object's key. Parse sorts it by name.
	Key   []Pair
	Label *string
	// Field is the relation's name at this end.
	Field string
}

// ObjectID is the object id of the subject's key, in which key names the columns
// in order; one column needs no order. ok is false where key names others.
func (s *Subject) ObjectID(key []string) (id string, ok bool) {
	if len(s.Key) == 1 {
		return annals.ObjectID(s.Key[0].Value), true
	}
	if len(key) != len(s.Key) || len(key) == 0 {
		return "", false
	}
	values := make([]json.RawMessage, len(key))
	for i, column := range key {
		at := slices.IndexFunc(s.Key, func(p Pair) bool { return p.Name == column })
		if at < 0 {
			return "", false
		}
		values[i] = s.Key[at].Value
	}
	return annals.ObjectID(values...), true
}

// Append appends the association as canonical JSON to dst.
func (a *Association) Append(dst []byte) []byte {
	dst = append(dst, '{')
	if a.Cascade {
		dst = append(dst, `"cascade":true,`...)
	}
	dst = append(dst, `"is_owning_side":`...)
	if a.IsOwningSide {
		dst = append(dst, "true"...)
	} else {
		dst = append(dst, "false"...)
	}
	dst = append(dst, `,"join_table":`...)
	dst = appendText(dst, a.JoinTable)
	if a.Soft {
		dst = append(dst, `,"soft":true`...)
	}
	dst = append(dst, `,"subject":`...)
	dst = a.Subject.append(dst)
	dst = append(dst, `,"target":`...)
	dst = a.Target.append(dst)
	return append(dst, '}')
}

func (s *Subject) append(dst []byte) []byte {
	dst = append(dst, `{"entity":`...)
	dst = appendText(dst, s.Entity)
	dst = append(dst, `,"field":`...)
	dst = appendText(dst, s.Field)
	dst = append(dst, `,"key":`...)
	dst = appendPairs(dst, s.Key)
	dst = append(dst, `,"label":`...)
	if s.Label != nil {
		dst = canonical.AppendString(dst, *s.Label)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"table":`...)
	dst = appendText(dst, s.Table)
	return append(dst, '}')
}

// appendText appends a text, null for an empty one.
func appendText(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return canonical.AppendString(dst, s)
}
