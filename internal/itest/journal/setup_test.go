// Package journal_test tries capture by triggers on real databases.
package journal_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/track"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// scene is a database with a journal.
type scene struct {
	*testdb.DB
	t *testing.T
	d dialect.Dialect
	// schema is that of annals' tables, where the database has schemas.
	schema string
	rules  track.Rules
	lost   map[string]bool
	j      *journal.Journal
	// storage and contextRow are newRowScene's.
	storage    *sql.DB
	contextRow bool
}

// option changes a scene before its journal is made.
type option func(*scene)

// entity adds an entity, whose table has its name if none is given.
func entity(e annals.Entity) option {
	return func(s *scene) {
		e.Source = "app"
		if e.Table.IsZero() {
			e.Table = annals.Table{Name: e.Name}
		}
		s.rules.Entities = append(s.rules.Entities, e)
	}
}

func entities(names ...string) option {
	return func(s *scene) {
		for _, name := range names {
			entity(annals.Entity{Name: name})(s)
		}
	}
}

// lostRows asks for the rows that TRUNCATE of an entity's table removes.
func lostRows(name string) option { return func(s *scene) { s.lost[name] = true } }

// inSchema puts annals' tables into a schema of their own.
func inSchema(name string) option { return func(s *scene) { s.schema = name } }

// newScene makes the tables, the mirror and its journal; nothing is installed yet.
func newScene(t *testing.T, db *testdb.DB, ddl string, options ...option) *scene {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{DB: db, t: t, d: d, lost: map[string]bool{}, rules: track.Rules{Source: "app"}}
	for _, o := range options {
		o(s)
	}
	if ddl != "" {
		s.exec(ddl)
	}
	storage := db.DB
	if s.schema != "" {
		s.exec("CREATE SCHEMA " + d.Quote(s.schema))
		storage = open(t, db, s.schema)
	}
	s.renew(storage)
	s.mirror(storage)
	return s
}

// renew makes the journal of the scene's rules as they are now.
func (s *scene) renew(storage *sql.DB) {
	s.t.Helper()
	var err error
	s.j, err = journal.New(journal.Config{
		Source: "app", DB: s.DB.DB, Dialect: s.d, Registry: track.NewRegistry(s.d, s.rules),
		Storage: "mirror", StorageDB: storage,
		CopyTable: func(t *track.Table) annals.Table {
			return annals.Table{Name: layout.AuditTable(annals.Table{
				Name: strings.ReplaceAll(t.Live.Name.String(), ".", "_"),
			}, "", "_audit", s.d.Limits()).Name}
		},
		LostRows:   func(entity string) bool { return s.lost[entity] },
		ContextRow: s.contextRow,
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// open is another pool on the database whose search_path begins with a schema.
func open(t *testing.T, db *testdb.DB, schema string) *sql.DB {
	t.Helper()
	separator := "?"
	if strings.Contains(db.DriverDSN, "?") {
		separator = "&"
	}
	pool, err := sql.Open(db.DriverName, db.DriverDSN+separator+"search_path="+
		strings.ReplaceAll(url.QueryEscape(`"`+strings.ReplaceAll(schema, `"`, `""`)+`"`), "+", "%20"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

// mirror makes annals' tables and the copies, with their indexes.
func (s *scene) mirror(storage *sql.DB) {
	s.t.Helper()
	for _, table := range layout.MirrorOwn(s.d.Limits()) {
		s.create(storage, table)
	}
	if s.d.Features().Sequences {
		s.execOn(storage, "CREATE SEQUENCE "+s.d.Table(layout.Seq().Name))
	}
	shapes, err := s.j.Shapes(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range shapes {
		s.create(storage, c.Shape)
	}
}

func (s *scene) create(storage *sql.DB, table layout.Table) {
	s.t.Helper()
	var columns []string
	for _, c := range table.Columns {
		columns = append(columns, s.d.Quote(c.Name)+" "+s.columnType(c))
	}
	if s.d.Name() != dialect.SQLiteName || !table.Columns[0].Auto {
		columns = append(columns, "PRIMARY KEY ("+s.quoteAll(table.Key)+")")
	}
	s.execOn(storage, "CREATE TABLE "+s.d.Table(table.Name)+" ("+strings.Join(columns, ", ")+")")
	for _, i := range table.Indexes {
		unique := ""
		if i.Unique {
			unique = "UNIQUE "
		}
		s.execOn(storage, "CREATE "+unique+"INDEX "+s.d.Quote(i.Name)+" ON "+s.d.Table(table.Name)+
			" ("+s.quoteAll(i.Columns)+")")
	}
}

func (s *scene) quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = s.d.Quote(n)
	}
	return strings.Join(quoted, ", ")
}

// columnType is the type that the schema manager gives a column.
func (s *scene) columnType(c layout.Column) string {
	types := map[string][]string{ // by layout.Type
		dialect.PostgresName: {
			"bigint", "integer", "smallint", "boolean", `varchar(%d) COLLATE "C"`, `text COLLATE "C"`, "jsonb",
			"timestamptz(6)",
		},
		dialect.MySQLName: {
			"bigint", "int", "smallint", "tinyint(1)", "varchar(%d) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
			"longtext", "json", "datetime(6)",
		},
		dialect.SQLiteName: {
			"INTEGER", "INTEGER", "INTEGER", "INTEGER", "TEXT", "TEXT", "TEXT", "TEXT",
		},
	}
	if c.Type == layout.Raw {
		return c.SQL
	}
	typ := types[s.d.Name()][c.Type]
	if strings.Contains(typ, "%d") {
		typ = fmt.Sprintf(typ, c.Size)
	}
	if c.Auto {
		return map[string]string{
			dialect.PostgresName: "bigint GENERATED BY DEFAULT AS IDENTITY",
			dialect.MySQLName:    "bigint NOT NULL AUTO_INCREMENT",
			dialect.SQLiteName:   "INTEGER PRIMARY KEY AUTOINCREMENT",
		}[s.d.Name()]
	}
	if !c.Null {
		typ += " NOT NULL"
	}
	return typ
}

func (s *scene) exec(statements ...string) {
	s.t.Helper()
	s.execOn(s.DB.DB, statements...)
}

// execer is a pool, a connection or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (s *scene) execOn(q execer, statements ...string) {
	s.t.Helper()
	for _, st := range statements {
		if _, err := q.ExecContext(s.t.Context(), st); err != nil {
			s.t.Fatalf("%s: %v", st, err)
		}
	}
}

// sub is the scene of a subtest.
func (s *scene) sub(t *testing.T) *scene {
	other := *s
	other.t = t
	return &other
}

// install installs all triggers.
func (s *scene) install() {
	s.t.Helper()
	if err := s.j.Create(s.t.Context(), nil); err != nil {
		s.t.Fatal(err)
	}
}

// rows are the rows of a query, their values printed and joined by a space; null
// is "-".
func (s *scene) rows(query string, args ...any) []string {
	s.t.Helper()
	rows, err := s.QueryContext(s.t.Context(), query, args...)
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			s.t.Fatal(err)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			if texts[i] = v.String; !v.Valid {
				texts[i] = "-"
			}
		}
		out = append(out, strings.Join(texts, " "))
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *scene) count(query string, args ...any) int {
	s.t.Helper()
	n, err := strconv.Atoi(strings.Join(s.rows(query, args...), ""))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// own names one of annals' tables.
func (s *scene) own(name string) string {
	return s.d.Table(annals.Table{Schema: s.schema, Name: name})
}

// images are the rows of a copy in order: number of the receipt counted from 1,
// image, ordinal and the columns.
func (s *scene) images(table string, columns ...string) []string {
	s.t.Helper()
	quoted := ""
	for _, c := range columns {
		quoted += ", " + s.d.Quote(c)
	}
	return s.rows("SELECT DENSE_RANK() OVER (ORDER BY annals_revision_entity_id), annals_image, CASE WHEN annals_ordinal >= 1073741824 THEN 1 ELSE annals_ordinal END" +
		quoted + " FROM " + s.own(table+"_audit") + " ORDER BY annals_id")
}

// receipts are the firings: number of the revision counted from 1, entity, type and
// number of rows.
func (s *scene) receipts() []string {
	s.t.Helper()
	return s.rows("SELECT DENSE_RANK() OVER (ORDER BY revision), entity, type, entries FROM " +
		s.own(layout.RevisionEntityTable) + " ORDER BY id")
}

// same compares lists of rows.
func (s *scene) same(what string, got []string, want ...string) {
	s.t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
