// Package schema_test tries the schema manager on real databases.
package schema_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// setup is a database with what stands for a configuration.
type setup struct {
	*testdb.DB
	d              dialect.Dialect
	entities       []annals.Entity
	prefix, suffix string
	indexes        layout.IndexSet
}

func newSetup(t *testing.T, db *testdb.DB, tables ...string) *setup {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	s := &setup{DB: db, d: d, suffix: "_audit"}
	for _, name := range tables {
		s.entities = append(s.entities, annals.Entity{
			Name: name, Source: "app", Table: annals.ParseTable(name),
		})
	}
	return s
}

func (s *setup) target() schema.Target {
	target := schema.Target{Name: "default", DB: s.DB.DB, Dialect: s.d, Indexes: s.indexes}
	for _, e := range s.entities {
		target.Entities = append(target.Entities, schema.EntityTable{
			Entity: e, Audit: layout.EntityTable(e, s.prefix, s.suffix, s.d.Limits()),
		})
	}
	return target
}

func (s *setup) manager(t *testing.T) *schema.Manager {
	t.Helper()
	m, err := schema.New(schema.Config{Targets: []schema.Target{s.target()}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *setup) plan(t *testing.T) schema.Plan {
	t.Helper()
	plans, err := s.manager(t).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return plans[0]
}

func (s *setup) update(t *testing.T) schema.Plan {
	t.Helper()
	plans, err := s.manager(t).Update(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.mustBeDone(t)
	return plans[0]
}

func (s *setup) mustBeDone(t *testing.T) {
	t.Helper()
	if p := s.plan(t); !p.Empty() {
		t.Fatalf("still planned:\n%s", p.SQL())
	}
}

// mustPlan checks that the plan has one statement with each of the texts, and no
// other.
func (s *setup) mustPlan(t *testing.T, texts ...string) {
	t.Helper()
	p := s.plan(t)
	rest := slices.Clone(p.Statements)
	for _, text := range texts {
		i := slices.IndexFunc(rest, func(st schema.Statement) bool {
			return strings.Contains(st.SQL, text)
		})
		if i < 0 {
			t.Fatalf("nothing planned with %q:\n%s", text, p.SQL())
		}
		rest = slices.Delete(rest, i, i+1)
	}
	if len(rest) > 0 {
		t.Fatalf("planned beyond %q:\n%s", texts, p.SQL())
	}
}

func (s *setup) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := s.ExecContext(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func (s *setup) q(name string) string { return s.d.Quote(name) }

// dropIndex drops an index of a table without a schema.
func (s *setup) dropIndex(t *testing.T, table, index string) {
	t.Helper()
	sql := "DROP INDEX " + s.q(index)
	if s.d.Name() == dialect.MySQLName {
		sql += " ON " + s.q(table)
	}
	s.exec(t, sql)
}

// insert stores a minimal entry.
func (s *setup) insert(t *testing.T, table string, seq int) {
	t.Helper()
	s.exec(t, fmt.Sprintf("INSERT INTO %s (%s, object_id, transaction_hash, %s, seq, part, diffs,"+
		" created_at, schema_version) VALUES ('insert', '1', 'aa', 'app', %d, 0, '{}', "+
		"'2026-01-02 03:04:05.000006', 1)", s.q(table), s.q("type"), s.q("source"), seq))
}

func TestFreshThenNothing(t *testing.T) {
	for _, set := range []layout.IndexSet{layout.Lean, layout.Classic} {
		t.Run(string(set), func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				s := newSetup(t, db, "posts", "users")
				s.indexes = set
				if got := s.update(t); len(got.Statements) < 10 {
					t.Errorf("only did\n%s", got.SQL())
				}
				s.insert(t, "posts_audit", 1)
				var entities []string
				rows, err := s.QueryContext(t.Context(),
					"SELECT name, source, table_name FROM annals_audit_entity ORDER BY name")
				if err != nil {
					t.Fatal(err)
				}
				defer rows.Close()
				for rows.Next() {
					var name, source, table string
					if err := rows.Scan(&name, &source, &table); err != nil {
						t.Fatal(err)
					}
					entities = append(entities, name+" "+source+" "+table)
				}
				want := []string{"posts app posts_audit", "users app users_audit"}
				if err := rows.Err(); err != nil || !slices.Equal(entities, want) {
					t.Errorf("registry %q, %v", entities, err)
				}
			})
		})
	}
}

func TestIndexSetChanged(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.update(t)
		s.indexes = layout.Classic
		for _, st := range s.update(t).Statements {
			if !strings.HasPrefix(st.SQL, "CREATE INDEX") {
				t.Errorf("planned %s", st.SQL)
			}
		}
		s.indexes = layout.Lean
		s.mustBeDone(t)
	})
}

func TestLostColumnsComeBack(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.update(t)
		s.insert(t, "posts_audit", 1)
		s.insert(t, "posts_audit", 2)
		for _, c := range layout.Entries(annals.Table{Name: "posts_audit"}, layout.Lean, s.d.Limits()).Columns {
			if c.Auto {
				continue
			}
			for _, i := range []string{
				"source_seq_part", "object_id_created_at_source_seq_part",
				"created_at_source_seq_part", "blame_id_created_at_source_seq_part",
				"type_created_at_source_seq_part",
				"transaction_hash", "previous_object_id",
			} {
				if strings.Contains("_"+i+"_", "_"+c.Name+"_") && s.d.Name() != dialect.PostgresName {
					s.dropIndex(t, "posts_audit", "idx_posts_audit_"+i)
				}
			}
			s.exec(t, "ALTER TABLE posts_audit DROP COLUMN "+s.q(c.Name))
			got := s.update(t)
			if !strings.Contains(got.SQL(), "ADD COLUMN "+s.q(c.Name)) {
				t.Errorf("%s: planned\n%s", c.Name, got.SQL())
			}
		}
		s.insert(t, "posts_audit", 3)
		var rows int
		if err := s.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM posts_audit").Scan(&rows); err != nil || rows != 3 {
			t.Errorf("%d rows, %v", rows, err)
		}
	})
}

func TestOwnTableLosesColumn(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.update(t)
		s.exec(t, "ALTER TABLE annals_revision DROP COLUMN extra",
			"ALTER TABLE annals_audit_entity DROP COLUMN table_name")
		s.mustPlan(t, "ADD COLUMN "+s.q("extra"), "ADD COLUMN "+s.q("table_name"), "UPDATE ")
		s.update(t)
	})
}

func TestLostIndexComesBack(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.update(t)
		s.dropIndex(t, "posts_audit", "idx_posts_audit_transaction_hash")
		s.dropIndex(t, "posts_audit", "idx_posts_audit_previous_object_id")
		s.dropIndex(t, "posts_audit", "idx_posts_audit_source_seq_part")
		s.mustPlan(t, "idx_posts_audit_transaction_hash", "idx_posts_audit_previous_object_id",
			"idx_posts_audit_source_seq_part")
		s.update(t)
	})
}

func TestUsersOwnStays(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.update(t)
		s.exec(t, "ALTER TABLE posts_audit ADD COLUMN note VARCHAR(20) DEFAULT 'mine'",
			"CREATE INDEX mine ON posts_audit (note)")
		s.mustBeDone(t)
		s.dropIndex(t, "posts_audit", "idx_posts_audit_transaction_hash")
		s.update(t)
		s.insert(t, "posts_audit", 1)
		var note string
		if err := s.QueryRowContext(t.Context(), "SELECT note FROM posts_audit").Scan(&note); err != nil || note != "mine" {
			t.Errorf("note %q, %v", note, err)
		}
		s.dropIndex(t, "posts_audit", "mine")
	})
}

// An index of another name that does the same work is as good; one that only
// looks like it is not.
func TestIndexesAreComparedByWhatTheyDo(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.update(t)
		const index = "idx_posts_audit_transaction_hash"
		s.dropIndex(t, "posts_audit", index)
		s.exec(t, "CREATE INDEX other ON posts_audit (transaction_hash)")
		s.mustBeDone(t)
		s.dropIndex(t, "posts_audit", "other")
		// The name is taken by another index of the table.
		s.exec(t, "CREATE INDEX "+index+" ON posts_audit (ip)")
		s.mustPlan(t, index+"_")
		s.update(t)
		// And so is the name that annals then chose.
		second := layout.UniqueIndexName("posts_audit", []string{"transaction_hash"}, 0, s.d.Limits())
		s.dropIndex(t, "posts_audit", second)
		s.exec(t, "CREATE INDEX "+second+" ON posts_audit (blame_user)")
		s.mustPlan(t, layout.UniqueIndexName("posts_audit", []string{"transaction_hash"}, 1, s.d.Limits()))
		s.update(t)
		if s.d.Name() == dialect.MySQLName {
			return
		}
		s.dropIndex(t, "posts_audit", "idx_posts_audit_created_at_source_seq_part")
		s.exec(t, "CREATE INDEX part ON posts_audit (created_at, source, seq, part) WHERE part > 0")
		s.mustPlan(t, "idx_posts_audit_created_at_source_seq_part")
	})
}

// Index names share a namespace on PostgreSQL and SQLite: a on (blame_id, …)
// and a_blame_id on (…) would be called the same.
func TestIndexNamesThatReadAlike(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "x", "x_blame_id", "x_object_id")
		s.suffix = ""
		s.prefix = "a"
		s.update(t)
	})
}

func TestNames(t *testing.T) {
	names := map[string]annals.Table{
		"mixed case":     {Name: "OrderItem"},
		"reserved":       {Name: "order"},
		"also reserved":  {Name: "select"},
		"space":          {Name: "order item"},
		"dot":            {Name: "a.b"},
		"double quote":   {Name: `say "hi"`},
		"backtick":       {Name: "tick`tock"},
		"single quote":   {Name: "it's"},
		"backslash":      {Name: `back\slash`},
		"semicolon":      {Name: "a;b"},
		"umlauts":        {Name: "Größe"},
		"percent":        {Name: "100%s"},
		"57 long":        {Name: strings.Repeat("a", 57)},
		"58 long":        {Name: strings.Repeat("b", 58)},
		"63 long":        {Name: strings.Repeat("c", 63)},
		"63, same start": {Name: strings.Repeat("c", 62) + "d"},
		"multi-byte":     {Name: strings.Repeat("é", 31)},
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db)
		all := map[string]annals.Table{"64 long": {Name: strings.Repeat("e", 64)}}
		for what, table := range names {
			all[what] = table
		}
		switch s.d.Name() {
		case dialect.PostgresName:
			delete(all, "64 long")
			all["emoji"] = annals.Table{Name: "fire 🔥"}
			all["schema"] = annals.Table{Schema: `My "own".schema`, Name: "posts"}
		case dialect.SQLiteName:
			all["emoji"] = annals.Table{Name: "fire 🔥"}
			all["schema"] = annals.Table{Schema: "main", Name: "posts"}
		default:
			all["schema"] = annals.Table{Schema: "annals_other_" + db.DSN[len(db.DSN)-8:], Name: "posts"}
			t.Cleanup(func() {
				drop := "DROP DATABASE IF EXISTS " + s.q(all["schema"].Schema)
				if _, err := testdb.Superuser(t, db.Kind).Exec(drop); err != nil {
					t.Error(err)
				}
			})
		}
		for what, table := range all {
			s.entities = append(s.entities, annals.Entity{Name: what, Source: "app", Table: table})
		}
		s.update(t)
		for _, e := range s.target().Entities {
			query := "SELECT COUNT(*) FROM " + s.d.Table(e.Audit)
			if _, err := s.ExecContext(t.Context(), query); err != nil {
				t.Errorf("%s: %v", e.Entity.Name, err)
			}
		}
		// The registry has every name as it is.
		for _, e := range s.target().Entities {
			var name string
			err := s.QueryRowContext(t.Context(), "SELECT table_name FROM annals_audit_entity WHERE name = "+
				s.d.Placeholder(1), e.Entity.Name).Scan(&name)
			if err != nil || name != e.Audit.Name {
				t.Errorf("%s: registered as %q, %v", e.Entity.Name, name, err)
			}
		}
	})
}

// The plan holds values as text, which has to be right under every setting.
func TestValuesInPlans(t *testing.T) {
	names := []string{
		`\`, `\'`, `'\`, `''`, `\\'`, `'; DROP TABLE posts; --`, `"`, "`", "%s", "/*", "*/", `x'41'`,
		"$$", "${HOME}", "$1", "?", "@a", "#", "ünïcödé 🔥", "\u2028", " lead", "trail ", `E'a'`,
	}
	settings := map[string][]string{
		"postgres": {"SET standard_conforming_strings = on", "SET standard_conforming_strings = off"},
		"mysql":    {"SET sql_mode = ''", "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'"},
		"sqlite":   {"PRAGMA user_version = 0"},
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db)
		s.SetMaxOpenConns(1)
		for i, setting := range settings[s.d.Name()] {
			s.exec(t, setting)
			for j, name := range names {
				if j%2 == i%2 {
					s.entities = append(s.entities, annals.Entity{
						Name: name, Source: name, Table: annals.Table{Name: fmt.Sprintf("t%d", j)},
					})
				}
			}
			s.update(t)
		}
		s.exec(t, settings[s.d.Name()][0])
		for _, e := range s.entities {
			var source string
			err := s.QueryRowContext(t.Context(), "SELECT source FROM annals_audit_entity WHERE name = "+
				s.d.Placeholder(1), e.Name).Scan(&source)
			if err != nil || source != e.Name {
				t.Errorf("%q came back as %q, %v", e.Name, source, err)
			}
		}
	})
}

func TestPrefixAndEmptySuffix(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.prefix, s.suffix = "log_", ""
		s.update(t)
		s.insert(t, "log_posts", 1)
	})
}

func TestEntityRemovedKeepsItsTable(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts", "users")
		s.update(t)
		s.entities = s.entities[:1]
		s.mustBeDone(t)
		s.insert(t, "users_audit", 1)
	})
}

func TestConflicts(t *testing.T) {
	tests := map[string]struct {
		prepare func(s *setup) []string
		names   []string
		tune    func(s *setup)
	}{
		"two entities, one table": {names: []string{"posts", "articles"}, tune: func(s *setup) {
			s.entities[1].AuditTable = "posts_audit"
		}},
		"annals' own table": {names: []string{"revision"}, tune: func(s *setup) {
			s.prefix, s.suffix = "annals_", ""
		}},
		"annals' own sequence": {names: []string{"seq"}, tune: func(s *setup) {
			s.prefix, s.suffix = "annals_", ""
		}},
		"the audited table itself": {
			names: []string{"posts"},
			prepare: func(*setup) []string {
				return []string{"CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(20))"}
			},
			tune: func(s *setup) { s.suffix = "" },
		},
		"table without id": {
			names: []string{"posts"},
			prepare: func(*setup) []string {
				return []string{"CREATE TABLE posts_audit (number INTEGER)"}
			},
		},
		"view": {
			names: []string{"posts"},
			prepare: func(*setup) []string {
				return []string{"CREATE VIEW posts_audit AS SELECT 1 AS id"}
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				s := newSetup(t, db, tt.names...)
				if tt.tune != nil {
					tt.tune(s)
				}
				if tt.prepare != nil {
					s.exec(t, tt.prepare(s)...)
				}
				_, err := s.manager(t).Update(t.Context())
				var fault *annals.Error
				if !errors.Is(err, schema.ErrConflict) || !errors.Is(err, annals.ErrConfig) ||
					!errors.As(err, &fault) || fault.Subject == "" || fault.Remedy == "" {
					t.Fatalf("got %v", err)
				}
				t.Log(err)
				if n := s.ownTables(t); n != 0 {
					t.Errorf("%d tables were created nevertheless", n)
				}
			})
		})
	}
}

// ownTables counts annals' tables by trying them.
func (s *setup) ownTables(t *testing.T) (n int) {
	t.Helper()
	for _, table := range layout.Own(s.d.Limits()) {
		if _, err := s.ExecContext(t.Context(), "SELECT 1 FROM "+s.d.Table(table.Name)); err == nil {
			n++
		}
	}
	return n
}

func TestAuditTableMoved(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts")
		s.update(t)
		s.suffix = "_log"
		if _, err := s.manager(t).Plan(t.Context()); !errors.Is(err, schema.ErrConflict) {
			t.Fatalf("got %v", err)
		}
		s.exec(t, "ALTER TABLE posts_audit RENAME TO posts_log")
		s.mustPlan(t, "UPDATE ")
		s.update(t)
	})
}

// SQLite takes names that differ in case for the same.
func TestNamesThatDifferInCase(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newSetup(t, db, "posts", "Posts")
		_, err := s.manager(t).Update(t.Context())
		if conflict := errors.Is(err, schema.ErrConflict); conflict != (s.d.Name() == dialect.SQLiteName) {
			t.Fatalf("got %v", err)
		}
		s.entities = s.entities[:1]
		s.update(t)
		s.exec(t, "ALTER TABLE posts_audit RENAME TO other", "ALTER TABLE other RENAME TO "+s.q("POSTS_AUDIT"))
		if empty := s.plan(t).Empty(); empty != (s.d.Name() == dialect.SQLiteName) {
			t.Errorf("nothing planned: %t", empty)
		}
	})
}

func TestNoSchema(t *testing.T) {
	db := testdb.New(t, "postgres")
	s := newSetup(t, db, "posts")
	s.SetMaxOpenConns(1)
	for _, path := range []string{"''", `"$user"`} {
		s.exec(t, "SET search_path = "+path)
		var fault *annals.Error
		if _, err := s.manager(t).Plan(t.Context()); !errors.As(err, &fault) || fault.Remedy == "" {
			t.Errorf("got %v", err)
		}
	}
}

// The schema that the connection is meant to work in is made where it is missing.
func TestSchemaOfTheConnectionIsMade(t *testing.T) {
	for path, name := range map[string]string{
		"audit": "audit", `"$user", "Au""dit, it", public_too`: `Au"dit, it`,
	} {
		s := newSetup(t, testdb.New(t, "postgres"), "posts")
		s.SetMaxOpenConns(1)
		s.exec(t, "SET search_path = "+path)
		s.update(t)
		var got string
		err := s.QueryRowContext(t.Context(), "SELECT schemaname FROM pg_tables WHERE tablename = 'posts_audit'").Scan(&got)
		if err != nil || got != name {
			t.Errorf("%s: the audit table is in %q, %v", path, got, err)
		}
	}
}

func TestMissingAttachedDatabase(t *testing.T) {
	s := newSetup(t, testdb.New(t, "sqlite"), "elsewhere.posts")
	if _, err := s.manager(t).Plan(t.Context()); !errors.Is(err, annals.ErrConfig) {
		t.Errorf("got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	ok := schema.Target{Name: "default", DB: &sql.DB{}, Dialect: dialect.Postgres()}
	with := func(change func(*schema.Target)) []schema.Target {
		target := ok
		change(&target)
		return []schema.Target{target}
	}
	entity := func(name, audit string) schema.EntityTable {
		return schema.EntityTable{Entity: annals.Entity{Name: name}, Audit: annals.Table{Name: audit}}
	}
	tests := map[string][]schema.Target{
		"no database":        with(func(t *schema.Target) { t.DB = nil }),
		"no name":            with(func(t *schema.Target) { t.Name = "" }),
		"twice":              {ok, ok},
		"index set":          with(func(t *schema.Target) { t.Indexes = "fat" }),
		"no audit table":     with(func(t *schema.Target) { t.Entities = []schema.EntityTable{entity("a", "")} }),
		"line break":         with(func(t *schema.Target) { t.Entities = []schema.EntityTable{entity("a", "b\nc")} }),
		"too long":           with(func(t *schema.Target) { t.Entities = []schema.EntityTable{entity("a", strings.Repeat("x", 64))} }),
		"entity twice":       with(func(t *schema.Target) { t.Entities = []schema.EntityTable{entity("a", "b"), entity("a", "c")} }),
		"entity has no name": with(func(t *schema.Target) { t.Entities = []schema.EntityTable{entity("", "c")} }),
	}
	for name, targets := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := schema.New(schema.Config{Targets: targets})
			var faults *annals.ConfigError
			if !errors.As(err, &faults) || len(faults.Faults) == 0 {
				t.Errorf("got %v", err)
			}
		})
	}
}
