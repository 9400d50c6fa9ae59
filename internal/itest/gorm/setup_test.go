package gorm_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// rules are the entities of the models.
func rules() map[string]config.Entity {
	return map[string]config.Entity{
		"author": {Table: "authors", Label: "name"}, "profile": {Table: "profiles"},
		"post": {
			Table: "posts", Label: "title", Mask: []string{"secret"}, Ignore: []string{"note"},
		},
		"tag":  {Table: "tags", Label: "name"},
		"item": {Table: "items", SoftDelete: "deleted_at", Ignore: []string{"updated_at"}},
		"memo": {Table: "memos"}, "stock": {Table: "stocks"}, "doc": {Table: "docs"},
		"ticket": {Table: "tickets"}, "toy": {Table: "toys"}, "cat": {Table: "cats"},
		"person": {Table: "people"}, "node": {Table: "nodes"}, "branch": {Table: "branches"},
		"desk": {Table: "desks"}, "slot": {Table: "slots"}, "slot_use": {Table: "slot_uses"},
		"slot_note": {Table: "slot_notes"}, "lot": {Table: "lots"}, "part": {Table: "parts"},
		"vehicle": {Table: "vehicles", Discriminator: "kind"}, "sample": {Table: "samples"},
		"gadget": {Table: "gadgets", Ignore: []string{"blob"}}, "flagged": {Table: "flaggeds"},
		"stamped": {Table: "stampeds"}, "mixed": {Table: "mixeds"}, "member": {Table: "members"},
		"club": {Table: "clubs"}, "membership": {Table: "memberships"},
	}
}

// open opens GORM on a database.
func open(tb testing.TB, db *testdb.DB, cfg gorm.Config) *gorm.DB {
	tb.Helper()
	return orm.Open(tb, db.Dialect, db.DB, cfg)
}

// newAuditor is an auditor of the one database db.
func newAuditor(tb testing.TB, db *sql.DB, name string, change ...func(*auditor.Config)) *auditor.Auditor {
	tb.Helper()
	cfg := auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: db, Dialect: name}},
		Entities: rules(),
	}
	for _, c := range change {
		c(&cfg)
	}
	aud, err := auditor.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return aud
}

// tickets is the table whose key the database makes; GORM cannot say so.
var tickets = map[string]string{
	dialect.PostgresName: `CREATE TABLE tickets (id varchar(36) PRIMARY KEY
		DEFAULT md5(random()::text), name text)`,
	dialect.MySQLName: `CREATE TABLE tickets (id varchar(36) PRIMARY KEY
		DEFAULT uuid(), name text)`,
	dialect.SQLiteName: `CREATE TABLE tickets (id text PRIMARY KEY
		DEFAULT (lower(hex(randomblob(16)))), name text)`,
}

// world is a database with the models' tables, audited where aud is not nil.
type world struct {
	tb  testing.TB
	sql *testdb.DB
	db  *gorm.DB
	aud *auditor.Auditor
	// all are the tables to look into; nil means those of the models.
	all []string
}

// newWorld makes one on a database of its own.
func newWorld(t *testing.T, db *testdb.DB, audited bool, cfg gorm.Config,
	change ...func(*auditor.Config),
) *world {
	t.Helper()
	w := &world{tb: t, sql: db}
	if _, err := db.ExecContext(t.Context(), tickets[db.Dialect]); err != nil {
		t.Fatal(err)
	}
	if !audited {
		w.db = open(t, db, cfg)
		if err := w.db.AutoMigrate(models()...); err != nil {
			t.Fatal(err)
		}
		return w
	}
	w.aud = newAuditor(t, db.DB, db.Dialect, change...)
	w.db = open(t, db, cfg)
	if err := w.db.Use(gormcapture.New(w.aud)); err != nil {
		t.Fatal(err)
	}
	if err := gormcapture.AutoMigrate(t.Context(), w.db, models()...); err != nil {
		t.Fatal(err)
	}
	return w
}

// quote quotes an identifier.
func (w *world) quote(name string) string { return w.dialect().Quote(name) }

func (w *world) dialect() dialect.Dialect {
	d, err := dialect.Detect(context.Background(), w.sql.DB, w.sql.Dialect)
	if err != nil {
		w.tb.Fatal(err)
	}
	return d
}

// tables are all tables of the models, join tables included.
func tables() []string {
	return append(specialTables(), []string{
		"post_tags", "posts", "profiles", "authors", "tags", "items", "memos", "stocks",
		"docs", "tickets", "toys", "cats", "people", "nodes", "desks", "branches", "regions",
		"slot_notes", "slot_uses", "slots", "parts", "lots", "vehicles", "samples", "bares",
	}...)
}

// reset empties every table and starts numbers again.
func (w *world) reset() {
	w.tb.Helper()
	all := tables()
	own := []string{"annals_revision_entity", "annals_revision"}
	if w.aud != nil {
		for _, e := range rules() {
			own = append(own, e.Table+"_audit")
		}
		all = append(all, own...)
	}
	var statements []string
	switch w.sql.Dialect {
	case dialect.PostgresName:
		statements = []string{"SET session_replication_role = replica"}
		for _, t := range all {
			statements = append(statements, "DELETE FROM "+w.quote(t))
		}
		statements = append(statements, "SET session_replication_role = DEFAULT",
			`DO $$ DECLARE s text; BEGIN FOR s IN SELECT format('%I.%I', schemaname, sequencename)
			FROM pg_sequences WHERE last_value IS NOT NULL AND sequencename NOT LIKE 'annals_seq%' LOOP
			EXECUTE 'ALTER SEQUENCE ' || s || ' RESTART'; END LOOP; END $$`)
		statements = []string{strings.Join(statements, ";\n")}
	case dialect.MySQLName:
		statements = append(statements, "SET foreign_key_checks = 0")
		for _, t := range all {
			statements = append(statements, "DELETE FROM "+w.quote(t))
		}
		for _, t := range w.numbered() {
			statements = append(statements, "ALTER TABLE "+w.quote(t)+" AUTO_INCREMENT = 1")
		}
		statements = append(statements, "SET foreign_key_checks = 1")
	default:
		statements = append(statements, "PRAGMA foreign_keys = 0")
		for _, t := range all {
			statements = append(statements, "DELETE FROM "+w.quote(t))
		}
		statements = append(statements, "DELETE FROM sqlite_sequence WHERE name NOT LIKE 'annals_seq%'",
			"PRAGMA foreign_keys = 1")
	}
	w.exec(statements...)
}

// numbered are the tables whose numbers have begun, on MariaDB.
func (w *world) numbered() (names []string) {
	rows, err := w.sql.QueryContext(context.Background(), "SELECT table_name FROM "+
		"information_schema.tables WHERE table_schema = DATABASE() AND auto_increment > 1 "+
		"AND table_name NOT LIKE 'annals%'")
	if err != nil {
		w.tb.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			w.tb.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// exec runs statements that have to work, on one connection.
func (w *world) exec(statements ...string) {
	w.tb.Helper()
	ctx := context.Background()
	conn, err := w.sql.Conn(ctx)
	if err != nil {
		w.tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			w.tb.Fatalf("%s: %v", s, err)
		}
	}
}

// quiet is the world's GORM with capture switched off.
func (w *world) quiet() *gorm.DB {
	return w.db.WithContext(annals.Off(context.Background()))
}

// count counts the rows of a table.
func (w *world) count(table string) int {
	w.tb.Helper()
	var n int
	err := w.sql.QueryRowContext(context.Background(),
		"SELECT COUNT(*) FROM "+w.quote(table)).Scan(&n)
	if err != nil {
		w.tb.Fatal(fmt.Errorf("count %s: %w", table, err))
	}
	return n
}
