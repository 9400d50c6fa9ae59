package stamps_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/schema"
)

// base is a database with tables that are audited, all of them.
type base struct {
	*testdb.DB
	t *testing.T
	d dialect.Dialect
	// change is applied to the configuration.
	change func(*auditor.Config)
}

func newBase(t *testing.T, db *testdb.DB, statements ...string) *base {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	b := &base{DB: db, t: t, d: d, change: func(*auditor.Config) {}}
	b.exec(statements...)
	return b
}

func (b *base) exec(statements ...string) {
	b.t.Helper()
	for _, s := range statements {
		if _, err := b.ExecContext(b.t.Context(), s); err != nil {
			b.t.Fatalf("%s: %v", s, err)
		}
	}
}

// stamped is a CREATE TABLE with stamps.
func (b *base) stamped(table string) string {
	at := map[string]string{
		dialect.PostgresName: "timestamptz", dialect.MySQLName: "datetime(6)",
		dialect.SQLiteName: "datetime",
	}[b.Dialect]
	return fmt.Sprintf("CREATE TABLE %s (id integer PRIMARY KEY, created_at %s, "+
		"created_by_id bigint, updated_at %s, updated_by_id bigint)",
		b.d.Table(annals.ParseTable(table)), at, at)
}

func (b *base) manager() *schema.Manager {
	b.t.Helper()
	cfg := auditor.Config{
		Sources:  map[string]auditor.Source{"app": {DB: b.DB.DB, Dialect: b.Dialect}},
		Entities: map[string]config.Entity{"*": {}},
	}
	b.change(&cfg)
	aud, err := auditor.New(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := aud.Schema(b.t.Context(), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

// planned returns the statements for stamps.
func (b *base) planned() (statements []schema.Statement) {
	b.t.Helper()
	plans, err := b.manager().Plan(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range plans {
		for _, s := range p.Statements {
			if s.Stamps {
				statements = append(statements, s)
			}
		}
	}
	return statements
}

// update applies everything; nothing is left to plan then.
func (b *base) update() {
	b.t.Helper()
	if _, err := b.manager().Update(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	plans, err := b.manager().Plan(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range plans {
		if !p.Empty() {
			b.t.Errorf("planned again:\n%s", p.SQL())
		}
	}
}

// indexes are the names of a table's indexes, without those of its keys.
func (b *base) indexes(table string) (names []string) {
	b.t.Helper()
	query := map[string]string{
		dialect.PostgresName: `SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = indexrelid
			WHERE indrelid = $1::regclass AND indisvalid AND NOT indisprimary ORDER BY 1`,
		dialect.MySQLName: `SELECT DISTINCT index_name FROM information_schema.statistics
			WHERE table_schema = DATABASE() AND table_name = ? AND index_name <> 'PRIMARY' ORDER BY 1`,
		dialect.SQLiteName: `SELECT name FROM pragma_index_list(?) WHERE origin = 'c' ORDER BY 1`,
	}[b.Dialect]
	name := table
	if b.Dialect == dialect.PostgresName {
		name = b.d.Quote(table)
	}
	rows, err := b.QueryContext(b.t.Context(), query, name)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			b.t.Fatal(err)
		}
		names = append(names, n)
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return names
}

func (b *base) mustHave(table string, want ...string) {
	b.t.Helper()
	if got := b.indexes(table); !slices.Equal(got, want) {
		b.t.Errorf("indexes of %s: %q, want %q", table, got, want)
	}
}

func TestIndexesAreMadeOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec(b.stamped("books"), b.stamped("Order"),
			"CREATE TABLE bare (id integer PRIMARY KEY, created_at integer, created_by_id integer)")
		planned := b.planned()
		if len(planned) != 4 {
			t.Fatalf("planned: %v", planned)
		}
		for _, s := range planned {
			apart := b.Dialect == dialect.PostgresName
			if s.Alone != apart || strings.Contains(s.SQL, " CONCURRENTLY ") != apart {
				t.Errorf("%s: alone is %t", s.SQL, s.Alone)
			}
			if s.Entity != "books" && s.Entity != "Order" {
				t.Errorf("%s is for %q", s.SQL, s.Entity)
			}
			if !strings.HasSuffix(s.SQL, " DESC)") {
				t.Errorf("%s is not descending", s.SQL)
			}
		}
		b.update()
		b.mustHave("books", "idx_books_audit_created", "idx_books_audit_updated")
		b.mustHave("Order", "idx_Order_audit_created", "idx_Order_audit_updated")
		b.mustHave("bare")
	})
}

// What does the same under another name is enough, in whatever direction.
func TestIndexesOfOthersServe(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec(b.stamped("books"),
			"CREATE INDEX mine ON books (created_by_id, created_at)",
			"CREATE INDEX other ON books (updated_by_id, updated_at DESC)")
		b.update()
		b.mustHave("books", "mine", "other")
	})
}

func TestIndexesThatDoNotServe(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec(b.stamped("books"),
			"CREATE INDEX idx_books_audit_created ON books (created_at, created_by_id)",
			"CREATE INDEX other ON books (updated_by_id)")
		b.update()
		names := b.indexes("books")
		if len(names) != 4 || !slices.Contains(names, "idx_books_audit_updated") {
			t.Errorf("indexes: %q", names)
		}
	})
}

func TestIndexesSwitchedOff(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec(b.stamped("books"))
		off := false
		b.change = func(c *auditor.Config) {
			c.Sources["app"] = auditor.Source{DB: db.DB, Dialect: db.Dialect, Stamps: &off}
		}
		b.update()
		b.mustHave("books")
	})
}

func TestLongNames(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		long := strings.Repeat("long_", 11)
		b.exec(b.stamped(long+"a"), b.stamped(long+"b"))
		b.update()
		for _, table := range []string{long + "a", long + "b"} {
			names := b.indexes(table)
			if len(names) != 2 {
				t.Errorf("indexes of %s: %q", table, names)
			}
			for _, n := range names {
				if most := b.d.Limits().Identifier; most > 0 && len(n) > most {
					t.Errorf("%s is too long", n)
				}
			}
		}
	})
}

// A table that is not audited is left alone.
func TestOnlyAuditedTables(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec(b.stamped("books"), b.stamped("others"))
		b.change = func(c *auditor.Config) { c.Entities = map[string]config.Entity{"books": {}} }
		b.update()
		b.mustHave("others")
	})
}

// A source whose entries are kept elsewhere has a plan of its own.
func TestSourceApart(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		other := testdb.New(t, db.Kind)
		b := newBase(t, db)
		b.exec(b.stamped("books"))
		b.change = func(c *auditor.Config) {
			c.Sources["app"] = auditor.Source{DB: db.DB, Dialect: db.Dialect, Delivery: "outbox"}
			c.Storages = map[string]auditor.Storage{"app": {DB: other.DB, Dialect: other.Dialect}}
		}
		plans, err := b.manager().Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(plans) != 2 || !plans[1].Source || plans[1].Storage != "app" ||
			len(plans[1].Statements) != 2 {
			t.Fatalf("plans: %+v", plans)
		}
		dir := t.TempDir()
		if _, err := b.manager().Export(plans, schema.FormatSQL, dir); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "source-app", "*.sql"))
		if err != nil || len(files) != 1 {
			t.Errorf("files: %v, %v", files, err)
		}
		m := b.manager()
		for _, p := range plans {
			if err := m.Apply(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		b.mustHave("books", "idx_books_audit_created", "idx_books_audit_updated")
		b.update()
	})
}

var stampIndex = regexp.MustCompile("idx_books_audit_(created|updated)[\"`]")

// In an export every index stands apart, with the mark that no transaction is wanted.
func TestExports(t *testing.T) {
	for format, mark := range map[schema.Format]string{
		schema.FormatGoose: "-- +goose NO TRANSACTION\n", schema.FormatAtlas: "-- atlas:txmode none\n",
		schema.FormatMigrate: "",
	} {
		t.Run(string(format), func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				b := newBase(t, db)
				b.exec(b.stamped("books"))
				plans, err := b.manager().Plan(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				files, err := b.manager().Export(plans, format, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				found := 0
				for _, f := range files {
					text, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					if n := len(stampIndex.FindAll(text, -1)); n > 0 {
						found += n
						if b.Dialect == dialect.PostgresName &&
							(n != 1 || !strings.HasPrefix(string(text), mark)) {
							t.Errorf("%s:\n%s", f, text)
						}
					}
				}
				if found != 2 {
					t.Errorf("%d indexes exported to %q", found, files)
				}
			})
		})
	}
}

// The newest ten by somebody are read from the index, among 50,000 rows.
func TestIndexesServe(t *testing.T) {
	const digits = "(SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL " +
		"SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 " +
		"UNION ALL SELECT 9)"
	const rows = "(SELECT a.n * 10000 + b.n * 1000 + c.n * 100 + d.n * 10 + e.n n FROM " + digits +
		" a, " + digits + " b, " + digits + " c, " + digits + " d, " + digits + " e WHERE a.n < 5) r"
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec(b.stamped("books"))
		b.update()
		at := map[string]string{
			dialect.PostgresName: "timestamptz '2026-01-01' + n * interval '1 second'",
			dialect.MySQLName:    "TIMESTAMPADD(SECOND, n, '2026-01-01')",
			dialect.SQLiteName:   "datetime('2026-01-01', n || ' seconds')",
		}[b.Dialect]
		b.exec(fmt.Sprintf("INSERT INTO books SELECT n, %s, n %% 100, %s, n %% 90 FROM %s", at, at, rows))
		var n int
		if err := b.QueryRow("SELECT COUNT(*) FROM books").Scan(&n); err != nil || n != 50000 {
			t.Fatalf("%d rows, %v", n, err)
		}
		b.exec(map[string]string{
			dialect.PostgresName: "ANALYZE books", dialect.MySQLName: "ANALYZE TABLE books",
			dialect.SQLiteName: "ANALYZE",
		}[b.Dialect])
		for _, what := range []string{"created", "updated"} {
			query := fmt.Sprintf("SELECT * FROM books WHERE %s_by_id = 7 ORDER BY %s_at DESC LIMIT 10",
				what, what)
			plan := b.explain(query)
			if !strings.Contains(plan, "idx_books_audit_"+what) {
				t.Errorf("%s is not served by the index:\n%s", query, plan)
			}
			for _, sorted := range []string{"Sort", "filesort", "TEMP B-TREE"} {
				if strings.Contains(plan, sorted) {
					t.Errorf("%s sorts:\n%s", query, plan)
				}
			}
			t.Log(plan)
		}
	})
}

// explain is how the database would run a query, as text.
func (b *base) explain(query string) string {
	b.t.Helper()
	verb := "EXPLAIN "
	if b.Dialect == dialect.SQLiteName {
		verb = "EXPLAIN QUERY PLAN "
	}
	rows, err := b.QueryContext(context.Background(), verb+query)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		b.t.Fatal(err)
	}
	var text strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			b.t.Fatal(err)
		}
		for _, v := range values {
			switch v := (*v.(*any)).(type) {
			case []byte:
				fmt.Fprintf(&text, "%s ", v)
			default:
				fmt.Fprintf(&text, "%v ", v)
			}
		}
		text.WriteByte('\n')
	}
	if err := rows.Err(); err != nil {
		b.t.Fatal(err)
	}
	return text.String()
}

func each(t *testing.T, name string, f func(t *testing.T, db *testdb.DB)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		if db.Dialect == name {
			f(t, db)
		}
	})
}

// A broken-off CREATE INDEX CONCURRENTLY leaves an index that serves nothing.
func TestInvalidIndexIsMended(t *testing.T) {
	each(t, dialect.PostgresName, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec(b.stamped("books"))
		b.update()
		b.exec("UPDATE pg_index SET indisvalid = false, indisready = false " +
			"WHERE indexrelid = 'idx_books_audit_created'::regclass")
		b.mustHave("books", "idx_books_audit_updated")
		planned := b.planned()
		if len(planned) != 1 || !planned[0].Alone ||
			!strings.HasPrefix(planned[0].SQL, "REINDEX INDEX CONCURRENTLY") {
			t.Errorf("planned: %v", planned)
		}
		b.update()
		b.mustHave("books", "idx_books_audit_created", "idx_books_audit_updated")
	})
}

func TestPartitionedTable(t *testing.T) {
	each(t, dialect.PostgresName, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec(b.stamped("books")+" PARTITION BY RANGE (id)",
			"CREATE TABLE books_1 PARTITION OF books FOR VALUES FROM (0) TO (1000)")
		b.update()
		b.mustHave("books", "idx_books_audit_created", "idx_books_audit_updated")
	})
}

// A text column cannot be in an index there.
func TestTextOnMySQL(t *testing.T) {
	each(t, dialect.MySQLName, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec("CREATE TABLE books (id int PRIMARY KEY, created_at datetime, created_by_id text, " +
			"updated_at datetime, updated_by_id varchar(36))")
		b.update()
		b.mustHave("books")
	})
}

func TestOtherSchema(t *testing.T) {
	each(t, dialect.PostgresName, func(t *testing.T, db *testdb.DB) {
		b := newBase(t, db)
		b.exec("CREATE SCHEMA shop", b.stamped("shop.books"))
		b.change = func(c *auditor.Config) {
			c.Entities = map[string]config.Entity{"book": {Table: "shop.books"}}
		}
		b.update()
		var n int
		err := b.QueryRow("SELECT count(*) FROM pg_indexes WHERE schemaname = 'shop' " +
			"AND indexname LIKE 'idx_books_audit_%ated'").Scan(&n)
		if err != nil || n != 2 {
			t.Errorf("%d indexes, %v", n, err)
		}
	})
}
