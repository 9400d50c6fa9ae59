package track

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// checkKeyType refuses a key of one column whose values may be of any type, as
// SQLite allows: 1 and '1' are two keys there, null and 'null' too, and would have
// one object id. In a composite key texts keep their quotes.
func checkKeyType(e annals.Entity, live *catalog.Table) error {
	key := e.Key
	if len(key) == 0 {
		key = live.Key
	}
	if len(key) != 1 {
		return nil
	}
	c, ok := live.Column(key[0])
	if !ok || c.Kind != dialect.KindDynamic || (c.Type != "" && !strings.EqualFold(c.Type, "ANY")) {
		return nil
	}
	return &annals.Error{
		Op: "audit", Subject: "entity " + e.Name,
		Err: fmt.Errorf("%w: key column %q of table %s is declared without a type, so that 1 and '1'"+
			" would be two rows of one object id", annals.ErrConfig, c.Name, live.Name),
		Remedy: "rebuild the table with the column as INTEGER, TEXT or BLOB, or exclude the table",
	}
}

// CheckKey refuses the key of an audited row that another row's could be taken for: in a column
// of SQLite that is declared BLOB and converts nothing, a text that reads like the
// JSON of a number, of null or of a blob. The error matches annals.ErrCapture.
func (t *Table) CheckKey(key []json.RawMessage) error {
	if t.Entity == nil || len(key) != 1 || len(key[0]) == 0 || key[0][0] != '"' {
		return nil
	}
	i := slices.IndexFunc(t.Live.Columns, func(c dialect.Column) bool { return c.Name == t.Key[0] })
	if i < 0 || !mixes(t.Live.Columns[i]) || !json.Valid([]byte(annals.ObjectID(key...))) {
		return nil
	}
	return &annals.Error{
		Op: "read key of", Subject: "table " + t.Live.Name.String(),
		Err: fmt.Errorf("%w: column %q, declared %s, holds a text that reads like a value of another type",
			annals.ErrCapture, t.Key[0], t.Live.Columns[i].Type),
		Remedy: "store such keys as blobs, or declare the column TEXT or INTEGER",
	}
}

// mixes reports whether a column of SQLite has the affinity BLOB: the type's name
// has BLOB in it, and not INT, CHAR, CLOB or TEXT, which come first.
func mixes(c dialect.Column) bool {
	if c.Kind != dialect.KindDynamic {
		return false
	}
	name := strings.ToUpper(c.Type)
	has := func(part string) bool { return strings.Contains(name, part) }
	return has("BLOB") && !has("INT") && !has("CHAR") && !has("CLOB") && !has("TEXT")
}
