package schema_test

import (
	"fmt"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/mysql"
	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
)

// atlasDriver opens the database with Atlas, the second opinion.
func (s *setup) atlasDriver(t *testing.T) migrate.Driver {
	t.Helper()
	open := map[string]func(atlas.ExecQuerier) (migrate.Driver, error){
		dialect.PostgresName: postgres.Open, dialect.MySQLName: mysql.Open, dialect.SQLiteName: sqlite.Open,
	}[s.d.Name()]
	drv, err := open(s.DB.DB)
	if err != nil {
		t.Fatal(err)
	}
	return drv
}

func (s *setup) inspect(t *testing.T) *atlas.Schema {
	t.Helper()
	live, err := s.atlasDriver(t).InspectSchema(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// atlasStatements reads the statements of all files as Atlas does.
func (s *setup) atlasStatements(t *testing.T, dir migrate.Dir) (statements []string) {
	t.Helper()
	files, err := dir.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		some, err := migrate.FileStmts(s.atlasDriver(t), f)
		if err != nil {
			t.Fatal(err)
		}
		statements = append(statements, some...)
	}
	return statements
}

// mustOnlyAdd fails on every change that is no addition.
func mustOnlyAdd(t *testing.T, changes []atlas.Change) {
	t.Helper()
	for _, c := range changes {
		switch c := c.(type) {
		case *atlas.AddTable, *atlas.AddColumn, *atlas.AddIndex, *atlas.AddCheck:
		case *atlas.ModifyTable:
			mustOnlyAdd(t, c.Changes)
		case *atlas.ModifyAttr:
			// The next number of a table is an attribute of it for Atlas.
			if _, ok := c.From.(*mysql.AutoIncrement); !ok {
				t.Errorf("an attribute changed: %T", c.From)
			}
		default:
			t.Errorf("a change that is no addition: %s", fmt.Sprintf("%T %+v", c, c))
		}
	}
}

func TestOnlyAdds(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.exec(t, "CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(10))",
			"CREATE INDEX mine ON posts (title)")
		before := s.inspect(t)
		s.update(t)
		s.mustOnlyHaveAdded(t, before)

		s.dropIndex(t, "posts_audit", "idx_posts_audit_transaction_hash")
		s.exec(t, "ALTER TABLE posts_audit DROP COLUMN ip", "ALTER TABLE posts_audit ADD COLUMN note VARCHAR(20)",
			"DROP TABLE annals_revision_entity")
		before = s.inspect(t)
		s.entities = append(s.entities, newSetup(t, db, "users").entities...)
		s.indexes = layout.Classic
		s.update(t)
		s.mustOnlyHaveAdded(t, before)
	})
}

func (s *setup) mustOnlyHaveAdded(t *testing.T, before *atlas.Schema) {
	t.Helper()
	changes, err := s.atlasDriver(t).SchemaDiff(before, s.inspect(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) == 0 {
		t.Error("Atlas sees no change")
	}
	mustOnlyAdd(t, changes)
}
