package epoch_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/epoch"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/track"
)

// keyCase is a kind of key: its columns, and rows of literals, in the order of the table
// or not.
type keyCase struct {
	name    string
	on      string // dialects; empty for all
	columns string
	key     []string
	rows    []string
}

func keyCases() []keyCase {
	return []keyCase{
		{name: "composite", columns: "a INTEGER NOT NULL, b VARCHAR(20) NOT NULL, PRIMARY KEY (a, b)", key: []string{"a", "b"}, rows: []string{
			"1, 'b'", "1, 'a'", "2, 'a'", "0, 'it''s'", "-5, ''", "2, 'ö'", "2, '\"'",
		}},
		{name: "text", columns: "a VARCHAR(40) NOT NULL PRIMARY KEY", key: []string{"a"}, rows: []string{
			"'b'", "'a'", "'C'", "''", "'a b'", "'ß'", "'日本'", "'%'", "'x''y'", "'\"q\"'",
		}},
		{name: "big numbers", columns: "a BIGINT NOT NULL PRIMARY KEY", key: []string{"a"}, rows: []string{
			"9007199254740993", "9007199254740992", "-9223372036854775807", "9223372036854775807", "0",
		}},
		{name: "decimal", columns: "a DECIMAL(30,10) NOT NULL PRIMARY KEY", key: []string{"a"}, rows: []string{
			"1.0000000001", "1.0000000002", "-3.5", "12345678901234567890.1", "0",
		}},
		{name: "instant", on: "postgres mysql", columns: "a TIMESTAMP(6) NOT NULL PRIMARY KEY", key: []string{"a"}, rows: []string{
			"'2026-03-29 01:30:00.000001'", "'2026-03-29 01:30:00.000002'", "'2001-01-01 00:00:00'", "'2030-10-27 02:30:00'",
		}},
		{name: "uuid", on: "postgres", columns: "a UUID PRIMARY KEY", key: []string{"a"}, rows: []string{
			"'c0000000-0000-0000-0000-000000000001'", "'10000000-0000-0000-0000-000000000001'", "'a0000000-0000-0000-0000-000000000001'",
		}},
		{name: "enum", on: "postgres", columns: "a mood NOT NULL, b bytea, PRIMARY KEY (a, b)", key: []string{"a", "b"}, rows: []string{
			`'sad', '\x00'`, `'ok', '\xff'`, `'happy', ''`, `'happy', '\x01'`,
		}},
		{name: "enum of MySQL", on: "mysql", columns: "a ENUM('z', 'a', 'm') NOT NULL, b VARBINARY(10) NOT NULL, PRIMARY KEY (a, b)", key: []string{"a", "b"}, rows: []string{
			"'a', x'00'", "'z', x'FF'", "'m', ''", "'z', x'01'",
		}},
		{name: "collations", on: "mysql", columns: "a VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci NOT NULL PRIMARY KEY", key: []string{"a"}, rows: []string{
			"'Ä'", "'af'", "'ad'", "'b'", "'Z'", "'ü'",
		}},
		{name: "types of SQLite", on: "sqlite", columns: "a BLOB NOT NULL PRIMARY KEY", key: []string{"a"}, rows: []string{
			"1", "2.5", "'text'", "x'00FF'", "x'31'", "9007199254740993", "1e300",
		}},
		{name: "no case", on: "sqlite", columns: "a TEXT NOT NULL COLLATE NOCASE PRIMARY KEY", key: []string{"a"}, rows: []string{
			"'b'", "'A'", "'c'", "'B2'",
		}},
	}
}

// Keys of any type are walked through in the database's own order, in batches of every
// size, by the command and by the script.
func TestKeys(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		for _, c := range keyCases() {
			if c.on != "" && !strings.Contains(c.on, db.Dialect) {
				continue
			}
			t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
				db := testdb.New(t, db.Kind)
				ddl := []string{"CREATE TABLE item (" + c.columns + ")"}
				if db.Dialect == "postgres" {
					ddl = append([]string{"CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')"}, ddl...)
				}
				s := newScene(t, db, ddl, items())
				for _, row := range c.rows {
					s.exec("INSERT INTO item VALUES (" + row + ")")
				}
				s.install()
				key := s.quoteAll(c.key)
				want := s.rows("SELECT " + key + " FROM item ORDER BY " + key)
				got := func() []string {
					all := s.rows("SELECT " + key + " FROM item_audit ORDER BY annals_id")
					return all[max(0, len(all)-len(want)):]
				}
				for batch := 1; batch <= len(want)+1; batch++ {
					if n := s.run(epoch.Options{Batch: batch, Again: true})["item"]; int(n) != len(want) {
						t.Fatalf("batches of %d: %d baselines, want %d", batch, n, len(want))
					}
					s.same(fmt.Sprintf("batches of %d", batch), got(), want...)
				}
				script, err := epoch.Script(t.Context(), s.source(), epoch.Options{Batch: 2, Again: true})
				if err != nil {
					t.Fatal(err)
				}
				if out, err := client(t, db, script); err != nil {
					t.Fatalf("%v\n%s\n%s", err, out, script)
				}
				s.same("script", got(), want...)
			})
		}
	})
}

// What triggers leave out, a baseline does; join tables have theirs.
func TestColumns(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		rules := track.Rules{
			Entities: []annals.Entity{
				{Name: "item", Ignore: []string{"n"}, Mask: []string{"name"}}, {Name: "tag"},
			},
			Relations: []annals.Relation{{
				Owner: "item", Field: "tags", Target: "tag", Through: annals.Table{Name: "item_tag"},
			}},
		}
		s := newScene(t, db, []string{
			itemTable, "CREATE TABLE tag (id INTEGER PRIMARY KEY)",
			"CREATE TABLE item_tag (item_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, PRIMARY KEY (item_id, tag_id), " +
				"FOREIGN KEY (item_id) REFERENCES item (id), FOREIGN KEY (tag_id) REFERENCES tag (id))",
		}, rules)
		s.exec("INSERT INTO item VALUES (1, 'secret', 5), (2, NULL, 6)", "INSERT INTO tag VALUES (1), (2)",
			"INSERT INTO item_tag VALUES (1, 1), (1, 2), (2, 2)")
		s.install()
		got := s.run(epoch.Options{})
		if got["item"] != 2 || got["tag"] != 2 || got["item_tag"] != 3 {
			t.Errorf("baselines %v", got)
		}
		s.same("masked", s.rows("SELECT id, CASE WHEN annals_m_name THEN 'set' ELSE 'null' END FROM item_audit ORDER BY id"),
			"1 set", "2 null")
		var columns []string
		rows, err := s.QueryContext(t.Context(), "SELECT * FROM item_audit")
		if err == nil {
			columns, err = rows.Columns()
			_ = rows.Close()
		}
		if err != nil || slices.Contains(columns, "n") || slices.Contains(columns, "name") {
			t.Errorf("columns %v, %v", columns, err)
		}
	})
}

// SQLite lets keys be null: such rows have no name, and are not passed by in silence.
func TestNullKeys(t *testing.T) {
	db := testdb.New(t, "sqlite")
	s := newScene(t, db, []string{"CREATE TABLE item (id TEXT PRIMARY KEY, n INTEGER)"}, items())
	s.exec("INSERT INTO item VALUES ('a', 1), (NULL, 2), (NULL, 3)")
	s.install()
	if _, err := epoch.Run(t.Context(), s.source(), epoch.Options{}); !errors.Is(err, annals.ErrNoKey) {
		t.Fatalf("null keys: %v", err)
	}
	s.exec("DELETE FROM item WHERE id IS NULL")
	if got := s.run(epoch.Options{}); got["item"] != 1 {
		t.Errorf("baselines %v", got)
	}
}
