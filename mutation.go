package annals

import (
	"encoding/json"
	"strings"
	"time"
)

// Operation is what a statement did to a row.
type Operation string

// The operations.
const (
	OpInsert   Operation = "insert"
	OpUpdate   Operation = "update"
	OpDelete   Operation = "delete"
	OpTruncate Operation = "truncate"
	// OpEpoch is no change: the row as it was found when its baseline was made.
	OpEpoch Operation = "epoch"
)

// Table names a table of a source. An empty Schema means the connection's own
// (PostgreSQL: the search path; MySQL: the current database; SQLite: main).
type Table struct {
	Schema, Name string
}

// String returns "schema.name", or the name alone, in the form that ParseTable
// reads: a part with a dot or a double quote stands in double quotes.
func (t Table) String() string {
	if t.Schema == "" {
		return quotePart(t.Name)
	}
	return quotePart(t.Schema) + "." + quotePart(t.Name)
}

func quotePart(s string) string {
	if !strings.ContainsAny(s, `."`) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// IsZero reports whether t names nothing.
func (t Table) IsZero() bool { return t == Table{} }

// ParseTable reads "name" or "schema.name". A part that holds a dot is written
// in double quotes, a double quote within one is doubled: `"my.schema".orders`.
func ParseTable(s string) Table {
	parts := splitQuoted(s)
	if len(parts) < 2 {
		return Table{Name: strings.Join(parts, "")}
	}
	return Table{Schema: parts[0], Name: strings.Join(parts[1:], ".")}
}

func splitQuoted(s string) []string {
	var parts []string
	var part strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			part.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String())
}

// Image is a row as it was or became: the kept columns, in table order, each
// with its value as canonical JSON (docs/formats/values.md).
//
// Images of one table share their Columns; neither slice is changed after the
// image was made.
type Image struct {
	Columns []string
	Values  []json.RawMessage
	// Digests tells masked values apart without keeping them: by column, a
	// keyed digest that never leaves the process. Nil where nothing is masked.
	Digests map[string][32]byte
}

// Value returns the value of a column; ok is false where the image has none.
func (i *Image) Value(column string) (v json.RawMessage, ok bool) {
	if i == nil {
		return nil, false
	}
	for n, c := range i.Columns {
		if c == column {
			return i.Values[n], true
		}
	}
	return nil, false
}

// Mutation is one changed row, as the database shows it: what happened, never
// the program's idea of it.
type Mutation struct {
	Source    string
	Table     Table
	Operation Operation
	// Before is nil for an insert, After for a delete.
	Before, After *Image
	// Cascade marks a row changed by the database because another row was.
	Cascade bool
	// Seq numbers the mutation in its source, in order per row.
	Seq int64
	// At is the instant of capture, UTC.
	At time.Time
}

// Null is the JSON null, the value of a column that is null.
var Null = json.RawMessage("null")

// IsNull reports whether v is null or absent.
func IsNull(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }
