// Package dialect tests the dialects against real servers: which product and
// version they find, what their quoting holds, how they class real errors.
package dialect

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func detect(t *testing.T, db *testdb.DB) dialect.Dialect {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db.DB, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func run(t *testing.T, db dialect.Execer, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		if d.Name() != db.Dialect || d.Features().MariaDB != (db.Kind == "mariadb") {
			t.Errorf("%s: detected %s with %+v", db.Kind, d.Name(), d.Features())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := dialect.Detect(ctx, db.DB, db.Dialect)
		if !errors.Is(err, annals.ErrUnreachable) {
			t.Errorf("error %v, want ErrUnreachable", err)
		}
	})
}

// TestQuote: a quoted name is a name, whatever it holds; a name that is not
// there is an error and never a string.
func TestQuote(t *testing.T) {
	t.Parallel()
	names := []string{"select", `a"b`, "a`b", "a'b", "a]b", "a.b", "a b", "Ab", "ä\\", "?", "$1", ":x", "--"}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		for _, name := range names {
			table := d.Table(annals.Table{Name: name})
			run(t, db, "CREATE TABLE "+table+" ("+d.Quote(name)+" int)",
				"INSERT INTO "+table+" VALUES (1)")
			var n int
			query := "SELECT " + d.Quote(name) + " FROM " + table
			if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil || n != 1 {
				t.Errorf("%q: %d, %v", name, n, err)
			}
			var s string
			query = "SELECT " + d.Quote("missing") + " FROM " + table
			err := db.QueryRowContext(t.Context(), query).Scan(&s)
			if d.Classify(err) != dialect.ClassMissingColumn {
				t.Errorf("missing column: %q, %v", s, err)
			}
		}
		if db.Dialect == dialect.SQLiteName {
			return
		}
		limit := d.Limits().Identifier
		long := d.Quote(strings.Repeat("x", limit))
		run(t, db, "CREATE TABLE "+long+" ("+long+" int)")
	})
}

func TestClassify(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		run(t, db, "CREATE TABLE t (id int PRIMARY KEY, u int, s varchar(5))",
			"CREATE UNIQUE INDEX u ON t (u)", "INSERT INTO t VALUES (1, 1, 'x')")
		for name, c := range map[string]struct {
			statement string
			want      dialect.Class
		}{
			"primary key":           {"INSERT INTO t (id) VALUES (1)", dialect.ClassDuplicate},
			"unique key":            {"INSERT INTO t (id, u) VALUES (2, 1)", dialect.ClassDuplicate},
			"read missing table":    {"SELECT 1 FROM missing", dialect.ClassMissingTable},
			"write missing table":   {"INSERT INTO missing VALUES (1)", dialect.ClassMissingTable},
			"read missing column":   {"SELECT missing FROM t", dialect.ClassMissingColumn},
			"write missing column":  {"INSERT INTO t (missing) VALUES (1)", dialect.ClassMissingColumn},
			"update missing column": {"UPDATE t SET missing = 1", dialect.ClassMissingColumn},
			"syntax":                {"SELEC 1", dialect.ClassUnknown},
			"not null":              {"INSERT INTO t (id) VALUES (NULL)", dialect.ClassUnknown},
		} {
			_, err := db.ExecContext(t.Context(), c.statement)
			if db.Dialect == dialect.SQLiteName && name == "not null" {
				continue // SQLite takes it
			}
			if err == nil || d.Classify(err) != c.want {
				t.Errorf("%s: class %d, want %d: %v", name, d.Classify(err), c.want, err)
			}
		}
		if db.Dialect != dialect.SQLiteName {
			_, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (3, 3, 'too long')")
			if d.Classify(err) != dialect.ClassTooLarge {
				t.Errorf("too long: class %d: %v", d.Classify(err), err)
			}
		}
	})
}

// TestClassifyConnection: what goes wrong before there is a connection.
func TestClassifyConnection(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		if db.Dialect == dialect.SQLiteName {
			checkPing(t, d, "sqlite", t.TempDir()+"/no/such/folder/x.db", dialect.ClassUnreachable)
			return
		}
		u, err := url.Parse(db.DSN)
		if err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		database := strings.TrimPrefix(u.Path, "/")
		checkPing(t, d, db.DriverName, strings.Replace(db.DriverDSN, database, "missing", 1),
			dialect.ClassMissingDatabase)
		checkPing(t, d, db.DriverName, strings.Replace(db.DriverDSN, password, "wrong", 1),
			dialect.ClassAccess)
		checkPing(t, d, db.DriverName, strings.Replace(db.DriverDSN, ":"+u.Port(), ":1", 1),
			dialect.ClassUnreachable)
	})
}

func checkPing(t *testing.T, d dialect.Dialect, driver, dsn string, want dialect.Class) {
	t.Helper()
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pool.Close() }()
	if err := pool.PingContext(t.Context()); err == nil || d.Classify(err) != want {
		t.Errorf("class %d, want %d: %v", d.Classify(err), want, err)
	}
}

// TestClassifyLock: a row or database that another transaction holds.
func TestClassifyLock(t *testing.T) {
	t.Parallel()
	timeout := map[string]string{
		dialect.PostgresName: "SET lock_timeout = '20ms'",
		dialect.MySQLName:    "SET innodb_lock_wait_timeout = 1",
		dialect.SQLiteName:   "PRAGMA busy_timeout = 20",
	}
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		run(t, db, "CREATE TABLE t (id int PRIMARY KEY, v int)", "INSERT INTO t VALUES (1, 1)")
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		run(t, tx, "UPDATE t SET v = 2")
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		run(t, c, timeout[db.Dialect])
		_, err = c.ExecContext(t.Context(), "UPDATE t SET v = 3")
		if d.Classify(err) != dialect.ClassRetryable {
			t.Errorf("locked: class %d: %v", d.Classify(err), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		<-ctx.Done()
		_, err = c.ExecContext(ctx, "UPDATE t SET v = 3")
		if d.Classify(err) != dialect.ClassUnreachable {
			t.Errorf("deadline: class %d: %v", d.Classify(err), err)
		}
	})
}

// TestClassifyAccess: an account without rights.
func TestClassifyAccess(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := detect(t, db)
		run(t, db, "CREATE TABLE t (id int)")
		if db.Dialect == dialect.SQLiteName {
			_, err := db.ExecContext(t.Context(), "PRAGMA query_only = 1; INSERT INTO t VALUES (1)")
			if d.Classify(err) != dialect.ClassAccess {
				t.Errorf("class %d: %v", d.Classify(err), err)
			}
			return
		}
		admin := testdb.Superuser(t, db.Kind)
		user := "reader_" + strings.ToLower(db.DSN[strings.LastIndex(db.DSN, "annals_")+7:])[:12]
		create, drop := "CREATE ROLE "+user+" LOGIN PASSWORD 'secret'", "DROP ROLE "+user
		if db.Dialect == dialect.MySQLName {
			create, drop = "CREATE USER "+user+" IDENTIFIED BY 'secret'", "DROP USER "+user
			run(t, admin, create, "GRANT CREATE TEMPORARY TABLES ON *.* TO "+user)
		} else {
			run(t, admin, create)
		}
		t.Cleanup(func() {
			if _, err := admin.ExecContext(context.Background(), drop); err != nil {
				t.Error(err)
			}
		})
		_, err := db.OpenAs(t, user, "secret").ExecContext(t.Context(), "SELECT id FROM t")
		if d.Classify(err) != dialect.ClassAccess {
			t.Errorf("class %d: %v", d.Classify(err), err)
		}
	})
}
