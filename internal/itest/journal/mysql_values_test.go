package journal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// myValues are columns with two values each.
var myValues = [][3]string{
	{"tinyint", "-128", "127"},
	{"bigint unsigned", "18446744073709551615", "0"},
	{"int(8) unsigned zerofill", "42", "4294967295"},
	{"decimal(65,30)", "12345678901234567890123456789012345.123456789012345678901234567890", "-0.5"},
	{"float", "1.1", "-3.4e38"},
	{"double", "1.7976931348623157e308", "5e-324"},
	{"bit(7)", "b'1010101'", "b'0'"},
	{"bit(64)", "b'1'", "0xFFFFFFFFFFFFFFFF"},
	{"boolean", "TRUE", "NULL"},
	{"year", "2155", "'0000'"},
	{"date", "'0000-00-00'", "'2024-02-31'"},
	{"datetime(6)", "'2024-10-27 02:30:00.123456'", "'2024-00-00 00:00:00'"},
	{"time(6)", "'-838:59:59'", "'12:00:00.000001'"},
	{"timestamp(6) NULL", "'2024-10-27 02:30:00.123456'", "0"},
	{"char(10)", "'a'", "'A'"},
	{"varchar(50) CHARACTER SET latin1", "'é'", "'é '"},
	{"varchar(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "'😀a'", "'😀A'"},
	{"varchar(50) CHARACTER SET utf8mb3", "'a\\\\'", "'a'"},
	{"varchar(50) CHARACTER SET ucs2", "'ab'", "'AB'"},
	{"text", "'tail  '", "'tail'"},
	{"binary(4)", "X'00FF'", "X'00FE'"},
	{"varbinary(10)", "X'00FF10'", "X''"},
	{"blob", "X'C328'", "X'00'"},
	{"json", "'{\"a\": [1, 2.50, \"é\"]}'", "'null'"},
	{"enum('x','y y','é')", "'y y'", "'é'"},
	{"enum('a','b') CHARACTER SET latin1", "''", "'b'"},
	{"set('x','y','z')", "'x,z'", "''"},
	{"point", "ST_GeomFromText('POINT(1 2)')", "NULL"},
	{"geometry", "ST_GeomFromText('LINESTRING(0 0,1 1)')", "ST_GeomFromText('POINT(1 2)')"},
	{"inet6", "'::1'", "'::2'"},
	{"uuid", "'123e4567-e89b-12d3-a456-426614174000'", "NULL"},
}

// TestMySQLValues: whatever a table may hold is copied as it is, whatever the session
// of the writer is set to, and nothing changed is taken for unchanged.
func TestMySQLValues(t *testing.T) {
	t.Parallel()
	var columns, quoted, first, second []string
	for i, v := range myValues {
		columns = append(columns, fmt.Sprintf("c%d %s", i, v[0]))
		quoted = append(quoted, fmt.Sprintf("c%d", i))
		first, second = append(first, v[1]), append(second, v[2])
	}
	ddl := "CREATE TABLE item (id int PRIMARY KEY, " + strings.Join(columns, ", ") +
		", g1 int AS (id + 1) VIRTUAL, g2 varchar(20) AS (CONCAT(id, 'x')) STORED) CHARACTER SET utf8mb4"
	modes := []string{"", "TRADITIONAL,NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH", "ORACLE"}
	for _, mode := range modes {
		t.Run("sql_mode "+mode, func(t *testing.T) {
			t.Parallel()
			s := newRowScene(t, testdb.New(t, "mariadb"), []string{ddl}, entities("item"))
			s.install()
			a := s.session()
			lax := func(statements ...string) {
				// The source takes what a strict session refuses; the writers' mode comes after.
				a.exec("SET sql_mode = 'ALLOW_INVALID_DATES'")
				a.exec(statements...)
			}
			names := strings.Join(quoted, ", ")
			lax("INSERT IGNORE INTO item (id, " + names + ") VALUES (1, " + strings.Join(first, ", ") + ")")
			lax("INSERT IGNORE INTO item (id, " + names + ") VALUES (2, " + strings.Join(second, ", ") + ")")
			a.exec("SET sql_mode = '"+mode+"'", "SET NAMES latin1", "SET time_zone = '+03:00'",
				"UPDATE item SET id = id + 10 ORDER BY id", "DELETE FROM item WHERE id = 12")
			a.exec("SET NAMES utf8mb4")
			for _, c := range append(slices.Clone(quoted), "g1", "g2") {
				hex := func(table, where string) []string {
					return s.rows("SELECT HEX(CONCAT(" + c + ")), " + c + " IS NULL FROM " + table + " WHERE " + where)
				}
				live := hex("item", "id = 11")
				if got := hex(s.own("item_audit"), "id = 11 AND annals_image = 'after'"); !slices.Equal(got, live) {
					t.Errorf("column %s: copied %v, live %v", c, got, live)
				}
			}
		})
	}
}

// TestMySQLChanges: each column's change alone is a change; a masked one is told as the
// codec compares.
func TestMySQLChanges(t *testing.T) {
	t.Parallel()
	var columns, mask []string
	for i, v := range myValues {
		columns = append(columns, fmt.Sprintf("c%d %s", i, v[0]))
		mask = append(mask, fmt.Sprintf("c%d", i))
	}
	ddl := "CREATE TABLE %s (id int PRIMARY KEY, " + strings.Join(columns, ", ") + ") CHARACTER SET utf8mb4"
	s := newRowScene(t, testdb.New(t, "mariadb"), []string{fmt.Sprintf(ddl, "plain"), fmt.Sprintf(ddl, "veiled")},
		entities("plain"), entity(annals.Entity{Name: "veiled", Mask: mask}))
	s.install()
	a := s.session()
	a.exec("SET sql_mode = 'ALLOW_INVALID_DATES'", "INSERT INTO plain (id) VALUES (1)", "INSERT INTO veiled (id) VALUES (1)")
	for i, v := range myValues {
		c := fmt.Sprintf("c%d", i)
		set := func(value string) {
			for _, table := range []string{"plain", "veiled"} {
				a.exec("UPDATE IGNORE " + table + " SET " + c + " = " + value)
			}
		}
		set("NULL")
		s.forget("plain_audit", "veiled_audit")
		set(v[1])
		set(v[1])
		set(v[2])
		set("NULL")
		// The triggers compare masked columns alone; the rest is the Tracker's.
		if n := s.count("SELECT COUNT(*) FROM " + s.own("plain_audit") + " WHERE annals_image = 'after'"); n != 4 {
			t.Errorf("%s: %d updates by %s, again, by %s and to null were recorded", v[0], n, v[1], v[2])
		}
		want := []string{"before 0", "after 1", "before 1", "after 0", "before 1", "after 1", "before 1", "after -"}
		if v[2] == "NULL" {
			want = []string{"before 0", "after 1", "before 1", "after 0", "before 1", "after -", "before 0", "after 0"}
		}
		s.same(v[0], s.rows("SELECT annals_image, annals_m_"+c+" FROM "+s.own("veiled_audit")+" ORDER BY annals_id"), want...)
	}
	set := s.rows("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 'veiled_audit'"+
		" AND COLUMN_NAME LIKE 'c%'", s.schema)
	s.same("values of masked columns", set)
}

// TestMySQLMaskedSame: a masked column that stays is not said to have changed.
func TestMySQLMaskedSame(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"),
		[]string{"CREATE TABLE item (id int PRIMARY KEY, a varchar(20), b decimal(10,2))"},
		entity(annals.Entity{Name: "item", Mask: []string{"a"}, Ignore: []string{"b"}}))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'x', 1), (2, NULL, 1)", "UPDATE item SET b = b + 1", "UPDATE item SET id = id + 10")
	s.same("images", s.images("item", "id", "annals_m_a"), "1 after 1 1 1", "2 after 1 2 0",
		"3 before 1 1 1", "3 after 1 1 0", "4 before 1 2 0", "4 after 1 2 0",
		"5 before 1 1 1", "5 after 1 11 0", "6 before 1 2 0", "6 after 1 12 0")
}

// TestMySQLFailure: a write that cannot be recorded fails, also where the program
// ignores errors.
func TestMySQLFailure(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	s.exec("ALTER TABLE item MODIFY name varchar(200)")
	a := s.session()
	a.exec("SET sql_mode = ''")
	for _, st := range []string{
		"INSERT IGNORE INTO item VALUES (1, REPEAT('x', 150), 1)", "REPLACE INTO item VALUES (1, REPEAT('x', 150), 1)",
	} {
		if err := a.fails(st); err != nil && !strings.Contains(err.Error(), "1406") {
			t.Error(err)
		}
	}
	if n := s.count("SELECT (SELECT COUNT(*) FROM item) + (SELECT COUNT(*) FROM " + s.own("item_audit") + ")"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestMySQLCascades(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), append(slices.Clone(myItems),
		"CREATE TABLE a (id int PRIMARY KEY, item int, CONSTRAINT a_item FOREIGN KEY (item) REFERENCES item (id) ON DELETE CASCADE)",
		"CREATE TABLE b (id int PRIMARY KEY, item int, CONSTRAINT b_item FOREIGN KEY (item) REFERENCES item (id))"),
		entities("item", "a", "b"))
	found, err := s.j.Cascades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Target != "a" || found[0].Key.Name != "a_item" || found[0].Key.OnDelete != "CASCADE" {
		t.Errorf("cascades %+v", found)
	}
}
