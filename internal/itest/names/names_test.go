// Package names_test holds that a table is audited however a program spells its
// name and whatever schema it is in.
package names_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// audited opens GORM on pool with the entities' audit tables in place, which
// owner makes.
func audited(t *testing.T, db *testdb.DB, entities map[string]config.Entity) (
	*gorm.DB, *auditor.Auditor,
) {
	t.Helper()
	aud, err := auditor.New(auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect}},
		Entities: entities,
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := aud.Schema(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	return watched(t, db.Dialect, db.DB, aud), aud
}

func watched(t *testing.T, name string, pool gorm.ConnPool, aud *auditor.Auditor) *gorm.DB {
	t.Helper()
	g := orm.Open(t, name, pool, gorm.Config{})
	if err := g.Use(gormcapture.New(aud)); err != nil {
		t.Fatal(err)
	}
	return g
}

// told are the entries so far as "type entity id", oldest first.
func told(t *testing.T, aud *auditor.Auditor) []string {
	t.Helper()
	page, err := aud.Reader().Find(t.Context(), reader.Query{Ascending: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range page.Entries {
		text := fmt.Sprintf("%s %s %s", e.Type, e.Entity, e.ObjectID)
		if strings.Contains(string(e.Diffs), `"cascade":true`) {
			text += " cascade"
		}
		out = append(out, text)
	}
	return out
}

func run(t *testing.T, db *testdb.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// own is the schema that names without one lead to.
func own(t *testing.T, db *testdb.DB) string {
	t.Helper()
	name := "main"
	query := map[string]string{
		dialect.PostgresName: "SELECT current_schema()::text", dialect.MySQLName: "SELECT DATABASE()",
	}[db.Dialect]
	if query == "" {
		return name
	}
	if err := db.QueryRowContext(t.Context(), query).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

// Every spelling that leads to the table leads to its rules.
func TestSpellings(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		schema := own(t, db)
		for _, c := range []struct{ configured, written string }{
			{"posts", schema + ".posts"},
			{schema + ".notes", "notes"},
			{schema + ".words", schema + ".words"},
		} {
			_, bare, _ := strings.Cut(c.configured, ".")
			if bare == "" {
				bare = c.configured
			}
			run(t, db, "CREATE TABLE "+bare+" (id int PRIMARY KEY, title varchar(20))")
			g, aud := audited(t, db, map[string]config.Entity{bare: {Table: c.configured}})
			before := len(told(t, aud))
			err := g.Table(c.written).Create(map[string]any{"id": 1, "title": "a"}).Error
			if err != nil {
				t.Fatal(err)
			}
			got := told(t, aud)[before:]
			if want := []string{"insert " + bare + " 1"}; !slices.Equal(got, want) {
				t.Errorf("entity of %s, written as %s: got %v, want %v", c.configured, c.written, got, want)
			}
		}
	})
}

// SQLite takes any case of a table's name for the same.
func TestCase(t *testing.T) {
	db := testdb.New(t, "sqlite")
	run(t, db, "CREATE TABLE Posts (id int PRIMARY KEY, title varchar(20))")
	g, aud := audited(t, db, map[string]config.Entity{"post": {Table: "Posts"}})
	if err := g.Table("pOSTS").Create(map[string]any{"id": 1, "title": "a"}).Error; err != nil {
		t.Fatal(err)
	}
	if err := g.Table("posts").Where("id = 1").Update("title", "b").Error; err != nil {
		t.Fatal(err)
	}
	if got, want := told(t, aud), []string{"insert post 1", "update post 1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Several programs that write for the first time wait for one another, as they do
// without annals: the catalogue is not read before the write lock is taken.
func TestFirstWritesWait(t *testing.T) {
	db := testdb.New(t, "sqlite")
	run(t, db, "CREATE TABLE posts (id int PRIMARY KEY, title varchar(20))")
	entities := map[string]config.Entity{"post": {Table: "posts"}}
	_, aud := audited(t, db, entities)
	const writers = 12
	errs := make(chan error, writers)
	for n := range writers {
		pool, err := sql.Open(db.DriverName, db.DriverDSN)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = pool.Close() })
		cold, err := auditor.New(auditor.Config{
			Sources:  map[string]auditor.Source{"app": {DB: pool, Dialect: db.Dialect}},
			Entities: entities,
		})
		if err != nil {
			t.Fatal(err)
		}
		g := watched(t, db.Dialect, pool, cold)
		go func() {
			errs <- g.Transaction(func(tx *gorm.DB) error {
				return tx.Table("posts").Create(map[string]any{"id": n, "title": "a"}).Error
			})
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := told(t, aud); len(got) != writers {
		t.Errorf("got %v", got)
	}
}

// A partition's rows are those of the partitioned table.
func TestPartition(t *testing.T) {
	db := testdb.New(t, "postgres")
	run(t, db, "CREATE TABLE posts (id int PRIMARY KEY, title varchar(20)) PARTITION BY RANGE (id)",
		"CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (10)")
	g, aud := audited(t, db, map[string]config.Entity{"post": {Table: "posts"}})
	if err := g.Table("posts_low").Create(map[string]any{"id": 1, "title": "a"}).Error; err != nil {
		t.Fatal(err)
	}
	if err := g.Table("posts_low").Where("title = 'a'").Update("title", "b").Error; err != nil {
		t.Fatal(err)
	}
	if err := g.Table("posts_low").Where("id = 1").Delete(nil).Error; err != nil {
		t.Fatal(err)
	}
	want := []string{"insert post 1", "update post 1", "remove post 1"}
	if got := told(t, aud); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Foreign keys are followed into other schemas (PostgreSQL) and databases
// (MariaDB), in every direction.
func TestCascadesAcrossSchemas(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		if kind == "sqlite" {
			continue // foreign keys stay within a file
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := testdb.New(t, kind)
			here := own(t, db)
			there := here + "_there"
			run(t, db, "CREATE SCHEMA "+there)
			t.Cleanup(func() {
				drop := []string{"DROP SCHEMA " + there + " CASCADE"}
				if kind != "postgres" {
					drop = []string{"DROP TABLE " + here + ".c1", "DROP TABLE " + there + ".c0", "DROP SCHEMA " + there}
				}
				for _, s := range drop {
					if _, err := db.ExecContext(context.Background(), s); err != nil {
						t.Errorf("%s: %v", s, err)
					}
				}
			})
			entities := map[string]config.Entity{}
			for n, pair := range [][2]string{
				{here, there}, {there, here}, {there, there},
			} {
				parent, child := fmt.Sprintf("%s.p%d", pair[0], n), fmt.Sprintf("%s.c%d", pair[1], n)
				run(t, db, "CREATE TABLE "+parent+" (id int PRIMARY KEY)",
					"CREATE TABLE "+child+" (id int PRIMARY KEY, p_id int, FOREIGN KEY (p_id) REFERENCES "+
						parent+" (id) ON DELETE CASCADE)")
				entities[fmt.Sprintf("p%d", n)] = config.Entity{Table: parent}
				entities[fmt.Sprintf("c%d", n)] = config.Entity{Table: child}
			}
			g, aud := audited(t, db, entities)
			for n := range 3 {
				p, c := fmt.Sprintf("p%d", n), fmt.Sprintf("c%d", n)
				before := len(told(t, aud))
				steps := []error{
					g.Table(entities[p].Table).Create(map[string]any{"id": 1}).Error,
					g.Table(entities[c].Table).Create(map[string]any{"id": 7, "p_id": 1}).Error,
					g.Table(entities[p].Table).Where("id = 1").Delete(nil).Error,
				}
				for _, err := range steps {
					if err != nil {
						t.Fatal(err)
					}
				}
				got := told(t, aud)[before:]
				want := []string{
					"insert " + p + " 1", "insert " + c + " 7", "remove " + p + " 1",
					"remove " + c + " 7 cascade",
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("%s to %s: got %v, want %v", c, p, got, want)
				}
			}
		})
	}
}

// An account with rights on the tables alone sees what it needs: MariaDB keeps
// the actions of foreign keys and the checks of JSON columns from it.
func TestRightsOnTablesAlone(t *testing.T) {
	db := testdb.New(t, "mariadb")
	run(t, db, "CREATE TABLE p (id int PRIMARY KEY, body json)",
		"CREATE TABLE `c-x` (id int PRIMARY KEY, p_id int, CONSTRAINT `on ``delete` FOREIGN KEY (p_id)"+
			" REFERENCES p (id) ON DELETE CASCADE ON UPDATE SET NULL)")
	entities := map[string]config.Entity{"p": {Table: "p"}, "c": {Table: "c-x"}}
	_, aud := audited(t, db, entities)
	user, password := own(t, db)+"_u", "Secret-7"
	admin := testdb.Superuser(t, "mariadb")
	for _, s := range []string{
		"CREATE USER " + user + " IDENTIFIED BY '" + password + "'",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON " + own(t, db) + ".p TO " + user,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON " + own(t, db) + ".`c-x` TO " + user,
		"GRANT SELECT, INSERT ON " + own(t, db) + ".p_audit TO " + user,
		"GRANT SELECT, INSERT ON " + own(t, db) + ".`c-x_audit` TO " + user,
		"GRANT SELECT, INSERT ON " + own(t, db) + ".annals_revision TO " + user,
		"GRANT SELECT, INSERT ON " + own(t, db) + ".annals_revision_entity TO " + user,
		"GRANT SELECT ON " + own(t, db) + ".annals_audit_entity TO " + user,
		"GRANT SELECT, INSERT ON " + own(t, db) + ".annals_seq TO " + user,
	} {
		if _, err := admin.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP USER "+user); err != nil {
			t.Error(err)
		}
	})
	pool := db.OpenAs(t, user, password)
	limited, err := auditor.New(auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: pool, Dialect: db.Dialect}},
		Entities: entities,
	})
	if err != nil {
		t.Fatal(err)
	}
	g := watched(t, db.Dialect, pool, limited)
	for _, err := range []error{
		g.Table("p").Create(map[string]any{"id": 1, "body": `{"a":1}`}).Error,
		g.Table("c-x").Create(map[string]any{"id": 7, "p_id": 1}).Error,
		g.Table("p").Where("id = 1").Delete(nil).Error,
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"insert p 1", "insert c 7", "remove p 1", "remove c 7 cascade"}
	if got := told(t, aud); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	first, err := aud.Reader().Oldest(t.Context(), "p", "1")
	if err != nil || !strings.Contains(string(first.Diffs), `"new":{"a":1}`) {
		t.Errorf("the JSON column is not JSON: %s, %v", first.Diffs, err)
	}
}
