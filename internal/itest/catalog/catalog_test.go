package catalog

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// shape is what is the same on every database.
type shape struct {
	Columns       []column
	Key           []string
	Uniques       [][]string
	OpaqueUniques int
	ForeignKeys   []catalog.ForeignKey
	Triggers      []catalog.Trigger
	View          bool
}

type column struct {
	Name                               string
	Nullable, Generated, AutoIncrement bool
	HasDefault                         bool
}

func shapeOf(t *catalog.Table) shape {
	s := shape{
		Key: t.Key, Uniques: t.Uniques, OpaqueUniques: t.OpaqueUniques,
		ForeignKeys: t.ForeignKeys, Triggers: t.Triggers, View: t.View,
	}
	for _, c := range t.Columns {
		s.Columns = append(s.Columns, column{
			c.Name, c.Nullable, c.Generated, c.AutoIncrement, c.Default != "",
		})
	}
	return s
}

// TestLoad reads the same table on every database: each kind of column, key,
// foreign key and trigger.
func TestLoad(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		run(t, db, ddl[db.Dialect]...)
		got := load(t, db, annals.Table{Name: "child"})
		want := shape{
			Columns: []column{
				{"id", false, false, true, got.Columns[0].Default != ""},
				{"a", true, false, false, false},
				{"b", true, false, false, false},
				{"self", true, false, false, false},
				{"state", false, false, false, true},
				{"total", true, true, false, false},
				{"n", true, false, false, false},
			},
			Key:           []string{"id"},
			Uniques:       [][]string{{"b", "a"}},
			OpaqueUniques: 1,
			ForeignKeys: []catalog.ForeignKey{
				{
					Name: "fk_pair", Columns: []string{"a", "b"},
					References:        annals.Table{Name: "parent"},
					ReferencedColumns: []string{"x", "y"},
					OnDelete:          "CASCADE", OnUpdate: "SET NULL",
				},
				{
					Name: "fk_self", Columns: []string{"self"},
					References:        annals.Table{Name: "child"},
					ReferencedColumns: []string{"id"},
					OnDelete:          "SET NULL", OnUpdate: "NO ACTION",
				},
			},
			Triggers: []catalog.Trigger{{Name: "trg", Event: "UPDATE", Timing: "BEFORE"}},
		}
		switch db.Dialect {
		case dialect.SQLiteName:
			// SQLite does not keep the names of foreign keys.
			want.ForeignKeys[0].Name, want.ForeignKeys[1].Name = "", ""
		case dialect.MySQLName:
			want.ForeignKeys[1].OnUpdate = got.ForeignKeys[1].OnUpdate // RESTRICT on MariaDB
			if db.Kind == "mariadb" {
				want.OpaqueUniques = 1
			}
		}
		if diff := cmp.Diff(want, shapeOf(got)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
		if !got.Transactional {
			t.Error("table is said not to be transactional")
		}
		parent := load(t, db, annals.Table{Name: "parent"})
		if diff := cmp.Diff([]string{"x", "y"}, parent.Key); diff != "" {
			t.Errorf("composite key in key order (-want +got):\n%s", diff)
		}
	})
}

var ddl = map[string][]string{
	dialect.PostgresName: {
		`CREATE TABLE parent (y int, x int, PRIMARY KEY (x, y))`,
		`CREATE TABLE child (id serial PRIMARY KEY, gone int, a int, b int,
		 self int CONSTRAINT fk_self REFERENCES child ON DELETE SET NULL,
		 state varchar(10) NOT NULL DEFAULT 'new', total int GENERATED ALWAYS AS (a + b) STORED,
		 n numeric(10,2),
		 CONSTRAINT fk_pair FOREIGN KEY (a, b) REFERENCES parent ON DELETE CASCADE
		 ON UPDATE SET NULL, UNIQUE (b, a))`,
		`ALTER TABLE child DROP COLUMN gone`,
		`CREATE UNIQUE INDEX ON child (lower(state))`,
		`CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'`,
		`CREATE TRIGGER trg BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION f()`,
	},
	dialect.MySQLName: {
		`CREATE TABLE parent (y int, x int, PRIMARY KEY (x, y))`,
		`CREATE TABLE child (id int AUTO_INCREMENT PRIMARY KEY, a int, b int, self int,
		 state varchar(10) NOT NULL DEFAULT 'new', total int AS (a + b) VIRTUAL,
		 n decimal(10,2),
		 CONSTRAINT fk_self FOREIGN KEY (self) REFERENCES child (id) ON DELETE SET NULL,
		 CONSTRAINT fk_pair FOREIGN KEY (a, b) REFERENCES parent (x, y) ON DELETE CASCADE
		 ON UPDATE SET NULL, UNIQUE (b, a), UNIQUE (state(3)))`,
		`CREATE TRIGGER trg BEFORE UPDATE ON child FOR EACH ROW SET new.a = new.a`,
	},
	dialect.SQLiteName: {
		`CREATE TABLE parent (y int, x int, PRIMARY KEY (x, y))`,
		`CREATE TABLE child (id INTEGER PRIMARY KEY, a int, b int,
		 self int,
		 state varchar(10) NOT NULL DEFAULT 'new', total int AS (a + b) VIRTUAL,
		 n decimal(10,2),
		 CONSTRAINT fk_pair FOREIGN KEY (a, b) REFERENCES parent ON DELETE CASCADE
		 ON UPDATE SET NULL,
		 FOREIGN KEY (self) REFERENCES CHILD (ID) ON DELETE SET NULL, UNIQUE (b, a))`,
		`CREATE UNIQUE INDEX partial ON child (a) WHERE a > 0`,
		`CREATE TRIGGER "trg" /* x */ BEFORE UPDATE OF a ON child BEGIN SELECT 1; END`,
	},
}

// TestLoadNames: names are exact, whatever they are made of.
func TestLoadNames(t *testing.T) {
	t.Parallel()
	names := []string{
		"Mixed Case", "select", `quo"te`, "back`tick", "Ünïcode", "semi;colon'--", "dotted.name", "%",
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		var all []annals.Table
		for _, name := range names {
			q := d.Quote(name)
			run(t, db, "CREATE TABLE "+q+" ("+q+" int PRIMARY KEY)")
			all = append(all, annals.Table{Name: name})
		}
		tables, err := catalog.LoadAll(t.Context(), db, d, all)
		if err != nil {
			t.Fatal(err)
		}
		for i, table := range tables {
			if table.Name != all[i] || len(table.Columns) != 1 ||
				table.Columns[0].Name != names[i] || len(table.Key) != 1 {
				t.Errorf("%q: got %+v", names[i], table)
			}
		}
		listed, err := catalog.List(t.Context(), db, d)
		if err != nil {
			t.Fatal(err)
		}
		if len(listed) != len(names) {
			t.Errorf("listed %v", listed)
		}
		for _, name := range []string{"mixed case", "nothing", "", "quo"} {
			_, err := catalog.Load(t.Context(), db, d, annals.Table{Name: name})
			if !errors.Is(err, catalog.ErrNoTable) {
				t.Errorf("%q: error %v, want ErrNoTable", name, err)
			}
		}
	})
}

// TestLoadView: a view is told from a table, and List leaves it out.
func TestLoadView(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		run(t, db, "CREATE TABLE b (id int PRIMARY KEY)", "CREATE VIEW a AS SELECT id FROM b",
			"CREATE TABLE c (id int)")
		if v := load(t, db, annals.Table{Name: "a"}); !v.View || len(v.Columns) != 1 {
			t.Errorf("view: got %+v", v)
		}
		if c := load(t, db, annals.Table{Name: "c"}); c.View || c.Key != nil {
			t.Errorf("table without key: got %+v", c)
		}
		tables, err := catalog.List(t.Context(), db, detect(t, db))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]annals.Table{{Name: "b"}, {Name: "c"}}, tables); diff != "" {
			t.Errorf("list (-want +got):\n%s", diff)
		}
	})
}
