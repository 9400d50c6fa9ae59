package testdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/internal/testdb/server"
)

// adminTimeout bounds the creation and the removal of one database.
const adminTimeout = time.Minute

// DB is one database of a test: empty, and nobody else's.
type DB struct {
	*sql.DB
	Kind       string // "postgres", "mariadb", "mysql", "sqlite"
	Dialect    string // "postgres", "mysql", "sqlite": the scheme of DSN
	DSN        string // postgres://…, mysql://…, sqlite:/path/file.db
	DriverName string // for sql.Open
	DriverDSN  string // for sql.Open
	Version    string // as the server tells it
}

// Main runs the tests of a package, stops the servers they started and exits.
func Main(m *testing.M) {
	code := m.Run()
	if err := Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		code = max(code, 1)
	}
	os.Exit(code) //nolint:revive // stands in for the exit of main that the tests have
}

// Kinds returns the databases the run has to cover. A wrong ANNALS_TEST_DATABASES gives none;
// Each fails on it.
func Kinds() []string {
	kinds, err := server.Asked()
	if err != nil {
		return nil
	}
	return kinds
}

// Each runs f as a parallel subtest, named by its kind, on a fresh database of every kind asked for.
func Each(t *testing.T, f func(t *testing.T, db *DB)) {
	t.Helper()
	kinds, err := server.Asked()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f(t, New(t, kind))
		})
	}
}

// New makes a database of the kind and drops it when the test ends.
func New(tb testing.TB, kind string) *DB {
	tb.Helper()
	var db *DB
	if kind == server.SQLite {
		db = newSQLite(tb)
	} else {
		db = newOnServer(tb, kind)
	}
	if err := db.QueryRowContext(tb.Context(), versionQuery[db.Dialect]).Scan(&db.Version); err != nil {
		tb.Fatalf("ask %s for its version: %v", kind, err)
	}
	if server.Keep() {
		tb.Logf("%s kept: %s", kind, db.DSN)
	}
	return db
}

// Superuser opens the server's administrative database with all rights: for roles, grants and
// CREATE DATABASE. Whatever the test makes outside its own database it removes itself.
func Superuser(tb testing.TB, kind string) *sql.DB {
	tb.Helper()
	s, err := serverOf(kind)
	if err != nil {
		tb.Fatal(err)
	}
	return open(tb, s.dsn)
}

// OpenAs connects to the same database as another user of the server.
func (db *DB) OpenAs(tb testing.TB, user, password string) *sql.DB {
	tb.Helper()
	if db.Kind == server.SQLite {
		tb.Fatal("SQLite has no users")
	}
	d, err := parseDSN(db.DSN)
	if err != nil {
		tb.Fatal(err)
	}
	return open(tb, d.as(user, password))
}

// open opens a pool that closes when the test ends.
func open(tb testing.TB, d dsn) *sql.DB {
	tb.Helper()
	db, err := sql.Open(d.driver(), d.driverDSN())
	if err != nil {
		tb.Fatalf("open %s: %v", d.dialect(), err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close %s: %v", d.dialect(), err)
		}
	})
	return db
}

var versionQuery = map[string]string{
	postgresDialect: "SELECT current_setting('server_version')",
	mysqlDialect:    "SELECT version()",
	server.SQLite:   "SELECT sqlite_version()",
}

// newSQLite does without flushes, like the servers: on a busy disk each would hold
// the one lock for writers, and a test would meet the end of its busy_timeout.
func newSQLite(tb testing.TB) *DB {
	tb.Helper()
	dir := tb.TempDir()
	if server.Keep() {
		var err error
		if dir, err = os.MkdirTemp("", "annals-sqlite-"); err != nil { //nolint:usetesting // kept on purpose
			tb.Fatalf("make folder for SQLite: %v", err)
		}
	}
	file := dir + "/test.db"
	db := &DB{
		Kind: server.SQLite, Dialect: server.SQLite, DSN: "sqlite:" + file, DriverName: "sqlite",
		DriverDSN: file + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)" +
			"&_pragma=synchronous(OFF)&_pragma=foreign_keys(1)",
	}
	var err error
	if db.DB, err = sql.Open(db.DriverName, db.DriverDSN); err != nil {
		tb.Fatalf("open SQLite: %v", err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close SQLite: %v", err)
		}
	})
	return db
}

func newOnServer(tb testing.TB, kind string) *DB {
	tb.Helper()
	s, err := serverOf(kind)
	if err != nil {
		tb.Fatal(err)
	}
	name := "annals_" + strings.ToLower(rand.Text())[:16]
	if err := s.create(tb.Context(), name); err != nil {
		tb.Fatalf("%s: %v", kind, err)
	}
	if !server.Keep() {
		tb.Cleanup(func() {
			// The test's own context is done by now.
			if err := s.drop(context.Background(), name); err != nil {
				tb.Errorf("%s: %v", kind, err)
			}
		})
	}
	d := s.dsn.database(name)
	return &DB{
		DB: open(tb, d), Kind: kind, Dialect: d.dialect(), DSN: d.String(),
		DriverName: d.driver(), DriverDSN: d.driverDSN(),
	}
}

// known reports whether a server of the kind can exist at all.
func known(kind string) bool {
	return slices.Contains([]string{server.Postgres, server.MariaDB, server.MySQL}, kind)
}
