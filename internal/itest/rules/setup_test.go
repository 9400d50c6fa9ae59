// Package rules_test holds each rule of an entity, and each switch, listener and
// comment, to its word: programs run through GORM on real databases, and what was
// stored is read by plain SQL.
package rules_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/capture/gormcapture"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/internal/itest/orm"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// world is a database with the tables of some models, audited through db.
type world struct {
	tb  testing.TB
	sql *testdb.DB
	db  *gorm.DB
	aud *auditor.Auditor
}

// open opens GORM on a database, without annals.
func open(tb testing.TB, db *testdb.DB) *gorm.DB {
	tb.Helper()
	return orm.Open(tb, db.Dialect, db.DB, gorm.Config{})
}

// newAuditor returns the auditor of a database.
func newAuditor(tb testing.TB, db *testdb.DB, cfg auditor.Config) *auditor.Auditor {
	tb.Helper()
	cfg.Sources = map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect}}
	aud, err := auditor.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return aud
}

// newWorld makes the tables of models and audits them by cfg.
func newWorld(tb testing.TB, db *testdb.DB, cfg auditor.Config, models ...any) *world {
	tb.Helper()
	w := &world{tb: tb, sql: db, db: open(tb, db), aud: newAuditor(tb, db, cfg)}
	if err := w.db.Use(gormcapture.New(w.aud)); err != nil {
		tb.Fatal(err)
	}
	if err := gormcapture.AutoMigrate(tb.Context(), w.db, models...); err != nil {
		tb.Fatal(err)
	}
	return w
}

// entities is a configuration of entities alone.
func entities(e map[string]config.Entity) auditor.Config { return auditor.Config{Entities: e} }

// retryable reports whether a write may succeed when it is run again.
func (w *world) retryable(err error) bool {
	d, detected := dialect.Detect(context.Background(), w.sql.DB, w.sql.Dialect)
	return detected == nil && d.Classify(err) == dialect.ClassRetryable
}

// row is a stored entry.
type row struct {
	id                         int64
	table, typ, object         string
	discriminator, diffs, hash string
	blame, extra               string
	seq, part                  int64
}

// stored reads the rows of audit tables, in the order of their numbers.
func (w *world) stored(tables ...string) []row {
	w.tb.Helper()
	var all []row
	for _, t := range tables {
		rows, err := w.sql.QueryContext(context.Background(), "SELECT id, type, object_id, "+
			"COALESCE(discriminator, ''), diffs, transaction_hash, seq, part, "+
			"COALESCE(blame_id, ''), extra_data FROM "+w.quote(t+"_audit")+" ORDER BY seq, part")
		if err != nil {
			w.tb.Fatal(err)
		}
		for rows.Next() {
			r := row{table: t}
			var extra []byte
			if err := rows.Scan(&r.id, &r.typ, &r.object, &r.discriminator, &r.diffs, &r.hash,
				&r.seq, &r.part, &r.blame, &extra); err != nil {
				w.tb.Fatal(err)
			}
			r.extra = string(extra)
			all = append(all, r)
		}
		if err := rows.Err(); err != nil {
			w.tb.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			w.tb.Fatal(err)
		}
	}
	return all
}

func (w *world) quote(name string) string {
	d, err := dialect.Detect(context.Background(), w.sql.DB, w.sql.Dialect)
	if err != nil {
		w.tb.Fatal(err)
	}
	return d.Quote(name)
}

// lines tells stored rows, one line each: "update post 1: title a>b". Columns are
// sorted; a label stands in brackets.
func (w *world) lines(tables ...string) []string {
	w.tb.Helper()
	var lines []string
	for _, r := range w.stored(tables...) {
		lines = append(lines, w.line(r))
	}
	return lines
}

func (w *world) line(r row) string {
	w.tb.Helper()
	d, err := diff.Parse([]byte(r.diffs))
	if err != nil {
		w.tb.Fatalf("%s: %v", r.diffs, err)
	}
	text := r.typ + " " + r.table + " " + r.object
	if r.discriminator != "" {
		text += " (" + r.discriminator + ")"
	}
	if d.Label != nil {
		text += " [" + *d.Label + "]"
	}
	if d.Soft {
		text += " soft"
	}
	if a := d.Association; a != nil {
		return fmt.Sprintf("%s.%s → %s %s", text, a.Subject.Field, a.Target.Entity, key(a.Target.Key))
	}
	for i, c := range d.Changes {
		if i == 0 {
			text += ":"
		}
		text += " " + c.Column + " " + bare(c.Old) + ">" + bare(c.New)
	}
	return text
}

func key(pairs []diff.Pair) string {
	values := make([]json.RawMessage, len(pairs))
	for i, p := range pairs {
		values[i] = p.Value
	}
	return annals.ObjectID(values...)
}

// bare is a value without its quotes, nothing for null, * for a masked one and
// # for one with a digest.
func bare(v json.RawMessage) string {
	switch {
	case string(v) == "null":
		return ""
	case string(v) == `{"masked":true}`:
		return "*"
	case diff.IsMasked(v):
		return "#"
	}
	return strings.Trim(string(v), `"`)
}

// count counts the rows of a table.
func (w *world) count(table string) (n int) {
	w.tb.Helper()
	err := w.sql.QueryRowContext(context.Background(), "SELECT COUNT(*) FROM "+w.quote(table)).Scan(&n)
	if err != nil {
		w.tb.Fatal(err)
	}
	return n
}

// comments are those of the revisions, in order.
func (w *world) comments() []string {
	w.tb.Helper()
	rows, err := w.sql.QueryContext(context.Background(),
		"SELECT COALESCE(comment, '-') FROM annals_revision ORDER BY id")
	if err != nil {
		w.tb.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var c string
		if err := rows.Scan(&c); err != nil {
			w.tb.Fatal(err)
		}
		all = append(all, c)
	}
	if err := rows.Err(); err != nil {
		w.tb.Fatal(err)
	}
	return all
}

// dump is everything in annals' own tables, as text.
func (w *world) dump(tables ...string) string {
	w.tb.Helper()
	text := ""
	for _, t := range tables {
		rows, err := w.sql.QueryContext(context.Background(), "SELECT * FROM "+w.quote(t))
		if err != nil {
			w.tb.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			w.tb.Fatal(err)
		}
		for rows.Next() {
			values, dest := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				dest[i] = &values[i]
			}
			if err := rows.Scan(dest...); err != nil {
				w.tb.Fatal(err)
			}
			for _, v := range values {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				text += fmt.Sprint(v, "|")
			}
		}
		if err := rows.Err(); err != nil {
			w.tb.Fatal(err)
		}
		_ = rows.Close()
	}
	return text
}

// ok fails the test on an error of GORM.
func ok(tb testing.TB, tx *gorm.DB) {
	tb.Helper()
	if tx.Error != nil {
		tb.Fatal(tx.Error)
	}
}
