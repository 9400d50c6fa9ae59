package auditor_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/reader"
	"github.com/seed-162b1470/annals/schema"
)

// blog makes tables of the common kinds: with a label, a secret, a child, a join
// table.
func blog(t *testing.T, db *testdb.DB) {
	t.Helper()
	exec(t, db,
		"CREATE TABLE posts (id INTEGER PRIMARY KEY, title VARCHAR(50), token VARCHAR(40), price DECIMAL(10,2))",
		"CREATE TABLE tags (id INTEGER PRIMARY KEY, name VARCHAR(50))",
		"CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER REFERENCES posts (id), body VARCHAR(50))",
		"CREATE TABLE post_tag (post_id INTEGER, tag_id INTEGER, PRIMARY KEY (post_id, tag_id), "+
			"FOREIGN KEY (post_id) REFERENCES posts (id), FOREIGN KEY (tag_id) REFERENCES tags (id))")
}

// triggered is a configuration of the blog whose changes are captured by triggers.
func triggered(db *testdb.DB) auditor.Config {
	return auditor.Config{
		Sources: map[string]auditor.Source{
			"app": {DB: db.DB, Dialect: db.Dialect, Capture: config.CaptureTrigger},
		},
		Entities: map[string]config.Entity{
			"post": {Table: "posts", Label: "title", Mask: []string{"token"}}, "tag": {Table: "tags"}, "*": {},
		},
		Relations: map[string]config.Relation{
			"post.tags":     {Entity: "tag", Through: "post_tag"},
			"post.comments": {Entity: "comments", Column: "post_id"},
		},
	}
}

func plans(t *testing.T, aud *auditor.Auditor) []schema.Plan {
	t.Helper()
	manager, err := aud.Schema(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	plans, err := manager.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return plans
}

func mustBePlanned(t *testing.T, aud *auditor.Auditor) {
	t.Helper()
	for _, p := range plans(t, aud) {
		if !p.Empty() {
			t.Fatalf("still planned:\n%s", p.SQL())
		}
	}
}

func lines(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		columns, _ := rows.Columns()
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, v := range values {
			parts = append(parts, v.String)
		}
		out = append(out, strings.Join(parts, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// A source whose triggers deliver directly has a mirror, made in one go; copies,
// annals' tables and join tables are no entities.
func TestMirrorOfASource(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		aud := newAuditor(t, triggered(db))
		update(t, aud)
		aud.Refresh()
		mustBePlanned(t, aud)
		got, err := aud.Entities(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"comments", "post", "tag"}; !slices.Equal(names(got), want) {
			t.Errorf("audited are %v, want %v", names(got), want)
		}
		want := "comments|app|comments|||comments_audit\npost|app|posts|||posts_audit\n" +
			"post_tag|app|post_tag|1|post|post_tag_audit\ntag|app|tags|||tags_audit"
		if got := strings.NewReplacer("|false|", "||", "|true|", "|1|", "|0|", "||").Replace(lines(t, db.DB,
			"SELECT t.name, t.source, t.table_name, t.is_join_table, t.parent, a.table_name "+
				"FROM annals_target_entity t JOIN annals_audit_entity a ON a.name = t.audit_entity ORDER BY t.name")); got != want {
			t.Errorf("targets\n%s\nwant\n%s", got, want)
		}
		if got := lines(t, db.DB, "SELECT column_name, copy_column, codec FROM annals_target_column "+
			"WHERE entity = 'post' ORDER BY id"); got != "id|id|\ntitle|title|\ntoken|annals_m_token|{\"masked\":true}\nprice|price|" {
			t.Errorf("columns of post\n%s", got)
		}
		routes, err := aud.Routes(t.Context())
		if err != nil || routes[1].Layouts[0] != config.LayoutMirror || routes[1].Tables[0].Name != "posts_audit" {
			t.Errorf("routes %+v, %v", routes, err)
		}
	})
}

func TestJournals(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		aud := newAuditor(t, triggered(db))
		journals, err := aud.Journals(t.Context())
		if err != nil || len(journals) != 1 || journals[0].Source() != "app" || journals[0].Storage() != "default" {
			t.Fatalf("journals %v, %v", journals, err)
		}
		j, err := aud.Journal("")
		if err != nil {
			t.Fatal(err)
		}
		targets, err := j.Targets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, target := range targets {
			got = append(got, fmt.Sprint(target.Name, " ", target.Copy.Name, " ", target.Join))
		}
		if want := []string{
			"comments comments_audit false", "post posts_audit false", "tag tags_audit false",
			"post_tag post_tag_audit true",
		}; !slices.Equal(got, want) {
			t.Errorf("targets %q, want %q", got, want)
		}
		if _, err := aud.Capture("app"); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("rows are captured in the program: %v", err)
		}
		how, err := aud.CaptureOf("app")
		if want := (auditor.Captured{
			Source: "app", Dialect: db.Dialect, Capture: config.CaptureTrigger, Context: config.ContextSession,
		}); err != nil || how != want {
			t.Errorf("capture %+v, %v", how, err)
		}
	})
}

// A source that the program captures has no triggers.
func TestJournalOfAnotherCapture(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		aud := newAuditor(t, auditor.Config{Sources: sources(db), Entities: map[string]config.Entity{"*": {}}})
		if j, err := aud.Journals(t.Context()); err != nil || len(j) != 0 {
			t.Errorf("journals %v, %v", j, err)
		}
		if _, err := aud.Journal("app"); !errors.Is(err, annals.ErrConfig) {
			t.Errorf("journal: %v", err)
		}
	})
}

// Tables change, copies grow, and nothing that was recorded is written again.
func TestMirrorFollowsItsTables(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		aud := newAuditor(t, triggered(db))
		update(t, aud)
		exec(t, db, "ALTER TABLE posts ADD COLUMN note VARCHAR(20)")
		switch db.Dialect {
		case dialect.PostgresName:
			exec(t, db, "ALTER TABLE posts ALTER COLUMN title TYPE varchar(60), ALTER COLUMN price TYPE double precision")
		case dialect.MySQLName:
			exec(t, db, "ALTER TABLE posts MODIFY title VARCHAR(60), MODIFY price DOUBLE")
		}
		aud.Refresh()
		update(t, aud)
		aud.Refresh()
		mustBePlanned(t, aud)
		got := lines(t, db.DB, "SELECT * FROM posts_audit LIMIT 0")
		if got != "" {
			t.Errorf("rows %s", got)
		}
		columns := columnsOf(t, db, "posts_audit")
		want := []string{"title", "price", "note"}
		if db.Dialect != dialect.SQLiteName {
			want = append(want, "price_2")
		}
		for _, column := range want {
			if !slices.Contains(columns, column) {
				t.Errorf("copy has %v, and no %s", columns, column)
			}
		}
	})
}

func columnsOf(t *testing.T, db *testdb.DB, table string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// Verify tells what a mirror lacks, and nothing once it is there.
func TestVerifyMirror(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		aud := newAuditor(t, triggered(db))
		kinds := func() map[string]int {
			found, err := aud.Verify(t.Context(), auditor.VerifyOptions{Storage: "default"})
			if err != nil {
				t.Fatal(err)
			}
			kinds := map[string]int{}
			for _, f := range found {
				kinds[f.Kind]++
			}
			return kinds
		}
		if got := kinds(); got["schema"] == 0 || got["not_built"] != 0 {
			t.Errorf("before: %v", got)
		}
		update(t, aud)
		if got := kinds(); got["schema"] != 0 || got["not_audited"] != 0 {
			t.Errorf("after: %v", got)
		}
		// A table that cannot be audited is told, and does not hide the rest.
		exec(t, db, "CREATE TABLE keyless (a INTEGER)")
		if got := kinds(); got["no_key"] == 0 {
			t.Errorf("with a table without a key: %v", got)
		}
	})
}

// beside opens another place that a transaction of the source reaches: a schema of its
// own, another database of the server, the same file.
func beside(t *testing.T, db *testdb.DB) (other *sql.DB, dsn string) {
	t.Helper()
	switch db.Dialect {
	case dialect.MySQLName:
		two := testdb.New(t, db.Kind)
		return two.DB, two.DSN
	case dialect.PostgresName:
		u, err := url.Parse(db.DSN)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set("search_path", "audit")
		u.RawQuery = q.Encode()
		dsn = u.String()
	default:
		dsn = db.DSN
	}
	other, err := sql.Open(db.DriverName, strings.TrimPrefix(dsn, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
	return other, dsn
}

// A mirror may have a place of its own: the source's is left as it is, and a second
// source that the program captures may keep its entries there.
func TestMirrorBesideItsSource(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		other, _ := beside(t, db)
		c := triggered(db)
		c.Storages = map[string]auditor.Storage{
			"copies": {DB: other, Dialect: db.Dialect, Beside: "app"},
		}
		aud := newAuditor(t, c)
		update(t, aud)
		aud.Refresh()
		mustBePlanned(t, aud)
		if got := lines(t, other, "SELECT table_schema, table_name FROM annals_audit_entity WHERE name = 'post'"); got != "|posts_audit" {
			t.Errorf("registered %q", got)
		}
		j, err := aud.Journal("app")
		if err != nil {
			t.Fatal(err)
		}
		targets, err := j.Targets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		source, place := targets[0].Source.Schema, targets[0].Copy.Schema
		if (source == place) != (db.Dialect == dialect.SQLiteName) {
			t.Errorf("the copy of a table in %q is in %q", source, place)
		}
		if db.Dialect == dialect.SQLiteName {
			return // a file has one place
		}
		c.Sources["desk"] = auditor.Source{DB: db.DB, Dialect: db.Dialect}
		c.Storages["entries"] = auditor.Storage{DB: db.DB, Dialect: db.Dialect}
		c.Entities = map[string]config.Entity{
			"post": {Source: "app", Table: "posts"}, "tag": {Source: "desk", Table: "tags"},
		}
		c.Relations = nil
		c.Routes = []config.Route{
			{Match: config.Patterns{"post"}, Storages: []string{"copies"}},
			{Match: config.Patterns{"*"}, Storages: []string{"entries"}},
		}
		both := newAuditor(t, c)
		update(t, both)
		mustBePlanned(t, both)
		if got := lines(t, db.DB, "SELECT name FROM annals_audit_entity"); got != "tag" {
			t.Errorf("entries storage has %q", got)
		}
	})
}

// Two places that are one are refused before anything is made, or with a remedy.
func TestLayoutsInOnePlace(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		c := triggered(db)
		c.Sources["desk"] = auditor.Source{DB: db.DB, Dialect: db.Dialect}
		c.Entities = map[string]config.Entity{
			"post": {Source: "app", Table: "posts"}, "tag": {Source: "desk", Table: "tags"},
		}
		c.Relations = nil
		c.Storages = map[string]auditor.Storage{"all": {DB: db.DB, Dialect: db.Dialect}}
		_, err := auditor.New(c)
		var faults *annals.ConfigError
		if !errors.As(err, &faults) || faults.Faults[0].Path != "storages.all.layout" || faults.Faults[0].Remedy == "" {
			t.Errorf("one storage for both: %v", err)
		}
	})
}

// A schema of the source that is not the connection's own keeps its copies.
func TestMirrorOfOtherSchemas(t *testing.T) {
	db := testdb.New(t, "postgres")
	exec(t, db, `CREATE SCHEMA "Sales"`, `CREATE TABLE "Sales"."Invoice" (id integer PRIMARY KEY, "Total" numeric(10,2))`)
	other, _ := beside(t, db)
	c := triggered(db)
	c.Relations = nil
	c.Entities = map[string]config.Entity{"invoice": {Table: "Sales.Invoice"}}
	c.Storages = map[string]auditor.Storage{"copies": {DB: other, Dialect: db.Dialect, Beside: "app"}}
	aud := newAuditor(t, c)
	update(t, aud)
	aud.Refresh()
	mustBePlanned(t, aud)
	if got := lines(t, other, "SELECT t.table_schema, t.table_name, a.table_schema, a.table_name FROM annals_target_entity t "+
		"JOIN annals_audit_entity a ON a.name = t.audit_entity"); got != "Sales|Invoice|Sales|Invoice_audit" {
		t.Errorf("registered %q", got)
	}
	if got := lines(t, db.DB, `SELECT "Total" FROM "Sales"."Invoice_audit"`); got != "" {
		t.Errorf("copy %q", got)
	}
}

// An entity with a new name goes on with the copy that it has, and with the columns
// that hold its own.
func TestMirrorOfARenamedEntity(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		c := triggered(db)
		aud := newAuditor(t, c)
		update(t, aud)
		// What "trigger create" records of a column that was retyped.
		exec(t, db, "UPDATE annals_target_column SET until_seq = 5 WHERE entity = 'post' AND column_name = 'price'",
			"ALTER TABLE posts_audit ADD COLUMN price_2 "+typeOfText(t, db),
			"INSERT INTO annals_target_column (entity, column_name, copy_column, source_type, from_seq) "+
				"VALUES ('post', 'price', 'price_2', '"+typeOfText(t, db)+"', 5)")
		switch db.Dialect {
		case dialect.PostgresName:
			exec(t, db, "ALTER TABLE posts ALTER COLUMN price TYPE varchar(9)")
		case dialect.MySQLName:
			exec(t, db, "ALTER TABLE posts MODIFY price VARCHAR(9)")
		default:
			exec(t, db, "ALTER TABLE posts DROP COLUMN price", "ALTER TABLE posts ADD COLUMN price VARCHAR(9)")
		}
		c.Entities["article"] = c.Entities["post"]
		delete(c.Entities, "post")
		c.Relations = map[string]config.Relation{"article.tags": {Entity: "tag", Through: "post_tag"}}
		aud = newAuditor(t, c)
		j, err := aud.Journal("app")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.CreateScript(t.Context()); !errors.Is(err, annals.ErrSchema) {
			t.Errorf("triggers before the rename: %v", err)
		}
		update(t, aud)
		aud.Refresh()
		mustBePlanned(t, aud)
		if got := lines(t, db.DB, "SELECT entity, copy_column FROM annals_target_column WHERE column_name = 'price' "+
			"ORDER BY from_seq"); got != "article|price\narticle|price_2" {
			t.Errorf("columns\n%s", got)
		}
		if got := columnsOf(t, db, "posts_audit"); slices.Contains(got, "price_3") {
			t.Errorf("copy has %v", got)
		}
	})
}

// typeOfText is the type of a copy of VARCHAR(9) as the journal records it.
func typeOfText(t *testing.T, db *testdb.DB) string {
	t.Helper()
	exec(t, db, "CREATE TABLE typed (id INTEGER PRIMARY KEY, v VARCHAR(9))")
	defer exec(t, db, "DROP TABLE typed")
	aud := newAuditor(t, auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect, Capture: config.CaptureTrigger}},
		Entities: map[string]config.Entity{"typed": {}},
	})
	j, err := aud.Journal("")
	if err != nil {
		t.Fatal(err)
	}
	targets, err := j.Targets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return targets[0].Columns[1].SQL
}

// What happens between an entity's new name and its new triggers is in its story, too.
func TestStoryOfARenamedEntity(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		blog(t, db)
		c := triggered(db)
		trigger := func(aud *auditor.Auditor) {
			t.Helper()
			j, err := aud.Journal("app")
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Create(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		aud := newAuditor(t, c)
		update(t, aud)
		trigger(aud)
		exec(t, db, "INSERT INTO posts (id, title) VALUES (1, 'A')", "INSERT INTO tags (id) VALUES (3)",
			"INSERT INTO post_tag (post_id, tag_id) VALUES (1, 3)")
		c.Entities["article"] = c.Entities["post"]
		delete(c.Entities, "post")
		c.Relations = map[string]config.Relation{"article.tags": {Entity: "tag", Through: "post_tag"}}
		aud = newAuditor(t, c)
		update(t, aud)
		exec(t, db, "UPDATE posts SET title = 'B'")
		trigger(aud)
		trigger(aud)
		exec(t, db, "UPDATE posts SET title = 'C'")
		page, err := aud.Reader().Find(t.Context(), reader.Query{Entity: "article", ObjectID: "1", Ascending: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range page.Entries {
			got = append(got, string(e.Type))
		}
		if want := []string{"insert", "associate", "update", "update"}; !slices.Equal(got, want) {
			t.Errorf("story %v, want %v", got, want)
		}
		if got := lines(t, db.DB, "SELECT DISTINCT entity FROM annals_revision_entity ORDER BY entity"); got != "article\npost_tag\ntag" {
			t.Errorf("receipts of\n%s", got)
		}
		if _, err := aud.Reader().Find(t.Context(), reader.Query{Entity: "post"}); !errors.Is(err, annals.ErrUnknownEntity) {
			t.Errorf("the former name: %v", err)
		}
	})
}
