package schema_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
)

// copied describes a table of which a copy is wanted: columns as "name type", the
// first of them the key.
type copied struct {
	table, entity, parent string
	join                  bool
	columns               []string
	key                   []string
	finders               [][]string
	masked                []string
}

// mirror is a storage of the mirror layout.
type mirror struct {
	*setup
	schema string
	tables []copied
}

func newMirror(t *testing.T, db *testdb.DB, tables ...copied) *mirror {
	t.Helper()
	return &mirror{setup: newSetup(t, db), tables: tables}
}

func (m *mirror) target() schema.Target {
	target := schema.Target{Name: "default", DB: m.DB.DB, Dialect: m.d, Mirror: true}
	for _, c := range m.tables {
		target.Copies = append(target.Copies, m.copy(c))
	}
	return target
}

func (m *mirror) copy(c copied) schema.Copy {
	of := layout.CopyOf{
		Name: layout.AuditTable(annals.Table{Name: c.table}, m.prefix, m.suffix, m.d.Limits()),
		Key:  c.key, Finders: c.finders,
	}
	of.Name.Schema = m.schema
	out := schema.Copy{
		Name: c.entity, Source: "app", Table: annals.Table{Name: c.table}, Join: c.join, Parent: c.parent,
	}
	if out.Name == "" {
		out.Name = c.table
	}
	for i, column := range c.columns {
		name, sql, _ := strings.Cut(column, " ")
		if i == 0 && len(of.Key) == 0 {
			of.Key = []string{name}
		}
		of.Columns = append(of.Columns, layout.Column{Name: name, Type: layout.Raw, SQL: sql, Null: true})
		out.Columns = append(out.Columns, schema.CopyColumn{Name: name, Copy: name, SourceType: sql})
	}
	for _, name := range c.masked {
		of.Columns = append(of.Columns, layout.Column{
			Name: layout.MaskedPrefix + name, Type: layout.Boolean, Null: true,
		})
		out.Columns = append(out.Columns, schema.CopyColumn{
			Name: name, Copy: layout.MaskedPrefix + name, SourceType: "text", Codec: `{"masked":true}`,
		})
	}
	out.Shape = layout.Copy(of, m.d.Limits())
	return out
}

func (m *mirror) manager(t *testing.T) *schema.Manager {
	t.Helper()
	manager, err := schema.New(schema.Config{Targets: []schema.Target{m.target()}})
	if err != nil {
		t.Fatal(err)
	}
	return manager
}

func (m *mirror) plan(t *testing.T) schema.Plan {
	t.Helper()
	plans, err := m.manager(t).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return plans[0]
}

func (m *mirror) update(t *testing.T) {
	t.Helper()
	if _, err := m.manager(t).Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := m.plan(t); !p.Empty() {
		t.Fatalf("still planned:\n%s", p.SQL())
	}
}

// statements are those of the plan, of which each has to have one of the texts.
func (m *mirror) mustPlan(t *testing.T, texts ...string) {
	t.Helper()
	p := m.plan(t)
	if len(p.Statements) != len(texts) {
		t.Fatalf("%d statements planned, want %d:\n%s", len(p.Statements), len(texts), p.SQL())
	}
	for i, text := range texts {
		if !strings.Contains(p.Statements[i].SQL, text) {
			t.Errorf("statement %d is without %q:\n%s", i, text, p.Statements[i].SQL)
		}
	}
}

// types are column types that the three databases share a meaning of.
func (m *mirror) types() (id, text, number string) {
	switch m.d.Name() {
	case dialect.PostgresName:
		return "bigint", "character varying(50)", "numeric(10,2)"
	case dialect.MySQLName:
		return "bigint(20)", "varchar(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "decimal(10,2)"
	}
	return "INTEGER", "VARCHAR(50)", "NUMERIC(10,2)"
}

func (m *mirror) posts() copied {
	id, text, number := m.types()
	return copied{
		table: "posts", entity: "post", masked: []string{"token"},
		columns: []string{"id " + id, "title " + text, "price " + number, "author_id " + id},
		finders: [][]string{{"author_id"}},
	}
}

func (m *mirror) postTags() copied {
	id, _, _ := m.types()
	return copied{
		table: "post_tag", parent: "post", join: true,
		columns: []string{"post_id " + id, "tag_id " + id}, key: []string{"post_id", "tag_id"},
		finders: [][]string{{"post_id"}, {"tag_id"}},
	}
}

func (m *mirror) text(t *testing.T, query string, args ...any) string {
	t.Helper()
	rows, err := m.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		columns, _ := rows.Columns()
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, v := range values {
			switch v := v.(type) {
			case []byte:
				parts = append(parts, string(v))
			case bool:
				parts = append(parts, map[bool]string{true: "1", false: "0"}[v])
			default:
				parts = append(parts, fmt.Sprint(v))
			}
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// A mirror has its tables, its copies and the rows that triggers and readers count
// on; a second plan has nothing.
func TestMirror(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		m.tables = []copied{m.posts(), m.postTags()}
		m.update(t)
		for query, want := range map[string]string{
			"SELECT name FROM annals_revision_type ORDER BY id":                                              "insert\nupdate\ndelete\nepoch\ntruncate",
			"SELECT name, source, table_schema, table_name FROM annals_audit_entity":                         "post app <nil> posts_audit\npost_tag app <nil> post_tag_audit",
			"SELECT name, source, table_name, is_join_table, parent, audit_entity FROM annals_target_entity": "post app posts 0 <nil> post\npost_tag app post_tag 1 post post_tag",
			"SELECT entity, column_name, copy_column, from_seq, until_seq, codec FROM annals_target_column ORDER BY id": "post id id 0 <nil> <nil>\npost title title 0 <nil> <nil>\n" +
				"post price price 0 <nil> <nil>\npost author_id author_id 0 <nil> <nil>\n" +
				"post token annals_m_token 0 <nil> {\"masked\":true}\n" +
				"post_tag post_id post_id 0 <nil> <nil>\npost_tag tag_id tag_id 0 <nil> <nil>",
			"SELECT count(*) FROM annals_rules": "0",
			"SELECT count(*) FROM annals_epoch": "0",
		} {
			if got := m.text(t, query); got != want {
				t.Errorf("%s:\n%s\nwant\n%s", query, got, want)
			}
		}
		// Rows are taken as triggers write them: without a value for what they lack.
		m.exec(t, "INSERT INTO posts_audit (annals_id, annals_revision_entity_id, annals_seq, "+
			"annals_image, annals_ordinal, id, title) VALUES (3, 1, 1, 'after', 0, 7, 'A')")
		if got := m.text(t, "SELECT id, title, price, annals_m_token FROM posts_audit"); got != "7 A <nil> <nil>" {
			t.Errorf("copied row %q", got)
		}
	})
}

// Receipts are numbered by annals_seq on PostgreSQL, and by themselves elsewhere.
func TestMirrorSequence(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		m.tables = []copied{m.posts()}
		if got, want := strings.Contains(m.plan(t).SQL(), "SEQUENCE"), m.d.Name() == dialect.PostgresName; got != want {
			t.Errorf("a sequence is planned: %t\n%s", got, m.plan(t).SQL())
		}
		m.update(t)
		m.exec(t, "INSERT INTO annals_revision_entity (revision, entity, "+m.q("type")+", entries, created_at) "+
			"VALUES (1, 'post', 'insert', 1, '2026-01-01 00:00:00')")
		if got := m.text(t, "SELECT id FROM annals_revision_entity"); got != "1" {
			t.Errorf("receipt %s", got)
		}
	})
}

// On SQLite a copied row's number is its place in the file, with no index beside it.
func TestMirrorRowID(t *testing.T) {
	m := newMirror(t, testdb.New(t, dialect.SQLiteName))
	m.tables = []copied{m.posts()}
	m.update(t)
	got := m.text(t, "SELECT count(*) FROM pragma_index_list('posts_audit') WHERE origin = 'pk'")
	if got != "0" {
		t.Errorf("%s indexes of the primary key", got)
	}
	m.exec(t, "INSERT INTO posts_audit (annals_id, annals_revision_entity_id, annals_seq, annals_image, "+
		"annals_ordinal) VALUES (77, 1, 1, 'after', 0)")
	if got := m.text(t, "SELECT rowid FROM posts_audit"); got != "77" {
		t.Errorf("rowid %s", got)
	}
}

// What a copy lacks is added, what grew by the catalogue alone is widened, and what
// triggers keep is left to them.
func TestMirrorGrows(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		posts := m.posts()
		m.tables = []copied{posts}
		m.update(t)
		m.exec(t, "INSERT INTO posts_audit (annals_id, annals_revision_entity_id, annals_seq, "+
			"annals_image, annals_ordinal, id, title, price) VALUES (3, 1, 1, 'after', 0, 7, 'A', 1.50)")
		posts.columns[1] = strings.Replace(posts.columns[1], "(50)", "(60)", 1)
		posts.columns = append(posts.columns, "note "+strings.SplitN(posts.columns[1], " ", 2)[1])
		posts.finders = append(posts.finders, []string{"note"})
		m.tables = []copied{posts}
		texts := []string{"ADD COLUMN " + m.q("note"), "idx_posts_audit_note_annals_id"}
		switch m.d.Name() {
		case dialect.PostgresName:
			texts = append([]string{`ALTER COLUMN "title" TYPE character varying(60)`}, texts...)
			texts[2] = "CREATE INDEX CONCURRENTLY"
		case dialect.MySQLName:
			texts = append([]string{"MODIFY `title` varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL, ALGORITHM=INPLACE"}, texts...)
		}
		m.mustPlan(t, texts...)
		m.update(t)
		if got := m.text(t, "SELECT title, price, note FROM posts_audit"); !strings.HasPrefix(got, "A 1.5") {
			t.Errorf("row %q", got)
		}
		// The narrower type of before is held by the wider column.
		posts.columns[1] = strings.Replace(posts.columns[1], "(60)", "(40)", 1)
		m.tables = []copied{posts}
		m.mustPlan(t)
		// A column that is new is told of by "trigger create", from its number on.
		if got := m.text(t, "SELECT count(*) FROM annals_target_column WHERE column_name = 'note'"); got != "0" {
			t.Errorf("%s rows of the new column", got)
		}
	})
}

// A column whose type is another one than the copy's is never retyped.
func TestMirrorRefusesToRetype(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		posts := m.posts()
		m.tables = []copied{posts}
		m.update(t)
		wrong := map[string]string{"postgres": "text", "mysql": "int(11)", "sqlite": "TEXT"}[m.d.Name()]
		posts.columns[2] = "price " + wrong
		m.tables = []copied{posts}
		_, err := m.manager(t).Plan(t.Context())
		if !errors.Is(err, schema.ErrUnfit) || !strings.Contains(err.Error(), "column price is") {
			t.Fatalf("error %v", err)
		}
		// Another column beside it is what a journal asks for.
		posts.columns[2] = "price_2 " + wrong
		m.tables = []copied{posts}
		m.mustPlan(t, "ADD COLUMN "+m.q("price_2"))
		m.update(t)
	})
}

// Another key leads the index by which an object's rows are found; the former index
// stays, as everything does.
func TestMirrorKeyChange(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		posts := m.posts()
		m.tables = []copied{posts}
		m.update(t)
		posts.key = []string{"title", "id"}
		m.tables = []copied{posts}
		m.mustPlan(t, "idx_posts_audit_title_id_annals_id")
		m.update(t)
	})
}

// An entity's new name is taken along by everything that a mirror knows of it.
func TestMirrorRename(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		posts, tags := m.posts(), m.postTags()
		m.tables = []copied{posts, tags}
		m.update(t)
		m.exec(t, "INSERT INTO annals_revision_entity (revision, entity, "+m.q("type")+", entries, created_at) "+
			"VALUES (1, 'post', 'insert', 1, '2026-01-01 00:00:00')",
			"INSERT INTO annals_rules (entity, from_seq, rules, created_at) VALUES ('post', 0, '{}', '2026-01-01 00:00:00')",
			"INSERT INTO annals_clean (entity, "+m.q("before")+", "+m.q("time")+") VALUES ('post', '2026-01-01 00:00:00', '2026-01-01 00:00:00')")
		posts.entity, tags.parent = "article", "article"
		m.tables = []copied{posts, tags}
		m.update(t)
		for query, want := range map[string]string{
			"SELECT name, table_name FROM annals_audit_entity ORDER BY id":            "article posts_audit\npost_tag post_tag_audit",
			"SELECT name, parent, audit_entity FROM annals_target_entity ORDER BY id": "article <nil> article\npost_tag article post_tag",
			"SELECT DISTINCT entity FROM annals_target_column ORDER BY entity":        "article\npost_tag",
			"SELECT entity FROM annals_rules":                                         "article",
			"SELECT entity FROM annals_revision_entity":                               "article",
			"SELECT entity FROM annals_clean ORDER BY id":                             "post\narticle",
		} {
			if got := m.text(t, query); got != want {
				t.Errorf("%s:\n%s\nwant\n%s", query, got, want)
			}
		}
	})
}

// A table that gives entries of its own once is an entity ever after: what it has
// been is read under its name.
func TestMirrorTargetsOfJoinTables(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		tags := m.postTags()
		m.tables = []copied{m.posts(), tags}
		m.update(t)
		parent := func() string {
			return m.text(t, "SELECT parent FROM annals_target_entity WHERE name = 'post_tag'")
		}
		tags.parent = ""
		m.tables[1] = tags
		m.mustPlan(t, "UPDATE "+m.q("annals_target_entity"))
		m.update(t)
		if parent() != "<nil>" {
			t.Errorf("parent %q of an entity", parent())
		}
		tags.parent = "post"
		m.tables[1] = tags
		m.mustPlan(t)
	})
}

// The two layouts do not share a place.
func TestLayoutsDoNotMix(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		m.tables = []copied{m.posts()}
		m.setup.entities = []annals.Entity{{Name: "other", Source: "app", Table: annals.Table{Name: "others"}}}
		t.Run("entries first", func(t *testing.T) {
			other := newSetup(t, m.DB, "others")
			other.update(t)
			_, err := m.manager(t).Plan(t.Context())
			mustConflict(t, err, "a storage of layout entries are here, and this one has layout mirror")
			for _, table := range []string{"annals_revision_entity", "annals_revision", "annals_audit_entity", "annals_clean", "others_audit"} {
				m.exec(t, "DROP TABLE "+table)
			}
			if m.d.Features().Sequences {
				m.exec(t, "DROP SEQUENCE annals_seq")
			} else {
				m.exec(t, "DROP TABLE annals_seq")
			}
		})
		t.Run("mirror first", func(t *testing.T) {
			m.update(t)
			_, err := newSetup(t, m.DB, "others").manager(t).Plan(t.Context())
			mustConflict(t, err, "a storage of layout mirror are here, and this one has layout entries")
		})
	})
}

func mustConflict(t *testing.T, err error, text string) {
	t.Helper()
	var fault *annals.Error
	if !errors.Is(err, schema.ErrConflict) || !errors.As(err, &fault) ||
		!strings.Contains(err.Error(), text) || fault.Remedy == "" {
		t.Errorf("error %v, want a conflict with %q", err, text)
	}
}

// A table that is no copy is never filled as one.
func TestMirrorConflicts(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		m.tables = []copied{m.posts()}
		m.exec(t, "CREATE TABLE posts_audit (id INTEGER PRIMARY KEY)")
		_, err := m.manager(t).Plan(t.Context())
		mustConflict(t, err, "a table without the key column annals_id has the name")
		m.exec(t, "DROP TABLE posts_audit", "CREATE TABLE posts_audit (annals_id INTEGER PRIMARY KEY)")
		_, err = m.manager(t).Plan(t.Context())
		mustConflict(t, err, "a table that is no copy has the name")
		m.exec(t, "DROP TABLE posts_audit", "CREATE VIEW posts_audit AS SELECT 1 AS annals_id")
		_, err = m.manager(t).Plan(t.Context())
		mustConflict(t, err, "a view has the name")
	})
}

// Names are kept whatever they hold.
func TestMirrorNames(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		id, text, _ := m.types()
		long := strings.Repeat("long_", 12)
		m.tables = []copied{
			{table: "Order", columns: []string{"Id " + id, "Select " + text}},
			{table: `we"ird'na` + "`me;", entity: `it's; a "thing"`, columns: []string{"id " + id, `a"b'c;` + "` " + text}},
			{table: long, columns: []string{strings.Repeat("k", 60) + " " + id, strings.Repeat("c", 60) + " " + text}},
			{table: "größe", columns: []string{"id " + id, "straße " + text}},
		}
		m.update(t)
		if got := m.text(t, "SELECT count(*) FROM annals_target_column"); got != "8" {
			t.Errorf("%s columns", got)
		}
	})
}

// Rules of the past are read under an entity's new name, too.
func TestMirrorRenameRules(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		m := newMirror(t, db)
		posts, tags := m.posts(), m.postTags()
		m.tables = []copied{posts, tags}
		m.update(t)
		m.exec(t, `INSERT INTO annals_rules (entity, from_seq, rules, created_at) VALUES
			('post', 0, '{"table":"posts","key":["id"],"entity":{"name":"post","label":"it''s <b>"}}', '2026-01-01 00:00:00'),
			('post_tag', 5, '{"links":[{"name":"post.tags","owner":{"entity":"post"},"target":{"entity":"tag"}}]}', '2026-01-01 00:00:00')`)
		posts.entity, tags.parent = `art"icle`, `art"icle`
		m.tables = []copied{posts, tags}
		m.update(t)
		got := m.text(t, "SELECT rules FROM annals_rules ORDER BY id")
		for _, want := range []string{`"name":"art\"icle"`, `it's <b>`, `"entity":"art\"icle"`, `"entity":"tag"`, `"post.tags"`} {
			if !strings.Contains(strings.ReplaceAll(got, ": ", ":"), want) {
				t.Errorf("rules without %s:\n%s", want, got)
			}
		}
	})
}

// SQLite takes any text for a type; the copy keeps what it does to values.
func TestMirrorTypesOfSQLite(t *testing.T) {
	m := newMirror(t, testdb.New(t, dialect.SQLiteName))
	types := []string{"INTEGER", "", "order", "VARCHAR(50)", "my \"own\" `type`", "DECIMAL(10,2)", "FLOAT8", "UNSIGNED BIG INT"}
	c := copied{table: "odd"}
	for i, sql := range types {
		c.columns = append(c.columns, fmt.Sprintf("c%d %s", i, sql))
	}
	m.tables = []copied{c}
	m.update(t)
	if got, want := m.text(t, "SELECT type FROM pragma_table_info('odd_audit') WHERE name LIKE 'c_'"), strings.Join(types, "\n"); got != want {
		t.Errorf("types\n%s\nwant\n%s", got, want)
	}
}
