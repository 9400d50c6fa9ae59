package values

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// jsonTypes are the types in which a storage keeps JSON.
var jsonTypes = map[string][]string{
	dialect.PostgresName: {"jsonb", "json"},
	dialect.MySQLName:    {"JSON"},
	dialect.SQLiteName:   {"JSON"},
}

// TestStoredJSON: the canonical form of what a database stored is that of what
// was written, whatever its own JSON type does with order and numbers; the codec
// of a JSON column and a plain read agree on it.
func TestStoredJSON(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		for i, jsonType := range jsonTypes[db.Dialect] {
			tab := table{sample: sample{Type: jsonType}, name: fmt.Sprintf("stored_%d", i)}
			// SQLite gives a column of type JSON numeric affinity: the storages'
			// diffs, like this text, are never bare numbers.
			run(t, db, "CREATE TABLE "+tab.name+" (id int, v "+jsonType+")")
			live, err := catalog.Load(t.Context(), db, d, annals.Table{Name: tab.name})
			if err != nil {
				t.Fatal(err)
			}
			tab.column = live.Columns[1]
			if tab.column.Kind != dialect.KindJSON {
				t.Fatalf("%s is of kind %d", jsonType, tab.column.Kind)
			}
			rapid.Check(t, func(r *rapid.T) {
				text := "[" + drawJSON(r, 3) + "]"
				checkStored(t, r, db, tab, text)
			})
		}
	})
}

func checkStored(t *testing.T, r *rapid.T, db *testdb.DB, tab table, text string) {
	t.Helper()
	d := detectOnce(db)
	want, err := canonical.Canonical([]byte(text))
	if err != nil {
		r.Fatalf("%s: %v", text, err)
	}
	run(t, db, "DELETE FROM "+tab.name)
	insert := "INSERT INTO " + tab.name + " (v) VALUES (" + d.Placeholder(1) + ")"
	if _, err := db.ExecContext(t.Context(), insert, text); err != nil {
		r.Fatalf("%s: %v", text, err)
	}
	got := read(t, d, db, tab, false)
	if len(got) != 1 || !bytes.Equal(got[0], want) {
		r.Fatalf("%s: read %s, want %s", text, got, want)
	}
	var raw []byte
	if err := db.QueryRowContext(t.Context(), "SELECT v FROM "+tab.name).Scan(&raw); err != nil {
		r.Fatal(err)
	}
	stored, err := canonical.Canonical(raw)
	if err != nil || !bytes.Equal(stored, want) {
		r.Fatalf("%s: stored %s, want %s, %v", text, stored, want, err)
	}
}

// detectOnce is the dialect of a database whose server is known.
func detectOnce(db *testdb.DB) dialect.Dialect {
	if db.Dialect == dialect.MySQLName {
		return dialect.MySQL(db.Kind == "mariadb")
	}
	d, err := dialect.ForScheme(db.Dialect)
	if err != nil {
		panic(err)
	}
	return d
}

// drawJSON draws the text of a JSON value with needless spaces, escapes and
// digits.
func drawJSON(r *rapid.T, depth int) string {
	space := rapid.SampledFrom([]string{"", "", " ", "\n\t"}).Draw(r, "space")
	most := 5
	if depth == 0 {
		most = 3
	}
	switch rapid.IntRange(0, most).Draw(r, "kind") {
	case 0:
		return space + rapid.SampledFrom([]string{"null", "true", "false", "{}", "[]"}).Draw(r, "word")
	case 1:
		return space + drawNumber(r)
	case 2, 3:
		return space + drawString(r)
	case 4:
		var parts []string
		for range rapid.IntRange(0, 3).Draw(r, "length") {
			parts = append(parts, drawJSON(r, depth-1)+space)
		}
		return "[" + strings.Join(parts, ",") + "]" + space
	default:
		var parts []string
		for range rapid.IntRange(0, 4).Draw(r, "members") {
			parts = append(parts, drawString(r)+space+":"+drawJSON(r, depth-1))
		}
		return "{" + strings.Join(parts, space+",") + "}"
	}
}

func drawNumber(r *rapid.T) string {
	switch rapid.IntRange(0, 3).Draw(r, "number") {
	case 0:
		return strconv.FormatInt(rapid.Int64().Draw(r, "int"), 10)
	case 1:
		f := rapid.Float64Range(-1e300, 1e300).Draw(r, "float")
		return strconv.FormatFloat(f, 'e', -1, 64)
	case 2:
		return rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})\.[0-9]{1,30}`).Draw(r, "decimal")
	}
	return rapid.StringMatching(`-?(0|[1-9][0-9]?)(\.[0-9]{1,3})?[eE][+-]?[0-9]{1,2}`).Draw(r, "exponent")
}

func drawString(r *rapid.T) string {
	s := rapid.StringOfN(rapid.RuneFrom([]rune("ab\"\\/\b\n\x01\x1f<&é\u2028😀\x7f")), 0, 6, -1).
		Draw(r, "text")
	if rapid.Bool().Draw(r, "escape") {
		text, err := json.Marshal(s)
		if err != nil {
			r.Fatal(err)
		}
		return string(text)
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		if c < 0x10000 {
			fmt.Fprintf(&b, `\u%04X`, c)
		} else {
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
