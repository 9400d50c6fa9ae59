package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestSQLiteKeys: which primary keys stand for the rowid.
func TestSQLiteKeys(t *testing.T) {
	t.Parallel()
	only(t, dialect.SQLiteName, func(t *testing.T, db *testdb.DB) {
		for name, c := range map[string]struct {
			columns        string
			auto, nullable bool
		}{
			"alias":      {"(id INTEGER PRIMARY KEY)", true, false},
			"aliased":    {"(id integer, PRIMARY KEY (id))", true, false},
			"increment":  {"(id INTEGER PRIMARY KEY AUTOINCREMENT)", true, false},
			"int":        {"(id INT PRIMARY KEY)", false, true},
			"descending": {"(id INTEGER PRIMARY KEY DESC)", false, true},
			"text":       {"(id TEXT PRIMARY KEY)", false, true},
			"norowid":    {"(id INTEGER PRIMARY KEY) WITHOUT ROWID", false, false},
			"strict":     {"(id INTEGER PRIMARY KEY, v ANY) STRICT", true, false},
		} {
			run(t, db, "CREATE TABLE "+name+" "+c.columns)
			got := load(t, db, annals.Table{Name: name})
			id := got.Columns[0]
			if id.AutoIncrement != c.auto || id.Nullable != c.nullable || !cmp.Equal(got.Key, []string{"id"}) {
				t.Errorf("%s: %+v, key %v", name, id, got.Key)
			}
		}
	})
}

func TestSQLiteForeignKeys(t *testing.T) {
	t.Parallel()
	only(t, dialect.SQLiteName, func(t *testing.T, db *testdb.DB) {
		run(t, db, `CREATE TABLE Parent (Y int, X int, PRIMARY KEY (X, Y))`,
			`CREATE TABLE a (p int, q int, FOREIGN KEY (p, q) REFERENCES parent)`,
			`CREATE TABLE b (p int, q int, FOREIGN KEY (p, q) REFERENCES PARENT (x, y))`,
			`CREATE TABLE c (p int REFERENCES nowhere (id))`)
		for name, want := range map[string][]string{
			"a": {"Parent", "X", "Y"}, "b": {"Parent", "X", "Y"}, "c": {"nowhere", "id"},
		} {
			f := load(t, db, annals.Table{Name: name}).ForeignKeys[0]
			got := append([]string{f.References.Name}, f.ReferencedColumns...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestSQLiteSchemas(t *testing.T) {
	t.Parallel()
	only(t, dialect.SQLiteName, func(t *testing.T, db *testdb.DB) {
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		run(t, c, "ATTACH '"+t.TempDir()+"/other.db' AS `Other one`",
			"CREATE TABLE t (a int PRIMARY KEY)",
			"CREATE TABLE `Other one`.t (b int PRIMARY KEY, c int REFERENCES t)",
			"CREATE TRIGGER `Other one`.after AFTER DELETE ON t BEGIN SELECT 1; END",
			"CREATE VIRTUAL TABLE search USING fts5 (body)")
		for name, want := range map[annals.Table]string{
			{Name: "t"}: "a", {Schema: "main", Name: "t"}: "a", {Schema: "Other one", Name: "t"}: "b",
		} {
			got, err := catalog.Load(t.Context(), c, dialect.SQLite(), name)
			if err != nil || got.Columns[0].Name != want || got.Key[0] != want {
				t.Fatalf("%s: %+v, %v", name, got, err)
			}
			if want == "b" && (got.ForeignKeys[0].References != name ||
				got.Triggers[0] != (catalog.Trigger{Name: "after", Event: "DELETE", Timing: "AFTER"})) {
				t.Errorf("%s: %+v", name, got)
			}
		}
		search, err := catalog.Load(t.Context(), c, dialect.SQLite(), annals.Table{Name: "search"})
		if err != nil || !search.View || search.Transactional || len(search.Columns) != 1 {
			t.Errorf("virtual table: %+v, %v", search, err)
		}
		listed, err := catalog.List(t.Context(), c, dialect.SQLite())
		if diff := cmp.Diff([]annals.Table{{Name: "t"}}, listed); err != nil || diff != "" {
			t.Errorf("list (-want +got): %v\n%s", err, diff)
		}
	})
}
