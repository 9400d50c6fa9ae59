package diff

import (
	"strconv"

	"github.com/seed-162b1470/annals/internal/canonical"
)

// Statement is what an entry of type statement or truncate keeps of raw SQL: its
// text without values.
type Statement struct {
	// SQL is the text, its values replaced by question marks.
	SQL string
	// Operation is the word that says what it did: update, delete, merge …
	Operation string
	// Affected is the number of rows that the database counted, nil where that is
	// not known.
	Affected *int64
	// Table is the table that a truncate emptied, where it is not the entity's own but
	// one that connects it with others.
	Table string
	// Unclear: the statement may have done more than its words tell.
	Unclear bool
}

// append appends the statement as canonical JSON to dst.
func (s *Statement) append(dst []byte) []byte {
	dst = append(dst, `{"affected":`...)
	if s.Affected != nil {
		dst = strconv.AppendInt(dst, *s.Affected, 10)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"operation":`...)
	dst = appendText(dst, s.Operation)
	dst = append(dst, `,"sql":`...)
	dst = canonical.AppendString(dst, s.SQL)
	if s.Table != "" {
		dst = append(dst, `,"table":`...)
		dst = canonical.AppendString(dst, s.Table)
	}
	if s.Unclear {
		dst = append(dst, `,"unclear":true`...)
	}
	return append(dst, '}')
}
