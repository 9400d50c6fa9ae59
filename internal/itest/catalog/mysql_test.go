package catalog

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMySQLEngines(t *testing.T) {
	t.Parallel()
	only(t, dialect.MySQLName, func(t *testing.T, db *testdb.DB) {
		run(t, db, "CREATE TABLE i (id int) ENGINE=InnoDB", "CREATE TABLE m (id int) ENGINE=MyISAM",
			"CREATE TABLE p (id int) ENGINE=InnoDB PARTITION BY HASH (id) PARTITIONS 2")
		for name, want := range map[string]bool{"i": true, "m": false, "p": true} {
			if got := load(t, db, annals.Table{Name: name}); got.Transactional != want || got.Engine == "" {
				t.Errorf("%s: engine %q, transactional %v", name, got.Engine, got.Transactional)
			}
		}
	})
}

// TestMySQLColumns: the settings of a session do not change what is read.
func TestMySQLColumns(t *testing.T) {
	t.Parallel()
	only(t, dialect.MySQLName, func(t *testing.T, db *testdb.DB) {
		run(t, db, `CREATE TABLE t (j json, l longtext, b bit(9), n int NOT NULL DEFAULT 5,
			 s varchar(20) DEFAULT 'it''s', c timestamp NOT NULL DEFAULT current_timestamp, e enum('a','b'))`)
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		run(t, c, "SET NAMES latin1", "SET sql_mode = 'ANSI', sql_quote_show_create = 0",
			"SET SESSION TRANSACTION READ ONLY")
		table, err := catalog.Load(t.Context(), c, detect(t, db), annals.Table{Name: "t"})
		if err != nil {
			t.Fatal(err)
		}
		kinds := make(map[string]dialect.Kind)
		defaults := make(map[string]string)
		for _, c := range table.Columns {
			kinds[c.Name] = c.Kind
			if c.Default != "" {
				defaults[c.Name] = c.Default
			}
		}
		want := map[string]dialect.Kind{
			"j": dialect.KindJSON, "l": dialect.KindText, "b": dialect.KindBits, "n": dialect.KindInteger,
			"s": dialect.KindText, "c": dialect.KindInstant, "e": dialect.KindText,
		}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("kinds (-want +got):\n%s", diff)
		}
		if table.Columns[2].Bits != 9 || defaults["s"] != "'it''s'" && defaults["s"] != `'it\'s'` ||
			len(defaults) != 3 {
			t.Errorf("bits %d, defaults %v", table.Columns[2].Bits, defaults)
		}
	})
}

func TestMariaDBTables(t *testing.T) {
	t.Parallel()
	only(t, dialect.MySQLName, func(t *testing.T, db *testdb.DB) {
		if db.Kind != "mariadb" {
			return // MySQL has neither
		}
		run(t, db, "CREATE TABLE v (id int PRIMARY KEY) WITH SYSTEM VERSIONING", "CREATE SEQUENCE s")
		if v := load(t, db, annals.Table{Name: "v"}); v.View || len(v.Columns) != 1 {
			t.Errorf("system-versioned table: %+v", v)
		}
		if s := load(t, db, annals.Table{Name: "s"}); !s.View {
			t.Errorf("sequence: %+v", s)
		}
		listed, err := catalog.List(t.Context(), db, detect(t, db))
		if diff := cmp.Diff([]annals.Table{{Name: "v"}}, listed); err != nil || diff != "" {
			t.Errorf("list (-want +got): %v\n%s", err, diff)
		}
	})
}

// TestMySQLDatabases: a table and a foreign key in another database.
func TestMySQLDatabases(t *testing.T) {
	t.Parallel()
	only(t, dialect.MySQLName, func(t *testing.T, db *testdb.DB) {
		own, _, _ := strings.Cut(db.DSN[strings.LastIndex(db.DSN, "annals_"):], "?")
		other := own + "_Other"
		admin := testdb.Superuser(t, db.Kind)
		run(t, admin, "CREATE DATABASE `"+other+"`")
		t.Cleanup(func() {
			run(t, withoutCancel{admin}, "DROP TABLE `"+own+"`.child", "DROP DATABASE `"+other+"`")
		})
		run(t, admin, "CREATE TABLE `"+other+"`.a (id int PRIMARY KEY)",
			"CREATE TABLE `"+own+"`.child (a int, FOREIGN KEY (a) REFERENCES `"+other+"`.a (id))")
		if a := load(t, db, annals.Table{Schema: other, Name: "a"}); !cmp.Equal(a.Key, []string{"id"}) {
			t.Errorf("got %+v", a)
		}
		child := load(t, db, annals.Table{Name: "child"})
		if got := child.ForeignKeys[0].References; got != (annals.Table{Schema: other, Name: "a"}) {
			t.Errorf("references %s", got)
		}
	})
}

// withoutCancel runs after the test's context is done.
type withoutCancel struct{ dialect.Execer }

func (w withoutCancel) ExecContext(ctx context.Context, s string, args ...any) (sql.Result, error) {
	return w.Execer.ExecContext(context.WithoutCancel(ctx), s, args...) //nolint:wrapcheck // a test
}
