package values

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestPostgresWithoutEncoding: a database in SQL_ASCII holds any bytes as text.
func TestPostgresWithoutEncoding(t *testing.T) {
	t.Parallel()
	if !slices.Contains(testdb.Kinds(), dialect.PostgresName) {
		return // no other database has such an encoding
	}
	db := testdb.New(t, dialect.PostgresName)
	admin := testdb.Superuser(t, db.Kind)
	name := "annals_ascii_" + strings.ToLower(rand.Text())[:12]
	run(t, admin, "CREATE DATABASE "+name+" ENCODING SQL_ASCII LC_COLLATE 'C' LC_CTYPE 'C'"+
		" TEMPLATE template0")
	t.Cleanup(func() {
		// The test's own context is done by now.
		_, err := admin.ExecContext(context.Background(), "DROP DATABASE "+name+" (FORCE)")
		if err != nil {
			t.Error(err)
		}
	})
	_, own, _ := strings.Cut(db.DriverDSN[strings.LastIndex(db.DriverDSN, "/"):], "/")
	database, _, _ := strings.Cut(own, "?")
	pool := openDSN(t, db.DriverName, strings.Replace(db.DriverDSN, "/"+database, "/"+name, 1))
	run(t, pool, `CREATE TABLE t (v text, a text[])`,
		`INSERT INTO t VALUES (convert_from('\x61ff62', 'SQL_ASCII'),
		 ARRAY[convert_from('\xc3a9', 'SQL_ASCII')])`)
	checkRow(t, pool, dialect.Postgres(), []string{`{"base64":"Yf9i"}`, `["é"]`})
}

// TestSQLiteUTF16: a database in UTF-16 gives the same values.
func TestSQLiteUTF16(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"UTF-16le", "UTF-16be"} {
		pool := openDSN(t, "sqlite", t.TempDir()+"/utf16.db?_pragma=encoding('"+encoding+"')")
		run(t, pool, "CREATE TABLE t (v TEXT, b BLOB, j JSON)",
			`INSERT INTO t VALUES ('Zoë 😀', x'c3a9', '{"b":"é","a":1}')`)
		var got string
		if err := pool.QueryRowContext(t.Context(), "PRAGMA encoding").Scan(&got); err != nil || got != encoding {
			t.Fatalf("encoding is %s, %v", got, err)
		}
		checkRow(t, pool, dialect.SQLite(), []string{`"Zoë 😀"`, `{"base64":"w6k="}`, `{"a":1,"b":"é"}`})
	}
}

// checkRow reads the only row of table t.
func checkRow(t *testing.T, q dialect.Queryer, d dialect.Dialect, want []string) {
	t.Helper()
	live, err := catalog.Load(t.Context(), q, d, annals.Table{Name: "t"})
	if err != nil {
		t.Fatal(err)
	}
	var exprs []string
	dest := make([]any, len(live.Columns))
	for i, c := range live.Columns {
		exprs = append(exprs, d.ReadExpr(c, d.Quote(c.Name)))
		dest[i] = new(any)
	}
	rows, err := q.QueryContext(t.Context(), "SELECT "+strings.Join(exprs, ", ")+" FROM t")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		t.Fatal("no row", rows.Err())
	}
	if err := rows.Scan(dest...); err != nil {
		t.Fatal(err)
	}
	for i, c := range live.Columns {
		got, err := d.Decode(c, *dest[i].(*any)) //nolint:forcetypeassert // made above
		if err != nil || string(got) != want[i] {
			t.Errorf("column %s: got %s, %v; want %s", c.Name, got, err, want[i])
		}
	}
}
